"""More than one question: follow-ups in a thread, and questions that an agent asks."""

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver

from langchain_privacy import (
    Masker,
    create_minion_graph,
    create_minions_graph,
    create_private_agent,
)
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.minions import documents_tool
from tests.unit_tests.minions.record import EMAIL, NURSE, RECORD, TASK, leaks, pick, plan, scripted


@pytest.mark.parametrize("create", [create_minion_graph, create_minions_graph])
def test_a_follow_up_needs_neither_documents_nor_its_own_subject(create: Any) -> None:
    def understand(messages: list[BaseMessage]) -> str:
        text = str(messages[-1].content)
        assert "Whom does [EMAIL_" in text  # the question before, masked
        return plan("lab fee", question="How much is the lab fee?")

    remote = scripted(plan("refills"), pick("refills"), understand, pick("35.50"))
    graph = create(None, remote, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    graph.invoke({"task": TASK, "documents": [RECORD]}, config)
    out = graph.invoke({"task": "And the lab fee?"}, config)
    assert "35.50" in out["answer"]
    assert not leaks(remote.seen_text)
    assert "(How much is the lab fee?)" in json.dumps(remote.seen[-1])


def test_a_thread_without_documents_says_what_to_pass() -> None:
    with pytest.raises(ConfigurationError, match="at least one document"):
        create_minion_graph(None, None).invoke({"task": "And the deposit?"})


def test_a_minion_is_a_tool_of_a_private_agent() -> None:
    masker = Masker()
    reader = scripted(plan("refills"), pick("refills"))
    tool = documents_tool(create_minion_graph(None, reader, masker=masker), [RECORD])
    asked = {
        "name": tool.name,
        "args": {"question": f"Whom does {EMAIL} ask for refills?"},
        "id": "1",
    }

    def call(messages: list[BaseMessage]) -> AIMessage:
        placeholder = str(messages[-1].content).split()[-1].rstrip("?")
        args = {"question": f"Whom does {placeholder} ask for refills?"}
        return AIMessage("", tool_calls=[{**asked, "args": args}])

    def answer(messages: list[BaseMessage]) -> str:
        assert isinstance(messages[-1], ToolMessage)
        return str(messages[-1].content).splitlines()[0]

    model = scripted(call, answer)
    agent = create_private_agent(model, [tool], masker=masker)
    out = agent.invoke(
        {"messages": [("user", f"Who refills the inhaler of {EMAIL}")]},
        {"configurable": {"thread_id": "7"}},
    )
    assert NURSE in out["messages"][-1].content
    assert len(model.seen) == 2
    assert not leaks(model.seen_text)
    assert not leaks(reader.seen_text)
    assert "refills" in reader.seen_text
