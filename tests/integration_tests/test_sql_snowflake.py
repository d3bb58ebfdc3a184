"""Snowflake, played by fakesnow's server over loopback HTTP, through Snowflake's own connector.

`make test-snowflake` makes both environments and runs this. What the emulator has no notion of is
not shown here: roles, session parameters, and stopping a statement on the server; that we ask for
them is.
"""

import asyncio
import gzip
import importlib.util
import json
import logging
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy.errors import ConfigurationError, QueryError
from langchain_privacy.masking import Masker
from langchain_privacy.sql import SchemaCard, SQLPolicy, check_sql, create_private_sql_graph
from langchain_privacy.sql.execute import open_database
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.sql.small import plan

SERVER = Path(__file__).parents[2] / ".make/peers/snowflake/bin/fakesnow"
pytestmark = [
    pytest.mark.skipif(not SERVER.exists(), reason="no emulator of Snowflake: make test-snowflake"),
    pytest.mark.skipif(
        importlib.util.find_spec("snowflake") is None,
        reason="no connector of Snowflake: make test-snowflake",
    ),
]
DISTRICTS = ["성동구 옥수동", "강남구 대치동", "양천구 신월동"]
TABLES = [
    "CREATE SCHEMA IF NOT EXISTS hr",
    "CREATE TABLE public.trade (id INT PRIMARY KEY, district TEXT, price INT, sold DATE, "
    "body VARIANT, fee NUMBER(10, 2))",
    *(
        f"INSERT INTO public.trade SELECT {n}, '{DISTRICTS[n % 2]}', {1000 * n}, "
        f"'2024-01-0{1 + n % 3}', PARSE_JSON('{{\"floor\": {n}}}'), {n}.5"
        for n in range(1, 13)
    ),
    f"INSERT INTO public.trade SELECT 13, '{DISTRICTS[2]}', 77, '2024-01-05', NULL, 1",
    'CREATE TABLE hr.staff (id INT, salary INT, "금액（원）" INT, "Mixed" INT, "low" INT)',
    "INSERT INTO hr.staff VALUES (1, 77, 7, 8, 9)",
    "CREATE VIEW hr.rich AS SELECT id FROM hr.staff WHERE salary > 50",
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    from snowflake.connector import connect

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [str(SERVER), "-s", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        assert any("running on" in line for line in server.stderr)
        threading.Thread(target=server.stderr.read, daemon=True).start()
        named = {"user": "u", "password": "p", "account": "a", "database": "DB", "schema": "PUBLIC"}
        named |= {"host": "127.0.0.1", "protocol": "http"}
        with connect(port=port, platform_detection_timeout_seconds=0, **named) as connection:
            for line in TABLES:
                connection.cursor().execute(line)
        yield f"snowflake://u:p@a/DB/PUBLIC?host=127.0.0.1&port={port}&protocol=http&role=READER"
    finally:
        server.kill()
        server.wait()


def rows(url: str, card: SchemaCard, sql: str, **slots: Any) -> list[tuple[Any, ...]]:
    checked = check_sql(sql, card, dialect="snowflake", slots=frozenset(slots))
    return open_database(url, card.tables, SQLPolicy()).run(checked.sql, slots).rows


def test_the_card_of_a_database(url: str) -> None:
    card = SchemaCard.from_engine(url)
    assert card.render().splitlines() == [
        "trade",
        "  id (decimal, primary key)",
        "  district (text)",
        "  price (decimal)",
        "  sold (date)",
        "  body (json)",
        "  fee (decimal)",
    ]
    several = SchemaCard.from_engine(
        url, schema=["public", "hr"], views=True, denied_columns=["hr.staff.salary"]
    )
    assert [table.name for table in several.tables] == ["public.trade", "hr.staff", "hr.rich"]
    # A quoted name without capitals has no way onto a card; others are as they are.
    assert [c.name for c in several.tables[1].columns] == ["id", "금액（원）", "Mixed"]
    joined = "SELECT t.price, s.mixed FROM public.trade t JOIN hr.staff s ON s.id = t.id"
    assert rows(url, several, joined) == [(1000, 8)]
    assert rows(url, several, 'SELECT "금액（원）" FROM hr.staff') == [(7,)]
    with pytest.raises(ConfigurationError, match="Set schema="):
        SchemaCard.from_engine(url, schema="nothing")


def test_statements_give_the_rows_that_they_say(url: str) -> None:
    card = SchemaCard.from_engine(url)
    for sql, expected in (
        ("SELECT count(*) FROM trade WHERE district = :v1", [(6,)]),
        ("SELECT count(*) FROM trade WHERE district = :v1 AND district <> ':v1?'", [(6,)]),
        ("SELECT body:floor::int AS f FROM trade WHERE id = 3", [(3,)]),
        ("SELECT id FROM trade QUALIFY row_number() OVER (ORDER BY price DESC) = 1", [(12,)]),
        ("SELECT median(price), max(fee) FROM trade WHERE id < 4", [(2000, 3.5)]),
        (
            "WITH RECURSIVE d AS (SELECT DATE '2024-01-01' AS x UNION ALL "
            "SELECT dateadd(day, 1, x) FROM d WHERE x < '2024-01-05') "
            "SELECT count(t.id) FROM d LEFT JOIN trade t ON t.sold = d.x GROUP BY d.x ORDER BY d.x",
            [(4,), (4,), (4,), (0,), (1,)],
        ),
        (
            "SELECT t.id, s.n FROM trade t, LATERAL (SELECT count(*) AS n FROM trade u "
            "WHERE u.district = t.district) s WHERE t.id = 13",
            [(13, 1)],
        ),
    ):
        slots = {"v1": DISTRICTS[0]} if ":v1 " in f"{sql} " else {}
        assert rows(url, card, sql, **slots) == expected


def test_a_question_is_answered_and_its_value_does_not_cross(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sql = "SELECT count(*) AS n FROM trade WHERE district LIKE '%' || :v1 || '%'"
    model = ScriptedChatModel(responses=[plan(sql, single="[[hidden_value_1_n]]건")])
    card = SchemaCard.from_engine(url)
    graph = create_private_sql_graph(model, url, card=card, masker=Masker([]))
    assert graph.invoke({"question": "옥수동 거래는 몇 건이야?"})["answer"] == "6건"
    assert "옥수동" not in model.seen_text
    assert "Snowflake" in model.seen_text
    assert [line for line in caplog.messages if "옥수동" in line] == []


def test_small_groups_are_left_out_before_the_limit(url: str) -> None:
    sql = "SELECT district, avg(price) AS m FROM trade GROUP BY district ORDER BY m LIMIT 1"
    model = ScriptedChatModel(responses=[plan(sql, full="{row}. [[hidden_value_{row}_district]]")])
    card = SchemaCard.from_engine(url)
    graph = create_private_sql_graph(model, url, card=card, policy=SQLPolicy(k=5))
    result = graph.invoke({"question": "What is the mean price of a district?"})
    assert DISTRICTS[2] not in str(result["rows"])
    assert result["report"]["withheld"]


def test_errors_are_codes(url: str) -> None:
    card = SchemaCard.from_engine(url)
    with pytest.raises(QueryError) as failed:
        rows(url, card, "SELECT to_number(district) FROM trade")
    assert failed.value.code == "cast_failed"
    assert "옥수동" not in str(failed.value)
    database = open_database(url, card.tables, SQLPolicy(row_limit=3))
    assert database.run("SELECT id FROM trade").truncated
    with pytest.raises(QueryError) as absent:
        database.run("SELECT id FROM nothing")
    assert absent.value.code == "forbidden"


class _Login(BaseHTTPRequestHandler):
    """Writes down who logs in, and lets nobody."""

    seen: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.seen.append({"path": self.path, **json.loads(body)["data"]})
        no = json.dumps({"success": False, "code": "390100", "message": "no", "data": {}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(no)))
        self.end_headers()
        self.wfile.write(no)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def test_the_session_has_one_role_and_our_limits() -> None:
    seen: list[dict[str, Any]] = []
    handler = type("Login", (_Login,), {"seen": seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = (
            f"snowflake://u:p@a/DB/PUBLIC?host=127.0.0.1&port={server.server_port}&protocol=http"
            "&role=READER&secondary_roles=ALL&paramstyle=pyformat"
        )
        with pytest.raises(QueryError) as refused:
            open_database(url, (), SQLPolicy(timeout=7, row_limit=9)).run("SELECT 1")
    finally:
        server.shutdown()
        server.server_close()
    assert refused.value.code == "unavailable"
    assert "roleName=READER" in seen[0]["path"]
    assert seen[0]["SECONDARY_ROLES"] == "NONE"
    asked = seen[0]["SESSION_PARAMETERS"]
    assert asked["STATEMENT_TIMEOUT_IN_SECONDS"] == 7
    assert asked["ROWS_PER_RESULTSET"] == 10
    assert asked["MULTI_STATEMENT_COUNT"] == 1
    assert asked["QUOTED_IDENTIFIERS_IGNORE_CASE"] is False


SLOW = (
    "SELECT count(*) FROM (SELECT seq4() AS a FROM TABLE(GENERATOR(ROWCOUNT => 30000))) x, "
    "(SELECT seq4() AS a FROM TABLE(GENERATOR(ROWCOUNT => 300000))) y WHERE x.a * y.a = 7"
)


async def test_a_runaway_frees_its_caller(url: str) -> None:
    # Last in this file: the emulator goes on with it until it is killed.
    limited = open_database(url, (), SQLPolicy(timeout=1))
    with pytest.raises(QueryError) as stopped:
        await limited.arun(SLOW)
    assert stopped.value.code == "timeout"
    task = asyncio.create_task(open_database(url, (), SQLPolicy(timeout=600)).arun(SLOW))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
