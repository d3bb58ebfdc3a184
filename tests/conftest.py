"""Fixtures that every folder may use."""

import atexit
import gc
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import langsmith
import langsmith.utils
import pytest
from hypothesis import settings

from langchain_privacy.detection import presidio
from langchain_privacy.local import EmbeddedServer
from tests.support.http import LangSmithServer
from tests.support.tls import Identity

pytest_plugins = ["langchain_privacy.testing.plugin"]

# On a busy machine no answer comes too late; a test that hangs is ended by `faulthandler_timeout`.
for name in ("httpx", "httpx2"):
    if find_spec(name) is not None:
        for step in ("connect", "read", "write", "pool"):
            setattr(import_module(name)._config.DEFAULT_TIMEOUT_CONFIG, step, None)

# The same tree gives the same verdict everywhere. `make explore` looks at other examples.
settings.register_profile("same", derandomize=True, max_examples=300, deadline=None)
settings.register_profile("explore", max_examples=5000, deadline=None, print_blob=True)
settings.load_profile("same")

# No test speaks to the internet. Reading every authority of the web takes a client .1 s each time.
if "SSL_CERT_FILE" not in os.environ:
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["SSL_CERT_FILE"] = str(Identity(folder).certificate)


def pytest_collection_finish() -> None:
    """Let no collector go over what was imported: it stays, and that took a tenth of a run."""
    gc.collect()
    gc.freeze()


# A ledger and a vault wait for the disk at each commit. In memory there is none to wait for, and a
# process that is killed loses nothing of it either.
MEMORY = Path("/dev/shm")
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 4 << 30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

TRACING = ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGSMITH_ENDPOINT", "LANGSMITH_API_KEY")


@pytest.fixture(autouse=True)
def _no_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test traces only where it asks for it, whatever the shell has set."""
    for name in TRACING:
        monkeypatch.delenv(name, raising=False)
    langsmith.utils.get_env_var.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def _each_text_once() -> Iterator[None]:
    """Let spaCy read a text once in a process: many tests mask the same few texts anew.

    It is the slowest of the default detectors, and what it says of a text is always the same.
    """
    make = presidio._engine

    @cache
    def remembering(*of: Any) -> Any:
        engine = make(*of)
        read = engine.nlp_engine.process_text
        known = lru_cache(maxsize=4000)(read)
        engine.nlp_engine.process_text = lambda text, language: (
            known(text, language) if len(text) < 4000 else read(text, language)
        )
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(presidio, "_engine", remembering)
        yield


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


def _service(name: str, port: int, variable: str, url: str) -> str:
    """Return a database's URL; without the database skip the test, but fail it in CI."""
    if given := os.environ.get(variable):
        return given
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        reason = f"no {name} on 127.0.0.1:{port}; start one or set {variable}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return url


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """SQLAlchemy URL (without a driver) of a PostgreSQL in which tests may create tables."""
    variable = "LANGCHAIN_PRIVACY_TEST_POSTGRES"
    return _service("PostgreSQL", 5432, variable, "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="session")
def mysql_url() -> str:
    """SQLAlchemy URL (without a driver) of a MySQL or MariaDB, likewise."""
    variable = "LANGCHAIN_PRIVACY_TEST_MYSQL"
    return _service("MariaDB", 3306, variable, "mysql://root@127.0.0.1:3306/test")


@pytest.fixture(scope="session")
def redis_url() -> str:
    """URL of a plain Redis, of which tests may empty the database that it names."""
    variable = "LANGCHAIN_PRIVACY_TEST_REDIS"
    return _service("Redis", 6379, variable, "redis://127.0.0.1:6379")


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedServer]:
    """One embedded llama.cpp server for all tests; `embedded.chat_model()`."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SECRET_X", "keep this here")  # what its process must not be told
        with EmbeddedServer(progress=False) as server:
            yield server
