"""Questions to a database of apartment trades: the schema leaves, the rows stay, a chart is drawn.

The remote stand-in writes by rule the query and the template that a model writes; it sees the
schema card and the question without its values.
"""

import json
import random
import re
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from langchain_privacy.demo.web.stage import Stage
from langchain_privacy.locale import Language
from langchain_privacy.minions.state import estimate_tokens
from langchain_privacy.sql import create_private_sql_graph
from langchain_privacy.sql.chart import draw_chart
from langchain_privacy.testing.model_server import last_text

_DISTRICTS = ("성동구 옥수동", "강남구 대치동", "마포구 아현동", "양천구 신월동")
_COMPLEXES = ("한빛하이츠", "새봄마을", "푸른파크뷰", "은하타워", "가람숲", "달빛스테이트")
_QUESTION: dict[Language, str] = {
    "en": "What is the average price in each district, the highest first?",
    "ko": "지역별 거래금액 평균을 높은 순서로 알려줘",
}
_SQL = "SELECT district, AVG(price) AS average FROM trades GROUP BY district ORDER BY average DESC"
_TEMPLATES: dict[Language, dict[str, str]] = {
    "en": {
        "full": "Average price by district:\n"
        "- [[hidden_value_{row}_district]]: [[hidden_value_{row}_average|comma]] million won",
        "single": "[[hidden_value_1_district]]: [[hidden_value_1_average|comma]] million won",
        "empty": "There is no such trade.",
    },
    "ko": {
        "full": "지역별 거래금액 평균입니다.\n"
        "- [[hidden_value_{row}_district]]: [[hidden_value_{row}_average|comma]]백만원",
        "single": "[[hidden_value_1_district]]: [[hidden_value_1_average|comma]]백만원",
        "empty": "그런 거래가 없습니다.",
    },
}
_TOKEN = re.compile(r":v\d+")


def asks(language: Language) -> str:
    """Return what is asked where the person asks nothing."""
    return _QUESTION[language]


def play(stage: Stage) -> None:
    """Answer a question about the trades, and draw the result."""
    language = stage.asked.language
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trades.sqlite"
        rows = _make_trades(file)
        stage.show_table("trades", rows)
        with stage.scripted(lambda request: _reply(request, language)) as model:
            graph = create_private_sql_graph(
                model, f"sqlite:///{file}", masker=stage.masker, guard=stage.guard
            )
            question = stage.asked.question or asks(language)
            result = stage.drive(graph, {"question": question})
    whole = estimate_tokens(question + json.dumps(rows, ensure_ascii=False))
    stage.cost(without_privacy=whole)
    chart = draw_chart(result["rows"]) if result["rows"] else None
    stage.answer(result["answer"], quotes=[result["sql"]] if result["sql"] else (), chart=chart)


def _make_trades(file: Path) -> list[dict[str, Any]]:
    """Write 400 invented trades into a new SQLite file and return them."""
    chance = random.Random(11)  # noqa: S311 invented data
    rows = []
    for number in range(1, 401):
        level, district = chance.choice(list(enumerate(_DISTRICTS, 1)))
        area = chance.choice([39.9, 59.9, 84.9, 114.8])
        price = round(area * (14 - level) * chance.uniform(0.9, 1.2))
        complex_name = chance.choice(_COMPLEXES)
        day = f"2024-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        rows.append(
            {
                "id": number,
                "district": district,
                "complex": complex_name,
                "area_m2": area,
                "price": price,
                "sold_on": day,
            }
        )
    with sqlite3.connect(file) as connection:
        connection.execute(
            "CREATE TABLE trades (id INTEGER PRIMARY KEY, district TEXT, complex TEXT, "
            "area_m2 REAL, price INTEGER, sold_on TEXT)"
        )
        connection.executemany(
            "INSERT INTO trades VALUES (:id, :district, :complex, :area_m2, :price, :sold_on)", rows
        )
    connection.close()
    return rows


def _reply(request: dict[str, Any], language: Language) -> str:
    """Plan the average by district; where the question names a value, of that value only."""
    slot = _TOKEN.search(last_text(request))
    sql = _SQL.replace("FROM trades", f"FROM trades WHERE district = {slot[0]}") if slot else _SQL
    plan = {
        "keywords": [],
        "columns": ["trades.district", "trades.price"],
        "tables": ["trades"],
        "prepared_sql": sql,
        "template": _TEMPLATES[language],
    }
    return json.dumps(plan, ensure_ascii=False)
