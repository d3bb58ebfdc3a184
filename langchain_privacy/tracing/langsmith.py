"""LangSmith's clients: everything they send passes a scrubber.

`install_tracing_guard` calls `protect` for each client. Runs are cleaned in `_create_run` and
`_update_run`, where the client holds complete run operations: the only place that sees inputs,
outputs, errors, metadata with its keys, tags, names, events, attachments and a model's serialised
tools alike, also for OpenTelemetry's exporter. The client's hook `process_buffered_run_ops` is
called there too, but would do the same work in another thread, on objects that may have changed
meanwhile. Feedback, examples and datasets, which evaluators send, do not pass there; the arguments
of the methods that send them are cleaned.

    application -> _create_run -> tracing.outbox, until the trace is over -> the client's own queue
    application -> create_feedback ... -> arguments cleaned -> the client's own method

The client becomes an instance of a subclass of its class; the class itself is not touched.

Example:
    ```python
    protect(client, Scrubber(masker.vault))
    unprotect(client, scrubber)
    ```
"""

import contextvars
import functools
import io
import logging
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import langsmith
from langsmith._internal._serde import dumps_json
from pydantic import BaseModel

from langchain_privacy.subclassing import made_from, recast, subclass, subclass_maker
from langchain_privacy.tracing.outbox import HOLD, Operation, Outbox, ending
from langchain_privacy.tracing.scrub import Scrubber, ScrubbingLeaves, with_files
from langchain_privacy.values.walk import Walk

_log = logging.getLogger(__name__)

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

_FLUSHING = {"flush": False, "flush_compressed_traces": False, "cleanup": True}
"""Methods of the client before which what is ready is passed on, or all that waits."""

_outboxes: "weakref.WeakKeyDictionary[langsmith.Client, Outbox]" = weakref.WeakKeyDictionary()
"""What waits for each protected client."""

# ---- Clients


def scrubber_of(client: langsmith.Client) -> Scrubber | None:
    """Return the scrubber of a protected client, `None` of any other."""
    outbox = _outboxes.get(client)
    return None if outbox is None else outbox.scrubber


def protect(client: langsmith.Client, scrubber: Scrubber, hold: float = HOLD) -> None:
    """Make a client send no vault value, whatever is traced through it.

    Args:
        client: Whose class changes.
        scrubber: Knows the values.
        hold: Seconds for which a run operation waits for the end of its trace at most.
    """
    outbox = _outboxes.get(client)
    if outbox is None:
        _outboxes[client] = Outbox(scrubber, hold=hold)
        recast(client, _protected(type(client)))
    else:  # those of other guards stay
        outbox.use(*outbox.scrubbers, scrubber, hold=max(hold, outbox.hold))


def unprotect(client: langsmith.Client, scrubber: Scrubber) -> None:
    """Take a guard's scrubber from a client; without the last it is as it was."""
    outbox = _outboxes.get(client)
    if outbox is None:
        return
    outbox.drain(held=True)
    if others := [each for each in outbox.scrubbers if each is not scrubber]:
        outbox.use(*others, hold=outbox.hold)
        return
    recast(client, made_from(type(client)))
    outbox.drain(held=True)
    del _outboxes[client]


@subclass_maker()
def _protected(base: Any) -> dict[str, Any]:
    """A client's class whose methods clean what they send."""
    members = {"upload_csv": _cleaning_csv(base.upload_csv)}
    for name in ("_create_run", "_update_run"):
        members[name] = _cleaning_run(getattr(base, name), begins=name == "_create_run")
    for name, held in _FLUSHING.items():
        if (inner := getattr(base, name, None)) is not None:
            members[name] = _draining(inner, held=held)
    for name in _SENDING:
        if (inner := getattr(base, name, None)) is not None:
            members[name] = _cleaning(inner)
    return members


def _cleaning_run(inner: Callable[..., Any], *, begins: bool) -> Callable[..., Any]:
    @functools.wraps(inner)
    def send(self: Any, run: dict[str, Any], **kwargs: Any) -> Any:
        outbox = _outboxes.get(self)
        if outbox is None:  # the guard was just removed
            return inner(self, run, **kwargs)
        method: Callable[..., Any] = functools.partial(inner, self)
        if self.otel_exporter is not None:  # which looks for the caller's span
            method = functools.partial(contextvars.copy_context().run, method)
        try:
            operation = Operation.of(method, run, kwargs)
            if _may_be_held(run) and outbox.holds(operation, begins=begins):
                return None
            if _is_queued(self, run):
                return outbox.put(operation)
            outbox.drain()
            run = operation.cleaned(outbox.scrubber)
        except Exception as error:  # noqa: BLE001 its text may quote the run
            _log.error("A run was not traced: cleaning failed (%s).", type(error).__name__)
            return None
        return inner(self, run, **kwargs)

    return send


def _may_be_held(run: dict[str, Any]) -> bool:
    """Tell whether the client knows the run's trace: without, it sends at once, in order."""
    return not ending() and None not in (run.get("trace_id"), run.get("dotted_order"))


def _is_queued(client: Any, run: dict[str, Any]) -> bool:
    """Tell whether the client itself would only queue a run.

    One that sends at once raises its errors to the caller; and who processes runs in batches of
    their own waits already.
    """
    return (
        _may_be_held(run)
        and client.tracing_queue is not None
        and client.otel_exporter is None
        and not client._process_buffered_run_ops  # noqa: SLF001
    )


def _draining(inner: Callable[..., Any], *, held: bool) -> Callable[..., Any]:
    @functools.wraps(inner)
    def flush(self: Any, *args: Any, **kwargs: Any) -> Any:
        if (outbox := _outboxes.get(self)) is not None:
            outbox.drain(held=held)
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
