"""Run operations between the application and LangSmith's client.

Each is written down at once, so that what is examined is what is sent whatever the application
changes meanwhile. They are read and passed on a few together: alone, between the steps of a run,
each would wait for the caches of the processor, which costs several times the work itself.
"""

import logging
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Self

from langsmith._internal import _orjson
from langsmith._internal._serde import dumps_json

from langchain_privacy.tracing.scrub import Scrubber, with_files

SECONDS = 0.25
"""How long an operation waits when no other comes; with others, half of it."""
_TOGETHER, _BYTES = 32, 1 << 20
_log = logging.getLogger(__name__)
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

    def _with(self, documents: Iterable[bytes]) -> dict[str, Any]:
        written = zip(self.documents, map(_orjson.Fragment, documents), strict=True)
        return self.run | dict(written)


class Outbox:
    """Passes operations on in the order in which they came. Thread-safe."""

    def __init__(self, *scrubbers: Scrubber) -> None:
        self.scrubbers = scrubbers
        """One for each guard."""
        self.scrubber = joined(scrubbers)
        self.start()
        _all.add(self)

    def start(self) -> None:
        """Begin with nothing that waits."""
        self._adding = threading.Lock()
        self._sending = threading.RLock()
        self._waiting: list[Operation] = []
        self._bytes = 0
        self._since = 0.0
        self._called = False

    def put(self, operation: Operation) -> None:
        """Take an operation, and perhaps pass on all that wait."""
        with self._adding:
            now = time.monotonic()
            if not self._waiting:
                self._since = now
            self._waiting.append(operation)
            self._bytes += sum(map(len, operation.documents.values()))
            due = (
                len(self._waiting) >= _TOGETHER
                or self._bytes >= _BYTES
                or now - self._since >= SECONDS / 2
            )
            call = not due and not self._called
            self._called |= call
        if due:
            self.drain()
        elif call:
            _call(self, now + SECONDS)

    def drain(self) -> None:
        """Pass on everything that waits."""
        with self._sending:
            with self._adding:
                operations, self._waiting, self._bytes = self._waiting, [], 0
            if operations:
                self._pass_on(operations)

    def called(self) -> float | None:
        """Drain when the oldest operation has waited for long enough, else say when to call."""
        with self._adding:
            due = self._since + SECONDS
            if self._waiting and due > time.monotonic():
                return due
            self._called = False
        self.drain()
        return None

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


_all: weakref.WeakSet[Outbox] = weakref.WeakSet()
_calls: queue.SimpleQueue[tuple[float, Outbox]] = queue.SimpleQueue()
_starting = threading.Lock()
_caller: threading.Thread | None = None
_ending = False


def ending() -> bool:
    """Tell whether the process ends: nothing may wait any more, though threads still work."""
    return _ending


def _call(outbox: Outbox, due: float) -> None:
    """Have an outbox called at a time, by one thread for all of them."""
    global _caller
    with _starting:
        if _caller is None or not _caller.is_alive():  # after a fork it is not
            _caller = threading.Thread(target=_run, name="langchain-privacy-traces", daemon=True)
            _caller.start()
    _calls.put((due, outbox))


def _run() -> None:
    while True:
        due, outbox = _calls.get()
        time.sleep(max(0.0, due - time.monotonic()))
        again = outbox.called()
        if again is not None:
            _calls.put((again, outbox))
        del outbox  # or it would be kept until the next one comes


def _drain_all() -> None:
    global _ending
    _ending = True
    for outbox in list(_all):
        outbox.drain()


def _forget_all() -> None:
    """Start anew in a forked child: what waits is the parent's, and a lock may be held for ever."""
    global _calls, _starting, _caller
    _calls, _starting, _caller = queue.SimpleQueue(), threading.Lock(), None
    for outbox in list(_all):
        outbox.start()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
# While the client's own threads still send; what `atexit` calls comes after them.
threading._register_atexit(_drain_all)  # type: ignore[attr-defined]  # noqa: SLF001
