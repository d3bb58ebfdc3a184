"""The messages of errors as the package's source writes them, with `{0}` for what differs.

    for message, file in raised().items():
        ...

A message is the first argument of what is called `…Error`, the reason of a check or a refusal, or
what is assigned to a name that one of them is given.
"""

import ast
import builtins
from collections.abc import Iterator

from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "langchain_privacy"
_REASONS = {
    "require": 2,
    "require_listed": 3,
    "require_bound": 3,
    "refuse": 1,
    "_problem": 2,
    "skip": 1,
}
"""Which argument of a call says why, for calls that raise what they are told."""
_NOT_SAID = {"PydanticCustomError", "RefusedError", "_NotReadError"}
"""Made for a program: a validator, the gateway's clients, `scan`, which says it itself."""


def raised() -> dict[str, str]:
    """Return each message and the file that raises it, the first of several."""
    found: dict[str, str] = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        for message in _raised(tree):
            if any(letter.isalpha() for letter in message):
                found.setdefault(message, file.relative_to(PACKAGE).as_posix())
    return found


def written() -> set[str]:
    """Return every text of the source, whatever it is for."""
    return {
        text
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        for text in _texts(node)
    }


def _raised(tree: ast.Module) -> Iterator[str]:
    nodes = list(ast.walk(tree))
    bound: dict[str, list[ast.expr]] = {}
    for node in nodes:
        for target in node.targets if isinstance(node, ast.Assign) else []:
            if isinstance(target, ast.Name):
                bound.setdefault(target.id, []).append(node.value)  # type: ignore[attr-defined]
    for node in nodes:
        why = _why(node) if isinstance(node, ast.Call) else None
        for said in bound.pop(why.id, []) if isinstance(why, ast.Name) else [why]:
            yield from _texts(said) if said is not None else ()


def _why(call: ast.Call) -> ast.expr | None:
    name = getattr(call.func, "id", "") or getattr(call.func, "attr", "")
    ours = name.endswith("Error") and not hasattr(builtins, name) and name not in _NOT_SAID
    at = 0 if ours else _REASONS.get(name)
    return None if at is None or len(call.args) <= at else call.args[at]


def _texts(node: ast.AST) -> Iterator[str]:
    """Yield what an expression may say: both sides of a choice, a sum as one."""
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif (text := _template(node, [0])) is not None:
        yield text


def _template(node: ast.AST, fields: list[int]) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else _next(fields)
            for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [_template(side, fields) or _next(fields) for side in (node.left, node.right)]
        return "".join(sides)
    return None


def _next(fields: list[int]) -> str:
    fields[0] += 1
    return f"{{{fields[0] - 1}}}"
