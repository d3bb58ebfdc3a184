"""Deep agents: the main agent, the general-purpose subagent and every other one."""

import asyncio
from typing import Any

import pytest
from deepagents.backends import StateBackend
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver

from langchain_privacy import EgressGuard, Masker
from langchain_privacy.edge.agents import private_deep_agent
from langchain_privacy.errors import ConfigurationError
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.agents import asked, mail_tool, mentioned, thread
from tests.unit_tests.edge.conftest import EMAIL, OTHER, holds, masked


def works(subagent: str) -> Any:
    """Plays the main agent, who hands the task on, and the subagent, who mails."""

    def respond(messages: Any) -> AIMessage:
        who = mentioned(messages)
        last = messages[-1]
        first = next(m for m in messages if m.type == "human")
        if str(first.content).startswith("SUB"):
            if isinstance(last, ToolMessage):
                return AIMessage("subagent done: " + " ".join(who))
            call = {"name": "send_mail", "args": {"to": who[0]}, "id": "s1"}
        elif isinstance(last, ToolMessage) and last.name == "task":
            args = {"file_path": "/notes.md", "content": f"mailed {who[0]}"}
            call = {"name": "write_file", "args": args, "id": "w1"}
        elif isinstance(last, ToolMessage):
            return AIMessage("main done: " + " ".join(who))
        else:
            args = {"description": f"SUB mail {who[0]}", "subagent_type": subagent}
            call = {"name": "task", "args": args, "id": "m1"}
        return AIMessage("", tool_calls=[call])

    return respond


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("subagent", ["general-purpose", "mailer"])
def test_nobody_sees_a_value(masker: Masker, subagent: str, asynchronous: bool) -> None:
    saw: list[str] = []
    saver = InMemorySaver()
    model = ScriptedChatModel(responses=[works(subagent)])
    guard = EgressGuard(masker)
    mailer = {"name": "mailer", "description": "mails", "system_prompt": f"You act for {OTHER}"}
    agent = private_deep_agent(
        model,
        [mail_tool(saw)],
        masker=masker,
        guard=guard,
        subagents=[mailer],
        system_prompt=f"You act for {OTHER}",
        checkpointer=saver,
        backend=StateBackend(),
    )
    if asynchronous:
        result = asyncio.run(agent.ainvoke(asked(), thread()))
    else:
        result = agent.invoke(asked(), thread())
    assert saw == [EMAIL]
    assert result["messages"][-1].content.startswith(f"main done: {EMAIL}")
    assert not masked(result["messages"])
    assert EMAIL in str(result["files"])
    assert masked(model.seen_text)
    assert not holds(model.seen_text)
    assert not holds([*saver.storage.items(), *saver.blobs.items()])
    assert len(guard.ledger.crossings()) == len(model.seen)


def test_a_compiled_subagent_must_be_private(masker: Masker) -> None:
    from langchain.agents import create_agent

    spec = {
        "name": "x",
        "description": "x",
        "runnable": create_agent(ScriptedChatModel(responses=["x"])),
    }
    with pytest.raises(ConfigurationError, match="not private"):
        private_deep_agent(ScriptedChatModel(responses=["x"]), masker=masker, subagents=[spec])
