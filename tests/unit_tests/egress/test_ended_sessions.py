"""The guard keeps no session alive, and asking it costs the same however many there are."""

import gc
import sys
from datetime import timedelta
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import Runnable

from langchain_privacy import EgressGuard, Masker, MaskingRunnable, RestoringRunnable
from langchain_privacy.detection import default_detectors
from langchain_privacy.errors import EgressBlockedError
from langchain_privacy.vault import InMemoryVault, VaultEntry, session_scope
from tests.support.scripted import ScriptedChatModel

SECRET = "jane.doe@corp-secret.example"


@pytest.fixture
def masker() -> Masker:
    return Masker(default_detectors(presidio=False))


def entries() -> int:
    gc.collect()
    return sum(isinstance(x, VaultEntry) for x in gc.get_objects())


def chain(masker: Masker) -> Runnable[Any, Any]:
    model = ScriptedChatModel(responses=[lambda messages: AIMessage(messages[-1].text)] * 400)
    guarded = EgressGuard(masker).wrap(model)
    return MaskingRunnable(masker) | guarded | RestoringRunnable(masker)


def test_no_entry_outlives_an_ephemeral_run_or_what_was_forgotten(masker: Masker) -> None:
    run = chain(masker)
    before = entries()
    for n in range(20):
        run.invoke([HumanMessage(f"Mail {SECRET} about {n}, Mira Solheim asked.")])
    assert entries() == before
    for n in range(10):
        session = masker.session(f"t{n}")
        masked = session.mask(f"Mail {SECRET} about {n}.")
        with session_scope(session.vault):
            EgressGuard(masker).examine([HumanMessage(masked)])
        del session
        masker.vault.forget(f"t{n}")
    assert entries() == before


def test_no_entry_outlives_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("langchain_privacy.vault.base.time.monotonic", lambda: now)
    vault = InMemoryVault(ttl=timedelta(seconds=60))
    masker = Masker(default_detectors(presidio=False), vault=vault)
    guard, before = EgressGuard(masker), entries()
    for n in range(10):
        session = masker.session(f"t{n}")
        masked = session.mask(f"Mail {SECRET} about {n}.")
        with session_scope(session.vault):
            guard.examine([HumanMessage(masked)])
        del session
    assert entries() > before
    now += 61
    guard.examine([HumanMessage("Nothing private is in here.")])
    masker.session("new").mask("nothing")
    assert entries() == before


def test_nothing_of_a_forgotten_session_is_known_afterwards(masker: Masker) -> None:
    guard = EgressGuard(masker)
    masker.session("a").mask(f"Mail {SECRET}.")
    with pytest.raises(EgressBlockedError):
        guard.examine([HumanMessage(f"to {SECRET}, base64 is not needed")])
    masker.vault.forget("a")
    assert not masker.vault.live_values.of_all(masker.vault).find(SECRET)


def calls_of(act: Any) -> int:
    count = 0

    def profile(frame: Any, event: str, _: Any) -> None:
        nonlocal count
        count += event == "call" and "langchain_privacy" in frame.f_code.co_filename

    sys.setprofile(profile)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


def test_asking_costs_the_same_however_many_sessions_live(masker: Masker) -> None:
    guard = EgressGuard(masker)
    message = [HumanMessage("Nothing private is in here, and no placeholder either.")]
    held = [masker.session("first")]
    guard.examine(message)
    few = calls_of(lambda: guard.examine(message))
    for n in range(300):
        held.append(masker.session(f"s{n}"))
        held[-1].mask(f"Mail person{n}@corp-secret.example.")
    guard.examine(message)  # takes in what is new, once
    assert calls_of(lambda: guard.examine(message)) <= few + 10


def test_a_value_of_another_conversation_does_not_cross() -> None:
    masker = Masker([])  # finds nothing by itself
    guard = EgressGuard(masker, detectors=[])
    other = masker.session("a")
    other.vault.issue("ACCOUNT", "110-234-567890")
    other.vault.issue("PERSON", "Mira Solheim")
    other.vault.issue("SECRET", "sunshine-99")
    mine = masker.session("b")
    with session_scope(mine.vault):
        with pytest.raises(EgressBlockedError):
            guard.examine([HumanMessage("to 110 234 567890")])
        # What can be guessed tells nobody that somebody else wrote it.
        guard.examine([HumanMessage("password: sunshine-99, from Mira Solheim")])
    # Masking knows no less than the guard.
    masked = mine.mask("to 110 234 567890")
    assert "567890" not in masked
    with session_scope(mine.vault):
        guard.examine([HumanMessage(masked)])
    assert mine.restore(masked) == "to 110 234 567890"
