"""Fixtures that every folder may use."""

from collections.abc import Iterator

import langsmith
import langsmith.utils
import pytest

from tests.support.http import LangSmithServer

TRACING = ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGSMITH_ENDPOINT", "LANGSMITH_API_KEY")


@pytest.fixture(autouse=True)
def _no_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test traces only where it asks for it, whatever the shell has set."""
    for name in TRACING:
        monkeypatch.delenv(name, raising=False)
    langsmith.utils.get_env_var.cache_clear()


@pytest.fixture
def langsmith_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LangSmithServer]:
    """A capture server that this process's LangSmith client sends to; `flush()` before reading."""
    with LangSmithServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        langsmith.utils.get_env_var.cache_clear()
        client = langsmith.Client(api_url=server.url, api_key="lsv2_pt_test")
        langsmith.configure(client=client)
        server.client = client
        yield server
        langsmith.configure(client=None)
    langsmith.utils.get_env_var.cache_clear()
