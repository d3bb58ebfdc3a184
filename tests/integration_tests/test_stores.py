"""One vault, many real processes, real SQLite, PostgreSQL and Redis, and kills in the middle."""

import asyncio
import multiprocessing
import random
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.store.postgres import PostgresStore
from langgraph.store.postgres.aio import AsyncPostgresStore
from langgraph.store.sqlite import SqliteStore

from langchain_privacy.errors import SessionError, VaultIntegrityError
from langchain_privacy.vault import StoreVault
from tests.integration_tests.store_worker import KEY, VALUES, open_store, work
from tests.support.processes import Process


@pytest.fixture(params=["sqlite", "postgres", "redis"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        address = str(tmp_path / "vault.db")
        with SqliteStore.from_conn_string(address) as store:
            store.setup()
            # A commit that waits for the disk takes most of the time, and power does not fail here.
            store.conn.execute("PRAGMA journal_mode=WAL")
    elif request.param == "redis":
        address = str(request.getfixturevalue("redis_database"))
    else:
        address = request.getfixturevalue("postgres_database")
        with PostgresStore.from_conn_string(address) as store:
            store.setup()
    return address


class Worker:
    def __init__(self, address: str, session_id: str, seed: int) -> None:
        self.pipe, end = multiprocessing.Pipe()
        self.process = Process(work, end, address, session_id, seed)
        end.close()
        assert self.pipe.recv() == "ready"

    def go(self) -> None:
        self.pipe.send("go")

    def acknowledged(self) -> list[tuple[str, str, str]]:
        """Read on until the process ends, of itself or killed."""
        said = []
        while True:
            try:
                said.append(self.pipe.recv())
            except (EOFError, OSError):
                return said


def check(address: str, session_id: str, acknowledged: list[tuple[str, str, str]]) -> None:
    """Nothing acknowledged is lost, and no code means two values, for anybody who opens it."""
    meaning: dict[str, set[str]] = defaultdict(set)
    with open_store(address) as store:
        session = StoreVault(store, KEY).session(session_id)
        for code, value, ref in acknowledged:
            meaning[code].add(value)
            entry = session.lookup("NAME", code)
            assert entry is not None
            assert entry.value == value
            assert session.issue("NAME", value).value == value
            assert session.documents.get(ref) == value.replace("Person", "Letter")
        for entry in session.entries():
            meaning[entry.code].add(entry.value)
        assert all(len(values) == 1 for values in meaning.values())
        values = [e.value for e in session.entries()]
        assert len(values) == len(set(values))


def test_processes_agree_on_every_code(address: str) -> None:
    workers = [Worker(address, "t", seed) for seed in range(3)]
    for worker in workers:
        worker.go()
    acknowledged = [worker.acknowledged() for worker in workers]
    assert [len(a) for a in acknowledged] == [VALUES] * 3
    assert [w.process.result() for w in workers] == [None] * 3
    codes: dict[str, set[str]] = defaultdict(set)
    for code, value, _ in [a for each in acknowledged for a in each]:
        codes[value].add(code)
    assert len(codes) == VALUES
    # One code a value, but for the moment in which two processes win with it at two lengths.
    assert sum(len(c) > 1 for c in codes.values()) <= 1
    check(address, "t", [a for each in acknowledged for a in each])


@pytest.mark.parametrize("kills", [1, pytest.param(12, marks=pytest.mark.slow)])
def test_kills_lose_nothing_that_was_acknowledged(address: str, kills: int) -> None:
    chance = random.Random(7)
    acknowledged: list[tuple[str, str, str]] = []
    for round_ in range(kills):
        workers = [Worker(address, "t", 10 * round_ + n) for n in range(2)]
        for worker in workers:
            worker.go()
        time.sleep(chance.uniform(0.05, 0.6))
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            acknowledged += worker.acknowledged()
        check(address, "t", acknowledged)
    last = Worker(address, "t", 99)
    last.go()
    done = last.acknowledged()
    assert len(done) == VALUES
    check(address, "t", acknowledged + done)


def test_forgetting_reaches_a_process_that_writes(address: str) -> None:
    worker = Worker(address, "t", 1)
    worker.go()
    for _ in range(5):
        assert worker.pipe.recv()
    with open_store(address) as store:
        vault = StoreVault(store, KEY)
        vault.forget("t")
        worker.acknowledged()
        with pytest.raises(EOFError):  # it died of an error
            worker.process.result()
        rows = store.search(("langchain_privacy",), limit=10_000)
        assert {row.key for row in rows if "keys" not in row.namespace} <= {"forgotten"}
        assert vault.session("t").entries() == []


def test_nothing_private_reaches_the_database(postgres_database: str) -> None:
    with PostgresStore.from_conn_string(postgres_database) as store:
        store.setup()
        session = StoreVault(store, KEY).session("jane-thread", tenant="jane-tenant")
        entry = session.issue("NAME", "Jane Doe")
        session.documents.put("A letter to Jane Doe")
    with psycopg.connect(postgres_database) as connection:
        kept = str(connection.execute("SELECT * FROM store").fetchall())
        for word in ("Jane", "jane", "letter", "NAME", entry.code):
            assert word not in kept
        # One byte changed in the row itself.
        connection.execute(
            "UPDATE store SET value = jsonb_set(value, '{sealed}', to_jsonb("
            "overlay(value->>'sealed' placing 'A/A/' from 40))) WHERE prefix LIKE '%values'"
        )
        connection.commit()
        before = connection.execute("SELECT count(*) FROM store").fetchall()
    with PostgresStore.from_conn_string(postgres_database) as store:
        session = StoreVault(store, KEY).session("jane-thread", tenant="jane-tenant")
        with pytest.raises(VaultIntegrityError):
            session.entries()
    with psycopg.connect(postgres_database) as connection:
        assert connection.execute("SELECT count(*) FROM store").fetchall() == before


async def test_async_postgres_from_threads(postgres_database: str) -> None:
    async with AsyncPostgresStore.from_conn_string(postgres_database) as store:
        await store.setup()
        vault = StoreVault(store, KEY)

        def use(worker: int) -> list[Any]:
            session = vault.session("t")
            return [session.issue("NAME", f"Person {n}") for n in range(worker, worker + 20)]

        issued = await asyncio.gather(*(asyncio.to_thread(use, worker) for worker in range(4)))
        entries = {(e.value, e.code) for each in issued for e in each}
        assert len(entries) == len({value for value, _ in entries}) == 23
        await asyncio.to_thread(vault.forget, "t")
        with pytest.raises(SessionError):
            await asyncio.to_thread(vault.session("t").documents.get, "doc_0")
