"""A graph that leaks in one channel when it is told to, and its private twin."""

import logging
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from langchain_privacy import Masker, local_node, private
from langchain_privacy.detection import DictionaryDetector
from langchain_privacy.testing import PrivacyProbe

NAME, EMAIL, RRN = "Ottilie Fenwickson", "desk7@corp.example", "871101-1234562"
KOREAN = "박서진"
VALUES = {"PERSON": [NAME, KOREAN], "EMAIL": [EMAIL], "KR_RRN": [RRN]}
ASKED = {"messages": [HumanMessage(f"Write to {NAME}, {EMAIL}, {RRN}, {KOREAN}")]}
SAID = f"Write to {NAME}, {EMAIL}, {RRN}, {KOREAN}"

logger = logging.getLogger("app")


def thread(name: str = "t") -> dict[str, Any]:
    return {"configurable": {"thread_id": name}}


def masker() -> Masker:
    return Masker([DictionaryDetector(VALUES)])


def plain(model: Any, **compiled: Any) -> Any:
    """A graph that asks the model what it was asked."""

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    async def aask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState).add_node("ask", RunnableLambda(ask, aask))
    return builder.add_edge(START, "ask").add_edge("ask", END).compile(**compiled)


def private_app(model: Any, **compiled: Any) -> Any:
    return private(plain(model, **compiled), masker())


def with_local(leak: Callable[[], object]) -> Any:
    """A private graph whose local node does something that it should not."""

    @local_node
    def work(state: MessagesState) -> dict[str, Any]:
        leak()
        return {"messages": [AIMessage("done")]}

    builder = StateGraph(MessagesState).add_node("work", work)
    return private(builder.add_edge(START, "work").add_edge("work", END).compile(), masker())


def into_log() -> None:
    logger.debug("working for %s", EMAIL)


def into_stdout() -> None:
    print("working for", EMAIL)


def into_stderr() -> None:
    print("working for", EMAIL, file=sys.stderr)


def into_file() -> None:
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(f"working for {EMAIL}")


def failing(state: Any) -> Any:
    error = ValueError(f"cannot work for {EMAIL}")
    error.add_note(f"nor for {NAME}")
    raise RuntimeError("no") from error


def into_store() -> Any:
    def keep(state: MessagesState, *, store: BaseStore) -> dict[str, Any]:
        store.put(("people",), "1", {"text": state["messages"][-1].content})
        return {}

    builder = StateGraph(MessagesState).add_node("keep", keep).add_edge(START, "keep")
    return builder.compile(store=InMemoryStore())


def into_checkpoint() -> Any:
    builder = StateGraph(MessagesState).add_node("pass", lambda _: {}).add_edge(START, "pass")
    return builder.compile(checkpointer=InMemorySaver())


def run(probe: PrivacyProbe, app: Runnable[Any, Any]) -> Any:
    return probe.invoke(app, ASKED, thread())
