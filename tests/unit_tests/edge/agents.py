"""The agent that the tests make private, its scripted model and what its tools saw."""

from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import BaseTool, tool

from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.conftest import EMAIL, OTHER, PATTERN, PLACEHOLDER


def mentioned(messages: list[BaseMessage]) -> list[str]:
    """The addresses or placeholders in the conversation, in order of appearance."""
    texts = " ".join(str(m.content) for m in messages if m.type != "system")
    return [
        found[0]
        for found in sorted(
            [*PLACEHOLDER.finditer(texts), *PATTERN.finditer(texts)], key=lambda m: m.start()
        )
    ]


def calls_then_answers(messages: list[BaseMessage]) -> AIMessage:
    """Mail the first address that was mentioned, then tell the person about it."""
    who = mentioned(messages)
    if isinstance(messages[-1], ToolMessage):
        return AIMessage(f"Done. I mailed {who[0]} and cc {who[-1]}; bye.")
    call = {"name": "send_mail", "args": {"to": who[0] if who else "?"}, "id": "c1"}
    return AIMessage("", tool_calls=[call])


def scripted(*responses: Any) -> ScriptedChatModel:
    return ScriptedChatModel(responses=list(responses) or [calls_then_answers])


def mail_tool(saw: list[str]) -> BaseTool:
    @tool
    def send_mail(to: str) -> str:
        """Send a mail."""
        saw.append(to)
        return f"sent to {to}; cc {OTHER}"

    return send_mail


def asked() -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"Mail {EMAIL} now"}]}


def thread(name: str = "t") -> dict[str, Any]:
    return {"configurable": {"thread_id": name}}


SAID = f"Done. I mailed {EMAIL} and cc {OTHER}; bye."
