"""`call_local` from a local function: who may be called, and what crosses."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph

from langchain_privacy import (
    EgressGuard,
    EgressLedger,
    Masker,
    SecureChatModel,
    local_node,
    private,
)
from langchain_privacy.egress import AllOf, AllowHosts, RealTextToAttested, UnsafeAllowAll
from langchain_privacy.errors import AttestationError, ConfigurationError
from langchain_privacy.local import acall_local, call_local, yes_no_score
from tests.support.attested import REAL, SIMULATED, simulated_gateway
from tests.support.http import OpenAIServer
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.conftest import EMAIL, holds, masked

pytestmark = pytest.mark.filterwarnings(
    "ignore::langchain_privacy.secure.UnsafePolicyWarning",
    "ignore::langchain_privacy.egress.UnsafeEgressWarning",
)


class State(TypedDict, total=False):
    text: str
    answer: str


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, OpenAIServer]]:
    def echo(body: dict[str, Any]) -> str:
        return f"You said: {body['messages'][-1]['content']}"

    with simulated_gateway(echo) as (url, upstream):
        yield f"{url}/v1", upstream


def secure(url: str, policy: Any = SIMULATED) -> SecureChatModel:
    return SecureChatModel(endpoint=url, model="m", policy=policy)


def graph_of(call: Callable[[str], str], masker: Masker, guard: Any = None) -> Any:
    @local_node
    def node(state: State) -> State:
        assert EMAIL in state["text"]
        return {"answer": call(state["text"])}

    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return private(builder.compile(), masker, guard=guard)


def sync(model: Any) -> Callable[[str], str]:
    return lambda text: call_local(model, text).text


def threaded(model: Any) -> Callable[[str], str]:
    return lambda text: asyncio.run(acall_local(model, text)).text


@pytest.mark.parametrize("way", [sync, threaded])
@pytest.mark.parametrize("own", [True, False], ids=["own guard", "the run's guard"])
def test_an_attested_model_gets_placeholders(
    served: Any, masker: Masker, way: Any, own: bool
) -> None:
    guard = EgressGuard(masker)
    model = guard.wrap(secure(served[0])) if own else secure(served[0])
    graph = graph_of(way(model), masker, None if own else guard)
    asked = len(served[1].requests)
    said = graph.invoke({"text": f"I am {EMAIL}"})["answer"]
    assert said == f"You said: I am {EMAIL}"
    sent = str(served[1].requests[asked:])
    assert masked(sent)
    assert not holds(sent)
    [crossing] = guard.ledger
    assert (crossing.decision, crossing.rule, crossing.outcome) == ("allowed", None, "answered")
    assert crossing.entity_types == {"EMAIL": 1}


@pytest.mark.parametrize("way", [sync, threaded])
@pytest.mark.parametrize("within", [False, True], ids=["alone", "in AllOf"])
def test_real_text_by_a_named_policy_is_recorded(
    served: Any, masker: Masker, way: Any, within: bool
) -> None:
    named: Any = RealTextToAttested()
    policy = AllOf([named, AllowHosts(["127.0.0.1"])]) if within else named
    ledger = EgressLedger("sqlite://", keep_payload=True)
    guard = EgressGuard(masker, policy=policy, ledger=ledger)
    graph = graph_of(way(guard.wrap(secure(served[0]))), masker)
    asked = len(served[1].requests)
    assert graph.invoke({"text": f"I am {EMAIL}"})["answer"] == f"You said: I am {EMAIL}"
    assert holds(str(served[1].requests[asked:]))
    [crossing] = ledger
    assert crossing.rule == "real_text_to_attested"
    assert (crossing.decision, crossing.payload) == ("allowed", None)
    assert not holds(str(list(ledger.rows())))


def test_an_endpoint_that_does_not_prove_itself_gets_no_real_text(
    served: Any, masker: Masker
) -> None:
    guard = EgressGuard(masker, policy=RealTextToAttested())
    graph = graph_of(sync(guard.wrap(secure(served[0], REAL))), masker)
    asked = len(served[1].requests)
    with pytest.raises(AttestationError):
        graph.invoke({"text": f"I am {EMAIL}"})
    assert len(served[1].requests) == asked
    assert [c.decision for c in guard.ledger] == ["blocked"]


def test_the_policy_for_attested_models_opens_nothing_for_others(masker: Masker) -> None:
    inner = ScriptedChatModel(responses=["fine"])
    guard = EgressGuard(masker, policy=RealTextToAttested())
    chain = private(guard.wrap(inner), masker)
    with pytest.raises(Exception, match="attested"):
        chain.invoke(f"I am {EMAIL}")
    assert inner.seen == []


def test_nobody_to_record_it_and_nobody_to_mask_it(served: Any, masker: Masker) -> None:
    asked = len(served[1].requests)
    with pytest.raises(ConfigurationError, match=r"guard\.wrap"):
        graph_of(sync(secure(served[0])), masker).invoke({"text": f"I am {EMAIL}"})
    with pytest.raises(ConfigurationError, match="local function"):
        call_local(secure(served[0]), EMAIL)
    with pytest.raises(ConfigurationError, match="local function"):
        yes_no_score(secure(served[0]), EMAIL)
    assert len(served[1].requests) == asked


@pytest.mark.parametrize("way", [sync, threaded])
def test_a_remote_model_is_refused_in_a_local_node(masker: Masker, way: Any) -> None:
    from langchain_openai import ChatOpenAI

    guard = EgressGuard(masker, policy=UnsafeAllowAll())
    plain = ChatOpenAI(model="gpt-4o", api_key="none")  # type: ignore[arg-type]
    for model in (plain, plain.bind(temperature=0), guard.wrap(plain)):
        with pytest.raises(ConfigurationError, match=r"api\.openai\.com.*private\(model"):
            graph_of(way(model), masker).invoke({"text": f"I am {EMAIL}"})
    assert list(guard.ledger) == []
