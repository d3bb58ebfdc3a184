"""`langchain-privacy eval-sql` over a real server: figures, exit codes, and nothing on the wire."""

import json
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy.cli import main
from langchain_privacy.sql.accuracy import same_rows
from langchain_privacy.testing.model_server import OpenAIServer
from tests.unit_tests.sql.small import plan, sqlite_file

QUESTIONS = """question,query
옥수동의 거래는 몇 건이야?,SELECT COUNT(*) FROM trade WHERE district = '서울특별시 성동구 옥수동'
가장 비싼 거래는?,SELECT name FROM trade ORDER BY price DESC LIMIT 1
"""


def planner(request: dict[str, Any]) -> str:
    asked = request["messages"][1]["content"]
    if "비싼" in asked:
        return plan("SELECT name FROM trade ORDER BY price DESC, id LIMIT 1", single="x")
    if "옥수동" in asked:  # without privacy
        return plan("SELECT COUNT(*) AS n FROM trade WHERE district LIKE '%옥수동'", single="x")
    return plan("SELECT COUNT(*) AS n FROM trade WHERE district = :v1", single="x")


def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> tuple[int, bytes]:
    file = tmp_path / "questions.csv"
    file.write_text(QUESTIONS, encoding="utf-8")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with OpenAIServer(planner) as server:
        arguments = [
            "eval-sql", str(file), "--database", sqlite_file(tmp_path), "--model", "openai:x",
            "--base-url", server.base_url, "--format", "json", *more,
        ]  # fmt: skip
        return main(arguments), server.wire


@pytest.mark.parametrize("compare", [False, True])
def test_figures(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    compare: bool,
) -> None:
    code, wire = evaluate(tmp_path, monkeypatch, *(["--compare"] if compare else []))
    figures = json.loads(capsys.readouterr().out)
    assert (code, figures["questions"], figures["right"]) == (0, 2, 1.0)
    assert figures["wrong without a word"] == 0
    assert ("right without privacy" in figures) is compare
    hidden = json.dumps("옥수동")[1:-1].encode() not in wire and "옥수동".encode() not in wire
    assert hidden is not compare


def test_too_few_right_answers_are_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert evaluate(tmp_path, monkeypatch, "--least", "1.01")[0] == 1


@pytest.mark.parametrize(
    ("rows", "gold", "ordered", "same"),
    [
        ([(1, "a")], [("a", 1.0)], True, True),
        ([(1,), (2,)], [(2,), (1,)], False, True),
        ([(1,), (2,)], [(2,), (1,)], True, False),
        ([(1,)], [(1,), (1,)], False, False),
        ([(1,)], [(1, 2)], False, False),
        ([], [], True, True),
    ],
)
def test_same_rows(rows: list[Any], gold: list[Any], ordered: bool, same: bool) -> None:
    assert same_rows(rows, gold, ordered=ordered) is same
