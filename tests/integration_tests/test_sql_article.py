"""The article's question over the real trades: right rows, right Korean, nothing on the wire."""

import csv
import json
import sqlite3
from typing import Any

import pytest
from langchain_openai import ChatOpenAI

from langchain_privacy.masking import Masker
from langchain_privacy.sql import SchemaCard, create_private_sql_graph
from tests.support.http import LangSmithServer, OpenAIServer
from tests.support.paths import shared_data
from tests.unit_tests.sql.small import plan, with_value

QUESTION = "서울특별시 성동구 옥수동에서 가장 비싸게 거래되는 아파트 상위 3개를 알려줘"
SQL = (
    "SELECT 단지명, 거래금액_만원 FROM real_transaction WHERE 시군구 = :v1"
    " ORDER BY 거래금액_만원 DESC LIMIT 3"
)


@pytest.fixture(scope="module")
def trades(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, str]]]:
    with shared_data("real_transaction_seoul_2024_01_02.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    target = tmp_path_factory.mktemp("trades") / "trades.sqlite"
    connection = sqlite3.connect(target)
    names = ", ".join(f'"{name}"' for name in rows[0])
    numeric = {
        "전용면적_m2": "REAL",
        "거래금액_만원": "INTEGER",
        "층": "INTEGER",
        "건축년도": "INTEGER",
    }
    columns = ", ".join(f'"{name}" {numeric.get(name, "TEXT")}' for name in rows[0])
    connection.execute(f"CREATE TABLE real_transaction (id INTEGER PRIMARY KEY, {columns})")
    marks = ", ".join("?" * len(rows[0]))
    connection.executemany(
        f"INSERT INTO real_transaction ({names}) VALUES ({marks})",
        [tuple(row.values()) for row in rows],
    )
    connection.commit()
    connection.close()
    return f"sqlite:///{target}", rows


@pytest.mark.parametrize(
    "question", [QUESTION, "옥수동에서 가장 비싸게 거래되는 아파트 상위 3개를 알려줘"]
)
async def test_the_question_of_the_article(
    trades: tuple[str, list[dict[str, str]]],
    langsmith_server: LangSmithServer,
    question: str,
) -> None:
    url, rows = trades
    reply = with_value(
        lambda value: plan(
            SQL,
            full=f"{value}에서 가장 비싸게 거래되는 아파트 상위 3개는 다음과 같습니다.\n"
            "{row}. {row}위는 [[hiddenvalue_{row}단지명]]으로 거래금액은 "
            "[[hidden_value_{row}_거래금액_만원]]만원입니다.",
        )
    )

    def answer(request: dict[str, Any]) -> str:
        return reply(request["messages"])

    with OpenAIServer(answer) as server:
        remote = ChatOpenAI(model="x", base_url=server.base_url, api_key="k", max_retries=0)
        card = SchemaCard.from_engine(url)
        graph = create_private_sql_graph(remote, url, card=card, masker=Masker([]))
        result = await graph.ainvoke({"question": question})
        wire = server.wire
    langsmith_server.flush()
    there = [row for row in rows if row["시군구"] == "서울특별시 성동구 옥수동"]
    top = sorted(there, key=lambda row: -int(row["거래금액_만원"]))[:3]
    expected = [(row["단지명"], int(row["거래금액_만원"])) for row in top]
    assert [tuple(row.values()) for row in result["rows"]] == expected
    where = "서울특별시 성동구 옥수동" if "서울" in question else "옥수동"
    assert result["answer"].splitlines()[0].startswith(f"{where}에서 가장")
    assert result["answer"].splitlines()[1:] == [
        f"1. 1위는 한남하이츠로 거래금액은 {expected[0][1]}만원입니다.",
        f"2. 2위는 래미안 옥수 리버젠으로 거래금액은 {expected[1][1]}만원입니다.",
        f"3. 3위는 래미안 옥수 리버젠으로 거래금액은 {expected[2][1]}만원입니다.",
    ]
    secrets = {"옥수", "성동구", "한남하이츠", *(str(price) for _, price in expected)}
    for body in (wire, langsmith_server.wire):
        text = body.decode("utf-8", "replace") + json.dumps(body.decode("utf-8", "replace"))
        assert [s for s in secrets if s in text or json.dumps(s)[1:-1] in text] == []
