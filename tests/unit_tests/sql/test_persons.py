"""`k` counted in persons: a table that holds a patient several times, asked in every usual form."""

import sqlite3
from typing import Any

import pytest

from langchain_privacy.errors import ConfigurationError, UnsafeSQLError
from langchain_privacy.masking import Masker
from langchain_privacy.sql import SchemaCard, SQLPolicy, check_sql, create_private_sql_graph
from langchain_privacy.sql.k_anonymity import persons_of, shown, with_groups_of
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.sql.small import plan

# flu: six visits of six patients; cold: eight visits of two.
VISITS = [*((n, "flu", 10 * n) for n in range(1, 7)), *((7 + n % 2, "cold", n) for n in range(8))]
CARD = SchemaCard(
    {
        "visit": {"id": "integer", "patient_id": "integer", "diagnosis": "text", "fee": "integer"},
        "patient": {"id": "integer", "city": "text"},
        "fees": {"diagnosis": "text", "most": "integer"},
    }
)
PERSONS = frozenset({"visit.patient_id", "patient.id"})


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("persons") / "clinic.sqlite"
    with sqlite3.connect(file) as connection:
        connection.executescript(
            "CREATE TABLE visit (id INTEGER PRIMARY KEY, patient_id INT, diagnosis TEXT, fee INT);"
            "CREATE TABLE patient (id INTEGER PRIMARY KEY, city TEXT);"
            "CREATE TABLE fees (diagnosis TEXT, most INT);"
            "INSERT INTO fees VALUES ('flu', 50), ('cold', 5);"
        )
        connection.executemany(
            "INSERT INTO visit (patient_id, diagnosis, fee) VALUES (?, ?, ?)", VISITS
        )
        connection.executemany("INSERT INTO patient VALUES (?, 'Seoul')", [(n,) for n in range(9)])
    return f"sqlite:///{file}"


def asked(url: str, sql: str, k: int = 5, persons: frozenset[str] = PERSONS) -> tuple[Any, int]:
    guarded = check_sql(sql, CARD, SQLPolicy(), "sqlite")
    large = with_groups_of(guarded, k, persons_of(CARD, persons))
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    small = sum(len(connection.execute(left_out).fetchall()) for left_out in large.small)
    rows, withheld = shown(connection.execute(large.sql).fetchall(), large, small)
    connection.close()
    return rows, withheld


BY_DIAGNOSIS = "SELECT diagnosis, COUNT(*) AS n FROM visit GROUP BY diagnosis ORDER BY 1"
FORMS = {
    # one group is small, so the other goes with it
    "a table": (BY_DIAGNOSIS, []),
    "a join": (
        "SELECT diagnosis, COUNT(*) AS n FROM visit JOIN patient ON patient.id = visit.patient_id "
        "WHERE diagnosis = 'flu' GROUP BY diagnosis",
        [("flu", 6)],
    ),
    "a subquery without the column": (
        "SELECT q.d, AVG(q.fee) AS a FROM (SELECT diagnosis AS d, fee FROM visit) AS q "
        "WHERE q.d = 'flu' GROUP BY q.d",
        [("flu", 35.0)],
    ),
    "a small group in a subquery": (
        "SELECT q.d, AVG(q.fee) AS a FROM (SELECT diagnosis AS d, fee FROM visit) AS q "
        "WHERE q.d = 'cold' GROUP BY q.d",
        [],
    ),
    "WITH, read twice": (
        "WITH v AS (SELECT fee, diagnosis FROM visit) SELECT COUNT(*) AS n FROM v "
        "WHERE fee > (SELECT AVG(fee) FROM v)",
        [(5,)],
    ),
    "UNION ALL": (
        "SELECT COUNT(*) AS n FROM (SELECT fee FROM visit UNION ALL SELECT most FROM fees) AS q",
        [(16,)],
    ),
    "DISTINCT with the column": (
        "SELECT COUNT(*) AS n FROM (SELECT DISTINCT patient_id, diagnosis FROM visit) AS q",
        [(8,)],
    ),
    "a group each person": (
        "SELECT AVG(q.n) AS a FROM (SELECT patient_id, COUNT(*) AS n FROM visit "
        "GROUP BY patient_id) AS q",
        [(1.75,)],
    ),
    "a group each person, without the column": (
        "SELECT q.n, COUNT(*) AS c FROM (SELECT COUNT(*) AS n FROM visit GROUP BY patient_id) AS q "
        "WHERE q.n = 1 GROUP BY q.n",
        [(1, 6)],
    ),
    "a group each person, WITH": (
        "WITH per AS (SELECT patient_id, SUM(fee) AS s FROM visit GROUP BY 1) "
        "SELECT COUNT(*) AS n FROM per WHERE s > 20",
        [],
    ),
    "the persons themselves": (
        "SELECT patient_id, COUNT(*) AS n FROM visit GROUP BY patient_id",
        [],
    ),
    "the persons behind WITH": (
        "WITH per AS (SELECT patient_id, SUM(fee) AS s FROM visit GROUP BY 1) SELECT s FROM per",
        [],
    ),
    "groups of groups": (
        "SELECT MAX(n) AS m FROM (SELECT diagnosis, COUNT(*) AS n FROM visit GROUP BY 1) AS q",
        [(6,)],
    ),
    "FILTER": (
        "SELECT COUNT(*) FILTER (WHERE diagnosis = 'cold') AS n FROM visit",
        [],
    ),
    "no persons in it": ("SELECT COUNT(*) AS n FROM fees", []),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_groups_of_persons(url: str, form: str) -> None:
    sql, rows = FORMS[form]
    assert asked(url, sql)[0] == rows


def test_without_persons_rows_are_counted(url: str) -> None:
    assert asked(url, BY_DIAGNOSIS, persons=frozenset())[0] == [("cold", 8), ("flu", 6)]


@pytest.mark.parametrize(
    "inner",
    [
        "SELECT DISTINCT diagnosis FROM visit",
        "SELECT diagnosis FROM visit UNION SELECT diagnosis FROM fees",
        "SELECT diagnosis FROM visit EXCEPT SELECT diagnosis FROM fees",
    ],
)
def test_persons_that_are_merged_cannot_be_counted(url: str, inner: str) -> None:
    with pytest.raises(UnsafeSQLError) as refused:
        asked(url, f"SELECT COUNT(*) AS n FROM ({inner}) AS q")
    assert refused.value.code == "persons"


@pytest.mark.parametrize("name", ["visit.nobody", "nowhere.id", "patient_id"])
def test_a_column_that_is_not_there(name: str) -> None:
    with pytest.raises(ConfigurationError, match="persons"):
        persons_of(CARD, [name])


def test_the_person_is_told_what_was_withheld(url: str) -> None:
    reply = plan(BY_DIAGNOSIS, full="- [[hidden_value_{row}_diagnosis]]")
    card = SchemaCard.from_engine(url)
    policy = SQLPolicy(k=5, persons=PERSONS)
    graph = create_private_sql_graph(
        ScriptedChatModel(responses=[reply]), url, card=card, masker=Masker([]), policy=policy
    )
    result = graph.invoke({"question": "진단마다 몇 건?"})
    assert (result["rows"], result["report"]["withheld"]) == ([], 2)
    assert "모든 그룹이 5명 미만" in result["answer"]
