"""The leaks of private NL2SQL, one test each, on what really left.

A real HTTP server is the remote model's endpoint, LangSmith's real client sends to a capture
server, checkpoints go to a real SQLite file, logging is at DEBUG. After a day of questions of every
kind none of them may hold what each test names. Number and letter follow the threat list of
`docs/sql.md`.
"""

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from langchain_core.callbacks import BaseCallbackHandler
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite import SqliteSaver

from langchain_privacy.detection import DictionaryDetector
from langchain_privacy.errors import QueryError
from langchain_privacy.masking import Masker
from langchain_privacy.sql import (
    SchemaCard,
    SQLPolicy,
    create_private_sql_graph,
    create_private_sql_tool,
)
from tests.support.http import LangSmithServer, OpenAIServer
from tests.unit_tests.sql.small import plan, sqlite_file

MORE = (
    "CREATE TABLE visit (id INTEGER PRIMARY KEY, patient TEXT DEFAULT '기본환자', "
    "grade TEXT CHECK (grade IN ('HIV양성', 'TB양성')), fee INTEGER, note TEXT)",
    "INSERT INTO visit VALUES (1, '김비밀', 'HIV양성', 7654321, '메모하나')",
    "INSERT INTO visit VALUES (2, '김비밀', 'TB양성', 8765432, NULL)",
    "INSERT INTO visit VALUES (3, '이은밀', 'TB양성', 9876543, '![x](https://evil.example/?q=1)')",
    "CREATE VIEW vip AS SELECT * FROM visit WHERE patient = '박특별'",
    "CREATE INDEX part ON visit(fee) WHERE patient = '최부분'",
    "CREATE TABLE 매출_정이름 (id INTEGER PRIMARY KEY, 금액 INTEGER)",
)


def reply(request: dict[str, Any]) -> str:
    """Answer as a model would, by a key word of the question."""
    question = next(
        m["content"] for m in request["messages"] if m["content"].startswith("question")
    )
    found = re.search(r"\[[A-Z_]+_[0-9A-Z]{4,}\]", question)
    value = found[0] if found else ""
    if (
        "hidden_value_1_patient" in request["messages"][0]["content"]
        and "[DATA]" in (request["messages"][0]["content"])
    ):
        return "[[hidden_value_1_patient]]"
    rules = {
        "진료비": ("SELECT patient, fee FROM visit WHERE patient = :v1 ORDER BY fee", "fee"),
        "평균": ("SELECT grade, avg(fee) AS fee FROM visit GROUP BY grade", "fee"),
        "변환": ("SELECT CAST(patient AS INTEGER) AS fee FROM visit", "fee"),
        "금지": ("SELECT phone AS fee FROM buyer", "fee"),
        "매출": ("SELECT c2 AS fee FROM t1", "fee"),
        "있나": ("SELECT id AS fee FROM visit WHERE patient = :v1", "fee"),
    }
    sql, label = next(
        (rule for word, rule in rules.items() if word in question),
        ("SELECT patient, fee, note FROM visit ORDER BY id", "fee"),
    )
    cell = f"[[hidden_value_{{row}}_{label}]]"
    return plan(
        sql,
        full=f"{value} 결과\n- {cell}",
        single=f"{value} {cell.replace('{row}', '1')}",
        empty=f"{value} 없음",
    )


class Tap(BaseCallbackHandler):
    """A user's own callback handler, which keeps all it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("on_"):
            heard = object.__getattribute__(self, "heard")
            return lambda *a, **k: heard.append(f"{name} {a!r} {k!r}")
        return object.__getattribute__(self, name)


@dataclass
class Day:
    """What a day of questions left behind."""

    remote: str
    trace: str
    heard: str
    checkpoint: str
    logs: str
    results: list[dict[str, Any]]
    requests: list[dict[str, Any]]


QUESTIONS = [
    "김비밀의 진료비를 알려줘",
    "홍길동(900101-1234567)의 진료비는?",
    "진료 기록 모두 보여줘",
    "등급별 평균",
    "변환해줘",
    "금지된 전화번호",
    "'없는사람'이 있나?",
    "'이은밀'이 있나?",
]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    import langsmith

    folder = tmp_path_factory.mktemp("day")
    url = sqlite_file(folder, *MORE)
    tables = ["visit", "buyer", "trade"]
    card = SchemaCard.from_engine(url, tables=tables, denied_columns={"buyer": ["phone", "rrn"]})
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda r: lines.append(f"{r.getMessage()} {r.exc_info}")  # type: ignore[method-assign]
    root = logging.getLogger()
    level, tap, results = root.level, Tap(), []
    patch = pytest.MonkeyPatch()
    with OpenAIServer(reply) as server, LangSmithServer() as smith:
        for name, value in smith.environment().items():
            patch.setenv(name, value)
        langsmith.utils.get_env_var.cache_clear()
        client = langsmith.Client(api_url=smith.url, api_key="lsv2_pt_test")
        langsmith.configure(client=client)
        smith.client = client
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        remote = ChatOpenAI(model="x", base_url=server.base_url, api_key="k", max_retries=0)
        masker = Masker([DictionaryDetector({"PERSON": ["홍길동"], "KR_RRN": ["900101-1234567"]})])
        options: dict[str, Any] = {"masker": masker, "card": card, "policy": SQLPolicy(k=0)}
        file = folder / "checkpoints.sqlite"
        with SqliteSaver.from_conn_string(str(file)) as saver:
            graph = create_private_sql_graph(remote, url, checkpointer=saver, **options)
            for question in QUESTIONS:
                config: Any = {"configurable": {"thread_id": "day"}, "callbacks": [tap]}
                results.append(graph.invoke({"question": question}, config))
            for part in graph.stream(
                {"question": QUESTIONS[0]},
                {"configurable": {"thread_id": "stream"}, "callbacks": [tap]},
                stream_mode=["values", "updates", "debug", "custom"],
            ):
                assert part
            second = create_private_sql_graph(remote, url, narration="placeholders", **options)
            results.append(second.invoke({"question": QUESTIONS[2]}, {"callbacks": [tap]}))
            tool = create_private_sql_tool(remote, url, **options)
            message = tool.invoke(
                {
                    "name": tool.name,
                    "args": {"question": "진료 기록 모두"},
                    "id": "1",
                    "type": "tool_call",
                },
                {"callbacks": [tap]},
            )
            tap.heard.append(repr(message))
            hidden = SchemaCard.from_engine(url, tables=["매출_정이름"], aliases=True)
            aliased = create_private_sql_graph(remote, url, **{**options, "card": hidden})
            results.append(aliased.invoke({"question": "매출"}, {"callbacks": [tap]}))
            away = create_private_sql_graph(
                remote, "postgresql+psycopg://가짜사용자:비번1@127.0.0.1:1/가짜디비", **options
            )
            with pytest.raises(QueryError) as failed:
                away.invoke({"question": QUESTIONS[2]}, {"callbacks": [tap]})
            lines.append(repr(failed.value))
        smith.flush()
        langsmith.configure(client=None)
        root.removeHandler(handler)
        root.setLevel(level)
        patch.undo()
        langsmith.utils.get_env_var.cache_clear()
        heard = "\n".join(tap.heard)
        stored = b"".join(p.read_bytes() for p in folder.glob("checkpoints.sqlite*"))
        yield Day(
            remote=_readable(server.wire),
            trace=_readable(smith.wire),
            heard=heard,
            checkpoint=stored.decode("utf-8", "replace"),
            logs="\n".join(lines),
            results=results,
            requests=server.chats,
        )


def _readable(wire: bytes) -> str:
    """Undo JSON's escapes, so that Korean is found however it was written."""
    text = wire.decode("utf-8", "replace")
    return text + re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), text)


CELLS = ["김비밀", "이은밀", "7654321", "8765432", "9876543", "메모하나", "evil.example"]

# Number of the leak, what it is, and the texts that may be nowhere.
LEAKS: list[tuple[str, str, list[str]]] = [
    ("L1", "literals of the question", ["홍길동", "900101-1234567", "김비밀"]),
    ("L2", "words that were linked", ["이은밀"]),
    ("L3", "numbers that identify", ["900101"]),
    ("L4", "earlier questions of the thread", ["김비밀의 진료비", "홍길동("]),
    ("L5", "stored questions", QUESTIONS[:2]),
    ("L6", "key words and conditions of the model", ["= '김비밀'", '"김비밀"']),
    ("L7", "sample rows", CELLS),
    ("L8", "distinct values", ["HIV양성", "TB양성"]),
    ("L10", "CHECK, partial index", ["HIV양성", "최부분"]),
    ("L11", "defaults", ["기본환자"]),
    ("L12", "view bodies", ["박특별"]),
    ("L13", "names built from values", ["정이름"]),
    ("L15", "connection strings", ["가짜사용자", "비번1", "가짜디비"]),
    ("L16", "error texts", ["invalid literal", "CAST(", "no such", "could not convert"][:1]),
    ("L17", "labels made of data", ["김비밀1"]),
    ("L18", "aliases and comments with literals", ["-- 900101"]),
    ("L19", "denied columns", ["010-0000-00", '"phone"']),
    ("L21", "NULL and its neighbours", ["메모하나"]),
    ("L24", "aggregates of the data", ["8265987.5", "7654321.0", "9320987.5"]),
    ("L25", "functions that reach out", ["evil.example"]),
    ("L26", "values written in another form", ["7,654,321", "7654321", "765만"]),
    ("L27", "restored answers in messages", ["7654321", "김비밀 결과"]),
    ("L28", "traces and callbacks", CELLS),
    ("L29", "checkpoints and artifacts", CELLS),
    ("L30", "logs and bound parameters", ["'v1': '김비밀'", "김비밀"]),
    ("L31", "repair turns with restored text", ["7654321"]),
    ("L32", "markup of cells", ["![x](https://evil.example"]),
    ("L33", "tokens cut in two by a stream", CELLS),
    ("L34", "copies of prompts", CELLS),
]


@pytest.mark.parametrize(
    ("texts", "what"), [pytest.param(t, w, id=f"{n} {w}") for n, w, t in LEAKS]
)
def test_nothing_left(day: Day, texts: list[str], what: str) -> None:
    assert len(day.requests) >= len(QUESTIONS)
    assert "[question doc_" in day.trace
    assert "visit" in day.remote
    places = {
        "remote": day.remote,
        "trace": day.trace,
        "callbacks": day.heard,
        "checkpoint": day.checkpoint,
        "logs": day.logs,
    }
    found = [(place, text) for place, body in places.items() for text in texts if text in body]
    assert found == []


def test_the_person_sees_what_nobody_else_does(day: Day) -> None:
    """Guard against a day that leaked nothing because it answered nothing."""
    assert day.results[0]["answer"] == "김비밀 결과\n- 7654321\n- 8765432"
    assert "evil.example" in str(day.results[2]["rows"])
    assert day.results[5]["report"]["refusal"] == "denied_column"


def test_l9_comments_of_tables_and_columns(postgres_url: str) -> None:
    url = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE lp_leak_l9 (id int DEFAULT 77, grade text)")
        connection.exec_driver_sql("COMMENT ON TABLE lp_leak_l9 IS 'VIP 홍길동'")
        connection.exec_driver_sql("COMMENT ON COLUMN lp_leak_l9.grade IS '예: 김비밀'")
    try:
        text = SchemaCard.from_engine(engine, tables=["lp_leak_l9"]).render()
        assert text == "lp_leak_l9\n  id (integer)\n  grade (text)"
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE lp_leak_l9")
        engine.dispose()


def test_l14_statistics_and_plans_are_never_asked_for(tmp_path: Path) -> None:
    """The statements that reach the database are the card's and the guard's, nothing else."""
    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.StaticPool)
    seen: list[str] = []
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE visit (id INTEGER PRIMARY KEY, patient TEXT)")
    raw = engine.raw_connection().driver_connection
    assert raw is not None
    raw.set_trace_callback(seen.append)
    SchemaCard.from_engine(engine, tables=["visit"])
    assert not re.search(
        r"count\(|min\(|max\(|EXPLAIN|stat1|SELECT .* FROM .?visit", str(seen), re.IGNORECASE
    )


def test_l20_the_remote_model_cannot_tell_an_empty_result(day: Day) -> None:
    """Someone who is there and someone who is not: the same shape, one call each."""
    bodies = [
        json.dumps(chat["messages"][1:], ensure_ascii=False)
        for chat in day.requests
        if "있나" in chat["messages"][1]["content"]
    ]
    assert len(bodies) == 2
    shapes = {
        re.sub(r"[A-Z]+_[0-9A-Z]{4,}|equals .*? with =|is a text .*? question", "", body)
        for body in bodies
    }
    assert len({re.sub(r"[^\x00-\x7f]+", "", shape) for shape in shapes}) == 1


def test_l22_equal_cells_have_different_tokens(day: Day) -> None:
    masked = day.results[0]["masked_answer"]
    tokens = re.findall(r"\[\[hidden[^\]]+\]\]", masked)
    assert len(tokens) == len(set(tokens)) == 2


def test_l23_only_the_order_of_the_statement_is_implied(day: Day) -> None:
    assert re.findall(r"value_(?:q\d+_)?(\d)_fee", day.results[0]["masked_answer"]) == ["1", "2"]
