"""The matrix of who sees what, against the real `create_agent`: sync and async."""

import asyncio
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    HumanInTheLoopMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
)
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from langchain_privacy import Masker, PrivacyMiddleware, ToolPolicy, create_private_agent, private
from langchain_privacy.errors import ConfigurationError
from tests.support.http import LangSmithServer
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.agents import (
    SAID,
    asked,
    mail_tool,
    scripted,
    thread,
)
from tests.unit_tests.edge.conftest import EMAIL, OTHER, PLACEHOLDER, holds, masked


class Agent:
    """An agent with everything around it that could keep a private value."""

    def __init__(self, masker: Masker, **arguments: Any) -> None:
        self.saw: list[str] = []
        self.model = arguments.pop("model", None) or scripted()
        self.saver = InMemorySaver()
        tools = arguments.pop("tools", None) or [mail_tool(self.saw)]
        arguments.setdefault("checkpointer", self.saver)
        self.graph = create_private_agent(self.model, tools, masker=masker, **arguments)

    def check(self) -> None:
        """What must hold whatever was asked."""
        assert not holds(self.model.seen_text)
        assert masked(self.model.seen_text)
        assert not holds([*self.saver.storage.items(), *self.saver.blobs.items()])
        assert not holds(list(self.saver.writes.items()))
        assert all(EMAIL in to for to in self.saw)


async def test_invoke(masker: Masker) -> None:
    agent = Agent(masker)
    results = [
        agent.graph.invoke(asked(), thread("a")),
        await agent.graph.ainvoke(asked(), thread("b")),
    ]
    for result in results:
        assert [m.type for m in result["messages"]] == ["human", "ai", "tool", "ai"]
        assert result["messages"][0].content == f"Mail {EMAIL} now"
        assert result["messages"][1].tool_calls[0]["args"] == {"to": EMAIL}
        assert result["messages"][2].content == f"sent to {EMAIL}; cc {OTHER}"
        assert result["messages"][3].content == SAID
    assert agent.saw == [EMAIL, EMAIL]
    agent.check()


@pytest.mark.parametrize("mode", ["values", "updates", "tasks", "debug", "checkpoints", "tools"])
async def test_streams(masker: Masker, mode: str) -> None:
    agent = Agent(masker)
    parts = list(agent.graph.stream(asked(), thread("a"), stream_mode=mode))
    aparts = [p async for p in agent.graph.astream(asked(), thread("b"), stream_mode=mode)]
    for stream in (parts, aparts):
        assert holds(stream)
        assert not PLACEHOLDER.search(repr(stream))
    agent.check()


async def test_stream_of_messages(masker: Masker) -> None:
    agent = Agent(masker)
    parts = list(agent.graph.stream(asked(), thread("a"), stream_mode="messages"))
    aparts = [p async for p in agent.graph.astream(asked(), thread("b"), stream_mode="messages")]
    for stream in (parts, aparts):
        chunks = [m for m, _ in stream if isinstance(m, AIMessageChunk)]
        assert "".join(str(m.content) for m in chunks) == SAID
        pieces = [c["args"] or "" for m in chunks for c in m.tool_call_chunks]
        assert "".join(pieces) == f'{{"to": "{EMAIL}"}}'
        whole = chunks[0]
        for chunk in [c for c in chunks[1:] if c.id == whole.id]:
            whole += chunk
        assert whole.tool_calls[0]["args"] == {"to": EMAIL}
        others = [m for m, _ in stream if not isinstance(m, AIMessageChunk)]
        assert f"sent to {EMAIL}; cc {OTHER}" in [m.content for m in others]
    agent.check()


async def test_v3_events(masker: Masker) -> None:
    agent = Agent(masker)
    run = agent.graph.stream_events(asked(), thread("a"), version="v3")
    text = "".join(delta for message in run.messages for delta in message.text)
    assert text == SAID
    assert run.output["messages"][-1].text == SAID
    events = list(agent.graph.stream_events(asked(), thread("b"), version="v3"))
    assert {"messages", "tools", "values"} <= {e["method"] for e in events}
    assert not PLACEHOLDER.search(repr(events))
    arun = await agent.graph.astream_events(asked(), thread("c"), version="v3")
    said = [delta async for message in arun.messages async for delta in message.text]
    assert "".join(said) == SAID
    agent.check()


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_events_fed_by_callbacks(masker: Masker, version: str) -> None:
    agent = Agent(masker)
    events = [e async for e in agent.graph.astream_events(asked(), thread(), version=version)]
    chunks = [e["data"]["chunk"] for e in events if e["event"] == "on_chat_model_stream"]
    assert "".join(str(c.content) for c in chunks) == SAID
    assert not PLACEHOLDER.search(repr([e for e in events if e["event"] != "on_chat_model_stream"]))
    started = [e["data"]["input"] for e in events if e["event"] == "on_tool_start"]
    assert EMAIL in repr(started)
    agent.check()


async def test_a_person_sees_and_edits_real_values(masker: Masker) -> None:
    edited = {"name": "send_mail", "args": {"to": OTHER}}
    resume = Command(resume={"decisions": [{"type": "edit", "edited_action": edited}]})
    hitl = HumanInTheLoopMiddleware(interrupt_on={"send_mail": True})
    agent = Agent(masker, middleware=[hitl])
    shown = agent.graph.invoke(asked(), thread("a"))["__interrupt__"][0].value
    assert shown["action_requests"][0]["args"] == {"to": EMAIL}
    assert agent.graph.invoke(resume, thread("a"))["messages"][-1].content.startswith("Done.")
    shown = (await agent.graph.ainvoke(asked(), thread("b")))["__interrupt__"][0].value
    assert shown["action_requests"][0]["args"] == {"to": EMAIL}
    await agent.graph.ainvoke(resume, thread("b"))
    assert agent.saw == [OTHER, OTHER]
    agent.saw.clear()
    agent.check()


def test_everything_that_goes_to_the_model(masker: Masker) -> None:
    @tool(description=f"Look somebody up. Ask {OTHER} when in doubt.")
    def crm_lookup(name: str) -> str:
        return name

    class Adds(AgentMiddleware):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            more = [*request.messages, HumanMessage(f"By the way, {OTHER}")]
            settings = {"user": OTHER}
            return handler(request.override(messages=more, model_settings=settings))

    agent = Agent(
        masker,
        model=scripted("fine"),
        tools=[crm_lookup],
        system_prompt=f"You act for {OTHER}",
        middleware=[Adds()],
    )
    history = [
        SystemMessage(f"about {OTHER}"),
        HumanMessage([{"type": "text", "text": f"I am {EMAIL}"}], name=f"user_{OTHER}"),
        AIMessage("", tool_calls=[{"name": "crm_lookup", "args": {"name": EMAIL}, "id": "1"}]),
        {"role": "tool", "content": f"{EMAIL} is 42", "tool_call_id": "1"},
        ("user", f"again {EMAIL}"),
    ]
    agent.graph.invoke({"messages": history}, thread())
    seen = agent.model.seen[0]
    assert len(seen["messages"]) == 7
    assert masked(repr(seen["kwargs"]["tools"]))
    assert masked(repr(seen["kwargs"]["user"]))
    agent.check()


def test_last_in_the_list(masker: Masker) -> None:
    class Other(AgentMiddleware):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            return handler(request)

    wrong = create_agent(scripted(), middleware=[PrivacyMiddleware(masker), Other()])
    with pytest.raises(ConfigurationError, match="last"):
        wrong.invoke(asked())
    with pytest.raises(ConfigurationError, match="leave it out"):
        create_private_agent(scripted(), masker=masker, middleware=[PrivacyMiddleware(masker)])
    right = create_agent(scripted("hi"), middleware=[Other(), PrivacyMiddleware(masker)])
    assert right.invoke(asked())["messages"][-1].content == "hi"


async def test_safe_without_the_edge(masker: Masker, caplog: pytest.LogCaptureFixture) -> None:
    saw: list[str] = []
    model = scripted()
    agent = create_agent(
        model,
        [mail_tool(saw)],
        middleware=[PrivacyMiddleware(masker)],
        checkpointer=InMemorySaver(),
    )
    result = agent.invoke(asked(), thread("a"))
    assert saw == [EMAIL]
    assert not holds(result)
    await agent.ainvoke(asked(), thread("b"))
    assert saw == [EMAIL, EMAIL]
    assert not holds(model.seen_text)
    warnings = [r for r in caplog.records if "not wrapped in private()" in r.getMessage()]
    assert len(warnings) <= 1  # once in a process, whichever test comes first


def test_summaries_and_their_model(masker: Masker) -> None:
    summarizer = ScriptedChatModel(responses=["They spoke about mail."])
    middleware = SummarizationMiddleware(
        model=summarizer, trigger=("messages", 3), keep=("messages", 1)
    )
    agent = Agent(masker, model=scripted("ok"), middleware=[middleware], tools=[mail_tool([])])
    for _ in range(4):
        agent.graph.invoke(asked(), thread())
    assert summarizer.seen
    assert not holds(summarizer.seen_text)
    agent.check()


@pytest.mark.parametrize("asynchronous", [False, True])
def test_retry_and_fallback_open_no_way_around(masker: Masker, asynchronous: bool) -> None:
    def fails(messages: Any) -> str:
        raise ConnectionError(f"could not send {messages[-1].content}")

    fallback = scripted()
    saw: list[str] = []
    primary = scripted(fails)
    graph = create_private_agent(
        primary,
        [mail_tool(saw)],
        masker=masker,
        middleware=[
            ModelFallbackMiddleware(fallback),
            ModelRetryMiddleware(max_retries=1, initial_delay=0.01, on_failure="error"),
        ],
    )
    result = asyncio.run(graph.ainvoke(asked())) if asynchronous else graph.invoke(asked())
    assert result["messages"][-1].content == SAID
    assert len(primary.seen) >= 2
    for model in (primary, fallback):
        assert masked(model.seen_text)
        assert not holds(model.seen_text)


def test_traces_checkpoints_caches_and_logs(
    masker: Masker,
    langsmith_server: LangSmithServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    cache = InMemoryCache()
    set_llm_cache(cache)
    connection = sqlite3.connect(tmp_path / "c.sqlite", check_same_thread=False)
    try:
        agent = Agent(
            masker,
            checkpointer=SqliteSaver(connection),
            system_prompt=f"You act for {OTHER}",
            middleware=[HumanInTheLoopMiddleware(interrupt_on={"send_mail": True})],
            debug=False,
        )
        config = {**thread(EMAIL), "metadata": {"who": OTHER}, "tags": [OTHER]}
        approve = Command(resume={"decisions": [{"type": "approve"}]})
        agent.graph.invoke(asked(), config)
        agent.graph.invoke(approve, config)
        list(agent.graph.stream(asked(), thread("s"), stream_mode=["messages", "values"]))
        list(agent.graph.stream_events(approve, thread("s"), version="v3"))
        asyncio.run(_events(Agent(masker)))
    finally:
        set_llm_cache(None)
        connection.commit()
        connection.close()
    langsmith_server.flush()
    assert b"send_mail" in langsmith_server.wire
    assert not holds(langsmith_server.wire.decode("utf-8", "replace"))
    assert cache._cache
    assert not holds(cache._cache)
    assert not holds(caplog.text)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"[EMAIL_" in written
    assert not holds(written.decode("latin-1"))


async def _events(agent: Agent) -> None:
    async for _ in agent.graph.astream_events(asked(), thread("e"), version="v2"):
        pass


def test_two_lines(masker: Masker) -> None:
    """An agent that exists becomes private: middleware in, edge around."""
    saw: list[str] = []
    model = scripted()
    agent = private(
        create_agent(model, [mail_tool(saw)], middleware=[PrivacyMiddleware(masker)]), masker
    )
    assert agent.invoke(asked())["messages"][-1].content == SAID
    assert saw == [EMAIL]
    assert not holds(model.seen_text)


def many(count: int) -> list[str]:
    return [f"person{i:03d}@corp-secret.example" for i in range(count)]


class TestManyConversations:
    """200 conversations at once through one agent: nobody gets another's value."""

    COUNT = 200

    @staticmethod
    def agent(masker: Masker) -> Any:
        @tool
        def crm_lookup(email: str) -> str:
            """Look somebody up."""
            return f"{email} has backup-{email}"

        def respond(messages: Any) -> AIMessage:
            found = PLACEHOLDER.findall(str([m.content for m in messages]))
            if messages[-1].type == "tool":
                return AIMessage(f"{found[0]} and {found[-1]}")
            calls = [{"name": "crm_lookup", "args": {"email": found[-1]}, "id": "1"}]
            return AIMessage("", tool_calls=calls)

        return create_private_agent(
            scripted(respond), [crm_lookup], masker=masker, checkpointer=InMemorySaver()
        )

    @staticmethod
    def check(who: str, result: Any) -> None:
        text = repr(result)
        assert not [e for e in many(TestManyConversations.COUNT) if e != who and e in text]
        assert result["messages"][-1].content == f"{who} and backup-{who}"

    def test_threads(self, masker: Masker) -> None:
        graph = self.agent(masker)
        people = many(self.COUNT)
        results = graph.batch(
            [{"messages": [f"I am {who}"]} for who in people],
            [thread(f"s{i}") for i in range(self.COUNT)],
        )
        for who, result in zip(people, results, strict=True):
            self.check(who, result)

    async def test_tasks(self, masker: Masker) -> None:
        graph = self.agent(masker)
        people = many(self.COUNT)
        results = await asyncio.gather(
            *(
                graph.ainvoke({"messages": [f"I am {who}"]}, thread(f"a{i}"))
                for i, who in enumerate(people)
            )
        )
        for who, result in zip(people, results, strict=True):
            self.check(who, result)


def test_policy_is_told_about_typing_errors(
    masker: Masker, caplog: pytest.LogCaptureFixture
) -> None:
    Agent(masker, tool_policy=ToolPolicy(local={"sned_mail"}))
    assert "sned_mail" in caplog.text
