"""Looking at the trees of statements: what a node is, holds and stands for.

`names.py` and its parts ask these small questions of a tree while they give names their meaning.
"""

from typing import Any

from sqlglot import exp

from langchain_privacy.sql.guard.scope import MOST_BYTES


def fits(name: str) -> bool:
    """Tell whether every database keeps a name whole."""
    return len(name.encode()) <= MOST_BYTES


def quoted(name: str) -> Any:
    """Make an identifier that is written in quotes."""
    return exp.to_identifier(name, quoted=True)


def is_star(item: Any) -> bool:
    """Tell whether a part of a SELECT list is `*` or `t.*`."""
    return isinstance(item, exp.Star) or (
        isinstance(item, exp.Column) and isinstance(item.this, exp.Star)
    )


def digits_of(node: Any) -> str:
    """Return the digits of a whole number that is written out, else nothing."""
    written = node.name if isinstance(node, exp.Literal) and not node.is_string else ""
    return written if written.isdigit() else ""


def limit_of(query: Any) -> Any:
    """Return the number of a query's LIMIT or FETCH, or `None`."""
    part = query.args.get("limit")
    return None if part is None else part.args.get("expression") or part.args.get("count")


def places(keys: list[Any], select: Any) -> list[int]:
    """Return the output columns that resolved keys are, as far as they are some."""
    places = []
    for key in keys:
        if isinstance(key, exp.Literal):
            places += [int(key.name) - 1] if key.name.isdigit() else []
        else:
            equal = (i for i, output in enumerate(select.expressions) if output.this == key)
            place = next(equal, None)
            places += [] if place is None else [place]
    return places


def children_of(node: Any) -> list[Any]:
    """List the nodes right below a node, without names."""
    children: list[Any] = []
    for value in node.args.values():
        if isinstance(value, exp.Expr):
            if not isinstance(value, exp.Identifier):
                children.append(value)
        elif isinstance(value, list):
            children += [v for v in value if isinstance(v, exp.Expr)]
    return children
