"""`local_node`: real values in the function, placeholders in everything around it."""

import asyncio
import operator
from typing import Annotated, Any, Literal, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_store, get_stream_writer
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, Send, StreamWriter, interrupt
from pydantic import BaseModel

from langchain_privacy import Masker, local_node, private
from langchain_privacy.errors import ConfigurationError, LocalFunctionError
from tests.unit_tests.edge.agents import thread
from tests.unit_tests.edge.conftest import EMAIL, OTHER, PATTERN, frames_hold, holds, masked


class State(TypedDict):
    text: str
    notes: Annotated[list[str], operator.add]


class Graph:
    """A graph of one local node between two that note what the state holds."""

    def __init__(self, masker: Masker, node: Any, **compile_arguments: Any) -> None:
        self.around: list[Any] = []
        self.saver = InMemorySaver()
        builder = StateGraph(State)
        builder.add_node("before", self._look)
        builder.add_node("local", node)
        builder.add_node("after", self._look)
        builder.add_edge(START, "before")
        builder.add_edge("before", "local")
        builder.add_edge("local", "after")
        compiled = builder.compile(checkpointer=self.saver, **compile_arguments)
        self.graph = private(compiled, masker)

    def _look(self, state: State) -> dict[str, Any]:
        self.around.append(dict(state))
        return {}

    def run(self, asynchronous: bool = False, given: Any = None) -> Any:
        given = {"text": f"to {EMAIL}", "notes": []} if given is None else given
        try:
            if asynchronous:
                return asyncio.run(self.graph.ainvoke(given, thread()))
            return self.graph.invoke(given, thread())
        finally:
            assert not holds(self.around)
            stored = [*self.saver.storage.items(), *self.saver.blobs.items()]
            assert not holds([stored, list(self.saver.writes.items())])


def both(node: Any) -> list[tuple[Any, bool]]:
    """The function as it is, and as a coroutine function, run both ways."""

    async def coroutine(state: Any) -> Any:
        return node(state)

    return [(local_node(node), False), (local_node(node), True), (local_node(coroutine), True)]


def test_sees_real_values_and_writes_masked_ones(masker: Masker) -> None:
    saw: list[Any] = []

    def node(state: State) -> dict[str, Any]:
        saw.append(state["text"])
        return {"text": f"{state['text']} cc {OTHER}", "notes": [OTHER]}

    for wrapped, asynchronous in both(node):
        graph = Graph(masker, wrapped)
        result = graph.run(asynchronous)
        assert result == {"text": f"to {EMAIL} cc {OTHER}", "notes": [OTHER]}
        assert masked(graph.around[-1]["notes"])
    assert saw == [f"to {EMAIL}"] * 3


def test_as_a_decorator(masker: Masker) -> None:
    @local_node
    def node(state: State) -> dict[str, Any]:
        """A node."""
        return {"text": state["text"].upper()}

    assert node.__name__ == "node"
    assert node.__doc__ == "A node."
    assert Graph(masker, node).run()["text"] == f"TO {EMAIL.upper()}"

    @local_node(masker=masker)
    def other(state: State) -> dict[str, Any]:
        return {"notes": [state["text"]]}

    assert Graph(masker, other).run()["notes"] == [f"to {EMAIL}"]
    assert Graph(masker, local_node(RunnableLambda(other))).run()["notes"] == [f"to {EMAIL}"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_command_and_send(masker: Masker, asynchronous: bool) -> None:
    saw: list[Any] = []

    @local_node
    def start(state: State) -> Command[Literal["work"]]:
        return Command(
            update={"notes": [state["text"]]}, goto=[Send("work", {"text": EMAIL, "notes": []})]
        )

    def work(state: State) -> dict[str, Any]:
        saw.append(state["text"])
        return {"notes": [state["text"]]}

    @local_node
    def route(state: State) -> list[Send]:
        assert state["text"] == f"to {EMAIL}"
        return [Send("last", {"text": OTHER, "notes": []})]

    builder = StateGraph(State)
    builder.add_node("start", start)
    builder.add_node("work", work)
    builder.add_node("last", work)
    builder.add_edge(START, "start")
    builder.add_conditional_edges("work", route, ["last"])
    graph = private(builder.compile(checkpointer=InMemorySaver()), masker)
    given = {"text": f"to {EMAIL}", "notes": []}
    if asynchronous:
        result = asyncio.run(graph.ainvoke(given, thread()))
    else:
        result = graph.invoke(given, thread())
    assert result["notes"] == [f"to {EMAIL}", EMAIL, OTHER]
    assert len(saw) == 2
    assert not holds(saw)


def test_a_router_chooses_by_real_values(masker: Masker) -> None:
    @local_node
    def route(state: State) -> str:
        return "here" if EMAIL in state["text"] else END

    builder = StateGraph(State)
    builder.add_node("here", lambda state: {"notes": ["here"]})
    builder.add_conditional_edges(START, route, ["here", END])
    graph = private(builder.compile(), masker)
    assert graph.invoke({"text": EMAIL, "notes": []})["notes"] == ["here"]
    assert graph.invoke({"text": OTHER, "notes": []})["notes"] == []


def test_interrupts(masker: Masker) -> None:
    saw: list[Any] = []

    def node(state: State) -> dict[str, Any]:
        first = interrupt({"ask": state["text"]})
        second = interrupt({"again": first["to"]})
        saw.append((first, second))
        return {"notes": [first["to"], second]}

    for wrapped, asynchronous in both(node):
        graph = Graph(masker, wrapped)
        assert graph.run(asynchronous)["__interrupt__"][0].value == {"ask": f"to {EMAIL}"}
        shown = graph.run(asynchronous, Command(resume={"to": OTHER}))
        assert shown["__interrupt__"][0].value == {"again": OTHER}
        assert graph.run(asynchronous, Command(resume=EMAIL))["notes"] == [OTHER, EMAIL]
    assert saw == [({"to": OTHER}, EMAIL)] * 3


@pytest.mark.parametrize("asynchronous", [False, True])
def test_runtime_store_writer_and_config(masker: Masker, asynchronous: bool) -> None:
    store = InMemoryStore()
    saw: dict[str, Any] = {}

    @local_node
    def node(
        state: State,
        config: RunnableConfig,
        *,
        runtime: Runtime[None],
        store: BaseStore,
        writer: StreamWriter,
    ) -> dict[str, Any]:
        assert runtime.store is not None
        runtime.store.put(("a",), "k", {"v": state["text"]})
        saw["runtime"] = runtime.store.get(("a",), "k").value
        saw["store"] = store.get(("a",), "k").value
        saw["get_store"] = get_store().get(("a",), "k").value
        runtime.stream_writer(state["text"])
        writer(state["text"])
        get_stream_writer()(state["text"])
        saw["thread"] = config["configurable"]["thread_id"]
        return {}

    async def anode(state: State, runtime: Runtime[None]) -> dict[str, Any]:
        assert runtime.store is not None
        await runtime.store.aput(("a",), "k2", {"v": state["text"]})
        found = await runtime.store.aget(("a",), "k2")
        saw["async"] = found and found.value
        return {}

    graph = Graph(masker, node, store=store)
    custom = list(graph.graph.stream({"text": EMAIL, "notes": []}, thread(), stream_mode="custom"))
    assert custom == [EMAIL] * 3
    value = {"v": EMAIL}
    assert saw == {"runtime": value, "store": value, "get_store": value, "thread": "t"}
    if asynchronous:
        Graph(masker, local_node(anode), store=store).run(asynchronous=True)
        assert saw["async"] == {"v": f"to {EMAIL}"}
    assert masked(store._data)
    assert not holds(store._data)


def test_errors_hold_nothing(masker: Masker) -> None:
    class OddError(Exception):
        pass

    def plain(state: State) -> dict[str, Any]:
        raise ValueError(f"cannot read {state['text']}")

    def odd(state: State) -> dict[str, Any]:
        try:
            raise KeyError(state["text"])
        except KeyError as cause:
            raise OddError(f"odd {state['text']}") from cause

    for node, expected in ((plain, ValueError), (odd, LocalFunctionError)):
        for wrapped, asynchronous in both(node):
            with pytest.raises(expected) as caught:
                Graph(masker, wrapped).run(asynchronous)
            error = caught.value
            assert masked(str(error))
            assert not PATTERN.search(repr([error, error.args, error.__cause__, error.__context__]))
            assert not frames_hold(error)
    assert "OddError in odd (test_node.py:" in str(error)
    assert error.kind == "OddError"


def test_other_kinds_of_state(masker: Masker) -> None:
    class Model(BaseModel):
        text: str
        notes: list[str] = []

    saw: list[Any] = []

    @local_node
    def node(state: Model) -> dict[str, Any]:
        saw.append(state.text)
        return {"notes": [state.text]}

    builder = StateGraph(Model)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    graph = private(builder.compile(), masker)
    assert graph.invoke({"text": EMAIL})["notes"] == [EMAIL]
    assert saw == [EMAIL]


def test_functional_api(masker: Masker) -> None:
    saw: list[Any] = []

    @task
    @local_node
    def work(who: str) -> str:
        saw.append(who)
        return f"did {who} {OTHER}"

    @entrypoint(checkpointer=InMemorySaver())
    def flow(who: str) -> dict[str, str]:
        return {"result": work(who).result()}

    graph = private(flow, masker)
    assert graph.invoke(EMAIL, thread()) == {"result": f"did {EMAIL} {OTHER}"}
    assert saw == [EMAIL]
    assert not holds(list(graph.checkpointer.blobs.items()))


def test_outside_of_a_private_graph(masker: Masker) -> None:
    saw: list[Any] = []

    def node(state: State) -> dict[str, Any]:
        saw.append(state["text"])
        return {"notes": [OTHER]}

    def compiled(wrapped: Any) -> Any:
        builder = StateGraph(State)
        builder.add_node("node", wrapped)
        builder.add_edge(START, "node")
        return builder.compile()

    with pytest.raises(ConfigurationError, match="not private"):
        compiled(local_node(node)).invoke({"text": EMAIL, "notes": []})
    assert not saw
    result = compiled(local_node(node, masker=masker)).invoke(
        {"text": EMAIL, "notes": []}, thread()
    )
    assert masked(result["notes"])
    assert not holds(result["notes"])
