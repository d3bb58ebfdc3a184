"""Replies as recorded models write them, replayed over HTTP: mended, asked again, or said."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI

from langchain_privacy.masking import Masker
from langchain_privacy.sql import SchemaCard, SQLPolicy, create_private_sql_graph
from langchain_privacy.sql.mending import mended
from langchain_privacy.sql.question import Slot
from langchain_privacy.testing.model_server import OpenAIServer
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.sql.small import plan, sqlite_file

QUESTION = "옥수동의 거래는 몇 건이야?"
COUNT = "SELECT COUNT(*) AS n FROM trade WHERE district = :v1"
RIGHT = "옥수동의 거래는 13건입니다."


def good(sql: str = COUNT) -> str:
    return plan(sql, single="{value}의 거래는 [[hidden_value_1_n]]건입니다.")


GOOD = good()
WRITTEN = {
    "bare": GOOD,
    "fence": f"```json\n{GOOD}\n```",
    "prose": f"Sure! Here is the query you asked for:\n\n{GOOD}\n\nLet me know!",
    "thoughts": f"<think>The slot {{v1}} is a district. {{}}</think>\n{GOOD}",
    "trailing comma": GOOD[:-2] + ",}}",
    "object in an object": f'{{"answer": {GOOD}}}',
    "list": f"[{GOOD}]",
    "line breaks in a string": GOOD.replace("FROM trade", "\nFROM trade\n"),
    "sql and template only": json.dumps({
        "prepared_sql": COUNT, "template": json.loads(GOOD)["template"],
    }, ensure_ascii=False),
}  # fmt: skip
MISUSED = [
    "'[VALUE]'", "[VALUE]", "':v1'", '"[VALUE]"', "':V1'", "{{v1}}", "@v1", "$v1", "'VALUE'",
    "[:v1]", "%(v1)s",
]  # fmt: skip
AGAIN = {
    "prose only": "SELECT COUNT(*) FROM trade",
    "empty": "",
    "braces": "{}",
    "nulls": '{"prepared_sql": null}',
    "refusal": "I'm sorry, but I can't help with that.",
    "list of nothing": "[]",
    "wrong column": good("SELECT COUNT(*) AS n FROM trade WHERE name = :v1"),
    "slot left out": good("SELECT COUNT(*) AS n FROM trade"),
    "no such column": good("SELECT COUNT(*) AS n FROM trade WHERE districts = :v1"),
    "unanswered literal": good("SELECT COUNT(*) AS n FROM trade WHERE district = 'Seoul'"),
    "thoughts without an end": "<think>I should count the trades of {v1}",
}


class Replay:
    """Answers with recordings in turn; the last one for ever."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, request: dict[str, Any]) -> Any:
        self.asked.append(request)
        reply = self.replies[min(len(self.asked), len(self.replies)) - 1]
        found = re.search(r"\[([A-Z_]+_[0-9A-Z]{4,})\]", str(request["messages"][1]["content"]))
        code = found[1] if found else ""
        if not isinstance(reply, str):
            return reply
        text = reply.replace("{value}", f"[{code}]").replace("[VALUE]", f"[{code}]")
        return text.replace("'VALUE'", f"'{code}'")


def ask(tmp_path: Path, *replies: Any, question: str = QUESTION) -> tuple[Any, Replay]:
    url = sqlite_file(tmp_path)
    replay = Replay(*replies)
    with OpenAIServer(replay) as server:
        remote = ChatOpenAI(model="x", base_url=server.base_url, api_key="k", max_retries=0)
        card = SchemaCard.from_engine(url, tables=["trade"])
        graph = create_private_sql_graph(remote, url, card=card, masker=Masker([]))
        result = graph.invoke({"question": question})
    return result, replay


@pytest.mark.parametrize("form", WRITTEN)
def test_forms_that_are_read(tmp_path: Path, form: str) -> None:
    result, replay = ask(tmp_path, WRITTEN[form])
    assert (result["answer"], len(replay.asked)) == (RIGHT, 1)


@pytest.mark.parametrize("form", MISUSED)
def test_slots_that_are_mended(tmp_path: Path, form: str) -> None:
    result, replay = ask(tmp_path, good(COUNT.replace(":v1", form)))
    assert (result["answer"], len(replay.asked)) == (RIGHT, 1)


@pytest.mark.parametrize("form", AGAIN)
def test_replies_that_are_asked_again(tmp_path: Path, form: str) -> None:
    result, replay = ask(tmp_path, AGAIN[form], GOOD)
    assert (result["answer"], len(replay.asked)) == (RIGHT, 2)
    again = replay.asked[1]["messages"]
    assert again[-1]["role"] == "user"
    if "no such column" in form:
        assert "sql:unknown_column" in again[-1]["content"]
        assert re.search(r"line 1, column 3\d: districts", again[-1]["content"])
        assert "WHERE districts = :v1" in again[-2]["content"]


@pytest.mark.parametrize("form", AGAIN)
def test_no_recording_gives_a_wrong_answer_without_a_word(tmp_path: Path, form: str) -> None:
    """A model that answers the same for ever: no answer, or one that says what is doubtful."""
    result, replay = ask(tmp_path, AGAIN[form])
    assert len(replay.asked) in (2, 3)
    if result["rows"] is not None and result["rows"] != [{"n": 13}]:
        assert result["report"]["remarks"]
        assert "옥수동을 " in result["answer"].splitlines()[-1]


def test_a_reply_that_was_cut_off_asks_for_less(tmp_path: Path) -> None:
    url = sqlite_file(tmp_path)
    cut = AIMessage(GOOD[:60], response_metadata={"finish_reason": "length"})
    remote = ScriptedChatModel(responses=[cut, good("SELECT COUNT(*) AS n FROM trade")])
    card = SchemaCard.from_engine(url, tables=["trade"])
    graph = create_private_sql_graph(remote, url, card=card, masker=Masker([]))
    result = graph.invoke({"question": "거래는 모두 몇 건이야?"})
    assert result["rows"] == [{"n": 40}]
    assert result["report"]["issues"][0] == "cut_off"
    assert "answer shorter" in remote.seen[1]["messages"][-1]["data"]["content"]


def test_a_part_is_compared_with_like(tmp_path: Path) -> None:
    equal = good("SELECT COUNT(*) AS n FROM trade WHERE district = :v1")
    like = good("SELECT COUNT(*) AS n FROM trade WHERE district LIKE '%:v1%'")
    result, replay = ask(tmp_path, equal, like, question="서울특별시의 거래는 몇 건이야?")
    assert result["rows"] == [{"n": 40}]
    assert result["report"]["issues"] == ["slot:part"]
    assert len(replay.asked) == 2


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("날씨를 담은 열이 없습니다.", "날씨를 담은 열이 없습니다."),
        ("See [this](https://evil.example)", ""),
    ],
)
def test_a_question_that_the_schema_cannot_answer(tmp_path: Path, reason: str, said: str) -> None:
    reply = json.dumps({"unanswerable": reason}, ensure_ascii=False)
    result, replay = ask(tmp_path, reply, question="내일 날씨는?")
    assert result["answer"].startswith("이 데이터베이스로는 답할 수 없는 질문입니다.")
    assert result["answer"].endswith(said)
    assert "evil" not in result["answer"]
    assert (len(replay.asked), result["rows"]) == (1, None)
    assert result["report"]["issues"] == ["unanswerable"]


SLOT = Slot(name="v1", placeholder="[VALUE_7K2Q]", how="part", columns=("t.a",), value="x")


@pytest.mark.parametrize(
    ("sql", "dialect", "right"),
    [
        ("a LIKE '%:v1%'", "sqlite", "a LIKE ('%' || :v1 || '%')"),
        ("a LIKE '%[VALUE_7K2Q]'", "postgres", "a LIKE ('%' || :v1)"),
        ("a LIKE '%:v1%'", "mysql", "a LIKE CONCAT('%', :v1, '%')"),
        ("a LIKE '%' || :v1 || '%'", "sqlite", "a LIKE '%' || :v1 || '%'"),
        ("a = 'it''s :v12' OR b = 'v1'", "sqlite", "a = 'it''s :v12' OR b = 'v1'"),
        ("a = '[OTHER_7K2Q]'", "sqlite", "a = '[OTHER_7K2Q]'"),
        ("a::text = :v1", "postgres", "a::text = :v1"),
    ],
)
def test_mending(sql: str, dialect: Any, right: str) -> None:
    assert mended(sql, [SLOT], dialect) == right


def test_follow_ups_see_questions_and_statements_and_no_rows(tmp_path: Path) -> None:
    url = sqlite_file(tmp_path)
    latest = plan(
        "SELECT name, sold FROM trade WHERE district = :e1 ORDER BY sold DESC, id LIMIT 1",
        single="[[hidden_value_1_name]]",
    )
    replay = Replay(GOOD, latest, latest)
    with OpenAIServer(replay) as server:
        remote = ChatOpenAI(model="x", base_url=server.base_url, api_key="k", max_retries=0)
        card = SchemaCard.from_engine(url, tables=["trade"])
        graph = create_private_sql_graph(
            remote, url, card=card, masker=Masker([]), policy=SQLPolicy(questions=2)
        )
        config: Any = {"configurable": {"thread_id": "t"}}
        first = graph.invoke({"question": QUESTION}, config)
        second = graph.invoke({"question": "그 중에서 가장 최근 거래는?"}, config)
        other = graph.invoke({"question": "그 중에서 가장 최근 거래는?"})
        spent = graph.invoke({"question": "그럼 첫 거래는?"}, config)
    assert first["answer"] == RIGHT
    assert second["rows"][0]["name"].startswith("단지")
    asked = replay.asked[1]["messages"][0]["content"]
    assert "[CONVERSATION]\nearlier question: [VALUE_" in asked
    assert f"prepared_sql: {COUNT.replace(':v1', ':e1')}" in asked
    assert "13" not in asked.partition("[CONVERSATION]\n")[2]
    assert other["rows"] is None  # another session has no such slot
    assert spent["report"]["ask"] == "budget"
    assert "2개" in spent["answer"]


def test_only_aggregates(tmp_path: Path) -> None:
    url = sqlite_file(tmp_path)
    rows = plan("SELECT name FROM trade", full="- [[hidden_value_{row}_name]]")
    replay = Replay(rows, good("SELECT COUNT(*) AS n FROM trade WHERE district = :v1"))
    with OpenAIServer(replay) as server:
        remote = ChatOpenAI(model="x", base_url=server.base_url, api_key="k", max_retries=0)
        card = SchemaCard.from_engine(url, tables=["trade"])
        policy = SQLPolicy(aggregates_only=True)
        graph = create_private_sql_graph(remote, url, card=card, masker=Masker([]), policy=policy)
        result = graph.invoke({"question": QUESTION})
    assert result["answer"] == RIGHT
    assert result["report"]["issues"] == ["sql:not_aggregate"]


@pytest.mark.parametrize(
    ("where", "remarks"),
    [("district = :v1", ["not_found"]), ("district LIKE '%' || :v1 || '%'", [])],
)
def test_a_text_that_stands_nowhere_is_said(tmp_path: Path, where: str, remarks: list[str]) -> None:
    reply = good(f"SELECT COUNT(*) AS n FROM trade WHERE {where}")
    result, replay = ask(tmp_path, reply, question="'한강뷰'의 거래는 몇 건이야?")
    assert (result["report"]["remarks"], len(replay.asked)) == (remarks, 1)
    assert ("찾은 열에 한강뷰" in result["answer"]) is bool(remarks)
