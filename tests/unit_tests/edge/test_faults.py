"""Faults that somebody found by attacking, each with the right result."""

import json
import re
from datetime import date
from typing import Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables.history import RunnableWithMessageHistory
from langchain_core.tools import StructuredTool, tool
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import CachePolicy

from langchain_privacy import (
    EgressGuard,
    Masker,
    MaskingPolicy,
    create_private_agent,
    local_node,
    private,
)
from langchain_privacy.detection import default_detectors
from langchain_privacy.errors import PrivacyError
from tests.support.http import LangSmithServer
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.agents import thread
from tests.unit_tests.edge.conftest import EMAIL, OTHER, EmailDetector, holds, masked


def echo(messages: list[Any]) -> AIMessage:
    return AIMessage(f"I read {' '.join(str(m.content) for m in messages)}")


@pytest.mark.parametrize("kind", ["node", "task"])
def test_a_cached_result_is_the_threads_own(masker: Masker, kind: str) -> None:
    """A hit of another thread would show that thread's placeholder."""
    calls: list[str] = []

    class State(TypedDict):
        text: str
        found: str

    def look_up(text: str) -> str:
        calls.append(text)
        return f"{text} is a customer, as is {OTHER}"

    if kind == "node":
        graph: Any = (
            StateGraph(State)
            .add_node(
                "look_up",
                local_node(lambda state: {"found": look_up(state["text"])}),
                cache_policy=CachePolicy(),
            )
            .add_edge(START, "look_up")
            .compile(cache=InMemoryCache())
        )
    else:
        body: Any = local_node(look_up)
        cached: Any = task(cache_policy=CachePolicy())(body)

        @entrypoint(cache=InMemoryCache())
        def graph(state: Any) -> Any:
            return {"found": cached(state["text"]).result()}

    graph = private(graph, masker)
    for name in ("one", "two", "one"):
        found = graph.invoke({"text": EMAIL}, thread(name))["found"]
        assert found == f"{EMAIL} is a customer, as is {OTHER}"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_history_by_session_id_comes_back(masker: Masker) -> None:
    """`RunnableWithMessageHistory` names its session `session_id`, not `thread_id`."""
    histories: dict[str, InMemoryChatMessageHistory] = {}
    prompt = ChatPromptTemplate.from_messages(
        [MessagesPlaceholder("history"), ("user", "{question}")]
    )
    model = ScriptedChatModel(responses=[echo])
    keys: Any = {"input_messages_key": "question", "history_messages_key": "history"}

    def history(session_id: str) -> InMemoryChatMessageHistory:
        return histories.setdefault(session_id, InMemoryChatMessageHistory())

    chain: Any = private(RunnableWithMessageHistory(prompt | model, history, **keys), masker)
    config = {"configurable": {"session_id": "s1"}}
    first = chain.invoke({"question": f"I am {EMAIL}."}, config)
    second = chain.invoke({"question": "Who am I?"}, config)
    assert EMAIL in first.content
    assert EMAIL in second.content
    assert not masked(second.content)
    assert not holds(model.seen_text, EMAIL)


@pytest.mark.parametrize(
    "block",
    [
        {"type": ["text"], "text": EMAIL},
        {"type": {"a": 1}, "text": EMAIL},
        {"type": "text", "text": [EMAIL]},
        {"type": "text", "text": {"deep": EMAIL}},
        {"type": None, "value": EMAIL},
    ],
    ids=["list type", "dict type", "list text", "dict text", "no type"],
)
def test_content_blocks_of_odd_shapes(masker: Masker, block: dict[str, Any]) -> None:
    session, guard = masker.session(), EgressGuard(masker)
    message = HumanMessage(content=[block])
    assert not holds(session.mask([message]))
    with pytest.raises(PrivacyError) as error:
        guard.examine([message])
    assert not holds(str(error.value))


def test_a_declared_system_prompt_is_the_same_in_every_thread() -> None:
    """What differed by thread could not be answered from a cache, ours or the provider's."""
    prompt = f"You are the front desk of Larkfield Motors. Mail {EMAIL} where you cannot help."
    masker = Masker([EmailDetector()], policy=MaskingPolicy(public=[prompt, EMAIL]))
    model = ScriptedChatModel(responses=["ok"])
    agent = create_private_agent(model, masker=masker, system_prompt=prompt)
    for name in ("t1", "t2"):
        agent.invoke({"messages": [("user", f"I am {OTHER}.")]}, thread(name))
    first, second = (seen["messages"][0]["data"]["content"] for seen in model.seen)
    assert first == second
    assert prompt in first
    assert not holds(model.seen_text, OTHER)


@pytest.mark.parametrize("guarded", [False, True])
def test_other_spellings_in_later_messages_cross_masked_and_come_back(guarded: bool) -> None:
    masker = Masker(default_detectors(presidio=False))
    guard = EgressGuard(masker) if guarded else None
    model = ScriptedChatModel(responses=[lambda messages: AIMessage(messages[-1].content)])
    saver = InMemorySaver()
    agent = create_private_agent(model, masker=masker, guard=guard, checkpointer=saver)
    said = [
        "계좌번호는 110-234-567890, 여권번호는 M12345678, 담당자는 김민수 부장님",
        "110234567890 맞나요? 민수씨, 김 민수, 민수는, M 1234 5678",
        "１１０２３４５６７８９０ (김민수)",
    ]
    for text in said:
        assert agent.invoke({"messages": [text]}, thread("t"))["messages"][-1].content == text
    stored = str([saver.storage, saver.writes, saver.blobs])
    for written in ("110-234", "110234567890", "민수", "1234 5678", "M12345678", "１１０２３４"):
        assert written not in model.seen_text
        assert written not in stored


LATIN = [
    "My name is Adaeze Nnamdi.",
    "Her login is adaeze.nnamdi, Ｎｎａｍｄｉ and NNAMDI are the same.",
    "A. Nnamdi again, or Nnamdi, Adaeze",
]


@pytest.mark.parametrize("guarded", [False, True])
def test_a_login_and_a_full_width_surname_are_the_person(guarded: bool) -> None:
    masker = Masker(default_detectors(presidio=False))
    guard = EgressGuard(masker) if guarded else None
    model = ScriptedChatModel(responses=[lambda messages: AIMessage(messages[-1].content)])
    saver = InMemorySaver()
    agent = create_private_agent(model, masker=masker, guard=guard, checkpointer=saver)
    for text in LATIN:
        assert agent.invoke({"messages": [text]}, thread("t"))["messages"][-1].content == text
    seen = f"{model.seen_text} {saver.storage} {saver.writes} {saver.blobs}".lower()
    for written in ("adaeze", "nnamdi", "ｎｎａｍｄｉ", json.dumps("ｎｎａｍｄｉ")[1:-1]):
        assert written not in seen


RECORD: dict[str, Any] = {
    "이름": "남궁솔",
    "date of birth": date(1987, 3, 14),
    "passport number": "M12345678",
    "account number": "110-234-567890",
    "password": "hunter2!x",
    "mobile": 821012345678,
    "pin": 4921,
}
WRITTEN = ("남궁솔", "1987-03-14", "1987, 3, 14", *map(str, list(RECORD.values())[2:]))


@pytest.mark.parametrize("ours", [False, True], ids=["private(create_agent)", "private agent"])
@pytest.mark.parametrize("how", ["dict", "rows", "text", "JSON", "error", "error with JSON"])
def test_a_record_of_a_tool_reaches_no_wire_trace_or_checkpoint(
    how: str, ours: bool, langsmith_server: LangSmithServer
) -> None:
    """Nobody has seen the values before; only their labels say what they are."""
    said = json.dumps(RECORD, default=str)

    @tool
    def look_up() -> Any:
        """Look the customer up."""
        if how.startswith("error"):
            raise ValueError(said if how == "error with JSON" else str(RECORD))
        given: Any = {"dict": RECORD, "rows": [RECORD], "text": str(RECORD), "JSON": said}
        return given[how]

    call = {"name": "look_up", "args": {}, "id": "1"}
    answer = AIMessage("", tool_calls=[call])
    model, saver = ScriptedChatModel(responses=[answer, echo]), InMemorySaver()
    masker = Masker(default_detectors(presidio=False))
    more: Any = {"checkpointer": saver}
    if ours:
        agent = create_private_agent(model, [look_up], masker=masker, **more)
    else:
        agent = private(create_agent(model, [look_up], **more), masker)
    try:
        shown = agent.invoke({"messages": ["Please look"]}, thread("t"))["messages"][-1].content
        assert "남궁솔" in shown or "uae40" not in shown
    except ValueError as error:
        assert how.startswith("error")
        assert not [value for value in WRITTEN if value in f"{error} {error!r}"]
    langsmith_server.flush()
    wire = langsmith_server.wire.decode("utf-8", "replace")
    kept = f"{wire} {model.seen_text} {saver.storage} {saver.writes} {saver.blobs}"
    assert "look_up" in wire
    for value in WRITTEN:
        for written in (value, json.dumps(value)[1:-1], json.dumps(json.dumps(value)[1:-1])[1:-1]):
            # LangSmith's clock and ids hold four digits in longer numbers
            pin = len(written) < 6 and written.isdigit()
            found = re.search(rf"(?<![\w-]){written}(?![\w-])" if pin else re.escape(written), kept)
            assert found is None, written


ORDINARY = "jira_create_issue asana_task figma_export kibana opsgenie ask_alice crm_en_dict"
PEOPLE = "ask_claude transfer_to_sarah adam_optimizer bert_score alexa_say"


@pytest.mark.parametrize("name", f"{ORDINARY} {PEOPLE}".split())
def test_names_of_tools_are_taken_as_they_are(name: str) -> None:
    masker = Masker()
    act = StructuredTool.from_function(lambda: f"for {EMAIL}", name=name, description="Act.")
    call = AIMessage("", tool_calls=[{"name": name, "args": {}, "id": "1"}])
    model = ScriptedChatModel(responses=[call, echo])
    agent = create_private_agent(model, [act], masker=masker, guard=EgressGuard(masker))
    answer = agent.invoke({"messages": ["Please act"]})["messages"][-1]
    assert f"for {EMAIL}" in answer.content
    assert [t["function"]["name"] for t in model.seen[0]["kwargs"]["tools"]] == [name]
    assert not holds(model.seen_text, EMAIL)
