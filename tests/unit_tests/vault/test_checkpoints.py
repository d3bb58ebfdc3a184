import sqlite3
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from langchain_privacy.errors import VaultIntegrityError
from langchain_privacy.vault import CheckpointCipher, VaultKey, encrypted_serializer

KEY, OTHER = b"k" * 32, b"o" * 32
SECRET = "Jane Doe 900101-1234567"
CONFIG = {"configurable": {"thread_id": "1"}}


class State(TypedDict):
    text: str
    nested: dict[str, Any]


def graph(path: Path, serde: Any) -> Any:
    built = StateGraph(State)
    built.add_node("node", lambda state: {"nested": {"copy": state["text"]}})
    built.add_edge(START, "node")
    built.add_edge("node", END)
    connection = sqlite3.connect(path, check_same_thread=False)
    return built.compile(checkpointer=SqliteSaver(connection, serde=serde))


def test_nothing_private_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"
    graph(path, encrypted_serializer(KEY)).invoke({"text": SECRET, "nested": {}}, CONFIG)
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"Jane" not in kept
    assert b"900101" not in kept
    assert b"aes256gcm" in kept
    state = graph(path, encrypted_serializer(KEY)).get_state(CONFIG)
    assert state.values["nested"] == {"copy": SECRET}


def test_plaintext_rows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"
    graph(path, None).invoke({"text": SECRET, "nested": {}}, CONFIG)
    # What LangGraph's own serializer does, with our cipher: it takes the row for its own.
    lax = graph(path, EncryptedSerializer(CheckpointCipher(KEY)))
    assert lax.get_state(CONFIG).values["text"] == SECRET
    strict = graph(path, encrypted_serializer(KEY))
    with pytest.raises(VaultIntegrityError, match="is not encrypted") as caught:
        strict.get_state(CONFIG)
    assert SECRET not in repr(caught.value)
    with pytest.raises(VaultIntegrityError):
        strict.invoke({"text": "more", "nested": {}}, CONFIG)


def test_keys_are_rotated() -> None:
    old = encrypted_serializer(VaultKey(KEY)).dumps_typed({"a": SECRET})
    both = encrypted_serializer(OTHER, previous_keys=[KEY])
    assert both.loads_typed(old) == {"a": SECRET}
    new = both.dumps_typed({"a": SECRET})
    assert encrypted_serializer(OTHER).loads_typed(new) == {"a": SECRET}
    with pytest.raises(VaultIntegrityError, match="previous_keys"):
        encrypted_serializer(OTHER).loads_typed(old)


def test_every_changed_byte_is_noticed() -> None:
    serializer = encrypted_serializer(KEY)
    kind, row = serializer.dumps_typed({"a": 1})
    for at in range(len(row)):
        changed = row[:at] + bytes([row[at] ^ 1]) + row[at + 1 :]
        with pytest.raises(VaultIntegrityError):
            serializer.loads_typed((kind, changed))
    for cut in (b"", row[:4], row[:16], row[:-1], row + b"x"):
        with pytest.raises(VaultIntegrityError):
            serializer.loads_typed((kind, cut))


@pytest.mark.parametrize("kind", ["json+aes256gcm", "pickle+aes256gcm", "msgpack+aes", "msgpack"])
def test_a_row_cannot_be_passed_off_as_another_format(kind: str) -> None:
    serializer = encrypted_serializer(KEY)
    _, row = serializer.dumps_typed({"a": 1})
    with pytest.raises(VaultIntegrityError):
        serializer.loads_typed((kind, row))


def test_the_same_state_never_looks_the_same() -> None:
    serializer = encrypted_serializer(KEY)
    assert serializer.dumps_typed("x") != serializer.dumps_typed("x")
