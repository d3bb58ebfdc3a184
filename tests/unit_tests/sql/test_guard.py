"""The guard against statements in files: ours, and the outside corpus when it is there."""

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import langchain_privacy.sql
from langchain_privacy.errors import ConfigurationError, UnsafeSQLError
from langchain_privacy.sql import SchemaCard, SQLPolicy, check_sql, create_private_sql_graph
from langchain_privacy.sql.guard.refusal import REASONS
from tests.support.paths import shared_data
from tests.support.scripted import ScriptedChatModel

VECTORS = Path(__file__).parents[2] / "vectors" / "sql"
DIALECTS = ("sqlite", "postgres", "duckdb", "mysql")
ENTRY = re.compile(
    r"-- title: (.+)\n-- verdict: (refuse|allow)\n(?:-- code: (\w+)\n)?-- dialects: (.+)\n"
    r"((?:(?!-- title: ).*\n)*)"
)


def vectors(name: str) -> Iterator[object]:
    text = (VECTORS / f"{name}.sql").read_text(encoding="utf-8")
    for title, _, code, dialects, sql in ENTRY.findall(text):
        for dialect in DIALECTS if dialects == "all" else dialects.split():
            yield pytest.param(dialect, sql.rstrip("\n"), code, id=f"{dialect}: {title}")


@pytest.mark.parametrize(("dialect", "sql", "code"), list(vectors("refuse")))
def test_refuses(card: SchemaCard, dialect: str, sql: str, code: str) -> None:
    with pytest.raises(UnsafeSQLError) as refused:
        check_sql(sql, card, SQLPolicy(), dialect, slots=frozenset({"v1"}))
    assert refused.value.code == code
    line, column = refused.value.position or (0, 0)
    assert 1 <= line <= sql.count("\n") + 1
    assert 1 <= column <= len(sql) + 1


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("join", ["JOIN trade AS t{0}", "JOIN (trade AS t{0}", "LEFT JOIN trade"])
def test_joins_without_conditions_are_not_parsed(dialect: str, join: str) -> None:
    """Each would double the parser's work: 60 of them, and it never ends."""
    card = SchemaCard({"trade": ["id"]})
    joins = " ".join(join.format(number) for number in range(60))
    sql = f"SELECT 1 FROM trade {joins}{')' * joins.count('(')}"
    with pytest.raises(UnsafeSQLError) as refused:
        check_sql(sql, card, SQLPolicy(max_depth=100), dialect)
    assert refused.value.code == "too_complex"
    conditions = " ".join(f"JOIN trade AS t{n} ON t{n}.id = trade.id" for n in range(7))
    assert check_sql(f"SELECT trade.id FROM trade {conditions}", card, SQLPolicy(), dialect)


@pytest.mark.parametrize(("dialect", "sql", "code"), list(vectors("allow")))
def test_allows_and_what_it_writes_passes_again(
    card: SchemaCard, dialect: str, sql: str, code: str
) -> None:
    first = check_sql(sql, card, SQLPolicy(), dialect, slots=frozenset({"v1"}))
    again = check_sql(
        first.sql, card, SQLPolicy(max_limit=10_001), dialect, slots=frozenset({"v1"})
    )
    assert again.columns == first.columns
    assert again.tables == first.tables


def test_refusals_hold_no_text_of_the_statement(card: SchemaCard) -> None:
    for sql in (
        "SELECT 홍길동 FROM trade",
        "SELECT id FROM 홍길동",
        "SELECT 홍길동(id) FROM trade",
        "SELECT id AS 홍길동_900101_1234567 FROM trade",
        "SELECT id FROM trade WHERE '홍길동",
        "홍길동",
        "SELECT id FROM trade LIMIT 홍길동",
    ):
        with pytest.raises(UnsafeSQLError) as refused:
            check_sql(sql, card)
        error = refused.value
        assert "홍길동" not in f"{error} {error!r} {error.args} {error.__cause__} {vars(error)}"
        assert error.__suppress_context__ or error.__context__ is None


def test_every_code_is_tried() -> None:
    tried = {
        code for _, _, code, _, _ in ENTRY.findall((VECTORS / "refuse.sql").read_text("utf-8"))
    }
    assert set(REASONS) - tried == {"empty", "too_long", "parse"}


@pytest.mark.parametrize(
    ("sql", "code"),
    [("", "empty"), (" \n", "empty"), ("SELECT " + "1," * 8000, "too_long"), ("SELECT (", "parse")],
)
def test_unusable_text(card: SchemaCard, sql: str, code: str) -> None:
    with pytest.raises(UnsafeSQLError) as refused:
        check_sql(sql, card)
    assert refused.value.code == code


def test_no_log_line_holds_the_statement(
    card: SchemaCard, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    for sql in ("SET ROLE 홍길동", "LOAD 홍길동", "CREATE USER 홍길동", "SELECT 홍길동 FROM trade"):
        with pytest.raises(UnsafeSQLError):
            check_sql(sql, card, dialect="postgresql")
    assert "홍길동" not in caplog.text


def test_outside_corpus() -> None:
    records = [json.loads(line) for line in shared_data("sql_corpus.jsonl").open(encoding="utf-8")]
    card = SchemaCard(
        {
            "real_transaction": [
                *("id", "시군구", "단지명", "전용면적_m2", "거래금액_만원"),
                *("계약년월", "계약일", "층", "건축년도", "거래유형"),
            ],
            "danji": ["danji_id", "단지명", "세대수", "준공년월"],
            "buyer": ["buyer_id", "성명", "주민등록번호", "전화번호", "출생년도", "거래id"],
        },
        denied_columns={"buyer": ["성명", "주민등록번호", "전화번호"]},
    )
    wrong = []
    for record in records:
        try:
            check_sql(record["sql"], card, SQLPolicy(), record["dialect"])
            verdict = "allow"
        except UnsafeSQLError:
            verdict = "refuse"
        if verdict != record["verdict"]:
            wrong.append(record["id"])
    assert len(records) == 576
    assert wrong == []


def test_labels_lineage_and_order(card: SchemaCard) -> None:
    guarded = check_sql(
        "SELECT district, avg(price) AS mean, max(name) FROM trade GROUP BY 1 ORDER BY mean DESC",
        card,
    )
    assert guarded.labels == ("district", "mean", "max")
    assert guarded.origins == (
        (("trade", "district"),),
        (("trade", "price"),),
        (("trade", "name"),),
    )
    assert guarded.computed == (False, True, True)
    assert guarded.order_by == (1,)
    assert guarded.group_by == (0,)
    assert guarded.aggregates


def test_aliases_are_what_the_model_writes_and_real_names_what_runs() -> None:
    card = SchemaCard({"매출_홍길동": ["id", "금액"]}, aliases=True)
    assert "홍길동" not in card.render()
    guarded = check_sql("SELECT c2 FROM t1", card)
    assert guarded.sql.startswith('SELECT "t1"."금액" AS "c1" FROM "매출_홍길동" AS "t1"')
    assert guarded.labels == ("c2",)


def test_json_operators_of_mysql_are_written_as_both_servers_read_them(card: SchemaCard) -> None:
    sql = "SELECT body->>'$.by.age' AS age, body->'$.by' AS parts FROM note"
    written = check_sql(sql, card, dialect="mysql").sql
    assert "JSON_UNQUOTE(JSON_EXTRACT(`note`.`body`, '$.by.age')) AS `c1`" in written
    assert "JSON_EXTRACT(`note`.`body`, '$.by') AS `c2`" in written


@pytest.mark.parametrize("limit", [10_001, 50_000, 10_000_000])
def test_a_long_limit_is_cut_to_what_is_read(card: SchemaCard, limit: int) -> None:
    guarded = check_sql(f"SELECT name FROM trade LIMIT {limit}", card)
    assert guarded.sql.endswith("LIMIT 10001")
    with pytest.raises(UnsafeSQLError):
        check_sql(f"SELECT id FROM trade WHERE id IN (SELECT id FROM complex LIMIT {limit})", card)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_name_that_begins_with_a_number_needs_no_quotes(card: SchemaCard, dialect: str) -> None:
    sql = "SELECT district, sum(price) AS 1분기 FROM trade GROUP BY district ORDER BY 1분기"
    guarded = check_sql(sql, card, dialect=dialect)
    assert guarded.labels == ("district", "1분기")
    assert guarded.order_by == (1,)
    with pytest.raises(UnsafeSQLError):
        check_sql("SELECT price AS 1e5x FROM trade WHERE 1분기", card, dialect=dialect)


def test_policy_can_name_functions(card: SchemaCard) -> None:
    with pytest.raises(UnsafeSQLError):
        check_sql("SELECT soundex(name) FROM trade", card)
    check_sql("SELECT soundex(name) FROM trade", card, SQLPolicy(functions=frozenset({"soundex"})))
    with pytest.raises(UnsafeSQLError):
        check_sql(
            "SELECT upper(name) FROM trade", card, SQLPolicy(denied_functions=frozenset({"upper"}))
        )


def test_unknown_dialect(card: SchemaCard) -> None:
    with pytest.raises(ConfigurationError, match="sqlite, postgresql, duckdb"):
        check_sql("SELECT 1", card, dialect="access")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("mssql+pyodbc://u:secret@h/d", "SQL Server"),
        ("oracle+oracledb://u:secret@h/d", "Oracle"),
        ("bigquery://project", "BigQuery"),
    ],
)
def test_databases_that_are_not_guarded_are_refused_by_name(
    card: SchemaCard, url: str, name: str
) -> None:
    for ask in (
        lambda: check_sql("SELECT id FROM trade", card, dialect=url.partition(":")[0]),
        lambda: SchemaCard.from_engine(url),
        lambda: create_private_sql_graph(ScriptedChatModel(responses=["x"]), url, card=card),
    ):
        with pytest.raises(ConfigurationError, match=f"{name} cannot be asked privately") as no:
            ask()
        assert "secret" not in str(no.value)


def test_without_sqlglot_the_room_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    with pytest.raises(ConfigurationError, match=r"langchain-privacy\[sql\]"):
        importlib.reload(langchain_privacy.sql)
