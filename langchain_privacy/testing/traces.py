"""LangSmith and OpenTelemetry, captured on this machine.

The real LangSmith client sends to a server here. Where OpenTelemetry's SDK is installed, the same
runs are exported over OTLP too, as with `LANGSMITH_TRACING_MODE=hybrid`, and whatever else exports
to `OTEL_EXPORTER_OTLP_ENDPOINT` comes to the same server.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import langsmith
import langsmith.utils
from langsmith import run_trees

from langchain_privacy.loopback import LangSmithServer, RecordingServer, Reply
from langchain_privacy.testing.surroundings import variables

NEEDED = "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"


class Traces:
    """Servers that keep traces.

    Attributes:
        langsmith: What LangSmith would get.
        collector: What an OTLP collector would get; `None` without OpenTelemetry.
        provider: The tracer provider that exports to it, for instrumentations of yours.
    """

    def __init__(
        self, smith: LangSmithServer, collector: RecordingServer | None, provider: Any
    ) -> None:
        self.langsmith = smith
        self.collector = collector
        self.provider = provider

    def flush(self) -> None:
        """Wait until everything that was traced has arrived."""
        self.langsmith.flush()
        if self.provider is not None:
            self.provider.force_flush()


@contextmanager
def traces() -> Iterator[Traces]:
    """Let LangChain trace to this machine for a while."""
    with (
        LangSmithServer() as smith,
        RecordingServer(lambda _: Reply(body=b"")) as collector,
    ):
        provider = _provider(collector.url)
        mode: Literal["langsmith", "hybrid"] = "langsmith" if provider is None else "hybrid"
        told = {**smith.environment(), "LANGSMITH_TRACING_MODE": mode}
        told |= {
            "LANGCHAIN_TRACING_V2": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }
        before = run_trees._CLIENT  # noqa: SLF001 - to put it back
        with variables(told):
            _forget_variables()
            more = {} if provider is None else {"otel_tracer_provider": provider}
            client: Any = langsmith.Client(
                api_url=smith.url, api_key="none", tracing_mode=mode, **more
            )
            langsmith.configure(client=client)
            smith.client = client
            try:
                yield Traces(smith, None if provider is None else collector, provider)
            finally:
                langsmith.configure(client=before)
                client.close()
                if provider is not None:
                    provider.shutdown()
        _forget_variables()


def _provider(url: str) -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        return None
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    return provider


def _forget_variables() -> None:
    """LangSmith remembers the environment."""
    cached: Any = langsmith.utils.get_env_var
    cached.cache_clear()
