import copy
import gc
import pickle
import threading
from datetime import timedelta

import pytest

from langchain_privacy.errors import ConfigurationError, SessionError
from langchain_privacy.vault import InMemoryVault, VaultKey, VaultSession, base

SECRET = "Jane Doe"
KEY = b"k" * 32


def test_same_value_same_code_and_back() -> None:
    session = InMemoryVault().session("thread")
    entry = session.issue("NAME", SECRET)
    assert session.issue("NAME", SECRET) is entry
    assert session.lookup("NAME", entry.code) is entry
    assert session.lookup("EMAIL", entry.code) is None
    assert session.lookup("NAME", "ZZZZ") is None
    assert session.version == 1
    session.issue("NAME", "Other")
    assert [e.value for e in session.entries(1)] == ["Other"]


def test_sessions_and_tenants_do_not_share() -> None:
    vault = InMemoryVault()
    sessions = [
        vault.session("a"),
        vault.session("b"),
        vault.session("a", tenant="t"),
        vault.session("1:a"),
        vault.session("a", tenant="1:"),
        vault.session(),
        vault.session(),
    ]
    assert len({s.id for s in sessions}) == len(sessions)
    entry = sessions[0].issue("NAME", SECRET)
    assert all(s.lookup("NAME", entry.code) is None for s in sessions[1:])
    assert vault.session("a") is sessions[0]


def test_vaults_with_one_key_agree_and_others_do_not() -> None:
    codes = [
        InMemoryVault(key, code_length=12).session("t").issue("NAME", SECRET).code
        for key in (KEY, VaultKey(KEY), None, None)
    ]
    assert codes[0] == codes[1]
    assert len(set(codes)) == 3


def use_everything(session: VaultSession, code: str, ref: str) -> list[object]:
    room = session.documents
    return [
        lambda: session.issue("NAME", SECRET),
        lambda: session.lookup("NAME", code),
        session.entries,
        lambda: session.version,
        lambda: session.find(SECRET),
        lambda: room.put("text"),
        lambda: room.get(ref),
        lambda: room.metadata(ref),
        room.refs,
    ]


def test_a_forgotten_session_is_gone_for_who_holds_it() -> None:
    vault = InMemoryVault()
    held = vault.session("t")
    code = held.issue("NAME", SECRET).code
    ref = held.documents.put(f"A letter to {SECRET}")
    held.find(SECRET)
    vault.forget("t")
    vault.forget("t")
    vault.forget("never there")
    for act in use_everything(held, code, ref):
        with pytest.raises(SessionError, match="was forgotten"):
            act()
    assert vault.live_sessions() == []
    reopened = vault.session("t")
    assert reopened.lookup("NAME", code) is None
    assert reopened.documents.refs() == []
    assert not (held._order or held._by_value or held._by_code or held.documents._kept)
    assert not held._followed.known


def test_a_session_expires_when_it_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(base.time, "monotonic", lambda: now)
    vault = InMemoryVault(ttl=timedelta(seconds=60))
    held, ephemeral = vault.session("t"), vault.session()
    code = held.issue("NAME", SECRET).code
    ref = held.documents.put("text")
    now += 50
    held.lookup("NAME", code)
    now += 50
    assert held.find(SECRET)  # looking does not keep a session alive
    assert vault.live_sessions() == [held]
    now += 11
    for act in use_everything(held, code, ref):
        with pytest.raises(SessionError, match="has expired"):
            act()
    with pytest.raises(SessionError):
        ephemeral.issue("NAME", SECRET)
    assert vault.live_sessions() == []
    assert vault.session("t").entries() == []


def test_ttl_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="ttl"):
        InMemoryVault(ttl=timedelta(0))


def test_live_sessions_hold_ephemeral_ones_only_as_long_as_somebody_does() -> None:
    vault = InMemoryVault()
    named, ephemeral = vault.session("t"), vault.session()
    assert set(vault.live_sessions()) == {named, ephemeral}
    del ephemeral
    gc.collect()
    assert vault.live_sessions() == [named]


def test_documents_have_one_reference_by_text_and_session() -> None:
    vault = InMemoryVault()
    room = vault.session("t").documents
    ref = room.put("text", {"page": 1})
    assert room.put("text", {"page": 2}) == ref
    assert (room.get(ref), room.metadata(ref)) == ("text", {"page": 1})
    other = room.put("\ud800\0 other")
    assert room.refs() == [ref, other]
    elsewhere = vault.session("u").documents
    assert elsewhere.put("text") != ref
    for asked in (elsewhere.get, elsewhere.metadata):
        with pytest.raises(SessionError, match=r"no such document.*private\(graph, masker\)"):
            asked(ref)


def test_what_is_shown_holds_no_value() -> None:
    vault = InMemoryVault(KEY)
    session = vault.session("jane-thread", tenant="jane-tenant")
    entry = session.issue("NAME", SECRET)
    session.documents.put(SECRET, {"who": SECRET})
    shown = "".join(map(repr, (vault, session, session.documents, entry)))
    shown += session.id + str(vault._key)
    assert "jane" not in shown.lower()
    assert "kkk" not in shown


def test_pickles_hold_neither_values_nor_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    vault = InMemoryVault()
    vault.session("t").issue("NAME", SECRET)
    with pytest.warns(UserWarning, match="from_environment"):
        pickled = pickle.dumps(vault)
    assert SECRET.encode() not in pickled
    assert vault._key._key not in pickled
    assert pickle.loads(pickled).session("t").entries() == []

    with pytest.raises(ConfigurationError, match="from_environment"):
        pickle.dumps(InMemoryVault(KEY))

    text = VaultKey(KEY).to_text()
    monkeypatch.setenv("LANGCHAIN_PRIVACY_KEY", text)
    vault = InMemoryVault(VaultKey.from_environment(), code_length=8)
    entry = vault.session("t").issue("NAME", SECRET)
    pickled = pickle.dumps(vault)
    assert text.encode() not in pickled
    assert KEY not in pickled
    assert pickle.loads(pickled).session("t").issue("NAME", SECRET) == entry


def test_copies_are_the_vault_itself() -> None:
    vault = InMemoryVault(KEY)
    assert copy.deepcopy(vault) is vault
    assert copy.deepcopy(vault._key) is vault._key


def test_threads_agree() -> None:
    session = InMemoryVault().session()
    seen: list[list[str]] = []

    def work() -> None:
        seen.append([session.issue("T", str(n)).code for n in range(500)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({tuple(codes) for codes in seen}) == 1
    assert session.version == 500
