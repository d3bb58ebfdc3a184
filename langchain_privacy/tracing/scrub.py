"""Exact vault values out, their placeholders in: for what masked state cannot reach.

No detector runs here. Texts are read by an Aho-Corasick automaton over the values of all live
sessions, whatever their number, each distinct text once (see `tracing.reader`), and taken apart
only when one was found.
"""

import contextlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langchain_privacy.egress.fold import fold
from langchain_privacy.egress.strength import Strength, strength_of
from langchain_privacy.errors import SessionError
from langchain_privacy.tracing.reader import Key, Reader
from langchain_privacy.vault import Vault, VaultEntry, VaultSession

WITHHELD = "[WITHHELD: a private value could not be taken out]"
_SMALL_TAIL = 64


class Scrubber:
    """Replaces the values of a vault's live sessions; follows them as they grow. Thread-safe.

    Values too short to be told from ordinary text (see `egress.strength`) are left alone.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._lock = threading.Lock()
        self._seen: dict[str, int] = {}
        self._keys: dict[str, Key] = {}
        self._tail: dict[str, Key] = {}
        self._reader = Reader()

    def __repr__(self) -> str:
        return f"<Scrubber of {len(self._keys)} values>"

    @property
    def vault(self) -> Vault:
        """The vault whose values are replaced."""
        return self._vault

    def holds(self, text: str) -> bool:
        """Tell whether a value stands in `text`."""
        return self._follow().holds(text)

    def text(self, text: str) -> str:
        """Return `text` with placeholders in place of values."""
        found = sorted(self._follow().matches(text), key=lambda m: (m[0], -m[1]))
        if not found:
            return text
        out, at = [], 0
        for start, end, placeholder in found:
            if start >= at:
                out += [text[at:start], placeholder]
                at = end
        return "".join([*out, text[at:]])

    def data(self, data: bytes) -> bytes:
        """Return bytes with placeholders in place of values in UTF-8."""
        text = data.decode("utf-8", "surrogateescape")
        scrubbed = self.text(text)
        return data if scrubbed is text else scrubbed.encode("utf-8", "surrogateescape")

    def json(self, *documents: bytes) -> list[bytes]:
        """Return JSON documents with placeholders in their strings, keys and numbers.

        A document without values comes back as the same object.
        """
        reader = self._follow()
        return [self._json(data) if reader.json_holds(data) else data for data in documents]

    def structure(self, value: Any) -> Any:
        """Return a structure with placeholders in its strings, keys, numbers, bytes and files."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, (int, float)):
            written = str(value)
            scrubbed = self.text(written)
            return value if scrubbed is written else scrubbed
        if isinstance(value, bytes):
            return self.data(value)
        if isinstance(value, Mapping):
            return {self.structure(k): self.structure(v) for k, v in value.items()}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(self.structure, value))
        if isinstance(value, (list, tuple, set, frozenset)):
            return type(value)(map(self.structure, value))
        if isinstance(value, Path):
            return self.data(value.read_bytes())
        return value

    def _json(self, data: bytes) -> bytes:
        scrubbed = json.dumps(self.structure(json.loads(data)), ensure_ascii=False)
        # A value that only the document's own punctuation completes.
        return (json.dumps(WITHHELD) if self.holds(scrubbed) else scrubbed).encode()

    def _follow(self) -> Reader:
        """Return a reader of all values that live sessions hold by now."""
        sessions = self._vault.live_sessions()
        seen = self._seen
        if all(seen.get(s.id, 0) == _version(s) for s in sessions):
            return self._reader
        with self._lock:
            seen, new = dict(self._seen), dict[str, Key]()
            for session in sessions:
                since = seen.get(session.id, 0)
                with contextlib.suppress(SessionError):  # it ended meanwhile
                    entries = session.entries(since)
                    for entry in entries:
                        new |= _keys_of(entry)
                    seen[session.id] = since + len(entries)
            self._tail |= new
            # The big automaton is built anew only when the small one has outgrown its use.
            if not self._keys or len(self._tail) > max(_SMALL_TAIL, len(self._keys) // 4):
                self._keys |= self._tail
                self._tail = {}
                self._reader = Reader(self._keys)
            elif new:
                self._reader = self._reader.following(self._tail, new)
            # Last: who finds a session up to date must find its values in the reader.
            self._seen = seen
            return self._reader


def _keys_of(entry: VaultEntry) -> dict[str, Key]:
    strength = strength_of(entry.value, fold(entry.value))
    if strength is Strength.NONE or not entry.is_private:
        return {}
    placeholder = f"[{entry.entity_type}_{entry.code}]"
    whole = strength is Strength.WEAK
    return {text: Key(len(text), placeholder, whole) for text in spellings(entry.value)}


def _version(session: VaultSession) -> int:
    try:
        return session.version
    except SessionError:
        return -1


def spellings(value: str) -> set[str]:
    """Return how a value is spelled in text, in JSON, in JSON inside JSON, and in a `repr`."""
    if value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
        return {value}
    escaped = json.dumps(value, ensure_ascii=False)[1:-1]
    ascii_only = json.dumps(value)[1:-1]
    nested = (json.dumps(s, ensure_ascii=False)[1:-1] for s in (escaped, ascii_only))
    return {value, escaped, ascii_only, *nested, repr(value)[1:-1]}
