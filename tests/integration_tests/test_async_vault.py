"""A private graph on an event loop, its vault in an async store of the same loop."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite.aio import AsyncSqliteStore

from langchain_privacy import Masker, create_private_agent, private
from langchain_privacy.vault import StoreVault
from tests.support.scripted import ScriptedChatModel

KEY = b"k" * 32


class Blocking(InMemoryStore):
    """A store that must not be waited for on an event loop, as a server's watch demands."""

    def batch(self, ops: Any) -> Any:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return super().batch(ops)
        msg = "the loop waits for the store"
        raise AssertionError(msg)


JANE = "jane.doe@example.org"


async def test_conversations_go_on_over_a_restart(tmp_path: Path) -> None:
    seen: list[str] = []
    saver = InMemorySaver()

    async def answer(state: MessagesState) -> MessagesState:
        seen.append(state["messages"][-1].text)
        return {"messages": [AIMessage(f"Noted: {state['messages'][0].text}")]}

    graph = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer")
    compiled = graph.add_edge("answer", END).compile(checkpointer=saver)

    async def talk(text: str, thread: str) -> str:
        config: Any = {"configurable": {"thread_id": thread}}
        app = private(compiled, masker)
        given: Any = {"messages": [("user", text)]}
        chunks = [c async for c in app.astream(given, config, stream_mode="values")]
        return str(chunks[-1]["messages"][-1].text)

    async with AsyncSqliteStore.from_conn_string(str(tmp_path / "vault.db")) as store:
        await store.setup()
        masker = Masker(vault=StoreVault(store, KEY))
        first = await asyncio.gather(*(talk(f"I am {n}.{JANE}", f"t{n}") for n in range(5)))
        assert first == [f"Noted: I am {n}.{JANE}" for n in range(5)]
    async with AsyncSqliteStore.from_conn_string(str(tmp_path / "vault.db")) as store:
        masker = Masker(vault=StoreVault(store, KEY))
        # The second turn restores what only the first process has issued.
        assert await talk("And now?", "t3") == f"Noted: I am 3.{JANE}"
    assert "example.org" not in str(seen)
    assert "example.org" not in (tmp_path / "vault.db").read_bytes().decode("latin-1")


@pytest.mark.parametrize("form", ["{}", '{{"to": "{}"}}', "[{}, 1]", "{} and {} again"])
@pytest.mark.parametrize("chunk", [1, 3])
async def test_tokens_are_restored_on_the_loop_of_the_store(
    tmp_path: Path, form: str, chunk: int
) -> None:
    """An answer begins with a bracket that is a piece of its own, or is JSON."""

    def answer(messages: Any) -> AIMessage:
        return AIMessage(form.format(*[messages[-1].text] * 2))

    async with AsyncSqliteStore.from_conn_string(str(tmp_path / "vault.db")) as store:
        await store.setup()
        masker = Masker(vault=StoreVault(store, KEY))
        model = ScriptedChatModel(responses=[answer], chunk=chunk)
        agent = create_private_agent(model, masker=masker, checkpointer=InMemorySaver())
        given = {"messages": [("user", JANE)]}
        for turn in range(2):
            config = {"configurable": {"thread_id": "t"}}
            parts = agent.astream(given, config, stream_mode="messages")
            said = "".join([piece.text async for piece, _ in parts if piece.type != "human"])
            assert said == form.format(JANE, JANE), turn
        assert "example.org" not in model.seen_text


@pytest.mark.parametrize("form", ["{}", '{{"to": "{}"}}', "[{}, 1]", "{} and {} again"])
@pytest.mark.parametrize("how", ["ainvoke", "messages", "values", "events"])
async def test_the_loop_does_not_wait_for_a_store_without_one(form: str, how: str) -> None:
    """A run died of it in mid-stream under LangGraph's server."""

    def answer(messages: Any) -> AIMessage:
        return AIMessage(form.format(*[messages[-1].text] * 2))

    vault = StoreVault(Blocking(), KEY)
    masker = Masker(vault=vault)
    model = ScriptedChatModel(responses=[answer], chunk=1)
    agent = create_private_agent(model, masker=masker, checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    for turn in range(2):
        given: Any = {"messages": [("user", f"{turn}{JANE}")]}
        if how == "ainvoke":
            await agent.ainvoke(given, config)
        elif how == "events":
            assert [e async for e in agent.astream_events(given, config, version="v2")]
        else:
            assert [part async for part in agent.astream(given, config, stream_mode=how)]
        state = await agent.aget_state(config, restore=True)
        assert state.values["messages"][-1].text == form.format(*[f"{turn}{JANE}"] * 2)
