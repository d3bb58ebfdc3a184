"""A session in a LangGraph store: many processes, one answer.

A store has no "write if absent", so two processes may give two values the same code at the same
moment. To win a code, a process writes a claim for its value and then reads all claims on that
code: only who sees no other one has it, everybody else takes a longer code. Of two claims one was
written first, and its rival reads after that: two winners are impossible, however the processes
are interleaved or killed. (Both may lose; then both codes are one character longer.)
"""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from langgraph.store.base import BaseStore, Item, Op, PutOp
from langgraph.store.memory import InMemoryStore

from langchain_privacy.errors import (
    ConfigurationError,
    SessionError,
    VaultError,
    VaultIntegrityError,
)
from langchain_privacy.vault.base import (
    DocumentRoom,
    Life,
    LiveValues,
    VaultEntry,
    VaultSession,
    of_family,
)
from langchain_privacy.vault.keys import AFTER_END, Sealer, VaultKey, candidates, is_code
from langchain_privacy.vault.memory import document_ref, no_such_document

# ---- A session's records in a LangGraph store: sealed, bound to their place, retried when busy.

ROOT = "langchain_privacy"

_PAGE = 1000
_TRIES = 12
_BUSY = frozenset({"OperationalError", "SerializationFailure", "DeadlockDetected", "RuntimeError"})

Namespace = tuple[str, ...]


class Records:
    """Typed access to one store. Every failure of the store becomes a `VaultError`.

    Args:
        store: Any of LangGraph's stores. An async one works from every thread but its loop's.
    """

    def __init__(self, store: BaseStore) -> None:
        self._store = store
        self._began = time.time() - time.monotonic()

    def now(self) -> float:
        """Return the time, in seconds since 1970.

        A clock that is set while the process runs does not set it: one step forward would take
        every session for expired, and erase it.
        """
        return self._began + time.monotonic()

    @property
    def in_memory(self) -> bool:
        """Whether the store is gone with this process."""
        return isinstance(self._store, InMemoryStore)

    @property
    def within_reach(self) -> bool:
        """Whether the store can be asked from here: an async one cannot from its own loop."""
        if not self.is_async:
            return True
        try:
            return asyncio.get_running_loop() is not getattr(self._store, "_loop", None)
        except RuntimeError:
            return True

    @property
    def is_async(self) -> bool:
        """Whether the store belongs to an event loop, on which it cannot be asked."""
        return getattr(self._store, "_loop", None) is not None

    def get(self, namespace: Namespace, key: str) -> dict[str, Any] | None:
        """Return a record's value."""
        item: Item | None = self._do("get", namespace, key)
        return None if item is None else item.value

    def put(self, namespace: Namespace, key: str, value: dict[str, Any]) -> None:
        """Write a record."""
        self.put_all([(namespace, key, value)])

    def put_all(self, records: Sequence[tuple[Namespace, str, dict[str, Any]]]) -> None:
        """Write records in one transaction, where the store has them.

        They are never indexed for search: that would send them to an embeddings model.
        """
        self._do("batch", [PutOp(n, k, value, index=False) for n, k, value in records])

    def delete(self, places: Sequence[tuple[Namespace, str]]) -> None:
        """Delete records."""
        ops: list[Op] = [PutOp(namespace, key, None) for namespace, key in places]
        for at in range(0, len(ops), _PAGE):
            self._do("batch", ops[at : at + _PAGE])

    def below(self, namespace: Namespace) -> Iterator[Item]:
        """Yield the records in and below a namespace, in no certain order."""
        seen: set[tuple[Namespace, str]] = set()
        while True:
            # Records that arrive meanwhile push others to a later page: never to an earlier one.
            page: list[Item] = self._do("search", namespace, limit=_PAGE, offset=len(seen))
            fresh = [item for item in page if (item.namespace, item.key) not in seen]
            seen.update((item.namespace, item.key) for item in fresh)
            yield from fresh
            if len(page) < _PAGE or not fresh:
                return

    def namespaces(self) -> list[Namespace]:
        """Return the sessions' namespaces."""
        found: set[Namespace] = set()
        offset = 0
        while page := self._do(
            "list_namespaces", prefix=(ROOT,), max_depth=2, limit=_PAGE, offset=offset
        ):
            found.update(page)
            offset += _PAGE
            if len(page) < _PAGE:
                break
        return sorted(found)

    def _do(self, method: str, *args: Any, **kwargs: Any) -> Any:
        for attempt in range(_TRIES):
            try:
                return getattr(self._store, method)(*args, **kwargs)
            except asyncio.InvalidStateError:
                failure = "loop"
                break
            except Exception as error:  # noqa: BLE001 - drivers' texts may hold what was written
                failure = type(error).__name__
            if failure not in _BUSY:
                break
            # SQLite gives up at once where two writers wait for each other; ours may be repeated.
            time.sleep(min(0.5, 0.01 * 2**attempt) * random.uniform(0.5, 1.5))  # noqa: S311
        if failure == "loop":
            msg = (
                "An async store cannot be asked from its own event loop: use the async methods of "
                "the masker, which work in a thread."
            )
            raise ConfigurationError(msg)
        msg = f"The vault's store failed ({failure}); its own error is withheld."
        raise VaultError(msg)


def sealed(sealer: Sealer, namespace: Namespace, key: str, value: Any) -> dict[str, Any]:
    """Return the record that holds `value` (JSON) sealed for its place, and when."""
    plain = json.dumps(value, ensure_ascii=True).encode()
    box = base64.b64encode(sealer.seal(plain, _place(namespace, key))).decode()
    return {"sealed": box, "at": time.time_ns()}


def in_order(items: Iterable[Item]) -> list[Item]:
    """Sort records by when they were written; stores keep that to the second only."""

    def when(item: Item) -> tuple[int, str]:
        at = item.value.get("at")
        return (at if isinstance(at, int) else 0, item.key)

    return sorted(items, key=when)


def opened(sealer: Sealer, namespace: Namespace, key: str, record: dict[str, Any]) -> Any:
    """Return what `sealed` was given.

    Raises:
        VaultIntegrityError: The key is another one, or the record was changed or moved.
    """
    try:
        text = record["sealed"]
        box = base64.b64decode(text, validate=True)
        if base64.b64encode(box).decode() != text:  # spare bits at the end count as well
            box = b""
    except (KeyError, TypeError, ValueError, binascii.Error):
        box = b""
    if not box:
        msg = "A record of the vault was changed: it is not sealed. Nothing was deleted."
        raise VaultIntegrityError(msg)
    return json.loads(sealer.open(box, _place(namespace, key)))


def _place(namespace: Namespace, key: str) -> bytes:
    return json.dumps([*namespace, key]).encode()


# ---- The document room of a session in a LangGraph store.


class StoreDocuments(DocumentRoom):
    """Documents sealed in the store; those that were read stay in this process's memory.

    Tokens of an answer are restored on the event loop, where an async store cannot be asked: there
    the room knows what it held when a thread looked last, still sealed (`look`).

    Args:
        records: The store.
        place: Where the session lies.
        use: Called before every use; raises when the session is over.
        wrote: Called with what was written; takes it back and raises when the session was forgotten
            meanwhile.
    """

    def __init__(
        self,
        records: Records,
        place: "Place",
        use: Callable[[], None],
        wrote: Callable[[Sequence[tuple[Namespace, str]]], None],
    ) -> None:
        self._records = records
        self._place = place
        self._use = use
        self._wrote = wrote
        self._read: dict[str, tuple[str, dict[str, Any]]] = {}
        self._held: dict[str, dict[str, Any]] = {}

    def __repr__(self) -> str:
        return "<DocumentRoom>"

    def put(self, text: str, metadata: Mapping[str, Any] | None = None) -> str:
        """Seal a document; its metadata must be JSON, because that is how it is kept."""
        self._use()
        place = self._place
        ref = document_ref(place.document_key, text)
        if ref not in self._read and self._records.get(place.documents, ref) is None:
            kept = {"text": text, "metadata": dict(metadata or {})}
            try:
                box = sealed(place.sealer, place.documents, ref, kept)
            except (TypeError, ValueError):
                box = {}
            if not box:
                msg = "A document's metadata must be JSON to be kept in a store: plain values only."
                raise ConfigurationError(msg)
            self._records.put(place.documents, ref, box)
            self._wrote([(place.documents, ref)])
            if self._records.is_async:
                self._held[ref] = box
        return ref

    def get(self, ref: str) -> str:
        """Return a document's text."""
        return self._of(ref)[0]

    def metadata(self, ref: str) -> Mapping[str, Any]:
        """Return what was kept beside the text."""
        return dict(self._of(ref)[1])

    def refs(self) -> Sequence[str]:
        """Return the references in the order of arrival."""
        self._use()
        return self.look() if self._records.within_reach else list(self._held)

    def look(self) -> list[str]:
        """Ask the store for the references; of an async store keep the records for its loop."""
        items = in_order(self._records.below(self._place.documents))
        if self._records.is_async:
            self._held = {item.key: item.value for item in items}
        return [item.key for item in items]

    def clear(self) -> None:
        """Forget what was read."""
        self._read.clear()
        self._held.clear()

    def _of(self, ref: str) -> tuple[str, dict[str, Any]]:
        self._use()
        if ref not in self._read:
            record = self._held.get(ref) or self._records.get(self._place.documents, ref)
            if record is None:
                raise no_such_document()
            kept = opened(self._place.sealer, self._place.documents, ref, record)
            self._read[ref] = (kept["text"], kept["metadata"])
        return self._read[ref]


RECHECK = 1.0
"""Seconds after which a session looks whether another process has forgotten it."""


class Place:
    """Where a session lies in the store under one key, and what opens it there."""

    def __init__(self, key: VaultKey, name: bytes) -> None:
        self._key, self._name = key, name
        identity = key.derive("session-id", name).hex()
        self.id = identity[:16]
        self.root: Namespace = (ROOT, identity[:32])
        self.values: Namespace = (*self.root, "values")
        self.codes: Namespace = (*self.root, "codes")
        self.documents: Namespace = (*self.root, "documents")
        self.about: Namespace = (*self.root, "session")
        self.code_key = key.derive("codes", name)
        self.document_key = key.derive("documents", name)
        self.sealer = Sealer([key], "session", name)

    def begin(self, records: "Records") -> Any:
        """Take over the keys of the life that the session is in, and return its mark.

        Each time that it is forgotten or expires it begins a new life, in which the codes that the
        one before has issued mean nothing.

        Returns:
            The mark, `None` in the first life.
        """
        record = records.get(self.about, "forgotten")
        mark = None if record is None else record.get("mark")
        if mark is not None:
            name = self._name + b"\0" + str(mark).encode()
            self.code_key = self._key.derive("codes", name)
            self.document_key = self._key.derive("documents", name)
        return mark

    def value_id(self, entity_type: str, value: str) -> str:
        """Return the keyed id under which a value is kept."""
        return self._digest("value", entity_type, value)

    def claims(self, entity_type: str, code: str) -> Namespace:
        """Return the namespace of the claims on a code."""
        return (*self.codes, self._digest("code", entity_type, code))

    def _digest(self, *parts: str) -> str:
        text = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hmac.digest(self.code_key, text, hashlib.sha256).hex()[:32]


class StoreSession(VaultSession):
    """See the module. Made by `StoreVault.session`."""

    def __init__(
        self,
        records: Records,
        place: Place,
        older: Sequence[Place],
        *,
        code_length: int,
        ttl: timedelta | None,
        prepare: Callable[[], None],
        donor: "StoreSession | None",
        live_values: LiveValues,
    ) -> None:
        self.id = place.id
        self._prepare = prepare
        self._donor = donor
        self._live_values = live_values
        self._records = records
        self._place = place
        self._older = older
        self._code_keys: list[bytes] = []
        self._length = code_length
        self._ttl = ttl.total_seconds() if ttl else None
        self._recheck = min(RECHECK, self._ttl / 10) if self._ttl else RECHECK
        self._life = Life(None)
        self._lock = threading.RLock()
        self._order: list[VaultEntry] = []
        self._known: dict[str, None] = {}  # in the order of `_order`
        self._by_value: dict[tuple[str, str], VaultEntry] = {}
        self._by_code: dict[tuple[str, str], VaultEntry] = {}
        self.documents: StoreDocuments = StoreDocuments(records, place, self._use, self._wrote)
        self.started = False
        """Whether the session was used, and so knows what the store holds."""
        self._stale = True
        self._checked = 0.0
        self._mark: Any = None

    def __repr__(self) -> str:
        return f"<VaultSession {self.id}>"

    @property
    def version(self) -> int:
        """Number of entries that are known here."""
        return len(self._current())

    def entries(self, since: int = 0) -> Sequence[VaultEntry]:
        """Return the entries in the order in which they became known here."""
        return self._current()[since:]

    def issue(
        self, entity_type: str, value: str, *, like: VaultEntry | None = None, plain: str = ""
    ) -> VaultEntry:
        """Return the entry of a value, the same one in every process."""
        with self._lock:
            self._use()
            entry = self._by_value.get((entity_type, value))
            if entry is None:
                value_id = self._place.value_id(entity_type, value)
                of, part = of_family(entity_type, like)
                new = VaultEntry(entity_type=entity_type, code="", value=value, of=of, plain=plain)
                entry = self._stored(value_id) or self._claim(value_id, new, part=part)
                self._add(value_id, entry)
            return entry

    def lookup(self, entity_type: str, code: str) -> VaultEntry | None:
        """Return the entry behind a code, whichever process has issued it."""
        with self._lock:
            self._use()
            self._load()
            entry = self._by_code.get((entity_type, code))
            if entry or not any(is_code(key, entity_type, code) for key in self._code_keys):
                return entry
            for claim in self._records.below(self._place.claims(entity_type, code)):
                entry = self._stored(claim.key)
                # A claim without a mark was won if its value says so: the winner was killed
                # between the two writes.
                if entry and (claim.value.get("won") or entry.code == code):
                    self._add(claim.key, entry)
                    other = replace(entry, code=code)
                    return self._by_code.setdefault((entity_type, code), other)
            return None

    def end(self, how: str = "was forgotten") -> None:
        """Empty this object; the store is the vault's business."""
        self._life.end(how)
        self._live_values.end(self)
        with self._lock:
            self.forget_index()
            self.documents.clear()
            self._order.clear()
            for kept in (self._known, self._by_value, self._by_code):
                kept.clear()

    @property
    def over(self) -> bool:
        """Whether the session was forgotten or has expired."""
        if self.started:
            with self._lock, contextlib.suppress(SessionError):
                self._look()
        return self._life.over

    def _current(self) -> list[VaultEntry]:
        with self._lock:
            self._look()
            self._load()
            return self._order

    def look_again(self) -> None:
        """Take note that others may have issued values since the last run of the conversation."""
        with self._lock:
            self._stale = True

    def _load(self) -> None:
        """Take in what other processes have issued."""
        if not self._stale or (self._order and not self._records.within_reach):
            return
        place = self._place
        news = [i for i in self._records.below(place.values) if i.key not in self._known]
        for item in in_order(news):
            self._add(item.key, self._entry(item.key, item.value))
        if self._records.is_async:
            self.documents.look()
        self._stale = False

    def _claim(self, value_id: str, new: VaultEntry, *, part: bool) -> VaultEntry:
        place, records, entity_type = self._place, self._records, new.entity_type
        for code in candidates(
            place.code_key, entity_type, new.value, self._length, of=new.of, part=part
        ):
            if (entity_type, code) in self._by_code:
                continue
            claims = place.claims(entity_type, code)
            records.put(claims, value_id, {"won": False})
            if any(claim.key != value_id for claim in records.below(claims)):
                # Perhaps another process has won with this value meanwhile.
                if entry := self._stored(value_id):
                    return entry
                continue
            kept = {"type": entity_type, "code": code, "value": new.value}
            kept |= {name: text for name in ("of", "plain") if (text := getattr(new, name))}
            box = sealed(place.sealer, place.values, value_id, kept)
            won = (claims, value_id, {"won": True})
            records.put_all([(place.values, value_id, box), won])
            self._wrote([(place.values, value_id), (claims, value_id)])
            return replace(new, code=code)
        raise AssertionError  # candidates() raises when it has no more

    def _wrote(self, places: Sequence[tuple[Namespace, str]]) -> None:
        """Take back what was written while another process forgot the session, and raise."""
        if self._read("forgotten") != self._mark:
            self._records.delete(places)
            self._look(now=True)

    def _stored(self, value_id: str) -> VaultEntry | None:
        record = self._records.get(self._place.values, value_id)
        return None if record is None else self._entry(value_id, record)

    def _entry(self, value_id: str, record: dict[str, Any]) -> VaultEntry:
        kept = opened(self._place.sealer, self._place.values, value_id, record)
        return VaultEntry(
            entity_type=kept["type"],
            code=kept["code"],
            value=kept["value"],
            of=kept.get("of", ""),
            plain=kept.get("plain", ""),
        )

    def _add(self, value_id: str, entry: VaultEntry) -> None:
        if value_id not in self._known:
            self._known[value_id] = None
            self._by_value[entry.entity_type, entry.value] = entry
            self._by_code[entry.entity_type, entry.code] = entry
            self._order.append(entry)
            self._live_values.issued(self.id, entry)

    def _use(self) -> None:
        """Look, and note that the session is used."""
        with self._lock:
            if self._look() and self._ttl is not None:
                self._records.put(self._place.about, "used", {"mark": self._records.now()})

    def _start(self) -> None:
        """Do what opening a session takes: on first use, which may be in a better thread."""
        self._prepare()
        self._live_values.begin(self)
        self._mark = self._place.begin(self._records)
        if self._mark is not None:
            self._length = max(self._length, AFTER_END)
        for place in self._older:
            place.begin(self._records)
        self._code_keys = [place.code_key for place in (self._place, *self._older)]
        donor, self._donor = self._donor, None
        # What an earlier object of this process has opened need not be opened again.
        if donor is not None and donor._mark == self._mark:  # noqa: SLF001
            with donor._lock:  # noqa: SLF001
                known = zip(donor._known, donor._order, strict=True)  # noqa: SLF001
                for value_id, entry in known:
                    self._add(value_id, entry)
        self._checked = time.monotonic()
        self.started = True

    def _look(self, *, now: bool = False) -> bool:
        """Raise `SessionError` when the session is over; ask the store from time to time only.

        Returns:
            Whether the store was asked.
        """
        self._life.check()
        if not self.started:
            self._start()
            return True
        if not now and time.monotonic() - self._checked < self._recheck:
            return False
        if not self._records.within_reach:
            return False  # later, from another thread
        if self._read("forgotten") != self._mark:
            self.end()
        elif self._ttl is not None:
            used = self._read("used")
            if used is not None and self._records.now() - used > self._ttl:
                self.end("has expired")
        self._checked = time.monotonic()
        self._life.check()
        return True

    def _read(self, what: str) -> Any:
        record = self._records.get(self._place.about, what)
        return None if record is None else record.get("mark")
