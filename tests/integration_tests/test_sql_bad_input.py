"""Tables and databases that misbehave: SQL in cells, ten million rows, a server that goes away."""

import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from langchain_privacy.masking import Masker
from langchain_privacy.sql import SchemaCard, SQLPolicy, create_private_sql_graph
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.sql.small import plan, with_value

STATEMENTS = [
    "'; DROP TABLE note; --",
    "SELECT rrn FROM person",
    "1) OR 1=1 --",
    "x' UNION SELECT rrn FROM person --",
    ":v1",
    "[[hidden_value_1_rrn]]",
]


@pytest.mark.parametrize("cell", STATEMENTS)
def test_cells_that_are_sql_are_values(tmp_path: Path, cell: str) -> None:
    file = tmp_path / "notes.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)")
        connection.execute("CREATE TABLE person (rrn TEXT)")
        connection.execute("INSERT INTO person VALUES ('900101-1234567')")
        connection.executemany("INSERT INTO note (text) VALUES (?)", [(s,) for s in STATEMENTS])
    url = f"sqlite:///{file}"
    card = SchemaCard.from_engine(url, tables=["note"])
    reply = with_value(
        lambda _: plan(
            "SELECT id, text FROM note WHERE text = :v1",
            single="[[hidden_value_1_id]]: [[hidden_value_1_text]]",
        )
    )
    everything = plan("SELECT text FROM note", full="- [[hidden_value_{row}_text]]")
    model = ScriptedChatModel(responses=[everything, reply, everything])
    graph = create_private_sql_graph(model, url, card=card, masker=Masker([]))
    assert len(graph.invoke({"question": "메모를 모두 보여줘"})["rows"]) == len(STATEMENTS)
    if "[" not in cell:  # what looks like a token of a cell is one
        result = graph.invoke({"question": f'"{cell}"라는 메모의 번호는?'})
        assert [row["text"] for row in result["rows"] or []] in ([cell], [])
        assert (
            cell not in model.seen_text.replace(":v1 = ", "").replace("= :v1", "") or cell == ":v1"
        )
    assert "900101-1234567" not in str(graph.invoke({"question": "메모를 모두 보여줘"}))
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM note").fetchone() == (len(STATEMENTS),)


@pytest.fixture
def server(postgres_url: str) -> Iterator[tuple[str, sqlalchemy.Engine]]:
    name = f"lp_{uuid.uuid4().hex[:8]}"
    url = sqlalchemy.make_url(postgres_url).set(drivername="postgresql+psycopg")
    admin = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    own = url.set(database=name)
    engine = sqlalchemy.create_engine(own)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INT, name TEXT)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, '김민수')")
    engine.dispose()
    yield own.render_as_string(hide_password=False), admin
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    admin.dispose()


def test_a_server_that_restarts_between_two_questions(
    server: tuple[str, sqlalchemy.Engine],
) -> None:
    url, admin = server
    name = sqlalchemy.make_url(url).database
    reply = plan("SELECT count(*) AS n FROM t", single="[[hidden_value_1_n]]건")

    def restarts(_: Any) -> str:
        with admin.connect() as connection:  # every connection of the pool is dead after this
            connection.exec_driver_sql(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            )
        return reply

    model = ScriptedChatModel(responses=[restarts, restarts])
    graph = create_private_sql_graph(model, url, masker=Masker([]))
    for _ in range(2):
        assert graph.invoke({"question": "모두 몇 건?"})["answer"] == "1건"


def test_a_database_that_goes_away_in_mid_answer(server: tuple[str, sqlalchemy.Engine]) -> None:
    url, admin = server
    name = sqlalchemy.make_url(url).database
    sql = "SELECT count(*) AS n FROM t WHERE name = :v1"
    reply = plan(sql, single="[[hidden_value_1_n]]건")

    def goes(_: Any) -> str:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        return reply

    graph = create_private_sql_graph(ScriptedChatModel(responses=[goes]), url, masker=Masker([]))
    result = graph.invoke({"question": "김민수는 몇 건?"})
    assert result["rows"] is None
    assert result["report"]["error"] == "unavailable"
    assert "김민수" not in result["answer"]
    assert name not in str(result)


@pytest.mark.slow
def test_ten_million_rows(tmp_path: Path) -> None:
    file = tmp_path / "many.sqlite"
    with sqlite3.connect(file) as connection:
        connection.executescript(
            "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF;"
            "CREATE TABLE many (id INTEGER PRIMARY KEY, place TEXT, who TEXT, price INTEGER);"
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 10000000) "
            "INSERT INTO many SELECT n, 'p' || (n % 7), 'somebody' || n, n % 1000 FROM r;"
        )
    url = f"sqlite:///{file}"
    card = SchemaCard.from_engine(url)
    replies = [
        plan("SELECT place, avg(price) AS m FROM many GROUP BY place", full="- {row}"),
        plan("SELECT id, who FROM many", full="- [[hidden_value_{row}_who]]"),
        with_value(lambda _: plan("SELECT count(*) AS n FROM many WHERE place = :v1")),
    ]
    model = ScriptedChatModel(responses=replies)
    graph = create_private_sql_graph(
        model, url, card=card, masker=Masker([]), policy=SQLPolicy(timeout=20)
    )
    assert len(graph.invoke({"question": "곳마다 평균은?"})["rows"]) == 7
    everybody = graph.invoke({"question": "모두 보여줘"})
    assert len(everybody["rows"]) == 10_000
    assert everybody["answer"].endswith("결과가 제한보다 길어 일부만 읽었습니다.")
    assert graph.invoke({"question": "p3은 몇 건?"})["rows"] == [{"n": 1_428_572}]
    assert "p3" not in model.seen_text
