"""Odd state, batches and stacks of middleware, and every place where a value could stay."""

import asyncio
import dataclasses
import datetime as dt
import decimal
import operator
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents.middleware import (
    ContextEditingMiddleware,
    LLMToolSelectorMiddleware,
    PIIMiddleware,
    TodoListMiddleware,
)
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
)
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.types import Send
from pydantic import BaseModel

from langchain_privacy import local_node, private
from tests.unit_tests.edge.conftest import EMAIL, OTHER
from tests.unit_tests.edge.everything import (
    ASKED,
    NAME,
    NUMBER,
    SECRET,
    Everything,
    call,
    cfg,
    clean,
    last,
)


class Point(BaseModel):
    who: str = NAME
    phone: int = NUMBER
    when: dt.date = dt.date(1990, 1, 1)


@dataclasses.dataclass
class Data:
    who: str
    many: set[str]


class Odd(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    point: Any
    items: Annotated[list[Any], operator.add]


def test_a_graph_with_odd_state_send_and_subgraphs(world: Everything) -> None:
    model = world.model(last)

    def worker(state: Any) -> dict[str, Any]:
        return {"items": [state["item"]]}

    @local_node
    def local(state: Odd) -> dict[str, Any]:
        assert state["point"]["p"].who == NAME
        return {"items": [{NAME: NUMBER}], "messages": [AIMessage(f"{SECRET}")]}

    def fan(state: Odd) -> list[Send]:
        return [Send("worker", {"item": item}) for item in state["items"]]

    def remote(state: Odd) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    inner = StateGraph(Odd)
    inner.add_node("local", local)
    inner.add_node("remote", remote)
    inner.add_edge(START, "local")
    inner.add_edge("local", "remote")
    inner.add_edge("remote", END)
    outer = StateGraph(Odd)
    outer.add_node("inner", inner.compile(checkpointer=True))
    outer.add_node("worker", worker)
    outer.add_edge(START, "inner")
    outer.add_conditional_edges("inner", fan, ["worker"])
    graph = private(outer.compile(checkpointer=world.saver), world.masker)
    given = {
        "messages": [HumanMessage(NAME)],
        "point": {"p": Point(), "d": Data(NAME, {EMAIL}), "t": (NAME, decimal.Decimal("12.50"))},
        "items": [
            {EMAIL: [NAME]},
            NUMBER,
            dt.datetime(1990, 1, 1, tzinfo=dt.UTC),
            decimal.Decimal(NUMBER),
        ],
    }
    modes = ["values", "updates", "messages", "custom", "tasks", "debug", "checkpoints"]
    for at, (sub, mode) in enumerate([(True, modes), (False, "values"), (True, "messages")]):
        parts = list(graph.stream(given, cfg(f"a{at}"), stream_mode=mode, subgraphs=sub))
        clean(parts)
    state = graph.invoke(given, cfg("z"))
    clean(state)
    assert state["point"]["p"] == Point()
    assert state["point"]["d"] == Data(NAME, {EMAIL})
    assert NUMBER in state["items"]
    assert decimal.Decimal(NUMBER) in state["items"]
    for version in ("v1", "v2"):
        clean(asyncio.run(_events(graph, given, version)))
    clean(list(graph.stream_events(given, cfg("v3"), version="v3")))


async def _events(graph: Any, given: Any, version: str) -> list[Any]:
    config = {"configurable": {"thread_id": version}}
    # SqliteSaver has no async methods: without a checkpointer
    plain = graph.copy({"checkpointer": None})
    return [e async for e in plain.astream_events(given, config, version=version)]


async def test_batches(world: Everything) -> None:
    def maybe(messages: list[Any]) -> str:
        if "fail" in messages[-1].text:
            raise ValueError(f"cannot {messages[-1].text}")
        return last(messages)

    agent = world.agent([], maybe, checkpointer=None)
    good, bad = ASKED, {"messages": [HumanMessage(f"fail {NAME}")]}
    results = agent.batch([good, bad, good], return_exceptions=True)
    clean([results[0], results[2]])
    assert isinstance(results[1], ValueError)
    done = [r async for r in agent.abatch_as_completed([good, bad], return_exceptions=True)]
    assert {type(r) for _, r in done} == {dict, ValueError}
    clean([r for r in done if isinstance(r[1], dict)])
    clean(list(agent.batch_as_completed([good, good])))
    clean(await agent.abatch([good, good]))


@pytest.mark.parametrize(
    "make",
    [
        lambda w: [TodoListMiddleware()],
        lambda w: [ContextEditingMiddleware()],
        lambda w: [PIIMiddleware("email", strategy="hash", apply_to_input=True)],
        lambda w: [
            LLMToolSelectorMiddleware(
                model=w.model(call("ToolSelectionResponse", tools=["look"])),
                always_include=["look"],
            )
        ],
    ],
)
def test_stacked_middleware(world: Everything, make: Callable[[Everything], list[Any]]) -> None:
    @tool
    def look(q: str) -> str:
        """Look."""
        return f"found {q} {OTHER}"

    def looks(messages: list[Any]) -> AIMessage:
        return call("look", q=messages[-1].text)

    agent = world.agent([look], looks, last, middleware=make(world))
    clean(agent.invoke(ASKED, cfg())["messages"])
