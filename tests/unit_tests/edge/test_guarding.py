"""The guard behind the edge: models that nobody wrapped, and models that others hold."""

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    ModelFallbackMiddleware,
    SummarizationMiddleware,
)
from langchain_core.messages import SystemMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver

from langchain_privacy import EgressGuard, Masker, create_private_agent, private
from langchain_privacy.edge.agents import guarded_middleware
from langchain_privacy.egress import HumanApproval, is_guarded
from langchain_privacy.errors import EgressBlockedError
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.agents import SAID, asked, mail_tool, scripted, thread
from tests.unit_tests.edge.conftest import EMAIL, OTHER, masked


@pytest.fixture
def guard(masker: Masker) -> EgressGuard:
    return EgressGuard(masker)


def test_every_crossing_is_recorded(masker: Masker, guard: EgressGuard) -> None:
    model = scripted()
    agent = create_private_agent(model, [mail_tool([])], masker=masker, guard=guard)
    assert agent.invoke(asked())["messages"][-1].content == SAID
    assert len(guard.ledger.crossings()) == len(model.seen) == 2


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_model_that_nobody_wrapped(
    masker: Masker, guard: EgressGuard, asynchronous: bool
) -> None:
    """A middleware adds a value that nobody masked; the model call is refused."""
    model = ScriptedChatModel(responses=["never"])

    class Adds(AgentMiddleware[Any]):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            return handler(request.override(system_message=SystemMessage(f"it is {EMAIL}")))

        async def awrap_model_call(self, request: Any, handler: Any) -> Any:
            return await handler(request.override(system_message=SystemMessage(f"it is {EMAIL}")))

    agent: Any = private(create_agent(model, [], middleware=[Adds()]), masker, guard=guard)
    with pytest.raises(EgressBlockedError):
        if asynchronous:
            await agent.ainvoke(asked())
        else:
            agent.invoke(asked())
    assert not model.seen


def test_what_a_step_of_a_chain_adds_crosses_masked(masker: Masker, guard: EgressGuard) -> None:
    model = ScriptedChatModel(responses=["ok"])
    adds: Any = RunnableLambda(lambda x: f"{x} {OTHER}") | model
    assert private(adds, masker, guard=guard).invoke("hello").content == "ok"
    (seen,) = model.seen
    assert "hello [EMAIL_" in str(seen)
    assert OTHER not in str(seen)


def test_models_of_other_middleware(masker: Masker, guard: EgressGuard) -> None:
    summary = guarded_middleware(
        SummarizationMiddleware(model=scripted("x"), trigger=("messages", 3)), guard
    )
    assert is_guarded(summary.model)
    fallback = guarded_middleware(ModelFallbackMiddleware(scripted("x")), guard)
    assert all(is_guarded(model) for model in fallback.models)


def test_a_fallback_is_guarded(masker: Masker, guard: EgressGuard) -> None:
    def fails(messages: Any) -> str:
        raise ConnectionError("down")

    agent = create_private_agent(
        scripted(fails),
        [mail_tool([])],
        masker=masker,
        guard=guard,
        middleware=[ModelFallbackMiddleware(scripted())],
    )
    assert agent.invoke(asked())["messages"][-1].content == SAID
    assert len(guard.ledger.crossings()) == 4


def test_a_person_approves_what_would_leave(masker: Masker) -> None:
    """The approval of a crossing shows placeholders; other interrupts show real values."""
    guard = EgressGuard(masker, policy=HumanApproval())
    model = scripted("fine")
    agent = create_private_agent(model, masker=masker, guard=guard, checkpointer=InMemorySaver())
    shown = agent.invoke(asked(), thread())["__interrupt__"][0].value
    assert shown["masked"] is True
    assert masked(shown)
    assert EMAIL not in str(shown)
    assert not model.seen
    stored = agent.get_state(thread(), restore=True).interrupts[0].value
    assert EMAIL not in str(stored)
