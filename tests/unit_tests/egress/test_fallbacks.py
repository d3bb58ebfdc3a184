"""What retries and falls back does not carry a refused crossing past the guard."""

import asyncio
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelFallbackMiddleware, ModelRetryMiddleware
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI

from langchain_privacy import EgressGuard, Masker
from langchain_privacy.egress import is_guarded
from langchain_privacy.errors import EgressBlockedError
from tests.support.http import OpenAIServer

SECRET = "Jane Doe"
QUESTION: Any = {"messages": [HumanMessage(f"Who is {SECRET}?")]}
HARMLESS: Any = {"messages": [HumanMessage("Who is it?")]}


@pytest.fixture
def guard() -> EgressGuard:
    masker = Masker()
    masker.session("t").vault.issue("PERSON", SECRET)
    return EgressGuard(masker)


def model(server: OpenAIServer, name: str = "first") -> ChatOpenAI:
    return ChatOpenAI(base_url=server.base_url, api_key="k", model=name)


def both(call: Any, acall: Any) -> None:
    """Nothing is sent, sync and async."""
    with pytest.raises(EgressBlockedError):
        call()
    with pytest.raises(EgressBlockedError):
        asyncio.run(acall())


def test_with_fallbacks(guard: EgressGuard) -> None:
    with OpenAIServer(lambda _: "fine") as server:
        chain = model(server).with_fallbacks([model(server, "second")])
        guarded = guard.wrap(chain)
        assert is_guarded(guarded)
        assert not is_guarded(chain)
        both(lambda: guarded.invoke(SECRET), lambda: guarded.ainvoke(SECRET))
        assert server.requests == []
        assert [c.model for c in guard.ledger] == ["first", "second"] * 2
        assert guarded.invoke("hello").content == "fine"


async def drained(stream: Any) -> list[Any]:
    return [part async for part in stream]


def test_streams_with_fallbacks(guard: EgressGuard) -> None:
    with OpenAIServer(lambda _: "fine") as server:
        chain = guard.wrap(model(server).with_fallbacks([model(server, "second")]))
        both(lambda: [*chain.stream(SECRET)], lambda: drained(chain.astream(SECRET)))
        agent = create_agent(
            guard.wrap(model(server)),
            middleware=[
                ModelRetryMiddleware(max_retries=1, initial_delay=0.0, on_failure="error"),
                ModelFallbackMiddleware(guard.wrap(model(server, "second"))),
            ],
        )
        for mode in ("values", "messages"):
            both(
                lambda mode=mode: [*agent.stream(QUESTION, stream_mode=mode)],
                lambda mode=mode: drained(agent.astream(QUESTION, stream_mode=mode)),
            )
        assert server.requests == []
        assert "".join(part.content for part in chain.stream("hello")) == "fine"


def test_with_retry(guard: EgressGuard) -> None:
    with OpenAIServer(lambda _: "fine") as server:
        retrying = guard.wrap(model(server)).with_retry(
            stop_after_attempt=2, wait_exponential_jitter=False
        )
        with pytest.raises(EgressBlockedError):
            retrying.invoke(SECRET)
        assert server.requests == []


def test_model_fallback_middleware(guard: EgressGuard) -> None:
    with OpenAIServer(lambda _: "fine") as server:
        agent = create_agent(
            guard.wrap(model(server)),
            middleware=[ModelFallbackMiddleware(guard.wrap(model(server, "second")))],
        )
        both(lambda: agent.invoke(QUESTION), lambda: agent.ainvoke(QUESTION))
        assert server.requests == []
        assert agent.invoke(HARMLESS)["messages"][-1].content == "fine"


def test_model_retry_middleware(guard: EgressGuard) -> None:
    with OpenAIServer(lambda _: "fine") as server:
        agent = create_agent(
            guard.wrap(model(server)),
            middleware=[ModelRetryMiddleware(max_retries=3, initial_delay=0.0, on_failure="error")],
        )
        both(lambda: agent.invoke(QUESTION), lambda: agent.ainvoke(QUESTION))
        assert server.requests == []
        assert len(guard.ledger.crossings()) == 2  # refused once each, not tried again


def test_model_retry_middleware_that_continues(guard: EgressGuard) -> None:
    """Its default writes the error's text into the conversation: the text holds no value."""
    with OpenAIServer(lambda _: "fine") as server:
        agent = create_agent(
            guard.wrap(model(server)),
            middleware=[ModelRetryMiddleware(max_retries=1, initial_delay=0.0)],
        )
        try:
            answer = agent.invoke(QUESTION)["messages"][-1].content
        except EgressBlockedError as error:
            answer = str(error)
        assert SECRET not in answer
        assert server.requests == []


def test_all_of_them_together(guard: EgressGuard) -> None:
    with OpenAIServer(lambda _: "fine") as server:
        agent = create_agent(
            guard.wrap(model(server)),
            middleware=[
                ModelRetryMiddleware(max_retries=1, initial_delay=0.0, on_failure="error"),
                ModelFallbackMiddleware(guard.wrap(model(server, "second"))),
            ],
        )
        both(lambda: agent.invoke(QUESTION), lambda: agent.ainvoke(QUESTION))
        assert SECRET.encode() not in server.wire
        assert server.requests == []
