"""What was traced before the masker knew its values waits until it does."""

import datetime as dt
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import langsmith
import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from langsmith import traceable
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from langchain_privacy import Masker, install_tracing_guard, private
from langchain_privacy.tracing import TracingGuard
from langchain_privacy.tracing.outbox import Holding
from langchain_privacy.vault import VaultSession
from tests.support.http import LangSmithServer
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.tracing.test_outbox import until

NAME = "Jane Roe-Miller"
EMAIL = "jane.roe@example.org"


@pytest.fixture
def session(masker: Masker) -> VaultSession:
    return masker.session("t").vault


def flush(server: LangSmithServer) -> None:
    """Send what is over, as `wait_for_all_tracers` of another request does."""
    server.client.flush()


# ---- LangSmith


def test_a_function_that_works_before_it_calls_an_agent(
    masker: Masker, guard: TracingGuard, langsmith_server: LangSmithServer
) -> None:
    agent = private(create_agent(ScriptedChatModel(responses=["done"]), []), masker)

    @traceable
    def load(text: str) -> str:
        return f"{text}!"

    @traceable
    def handle(text: str) -> str:
        load(text)
        flush(langsmith_server)
        return str(agent.invoke({"messages": [HumanMessage(text)]})["messages"][-1].content)

    handle(f"Write to {EMAIL}")
    langsmith_server.flush()
    wire = langsmith_server.wire
    assert b"handle" in wire
    assert b"[EMAIL_" in wire
    assert EMAIL.encode() not in wire


def test_a_chain_that_masks_in_its_midst(
    masker: Masker, guard: TracingGuard, langsmith_server: LangSmithServer
) -> None:
    def slowly(text: str) -> str:
        flush(langsmith_server)
        return text

    def mask(text: str) -> str:
        return masker.session("t").mask(text)

    chain = RunnableLambda(slowly) | RunnableLambda(mask) | ScriptedChatModel(responses=["ok"])
    chain.invoke(f"Write to {EMAIL}")
    langsmith_server.flush()
    assert b"[EMAIL_" in langsmith_server.wire
    assert EMAIL.encode() not in langsmith_server.wire


def test_nothing_of_a_run_is_sent_before_its_end_and_all_of_it_after(
    session: VaultSession, guard: TracingGuard, langsmith_server: LangSmithServer
) -> None:
    @traceable
    def inner(x: str) -> str:
        return x

    @traceable
    def outer(x: str) -> str:
        for _ in range(50):
            inner(x)
        flush(langsmith_server)
        assert langsmith_server.wire.count(b"inner") == 0
        session.issue("PERSON", NAME)
        return x

    outer(NAME)
    langsmith_server.flush()
    assert langsmith_server.wire.count(b'"name":"inner"') >= 50
    assert NAME.encode() not in langsmith_server.wire


def test_other_traces_do_not_wait(
    session: VaultSession, guard: TracingGuard, langsmith_server: LangSmithServer
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    @traceable
    def short() -> None: ...

    @traceable
    def endless() -> None:
        begun.set()
        go_on.wait()

    thread = threading.Thread(target=endless)
    thread.start()
    begun.wait()
    short()
    flush(langsmith_server)
    seen = langsmith_server.wire
    go_on.set()
    thread.join()
    langsmith_server.flush()
    assert b"short" in seen
    assert b"endless" not in seen
    assert b"endless" in langsmith_server.wire


def test_a_run_that_goes_on_is_sent_after_the_limit_cleaned_of_what_is_known(
    masker: Masker, session: VaultSession, langsmith_server: LangSmithServer
) -> None:
    guard = install_tracing_guard(masker, hold_seconds=0.1)
    go_on = threading.Event()

    @traceable
    def endless(x: str) -> None:
        session.issue("PERSON", NAME)
        go_on.wait()

    thread = threading.Thread(target=endless, args=(NAME,))
    thread.start()
    # The client itself sends twice a second.
    seen = until(60, lambda: b"endless" in langsmith_server.wire)
    go_on.set()
    thread.join()
    guard.remove()
    langsmith_server.flush()
    assert seen
    assert NAME.encode() not in langsmith_server.wire


def operations(client: langsmith.Client, between: Callable[[], None]) -> None:
    """A run whose trace another process began, as a server gets one from its caller."""
    trace, run = uuid.uuid4(), uuid.uuid4()
    start = dt.datetime.now(dt.UTC)
    whose: dict[str, Any] = {
        "trace_id": trace,
        "parent_run_id": trace,
        "dotted_order": f"20260101T000000000000Z{trace}.20260101T000000000001Z{run}",
    }
    client.create_run("served", {"q": NAME}, "chain", id=run, start_time=start, **whose)
    between()
    end = dt.datetime.now(dt.UTC)
    client.update_run(run, outputs={"a": NAME}, end_time=end, **whose)


@pytest.mark.parametrize("batching", [True, False])
def test_a_trace_that_another_process_began(
    masker: Masker, session: VaultSession, langsmith_server: LangSmithServer, batching: bool
) -> None:
    client = langsmith.Client(
        api_url=langsmith_server.url, api_key="lsv2_pt_own", auto_batch_tracing=batching
    )
    guard = install_tracing_guard(masker, client)

    def between() -> None:
        client.flush()
        assert b"served" not in langsmith_server.wire
        session.issue("PERSON", NAME)

    operations(client, between)
    client.flush()
    guard.remove()
    assert b"served" in langsmith_server.wire
    assert NAME.encode() not in langsmith_server.wire


def test_runs_that_a_client_processes_in_batches_wait_too(
    masker: Masker, session: VaultSession, langsmith_server: LangSmithServer
) -> None:
    client = langsmith.Client(
        api_url=langsmith_server.url,
        api_key="lsv2_pt_own",
        process_buffered_run_ops=lambda runs: runs,
        run_ops_buffer_size=1,
    )
    guard = install_tracing_guard(masker, client)

    def flush_and_issue() -> None:
        client.flush()
        session.issue("PERSON", NAME)

    operations(client, flush_and_issue)
    client.flush()
    guard.remove()
    assert b"served" in langsmith_server.wire
    assert NAME.encode() not in langsmith_server.wire


def test_a_client_that_is_closed_sends_what_waits(
    masker: Masker, session: VaultSession, langsmith_server: LangSmithServer
) -> None:
    client = langsmith.Client(api_url=langsmith_server.url, api_key="lsv2_pt_own")
    install_tracing_guard(masker, client)
    session.issue("PERSON", NAME)

    operations(client, client.close)
    assert b"served" in langsmith_server.wire
    assert NAME.encode() not in langsmith_server.wire


def test_what_there_is_no_room_for_is_sent_without_its_content(
    session: VaultSession,
    guard: TracingGuard,
    langsmith_server: LangSmithServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    guard.remove()
    monkeypatch.setattr(Holding.__init__, "__defaults__", (100_000,))
    guard.protect(langsmith_server.client)

    @traceable
    def inner(x: str) -> int:
        return len(x)

    @traceable
    def outer(x: str) -> int:
        for number in range(20):
            inner(f"{number} " + x * 1000)
        session.issue("PERSON", NAME)
        return len(x)

    outer(NAME)
    langsmith_server.flush()
    assert b"[WITHHELD" in langsmith_server.wire
    assert NAME.encode() not in langsmith_server.wire
    assert "Too much waits for the ends of traces" in caplog.text
    # What came when there was room again is there.
    assert b"[PERSON_" in langsmith_server.wire


def test_parts_come_in_order_and_their_memory_is_counted() -> None:
    held = Holding[str](10, limit=100)
    for number in range(4):
        held.hold("a", f"a{number}", 20, now=number)
        held.hold("b", f"b{number}", 1, now=number)
    assert held.overdue(11) == ["a0", "a1", "b0", "b1"]
    assert held.end("b") == ["b2", "b3"]
    assert held.end("b") == []
    held.hold("c", "c0", 61, now=5)
    assert held.excess() == ["a2", "a3"]
    assert held.excess() == []
    assert held.end_all() == ["c0"]
    assert not held


# ---- OpenTelemetry


@pytest.fixture(params=["provider", "processor", "exporter"])
def spans(
    request: pytest.FixtureRequest, masker: Masker, session: VaultSession
) -> Iterator[tuple[TracerProvider, InMemorySpanExporter]]:
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    guard = TracingGuard(masker)
    if request.param == "processor":
        provider.add_span_processor(guard.span_processor(SimpleSpanProcessor(exporter)))
    elif request.param == "exporter":
        provider.add_span_processor(SimpleSpanProcessor(guard.span_exporter(exporter)))
    else:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        guard.protect_provider(provider)
    yield provider, exporter
    guard.remove()


def names(exporter: InMemorySpanExporter) -> list[str]:
    return [span.name for span in exporter.get_finished_spans()]


@pytest.mark.parametrize("caller", [None, "elsewhere"])
def test_spans_wait_for_the_end_of_their_trace(
    spans: tuple[TracerProvider, InMemorySpanExporter], session: VaultSession, caller: str | None
) -> None:
    provider, exporter = spans
    tracer = provider.get_tracer("t")
    remote = SpanContext(1234, 5678, is_remote=True, trace_flags=TraceFlags(1))
    context = set_span_in_context(NonRecordingSpan(remote)) if caller else None
    with tracer.start_as_current_span("outer", context=context):
        with tracer.start_as_current_span(f"for {NAME}") as inner:
            inner.set_attribute("who", NAME)
        provider.force_flush()
        assert names(exporter) == []
        session.issue("PERSON", NAME)
    found = exporter.get_finished_spans()
    assert len(found) == 2
    assert NAME not in str([(span.name, span.attributes) for span in found])


def test_spans_whose_trace_does_not_end_are_passed_on_at_the_end(
    spans: tuple[TracerProvider, InMemorySpanExporter], session: VaultSession
) -> None:
    provider, exporter = spans
    exporter.shutdown = lambda: None  # type: ignore[method-assign]  # it would forget all it got
    tracer = provider.get_tracer("t")
    outer = tracer.start_span("outer")  # to be collected it would have to end
    with tracer.start_as_current_span(f"for {NAME}", context=set_span_in_context(outer)):
        session.issue("PERSON", NAME)
    assert names(exporter) == []
    provider.shutdown()
    [name] = names(exporter)
    assert name.startswith("for [PERSON_")


def test_a_span_that_waited_long_enough_is_passed_on(masker: Masker, session: VaultSession) -> None:
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    guard = TracingGuard(masker, hold_seconds=0.1)
    guard.protect_provider(provider)
    session.issue("PERSON", NAME)
    tracer = provider.get_tracer("t")
    with tracer.start_as_current_span("outer"):
        with tracer.start_as_current_span(f"for {NAME}"):
            pass
        assert until(60, lambda: bool(names(exporter)))
    guard.remove()
    assert NAME not in str(names(exporter))


# ---- Nobody is asked


@pytest.mark.parametrize("installed", [True, False])
def test_a_host_that_nobody_configured_is_not_asked(installed: bool) -> None:
    code = f"""
import sys
asked = []
sys.addaudithook(lambda name, given: asked.append(given[0]) if name == "socket.getaddrinfo" else 0)
from langsmith.run_trees import get_cached_client
from langchain_privacy import Masker, install_tracing_guard
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.tracing import assert_traces_safe
masker = Masker([])
if {installed}:
    install_tracing_guard(masker)
try:
    assert_traces_safe(masker)
    print("safe")
except ConfigurationError:
    print("not safe")
get_cached_client().close()
print(sorted(set(asked) - {{"127.0.0.1", "localhost"}}))
"""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LANGSMITH", "LANGCHAIN"))
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["safe" if installed else "not safe", "[]"]
