"""`RequireAttestation` with a real `SecureChatModel` and a gateway with simulated evidence."""

from collections.abc import Iterator
from typing import Any

import pytest

from langchain_privacy import EgressGuard, Masker
from langchain_privacy.egress import RequireAttestation
from langchain_privacy.errors import AttestationError, EgressBlockedError
from langchain_privacy.secure import AttestationPolicy, SecureChatModel
from tests.support.attested import REAL, SIMULATED, simulated_gateway
from tests.support.http import OpenAIServer
from tests.support.scripted import ScriptedChatModel

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, OpenAIServer]]:
    with simulated_gateway(lambda _: "an answer") as (url, upstream):
        yield f"{url}/v1", upstream


def guarded(url: str, policy: AttestationPolicy) -> tuple[EgressGuard, Any]:
    guard = EgressGuard(Masker(), policy=RequireAttestation())
    return guard, guard.wrap(SecureChatModel(endpoint=url, model="m", policy=policy))


def test_an_endpoint_that_proves_itself_is_asked(served: tuple[str, OpenAIServer]) -> None:
    guard, model = guarded(served[0], SIMULATED)
    assert model.invoke("hello").content == "an answer"
    assert model.invoke("again").content == "an answer"
    assert [c.decision for c in guard.ledger] == ["allowed", "allowed"]


async def test_async_too(served: tuple[str, OpenAIServer]) -> None:
    guard, model = guarded(served[0], SIMULATED)
    assert (await model.ainvoke("hello")).content == "an answer"
    assert [c.decision for c in guard.ledger] == ["allowed"]


def test_an_endpoint_that_does_not_gets_nothing(served: tuple[str, OpenAIServer]) -> None:
    guard, model = guarded(served[0], REAL)
    asked = len(served[1].requests)
    with pytest.raises(AttestationError):
        model.invoke("hello")
    assert len(served[1].requests) == asked
    assert [(c.decision, c.rule) for c in guard.ledger] == [("blocked", "require_attestation")]


def test_an_endpoint_that_is_not_there_gets_nothing() -> None:
    guard, model = guarded("http://127.0.0.1:1/v1", SIMULATED)
    with pytest.raises(AttestationError, match=r"cannot be reached"):
        model.invoke("hello")
    assert [c.decision for c in guard.ledger] == ["blocked"]


def test_an_ordinary_model_gets_nothing() -> None:
    inner = ScriptedChatModel(responses=["fine"])
    with pytest.raises(EgressBlockedError) as caught:
        EgressGuard(Masker(), policy=RequireAttestation()).wrap(inner).invoke("hello")
    assert caught.value.rule == "require_attestation"
    assert inner.seen == []
