"""Which session code belongs to, also where the context was lost."""

import threading
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from langchain_privacy import Masker, private
from langchain_privacy.edge.run import is_local, is_recorded, local_scope, session_of
from tests.unit_tests.edge.agents import thread
from tests.unit_tests.edge.conftest import EMAIL


def test_a_thread_without_the_context(masker: Masker) -> None:
    """A node that works in a thread of its own finds its session by the config."""
    found: list[Any] = []

    def node(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
        def work() -> None:
            session = session_of(masker, config)
            found.append(session.restore(state["messages"][0].content))
            found.append(session_of(masker).restore(state["messages"][0].content))

        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
        return {}

    builder = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    graph = private(builder.compile(checkpointer=InMemorySaver()), masker)
    graph.invoke({"messages": [EMAIL]}, {"configurable": {"thread_id": "t", "tenant": "acme"}})
    assert found[0] == EMAIL
    assert found[1] != EMAIL  # nothing to find it by: an ephemeral session, nothing restored


def test_where_code_runs(masker: Masker) -> None:
    seen: list[tuple[bool, bool]] = []

    def look(*_: Any) -> dict[str, Any]:
        seen.append((is_recorded(), is_local()))
        return {}

    def node(state: MessagesState) -> dict[str, Any]:
        look()
        with local_scope():
            look()
            inner.invoke({"messages": ["x"]}, thread("own"))
            look()
        return look()

    def graph(action: Any) -> Any:
        builder = StateGraph(MessagesState)
        builder.add_node("node", action)
        builder.add_edge(START, "node")
        return private(builder.compile(checkpointer=InMemorySaver()), masker)

    inner = graph(look)
    look()
    with local_scope():
        look()
    graph(node).invoke({"messages": ["x"]}, thread())
    recorded, local, plain = (True, False), (False, True), (False, False)
    assert seen == [plain, local, recorded, local, recorded, local, recorded]
