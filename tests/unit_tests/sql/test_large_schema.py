"""A schema of 400 tables: what crosses of it, what is read for it, and what is kept."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy.errors import QueryError
from langchain_privacy.masking import Masker
from langchain_privacy.sql import (
    ColumnCard,
    SchemaCard,
    SQLPolicy,
    TableCard,
    create_private_sql_graph,
)
from langchain_privacy.sql.choosing import TableIndex, tokens_of
from langchain_privacy.sql.execute import open_database
from langchain_privacy.sql.reading import KIND, ValueReader
from langchain_privacy.vault import InMemoryVault, StoreVault
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.sql.small import plan

SUBJECTS = (
    *("customer", "order", "invoice", "payment", "shipment", "product", "supplier", "employee"),
    *("warehouse", "ticket", "contract", "vehicle", "patient", "visit", "claim", "policy"),
    *("account", "branch", "campaign", "lead"),
)
PARTS = (
    *("detail", "daily", "monthly", "archive", "log", "status", "type", "history", "import"),
    *("export", "draft", "summary", "link", "note", "address", "price", "tax", "audit"),
    *("config", "event"),
)
FIELDS = (
    *("amount", "name", "created", "region", "code", "memo", "owner", "grade", "rate"),
    *("quantity", "flag", "start", "finish"),
)


def columns(subject: str) -> dict[str, str]:
    kinds = ("decimal", "text", "date")
    return {"id": "integer", f"{subject}_id": "integer"} | {
        field: kinds[at % 3] for at, field in enumerate(FIELDS)
    }


@pytest.fixture(scope="module")
def large() -> SchemaCard:
    tables = [
        TableCard(
            name=f"{subject}_{part}",
            columns=tuple(ColumnCard(name=n, type=t) for n, t in columns(subject).items()),
            primary_key=("id",),
            foreign_keys=((f"{subject}_id", f"{subject}_detail", "id"),)
            + ((("owner", f"{SUBJECTS[at - 1]}_detail", "id"),) if part == "detail" and at else ()),
        )
        for at, subject in enumerate(SUBJECTS)
        for part in PARTS
    ]
    return SchemaCard(tables, descriptions={"payment_tax": "고객이 낸 부가세"})


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("large") / "large.sqlite"
    lines = ["BEGIN"]
    for subject in SUBJECTS:
        for part in PARTS:
            written = ", ".join(f"{name} {kind.upper()}" for name, kind in columns(subject).items())
            lines.append(f"CREATE TABLE {subject}_{part} ({written})")
            lines += [
                f"INSERT INTO {subject}_{part} (id, name, owner) "
                f"VALUES ({n}, '{subject} {part} {n}', '김소유{n}')"
                for n in range(3)
            ]
    with sqlite3.connect(target) as connection:
        connection.executescript(";".join([*lines, "COMMIT"]))
    return target


def test_what_a_question_is_about_is_chosen(large: SchemaCard) -> None:
    index = TableIndex(large)

    def chosen(question: str, *, names: Any = (), wanted: Any = (), room: int = 1_500) -> Any:
        return index.choose(question, columns=names, wanted=wanted, room=room)

    assert chosen("shipments by status").tables[0] == "shipment_status"
    assert chosen("ShipmentStatus").tables[0] == "shipment_status"
    assert chosen("지난달 부가세는 얼마?").tables[0] == "payment_tax"
    taxes = chosen("invoice tax of [CUSTOMER_7K2Q]", names=["visit_note.name"])
    assert {"invoice_tax", "visit_note"} <= set(taxes.tables)
    # customer - order - invoice: what joins two tables comes with them.
    assert "order_detail" in chosen("customer detail, invoice detail", room=4_000).tables
    assert "lead_event" in chosen("nothing of it", wanted=["LEAD_EVENT", "no_such"]).tables
    for question in ("shipments by status", "전혀 다른 질문", "id", "amount"):
        for room in (700, 1_500, 3_000):
            assert tokens_of(chosen(question, room=room).text) <= room * 1.05
    nothing = chosen("전혀 다른 질문")
    assert nothing.tables == ()
    assert "customer_" in nothing.text


def test_the_prompt_is_short_and_the_model_may_ask_for_more(large: SchemaCard, file: Path) -> None:
    sql = "SELECT count(*) AS n FROM lead_event"
    model = ScriptedChatModel(
        responses=[
            json.dumps({"more_tables": ["lead_event", "no_such_table"]}),
            plan(sql, single="[[hidden_value_1_n]]건"),
        ]
    )
    graph = create_private_sql_graph(
        model, f"sqlite:///{file}", card=large, masker=Masker([]), policy=SQLPolicy(repairs=0)
    )
    result = graph.invoke({"question": "shipment status 가 아닌 것은?"})
    assert result["answer"] == "3건"
    first, second = (call["messages"][0]["data"]["content"] for call in model.seen)
    for text in (first, second):
        assert tokens_of(text) <= 4_000
    assert "shipment_status: id (integer, primary key)" in first
    assert "lead_event: id" not in first
    assert "lead_event: id" in second
    assert tokens_of(large.render()) > 25_000


def test_asking_for_more_ends(large: SchemaCard, file: Path) -> None:
    names = [table.name for table in large.tables]
    more = [json.dumps({"more_tables": names[at : at + 10]}) for at in range(0, 100, 10)]
    graph = create_private_sql_graph(
        ScriptedChatModel(responses=more), f"sqlite:///{file}", card=large, masker=Masker([])
    )
    result = graph.invoke({"question": "무엇이든"})
    assert result["rows"] is None
    assert result["report"]["issues"] == ["no_plan"] * 3


def reader(url: str, card: SchemaCard, vault: Any = None, **policy: Any) -> ValueReader:
    limits = SQLPolicy(**policy)
    return ValueReader(
        open_database(url, card.tables, limits.for_values()),
        card,
        most=limits.link_values,
        seconds=2 * limits.timeout,
        vault=vault or InMemoryVault(),
        place=url,
    )


def test_values_of_all_tables_are_read_on_one_connection(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{file}"
    card = SchemaCard.from_engine(url)
    opened = 0
    connect = sqlite3.connect

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal opened
        opened += 1
        return connect(*args, **kwargs)

    monkeypatch.setattr(sqlite3, "connect", counted)
    found = reader(url, card).read()
    assert opened == 1
    values = {f"{table.name}.{column.name}": values for table, column, values in found}
    assert len(values) == len(card.linkable())
    assert sorted(values["lead_event.name"]) == [f"lead event {n}" for n in range(3)]


@pytest.mark.parametrize("kind", ["sqlite", "duckdb", "postgres", "mysql"])
def test_a_column_that_fails_is_left_out_alone(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import uuid

    import sqlalchemy

    name = f"lp_{uuid.uuid4().hex[:8]}"
    lines = [
        f"CREATE TABLE {name} (id INTEGER, a VARCHAR(20), b VARCHAR(20), c VARCHAR(20))",
        f"INSERT INTO {name} VALUES (1, 'x', 'p', 'u'), (2, 'y', 'p', 'u')",
    ]
    admin = None
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'a.sqlite'}"
    elif kind == "duckdb":
        url = f"duckdb:///{tmp_path / 'a.duckdb'}"
    else:
        raw = sqlalchemy.make_url(request.getfixturevalue(f"{kind}_url"))
        driver = "postgresql+psycopg" if kind == "postgres" else "mysql+pymysql"
        url = raw.set(drivername=driver).render_as_string(hide_password=False)
    if kind == "duckdb":
        import duckdb

        with duckdb.connect(str(tmp_path / "a.duckdb")) as connection:
            for line in lines:
                connection.execute(line)
    else:
        admin = sqlalchemy.create_engine(url)
        with admin.begin() as connection:
            for line in lines:
                connection.exec_driver_sql(line)
    try:
        # The card says more than the database has: that column fails, the others do not.
        card = SchemaCard(
            {name: ["id", "a", "b", "gone", "c"]},
            linkable=[f"{name}.{column}" for column in ("a", "b", "gone", "c")],
        )
        found = {column.name: sorted(values) for _, column, values in reader(url, card).read()}
        assert found == {"a": ["x", "y"], "b": ["p"], "c": ["u"]}
    finally:
        if admin is not None:
            with admin.begin() as connection:
                connection.exec_driver_sql(f"DROP TABLE {name}")
            admin.dispose()


def test_a_slow_column_does_not_end_the_run(tmp_path: Path) -> None:
    file = tmp_path / "slow.sqlite"
    with sqlite3.connect(file) as connection:
        connection.executescript(
            "CREATE TABLE few (name TEXT); INSERT INTO few VALUES ('김민수');"
            "CREATE VIEW endless AS WITH RECURSIVE r(n) AS "
            "(SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT 'v' || (n % 3) AS word FROM r;"
        )
    url = f"sqlite:///{file}"
    card = SchemaCard.from_engine(url, tables=["endless", "few"])
    found = reader(url, card, timeout=0.2).read()
    assert [(table.name, values) for table, _, values in found] == [("few", ["김민수"])]
    sql = "SELECT count(*) AS n FROM few WHERE name = :v1"
    model = ScriptedChatModel(responses=[plan(sql, single="[[hidden_value_1_n]]명")])
    graph = create_private_sql_graph(
        model, url, card=card, masker=Masker([]), policy=SQLPolicy(timeout=0.5)
    )
    assert graph.invoke({"question": "김민수는 몇 명?"})["answer"] == "1명"
    assert "김민수" not in model.seen_text


def test_a_database_that_is_away_ends_the_run(tmp_path: Path) -> None:
    card = SchemaCard({"t": ["a"]}, linkable=["t.a"])
    with pytest.raises(QueryError) as away:
        reader(f"sqlite:///{tmp_path / 'nothing.sqlite'}", card).read()
    assert away.value.code == "unavailable"


def test_values_outlive_the_process_encrypted(tmp_path: Path) -> None:
    file = tmp_path / "few.sqlite"
    with sqlite3.connect(file) as connection:
        connection.executescript("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('김비밀');")
    url = f"sqlite:///{file}"
    card = SchemaCard.from_engine(url)
    kept = tmp_path / "vault.sqlite"

    def read() -> list[str]:
        vault = StoreVault.sqlite(kept, key=b"k" * 32)
        ((_, _, values),) = reader(url, card, vault).read()
        return values

    assert read() == ["김비밀"]
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO t VALUES ('박새값')")
    assert read() == ["김비밀"]  # of the vault, not of the database
    for name in tmp_path.glob("vault*"):
        assert "김비밀".encode() not in name.read_bytes()
        assert KIND.encode() not in name.read_bytes()
    memory = InMemoryVault()
    assert len(reader(url, card, memory).read()[0][2]) == 2
    assert memory.live_sessions() == []
