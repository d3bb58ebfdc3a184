"""LangGraph's own client for remote graphs, before a server that answers as its dev server did."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk.client import LangGraphClient, SyncLangGraphClient

from langchain_privacy import EgressGuard, Masker, private
from langchain_privacy.errors import EgressBlockedError
from tests.support.http import Recorded, RecordingServer, Reply

MAIL = "jane.doe@example.org"
QUESTION: Any = {"messages": [HumanMessage(f"Write to {MAIL} about 홍길동 님.")]}


def respond(request: Recorded) -> Reply:
    message = request.json["input"]["messages"][-1]
    answer = {"type": "ai", "content": f"I read: {message['content']}", "id": "a"}
    events = [
        ("metadata", {"run_id": "01a20203-69ed-7314-ac97-23261c726220", "attempt": 1}),
        ("updates", {"n": {"messages": [answer]}}),
        ("values", {"messages": [message, answer]}),
    ]
    body = [f"event: {name}\r\ndata: {json.dumps(data)}\r\n\r\n".encode() for name, data in events]
    return Reply(body=body, headers={"Content-Type": "text/event-stream"})


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with RecordingServer(respond) as server:
        yield server


@pytest.fixture
def masker() -> Masker:
    return Masker()


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
def test_a_private_remote_graph_is_sent_placeholders_and_recorded(
    server: RecordingServer, masker: Masker, way: str
) -> None:
    guard = EgressGuard(masker)
    graph: Any = private(RemoteGraph("agent", url=server.url), masker, guard=guard)
    config: Any = {
        "metadata": {"who": MAIL},
        "tags": [MAIL],
        "configurable": {"user": MAIL, "thread_id": "11111111-1111-4111-8111-111111111111"},
    }

    async def streamed() -> Any:
        return [part async for part in graph.astream(QUESTION, config, stream_mode="values")]

    if way == "invoke":
        answer = graph.invoke(QUESTION, config)
    elif way == "ainvoke":
        answer = asyncio.run(graph.ainvoke(QUESTION, config))
    elif way == "stream":
        answer = [*graph.stream(QUESTION, config, stream_mode="values")][-1]
    else:
        answer = asyncio.run(streamed())[-1]
    assert answer["messages"][-1]["content"] == f"I read: Write to {MAIL} about 홍길동 님."
    assert MAIL.encode() not in server.wire
    assert "홍길동" not in server.wire.decode()
    assert b"[EMAIL_" in server.wire
    [crossing] = list(guard.ledger)
    host = server.url.removeprefix("http://")
    assert (crossing.decision, crossing.destination, crossing.model) == ("allowed", host, "agent")


@pytest.mark.parametrize("where", ["input", "metadata", "tags", "configurable", "own config"])
def test_whatever_a_remote_graph_sends_is_examined(
    server: RecordingServer, masker: Masker, where: str
) -> None:
    masker.session("t").mask(MAIL)
    guard = EgressGuard(masker)
    configs: dict[str, Any] = {
        "metadata": {"metadata": {"who": [MAIL]}},
        "tags": {"tags": [MAIL]},
        "configurable": {"configurable": {"user": MAIL}},
    }
    own = {"metadata": {"who": MAIL}} if where == "own config" else None
    graph = guard.wrap_runnable(RemoteGraph("agent", url=server.url, config=own))
    question = QUESTION if where == "input" else {"messages": [HumanMessage("harmless")]}
    for call in (
        lambda: graph.invoke(question, configs.get(where)),
        lambda: asyncio.run(graph.ainvoke(question, configs.get(where))),
        lambda: [*graph.stream(question, configs.get(where))],
    ):
        with pytest.raises(EgressBlockedError):
            call()
    assert server.requests == []
    if own is None:
        graph.invoke({"messages": [HumanMessage("harmless")]})
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "beside", [{"context": {"user": {"mail": MAIL}}}, {"headers": {"X-User": MAIL}}, {}], ids=str
)
@pytest.mark.parametrize("nested", [{}, {"nested": {"user": [MAIL]}}], ids=str)
def test_what_is_sent_beside_the_input_is_masked_or_refused(
    server: RecordingServer, masker: Masker, beside: Any, nested: Any
) -> None:
    config: Any = {"configurable": nested}
    harmless: Any = {"messages": [HumanMessage("harmless")]}
    remote = RemoteGraph("agent", url=server.url)
    graph: Any = private(remote, masker, guard=EgressGuard(masker))
    graph.invoke(harmless, config, **beside)
    [request] = server.requests
    assert MAIL.encode() not in server.wire
    assert MAIL not in str(request.headers)
    if beside or nested:
        with pytest.raises(EgressBlockedError):
            EgressGuard(masker).wrap_runnable(remote).invoke(harmless, config, **beside)
        assert len(server.requests) == 1


def test_a_guarded_http_client_counts_what_a_remote_graph_sends(
    server: RecordingServer, masker: Masker
) -> None:
    guard = EgressGuard(masker)
    remote = RemoteGraph(
        "agent",
        client=LangGraphClient(guard.async_http_client("httpx", base_url=server.url)),
        sync_client=SyncLangGraphClient(guard.http_client("httpx", base_url=server.url)),
    )
    graph: Any = private(remote, masker)
    graph.invoke(QUESTION)
    asyncio.run(graph.ainvoke(QUESTION))
    sizes = [c.bytes_out for c in guard.ledger]
    assert sizes == [len(request.body) for request in server.requests]
    masker.session("t").mask("other.person@example.org")
    with pytest.raises(EgressBlockedError):
        remote.invoke({"messages": [HumanMessage("to other.person@example.org")]})
    assert len(server.requests) == 2


def test_a_guarded_runnable_can_be_made_private(masker: Masker) -> None:
    guard = EgressGuard(masker)
    seen: list[str] = []
    inner = RunnableLambda(lambda text: seen.append(text) or text)  # type: ignore[func-returns-value]
    graph = private(guard.wrap_runnable(inner, destination="graphs.example.org"), masker)
    assert graph.invoke(f"to {MAIL}") == f"to {MAIL}"
    assert seen
    assert MAIL not in seen[0]


THREAD: Any = {"configurable": {"thread_id": "11111111-1111-4111-8111-111111111111"}}


@pytest.fixture
def keeping() -> Iterator[tuple[RecordingServer, list[Any]]]:
    """A server that keeps the values of its one thread, as LangGraph's does."""
    states: list[Any] = []
    thread = THREAD["configurable"]["thread_id"]
    checkpoint = {
        "thread_id": thread,
        "checkpoint_ns": "",
        "checkpoint_id": "c1",
        "checkpoint_map": {},
    }

    def state(values: Any) -> dict[str, Any]:
        given = {"next": [], "tasks": [], "metadata": {}, "created_at": None, "interrupts": []}
        return {"values": values, "checkpoint": checkpoint, "parent_checkpoint": None, **given}

    def answer(request: Recorded) -> Reply:
        if request.path.endswith("/history"):
            return Reply(body=json.dumps([state(each) for each in reversed(states)]).encode())
        if request.body and request.path.endswith("/state"):
            states.append(request.json["values"])
            return Reply(body=json.dumps({"checkpoint": checkpoint}).encode())
        return Reply(body=json.dumps(state(states[-1])).encode())

    with RecordingServer(answer) as server:
        yield server, states


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("guarded", [True, False])
def test_the_state_of_a_private_remote_graph(
    keeping: tuple[RecordingServer, list[Any]], masker: Masker, way: str, guarded: bool
) -> None:
    server, states = keeping
    guard = EgressGuard(masker) if guarded else None
    graph: Any = private(RemoteGraph("agent", url=server.url), masker, guard=guard)

    async def asynchronously() -> tuple[Any, Any, Any]:
        await graph.aupdate_state(THREAD, {"note": f"for {MAIL}"}, as_node="n")
        history = [each async for each in graph.aget_state_history(THREAD, restore=True)]
        return await graph.aget_state(THREAD), await graph.aget_state(THREAD, restore=True), history

    if way == "async":
        stored, restored, history = asyncio.run(asynchronously())
    else:
        graph.update_state(THREAD, {"note": f"for {MAIL}"}, as_node="n")
        stored, restored = graph.get_state(THREAD), graph.get_state(THREAD, restore=True)
        history = list(graph.get_state_history(THREAD, restore=True))
    assert stored.values == states[0]
    assert states[0]["note"].startswith("for [EMAIL_")
    assert restored.values == {"note": f"for {MAIL}"}
    assert [each.values for each in history] == [restored.values]
    assert MAIL.encode() not in server.wire
    if guard is not None:
        [crossing] = list(guard.ledger)
        assert (crossing.decision, crossing.purpose) == ("allowed", "state")
