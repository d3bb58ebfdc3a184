import pytest
from langgraph.store.memory import InMemoryStore

from langchain_privacy.errors import ConfigurationError, SessionError
from langchain_privacy.vault import InMemoryVault, StoreVault, Vault, VaultKey
from langchain_privacy.vault.keys import session_name

KEY = b"k" * 32


def test_a_key_comes_back_from_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    key = VaultKey.generate()
    assert VaultKey.from_text(key.to_text() + "\n") == key
    monkeypatch.setenv("MY_KEY", key.to_text())
    assert VaultKey.from_environment("MY_KEY") == key
    assert VaultKey.generate() != key


@pytest.mark.parametrize(
    "text", ["x", "a" * 43, "not base64 at all!", VaultKey(KEY).to_text()[:-4]]
)
def test_a_wrong_text_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        VaultKey.from_text(text)
    assert len(text) < 2 or text not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANGCHAIN_PRIVACY_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="Set LANGCHAIN_PRIVACY_KEY"):
        VaultKey.from_environment()


def test_purposes_and_contexts_give_other_keys() -> None:
    key = VaultKey(KEY)
    derived = {key.derive(p, c) for p in ("a", "b") for c in (b"", b"x")}
    assert len(derived) == 4
    assert key.derive("a") == key.derive("a")
    assert key.id == VaultKey(KEY).id


def test_no_two_sessions_share_a_name() -> None:
    pairs = [("", "a"), ("a", "a"), ("", "1:a"), ("1:", "a"), ("ab", "c"), ("a", "bc")]
    assert len({session_name(*pair) for pair in pairs}) == len(pairs)


@pytest.mark.parametrize("vault", [InMemoryVault(KEY), StoreVault(InMemoryStore(), KEY)])
def test_an_empty_id_is_not_a_session_for_everybody(vault: Vault) -> None:
    for act in (vault.session, vault.forget):
        with pytest.raises(SessionError, match="id is empty"):
            act("", tenant="acme")
