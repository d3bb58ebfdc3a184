"""LangSmith's clients: everything they send passes a scrubber.

`install_tracing_guard` calls `protect` for each client. Runs are cleaned in `_create_run` and
`_update_run`, where the client holds complete run operations: the only place that sees inputs,
outputs, errors, metadata with its keys, tags, names, events, attachments and a model's serialised
tools alike, also for OpenTelemetry's exporter. The client's hook `process_buffered_run_ops` is
called there too, but would do the same work in another thread, on objects that may have changed
meanwhile. Feedback, examples and datasets, which evaluators send, do not pass there; the arguments
of the methods that send them are cleaned.

    application -> _create_run -> Operation (in writing) -> Outbox -> the client's own queue
    application -> create_feedback ... -> arguments cleaned -> the client's own method

The client becomes an instance of a subclass of its class; the class itself is not touched.

Example:
    ```python
    protect(client, Scrubber(masker.vault))
    unprotect(client, scrubber)
    ```
"""

import functools
import io
import logging
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import langsmith
from langsmith._internal import _orjson
from langsmith._internal._serde import dumps_json
from pydantic import BaseModel

from langchain_privacy.subclassing import made_from, recast, subclass, subclass_maker
from langchain_privacy.tracing.scrub import Scrubber, ScrubbingLeaves, with_files
from langchain_privacy.values.walk import Walk

_log = logging.getLogger(__name__)

SECONDS = 0.25
"""How long an operation waits when no other comes; with others, half of it."""

_TOGETHER, _BYTES = 32, 1 << 20
"""So many operations, or so much of them, do not wait."""

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

_SENDING = (
    "create_feedback",
    "create_feedback_from_token",
    "create_presigned_feedback_token",
    "create_presigned_feedback_tokens",
    "update_feedback",
    "create_example",
    "create_examples",
    "update_example",
    "update_examples",
    "upload_examples_multipart",
    "update_examples_multipart",
    "upsert_examples_multipart",
    "create_dataset",
    "create_project",
    "update_project",
    "create_comparative_experiment",
    "add_runs_to_annotation_queue",
    "create_annotation_queue",
    "update_annotation_queue",
    "multipart_ingest",
    "batch_ingest_runs",
)
"""Methods of the client that send arguments of theirs; not every version has all."""

_FLUSHING = ("flush", "flush_compressed_traces")
"""Methods of the client before which all that waits is passed on."""

_outboxes: "weakref.WeakKeyDictionary[langsmith.Client, Outbox]" = weakref.WeakKeyDictionary()
"""What waits for each protected client."""

# ---- Clients


def scrubber_of(client: langsmith.Client) -> Scrubber | None:
    """Return the scrubber of a protected client, `None` of any other."""
    outbox = _outboxes.get(client)
    return None if outbox is None else outbox.scrubber


def protect(client: langsmith.Client, scrubber: Scrubber) -> None:
    """Make a client send no vault value, whatever is traced through it."""
    before = _outboxes.get(client)
    # Those of other guards stay.
    _outboxes[client] = Outbox(*(before.scrubbers if before else ()), scrubber)
    if before is None:
        recast(client, _protected(type(client)))
    else:
        before.drain()


def unprotect(client: langsmith.Client, scrubber: Scrubber) -> None:
    """Take a guard's scrubber from a client; without the last it is as it was."""
    outbox = _outboxes.get(client)
    if outbox is None:
        return
    if others := [each for each in outbox.scrubbers if each is not scrubber]:
        _outboxes[client] = Outbox(*others)
        outbox.drain()
        return
    recast(client, made_from(type(client)))
    outbox.drain()
    del _outboxes[client]


@subclass_maker()
def _protected(base: Any) -> dict[str, Any]:
    """A client's class whose methods clean what they send."""
    members = {"upload_csv": _cleaning_csv(base.upload_csv)}
    for name in ("_create_run", "_update_run"):
        members[name] = _cleaning_run(getattr(base, name))
    for name in _FLUSHING:
        members[name] = _draining(getattr(base, name))
    for name in _SENDING:
        if (inner := getattr(base, name, None)) is not None:
            members[name] = _cleaning(inner)
    return members


def _cleaning_run(inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    def send(self: Any, run: dict[str, Any], **kwargs: Any) -> Any:
        outbox = _outboxes.get(self)
        if outbox is None:  # the guard was just removed
            return inner(self, run, **kwargs)
        waits = _may_wait(self, run)
        try:
            operation = Operation.of(functools.partial(inner, self), run, kwargs)
            if not waits:
                run = operation.cleaned(outbox.scrubber)
        except Exception as error:  # noqa: BLE001 its text may quote the run
            _log.error("A run was not traced: cleaning failed (%s).", type(error).__name__)
            return None
        return outbox.put(operation) if waits else inner(self, run, **kwargs)

    return send


def _may_wait(client: Any, run: dict[str, Any]) -> bool:
    """Tell whether the client itself would only queue a run.

    OpenTelemetry's exporter wants it in the caller's context; a client that sends at once raises
    its errors there; and who processes runs in batches of their own waits already.
    """
    return (
        not ending()
        and client.tracing_queue is not None
        and client.otel_exporter is None
        and not client._process_buffered_run_ops  # noqa: SLF001
        and run.get("trace_id") is not None
        and run.get("dotted_order") is not None
    )


def _draining(inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    def flush(self: Any, *args: Any, **kwargs: Any) -> Any:
        if (outbox := _outboxes.get(self)) is not None:
            outbox.drain()
        return inner(self, *args, **kwargs)

    return flush


def _cleaning(inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        scrubber = scrubber_of(self)
        if scrubber is not None:
            # Without this the client refuses files itself.
            files = bool(kwargs.get("dangerously_allow_filesystem"))
            args = tuple(cleaned(scrubber, value, files=files) for value in args)
            kwargs = cleaned(scrubber, kwargs, files=files)
        return inner(self, *args, **kwargs)

    return send


def _cleaning_csv(inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    def send(self: Any, csv_file: Any, *args: Any, **kwargs: Any) -> Any:
        scrubber = scrubber_of(self)
        if scrubber is not None:
            args, kwargs = cleaned(scrubber, args), cleaned(scrubber, kwargs)
            if isinstance(csv_file, str):
                csv_file = (Path(csv_file).name, io.BytesIO(Path(csv_file).read_bytes()))
            name, file, *rest = csv_file
            csv_file = (scrubber.text(name), io.BytesIO(scrubber.data(file.read())), *rest)
        return inner(self, csv_file, *args, **kwargs)

    return send


def cleaned(scrubber: Scrubber, value: Any, *, files: bool = False) -> Any:
    """Return arguments without values, with their types as far as the client tells them apart.

    Args:
        scrubber: Knows the values.
        value: Arguments of one of the client's methods.
        files: Whether files whose paths stand under `attachments` are read, and cleaned too.
    """
    return Walk(_Arguments(scrubber, files=files))(value)


class _Arguments(ScrubbingLeaves):
    def __init__(self, scrubber: Scrubber, *, files: bool) -> None:
        super().__init__(scrubber, dumps_json)
        self._files = files

    def known(self, x: Any) -> Any:
        return None if isinstance(x, BaseModel) else super().known(x)

    def container(self, x: object, items: list[tuple[Any, Any]]) -> Mapping[Any, Any] | None:  # noqa: ARG002
        if not self._files:
            return None
        found = {key: value for key, value in items if key == "attachments"}
        return {key: Walk(self)(with_files(value)) for key, value in found.items()}

    def unknown(self, x: Any) -> Any:
        return map(Walk(self), x) if isinstance(x, Iterator) else super().unknown(x)


# ---- Run operations between the application and LangSmith's client.
#
# Each is written down at once, so that what is examined is what is sent whatever the application
# changes meanwhile. They are read and passed on a few together: alone, between the steps of a
# run, each would wait for the caches of the processor, which costs several times the work itself.


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


# ---- One thread that calls the outboxes in which something waits, and the end of the process

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


# ---- LangSmith's asynchronous client, which has nothing between its methods and HTTP.
#
# It becomes an instance of a class of its own, which holds the scrubbers: its slots have no room.


def protect_async(client: langsmith.AsyncClient, scrubber: Scrubber) -> None:
    """Make an asynchronous client send no vault value in the body of a request."""
    _scrub(client, (*scrubbers_of(client), scrubber))


def unprotect_async(client: langsmith.AsyncClient, scrubber: Scrubber) -> None:
    """Take a guard's scrubber from a client; without the last it is as it was."""
    kept = tuple(each for each in scrubbers_of(client) if each is not scrubber)
    _scrub(client, kept)


def scrubbers_of(client: langsmith.AsyncClient) -> tuple[Scrubber, ...]:
    """Return the scrubbers of a client, one for each guard."""
    return getattr(type(client), "_scrubbers", ())


def _scrub(client: langsmith.AsyncClient, scrubbers: tuple[Scrubber, ...]) -> None:
    """Have these scrubbers, and no others, clean what a client sends."""
    plain: Any = made_from(type(client))

    async def send(self: Any, method: str, endpoint: str, **kwargs: Any) -> Any:
        for scrubber in scrubbers:
            if content := kwargs.get("content"):
                [kwargs["content"]] = scrubber.json(content)
            if "json" in kwargs:
                kwargs["json"] = cleaned(scrubber, kwargs["json"])
        return await plain._arequest_with_retries(self, method, endpoint, **kwargs)  # noqa: SLF001

    members = {"_scrubbers": scrubbers, "_arequest_with_retries": send}
    recast(client, subclass(plain, members) if scrubbers else plain)
