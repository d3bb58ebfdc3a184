"""OpenTelemetry: spans pass a scrubber on their way to an exporter.

Instrumentations of other vendors patch SDKs and never see LangChain's callbacks; what they record
can only be cleaned here. Spans wait until their trace is over in this process (see
`tracing.outbox`), that is until the span ends that has no parent here. `install_tracing_guard`
protects the global provider; another one is named with `guard.protect_provider`, and one exporter
alone is wrapped.

Example:
    ```python
    provider.add_span_processor(BatchSpanProcessor(guard.span_exporter(OTLPSpanExporter())))
    ```
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from langchain_privacy.errors import ConfigurationError

try:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.trace import Link, Status
except ImportError:
    _MISSING = (
        "Spans need OpenTelemetry's SDK: pip install opentelemetry-sdk, or with the test kit "
        '"langchain-privacy[testing]".'
    )
    raise ConfigurationError(_MISSING) from None

from langchain_privacy.subclassing import made_from, recast, subclass_maker
from langchain_privacy.tracing.outbox import HOLD, SECONDS, Holding, call_later, ending, register
from langchain_privacy.tracing.scrub import WITHHELD, Scrubber


class HeldSpans:
    """Finished spans on their way to whoever exports them. Thread-safe."""

    def __init__(
        self,
        scrubbers: Callable[[], Iterable[Scrubber]],
        pass_on: Callable[[list[ReadableSpan]], Any],
        hold: float,
    ) -> None:
        self._scrubbers = scrubbers
        self._pass_on = pass_on
        self.hold = hold
        self.start()
        register(self)

    def start(self) -> None:
        """Begin with nothing that waits."""
        self._lock = threading.Lock()
        self._held = Holding[ReadableSpan](self.hold)
        self._called = False
        self._open = 0
        self._since = 0.0
        for scrubber in self._scrubbers():
            scrubber.serves(self)

    def begun(self) -> None:
        """Take note that a span began."""
        with self._lock:
            if not self._open:
                self._since = time.monotonic()
            self._open += 1

    @property
    def busy(self) -> bool:
        """Whether a span goes on, of which this was told."""
        return self._open > 0

    def since(self) -> float | None:
        """Return when the first of the spans that go on began, or one that was over before."""
        return self._since if self._open else None

    def put(self, spans: Iterable[ReadableSpan]) -> Any:
        """Take spans; pass on those whose trace is over, and return what that returns."""
        ready = list[ReadableSpan]()
        with self._lock:
            now = time.monotonic()
            self._held.seconds = 0.0 if ending() else self.hold
            for span in spans:
                self._open -= bool(self._open)
                context: Any = span.get_span_context()
                trace = context.trace_id
                self._held.hold(trace, span, _size(span), now)
                if span.parent is None or span.parent.is_remote:
                    ready += self._held.end(trace)
            ready += self._held.overdue(now)
            ready += map(_frame, self._held.excess())
            call = bool(self._held) and not self._called
            self._called |= call
        if call:
            call_later(self, now + SECONDS)
        return self._send(ready) if ready else None

    def drain(self, *, held: bool = False) -> None:
        """With `held`, pass on what waits for the end of a trace."""
        if held:
            with self._lock:
                ready = self._held.end_all()
            self._send(ready)

    def called(self) -> float | None:
        """Pass on what has waited for long enough; say when to call again."""
        now = time.monotonic()
        with self._lock:
            ready = self._held.overdue(now)
            self._called = bool(self._held)
            again = now + SECONDS if self._called else None
        self._send(ready)
        return again

    def _send(self, spans: list[ReadableSpan]) -> Any:
        for scrubber in self._scrubbers():
            spans = [clean_span(scrubber, span) for span in spans]
        return self._pass_on(spans) if spans else None


def _size(span: ReadableSpan) -> int:
    found = [span.attributes, *(event.attributes for event in span.events)]
    texts = (value for each in found for value in (each or {}).values())
    return 1_000 + sum(len(text) if isinstance(text, str) else 100 for text in texts)


def _frame(span: ReadableSpan) -> ReadableSpan:
    """Return a span without all that an application put into it."""
    return ReadableSpan(
        name=WITHHELD,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        kind=span.kind,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


class PrivateSpanExporter(SpanExporter):
    """Wraps an exporter: what it gets holds no vault value."""

    def __init__(self, exporter: SpanExporter, scrubber: Scrubber, hold: float = HOLD) -> None:
        self._exporter = exporter
        self._held = HeldSpans(lambda: [scrubber], exporter.export, hold)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Clean and pass on what is over; when cleaning fails nothing is passed on."""
        result = self._held.put(spans)
        return SpanExportResult.SUCCESS if result is None else result

    def shutdown(self) -> None:
        """Pass on what waits, and shut the wrapped exporter down."""
        self._held.drain(held=True)
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the wrapped exporter."""
        return self._exporter.force_flush(timeout_millis)


class PrivateSpanProcessor(SpanProcessor):
    """Wraps a processor: finished spans reach it cleaned.

    Spans that have only begun are passed on as they are, because a processor may write to them;
    nothing that exports does so before the end.
    """

    def __init__(self, processor: SpanProcessor, scrubber: Scrubber, hold: float = HOLD) -> None:
        self.processor = processor
        self._held = HeldSpans(lambda: [scrubber], self._end, hold)

    def _end(self, spans: list[ReadableSpan]) -> None:
        for span in spans:
            self.processor.on_end(span)

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Pass on."""
        self._held.begun()
        self.processor.on_start(span, parent_context)

    def _on_ending(self, span: Any) -> None:
        self.processor._on_ending(span)  # noqa: SLF001

    def on_end(self, span: ReadableSpan) -> None:
        """Clean and pass on when the trace is over."""
        self._held.put([span])

    def shutdown(self) -> None:
        """Pass on what waits, and shut the wrapped processor down."""
        self._held.drain(held=True)
        self.processor.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the wrapped processor."""
        return self.processor.force_flush(timeout_millis)


def protect_provider(provider: TracerProvider, scrubber: Scrubber, hold: float = HOLD) -> None:
    """Put a scrubber before every processor that a provider has and will have."""
    processors: Any = provider._active_span_processor  # noqa: SLF001
    # The object stays and its class changes: tracers that exist already hold the object.
    processors.scrubbers = (*getattr(processors, "scrubbers", ()), scrubber)
    base: Any = made_from(type(processors))

    def pass_on(spans: list[ReadableSpan]) -> None:
        for span in spans:
            base.on_end(processors, span)

    if (held := getattr(processors, "held", None)) is None:
        processors.held = HeldSpans(lambda: processors.scrubbers, pass_on, hold)
    else:
        held.hold = max(hold, held.hold)
        scrubber.serves(held)
    recast(processors, _protected(type(processors)))


def unprotect_provider(provider: TracerProvider, scrubber: Scrubber) -> None:
    """Take a guard's scrubber from a provider; without the last it is as it was."""
    processors: Any = provider._active_span_processor  # noqa: SLF001
    kept = tuple(each for each in getattr(processors, "scrubbers", ()) if each is not scrubber)
    if (held := getattr(processors, "held", None)) is not None:
        held.drain(held=True)
    processors.scrubbers = kept
    if not kept:
        recast(processors, made_from(type(processors)))
        processors.held = None


@subclass_maker()
def _protected(base: Any) -> dict[str, Any]:
    """The class of a provider's list of processors, so that each span is cleaned once."""

    def on_end(self: Any, span: ReadableSpan) -> None:
        if (held := self.held) is None:  # the guard was just removed
            base.on_end(self, span)
        else:
            held.put([span])

    def on_start(self: Any, span: Any, parent_context: Any = None) -> None:
        if (held := self.held) is not None:
            held.begun()
        base.on_start(self, span, parent_context)

    def shutdown(self: Any) -> None:
        if (held := self.held) is not None:
            held.drain(held=True)
        base.shutdown(self)

    return {"on_start": on_start, "on_end": on_end, "shutdown": shutdown}


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
