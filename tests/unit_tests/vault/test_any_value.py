"""Both vaults, with any text as a value and any name as a type."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.store.memory import InMemoryStore

from langchain_privacy.vault import InMemoryVault, StoreVault, Vault

KEY = b"k" * 32
ANYTHING = st.text(st.characters(), max_size=20)  # NULs, lone surrogates, every script
VALUES = st.lists(st.tuples(ANYTHING, ANYTHING), max_size=20)
MAKERS = [
    lambda: InMemoryVault(KEY),
    lambda: StoreVault(InMemoryStore(), KEY),
]


@pytest.mark.parametrize("make", MAKERS, ids=["memory", "store"])
@given(values=VALUES, name=st.tuples(ANYTHING.filter(bool), ANYTHING), text=ANYTHING)
def test_what_is_issued_comes_back(
    make: Any, values: list[tuple[str, str]], name: tuple[str, str], text: str
) -> None:
    vault: Vault = make()
    session = vault.session(name[0], tenant=name[1])
    issued = [session.issue(*value) for value in values]
    assert [(e.entity_type, e.value) for e in issued] == values
    assert {e.code for e in issued} >= {session.issue(*v).code for v in values}
    for entry in issued:
        assert session.lookup(entry.entity_type, entry.code) == entry
    assert len({(e.entity_type, e.code) for e in issued}) == len(set(values)) == session.version
    ref = session.documents.put(text)
    assert session.documents.get(ref) == text
    for entry in issued:
        if entry.value and entry.is_private:
            assert session.find(f"<{entry.value}>")
    vault.forget(name[0], tenant=name[1])
    assert vault.session(name[0], tenant=name[1]).entries() == []
