"""Exact vault values out, their placeholders in: for what masked state cannot reach.

No detector runs here. What is traced is read by an Aho-Corasick automaton over the values of all
live sessions, whatever their number (see `tracing.reader`), and taken apart only when one was
found. LangSmith's clients (`tracing.langsmith`), OpenTelemetry's spans (`tracing.otel`) and log
records (`tracing.logs`) pass here.

Example:
    ```python
    masker.session("thread").mask("Write to jane@example.org")
    Scrubber(masker.vault).structure({"to": ["jane@example.org"]})  # {"to": ["[EMAIL_7K2Q]"]}
    ```
"""

import contextlib
import json
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from langchain_privacy.errors import ConfigurationError, SessionError
from langchain_privacy.tracing.reader import Key, Reader
from langchain_privacy.values.spelling import tells_something, written_out
from langchain_privacy.values.walk import Leaves, Walk
from langchain_privacy.vault import Vault, VaultEntry, VaultSession
from langchain_privacy.vault.session import LiveValues

WITHHELD = "[WITHHELD: a private value could not be taken out]"
LINGER = 60.0
"""Seconds for which the values of a session that is over stay known: runs may end after it."""


_Name = tuple[int, str]
"""Of a session: the number of its vault, its id."""


_WAITING = 65_536
"""Values that are known before somebody reads, though their sessions are over."""


class Busy(Protocol):
    """Who traces something that goes on, and has it read later."""

    @property
    def busy(self) -> bool:
        """Whether something goes on; asked without a lock."""

    def since(self) -> float | None:
        """Return when the oldest of it began, by the monotonic clock."""


class Scrubber:
    """Replaces the values of the live sessions of vaults; follows them as they grow. Thread-safe.

    Values too short to be told from ordinary text (see `values.spelling`) are left alone.
    """

    def __init__(self, *vaults: Vault) -> None:
        self._vaults = vaults
        self._lock = threading.Lock()
        self._generation: object = None
        # By object: another object of the same session may know its entries in another order.
        self._seen: weakref.WeakKeyDictionary[VaultSession, int] = weakref.WeakKeyDictionary()
        self._keys: dict[_Name, dict[bytes, Key]] = {}
        self._over: dict[_Name, float] = {}
        self._reader = Reader({})
        self._issued: deque[tuple[_Name, VaultEntry]] = deque(maxlen=_WAITING)
        self._busy: weakref.WeakSet[Busy] = weakref.WeakSet()
        for vault in vaults:
            vault.live_values.tell(self)

    def __repr__(self) -> str:
        return f"<Scrubber of {len(self._keys)} sessions>"

    @property
    def vaults(self) -> tuple[Vault, ...]:
        """The vaults whose values are replaced."""
        return self._vaults

    def serves(self, busy: "Busy") -> None:
        """Keep what is over for as long as this says that what began before goes on."""
        self._busy.add(busy)

    def issued(self, values: LiveValues, session_id: str, entry: VaultEntry) -> None:
        """Take note of a value whose session may be over before anything is read."""
        # Without a lock, and without asking a session: this one is just being written to.
        if any(busy.busy for busy in self._busy.copy()):
            number = [vault.live_values for vault in self._vaults].index(values)
            self._issued.append(((number, session_id), entry))

    def holds(self, text: str) -> bool:
        """Tell whether a value stands in `text`."""
        return self._follow().holds(_bytes(text))

    def text(self, text: str) -> str:
        """Return `text` with placeholders in place of values."""
        data = _bytes(text)
        scrubbed = self.data(data)
        return text if scrubbed is data else scrubbed.decode("utf-8", "surrogatepass")

    def data(self, data: bytes) -> bytes:
        """Return bytes with placeholders in place of values in UTF-8."""
        found = sorted(self._follow().matches(data), key=lambda m: (m[0], -m[1]))
        if not found:
            return data
        out, at = [], 0
        for start, end, placeholder in found:
            if start >= at:
                out += [data[at:start], placeholder]
                at = end
        return b"".join([*out, data[at:]])

    def json_holds(self, *documents: bytes) -> bool:
        """Tell whether a value stands in one of several JSON documents."""
        return self._follow().holds(*documents)

    def json(self, *documents: bytes) -> list[bytes]:
        """Return JSON documents with placeholders in their strings, keys and numbers.

        A document without values comes back as the same object.
        """
        reader = self._follow()
        if not reader.holds(*documents):
            return list(documents)
        return [self._json(data) if reader.holds(data) else data for data in documents]

    def structure(self, value: Any, write: Callable[[Any], bytes] | None = None) -> Any:
        """Return a structure with placeholders in its strings, keys, numbers, bytes and paths.

        Other objects stay, or with `write`, which makes JSON of one, become what is left of that
        when a value stands in it.
        """
        return Walk(ScrubbingLeaves(self, write))(value)

    def _json(self, data: bytes) -> bytes:
        try:
            scrubbed = json.dumps(self.structure(json.loads(data)), ensure_ascii=False)
        except ConfigurationError:  # it is nested too deep
            return json.dumps(WITHHELD).encode()
        # A value that only the document's own punctuation completes.
        return (json.dumps(WITHHELD) if self.holds(scrubbed) else scrubbed).encode()

    def _follow(self) -> Reader:
        """Return a reader of all values that live sessions hold by now."""
        # Before the sessions are read: what they are issued meanwhile is for the next time.
        generation = [vault.generation for vault in self._vaults]
        if generation == self._generation and not self._overdue():
            return self._reader
        with self._lock:
            new = self._take_in()
            if self._drop():
                keys = {text: key for keys in self._keys.values() for text, key in keys.items()}
                self._reader = Reader(keys)
            elif new:
                self._reader = self._reader.following(new)
            # Last: who finds the vault unchanged must find its values in the reader.
            self._generation = generation
            return self._reader

    def _take_in(self) -> dict[bytes, Key]:
        """Return what live sessions were issued since the last time; note which are over."""
        new = dict[bytes, Key]()

        def take(name: _Name, entry: VaultEntry) -> None:
            keys = self._keys.setdefault(name, {})
            if found := _keys_of(entry):
                new.update({text: key for text, key in found.items() if text not in keys})
                keys.update(found)

        while self._issued:
            take(*self._issued.popleft())
        live = [(n, s) for n, vault in enumerate(self._vaults) for s in vault.live_sessions()]
        for vault, session in live:
            since = self._seen.get(session, 0)
            with contextlib.suppress(SessionError):  # it ended meanwhile
                entries = session.entries(since)
                self._keys.setdefault((vault, session.id), {})
                for entry in entries:
                    take((vault, session.id), entry)
                self._seen[session] = since + len(entries)
        now, living = time.monotonic(), {(vault, session.id) for vault, session in live}
        over = {name: now for name in self._keys if name not in living}
        self._over = {name: self._over.get(name, since) for name, since in over.items()}
        return new

    def _overdue(self) -> bool:
        since = min(self._over.values(), default=None)
        return since is not None and since < self._needed_since()

    def _needed_since(self) -> float:
        """Sessions that were over before this time are not needed any more."""
        now = time.monotonic()
        return min([now - LINGER, *(busy.since() or now for busy in self._busy)])

    def _drop(self) -> bool:
        """Drop, all together, the sessions that have been over for long enough."""
        since = self._needed_since()
        dropped = [name for name, over in self._over.items() if over < since]
        self._over = {name: over for name, over in self._over.items() if over >= since}
        gone = [self._keys.pop(name) for name in dropped]
        return any(gone)


class ScrubbingLeaves(Leaves):
    """Replaces values in plain data; other objects become what `write` makes of them.

    Args:
        scrubber: Knows the values.
        write: Makes JSON of an object; without it other objects stay.
    """

    def __init__(self, scrubber: Scrubber, write: Callable[[Any], bytes] | None = None) -> None:
        self._scrubber = scrubber
        self._write = write

    def text(self, text: str) -> str:
        """Replace values in a text."""
        return self._scrubber.text(text)

    def scalar(self, x: Any) -> object:
        """Replace a number that holds a value by its text."""
        if not isinstance(x, (int, float)):
            return self.unknown(x)
        scrubbed = self.text(written := str(x))
        return x if scrubbed is written else scrubbed

    def known(self, x: Any) -> Any:
        """Walk over plain data only."""
        return None if isinstance(x, (dict, list, tuple, set, frozenset)) else self.unknown(x)

    def unknown(self, x: Any) -> Any:
        """Replace values in bytes, paths, mappings of any class, and in what is written."""
        if isinstance(x, bytes):
            return self._scrubber.data(x)
        if isinstance(x, Path):
            scrubbed = self.text(written := str(x))
            return x if scrubbed is written else Path(scrubbed)
        if isinstance(x, Mapping):
            return Walk(self)(dict(x))
        if self._write is None:
            return x
        [document] = self._scrubber.json(data := self._write(x))
        return x if document is data else json.loads(document)

    opaque = unknown


def with_files(value: Any) -> Any:
    """Return attachments with the content of files in place of their paths."""
    if isinstance(value, Path):
        try:
            return value.read_bytes()
        except OSError:
            return b"[this file could not be read]"
    if isinstance(value, Mapping):
        return {name: with_files(item) for name, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(with_files, value))
    return type(value)(map(with_files, value)) if isinstance(value, (list, tuple)) else value


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _keys_of(entry: VaultEntry) -> dict[bytes, Key]:
    if not entry.is_private or not tells_something(entry.kind, entry.value):
        return {}
    placeholder = f"[{entry.entity_type}_{entry.code}]".encode()
    keys: dict[bytes, Key] = {}
    for written, whole in written_out(entry.kind, entry.value):
        for text in spellings(written):
            keys.setdefault(_bytes(text), Key(placeholder, whole))
    return keys


def spellings(value: str) -> set[str]:
    """Return how a value is spelled in text, in JSON, in JSON inside JSON, and in a `repr`."""
    if value.isascii() and value.isprintable() and not set("\"'\\") & set(value):
        return {value}
    if "'" in value:  # which a `repr` escapes where a quotation mark stands as well
        return _spellings(value) | _spellings(value.replace("'", "\\'"))
    return _spellings(value)


def _spellings(value: str) -> set[str]:
    escaped = json.dumps(value, ensure_ascii=False)[1:-1]
    ascii_only = json.dumps(value)[1:-1]
    nested = (json.dumps(s, ensure_ascii=False)[1:-1] for s in (escaped, ascii_only))
    return {value, escaped, ascii_only, *nested, repr(value)[1:-1]}
