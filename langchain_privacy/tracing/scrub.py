"""Exact vault values out, their placeholders in: for what masked state cannot reach.

No detector runs here. A 50-turn conversation passes its own text through a tracer more than a
hundred times, so each text is read once by an Aho-Corasick automaton over the values of all live
sessions, whatever their number, and taken apart only when one was found.
"""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import ahocorasick

from langchain_privacy.egress.fold import fold
from langchain_privacy.egress.matcher import is_whole_word
from langchain_privacy.egress.strength import Strength, strength_of
from langchain_privacy.errors import SessionError
from langchain_privacy.vault import Vault, VaultEntry, VaultSession

WITHHELD = "[WITHHELD: a private value could not be taken out]"
_SMALL_TAIL = 64
_CUT = b'"content":'
_REMEMBERED = 100_000


class _Key(NamedTuple):
    length: int
    placeholder: str
    whole: bool


class Scrubber:
    """Replaces the values of a vault's live sessions; follows them as they grow. Thread-safe.

    Values too short to be told from ordinary text (see `egress.strength`) are left alone.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._lock = threading.Lock()
        self._seen: dict[str, int] = {}
        self._keys: dict[str, _Key] = {}
        self._tail: dict[str, _Key] = {}
        self._automata: tuple[Any, ...] = ()
        self._clean: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"<Scrubber of {len(self._keys)} values>"

    @property
    def vault(self) -> Vault:
        """The vault whose values are replaced."""
        return self._vault

    def holds(self, text: str) -> bool:
        """Tell whether a value stands in `text`."""
        return next(self._matches(text), None) is not None

    def text(self, text: str) -> str:
        """Return `text` with placeholders in place of values."""
        found = sorted(self._matches(text), key=lambda m: (m[0], -m[1]))
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

    def json(self, data: bytes) -> bytes:
        """Return a JSON document with placeholders in its strings, keys and numbers."""
        if not self._json_holds(data):
            return data
        scrubbed = json.dumps(self.structure(json.loads(data)), ensure_ascii=False)
        # A value that only the document's own punctuation completes.
        return (json.dumps(WITHHELD) if self.holds(scrubbed) else scrubbed).encode()

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

    def _json_holds(self, data: bytes) -> bool:
        """Tell whether a document holds a value; parts that were clean before are not read again.

        A tracer records the whole conversation at every step. The document is cut where a value
        cannot lie across the cut: before an unescaped `"content":`, which no JSON string contains.
        """
        self._follow()
        clean = self._clean
        for part in data.split(_CUT):
            key = hash(part)
            if clean.get(key) == len(part):
                continue
            if self.holds(part.decode("utf-8", "replace")):
                return True
            if len(clean) >= _REMEMBERED:
                clean.clear()
            clean[key] = len(part)
        return False

    def _matches(self, text: str) -> Iterator[tuple[int, int, str]]:
        self._follow()
        for automaton in self._automata:
            for last, key in automaton.iter(text):
                start, end = last + 1 - key.length, last + 1
                if not key.whole or is_whole_word(text, start, end):
                    yield start, end, key.placeholder

    def _follow(self) -> None:
        sessions = self._vault.live_sessions()
        if all(self._seen.get(s.id, 0) == _version(s) for s in sessions):
            return
        with self._lock:
            # A new dictionary: who still fills the old one writes what is out of date.
            self._clean = {}
            for session in sessions:
                seen = self._seen.get(session.id, 0)
                with contextlib.suppress(SessionError):  # it ended meanwhile
                    entries = session.entries(seen)
                    for entry in entries:
                        self._add(entry)
                    self._seen[session.id] = seen + len(entries)
            # The big automaton is built anew only when the small one has outgrown its use.
            if len(self._tail) > max(_SMALL_TAIL, len(self._keys) // 4):
                self._keys |= self._tail
                self._tail = {}
                self._automata = (_automaton(self._keys),)
            elif self._tail:
                main = (_automaton(self._keys),) if self._keys and not self._automata else ()
                self._automata = (
                    *(self._automata[:1] if self._keys else main),
                    _automaton(self._tail),
                )

    def _add(self, entry: VaultEntry) -> None:
        strength = strength_of(entry.value, fold(entry.value))
        if strength is Strength.NONE or not entry.is_private:
            return
        placeholder = f"[{entry.entity_type}_{entry.code}]"
        for written in spellings(entry.value):
            key = _Key(len(written), placeholder, strength is Strength.WEAK)
            self._tail.setdefault(written, key)


def _version(session: VaultSession) -> int:
    try:
        return session.version
    except SessionError:
        return -1


def spellings(value: str) -> set[str]:
    """Return how a value is spelled in text, in JSON, in JSON inside JSON, and in a `repr`."""
    escaped = json.dumps(value, ensure_ascii=False)[1:-1]
    ascii_only = json.dumps(value)[1:-1]
    nested = (json.dumps(s, ensure_ascii=False)[1:-1] for s in (escaped, ascii_only))
    return {value, escaped, ascii_only, *nested, repr(value)[1:-1]}


def _automaton(keys: dict[str, _Key]) -> Any:
    automaton = ahocorasick.Automaton()
    for text, key in keys.items():
        automaton.add_word(text, key)
    automaton.make_automaton()
    return automaton
