"""What a card reads of each database: schemas, views, partitions, names; and how it is asked."""

import socket
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy

from langchain_privacy.errors import ConfigurationError, QueryError, UnsafeSQLError
from langchain_privacy.masking import Masker
from langchain_privacy.sql import (
    ColumnCard,
    SchemaCard,
    SQLPolicy,
    TableCard,
    check_sql,
    create_private_sql_graph,
)
from langchain_privacy.sql.execute import open_database
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.sql.small import plan

# Two schemas with a table of one name, a view over a column that is not shown, odd names.
TABLES = [
    "CREATE SCHEMA sales",
    "CREATE SCHEMA hr",
    "CREATE TABLE sales.trade (id INT PRIMARY KEY, price INT)",
    "CREATE TABLE hr.trade (id INT PRIMARY KEY, salary INT)",
    'CREATE TABLE hr."금액표" (id INT, "금액（원）" INT)',
    "INSERT INTO sales.trade VALUES (1, 10)",
    "INSERT INTO hr.trade VALUES (1, 77)",
    'INSERT INTO hr."금액표" VALUES (1, 5)',
    "CREATE VIEW hr.rich AS SELECT id FROM hr.trade WHERE salary > 50",
]
POSTGRES = [
    "CREATE TABLE hr.log (d DATE, x INT) PARTITION BY RANGE (d)",
    "CREATE TABLE hr.log_2024 PARTITION OF hr.log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
    "CREATE MATERIALIZED VIEW hr.paid AS SELECT salary FROM hr.trade",
    "CREATE TABLE hr.staff (id INT, trade_id INT REFERENCES sales.trade (id))",
]


@pytest.mark.parametrize(
    "driver", ["postgresql+psycopg", "postgresql+asyncpg", "mysql+pymysql", "mysql+aiomysql"]
)
def test_a_server_that_is_away_is_unavailable(driver: str) -> None:
    """asyncpg raises the system's own error; its number is none of the server's."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens there
        url = f"{driver}://somebody@127.0.0.1:{taken.getsockname()[1]}/trades"
        for ask in (
            lambda: open_database(url, (), SQLPolicy()).run("SELECT 1"),
            lambda: SchemaCard.from_engine(url),
        ):
            with pytest.raises(QueryError) as away:
                ask()
            assert away.value.code == "unavailable"


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Iterator[str]:
    name = f"lp_{uuid.uuid4().hex[:8]}"
    url = sqlalchemy.make_url(postgres_url).set(drivername="postgresql+psycopg")
    admin = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine = sqlalchemy.create_engine(url.set(database=name))
    with engine.begin() as connection:
        for line in [*TABLES, *POSTGRES]:
            connection.exec_driver_sql(line)
    engine.dispose()
    yield url.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture(scope="module")
def duck(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("duck") / "main.duckdb"
    with duckdb.connect(str(file)) as connection:
        for line in [
            *TABLES,
            "CREATE TABLE trade (id INT, own TEXT)",
            "CREATE VIEW v AS SELECT 1 a",
        ]:
            connection.execute(line)
    return f"duckdb:///{file}"


@pytest.fixture(scope="module")
def maria(mysql_url: str) -> Iterator[tuple[str, str]]:
    name = f"lp_{uuid.uuid4().hex[:8]}"
    url = sqlalchemy.make_url(mysql_url).set(drivername="mysql+pymysql")
    admin = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for line in (
            f"CREATE DATABASE {name}",
            f"CREATE DATABASE {name}_b",
            f"CREATE TABLE {name}.trade (id INT PRIMARY KEY, price INT)",
            f"CREATE TABLE {name}_b.trade (id INT PRIMARY KEY, salary INT)",
            f"INSERT INTO {name}.trade VALUES (1, 10)",
            f"INSERT INTO {name}_b.trade VALUES (1, 77)",
            f"CREATE VIEW {name}.cheap AS SELECT id FROM {name}.trade WHERE price < 50",
        ):
            connection.exec_driver_sql(line)
    yield url.set(database=name).render_as_string(hide_password=False), name
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")
        connection.exec_driver_sql(f"DROP DATABASE {name}_b")
    admin.dispose()


def rows(url: str, card: SchemaCard, sql: str) -> list[tuple[Any, ...]]:
    database = open_database(url, card.tables, SQLPolicy())
    return database.run(check_sql(sql, card, SQLPolicy(), database.dialect).sql).rows


def names(card: SchemaCard) -> list[str]:
    return [table.name for table in card.tables]


@pytest.mark.parametrize("which", ["postgres", "duck"])
def test_several_schemas(request: pytest.FixtureRequest, which: str) -> None:
    url = request.getfixturevalue(which)
    card = SchemaCard.from_engine(
        url, schema=["sales", "hr"], denied_columns=["hr.trade.salary"], views=True
    )
    assert {"sales.trade", "hr.trade", "hr.rich", "hr.금액표"} <= set(names(card))
    assert "salary" not in card.render().replace("hr.paid\n  salary", "")
    joined = "SELECT s.price FROM sales.trade s JOIN hr.trade h ON s.id = h.id"
    assert rows(url, card, joined) == [(10,)]
    assert rows(url, card, "SELECT sales.trade.price FROM sales.trade") == [(10,)]
    # A name that only one schema has needs none; full-width letters are the card's.
    assert rows(url, card, 'SELECT "금액（원）" FROM 금액표') == [(5,)]
    assert rows(url, card, "SELECT id FROM rich") == [(1,)]
    dialect = "postgresql" if which == "postgres" else "duckdb"
    for sql, code in (
        ("SELECT id FROM trade", "table"),
        ("SELECT price FROM public.trade", "table"),
        ("SELECT salary FROM hr.trade", "denied_column"),
        ("SELECT salary FROM sales.trade", "unknown_column"),
        ("SELECT hr.trade.id FROM sales.trade", "table_schema"),
        ("SELECT relname FROM pg_catalog.pg_class", "table"),
        ("SELECT id AS （원） FROM sales.trade", "invisible_character"),
    ):
        with pytest.raises(UnsafeSQLError) as refused:
            check_sql(sql, card, dialect=dialect)
        assert refused.value.code == code


def test_one_schema_gives_tables_their_own_names(postgres: str, duck: str) -> None:
    for url in (postgres, duck):
        card = SchemaCard.from_engine(url, schema="hr", tables=["trade"])
        assert names(card) == ["trade"]
        assert rows(url, card, "SELECT salary FROM trade") == [(77,)]
        assert rows(url, card, "SELECT salary FROM hr.trade") == [(77,)]
        with pytest.raises(UnsafeSQLError):
            check_sql("SELECT salary FROM sales.trade", card, dialect="duckdb")


def test_named_tables_may_be_anywhere(postgres: str, duck: str) -> None:
    for url in (postgres, duck):
        card = SchemaCard.from_engine(url, tables={"hr.rich": "*", "sales.trade": ["price"]})
        assert names(card) == ["hr.rich", "sales.trade"]
        assert rows(url, card, "SELECT price FROM sales.trade") == [(10,)]
        with pytest.raises(ConfigurationError, match=r"schema\.table"):
            SchemaCard.from_engine(url, tables=["hr.nothing"])


def test_partitions_stand_behind_their_parent(postgres: str) -> None:
    card = SchemaCard.from_engine(postgres, schema="hr")
    assert names(card) == ["trade", "금액표", "log", "staff"]
    assert names(SchemaCard.from_engine(postgres, schema="hr", tables=["log_2024"])) == ["log_2024"]


def test_views_on_request(postgres: str) -> None:
    card = SchemaCard.from_engine(postgres, schema="hr", views=True)
    assert names(card)[-2:] == ["rich", "paid"]
    assert rows(postgres, card, "SELECT salary FROM paid") == [(77,)]
    named = SchemaCard.from_engine(postgres, schema="hr", tables=["paid"])
    assert rows(postgres, named, "SELECT salary FROM paid") == [(77,)]


def test_foreign_keys_cross_schemas(postgres: str) -> None:
    card = SchemaCard.from_engine(postgres, tables=["hr.staff", "sales.trade"])
    assert "trade_id (integer, references sales.trade.id)" in card.render()


def test_the_database_of_mariadb_is_its_schema(maria: tuple[str, str]) -> None:
    url, name = maria
    card = SchemaCard.from_engine(url, views=True)
    assert names(card) == ["trade", "cheap"]
    for sql in (
        "SELECT price FROM trade",
        f"SELECT price FROM {name}.trade",
        f"SELECT {name}.trade.price FROM {name}.trade",
    ):
        assert rows(url, card, sql) == [(10,)]
    with pytest.raises(UnsafeSQLError):
        check_sql(f"SELECT salary FROM {name}_b.trade", card, dialect="mysql")
    both = SchemaCard.from_engine(url, schema=[name, f"{name}_b"])
    joined = f"SELECT b.salary FROM {name}.trade a JOIN {name}_b.trade b ON a.id = b.id"
    assert rows(url, both, joined) == [(77,)]


def test_a_url_without_a_database_says_what_to_set(maria: tuple[str, str]) -> None:
    url, name = maria
    bare = sqlalchemy.make_url(url).set(database="").render_as_string(hide_password=False)
    with pytest.raises(ConfigurationError, match="names no database"):
        SchemaCard.from_engine(bare)
    card = SchemaCard.from_engine(bare, schema=name)
    assert rows(bare, card, "SELECT price FROM trade") == [(10,)]


def test_no_table_is_an_error_that_says_what_to_set(
    postgres: str, duck: str, tmp_path: Path
) -> None:
    sqlite3.connect(tmp_path / "empty.sqlite").execute("VACUUM")
    for url, schema in (
        (postgres, None),
        (duck, "nothing"),
        (f"sqlite:///{tmp_path / 'empty.sqlite'}", None),
    ):
        with pytest.raises(ConfigurationError, match=r"Set schema=.*views=True.*tables="):
            SchemaCard.from_engine(url, schema=schema)


def test_views_of_sqlite_are_asked_and_what_is_behind_them_is_not(tmp_path: Path) -> None:
    file = tmp_path / "views.sqlite"
    with sqlite3.connect(file) as connection:
        connection.executescript(
            "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, rrn TEXT);"
            "INSERT INTO person VALUES (1, '김민수', '900101'), (2, '이영희', '910202');"
            "CREATE VIEW known AS SELECT id, trim(name) AS name FROM person WHERE rrn > '';"
            "CREATE VIEW twice AS SELECT * FROM known;"
        )
    url = f"sqlite:///{file}"
    card = SchemaCard.from_engine(url, tables=["known", "twice"])
    assert rows(url, card, "SELECT name FROM known ORDER BY id") == [("김민수",), ("이영희",)]
    assert rows(url, card, "SELECT count(*) AS n FROM twice") == [(2,)]
    database = open_database(url, card.tables, SQLPolicy())
    for past_the_guard in (
        "SELECT rrn FROM person",
        "SELECT k.id, p.rrn FROM known k JOIN person p ON p.id = k.id",
    ):
        with pytest.raises(QueryError):
            database.run(past_the_guard)
    # What a view may read is known by its name, so no other name of a statement may be that.
    with pytest.raises(UnsafeSQLError) as refused:
        check_sql("WITH known AS (SELECT id FROM twice) SELECT id FROM known", card)
    assert refused.value.code == "shadowed_table"
    renamed = check_sql("WITH a AS (SELECT id FROM known) SELECT id FROM a AS known", card)
    assert 'AS "known"' not in renamed.sql
    # Values of the question are looked up in the view as well.
    sql = "SELECT id FROM known WHERE name = :v1"
    model = ScriptedChatModel(responses=[plan(sql, single="[[hidden_value_1_id]]")])
    graph = create_private_sql_graph(model, url, card=card, masker=Masker([]))
    assert graph.invoke({"question": "김민수의 번호는?"})["answer"] == "1"
    assert "김민수" not in model.seen_text


def test_names_that_no_statement_can_hold_get_an_alias(tmp_path: Path) -> None:
    file = tmp_path / "names.sqlite"
    decomposed = "\u1100\u1161\u11ab"  # 간, as some file systems write it
    with sqlite3.connect(file) as connection:
        connection.execute(f'CREATE TABLE t (id INTEGER, "{decomposed}" INTEGER, "a[1]" INTEGER)')
        connection.execute("INSERT INTO t VALUES (1, 2, 3)")
    url = f"sqlite:///{file}"
    card = SchemaCard.from_engine(url)
    assert card.render() == "t\n  id (integer)\n  c2 (integer)\n  c3 (integer)"
    assert rows(url, card, "SELECT c2, c3 FROM t") == [(2, 3)]


def test_tables_of_several_schemas_without_a_database() -> None:
    card = SchemaCard(
        {"sales.trade": ["id", "price"], "hr.trade": ["id", "salary"]},
        denied_columns={"trade": ["id"]},
        aliases={"hr.trade": "t2"},
    )
    assert card.render() == "sales.trade\n  price\nt2\n  salary"
    assert check_sql("SELECT salary FROM t2", card, dialect="postgresql").sql.startswith(
        'SELECT "t2"."salary" AS "c1" FROM "hr"."trade" AS "t2"'
    )
    with pytest.raises(ConfigurationError, match="same name"):
        SchemaCard([TableCard(name="t", columns=(ColumnCard(name="a"),))] * 2)
