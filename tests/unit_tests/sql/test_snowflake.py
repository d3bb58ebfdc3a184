"""Snowflake's dialect in the guard: what is written, what is refused, and names in capitals."""

import sys

import pytest

from langchain_privacy.errors import ConfigurationError, UnsafeSQLError
from langchain_privacy.sql import ColumnCard, SchemaCard, TableCard, check_sql
from langchain_privacy.sql.dialects import stored
from langchain_privacy.sql.execute import open_database
from langchain_privacy.sql.execute.snowflake import of_card
from langchain_privacy.sql.policy import SQLPolicy

CARD = SchemaCard(
    [
        TableCard(
            name="trade",
            schema="public",
            columns=(
                *(ColumnCard(name="id", type="decimal"), ColumnCard(name="district", type="text")),
                *(ColumnCard(name="price", type="decimal"), ColumnCard(name="sold", type="date")),
                *(ColumnCard(name="body", type="json"), ColumnCard(name="Mixed", type="text")),
            ),
            denied=frozenset({"phone"}),
            partial=True,
        )
    ]
)


def checked(sql: str) -> str:
    return check_sql(sql, CARD, dialect="snowflake", slots=frozenset({"v1"})).sql


@pytest.mark.parametrize(
    ("sql", "written"),
    [
        (
            "SELECT district, \"MIXED\" FROM TRADE WHERE price > :v1",
            'SELECT "TRADE"."DISTRICT" AS "C1", "TRADE"."Mixed" AS "C2" FROM "PUBLIC"."TRADE" '
            'AS "TRADE" WHERE "TRADE"."PRICE" > :v1 LIMIT 10001',
        ),
        (
            "SELECT body:a.b::int AS n FROM trade LIMIT 3",
            "CAST(GET_PATH(\"TRADE\".\"BODY\", 'a.b') AS INT)",
        ),
        ("SELECT get_path(body, 'a') FROM public.trade", "GET_PATH(\"TRADE\".\"BODY\", 'a')"),
        (
            "SELECT listagg(district, ',') WITHIN GROUP (ORDER BY district) FROM trade",
            "LISTAGG(\"TRADE\".\"DISTRICT\", ',') WITHIN GROUP (ORDER BY \"TRADE\".\"DISTRICT\")",
        ),
        ("SELECT dateadd(day, 1, max(sold)) FROM trade", 'DATEADD(DAY, 1, MAX("TRADE"."SOLD"))'),
        ("SELECT position('a' in district) FROM trade", "CHARINDEX('a', \"TRADE\".\"DISTRICT\")"),
        (
            "SELECT id FROM trade QUALIFY row_number() OVER (ORDER BY price) = 1",
            'QUALIFY ROW_NUMBER() OVER (ORDER BY "TRADE"."PRICE") = 1',
        ),
        ("SELECT TOP 3 id FROM trade", "LIMIT 3"),
        (
            "WITH RECURSIVE d AS (SELECT DATE '2024-01-01' AS x UNION ALL "
            "SELECT dateadd(day, 1, x) FROM d WHERE x < '2024-01-31') "
            "SELECT d.x, count(t.id) FROM d LEFT JOIN trade t ON t.sold = d.x GROUP BY d.x",
            '"STEPS" < 10000',
        ),
        (
            "SELECT t.id, s.n FROM trade t, LATERAL (SELECT count(*) AS n FROM trade u "
            "WHERE u.district = t.district) s",
            "LATERAL (SELECT COUNT(*)",
        ),
    ],
    ids=range(10),
)  # fmt: skip
def test_a_statement_is_written_in_the_names_of_the_database(sql: str, written: str) -> None:
    assert written in checked(sql)


ATTACKS = [
    "SELECT phone FROM trade",
    "SELECT * FROM trade",
    "SELECT $1 FROM trade",
    "SELECT id FROM @stage",
    "SELECT id FROM @~/file.csv",
    "SELECT id FROM 's3://bucket/x'",
    "SELECT id FROM trade AT (OFFSET => -60)",
    "SELECT id FROM trade BEFORE (STATEMENT => 'x')",
    "SELECT id FROM trade CHANGES (INFORMATION => DEFAULT) AT (OFFSET => -60)",
    "SELECT IDENTIFIER('phone') FROM trade",
    "SELECT id FROM IDENTIFIER('hr.salary')",
    "SELECT id FROM TABLE('hr.salary')",
    "SELECT * FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))",
    "SELECT * FROM TABLE(information_schema.query_history())",
    "SELECT t.id, f.value FROM trade t, LATERAL FLATTEN(input => body) f",
    "SELECT t.id, f.value FROM trade t, TABLE(FLATTEN(t.body)) f",
    "SELECT seq4() FROM TABLE(GENERATOR(ROWCOUNT => 1000000000))",
    "SELECT $secret FROM trade",
    "SELECT SYSTEM$CANCEL_ALL_QUERIES(1) FROM trade",
    "SELECT SYSTEM$WAIT(60) FROM trade",
    "SELECT CURRENT_USER() FROM trade",
    "SELECT GETVARIABLE('X') FROM trade",
    "SELECT GET_DDL('table', 'hr.salary') FROM trade",
    "SELECT RANDSTR(100000, RANDOM()) FROM trade",
    "SELECT REPEAT('x', 1000000) FROM trade",
    "SELECT PARSE_JSON(district) FROM trade",
    "SELECT district:a FROM trade",
    "SELECT GET_PATH(body, district) FROM trade",
    "SELECT body[district] FROM trade",
    "SELECT AI_COMPLETE('m', district) FROM trade",
    "SELECT SNOWFLAKE.CORTEX.COMPLETE('m', district) FROM trade",
    "SELECT my_external_function(district) FROM trade",
    "SELECT db.public.trade.id FROM db.public.trade",
    "SELECT id FROM other.public.trade",
    "SELECT id FROM hr.trade",
    "SELECT table_name FROM information_schema.tables",
    "SELECT id FROM trade SAMPLE (10)",
    "SELECT id FROM trade MATCH_RECOGNIZE (PATTERN (a) DEFINE a AS TRUE)",
    "SELECT id FROM trade PIVOT (max(price) FOR district IN ('a'))",
    "SELECT id FROM trade START WITH id = 1 CONNECT BY id = PRIOR id",
    "SELECT a.id FROM trade a ASOF JOIN trade b MATCH_CONDITION (a.sold >= b.sold)",
    "SELECT id FROM trade -- x",
    "SELECT id FROM trade // x",
    "SELECT id /* x */ FROM trade",
    "SELECT id FROM trade WHERE district = 'a\\' OR 1 = 1 --'",
    "SELECT id FROM trade WHERE district = $$a$$",
    "SELECT id FROM trade; DROP TABLE trade",
    "SELECT id FROM trade ->> SELECT * FROM $1",
    "SELECT id INTO x FROM trade",
    "INSERT INTO trade (id) VALUES (1)",
    "COPY INTO @stage FROM trade",
    "CALL x()",
    "EXECUTE IMMEDIATE 'SELECT 1'",
    "BEGIN RETURN 1; END",
    "SHOW TABLES",
    "USE ROLE ACCOUNTADMIN",
    "ALTER SESSION SET TIMEZONE = 'UTC'",
    "GET @stage file:///tmp",
    "SELECT id FROM trade WHERE id = ?",
    "SELECT id FROM trade WHERE id = %(v1)s",
    "SELECT id FROM trade a, trade b, trade c",
    "SELECT id::variant FROM trade",
    "SELECT id FROM trade ORDER BY ALL",
    "SELECT id FROM trade FOR UPDATE",
    "SELECT * ILIKE '%o%' FROM trade",
    "SELECT TRANSFORM(body, x -> x + 1) FROM trade",
]  # fmt: skip


@pytest.mark.parametrize("sql", ATTACKS, ids=range(len(ATTACKS)))
def test_what_is_more_than_a_question_is_refused(sql: str) -> None:
    with pytest.raises(UnsafeSQLError):
        checked(sql)


def test_a_name_without_capitals_was_never_quoted() -> None:
    assert [stored(name, "snowflake") for name in ("trade", "Mixed", "금액")] == [
        "TRADE",
        "Mixed",
        "금액",
    ]
    assert stored("trade", "postgres") == "trade"
    assert [of_card(name) for name in ("TRADE", "Mixed", "금액", "low")] == [
        "trade",
        "Mixed",
        "금액",
        None,
    ]


def test_a_database_of_snowflake_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "snowflake://u:secret@account/db/public"
    monkeypatch.setitem(sys.modules, "snowflake.connector", None)
    database = open_database(url, CARD.tables, SQLPolicy())
    with pytest.raises(ConfigurationError, match=r"langchain-privacy\[snowflake\]") as missing:
        database.run("SELECT 1")
    assert "secret" not in str(missing.value)
