"""Plain tools, retrievers, templates and subgraphs are made private by `private()`."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate, FewShotPromptTemplate, PromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from langchain_privacy import (
    EgressGuard,
    Masker,
    MaskingPolicy,
    PrivacyMiddleware,
    ToolPolicy,
    local_node,
    private,
)
from langchain_privacy.edge import private_tool
from langchain_privacy.edge.retrieval import PrivateRetriever
from tests.support.http import LangSmithServer
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


def test_a_retriever_that_is_a_node_is_masked(langsmith_server: LangSmithServer) -> None:
    m, saver = masker(), InMemorySaver()
    builder: Any = StateGraph(dict)
    builder.add_node("files", (lambda s: s["query"]) | Files() | (lambda d: {"found": d}))
    builder.add_edge(START, "files")
    graph = private(builder.compile(checkpointer=saver), m)
    config: Any = {"configurable": {"thread_id": "t"}}
    result = graph.invoke({"query": "who"}, config)
    assert SECRETS[0] in result["found"][0].page_content
    langsmith_server.flush()
    kept = str([saver.storage, saver.writes, saver.blobs]) + langsmith_server.wire.decode()
    assert "[PERSON_" in kept
    assert SECRETS[0] not in kept


# ---- Chains: what a step adds was never seen by the edge

TEXT = f"On file: {', '.join(SECRETS)}."
QUOTING = ChatPromptTemplate([("system", TEXT), ("user", "{q}")])
CONTEXT = ChatPromptTemplate([("system", "{context}"), ("user", "{q}")])
CHAINS: dict[str, Callable[[Any], Any]] = {
    "template": lambda model: QUOTING | model,
    "template of texts": lambda model: PromptTemplate.from_template(TEXT + " {q}") | model,
    "partial": lambda model: CONTEXT.partial(context=TEXT) | model,
    "examples": lambda model: (
        FewShotPromptTemplate(
            examples=[{"a": TEXT}],
            example_prompt=PromptTemplate.from_template("{a}"),
            suffix="{q}",
            input_variables=["q"],
        )
        | model
    ),
    "retriever": lambda model: (
        {"context": (lambda x: x["q"]) | Files() | str, "q": lambda x: x["q"]} | CONTEXT | model
    ),
    "assigned retriever": lambda model: (
        RunnablePassthrough.assign(context=(lambda x: x["q"]) | Files()) | CONTEXT | model
    ),
    "tool": lambda model: (lambda x: {"customer": x["q"]}) | crm | model,
}
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "function": lambda model: RunnableLambda(lambda _: TEXT) | model,
    "assigned": lambda model: RunnablePassthrough.assign(context=lambda _: TEXT) | CONTEXT | model,
}


@pytest.mark.parametrize("kind", [*CHAINS, *FUNCTIONS])
@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream"])
async def test_what_a_step_of_a_chain_adds_crosses_masked(
    kind: str, how: str, langsmith_server: LangSmithServer
) -> None:
    model = ScriptedChatModel(responses=[lambda m: f"I read: {[x.content for x in m]}"])
    chain: Any = private({**CHAINS, **FUNCTIONS}[kind](model), masker())
    if how == "invoke":
        said = chain.invoke({"q": "who"}).text
    elif how == "ainvoke":
        said = (await chain.ainvoke({"q": "who"})).text
    elif how == "stream":
        said = "".join(piece.text for piece in chain.stream({"q": "who"}))
    else:
        said = "".join([piece.text async for piece in chain.astream({"q": "who"})])
    assert SECRETS[0] in said
    assert "[PERSON_" in model.seen_text
    assert not [secret for secret in SECRETS if secret in model.seen_text]
    if kind in CHAINS:  # what a plain function returns is recorded as it is
        langsmith_server.flush()
        wire = langsmith_server.wire.decode()
        assert "[PERSON_" in wire
        assert not [s for s in SECRETS if s in wire or json.dumps(s)[1:-1] in wire]


def test_a_model_of_texts_is_asked_masked() -> None:
    asked: list[str] = []

    class Echo(FakeListLLM):
        def _call(self, prompt: str, *args: Any, **kwargs: Any) -> str:
            asked.append(prompt)
            return prompt

    model: Any = Echo(responses=[])
    m = masker()
    for given in (TEXT, [HumanMessage(TEXT)]):
        chain = private(RunnableLambda({"x": given}.__getitem__) | model, m)
        assert TEXT in chain.invoke("x")
    chain = private(PromptTemplate.from_template(TEXT) | model, m)
    assert chain.invoke({}) == TEXT
    assert not [secret for secret in SECRETS if secret in str(asked)]


def test_public_words_of_a_template_stay() -> None:
    model = ScriptedChatModel(responses=["ok"])
    words = "Mail ops@larkfield.example."
    policy = MaskingPolicy(private={"PERSON": ["Jane Holloway"]}, public=[words])
    prompt = ChatPromptTemplate([("system", words), ("user", "{q}")])
    private(prompt | model, Masker(policy=policy)).invoke({"q": "I am Jane Holloway"})
    assert words in model.seen_text
    assert "Jane Holloway" not in model.seen_text


def test_retrievers_and_tools_of_a_chain_are_asked_with_placeholders() -> None:
    asked: list[str] = []

    class Remote(Files):
        def _get_relevant_documents(self, query: str, **_: Any) -> list[Document]:
            asked.append(query)
            return []

    @tool
    def post(text: str) -> str:
        """Post."""
        asked.append(text)
        return text

    m = masker()
    steps: list[Any] = [Remote(), post, PrivateRetriever(Remote(), m), private_tool(post, m)]
    for step in steps:
        private(RunnableLambda(str) | step, m).invoke(f"I am {SECRETS[0]}")
    assert [SECRETS[0] in text for text in asked] == [False, False, True, True]


class Desk:
    """An app's object whose method is a node."""

    def __init__(self, model: Any) -> None:
        self.model = model.bind(stop=["x"])

    def answer(self, state: MessagesState) -> dict[str, Any]:
        return {"messages": [self.model.invoke(state["messages"])]}


def _of(**nodes: Any) -> Any:
    graph = StateGraph(MessagesState)
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(START, name)
    return graph.compile()


def test_what_functions_call_by_themselves_is_named_in_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    m, model = masker(), ScriptedChatModel(responses=["ok"])
    tools = {"crm": crm}

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    async def look_up(state: MessagesState) -> dict[str, Any]:
        return {"messages": [("user", await tools["crm"].ainvoke({"customer": "7"}))]}

    inner = _of(desk=Desk(model).answer)
    chain: Any = RunnableLambda(ask)
    graph = _of(ask=ask, look_up=look_up, inner=inner, chain=chain | model)
    private(graph, m)
    (record,) = caplog.records
    assert (
        "themselves: ScriptedChatModel in node 'ask', ScriptedChatModel in node 'chain', "
        "ScriptedChatModel in node 'inner', StructuredTool in node 'look_up'."
    ) in record.message


def test_what_is_wrapped_local_or_of_a_framework_is_not_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    m, plain = masker(), scripted()
    model, tool = EgressGuard(m).wrap(plain), private_tool(crm, m)

    def ask(state: MessagesState) -> dict[str, Any]:
        tool.invoke({"customer": "7"})
        return {"messages": [model.invoke(state["messages"])]}

    @local_node(masker=m)
    def here(state: MessagesState) -> dict[str, Any]:
        return {"messages": [plain.invoke(state["messages"])]}

    private(_of(ask=ask, here=here, agent=create_agent(plain, [crm])), m)
    assert not caplog.records

    def unwrapped(state: MessagesState) -> dict[str, Any]:
        return {"messages": [plain.invoke(state["messages"])]}

    private(_of(unwrapped=unwrapped), m, guard=EgressGuard(m))
    assert not caplog.records


def test_a_function_may_hold_what_has_no_value_yet() -> None:
    def node(state: MessagesState) -> dict[str, Any]:
        return later(state)

    graph = private(_of(node=node), masker())

    def later(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("ok")]}

    assert graph.invoke({"messages": ["hi"]})["messages"][-1].content == "ok"
