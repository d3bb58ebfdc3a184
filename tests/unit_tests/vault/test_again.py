"""A session that begins again: what the one before has issued means nothing; nothing is lost."""

import gc
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.store.memory import InMemoryStore

from langchain_privacy import Masker
from langchain_privacy.errors import SessionError
from langchain_privacy.vault import InMemoryVault, StoreVault, VaultKey, store_session
from langchain_privacy.vault import base as vault_base
from tests.unit_tests.edge.conftest import EmailDetector

KEY, OTHER = b"k" * 32, b"o" * 32
PEOPLE = 300

VAULTS: dict[str, Callable[..., Any]] = {
    "memory": InMemoryVault,
    "memory with a key": lambda **more: InMemoryVault(KEY, **more),
    "store": lambda **more: StoreVault(InMemoryStore(), KEY, **more),
}


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("kind", VAULTS)
def test_codes_of_a_forgotten_session_resolve_to_nobody(kind: str, times: int) -> None:
    vault = VAULTS[kind]()
    before = [vault.session("t").issue("PERSON", f"old {n}") for n in range(PEOPLE)]
    for again in range(times):
        vault.forget("t")
        session = vault.session("t")
        now = [session.issue("PERSON", f"{again} {n}") for n in range(PEOPLE)]
        assert [e for e in before if session.lookup("PERSON", e.code) is not None] == []
        assert all(session.lookup("PERSON", e.code) == e for e in now)
        before += now
    # the same person has another placeholder: nobody can tell that it is the same
    assert vault.session("t").issue("PERSON", "old 0").code != before[0].code
    assert len(vault.session("never").issue("PERSON", "x").code) == 4


def test_processes_agree_about_a_session_that_began_again() -> None:
    store = InMemoryStore()
    first, second = StoreVault(store, KEY), StoreVault(store, KEY)
    old = first.session("t").issue("EMAIL", "old")
    first.forget("t")
    new = first.session("t").issue("EMAIL", "new")
    session = second.session("t")
    assert session.lookup("EMAIL", new.code) == new
    assert session.lookup("EMAIL", old.code) is None
    assert session.issue("EMAIL", "new") == new
    ref = session.documents.put("text")
    # and it can still be moved to another key
    rotated = StoreVault(store, OTHER, previous_keys=[KEY])
    assert rotated.rotate() == 1
    moved = StoreVault(store, OTHER).session("t")
    assert moved.lookup("EMAIL", new.code) == new
    assert moved.lookup("EMAIL", old.code) is None
    assert moved.documents.get(ref) == "text"


def test_codes_of_an_expired_session_resolve_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(vault_base.time, "monotonic", lambda: now)
    monkeypatch.setattr(store_session, "RECHECK", 0.0)
    for kind in VAULTS:
        vault = VAULTS[kind](ttl=timedelta(seconds=60))
        held = vault.session("t")
        before = [held.issue("PERSON", f"old {n}") for n in range(PEOPLE)]
        now += 61
        session = vault.session("t")
        for n in range(PEOPLE):
            session.issue("PERSON", f"new {n}")
        assert [e for e in before if session.lookup("PERSON", e.code)] == []
        with pytest.raises(SessionError):
            held.lookup("PERSON", before[0].code)


@pytest.mark.parametrize("step", [timedelta(days=365), timedelta(days=-365)])
def test_a_clock_that_is_set_loses_nothing(
    step: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_session, "RECHECK", 0.0)
    vault = StoreVault(InMemoryStore(), KEY, ttl=timedelta(hours=1))
    entry = vault.session("t").issue("EMAIL", "x")
    real = time.time
    monkeypatch.setattr(store_session.time, "time", lambda: real() + step.total_seconds())
    assert vault.session("t").lookup("EMAIL", entry.code) == entry
    assert vault.purge_expired() == 0
    vault.session("u").issue("EMAIL", "y")
    monkeypatch.setattr(store_session.time, "time", real)
    assert vault.session("t").lookup("EMAIL", entry.code) == entry
    assert vault.purge_expired() == 0


def test_a_conversation_is_read_once() -> None:
    """Thirty turns with the whole history each, as a graph has it."""
    read: dict[str, list[int]] = {}
    store = InMemoryStore()
    for name, vault in (("memory", InMemoryVault()), ("store", StoreVault(store, KEY))):
        detector = EmailDetector()
        masker = Masker([detector], vault=vault)
        history: list[Any] = []
        for turn in range(30):
            before = detector.characters
            history.append(HumanMessage(f"turn {turn}: " + "nothing of note. " * 20, id=str(turn)))
            history.append(HumanMessage(f"mail p{turn}@corp-secret.example", id=f"m{turn}"))
            history = masker.session("t").mask(history)
            read.setdefault(name, []).append(detector.characters - before)
    assert max(read["store"]) <= 1.2 * max(read["memory"])
    assert read["store"][29] <= 1.2 * read["store"][1]


def test_not_more_sessions_are_kept_than_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    vault = StoreVault(InMemoryStore(), VaultKey(KEY))
    for n in range(300):
        vault.session(str(n)).issue("EMAIL", "x")
    gc.collect()
    assert len(vault.live_sessions()) == 256
    vault.forget("299")
    with pytest.raises(SessionError):
        held = vault.session("298")
        vault.forget("298")
        held.entries()
    assert vault.session("299").entries() == []
