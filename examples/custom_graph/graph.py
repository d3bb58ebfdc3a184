"""A graph of one's own with five nodes: two local, one remote, one tool, one router.

    ticket ─► file (local) ─► draft (remote) ─► route ─┬─► mail (tool) ─► archive (local)
                                                       └─► archive

The two local nodes and the tool work on real values; the remote node, the router, the state and
every checkpoint hold placeholders.
"""

import os
from typing import Annotated, Any, Literal, TypedDict

from langchain.chat_models import init_chat_model
from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph, add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import Command
from stand_in import CloudModel

from langchain_privacy import Masker, local_node, private
from langchain_privacy.edge import private_tool

CUSTOMERS = {"lee.park@contoso.example": "+82 10-2345-6789"}
OUTBOX: list[str] = []
ARCHIVE: list[str] = []


class Ticket(TypedDict):
    ticket: str
    sender: str
    phone: str
    messages: Annotated[list[AnyMessage], add_messages]


@local_node
def file(state: Ticket) -> dict:
    """Local: find the customer in our own records, by the real address."""
    sender = state["ticket"].rsplit(" ", 1)[1]
    return {"sender": sender, "phone": CUSTOMERS[sender]}


def draft(state: Ticket) -> dict:
    """Remote: this node sees what the state holds, which is masked."""
    prompt = f"{state['ticket']} | sender: {state['sender']}, phone: {state['phone']}"
    return {"messages": [remote.bind_tools([send]).invoke([HumanMessage(prompt)])]}


def route(state: Ticket) -> Command[Literal["mail", "archive"]]:
    """Router: what it decides by is not private."""
    return Command(goto="mail" if state["messages"][-1].tool_calls else "archive")


@tool
def send(to: str, text: str) -> str:
    """Send a mail through our own server."""
    OUTBOX.append(f"to {to}: {text}")
    return f"sent to {to}"


@local_node
def archive(state: Ticket) -> dict:
    """Local: keep the ticket as it was, with what we did."""
    ARCHIVE.append(f"{state['ticket']} -> {state['messages'][-1].text}")
    return {}


name = os.environ.get("REMOTE_MODEL")  # for example openai:gpt-4o
remote: Any = init_chat_model(name) if name else CloudModel()
masker = Masker()
builder = StateGraph(Ticket)
builder.add_node("file", file)
builder.add_node("draft", draft)
builder.add_node("route", route)
builder.add_node("mail", ToolNode([private_tool(send, masker)]))
builder.add_node("archive", archive)
builder.add_edge(START, "file")
builder.add_edge("file", "draft")
builder.add_edge("draft", "route")
builder.add_edge("mail", "archive")
graph = private(builder.compile(), masker)  # a server brings its own checkpointer


def main() -> None:
    thread = {"configurable": {"thread_id": "ticket-1"}}
    ticket = "urgent: the door is stuck. lee.park@contoso.example"
    print(f"the customer writes     {ticket}")
    kept = private(builder.compile(checkpointer=InMemorySaver()), masker)
    result = kept.invoke({"ticket": ticket}, thread)
    print(f"our mail server sent    {OUTBOX[-1]}")
    print(f"our archive holds       {ARCHIVE[-1]}")
    print(f"the caller gets         sender={result['sender']} phone={result['phone']}")
    print(f"the checkpoint holds    sender={kept.get_state(thread).values['sender']}")
    assert "to lee.park@contoso.example: " in OUTBOX[-1]
    assert "lee.park" not in str(kept.get_state(thread).values)


if __name__ == "__main__":
    main()
