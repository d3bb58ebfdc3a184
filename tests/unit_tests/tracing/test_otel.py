"""OpenTelemetry: through LangSmith's own exporter, and through anybody's."""

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import langsmith
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, Status, StatusCode

from langchain_privacy import Masker, install_tracing_guard
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.tracing import TracingGuard
from tests.support.http import LangSmithServer, RecordingServer, Reply
from tests.unit_tests.tracing.test_langsmith import CHANNELS, came_out, everything, everything_async


@pytest.fixture
def masker() -> Masker:
    masker = Masker()
    vault = masker.session("t").vault
    for value in CHANNELS.values():
        vault.issue("SECRET", value)
    return masker


@pytest.fixture
def collector() -> Iterator[RecordingServer]:
    with RecordingServer(lambda _: Reply(body=b"")) as server:
        yield server


def exporting(collector: RecordingServer) -> TracerProvider:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{collector.url}/v1/traces")))
    return provider


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("mode", ["otel", "hybrid"])
def test_langsmith_over_otel(
    masker: Masker,
    collector: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    guarded: bool,
) -> None:
    with LangSmithServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LANGSMITH_TRACING_MODE", mode)
        langsmith.utils.get_env_var.cache_clear()
        provider = exporting(collector)
        client = langsmith.Client(
            api_url=server.url, api_key="k", tracing_mode=mode, otel_tracer_provider=provider
        )
        langsmith.configure(client=client)
        guard = install_tracing_guard(masker) if guarded else None
        try:
            everything()
            asyncio.run(everything_async())
            with ThreadPoolExecutor(3) as pool:
                for done in [pool.submit(everything) for _ in range(3)]:
                    done.result()
            server.client = client
            server.flush()
            provider.force_flush()
            wire = b"".join(r.body for r in collector.requests) + server.wire
            assert b"send_mail" in wire
            if guarded:
                assert came_out(wire) == []
                assert b"[SECRET_" in wire
            else:
                assert {"input", "card", "tag", "run name"} <= set(came_out(wire))
        finally:
            if guard:
                guard.remove()
            langsmith.configure(client=None)
            langsmith.utils.get_env_var.cache_clear()
            provider.shutdown()


def record(provider: TracerProvider, tracer: Any = None) -> None:
    """Do what a foreign instrumentation does: it never saw a masker."""
    tracer = tracer or provider.get_tracer("foreign")
    with tracer.start_as_current_span("first") as first:
        context = first.get_span_context()
    with tracer.start_as_current_span(
        f"call {CHANNELS['run name']}",
        attributes={
            "gen_ai.prompt": f"mail {CHANNELS['input']}",
            "tags": [CHANNELS["tag"], "x"],
            CHANNELS["metadata key"]: 1,
        },
        links=[Link(context, {"who": CHANNELS["metadata value"]})],
    ) as span:
        span.add_event("note", {"v": CHANNELS["event"]})
        span.set_status(Status(StatusCode.ERROR, f"failed for {CHANNELS['error']}"))
        span.record_exception(ValueError(CHANNELS["tool output"]))


def shown(exporter: InMemorySpanExporter) -> bytes:
    return "\n".join(span.to_json() for span in exporter.get_finished_spans()).encode()


def test_without_the_guard_a_foreign_span_holds_everything() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    record(provider)
    assert len(came_out(shown(exporter))) == 8


@pytest.mark.parametrize("where", ["exporter", "processor", "provider"])
def test_a_foreign_span_is_cleaned(masker: Masker, where: str) -> None:
    guard = TracingGuard(masker)
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"host.name": CHANNELS["card"]}))
    if where == "exporter":
        provider.add_span_processor(SimpleSpanProcessor(guard.span_exporter(exporter)))
    elif where == "processor":
        provider.add_span_processor(guard.span_processor(SimpleSpanProcessor(exporter)))
    else:
        guard.protect_provider(provider)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    record(provider)
    assert came_out(shown(exporter)) == []
    assert b"[SECRET_" in shown(exporter)
    first, second = exporter.get_finished_spans()
    assert second.links[0].context == first.get_span_context()
    assert second.end_time is not None
    provider.shutdown()
    if where == "provider":
        guard.remove()
        assert provider._active_span_processor.__class__.__module__.startswith("opentelemetry")


def test_a_tracer_that_is_older_than_the_guard_is_covered_by_every_guard(masker: Masker) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("an instrumentation, set up first")
    first, second = TracingGuard(masker), TracingGuard(Masker())
    first.protect_provider(provider)
    second.protect_provider(provider)
    record(provider, tracer)
    second.remove()
    record(provider, tracer)
    assert came_out(shown(exporter)) == []
    first.remove()
    record(provider, tracer)
    assert len(came_out(shown(exporter))) == 8


def test_without_the_sdk_it_says_what_to_install(
    masker: Masker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "langchain_privacy.tracing.otel", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    guard = TracingGuard(masker)
    with pytest.raises(ConfigurationError, match="pip install opentelemetry-sdk"):
        guard.span_exporter(InMemorySpanExporter())
