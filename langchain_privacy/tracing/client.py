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
import logging
import weakref
from collections.abc import Callable
from typing import Any

import langsmith
from langsmith._internal import _orjson
from langsmith._internal._serde import dumps_json

from langchain_privacy.tracing.scrub import Scrubber

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
    }
)
_DOCUMENTS = ("inputs", "outputs", "extra", "events", "serialized")
_NOT_SMALL = _ROUTING.union(_DOCUMENTS, ("attachments",))
_SENDING = (
    "create_feedback",
    "update_feedback",
    "create_example",
    "create_examples",
    "update_example",
    "update_examples",
    "upload_examples_multipart",
    "update_examples_multipart",
    "create_dataset",
    "create_project",
    "update_project",
    "create_comparative_experiment",
    "add_runs_to_annotation_queue",
    "create_annotation_queue",
    "multipart_ingest",
    "batch_ingest_runs",
)
_scrubbers: weakref.WeakKeyDictionary[langsmith.Client, Scrubber] = weakref.WeakKeyDictionary()


def scrubber_of(client: langsmith.Client) -> Scrubber | None:
    """Return the scrubber of a protected client, `None` of any other."""
    return _scrubbers.get(client)


def protect(client: langsmith.Client, scrubber: Scrubber) -> None:
    """Make a client send no vault value, whatever is traced through it."""
    plain: Any = getattr(type(client), "_protected_class", type(client))
    client.__class__ = _class_of(plain)
    _scrubbers[client] = scrubber


def unprotect(client: langsmith.Client) -> None:
    """Give a client back as it was."""
    if _scrubbers.pop(client, None) is not None:
        client.__class__ = type(client)._protected_class  # type: ignore[attr-defined]  # noqa: SLF001


def clean_run(scrubber: Scrubber, run: dict[str, Any]) -> dict[str, Any]:
    """Return a run operation without vault values.

    Documents come back as serialised JSON: what was examined is what is sent, even when the
    application changes the objects meanwhile, and it is serialised only once.
    """
    documents = {name: dumps_json(v) for name in _DOCUMENTS if (v := run.get(name)) is not None}
    small = {name: v for name, v in run.items() if name not in _NOT_SMALL and v is not None}
    written = dumps_json(small)
    *scrubbed, seen = scrubber.json(*documents.values(), written)
    cleaned = dict(run)
    cleaned |= zip(documents, map(_orjson.Fragment, scrubbed), strict=True)
    if seen is not written:
        cleaned |= {name: scrubber.structure(value) for name, value in small.items()}
    if attachments := run.get("attachments"):
        cleaned["attachments"] = scrubber.structure(attachments)
    return cleaned


@functools.cache
def _class_of(cls: type) -> Any:
    """Make the protected subclass of a client's class."""
    namespace: dict[str, Any] = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "__slots__": (),
        "_protected_class": cls,
    }
    for name in ("_create_run", "_update_run"):
        namespace[name] = _cleaning_run(getattr(cls, name))
    for name in _SENDING:
        if (inner := getattr(cls, name, None)) is not None:
            namespace[name] = _cleaning(inner)
    return type(cls)(cls.__name__, (cls,), namespace)


def _cleaning_run(inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    def send(self: Any, run: dict[str, Any], **kwargs: Any) -> Any:
        scrubber = scrubber_of(self)
        if scrubber is not None:
            try:
                run = clean_run(scrubber, run)
            except Exception as error:  # noqa: BLE001 its text may quote the run
                _log.error("A run was not traced: cleaning failed (%s).", type(error).__name__)
                return None
        return inner(self, run, **kwargs)

    return send


def _cleaning(inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        scrubber = scrubber_of(self)
        if scrubber is not None:
            args = tuple(_clean(scrubber, value) for value in args)
            kwargs = {name: _clean(scrubber, value) for name, value in kwargs.items()}
        return inner(self, *args, **kwargs)

    return send


def _clean(scrubber: Scrubber, value: Any) -> Any:
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_clean(scrubber, item) for item in value)
    if hasattr(value, "model_copy"):
        fields = {name: _clean(scrubber, item) for name, item in value.__dict__.items()}
        return value.model_copy(update=fields)
    return scrubber.structure(value)
