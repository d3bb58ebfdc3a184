"""Run operations between the application and LangSmith's client.

Each is written down at once, so that what is examined is what is sent whatever the application
changes meanwhile. It waits until its trace is over (see `Holding`); then operations are
read and passed on a few together: alone, between the steps of a run, each would wait for the
caches of the processor, which costs several times the work itself.

    Operation (in writing) -> held until its trace is over -> Outbox -> the client's own queue

Example:
    ```python
    outbox = Outbox(scrubber, hold=60.0)
    outbox.put(Operation.of(client._create_run, run, {}))
    ```
"""

import logging
import os
import queue
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from langsmith._internal import _orjson
from langsmith._internal._serde import dumps_json

from langchain_privacy.tracing.scrub import WITHHELD, Scrubber, with_files

_log = logging.getLogger(__name__)

SECONDS = 0.25
"""How long an operation waits when no other comes; with others, half of it."""

_TOGETHER, _BYTES = 32, 1 << 20
"""So many operations, or so much of them, do not wait."""

_TRACES = 4_096
"""So many traces are known to go on; parts of the oldest are held no longer."""

_LONG = 3_600.0
"""Seconds after which a trace counts as one that nobody will end."""

_ROUTING = frozenset(
    {
        "id",
        "trace_id",
        "parent_run_id",
        "dotted_order",
        "start_time",
        "end_time",
        "run_type",
        "session_id",
        "reference_example_id",
        "address",
        "attachments",
    }
)
"""Fields of a run that LangSmith made, and attachments, which are cleaned by themselves."""


class Operation(NamedTuple):
    """A run operation in writing."""

    send: Callable[..., Any]
    """The client's own method, bound to it."""
    run: dict[str, Any]
    arguments: dict[str, Any]
    strings: dict[str, str]
    documents: dict[str, bytes]
    """What could still change, as JSON."""

    @classmethod
    def of(cls, send: Callable[..., Any], run: dict[str, Any], arguments: dict[str, Any]) -> Self:
        """Write a run operation down."""
        strings, documents = {}, {}
        for name, value in run.items():
            if name in _ROUTING or value is None:
                continue
            if isinstance(value, str):
                # Half a surrogate pair: the client would write all beside it in another way.
                strings[name] = value.encode("utf-8", "replace").decode()
            else:
                documents[name] = dumps_json(value)
        run = run | strings
        if attachments := run.get("attachments"):
            run["attachments"] = with_files(attachments)
        return cls(send, run, arguments, strings, documents)

    @property
    def trace(self) -> Hashable:
        """The trace that it belongs to; `None` where the client was not told."""
        return self.run.get("trace_id")

    @property
    def size(self) -> int:
        """Bytes that it takes, nearly."""
        files = (each for file in (self.run.get("attachments") or {}).values() for each in file)
        parts = [*self.documents.values(), *self.strings.values(), *files]
        return 1_000 + sum(len(part) for part in parts if isinstance(part, (str, bytes)))

    def read(self) -> list[bytes]:
        """Return all that a scrubber has to read, as JSON documents."""
        return [*self.documents.values(), dumps_json(self.strings)]

    def cleaned(self, scrubber: Scrubber) -> dict[str, Any]:
        """Return the run without vault values."""
        documents = scrubber.json(*self.documents.values())
        strings = {name: scrubber.text(text) for name, text in self.strings.items()}
        run = self._with(documents) | strings
        if attachments := run.get("attachments"):
            run["attachments"] = scrubber.structure(attachments)
        return run

    def untouched(self) -> dict[str, Any]:
        """Return the run as it was written down."""
        return self._with(self.documents.values())

    def frame(self) -> Self:
        """Return the operation without all that an application put into it."""
        run = {name: value for name, value in self.run.items() if name in _ROUTING}
        run = {name: value for name, value in run.items() if name != "attachments"}
        return self._replace(run=run, strings={"name": WITHHELD}, documents={})

    def _with(self, documents: Iterable[bytes]) -> dict[str, Any]:
        written = zip(self.documents, map(_orjson.Fragment, documents), strict=True)
        return self.run | dict(written)


class _First(NamedTuple):
    """The first run of a trace, and when it began by the monotonic clock."""

    run: object
    since: float


class Outbox:
    """Passes operations on, those of a trace in the order in which they came. Thread-safe."""

    def __init__(self, *scrubbers: Scrubber, hold: float) -> None:
        self.use(*scrubbers, hold=hold)
        self.start()
        register(self)

    def use(self, *scrubbers: Scrubber, hold: float) -> None:
        """Clean with these scrubbers, one for each guard; hold for so many seconds at most."""
        self.scrubbers = scrubbers
        self.scrubber = joined(scrubbers)
        self.scrubber.serves(self)
        self.hold = hold

    def start(self) -> None:
        """Begin with nothing that waits."""
        self._adding = threading.Lock()
        self._sending = threading.RLock()
        self._held = Holding[Operation](self.hold)
        self._first: dict[Hashable, _First] = {}
        self._ready: list[Operation] = []
        self._bytes = 0
        self._since = 0.0
        self._called = False

    def holds(self, operation: Operation, *, begins: bool) -> bool:
        """Keep an operation back when its trace is not over; tell whether it was.

        With the last of a trace, all that waits of it is made ready.
        """
        trace, run = operation.trace, operation.run
        ends = run.get("end_time") is not None
        with self._adding:
            now = time.monotonic()
            if begins and not ends and trace not in self._first:
                self._first[trace] = _First(run["id"], now)
                while len(self._first) > _TRACES or now - self._oldest() > _LONG:
                    self._make_ready(self._over(next(iter(self._first))))
            if trace not in self._first:
                return False
            if ends and self._first[trace].run == run["id"]:
                self._make_ready(self._over(trace))
                return False
            self._held.seconds = self.hold
            self._held.hold(trace, operation, operation.size, now)
            if excess := self._held.excess():
                _log.warning(
                    "Too much waits for the ends of traces: the content of %d run operations is "
                    "not traced. Give install_tracing_guard a shorter hold_seconds.",
                    len(excess),
                )
                self._make_ready([each.frame() for each in excess])
            call, self._called = not self._called, True
        if call:
            call_later(self, now + SECONDS)
        return True

    @property
    def busy(self) -> bool:
        """Whether a trace goes on."""
        return bool(self._first)

    def since(self) -> float | None:
        """Return when the oldest trace that goes on began."""
        with self._adding:
            return self._oldest() if self._first else None

    def _oldest(self) -> float:
        return next(iter(self._first.values())).since

    def _over(self, trace: Hashable) -> list[Operation]:
        del self._first[trace]
        return self._held.end(trace)

    def _make_ready(self, operations: Iterable[Operation]) -> None:
        for operation in operations:
            if not self._ready:
                self._since = time.monotonic()
            self._ready.append(operation)
            self._bytes += sum(map(len, operation.documents.values()))

    def put(self, operation: Operation) -> None:
        """Take an operation that waits for no other, and perhaps pass on all that are ready."""
        with self._adding:
            self._make_ready([operation])
            due = (
                len(self._ready) >= _TOGETHER
                or self._bytes >= _BYTES
                or time.monotonic() - self._since >= SECONDS / 2
            )
            call = not due and not self._called
            self._called |= call
        if due:
            self.drain()
        elif call:
            call_later(self, self._since + SECONDS)

    def drain(self, *, held: bool = False) -> None:
        """Pass on everything that is ready, and with `held` what waits for the end of a trace."""
        with self._sending:
            with self._adding:
                if held:
                    self._first.clear()
                    self._make_ready(self._held.end_all())
                operations, self._ready, self._bytes = self._ready, [], 0
            if operations:
                self._pass_on(operations)

    def called(self) -> float | None:
        """Pass on what has waited for long enough; say when to call again."""
        now = time.monotonic()
        with self._adding:
            self._make_ready(self._held.overdue(now))
            due = bool(self._ready) and self._since + SECONDS <= now
            waits = self._since + SECONDS if self._ready and not due else now + SECONDS
            self._called = bool(self._held) or bool(self._ready and not due)
            again = waits if self._called else None
        if due:
            self.drain()
        return again

    def _pass_on(self, operations: list[Operation]) -> None:
        try:
            harmless = not self.scrubber.json_holds(*(d for op in operations for d in op.read()))
        except Exception:  # noqa: BLE001 each is tried by itself
            harmless = False
        for operation in operations:
            try:
                plain = harmless and not operation.run.get("attachments")
                run = operation.untouched() if plain else operation.cleaned(self.scrubber)
                operation.send(run, **operation.arguments)
            except Exception as error:  # noqa: BLE001 its text may quote the run
                _log.error("A run was not traced: %s.", type(error).__name__)


def joined(scrubbers: Sequence[Scrubber]) -> Scrubber:
    """Return a scrubber of the vaults of all."""
    vaults = {id(vault): vault for scrubber in scrubbers for vault in scrubber.vaults}
    first = scrubbers[0]
    return first if len(vaults) == len(first.vaults) else Scrubber(*vaults.values())


# ---- One thread that calls those with whom something waits, and the end of the process


class Waiting(Protocol):
    """With whom something may wait."""

    def start(self) -> None:
        """Begin with nothing that waits."""

    def called(self) -> float | None:
        """Pass on what has waited for long enough; say when to call again, if at all."""

    def drain(self, *, held: bool) -> None:
        """Pass on everything."""


_all: weakref.WeakSet[Waiting] = weakref.WeakSet()
_calls: queue.SimpleQueue[tuple[float, Waiting]] = queue.SimpleQueue()
_starting = threading.Lock()
_caller: threading.Thread | None = None
_ending = False


def ending() -> bool:
    """Tell whether the process ends: nothing may wait any more, though threads still work."""
    return _ending


def register(one: Waiting) -> None:
    """Have it drained when the process ends, and begun anew in a forked child."""
    _all.add(one)


def call_later(one: Waiting, due: float) -> None:
    """Have it called at a time, by one thread for all of them."""
    global _caller
    with _starting:
        if _caller is None or not _caller.is_alive():  # after a fork it is not
            _caller = threading.Thread(target=_run, name="langchain-privacy-traces", daemon=True)
            _caller.start()
    _calls.put((due, one))


def _run() -> None:
    while True:
        due, one = _calls.get()
        time.sleep(max(0.0, due - time.monotonic()))
        again = one.called()
        if again is not None:
            _calls.put((again, one))
        del one  # or it would be kept until the next one comes


def _drain_all() -> None:
    global _ending
    _ending = True
    for one in list(_all):
        one.drain(held=True)


def _forget_all() -> None:
    """Start anew in a forked child: what waits is the parent's, and a lock may be held for ever."""
    global _calls, _starting, _caller
    _calls, _starting, _caller = queue.SimpleQueue(), threading.Lock(), None
    for one in list(_all):
        one.start()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
# While the client's own threads still send; what `atexit` calls comes after them.
threading._register_atexit(_drain_all)  # type: ignore[attr-defined]  # noqa: SLF001


# ---- What was traced is kept back until its trace is over
#
# A run is traced when it begins, with its inputs; the vault learns their values a moment later,
# when the masker has read them, or seconds later, where a function works before it calls what is
# private. So nothing of a trace is sent before its first run ends: what was masked within it is
# known then. There are two limits. A part that has waited for `HOLD` seconds is sent, cleaned of
# what is known by then, so that runs of hours can be seen. And what waits takes no more than
# `LIMIT` bytes: of what is over that, beginning with the oldest trace, only the frame is sent.


T = TypeVar("T")

HOLD = 60.0
"""Seconds for which a part of a trace waits for the trace's end at most."""
LIMIT = 64 << 20
"""Bytes that may wait so."""


class Holding(Generic[T]):
    """Parts of traces that are not over, each trace's in their order. Not thread-safe."""

    def __init__(self, seconds: float, limit: int = LIMIT) -> None:
        self.seconds = seconds
        self.limit = limit
        self._traces: dict[Hashable, deque[tuple[T, int, float]]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        """Of how many traces something waits."""
        return len(self._traces)

    def hold(self, trace: Hashable, part: T, size: int, now: float) -> None:
        """Keep a part of `size` bytes back."""
        self._traces.setdefault(trace, deque()).append((part, size, now))
        self._bytes += size

    def end(self, trace: Hashable) -> list[T]:
        """Return all that waits of a trace."""
        parts = self._traces.pop(trace, ())
        self._bytes -= sum(size for _, size, _ in parts)
        return [part for part, _, _ in parts]

    def end_all(self) -> list[T]:
        """Return all that waits."""
        return [part for trace in list(self._traces) for part in self.end(trace)]

    def overdue(self, now: float) -> list[T]:
        """Return what has waited for long enough."""
        found: list[T] = []
        for trace, parts in list(self._traces.items()):
            while parts and now - parts[0][2] >= self.seconds:
                part, size, _ = parts.popleft()
                self._bytes -= size
                found.append(part)
            if not parts:
                del self._traces[trace]
        return found

    def excess(self) -> list[T]:
        """Return what there is no room for."""
        found: list[T] = []
        while self._bytes > self.limit:
            found += self.end(next(iter(self._traces)))
        return found
