"""Plain tools, retrievers and subgraphs inside a graph are made private by `private()`."""

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from langchain_privacy import (
    EgressGuard,
    Masker,
    MaskingPolicy,
    PrivacyMiddleware,
    ToolPolicy,
    private,
)
from tests.support.scripted import ScriptedChatModel

SECRETS = ("Jane Holloway", "010-3847-2915", "서울특별시 강남구 테헤란로 152")


@tool
def crm(customer: str) -> str:
    """Look up a customer."""
    return f"Customer {customer}: {', '.join(SECRETS)}"


def scripted() -> ScriptedChatModel:
    call = {"name": "crm", "args": {"customer": "C-17"}, "id": "call_1"}
    return ScriptedChatModel(
        responses=[AIMessage("", tool_calls=[call]), lambda m: f"Found: {m[-1].content}"]
    )


def masker() -> Masker:
    return Masker(policy=MaskingPolicy(private={"PERSON": ["Jane Holloway"]}))


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_a_plain_tool_of_an_agent_is_masked_in_state_and_on_the_wire(
    guarded: bool, nested: bool
) -> None:
    m, model, saver = masker(), scripted(), InMemorySaver()
    agent: Any = create_agent(model, [crm])
    if nested:
        builder = StateGraph(MessagesState)
        builder.add_node("agent", agent)
        builder.add_edge(START, "agent")
        agent = builder.compile()
    agent.checkpointer = saver
    graph = private(agent, m, guard=EgressGuard(m) if guarded else None)
    config: Any = {"configurable": {"thread_id": "t"}}
    answer = graph.invoke({"messages": [HumanMessage("Who is it?")]}, config)
    assert all(secret in answer["messages"][-1].content for secret in SECRETS)
    seen = model.seen_text + str([saver.get_tuple(c.config) for c in saver.list(None)])
    assert not [secret for secret in SECRETS if secret in seen]
    assert "Jane Holloway" in crm.invoke({"customer": "x"})  # the tool itself is not changed


def test_the_policy_of_a_middleware_further_in_holds() -> None:
    given: list[str] = []

    @tool
    def look_up(person: str) -> str:
        """Look somebody up."""
        given.append(person)
        return "found"

    def call(messages: list[Any]) -> AIMessage:
        person = messages[-1].content.removeprefix("This is ")
        calls = [{"name": "look_up", "args": {"person": person}, "id": "call_1"}]
        return AIMessage("", tool_calls=calls)

    m = masker()
    middleware = PrivacyMiddleware(m, tools=ToolPolicy(local={"look_up"}))
    agent = create_agent(
        ScriptedChatModel(responses=[call, "done"]), [look_up], middleware=[middleware]
    )
    private(agent, m).invoke({"messages": [HumanMessage("This is Jane Holloway")]})
    assert given == ["Jane Holloway"]


class Files(BaseRetriever):
    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [Document(f"{query}: {SECRETS[0]}")]


def test_a_retriever_that_is_a_node_is_masked() -> None:
    m = masker()
    builder: Any = StateGraph(dict)
    builder.add_node("ask", lambda state: state["query"])
    graph = builder.add_node("files", (lambda s: s["query"]) | Files() | (lambda d: {"found": d}))
    builder.add_edge(START, "files")
    compiled = graph.compile()
    seen: list[Any] = []
    for part in private(compiled, m).stream({"query": "who"}, stream_mode="debug"):
        seen.append(part)
    result = private(compiled, m).invoke({"query": "who"})
    assert SECRETS[0] in result["found"][0].page_content
