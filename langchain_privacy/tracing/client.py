"""LangSmith's client: everything it sends passes a scrubber.

Runs are cleaned in `_create_run` and `_update_run`, where the client holds complete run operations:
the only place that sees inputs, outputs, errors, metadata with its keys, tags, names, events,
attachments and a model's serialised tools alike, also for OpenTelemetry's exporter. It is where
`process_buffered_run_ops` hands over as well; that hook would do the same work in another thread,
on objects that may have changed meanwhile. Feedback, examples and datasets, which evaluators send,
do not pass there; their arguments are cleaned.

The client becomes an instance of a subclass of its class; the class itself is not touched.
"""

import functools
import io
import logging
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import langsmith
from langsmith._internal._serde import dumps_json

from langchain_privacy.tracing.outbox import Operation, Outbox, ending
from langchain_privacy.tracing.scrub import Scrubber, with_files

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
_FLUSHING = ("flush", "flush_compressed_traces")
_outboxes: weakref.WeakKeyDictionary[langsmith.Client, Outbox] = weakref.WeakKeyDictionary()


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
        plain: Any = type(client)
        client.__class__ = _class_of(plain)
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
    client.__class__ = type(client)._protected_class  # type: ignore[attr-defined]  # noqa: SLF001
    outbox.drain()
    del _outboxes[client]


@functools.cache
def _class_of(cls: Any) -> Any:
    """Make the protected subclass of a client's class."""
    namespace: dict[str, Any] = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "__slots__": (),
        "_protected_class": cls,
    }
    namespace["upload_csv"] = _cleaning_csv(cls.upload_csv)
    for name in ("_create_run", "_update_run"):
        namespace[name] = _cleaning_run(getattr(cls, name))
    for name in _FLUSHING:
        namespace[name] = _draining(getattr(cls, name))
    for name in _SENDING:
        if (inner := getattr(cls, name, None)) is not None:
            namespace[name] = _cleaning(inner)
    return type(cls)(cls.__name__, (cls,), namespace)


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
    """Return arguments without values, with their types as far as the client tells them apart."""

    def clean(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {scrubber.structure(k): field(k, v) for k, v in value.items()}
        if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
            return type(value)(map(clean, value))
        if isinstance(value, Iterator):
            return map(clean, value)
        if hasattr(value, "model_copy") and not isinstance(value, type):
            fields = value.__dict__ | (getattr(value, "__pydantic_extra__", None) or {})
            return value.model_copy(update={k: field(k, v) for k, v in fields.items()})
        return scrubber.structure(value, dumps_json)

    def field(name: Any, value: Any) -> Any:
        return clean(with_files(value) if files and name == "attachments" else value)

    return clean(value)
