"""What would write down a model call beside LangChain's callbacks, switched off for one call."""

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar

_unseen: ContextVar[bool] = ContextVar("langchain_privacy_unseen", default=False)

_BODIES_IN_LOGS = ("openai._base_client",)
"""Loggers that write request bodies at DEBUG ("Request options: …" of openai below 3)."""

_OTEL_SUPPRESSION = ("suppress_instrumentation", "suppress_language_model_instrumentation")
"""Context keys that OpenTelemetry's and OpenLLMetry's instrumentations honour, beside the private
one of `opentelemetry.context`, which OpenInference asks for."""


def _drop_when_unseen(_record: logging.LogRecord) -> bool:
    return not _unseen.get()


@contextmanager
def unseen() -> Iterator[None]:
    """Switch LangSmith, OpenTelemetry instrumentations and body logs off inside a `with` block.

    Only for the context that enters it: calls that run at the same time elsewhere are still
    traced.
    """
    from langsmith import tracing_context

    for name in _BODIES_IN_LOGS:
        logging.getLogger(name).addFilter(_drop_when_unseen)  # does nothing the second time
    with ExitStack() as stack:
        token = _unseen.set(True)
        stack.callback(_unseen.reset, token)
        stack.enter_context(tracing_context(enabled=False, parent=False))
        if otel := sys.modules.get("opentelemetry.context"):
            context = otel.get_current()
            private = getattr(otel, "_SUPPRESS_INSTRUMENTATION_KEY", _OTEL_SUPPRESSION[0])
            for key in (*_OTEL_SUPPRESSION, private):
                context = otel.set_value(key, True, context)
            stack.callback(otel.detach, otel.attach(context))
        yield
