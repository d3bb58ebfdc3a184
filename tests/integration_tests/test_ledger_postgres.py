"""The same ledger on PostgreSQL."""

import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from langchain_privacy.egress import EgressLedger
from langchain_privacy.errors import LedgerError
from tests.integration_tests.test_ledger_kill import kill_at_random
from tests.integration_tests.writer_process import CROSSING


@pytest.fixture
def url(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A schema of one's own, and a folder for the signing key."""
    monkeypatch.setenv("LANGCHAIN_PRIVACY_HOME", str(tmp_path / "home"))
    engine = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    schema = f"ledger_{uuid.uuid4().hex[:12]}"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    yield f"{postgres_url}?options=-csearch_path%3D{schema}"
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


def test_append_verify_retain(url: str) -> None:
    from datetime import UTC, datetime, timedelta

    ledger = EgressLedger(url)
    for _ in range(5):
        ledger.append(CROSSING)
    assert EgressLedger(url).verify().records == 5
    with ledger._database.engine.begin() as connection:
        connection.execute(text("UPDATE egress_records SET bytes_out = 2 WHERE seq = 3"))
    with pytest.raises(LedgerError) as caught:
        ledger.verify()
    assert caught.value.record == 3
    assert ledger.retain(datetime.now(UTC) + timedelta(days=1)) == 5
    assert ledger.verify().first == 6
    ledger.close()


def plan_of_spent(ledger: EgressLedger) -> str:
    with ledger._database.engine.connect() as connection:
        connection.execute(text("SET enable_seqscan = off"))  # the table is too small to matter
        statement = ledger._database.ask.spent._text
        rows = connection.exec_driver_sql(f"EXPLAIN {statement}", {"in_session": "s"})
        return " ".join(row[0] for row in rows)


def test_a_budget_is_summed_from_an_index(url: str) -> None:
    ledger = EgressLedger(url)
    for _ in range(5):
        ledger.append(CROSSING)
    assert "egress_spent" in plan_of_spent(ledger)
    before = ledger.verify()
    with ledger._database.engine.begin() as connection:
        connection.execute(text("DROP INDEX egress_spent"))
    again = EgressLedger(url)  # from before there was an index
    assert "egress_spent" in plan_of_spent(again)
    assert again.verify() == before
    assert again.spent("s") == 5


def test_a_writer_that_may_not_make_the_index_writes_all_the_same(url: str) -> None:
    from sqlalchemy import make_url

    owner = EgressLedger(url)
    role = f"writer_{uuid.uuid4().hex[:12]}"
    (schema,) = re.findall(r"ledger_\w+", url)
    with owner._database.engine.begin() as connection:
        connection.execute(text("DROP INDEX egress_spent"))
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'w'"))
        connection.execute(text(f"GRANT ALL ON SCHEMA {schema} TO {role}"))
        connection.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}"))
    as_writer = make_url(url).set(username=role, password="w")
    writer = EgressLedger(as_writer.render_as_string(hide_password=False))
    assert writer.append(CROSSING, limit=1) == (1, True)
    assert writer.append(CROSSING, limit=1) == (2, False)
    writer.close()
    assert owner.verify().last == 2
    with owner._database.engine.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))
    owner.close()


def test_many_threads_and_two_ledgers(url: str) -> None:
    ledgers = [EgressLedger(url), EgressLedger(url)]
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda i: ledgers[i % 2].append(CROSSING)[0], range(100)))
    assert sorted(numbers) == list(range(1, 101))
    assert ledgers[0].verify().records == 100
    for ledger in ledgers:
        ledger.close()


def test_a_few_kills(url: str, tmp_path: Path) -> None:
    assert kill_at_random(url, tmp_path, 4) > 0


def test_a_server_that_is_not_there_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGCHAIN_PRIVACY_HOME", str(tmp_path))
    with pytest.raises(LedgerError, match=r"cannot open") as caught:
        EgressLedger("postgresql://user:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(caught.value)
