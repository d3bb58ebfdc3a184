import asyncio
import contextlib
import copy
import gc
import pickle
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore
from langgraph.store.sqlite.aio import AsyncSqliteStore

from langchain_privacy.errors import (
    ConfigurationError,
    SessionError,
    VaultError,
    VaultIntegrityError,
)
from langchain_privacy.vault import StoreVault, VaultKey, store_session

KEY, OTHER = b"k" * 32, b"o" * 32
SECRET = "Jane Doe 900101-1234567"


def dump(store: Any) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {(*i.namespace, i.key): i.value for i in store.search((), limit=100_000)}


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "memory":
        yield InMemoryStore()
        return
    with SqliteStore.from_conn_string(str(tmp_path / "vault.db")) as sqlite:
        sqlite.setup()
        sqlite.conn.execute("PRAGMA synchronous=OFF")  # waiting for the disk is not under test
        yield sqlite


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the store every time, as a session otherwise does after a second."""
    monkeypatch.setattr(store_session, "RECHECK", 0.0)


def test_processes_with_one_store_and_key_agree(store: Any) -> None:
    first = StoreVault(store, KEY).session("t", tenant="acme")
    entry = first.issue("NAME", SECRET)
    ref = first.documents.put("A letter", {"page": 1})
    second = StoreVault(store, VaultKey(KEY)).session("t", tenant="acme")
    assert second.id == first.id
    assert second.lookup("NAME", entry.code) == entry
    assert second.issue("NAME", SECRET) == entry
    assert [m.entry for m in second.find(f"it is {SECRET}.")] == [entry]
    assert second.documents.get(ref) == "A letter"
    assert second.documents.metadata(ref) == {"page": 1}
    assert second.documents.refs() == [ref]
    # Also what comes later, without opening the session again: a code is asked for in the store.
    later = first.issue("NAME", "김하나 \ud800\0")
    assert second.lookup("NAME", later.code) == later
    assert second.version == 2


def test_sessions_and_tenants_do_not_share(store: Any) -> None:
    vault = StoreVault(store, KEY)
    entry = vault.session("t").issue("NAME", SECRET)
    ref = vault.session("t").documents.put("text")
    for other in (vault.session("u"), vault.session("t", tenant="acme"), vault.session()):
        assert other.lookup("NAME", entry.code) is None
        assert other.entries() == []
        with pytest.raises(SessionError):
            other.documents.get(ref)
    assert vault.session("t").entries() == vault.session("t").entries() == [entry]


def test_nothing_private_is_in_the_store(store: Any, tmp_path: Path) -> None:
    session = StoreVault(store, KEY).session("jane-thread", tenant="jane-tenant")
    entry = session.issue("NAME", SECRET)
    session.documents.put(f"A letter to {SECRET}", {"who": SECRET})
    kept = str(dump(store)).encode()
    for file in tmp_path.iterdir():
        kept += file.read_bytes()
    for word in (b"Jane", b"jane", b"900101", b"letter", b"NAME", entry.code.encode(), KEY):
        assert word not in kept
    assert b"sealed" in kept


def test_a_session_without_an_id_is_not_stored(store: Any) -> None:
    vault = StoreVault(store, KEY)
    session = vault.session()
    session.issue("NAME", SECRET)
    session.documents.put(SECRET)
    assert len(dump(store)) <= 1
    assert vault.live_sessions() in ([session], [])


def test_a_wrong_key_is_an_error_and_loses_nothing(store: Any) -> None:
    StoreVault(store, KEY).session("t").issue("NAME", SECRET)
    before = dump(store)
    for use in (
        lambda vault: vault.session("t").entries(),
        lambda vault: vault.forget("t"),
        lambda vault: vault.rotate(),
    ):
        with pytest.raises(VaultIntegrityError, match="another key"):
            use(StoreVault(store, OTHER))
    assert dump(store) == before
    assert StoreVault(store, KEY).session("t").entries()[0].value == SECRET


@pytest.mark.parametrize("part", ["values", "documents", "keys", "session"])
def test_a_changed_record_is_an_error_and_loses_nothing(store: Any, part: str) -> None:
    vault = StoreVault(store, KEY)
    ref = vault.session("t").documents.put("text")
    vault.session("t").issue("NAME", SECRET)
    (place,) = [p for p, value in dump(store).items() if part in p and "sealed" in value]
    box = dump(store)[place]["sealed"]

    def use() -> None:
        vault = StoreVault(store, KEY)
        session = vault.session("t")
        session.entries()
        session.documents.get(ref)
        vault.rotate()

    for at in {*range(0, len(box), 5), *range(len(box) - 4, len(box))}:
        other = "A" if box[at] != "A" else "B"
        store.put(place[:-1], place[-1], {"sealed": box[:at] + other + box[at + 1 :]})
        changed = dump(store)
        with pytest.raises(VaultIntegrityError):
            use()
        assert dump(store) == changed
    for value in ({}, {"sealed": None}, {"sealed": ""}, {"sealed": "AQ=="}, {"sealed": [box]}):
        store.put(place[:-1], place[-1], value)
        with pytest.raises(VaultIntegrityError):
            use()
    store.put(place[:-1], place[-1], {"sealed": box})
    use()


def test_records_that_were_swapped_do_not_open(store: Any) -> None:
    vault = StoreVault(store, KEY)
    for value in ("Jane", "Joe"):
        vault.session("t").issue("NAME", value)
    (a, one), (b, two) = [(p, v) for p, v in dump(store).items() if "values" in p]
    store.put(a[:-1], a[-1], two)
    store.put(b[:-1], b[-1], one)
    with pytest.raises(VaultIntegrityError, match="belong elsewhere"):
        StoreVault(store, KEY).session("t").entries()


@pytest.mark.usefixtures("impatient")
def test_forgetting_erases_for_every_process(store: Any) -> None:
    mine, theirs = StoreVault(store, KEY), StoreVault(store, KEY)
    held, other = mine.session("t"), theirs.session("t")
    entry = held.issue("NAME", SECRET)
    ref = other.documents.put("text")
    assert other.lookup("NAME", entry.code)
    mine.session("kept").issue("NAME", "Joe")
    mine.forget("t")
    for session in (held, other):
        for act in (
            lambda s=session: s.issue("NAME", SECRET),
            lambda s=session: s.lookup("NAME", entry.code),
            lambda s=session: s.find(SECRET),
            lambda s=session: s.documents.put("more"),
            lambda s=session: s.documents.get(ref),
            lambda s=session: s.documents.refs(),
        ):
            with pytest.raises(SessionError, match="was forgotten"):
                act()
    assert not [p for p in dump(store) if held._place.root[1] in p and p[-1] != "forgotten"]
    anew = theirs.session("t")
    assert anew is not other
    assert anew.entries() == []
    assert anew.lookup("NAME", entry.code) is None
    assert [e.value for e in mine.session("kept").entries()] == ["Joe"]


def test_forgetting_on_a_full_disk(tmp_path: Path) -> None:
    with SqliteStore.from_conn_string(str(tmp_path / "vault.db")) as store:
        store.setup()
        store.conn.execute("PRAGMA synchronous=OFF")
        vault = StoreVault(store, KEY)
        held = vault.session("t")
        held.issue("NAME", SECRET)
        held.documents.put("x" * 20_000)  # more than a page, so that erasing it makes room
        (pages,) = store.conn.execute("PRAGMA page_count").fetchone()
        store.conn.execute(f"PRAGMA max_page_count={pages}")
        for size in (4000, 400, 40, 1):  # no room at all
            with contextlib.suppress(sqlite3.Error):
                for number in range(1000):
                    store.put(("other",), f"{size} {number}", {"text": "x" * size})
        with pytest.raises(VaultError):
            vault.session("u").issue("NAME", SECRET)
        vault.forget("t")
        assert not [place for place in dump(store) if held._place.root[1] in place][1:]
        with pytest.raises(SessionError, match="was forgotten"):
            held.find(SECRET)
        assert vault.session("t").entries() == []


def test_what_is_written_while_it_is_forgotten_does_not_stay(store: Any) -> None:
    """A process that has just looked writes after another one has erased the session."""
    for write in (
        lambda session: session.issue("NAME", SECRET),
        lambda session: session.documents.put(f"A letter to {SECRET}"),
    ):
        session = StoreVault(store, KEY).session("t")
        session.issue("NAME", "Joe")
        StoreVault(store, KEY).forget("t")
        with pytest.raises(SessionError, match="was forgotten"):
            write(session)
        assert not [p for p in dump(store) if "values" in p or "documents" in p]


def test_an_expired_session_is_erased(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(store_session.Records, "now", lambda _: now)
    monkeypatch.setattr(store_session, "RECHECK", 0.0)
    vault = StoreVault(store, KEY, ttl=timedelta(seconds=60))
    held = vault.session("t")
    entry = held.issue("NAME", SECRET)
    vault.session("u").issue("NAME", "Joe")
    now += 50
    held.lookup("NAME", entry.code)
    now += 50
    assert held.find(SECRET)
    assert vault.purge_expired() == 1  # u
    now += 11
    with pytest.raises(SessionError, match="has expired"):
        held.find(SECRET)
    assert held not in vault.live_sessions()
    assert vault.session("t").entries() == []
    assert not [p for p in dump(store) if "values" in p]


def test_keys_are_rotated_and_placeholders_stay(store: Any) -> None:
    old = StoreVault(store, KEY)
    entries = {}
    for name in ("t", "u", "v"):
        session = old.session(name, tenant="acme")
        entries[name] = [session.issue("NAME", f"{name} {n}") for n in range(20)]
        ref = session.documents.put("text", {"page": 1})
    # Opening a session moves it; `rotate` moves the others, and the old key is done.
    both = StoreVault(store, OTHER, previous_keys=[KEY])
    held = both.session("t", tenant="acme")
    assert held._donor is None
    assert list(held.entries()) == entries["t"]
    assert held.issue("NAME", "t 3") == entries["t"][3]
    assert both.rotate() == 2
    assert both.rotate() == 0
    new = StoreVault(store, OTHER)
    for name, issued in entries.items():
        session = new.session(name, tenant="acme")
        assert session.entries() == issued
        assert all(session.lookup("NAME", e.code) == e for e in issued)
        assert session.documents.refs() == [session.documents.refs()[0]]
    assert new.session("v", tenant="acme").documents.get(ref) == "text"
    with pytest.raises(VaultIntegrityError, match="another key"):
        StoreVault(store, KEY).session("t", tenant="acme").entries()


def test_a_rotation_that_was_killed_is_run_again(store: Any) -> None:
    session = StoreVault(store, KEY).session("t")
    entries = [session.issue("NAME", str(n)) for n in range(5)]

    class Killed(BaseException):
        pass

    for after in range(0, 40, 3):
        both = StoreVault(store, OTHER, previous_keys=[KEY])
        left = after

        def put_all(*args: Any, real: Any = both._records.put_all) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            real(*args)

        both._records.put_all = put_all
        with contextlib.suppress(Killed):
            both.rotate()
    StoreVault(store, OTHER, previous_keys=[KEY]).rotate()
    found = StoreVault(store, OTHER).session("t").entries()
    assert found == entries


def test_sessions_are_live_while_somebody_holds_them(store: Any) -> None:
    vault = StoreVault(store, KEY)
    held = vault.session("t")
    held.issue("NAME", SECRET)
    vault.session("u")
    gc.collect()
    assert vault.live_sessions() == [held]
    later = vault.session("t")
    assert vault.live_sessions() in ([held], [later])
    assert later.find(SECRET)
    assert later._order == held._order


def test_collisions_lengthen(store: Any) -> None:
    session = StoreVault(store, KEY).session("t")
    entries = [session.issue("T", str(n)) for n in range(300)]
    assert len({e.code for e in entries}) == 300
    assert {len(e.code) for e in entries} >= {4, 5}
    again = StoreVault(store, KEY).session("t")
    assert all(again.lookup("T", e.code) == e for e in entries)


def test_a_kill_between_the_writes_of_an_issue_loses_nothing(store: Any) -> None:
    class Killed(BaseException):
        pass

    for after in range(4):
        session = StoreVault(store, KEY).session("t")
        left = after

        def put_all(*args: Any, real: Any = session._records.put_all) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            real(*args)

        session._records.put_all = put_all
        with contextlib.suppress(Killed):
            session.issue("NAME", SECRET)
        other = StoreVault(store, KEY).session("t")
        for entry in other.entries():
            assert other.lookup("NAME", entry.code) == entry
    entry = StoreVault(store, KEY).session("t").issue("NAME", SECRET)
    fresh = StoreVault(store, KEY).session("t")
    fresh._stale = False  # ask the store for the code, not for all values
    assert fresh.lookup("NAME", entry.code) == entry


def test_a_store_that_fails_says_nothing_of_what_was_written(tmp_path: Path) -> None:
    with SqliteStore.from_conn_string(str(tmp_path / "vault.db")) as store:
        store.setup()
        session = StoreVault(store, KEY).session("t")
        store.conn.close()
        with pytest.raises(VaultError, match="ProgrammingError") as caught:
            session.issue("NAME", SECRET)
    assert caught.value.__context__ is None
    assert SECRET not in repr(caught.value)


def test_metadata_that_is_not_json_is_refused(store: Any) -> None:
    room = StoreVault(store, KEY).session("t").documents
    with pytest.raises(ConfigurationError, match="must be JSON"):
        room.put("text", {"when": timedelta(1)})


def test_it_does_not_pickle() -> None:
    vault = StoreVault(InMemoryStore(), KEY)
    vault.session("t").issue("NAME", SECRET)
    with pytest.raises(ConfigurationError, match="on each machine"):
        pickle.dumps(vault)
    assert copy.deepcopy(vault) is vault


def test_arguments_are_checked(store: Any) -> None:
    for arguments in ({"code_length": 3}, {"ttl": timedelta(0)}, {"previous_keys": [b"short"]}):
        with pytest.raises(ConfigurationError):
            StoreVault(store, KEY, **arguments)
    with pytest.raises(ConfigurationError, match="32 bytes"):
        StoreVault(store, b"short")
    with pytest.raises(ConfigurationError, match="needs a store"):
        StoreVault(sqlite3.connect(":memory:"), KEY)


async def test_an_async_store_works_from_threads(tmp_path: Path) -> None:
    async with AsyncSqliteStore.from_conn_string(str(tmp_path / "vault.db")) as store:
        await store.setup()
        vault = StoreVault(store, KEY)

        def use() -> Any:
            session = vault.session("t")
            entry = session.issue("NAME", SECRET)
            assert session.lookup("NAME", entry.code) == entry
            return session

        opened_here = vault.session("t")
        session = await asyncio.to_thread(use)
        await asyncio.to_thread(opened_here.entries)
        for held in (session, opened_here):
            held._checked = 0.0  # looking again can wait until a thread asks
            assert [m.entry.value for m in held.find(SECRET)] == [SECRET]
            with pytest.raises(ConfigurationError, match="own event loop"):
                held.issue("NAME", "new")
        assert {s.id for s in vault.live_sessions()} == {session.id}
