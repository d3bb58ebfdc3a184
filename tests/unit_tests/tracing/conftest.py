"""A guard on the client that sends to the capture server; each module says what `session` holds."""

from collections.abc import Iterator

import pytest

from langchain_privacy import Masker, install_tracing_guard
from langchain_privacy.tracing import TracingGuard
from langchain_privacy.vault import VaultSession
from tests.support.http import LangSmithServer


@pytest.fixture
def masker() -> Masker:
    return Masker()


@pytest.fixture
def guard(
    masker: Masker, session: VaultSession, langsmith_server: LangSmithServer
) -> Iterator[TracingGuard]:
    guard = install_tracing_guard(masker)
    yield guard
    guard.remove()
