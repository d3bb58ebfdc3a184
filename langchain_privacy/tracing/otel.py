"""OpenTelemetry: spans pass a scrubber on their way to an exporter.

Instrumentations of other vendors patch SDKs and never see LangChain's callbacks; what they record
can only be cleaned here. `install_tracing_guard` protects the global provider; another one is named
with `guard.protect_provider`, and one exporter alone is wrapped.

Example:
    ```python
    provider.add_span_processor(BatchSpanProcessor(guard.span_exporter(OTLPSpanExporter())))
    ```
"""

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status

from langchain_privacy.subclassing import made_from, recast, subclass_maker
from langchain_privacy.tracing.scrub import Scrubber


class PrivateSpanExporter(SpanExporter):
    """Wraps an exporter: what it gets holds no vault value."""

    def __init__(self, exporter: SpanExporter, scrubber: Scrubber) -> None:
        self._exporter = exporter
        self._scrubber = scrubber

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Clean and pass on; when cleaning fails nothing is passed on."""
        return self._exporter.export([clean_span(self._scrubber, span) for span in spans])

    def shutdown(self) -> None:
        """Shut the wrapped exporter down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the wrapped exporter."""
        return self._exporter.force_flush(timeout_millis)


class PrivateSpanProcessor(SpanProcessor):
    """Wraps a processor: finished spans reach it cleaned.

    Spans that have only begun are passed on as they are, because a processor may write to them;
    nothing that exports does so before the end.
    """

    def __init__(self, processor: SpanProcessor, scrubber: Scrubber) -> None:
        self.processor = processor
        self._scrubber = scrubber

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Pass on."""
        self.processor.on_start(span, parent_context)

    def _on_ending(self, span: Any) -> None:
        self.processor._on_ending(span)  # noqa: SLF001

    def on_end(self, span: ReadableSpan) -> None:
        """Clean and pass on."""
        self.processor.on_end(clean_span(self._scrubber, span))

    def shutdown(self) -> None:
        """Shut the wrapped processor down."""
        self.processor.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the wrapped processor."""
        return self.processor.force_flush(timeout_millis)


def protect_provider(provider: TracerProvider, scrubber: Scrubber) -> None:
    """Put a scrubber before every processor that a provider has and will have."""
    processors: Any = provider._active_span_processor  # noqa: SLF001
    # The object stays and its class changes: tracers that exist already hold the object.
    processors.scrubbers = (*getattr(processors, "scrubbers", ()), scrubber)
    recast(processors, _protected(type(processors)))


def unprotect_provider(provider: TracerProvider, scrubber: Scrubber) -> None:
    """Take a guard's scrubber from a provider; without the last it is as it was."""
    processors: Any = provider._active_span_processor  # noqa: SLF001
    kept = tuple(each for each in getattr(processors, "scrubbers", ()) if each is not scrubber)
    processors.scrubbers = kept
    if not kept:
        recast(processors, made_from(type(processors)))


@subclass_maker()
def _protected(base: Any) -> dict[str, Any]:
    """The class of a provider's list of processors, so that each span is cleaned once."""

    def on_end(self: Any, span: ReadableSpan) -> None:
        for scrubber in self.scrubbers:
            span = clean_span(scrubber, span)
        base.on_end(self, span)

    return {"on_end": on_end}


def clean_span(scrubber: Scrubber, span: ReadableSpan) -> ReadableSpan:
    """Return a copy of a finished span without vault values."""

    def attributes(found: Mapping[str, Any] | None) -> dict[str, Any]:
        return dict(scrubber.structure(dict(found or {})))

    status = span.status
    if status.description:
        status = Status(status.status_code, scrubber.text(status.description))
    resource = span.resource
    if scrubber.structure(dict(resource.attributes)) != dict(resource.attributes):
        resource = Resource(attributes(resource.attributes), resource.schema_url)
    return ReadableSpan(
        name=scrubber.text(span.name),
        context=span.get_span_context(),
        parent=span.parent,
        resource=resource,
        attributes=attributes(span.attributes),
        events=[
            Event(scrubber.text(event.name), attributes(event.attributes), event.timestamp)
            for event in span.events
        ],
        links=[Link(link.context, attributes(link.attributes)) for link in span.links],
        kind=span.kind,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
