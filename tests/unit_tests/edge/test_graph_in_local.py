"""A plain graph that a local function calls: it works with real values, and stores placeholders."""

import pickle
import sqlite3
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from langchain_privacy import Masker, local_node, private
from langchain_privacy.detection import DictionaryDetector

NAME, MAIL = "Mira Solheim", "mira.solheim@example.org"


class State(TypedDict, total=False):
    text: str
    seen: str
    answer: str
    message: AnyMessage


def masker() -> Masker:
    return Masker([DictionaryDetector({"PERSON": [NAME], "EMAIL": [MAIL]})])


def plain(*, asks: bool = False) -> Any:
    """A graph that nobody made private: it copies what it reads into other parts of its state."""

    def read(state: State) -> State:
        return {"seen": state["text"].upper(), "message": HumanMessage(f"about {state['text']}")}

    def ask(state: State) -> State:
        return {"answer": interrupt(f"May {state['text']} be called?") if asks else "yes"}

    builder = StateGraph(State)
    builder.add_node("read", read)
    builder.add_node("ask", ask)
    builder.add_edge(START, "read").add_edge("read", "ask").add_edge("ask", END)
    return builder.compile()


def around(inner: Any, checkpointer: Any, *, config_too: bool = False) -> Any:
    held = masker()

    @local_node
    def local(state: State, config: RunnableConfig) -> State:
        given = {"text": state["text"]}
        result = inner.invoke(given, config) if config_too else inner.invoke(given)
        assert NAME.upper() in result["seen"], "inside, values are real"
        return {"answer": f"{result['answer']} for {state['text']}"}

    builder = StateGraph(State)
    builder.add_node("local", local)
    builder.add_edge(START, "local").add_edge("local", END)
    return private(builder.compile(checkpointer=checkpointer), held)


def stored(saver: InMemorySaver) -> bytes:
    return pickle.dumps([dict(saver.storage), dict(saver.writes), dict(saver.blobs)])


def nothing_private(data: bytes) -> None:
    lower = data.lower()
    for value in (NAME, MAIL):
        assert value.lower().encode() not in lower
    assert b"solheim" not in lower


@pytest.mark.parametrize("config_too", [False, True])
@pytest.mark.parametrize("thread", ["1", MAIL])
def test_it_stores_nothing_private(thread: str, config_too: bool) -> None:
    saver = InMemorySaver()
    graph = around(plain(), saver, config_too=config_too)
    config = {"configurable": {"thread_id": thread, "user": MAIL}}
    result = graph.invoke({"text": f"{NAME} <{MAIL}>"}, config)
    assert result["answer"] == f"yes for {NAME} <{MAIL}>"
    assert len(saver.storage) == 1, "one thread"
    assert len(next(iter(saver.storage.values()))) > 1, "the inner graph has checkpoints there"
    nothing_private(stored(saver))


async def test_it_stores_nothing_private_in_async_runs() -> None:
    held, inner, saver = masker(), plain(), InMemorySaver()

    @local_node
    async def local(state: State) -> State:
        result = await inner.ainvoke({"text": state["text"]})
        return {"answer": f"{result['answer']}, {result['seen']}"}

    builder = StateGraph(State)
    builder.add_node("local", local)
    builder.add_edge(START, "local").add_edge("local", END)
    graph = private(builder.compile(checkpointer=saver), held)
    result = await graph.ainvoke({"text": NAME}, {"configurable": {"thread_id": "1"}})
    assert result["answer"] == f"yes, {NAME.upper()}"
    nothing_private(stored(saver))


def test_a_person_is_asked_in_it_and_answers(tmp_path: Path) -> None:
    """The inner graph is interrupted, resumed from its checkpoint, and real again."""
    with SqliteSaver.from_conn_string(str(tmp_path / "state.sqlite")) as saver:
        graph = around(plain(asks=True), saver)
        config = {"configurable": {"thread_id": "1"}}
        asked = graph.invoke({"text": NAME}, config)
        assert asked["__interrupt__"][0].value == f"May {NAME} be called?"
        result = graph.invoke(Command(resume=f"yes, {MAIL}"), config)
        assert result["answer"] == f"yes, {MAIL} for {NAME}"
    with sqlite3.connect(tmp_path / "state.sqlite") as database:
        rows = [
            *database.execute("select * from checkpoints"),
            *database.execute("select * from writes"),
        ]
    assert len(rows) > 4
    nothing_private(pickle.dumps(rows))


def test_a_private_graph_in_it_keeps_the_checkpointer_of_the_run() -> None:
    """It masks for itself; what it reads back has placeholders, as in any run of its own."""
    seen: list[str] = []
    held = masker()

    def read(state: State) -> State:
        seen.append(state["text"])
        return {"seen": state["text"], "answer": str(interrupt("go on?"))}

    builder = StateGraph(State)
    builder.add_node("read", read)
    builder.add_edge(START, "read").add_edge("read", END)
    inner = private(builder.compile(), held)

    @local_node
    def local(state: State) -> State:
        result = inner.invoke({"text": state["text"]})
        return {"answer": f"{result['seen']} {result['answer']}"}

    outer = StateGraph(State)
    outer.add_node("local", local)
    outer.add_edge(START, "local").add_edge("local", END)
    saver = InMemorySaver()
    graph = private(outer.compile(checkpointer=saver), held)
    config = {"configurable": {"thread_id": "1"}}
    graph.invoke({"text": NAME}, config)
    result = graph.invoke(Command(resume="yes"), config)
    assert result["answer"] == f"{NAME} yes"
    assert seen
    assert all(NAME not in text for text in seen)
    nothing_private(stored(saver))
