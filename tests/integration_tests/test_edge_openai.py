"""The matrix over real HTTP: ChatOpenAI, a recording server, LangSmith's real client."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite import SqliteSaver
from pydantic import BaseModel, EmailStr

from langchain_privacy import EgressGuard, Masker, create_private_agent
from tests.support.http import LangSmithServer, OpenAIServer, RecordingServer, Reply
from tests.unit_tests.edge.agents import SAID, asked, mail_tool, thread
from tests.unit_tests.edge.conftest import EMAIL, OTHER, PATTERN, PLACEHOLDER, EmailDetector, holds


class Contact(BaseModel):
    email: EmailStr


def answer(request: dict[str, Any]) -> Any:
    """Mail the first address, then report; a structured answer where one is asked for."""
    texts = " ".join(str(m.get("content")) for m in request["messages"] if m["role"] != "system")
    who = PLACEHOLDER.findall(texts) + PATTERN.findall(texts)
    names = [t["function"]["name"] for t in request.get("tools", [])]
    if "response_format" in request:
        return json.dumps({"email": who[0]})
    if "Contact" in names:
        return called("Contact", {"email": who[0]})
    if request["messages"][-1]["role"] == "tool":
        return f"Done. I mailed {who[0]} and cc {who[-1]}; bye."
    return called("send_mail", {"to": who[0]})


def called(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"tool_calls": [{"id": "c1", "type": "function", "function": function}]}


@pytest.fixture
def masker() -> Masker:
    return Masker([EmailDetector()])


def chat(server: OpenAIServer) -> ChatOpenAI:
    return ChatOpenAI(model="scripted", base_url=server.base_url, api_key="none", max_retries=0)


def test_matrix(masker: Masker, langsmith_server: LangSmithServer, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "c.sqlite", check_same_thread=False)
    guard = EgressGuard(masker)
    saw: list[str] = []
    with OpenAIServer(answer) as server:
        agent = create_private_agent(
            chat(server),
            [mail_tool(saw)],
            masker=masker,
            guard=guard,
            checkpointer=SqliteSaver(connection),
        )
        assert agent.invoke(asked(), thread("a"))["messages"][-1].content == SAID
        parts = list(agent.stream(asked(), thread("b"), stream_mode=["messages", "values"]))
        chunks = [d[0] for m, d in parts if m == "messages" and isinstance(d[0], AIMessageChunk)]
        assert "".join(str(c.content) for c in chunks) == SAID
        pieces = [c["args"] or "" for m in chunks for c in m.tool_call_chunks]
        assert json.loads("".join(pieces)) == {"to": EMAIL}
        assert not PLACEHOLDER.search(repr(parts))
        run = agent.stream_events(asked(), thread("c"), version="v3")
        assert "".join(d for message in run.messages for d in message.text) == SAID
        connection.commit()

        async def asynchronous() -> list[str]:
            agent = create_private_agent(chat(server), [mail_tool(saw)], masker=masker)
            said = [(await agent.ainvoke(asked()))["messages"][-1].content]
            stream = agent.astream(asked(), stream_mode="messages")
            texts = [str(m.content) async for m, _ in stream if isinstance(m, AIMessageChunk)]
            return [*said, "".join(texts)]

        assert asyncio.run(asynchronous()) == [SAID, SAID]
        wire = server.wire.decode()
    connection.close()
    langsmith_server.flush()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode("latin-1")
    traced = langsmith_server.wire.decode("utf-8", "replace")
    assert saw == [EMAIL] * 5
    for surface in (wire, written, traced):
        assert PLACEHOLDER.search(surface)
        assert not holds(surface)
    assert len(guard.ledger.crossings()) == 6
    assert OTHER not in wire


@pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy])
def test_structured(masker: Masker, strategy: Any) -> None:
    with OpenAIServer(answer) as server:
        agent = create_private_agent(chat(server), masker=masker, response_format=strategy(Contact))
        result = agent.invoke(asked())
        assert result["structured_response"] == Contact(email=EMAIL)
        assert not holds(server.wire.decode())


def test_with_a_real_model(masker: Masker, embedded: Any) -> None:
    """A real llama.cpp server answers; what it says is whatever it says, and masked on the way."""
    import urllib.request

    upstream = str(embedded.chat_model().openai_api_base).rsplit("/v1", 1)[0]

    def forward(request: Any) -> Reply:
        asked = urllib.request.Request(
            upstream + request.path,
            data=request.body or None,
            method=request.method,
            headers={
                k: v
                for k, v in request.headers.items()
                if k.lower() not in {"host", "content-length", "accept-encoding"}
            },
        )
        with urllib.request.urlopen(asked) as reply:
            kind = reply.headers.get("Content-Type", "application/json")
            return Reply(status=reply.status, body=reply.read(), headers={"Content-Type": kind})

    with RecordingServer(forward) as server:
        model = embedded.chat_model(max_tokens=24).model_copy()
        fields = {"base_url": f"{server.url}/v1", "api_key": model.openai_api_key}
        model = ChatOpenAI(model=model.model_name, max_tokens=24, **fields)
        agent = create_private_agent(model, masker=masker)
        result = agent.invoke(asked())
        parts = list(agent.stream(asked(), stream_mode="messages"))
        wire = server.wire.decode("utf-8", "replace")
    assert result["messages"][0].content == f"Mail {EMAIL} now"
    assert result["messages"][-1].type == "ai"
    assert any(isinstance(m, AIMessageChunk) for m, _ in parts)
    assert PLACEHOLDER.search(wire)
    assert not holds(wire)
