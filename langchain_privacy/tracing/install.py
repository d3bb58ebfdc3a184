"""Putting the trace guard in place, also as a filter of Python's logging, and taking it away.

Example:
    ```python
    guard = install_tracing_guard(masker)
    guard.protect(other_client)
    logging.getLogger().handlers[0].addFilter(guard.log_filter())
    ```
"""

import gc
import json
import logging
import os
import warnings
from collections.abc import Iterable
from typing import Any, Protocol

import langsmith
from langsmith import run_trees
from langsmith.run_trees import get_cached_client
from langsmith.utils import get_env_var, tracing_is_enabled

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.tracing.langsmith import (
    protect,
    protect_async,
    scrubber_of,
    scrubbers_of,
    unprotect,
    unprotect_async,
)
from langchain_privacy.tracing.outbox import HOLD
from langchain_privacy.tracing.scrub import WITHHELD, Scrubber
from langchain_privacy.vault import Vault

# ---- Python's logging: records without vault values
#
# `guard.log_filter()` makes a filter; put it on the handlers that write somewhere.


_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
_FORMATTER = logging.Formatter()


class PrivateLogFilter(logging.Filter):
    """Put it on handlers: a logger's own filter does not see its children's records.

    Message and arguments are joined, an exception is formatted, and extra fields are walked; all
    of them lose the values of the vault's live sessions. Other handlers of the same record see
    the cleaned one too.
    """

    def __init__(self, scrubber: Scrubber) -> None:
        super().__init__()
        self._scrubber = scrubber

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean a record; never drops one, and never raises."""
        try:
            self._clean(record)
        except Exception:  # noqa: BLE001 whoever logs cannot help it
            for name in record.__dict__.keys() - _STANDARD:
                del record.__dict__[name]
            record.msg, record.args = WITHHELD, ()
            record.exc_info = record.exc_text = record.stack_info = None
        return True

    def _clean(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 a wrong format string must not lose the record
            message = f"{record.msg} {record.args}"
        record.msg, record.args = self._scrubber.text(message), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = _FORMATTER.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self._scrubber.text(record.exc_text)
            # Formatters print `exc_text` when it is there; others would format the exception anew.
            record.exc_info = None
        if record.stack_info:
            record.stack_info = self._scrubber.text(record.stack_info)
        for name, value in record.__dict__.items():
            if name not in _STANDARD:
                record.__dict__[name] = self._scrubber.structure(value, _written)


def _written(value: Any) -> bytes:
    """Write an object as formatters do."""
    return json.dumps(str(value)).encode()


Client = langsmith.Client | langsmith.AsyncClient
_SWITCHES = ("HIDE_INPUTS", "HIDE_OUTPUTS", "HIDE_METADATA")


class UnsafeTracingWarning(UserWarning):
    """A tracing setting does not do what it seems to."""


class HasVault(Protocol):
    """What the tracing guard needs of a masker."""

    @property
    def vault(self) -> Vault:
        """The vault whose values must not be traced."""


class TracingGuard:
    """Keeps the values of a vault out of traces and logs."""

    def __init__(self, masker: HasVault, hold_seconds: float = HOLD) -> None:
        self.scrubber = Scrubber(masker.vault)
        self._hold = hold_seconds
        self._vault = masker.vault
        self._clients: list[Client] = []
        self._providers: list[Any] = []

    def __repr__(self) -> str:
        return f"<TracingGuard of {len(self._clients)} clients>"

    @property
    def vault(self) -> Vault:
        """The vault whose values must not be traced."""
        return self._vault

    def protect(self, client: Client) -> None:
        """Protect one more LangSmith client, e.g. an evaluator's or an asynchronous one.

        Raises:
            ConfigurationError: It is no client of LangSmith's.
        """
        if isinstance(client, langsmith.Client):
            protect(client, self.scrubber, self._hold)
        elif isinstance(client, langsmith.AsyncClient):
            protect_async(client, self.scrubber)
        else:
            msg = f"The tracing guard takes LangSmith clients, not {type(client).__name__}."
            raise ConfigurationError(msg)
        self._clients.append(client)

    def protect_provider(self, provider: Any) -> None:
        """Protect an OpenTelemetry `TracerProvider`, with the processors that it gets later."""
        from langchain_privacy.tracing.otel import protect_provider

        protect_provider(provider, self.scrubber, self._hold)
        self._providers.append(provider)

    def span_exporter(self, exporter: Any) -> Any:
        """Wrap an OpenTelemetry exporter."""
        from langchain_privacy.tracing.otel import PrivateSpanExporter

        return PrivateSpanExporter(exporter, self.scrubber, self._hold)

    def span_processor(self, processor: Any) -> Any:
        """Wrap an OpenTelemetry span processor."""
        from langchain_privacy.tracing.otel import PrivateSpanProcessor

        return PrivateSpanProcessor(processor, self.scrubber, self._hold)

    def log_filter(self) -> PrivateLogFilter:
        """Return a filter for logging handlers: `handler.addFilter(guard.log_filter())`."""
        return PrivateLogFilter(self.scrubber)

    def remove(self) -> None:
        """Give clients and providers back as they were."""
        for client in self._clients:
            if isinstance(client, langsmith.Client):
                unprotect(client, self.scrubber)
            else:
                unprotect_async(client, self.scrubber)
        for provider in self._providers:
            from langchain_privacy.tracing.otel import unprotect_provider

            unprotect_provider(provider, self.scrubber)
        self._clients, self._providers = [], []


def install_tracing_guard(
    masker: HasVault,
    client: Client | Iterable[Client] | None = None,
    *,
    hold_seconds: float = HOLD,
) -> TracingGuard:
    """Keep vault values out of LangSmith and OpenTelemetry traces.

    A run is traced before the masker has seen what is in it. So what belongs to a trace waits until
    its first run or span ends, for a minute at most; `flush` sends what is over.

    Protects the client that LangChain traces with (and the global OpenTelemetry provider, when one
    is set). Clients that you make yourself have to be named, here or with `guard.protect`;
    `assert_traces_safe` tells when one was forgotten.

    Args:
        masker: Whose vault to keep out.
        client: A client, or several, instead of the default one.
        hold_seconds: For how long each part of a trace waits for the trace's end at most. With 0
            only values that are known by then are kept out.

    Returns:
        The guard, with wrappers for OpenTelemetry and logging.
    """
    guard = TracingGuard(masker, hold_seconds)
    if client is None:
        clients: list[Client] = [default_client()]
    else:
        clients = list(client) if isinstance(client, Iterable) else [client]
    if not clients:
        msg = "install_tracing_guard got an empty list of clients; pass None for the default one."
        raise ConfigurationError(msg)
    for each in clients:
        guard.protect(each)
    for provider in _providers_in_use(clients):
        guard.protect_provider(provider)
    warn_of_switches()
    return guard


def default_client() -> langsmith.Client:
    """Return the client that LangChain traces with.

    One that is made here asks LangSmith's host what it takes, in a thread; where nobody has
    configured LangSmith, no host is asked.
    """
    configured = tracing_is_enabled() or any(
        get_env_var(name) for name in ("API_KEY", "ENDPOINT", "RUNS_ENDPOINTS")
    )
    return get_cached_client() if configured else get_cached_client(info={})


def _providers_in_use(clients: list[Client]) -> list[Any]:
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
    except ImportError:
        return []
    # LangSmith's own exporter uses the global provider too, unless it was given another.
    candidates: list[Any] = [trace.get_tracer_provider()]
    for client in clients:
        tracer = getattr(getattr(client, "otel_exporter", None), "_tracer", None)
        candidates.append(getattr(tracer, "_tracer_provider", None))
    return list({id(p): p for p in candidates if isinstance(p, TracerProvider)}.values())


def warn_of_switches() -> None:
    """Warn of `LANGSMITH_HIDE_*` with a value that hides nothing: only `true` does."""
    for prefix in ("LANGSMITH", "LANGCHAIN"):
        for switch in _SWITCHES:
            name = f"{prefix}_{switch}"
            if os.environ.get(name, "true") not in ("true", "false"):
                warnings.warn(
                    f"{name} hides nothing: LangSmith compares it with exactly 'true'. Set it to "
                    "'true' or remove it.",
                    UnsafeTracingWarning,
                    stacklevel=3,
                )


def warn_of_unguarded_traces(what: str) -> None:
    """Warn when LangChain traces to LangSmith with a client that no guard protects.

    Args:
        what: What is traced so; the beginning of a sentence.
    """
    if not tracing_is_enabled():
        return
    client = run_trees._CLIENT  # noqa: SLF001 only looked at: `get_cached_client` would make one
    if client is None or scrubber_of(client) is None:
        warnings.warn(
            f"{what} is traced to LangSmith in clear. Call install_tracing_guard(masker) and mask "
            "before the run, or trace nothing: LANGSMITH_TRACING=false.",
            UnsafeTracingWarning,
            stacklevel=3,
        )


def unprotected_clients() -> list[Client]:
    """Return the LangSmith clients of this process that no guard protects."""
    # Looked up once: langsmith finds its names by a function, which a million objects would call.
    plain, asynchronous = langsmith.Client, langsmith.AsyncClient
    return [
        found
        for found in gc.get_objects()
        # By type: `isinstance` would wake proxies that import or connect when they are looked at.
        if (issubclass(type(found), plain) and scrubber_of(found) is None)
        or (issubclass(type(found), asynchronous) and not scrubbers_of(found))
    ]
