"""A conversation of ten questions in Korean, with follow-ups, over HTTP.

The planner is scripted and reads what a model would read: slots, dates, earlier statements. On the
wire there is the schema, slots and statements, and nothing of the data. `python -m
tests.integration_tests.test_sql_conversation` prints the transcript.
"""

# ruff: noqa: E501 - what is said reads better whole

import re
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from langchain_openai import ChatOpenAI

from langchain_privacy import SchemaCard, create_private_sql_graph
from langchain_privacy.masking import Masker
from langchain_privacy.testing.model_server import OpenAIServer
from tests.unit_tests.sql.small import plan

TRADES = [
    ("서울특별시 성동구 옥수동", "래미안 옥수 리버젠", 191_000, "2024-01-15", "김민수"),
    ("서울특별시 성동구 옥수동", "래미안 옥수 리버젠", 187_500, "2024-03-02", "이서연"),
    ("서울특별시 성동구 옥수동", "옥수하이츠", 155_000, "2024-02-20", "박도윤"),
    ("서울특별시 강남구 대치동", "대치타워", 268_000, "2024-02-11", "최은영"),
    ("서울특별시 강남구 대치동", "은하마을", 231_000, "2024-03-28", "김민수"),
    ("서울특별시 강남구 개포동", "개포스테이트", 224_000, "2024-01-30", "정하준"),
]
STAFF = [
    (1, "한지민", "영업부", 4_800), (2, "한지민", "회계부", 5_100), (3, "윤서준", "영업부", 4_450),
    (4, "오하늘", "회계부", 4_700), (5, "서예린", "영업부", 5_300), (6, "조현우", "인사부", 4_900),
    (7, "임나연", "인사부", 4_600),
]  # fmt: skip
QUESTIONS = [
    "옥수동에서 가장 비싸게 거래된 아파트 상위 2개를 알려줘",
    "그 중에서 가장 최근 거래는?",
    "대치동은?",
    "래미안옥수리버젠의 평균 거래금액은?",
    "그럼 거래는 모두 몇 건이야?",
    "김민수 님이 산 아파트를 보여줘",
    "김민주 님이 산 아파트는?",
    "한지민의 연봉은?",
    "회계부 한지민의 연봉은?",
    "내일 날씨는 어때?",
]
SECRETS = [
    "옥수", "대치", "개포", "성동구", "리버젠", "김민수", "이서연", "김민주", "한지민", "회계부",
    "191000", "187500", "268000", "5100", "4800", "2024-03-02",
]  # fmt: skip


def make(file: Path) -> str:
    connection = sqlite3.connect(file)
    connection.executescript(
        "CREATE TABLE 거래 (id INTEGER PRIMARY KEY, 시군구 TEXT, 단지명 TEXT, 거래금액_만원 INTEGER,"
        " 계약일 TEXT, 매수인 TEXT);"
        "CREATE TABLE 직원 (사번 INTEGER PRIMARY KEY, 성명 TEXT, 부서 TEXT, 연봉_만원 INTEGER);"
    )
    rows = [(number, *row) for number, row in enumerate(TRADES, 1)]
    connection.executemany("INSERT INTO 거래 VALUES (?,?,?,?,?,?)", rows)
    connection.executemany("INSERT INTO 직원 VALUES (?,?,?,?)", STAFF)
    connection.commit()
    connection.close()
    return f"sqlite:///{file}"


def planner(request: dict[str, Any]) -> str:
    """Plan by what the last message says, as a model would that reads it whole."""
    earlier = str(request["messages"][0]["content"]).partition("[CONVERSATION]\n")[2]
    asked = str(request["messages"][1]["content"])
    question = asked.splitlines()[0]
    slots = re.findall(
        r"^:([ve]\d+) = (\S+) equals (?:a value|the name of a person)(.*)$", asked, re.MULTILINE
    )
    own = [slot for slot in slots if slot[0].startswith("v")]
    value = own[0][1] if own else ""
    before = re.findall(r"^prepared_sql: (.*)$", earlier, re.MULTILINE)
    condition = re.search(r"WHERE (.*?)(?: GROUP| ORDER|$)", before[-1]) if before else None
    where = condition[1] if condition else "1 = 1"
    top = "SELECT 단지명, 거래금액_만원 FROM 거래 WHERE {} ORDER BY 거래금액_만원 DESC LIMIT 2"
    listed = "{row}. [[hidden_value_{row}_단지명]](으)로 [[hidden_value_{row}_거래금액_만원|억만원]]입니다."
    nothing = f"{value}에 해당하는 것이 없습니다."
    if "날씨" in question:
        return '{"unanswerable": "날씨를 담은 테이블이 없습니다."}'
    if "연봉" in question:
        key = "사번" if "사번" in own[-1][2] else "성명"
        sql = f"SELECT 연봉_만원 FROM 직원 WHERE {key} = :{own[-1][0]}"
        sql += f" AND 부서 = :{own[0][0]}" if len(own) > 1 else ""
        return plan(
            sql,
            single=f"{own[-1][1]}의 연봉은 [[hidden_value_1_연봉_만원|comma]]만원입니다.",
            full="- [[hidden_value_{row}_연봉_만원|comma]]만원",
        )
    if "최근" in question:
        sql = f"SELECT 단지명, 계약일 FROM 거래 WHERE {where} ORDER BY 계약일 DESC LIMIT 1"
        return plan(
            sql, single="[[hidden_value_1_단지명]]이(가) [[hidden_value_1_계약일]]에 거래됐습니다."
        )
    if "평균" in question:
        sql = "SELECT AVG(거래금액_만원) AS 평균_만원 FROM 거래 WHERE 단지명 = :v1"
        return plan(sql, single=f"{value}의 평균은 [[hidden_value_1_평균_만원|억만원]]입니다.")
    if "몇 건" in question:
        sql = f"SELECT COUNT(*) AS 건수 FROM 거래 WHERE {where}"
        return plan(sql, single="모두 [[hidden_value_1_건수]]건입니다.")
    if "님이 산" in question:
        sql = "SELECT 단지명, 거래금액_만원 FROM 거래 WHERE 매수인 = :v1 ORDER BY 계약일"
        return plan(sql, full=listed, single=listed.replace("{row}", "1"), empty=nothing)
    sql = top.format("시군구 = :v1")
    return plan(
        sql, full=f"{value}에서 비싼 거래입니다.\n{listed}", single=listed.replace("{row}", "1")
    )


def converse(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]], bytes]:
    url = make(folder / "conversation.sqlite")
    with OpenAIServer(planner) as server:
        remote = ChatOpenAI(model="x", base_url=server.base_url, api_key="k", max_retries=0)
        graph = create_private_sql_graph(
            remote, url, card=SchemaCard.from_engine(url), masker=Masker([])
        )
        config: Any = {"configurable": {"thread_id": "talk"}}
        results = []
        for question in QUESTIONS:
            before = len(server.chats)
            result = graph.invoke({"question": question}, config)
            results.append({**result, "chats": server.chats[before:]})
        return results, server.chats, server.wire


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return converse(tmp_path_factory.mktemp("talk"))


ANSWERS = [
    "옥수동에서 비싼 거래입니다.\n1. 래미안 옥수 리버젠으로 19억 1,000만원입니다.\n"
    "2. 래미안 옥수 리버젠으로 18억 7,500만원입니다.",
    "래미안 옥수 리버젠이 2024-03-02에 거래됐습니다.",
    "대치동에서 비싼 거래입니다.\n1. 대치타워로 26억 8,000만원입니다.\n2. 은하마을로 23억 1,000만원입니다.",
    "래미안옥수리버젠의 평균은 18억 9,250만원입니다.",
    "모두 2건입니다.",
    "1. 래미안 옥수 리버젠으로 19억 1,000만원입니다.\n2. 은하마을로 23억 1,000만원입니다.",
    "김민주에 해당하는 것이 없습니다.\n이 데이터에 김민주라는 사람은 없습니다.",
    "한지민에 해당하는 것이 여럿입니다. 구별할 말을 넣어 다시 물어 주십시오.\n"
    "1. 한지민 (부서: 영업부, 연봉_만원: 4800)\n2. 한지민 (부서: 회계부, 연봉_만원: 5100)",
    "한지민의 연봉은 5,100만원입니다.",
    "이 데이터베이스로는 답할 수 없는 질문입니다. 날씨를 담은 테이블이 없습니다.",
]


def test_each_answer_is_right(talk: Any) -> None:
    results, *_ = talk
    assert [result["answer"] for result in results] == ANSWERS


def test_nothing_of_the_data_is_on_the_wire(talk: Any) -> None:
    _, chats, wire = talk
    text = wire.decode("utf-8", "replace")
    text += re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), text)
    assert len(chats) == 9  # the question about two people was asked back instead
    assert [secret for secret in SECRETS if secret in text] == []


def transcript() -> str:
    with tempfile.TemporaryDirectory() as folder:
        results, *_ = converse(Path(folder))
    out = []
    for number, (question, result) in enumerate(zip(QUESTIONS, results, strict=True), 1):
        crossed = [
            (
                m[0]["content"].partition("[CONVERSATION]\n")[2].strip() + "\n" + m[1]["content"]
            ).strip()
            for m in (chat["messages"] for chat in result["chats"])
        ]
        out.append(f"{number}. 사람: {question}")
        out += [f"   나감: {line}" for text in crossed for line in text.splitlines()]
        if result["sql"]:
            out.append(f"   SQL: {result['sql']}")
        out += [f"   답: {line}" for line in result["answer"].splitlines()]
    return "\n".join(out)


if __name__ == "__main__":
    sys.stdout.write(transcript() + "\n")
