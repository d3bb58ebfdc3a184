"""Every sentence of the command line has its Korean form, with the same fields."""

import ast
import io
import json
import re
import string
from argparse import SUPPRESS, ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy.cli import COMMANDS, doctor, made_parser, main
from langchain_privacy.detection.vocabulary.declared import KINDS
from langchain_privacy.locale import catalogue, said_again, say
from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "langchain_privacy"
FILES = [*sorted((PACKAGE / "cli").glob("*.py")), *sorted((PACKAGE / "demo").glob("*.py"))]
ABOUT = "a STAND-IN on loopback over HTTP: "
HANDED_OVER = [
    # What other modules hand over to be said: verdicts, kinds of numbers, the sides of the demo.
    *KINDS.values(),
    *(why for _, why in doctor._SAFE_FROM.values()),
    *(
        "answered",
        "abandoned",
        "right",
        "wrong",
        "rightly not found",
        "not found",
        "passed",
        "failed",
        "skipped",
    ),
    "a form of a public word",
    "Ollama on this machine",
    "the model of your OPENAI_API_KEY",
    "--local-only: nothing may cross",
]
ARGPARSE = [
    "usage: ",
    "positional arguments",
    "options",
    "show this help message and exit",
    "show program's version number and exit",
    "the following arguments are required: {0}",
    "invalid choice: {0} (choose from {1})",
    "unrecognized arguments: {0}",
    "expected one argument",
    "expected at least one argument",
    "invalid {0} value: {1}",
    "ambiguous option: {0} could match {1}",
]


def sentences() -> set[str]:
    found = {*HANDED_OVER, *ARGPARSE, *COMMANDS.values()}
    for file in FILES:
        tree = ast.parse(file.read_text("utf-8"))
        found |= set(raised(tree))
        if file.name != "ledger_report.py":  # which has a catalogue of its own for its page
            found |= set(said(tree))
    return found | set(helped(made_parser(COMMANDS)))


def said(tree: ast.AST) -> Iterator[str]:
    """Sentences that are given to `say` as they stand, or by a name that holds them."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if getattr(node.func, "id", "") == "say":
            yield from strings(node.args[0], tree)
        elif node.args and getattr(node.args[0], "id", "") == "say":  # map(say, heads)
            yield from strings(node.args[1], tree)


def strings(node: ast.AST, tree: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    elif isinstance(node, ast.Name):
        for value in values_of(node.id, tree):
            yield from strings(value, tree)
    elif isinstance(node, ast.Subscript):
        yield from strings(node.value, tree)
    elif isinstance(node, ast.Call):  # names.get(key, other), names.items()
        for part in (getattr(node.func, "value", None), *node.args[1:]):
            yield from strings(part, tree) if isinstance(part, ast.AST) else ()
    else:
        parts: list[ast.AST] = [*getattr(node, "elts", ()), *getattr(node, "values", ())]
        parts += [getattr(node, side) for side in ("body", "orelse") if hasattr(node, side)]
        parts += [node.value] if isinstance(node, ast.Starred) else []
        for part in parts:
            yield from strings(part, tree)


def values_of(name: str, tree: ast.AST) -> Iterator[ast.AST]:
    """What a file binds a name to: in an assignment or a loop."""
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        value: ast.AST | None = None
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign):
            targets, value = [node.target], node.value
        elif isinstance(node, ast.For | ast.comprehension):
            targets, value = [node.target], node.iter
        bound = [part for target in targets for part in getattr(target, "elts", [target])]
        if value is not None and name in {getattr(part, "id", "") for part in bound}:
            yield value


def raised(tree: ast.AST) -> Iterator[str]:
    """Messages of errors, with numbered fields for what differs."""
    for node in ast.walk(tree):
        value: ast.AST | None = None
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "msg":
            value = node.value
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            value = node.exc.args[0]
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value
        elif isinstance(value, ast.JoinedStr):
            numbers = iter(range(99))
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else f"{{{next(numbers)}}}"
                for part in value.values
            )


def helped(parser: ArgumentParser) -> Iterator[str]:
    yield from filter(None, (parser.description, parser.epilog))
    for action in parser._actions:
        if action.help and action.help != SUPPRESS:
            yield action.help
        if isinstance(action, _SubParsersAction):
            yield from (choice.help for choice in action._choices_actions if choice.help)
            for command in action.choices.values():
                yield from helped(command)


def test_every_sentence_has_its_korean_form() -> None:
    missing = sorted(sentences() - catalogue().keys())
    assert missing == [], json.dumps(missing, indent=1)


def test_the_catalogue_has_nothing_that_nobody_says() -> None:
    files = PACKAGE.rglob("*.py")
    errors = {one for file in files for one in raised(ast.parse(file.read_text("utf-8")))}
    stale = catalogue().keys() - sentences() - errors
    assert [one for one in stale if not one.startswith(("embedded llama.cpp", ABOUT))] == []


def fields(text: str) -> set[tuple[str, str]]:
    parsed = string.Formatter().parse(text)
    return {(name, spec or "") for _, name, spec, _ in parsed if name is not None}


def test_both_forms_have_the_same_fields_and_korean_words() -> None:
    for english, korean in catalogue().items():
        assert fields(english) == fields(korean), english
        assert re.findall(r"%\(\w+\)", english) == re.findall(r"%\(\w+\)", korean), english
        assert english.count("[/]") == korean.count("[/]"), english
        assert re.search("[가-힣]", korean), english
        assert "가장자리" not in korean


def test_nothing_is_printed_past_the_catalogue() -> None:
    """A word that stands in a call of `print` itself would stay English."""
    past = []
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and (
                getattr(node.func, "id", "") == "print"
                or getattr(node.func, "attr", "") in ("print", "add_column")
            ):
                past += [(file.name, word) for word in words_of(node)]
    assert past == []


def words_of(node: ast.AST) -> Iterator[str]:
    """Words of literals outside `say`; names of variables of the shell and markup are none."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("say", "getattr"):
        return
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "dumps":  # JSON
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        plain = re.sub(
            r"\[/?[a-z ]*\]|\bbold\b|[A-Z_]{4,}=|https?://|/v1|langchain-privacy:", " ", node.value
        )
        yield from re.findall(r"[A-Za-z]{3,}", plain)
    if isinstance(node, ast.Call):
        for argument in node.args:
            yield from words_of(argument)
        return
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FormattedValue) or child.format_spec is None:
            yield from words_of(child)


@pytest.fixture
def _korean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGCHAIN_PRIVACY_LANG", "ko")


def shown(*arguments: str) -> str:
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit):
        main(arguments)
    return out.getvalue()


@pytest.mark.usefixtures("_korean")
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_speaks_korean(command: str) -> None:
    text = shown(*command.split(), "--help")
    assert "사용법: langchain-privacy" in text
    assert "이 도움말을 보이고 끝납니다" in text
    assert "show this help" not in text


@pytest.mark.usefixtures("_korean")
def test_a_wrong_call_is_answered_in_korean(capsys: Any) -> None:
    with pytest.raises(SystemExit) as left:
        main(["ledger", "show", "--last", "many"])
    assert left.value.code == 2
    assert "오류: 인자 --last: 올바른 int 값이 아닙니다: 'many'" in capsys.readouterr().err


@pytest.mark.usefixtures("_korean")
def test_an_error_and_what_it_means_are_korean(tmp_path: Path, capsys: Any) -> None:
    assert main(["ledger", "verify", str(tmp_path / "none.sqlite")]) == 1
    said, where = capsys.readouterr().err.splitlines()
    assert said.startswith(f"langchain-privacy: {tmp_path / 'none.sqlite'}에 장부가 없습니다")
    assert "docs/ko/troubleshooting.md" in where


@pytest.mark.usefixtures("_korean")
def test_results_are_korean(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "note.txt").write_text("write to jane@example.org")
    assert main(["scan", str(tmp_path)]) == 1
    assert "파일 1개 가운데 1개에서 비공개 값 1개" in capsys.readouterr().err


def test_a_sentence_that_is_missing_is_said_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGCHAIN_PRIVACY_LANG", "ko")
    assert say("No such {what} is known.", what="sentence") == "No such sentence is known."
    assert said_again("No such sentence is known.") == "No such sentence is known."


@pytest.mark.parametrize(
    ("message", "korean"),
    [
        ("binary", "바이너리 파일"),
        ("the report cannot be written (OSError): a", "보고서를 쓸 수 없습니다(OSError): a"),
        ("there is no file or folder a b/c: d", "a b/c: d: 그런 파일이나 폴더가 없습니다"),
        ("a sentence nobody knows cannot be read", "a sentence nobody knows cannot be read"),
        ("x{0} cannot be read", "x{0}: 읽을 수 없습니다"),
    ],
    ids=["plain", "fields", "spaces", "unknown", "braces"],
)  # fmt: skip
@pytest.mark.usefixtures("_korean")
def test_a_message_is_found_by_its_words(message: str, korean: str) -> None:
    assert said_again(message) == korean
