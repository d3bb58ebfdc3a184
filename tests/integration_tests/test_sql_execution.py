"""Statements on real databases: same rows as the original, and nothing runs away."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine

from langchain_privacy.errors import ConfigurationError, QueryError
from langchain_privacy.sql import SchemaCard, SQLPolicy, check_sql
from langchain_privacy.sql.execute import Database, open_database
from langchain_privacy.sql.execute.duckdb import _Hand
from langchain_privacy.sql.k_anonymity import shown, with_groups_of
from tests.support.pace import Pace
from tests.unit_tests.sql.conftest import DENIED
from tests.unit_tests.sql.small import DISTRICTS, fill
from tests.unit_tests.sql.test_guard import vectors


class Urls(dict[str, str]):
    """URLs of a small database by dialect; the servers' are made when they are first asked for."""

    def __init__(self, request: pytest.FixtureRequest, files: dict[str, str]) -> None:
        super().__init__(files)
        self._request = request
        self._name = f"lp_{uuid.uuid4().hex[:8]}"
        self._admins: dict[str, sqlalchemy.Engine] = {}

    def __missing__(self, dialect: str) -> str:
        fixture, driver, query = {
            "postgres": ("postgres_url", "postgresql+psycopg", {}),
            "mysql": ("mysql_url", "mysql+pymysql", {"charset": "utf8mb4"}),
        }[dialect]
        url = sqlalchemy.make_url(self._request.getfixturevalue(fixture))
        url = url.set(drivername=driver).update_query_dict(query)
        admin = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {self._name}")
        self._admins[dialect] = admin
        own = url.set(database=self._name)
        engine = sqlalchemy.create_engine(own)
        with engine.begin() as connection:
            for line in fill():
                connection.exec_driver_sql(line)
        engine.dispose()
        self[dialect] = own.render_as_string(hide_password=False)
        return self[dialect]

    def drop(self) -> None:
        for dialect, admin in self._admins.items():
            force = " WITH (FORCE)" if dialect == "postgres" else ""
            with admin.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE {self._name}{force}")
            admin.dispose()


@pytest.fixture(scope="session")
def urls(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Urls]:
    folder = tmp_path_factory.mktemp("databases")
    with sqlite3.connect(folder / "small.sqlite") as connection:
        connection.executescript(";".join(fill()))
    import duckdb

    with duckdb.connect(str(folder / "small.duckdb")) as connection:
        for line in fill():
            connection.execute(line)
    found = Urls(
        request,
        {
            "sqlite": f"sqlite:///{folder / 'small.sqlite'}",
            "duckdb": f"duckdb:///{folder / 'small.duckdb'}",
        },
    )
    yield found
    found.drop()


@cache
def card_of(url: str) -> SchemaCard:
    return SchemaCard.from_engine(
        url, tables=["trade", "complex", "buyer", "note"], denied_columns=DENIED
    )


def opened(urls: dict[str, str], dialect: str, **policy: Any) -> tuple[Database, SchemaCard]:
    card = card_of(urls[dialect])
    return open_database(urls[dialect], card.tables, SQLPolicy(**policy)), card


def raw(url: str, sql: str) -> list[tuple[Any, ...]]:
    if url.startswith("duckdb"):
        import duckdb

        with duckdb.connect(url.removeprefix("duckdb:///"), read_only=True) as connection:
            return connection.execute(sql).fetchall()
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            escaped = sql.replace(":", "\\:")
            return [tuple(row) for row in connection.execute(sqlalchemy.text(escaped))]
    finally:
        engine.dispose()


SAME = [case for case in vectors("allow") if ":v1" not in case.values[1]]


@pytest.mark.parametrize(("dialect", "sql", "code"), SAME)
def test_same_rows_as_the_original(urls: dict[str, str], dialect: str, sql: str, code: str) -> None:
    database, card = opened(urls, dialect)
    guarded = check_sql(sql, card, SQLPolicy(), dialect)
    expected = raw(urls[dialect], sql)
    assert sorted(map(repr, database.run(guarded.sql).rows)) == sorted(map(repr, expected))


def test_sqlite_refuses_to_expand_a_table_with_columns_off_the_card(urls: dict[str, str]) -> None:
    # SQLite makes `SELECT *` of an outer join's parentheses, so it would read the denied columns.
    database, card = opened(urls, "sqlite")
    sql = (
        "SELECT c.name FROM complex c "
        "LEFT JOIN (trade t JOIN buyer b ON b.trade_id = t.id) ON c.name = t.name"
    )
    with pytest.raises(QueryError, match="refused access"):
        database.run(check_sql(sql, card, SQLPolicy(), "sqlite").sql)


ALL = ["sqlite", "postgres", "duckdb", "mysql"]


@pytest.mark.parametrize("dialect", ALL)
async def test_slots_are_bound(urls: dict[str, str], dialect: str) -> None:
    database, card = opened(urls, dialect)
    sql = "SELECT count(*) AS n FROM trade WHERE district = :v1 AND name <> ':v1 100% :x'"
    guarded = check_sql(sql, card, SQLPolicy(), dialect, slots=frozenset({"v1"}))
    expected = [(13,)]
    assert database.run(guarded.sql, {"v1": DISTRICTS[0]}).rows == expected
    assert (await database.arun(guarded.sql, {"v1": DISTRICTS[0]})).rows == expected
    assert database.run(guarded.sql, {"v1": "x' OR '1'='1"}).rows == [(0,)]


@pytest.mark.parametrize(
    "driver", ["postgresql+asyncpg", "postgresql+psycopg_async", "mysql+aiomysql"]
)
async def test_async_engines(urls: dict[str, str], driver: str) -> None:
    dialect = "mysql" if driver.startswith("mysql") else "postgres"
    url = sqlalchemy.make_url(urls[dialect]).set(drivername=driver)
    engine = create_async_engine(url)
    card = SchemaCard.from_engine(engine, tables=["trade", "complex"])
    database = open_database(engine, card.tables, SQLPolicy(timeout=1))
    guarded = check_sql(
        "SELECT name FROM trade WHERE district = :v1 ORDER BY id LIMIT 2",
        card,
        dialect=dialect,
        slots=frozenset({"v1"}),
    )
    rows = (await database.arun(guarded.sql, {"v1": DISTRICTS[0]})).rows
    assert rows == [("단지3",), ("단지6",)]
    with Pace() as pace, pytest.raises(QueryError) as failed:
        await database.arun(RUNAWAY[dialect][-1])
    assert failed.value.code == "timeout"
    assert pace.seconds < 2
    assert (await database.arun(guarded.sql, {"v1": DISTRICTS[0]})).rows == rows
    await engine.dispose()


async def test_async_sqlite(urls: dict[str, str]) -> None:
    engine = create_async_engine(urls["sqlite"].replace("sqlite:", "sqlite+aiosqlite:"))
    card = SchemaCard.from_engine(engine, tables=["trade"])
    database = open_database(engine, card.tables, SQLPolicy())
    assert (await database.arun(check_sql("SELECT count(*) FROM trade", card).sql)).rows == [(40,)]
    await engine.dispose()


def test_in_memory_sqlite_gets_its_connection_back(urls: dict[str, str]) -> None:
    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.StaticPool)
    with engine.begin() as connection:
        for line in fill():
            connection.exec_driver_sql(line)
    card = SchemaCard.from_engine(engine, tables=["trade"])
    database = open_database(engine, card.tables, SQLPolicy())
    assert database.run('SELECT count(*) FROM "trade"').rows == [(40,)]
    with pytest.raises(QueryError) as failed:
        database.run("SELECT rrn FROM buyer")
    assert failed.value.code == "forbidden"
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM trade")
        assert connection.exec_driver_sql("SELECT count(*) FROM trade").scalar_one() == 0


RUNAWAY = {
    "sqlite": [
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) SELECT count(*) FROM r",
        "SELECT count(*) FROM trade a, trade b, trade c, trade d, trade e, trade f",
    ],
    "postgres": [
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) SELECT count(*) FROM r",
        "SELECT count(*) FROM trade a, trade b, trade c, trade d, trade e, trade f",
        "SELECT array_fill(0, ARRAY[50000000])",
        "SELECT pg_sleep(30)",
    ],
    "duckdb": [
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) SELECT count(*) FROM r",
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range*b.range%7=1",
        "SELECT unnest(range(1000000000)) AS x",
        "SELECT count(*) FROM range(1000000000) a, range(1000000000) b",
        "SELECT sum(hash(range)) FROM range(100000000000)",
    ],
    "mysql": [
        "SELECT count(*) FROM trade a, trade b, trade c, trade d, trade e, trade f",
        "SELECT SLEEP(30)",
    ],
}


@pytest.mark.parametrize(
    ("dialect", "sql"), [(dialect, sql) for dialect, all_ in RUNAWAY.items() for sql in all_]
)
def test_a_runaway_is_stopped(
    urls: dict[str, str], dialect: str, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run past the guard on purpose: what the engine and the plug do on their own."""
    database, card = opened(urls, dialect, timeout=1, memory_mb=128)
    if dialect == "sqlite":
        database._authorize = lambda *_: sqlite3.SQLITE_OK  # type: ignore[attr-defined]
    asked: list[Any] = []
    with Pace() as pace:
        if dialect == "duckdb":
            # A child starts and opens the database first; the clock starts when the statement is
            # sent.
            real = _Hand.ask

            def ask(hand: _Hand, message: dict[str, Any], seconds: float) -> Any:
                asked.append(message)
                pace.restart()
                return real(hand, message, seconds)

            monkeypatch.setattr(_Hand, "ask", ask)
        with pytest.raises(QueryError) as failed:
            database.run(sql)
        taken = pace.seconds
    assert failed.value.code in ("timeout", "too_large", "unavailable")
    assert taken < 2.0
    assert len(asked) == (2 if dialect == "duckdb" else 0)
    monkeypatch.undo()
    guarded = check_sql("SELECT count(*) FROM trade", card, dialect=dialect)
    assert database.run(guarded.sql).rows == [(40,)]


RUNNING = {
    "postgres": "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
    " AND pid <> pg_backend_pid() AND datname = current_database()",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(%'"
    " AND id <> CONNECTION_ID()",
}
"""Counts the statements that a server runs for others."""


def until_running(url: str, dialect: str, number: int) -> None:
    while raw(url, RUNNING[dialect]) != [(number,)]:
        time.sleep(0.02)


@pytest.mark.parametrize("dialect", ALL)
async def test_cancelling_stops_the_statement(
    urls: dict[str, str], dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, card = opened(urls, dialect, timeout=20)
    started = threading.Event()
    if dialect == "sqlite":

        def authorize(*_: object) -> int:
            started.set()
            return sqlite3.SQLITE_OK

        monkeypatch.setattr(database, "_authorize", authorize)
    if dialect == "duckdb":
        real = _Hand.ask

        def ask(hand: _Hand, message: dict[str, Any], seconds: float) -> Any:
            if "sql" in message:
                started.set()
            return real(hand, message, seconds)

        monkeypatch.setattr(_Hand, "ask", ask)
    task = asyncio.create_task(database.arun(RUNAWAY[dialect][0 if dialect == "duckdb" else -1]))
    if dialect in RUNNING:
        await asyncio.to_thread(until_running, urls[dialect], dialect, 1)
    else:
        assert await asyncio.to_thread(started.wait, 60)
        await asyncio.sleep(0.1)  # for the statement itself to begin
    with Pace() as pace:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pace.seconds < 1
    if dialect in RUNNING:
        await asyncio.to_thread(until_running, urls[dialect], dialect, 0)
    monkeypatch.undo()
    guarded = check_sql("SELECT count(*) FROM trade", card, dialect=dialect)
    assert (await database.arun(guarded.sql)).rows == [(40,)]


@pytest.mark.parametrize("dialect", ALL)
def test_writes_do_not_happen_even_past_the_guard(urls: dict[str, str], dialect: str) -> None:
    database, _ = opened(urls, dialect)
    for sql in (
        "DELETE FROM trade",
        "DROP TABLE trade",
        "INSERT INTO complex VALUES (99, 'x', 1)",
        "CREATE TABLE leak AS SELECT * FROM buyer",
    ):
        if dialect == "mysql" and sql.startswith(("DROP", "CREATE")):
            continue  # implicit commit: only the guard and the grants stop DDL there
        with pytest.raises(QueryError):
            database.run(sql)
    assert raw(urls[dialect], "SELECT count(*) FROM trade")[0][0] == 40


@pytest.mark.parametrize("dialect", ALL)
def test_row_and_byte_limits(urls: dict[str, str], dialect: str) -> None:
    database, card = opened(urls, dialect, row_limit=5)
    guarded = check_sql("SELECT id FROM trade ORDER BY id", card, SQLPolicy(row_limit=5), dialect)
    rows = database.run(guarded.sql)
    assert (len(rows.rows), rows.truncated) == (5, True)
    database, card = opened(urls, dialect, max_bytes=200)
    guarded = check_sql("SELECT district FROM trade", card, SQLPolicy(), dialect)
    rows = database.run(guarded.sql)
    assert rows.truncated
    assert 0 < len(rows.rows) < 40


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("postgres", "SELECT CAST(name AS INTEGER) AS x FROM trade"),
        ("duckdb", "SELECT CAST(name AS INTEGER) AS x FROM trade"),
    ],
)
def test_driver_text_stays_here(
    urls: dict[str, str], dialect: str, sql: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    database, card = opened(urls, dialect)
    with pytest.raises(QueryError) as failed:
        database.run(check_sql(sql, card, dialect=dialect).sql)
    error = failed.value
    assert error.code == "cast_failed"
    assert "단지" not in f"{error!r}{error}{error.args}{error.__cause__}{caplog.text}"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://root@127.0.0.1:1/test",
        "mysql+pymysql://root@127.0.0.1:1/test",
        "sqlite:////nowhere/secret.sqlite",
        "duckdb:////nowhere/secret.duckdb",
    ],
)
def test_database_away(url: str) -> None:
    card = SchemaCard({"trade": ["id"]})
    database = open_database(url, card.tables, SQLPolicy())
    with pytest.raises(QueryError) as failed:
        database.run("SELECT 1")
    assert failed.value.code == "unavailable"
    assert "secret" not in str(failed.value)
    with pytest.raises(QueryError):
        SchemaCard.from_engine(url)


def test_killed_in_mid_query(urls: dict[str, str]) -> None:
    url = urls["postgres"]
    database, _ = opened(urls, "postgres", timeout=10)
    engine = sqlalchemy.create_engine(url)

    def kill() -> None:
        with engine.connect() as connection:
            while not connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'active'"
                " AND query LIKE 'FETCH%%'"  # rows are read through a cursor
                " AND pid <> pg_backend_pid() AND datname = current_database()"
            ).all():
                connection.rollback()
                time.sleep(0.02)

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(QueryError) as failed:
        database.run("SELECT pg_sleep(9)")
    thread.join()
    engine.dispose()
    assert failed.value.code == "unavailable"


def test_duckdb_needs_a_file_and_its_child_imports_nothing_of_ours() -> None:
    with pytest.raises(ConfigurationError, match="use a file"):
        open_database("duckdb://", SchemaCard({"t": ["a"]}).tables, SQLPolicy())
    from langchain_privacy.sql.execute import duckdb as room

    out = subprocess.run(
        [sys.executable, "-X", "importtime", "-I", str(room._CHILD)],
        input=b"",
        capture_output=True,
        check=False,
    )
    assert b"| langchain" not in out.stderr.replace(b"  ", b"")


def test_card_reads_names_types_and_keys_only(tmp_path: Path) -> None:
    file = tmp_path / "card.sqlite"
    with sqlite3.connect(file) as connection:
        connection.executescript(
            "CREATE TABLE patient (id INTEGER PRIMARY KEY, name TEXT DEFAULT '홍길동', "
            "grade TEXT CHECK (grade IN ('HIV', 'TB')), ward_id INTEGER REFERENCES ward(id));"
            "CREATE TABLE ward (id INTEGER PRIMARY KEY, label TEXT);"
            "INSERT INTO patient VALUES (1, '김철수', 'HIV', 1);"
            "CREATE VIEW v AS SELECT * FROM patient WHERE name = '이영희';"
        )
    card = SchemaCard.from_engine(f"sqlite:///{file}", denied_columns=["patient.name"])
    assert card.render() == (
        "patient\n  id (integer, primary key)\n  grade (text)\n"
        "  ward_id (integer, references ward.id)\nward\n  id (integer, primary key)\n  label (text)"
    )


@pytest.mark.slow
@pytest.mark.parametrize(("dialect", "sql", "code"), SAME)
def test_counting_groups_changes_no_row(
    urls: dict[str, str], dialect: str, sql: str, code: str
) -> None:
    """Of groups that are never empty none is small with k of 1: the rows are the plain ones."""
    database, card = opened(urls, dialect)
    guarded = check_sql(sql, card, SQLPolicy(), dialect)
    if not guarded.aggregates:
        return
    plain = database.run(guarded.sql).rows
    large = with_groups_of(guarded, 1)
    small = sum(len(database.run(left_out).rows) for left_out in large.small)
    kept, withheld = shown(database.run(large.sql).rows, large, small)
    assert sorted(map(repr, kept)) == sorted(map(repr, plain))
    assert not withheld


LARGE = {
    # Complexes 1 to 5 have six trades, 6 and 0 have five; the dearest groups are the small ones.
    "before LIMIT": (
        "SELECT name, count(*) AS n FROM trade GROUP BY name ORDER BY n, name LIMIT 3",
        [("단지1", 6), ("단지2", 6), ("단지3", 6)],
        2,
    ),
    "a summary of groups": (
        "SELECT max(n) AS m, count(*) AS c FROM "
        "(SELECT name, count(*) AS n FROM trade GROUP BY name) AS q",
        [(6, 5)],
        0,
    ),
    "a summary of groups in WITH": (
        "WITH q AS (SELECT name, count(*) AS n FROM trade GROUP BY name) SELECT min(n) AS m FROM q",
        [(6,)],
        0,
    ),
    "one group": ("SELECT avg(price) AS a FROM trade WHERE id < 4", [], 1),
    "HAVING of its own": (
        "SELECT name, count(*) AS n FROM trade GROUP BY name HAVING name > '단지3' ORDER BY name",
        [("단지5", 6)],
        2,  # 단지6, and one with it
    ),
    "both sides of a union": (
        "SELECT name AS v, count(*) AS n FROM trade WHERE name IN ('단지1', '단지6') GROUP BY name "
        "UNION ALL SELECT district, count(*) FROM trade WHERE id < 4 GROUP BY district",
        [("단지1", 6)],
        4,
    ),
    "distinct": ("SELECT DISTINCT count(*) AS n FROM trade GROUP BY name", [(6,)], 2),
    "a scalar subquery": (
        "SELECT name FROM complex WHERE households > "
        "(SELECT avg(price) FROM trade WHERE id < 4) ORDER BY name",
        [],
        0,
    ),
}


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "duckdb", "mysql"])
@pytest.mark.parametrize("form", LARGE)
def test_small_groups_leave_before_anything_else(
    urls: dict[str, str], dialect: str, form: str
) -> None:
    sql, rows, left_out = LARGE[form]
    database, card = opened(urls, dialect)
    large = with_groups_of(check_sql(sql, card, SQLPolicy(), dialect), 6)
    small = sum(len(database.run(statement).rows) for statement in large.small)
    kept, withheld = shown(database.run(large.sql).rows, large, small)
    assert kept == rows
    assert withheld == left_out


def test_bare_columns_of_sqlite_stay_those_of_the_extreme_row(urls: dict[str, str]) -> None:
    database, card = opened(urls, "sqlite")
    sql = (
        "SELECT district, MAX(mean) AS m FROM "
        "(SELECT district, AVG(price) AS mean FROM trade GROUP BY district)"
    )
    guarded = check_sql(sql, card, SQLPolicy(), "sqlite")
    large = with_groups_of(guarded, 5)
    assert database.run(large.sql).rows == raw(urls["sqlite"], sql)
    sql = "SELECT name, MAX(price) AS m FROM trade"
    large = with_groups_of(check_sql(sql, card, SQLPolicy(), "sqlite"), 5)
    assert [row[:2] for row in database.run(large.sql).rows] == raw(urls["sqlite"], sql)
