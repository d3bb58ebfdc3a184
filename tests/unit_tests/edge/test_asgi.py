"""The edge around a server: what the application sees, and what the client gets."""

import asyncio
import contextvars
import gc
import gzip
import json
import threading
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, TypedDict
from urllib.parse import parse_qsl

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk, AnyMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.store.memory import InMemoryStore
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from langchain_privacy import Masker, PrivacyASGIMiddleware, private
from langchain_privacy.edge.bodies import Content
from langchain_privacy.edge.events import EventRestorer
from langchain_privacy.edge.run import SERVED
from langchain_privacy.errors import ConfigurationError, DetectionError
from langchain_privacy.vault import StoreVault, VaultKey
from tests.support.asgi import AsgiServer
from tests.unit_tests.edge.conftest import EMAIL, OTHER, PLACEHOLDER, EmailDetector, holds, masked

THREAD = "0d5ea5a1-3f0c-4f9e-8a5f-6f2a4c1a0001"
ANOTHER = "0d5ea5a1-3f0c-4f9e-8a5f-6f2a4c1a0002"


class Server:
    """An application that records what reaches it and answers what a test says."""

    def __init__(self, masker: Masker, answer: Any = None, **settings: Any) -> None:
        self.seen: list[dict[str, Any]] = []
        self.answer: Callable[[Any], Response] = answer or JSONResponse
        app = Starlette(routes=[Route("/{path:path}", self._handle, methods=_METHODS)])
        app.add_middleware(PrivacyASGIMiddleware, masker=masker, **settings)
        transport = httpx.ASGITransport(app=app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://app")

    async def _handle(self, request: Request) -> Response:
        body = await request.body()
        try:
            value = json.loads(body)
        except ValueError:
            value = body.decode("utf-8", "replace")
        seen = {"body": value, "raw": body, "headers": dict(request.headers)}
        self.seen.append({**seen, "query": parse_qsl(request.url.query)})
        return self.answer(value)

    @property
    def body(self) -> Any:
        return self.seen[-1]["body"]


_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]


# ---- What the application is sent

CONTENT: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("POST", f"/threads/{THREAD}/runs/stream", {"input": EMAIL}, ["input"]),
    (
        "POST",
        f"/threads/{THREAD}/runs/wait",
        {"input": {"messages": [{"role": "user", "content": f"I am {EMAIL}", "id": "m-1"}]}},
        ["input", "messages", "0", "content"],
    ),
    ("POST", f"/threads/{THREAD}/runs", {"command": {"resume": EMAIL}}, ["command", "resume"]),
    (
        "POST",
        f"/threads/{THREAD}/runs",
        {"command": {"update": {"to": EMAIL}}},
        ["command", "update", "to"],
    ),
    (
        "POST",
        f"/threads/{THREAD}/runs",
        {"command": {"goto": [{"node": "write", "input": {"to": EMAIL}}]}},
        ["command", "goto", "0", "input", "to"],
    ),
    ("POST", f"/threads/{THREAD}/runs", {"context": {"user": EMAIL}}, ["context", "user"]),
    (
        "POST",
        f"/threads/{THREAD}/runs",
        {"config": {"configurable": {"user": EMAIL}}},
        ["config", "configurable", "user"],
    ),
    ("POST", f"/threads/{THREAD}/runs", {"config": {"tags": [EMAIL]}}, ["config", "tags", "0"]),
    ("POST", f"/threads/{THREAD}/runs", {"metadata": {"by": EMAIL}}, ["metadata", "by"]),
    ("POST", f"/threads/{THREAD}/runs", {"field_of_tomorrow": EMAIL}, ["field_of_tomorrow"]),
    ("POST", f"/threads/{THREAD}/state", {"values": {"to": EMAIL}}, ["values", "to"]),
    (
        "POST",
        "/threads",
        {
            "thread_id": THREAD,
            "supersteps": [{"updates": [{"values": {"to": EMAIL}, "as_node": "write"}]}],
        },
        ["supersteps", "0", "updates", "0", "values", "to"],
    ),
    ("PATCH", f"/threads/{THREAD}", {"metadata": {"owner": EMAIL}}, ["metadata", "owner"]),
    (
        "POST",
        f"/threads/{THREAD}/commands",
        {"id": 1, "method": "run.start", "params": {"assistant_id": "agent", "input": EMAIL}},
        ["params", "input"],
    ),
    (
        "POST",
        f"/threads/{THREAD}/commands",
        {"id": 2, "method": "input.respond", "params": {"interrupt_id": "i", "response": EMAIL}},
        ["params", "response"],
    ),
    ("POST", "/runs/wait", {"input": {"text": EMAIL}}, ["input", "text"]),
    ("POST", "/chat", {"message": EMAIL}, ["message"]),
    ("POST", "/chat", {"thread_id": "t", "deep": [{"a": [EMAIL]}]}, ["deep", "0", "a", "0"]),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "where"), CONTENT)
async def test_content_is_masked_and_comes_back(
    masker: Masker, method: str, path: str, body: dict[str, Any], where: list[str]
) -> None:
    server = Server(masker)
    answer = await server.client.request(method, path, json={"assistant_id": "agent", **body})
    assert answer.status_code == 200, answer.text
    assert not holds(server.seen)
    found = server.body
    for step in where:
        found = found[int(step) if step.isdecimal() else step]
    assert masked(found)
    back = answer.json()
    for step in where:
        back = back[int(step) if step.isdecimal() else step]
    assert EMAIL in back


CONTROL = {
    "assistant_id": EMAIL, "stream_mode": [EMAIL], "interrupt_before": [EMAIL],
    "checkpoint": {"thread_id": THREAD, "checkpoint_id": EMAIL}, "on_disconnect": EMAIL,
    "webhook": f"https://{EMAIL}", "multitask_strategy": EMAIL, "if_not_exists": EMAIL,
    "feedback_keys": [EMAIL], "durability": EMAIL, "after_seconds": 5, "as_node": EMAIL,
}  # fmt: skip


async def test_control_data_arrives_as_it_is(masker: Masker) -> None:
    server = Server(masker)
    config = {"recursion_limit": 5, "configurable": {"graph_id": EMAIL, "checkpoint_id": EMAIL}}
    body = {**CONTROL, "config": config, "command": {"goto": EMAIL}}
    answer = await server.client.post(f"/threads/{THREAD}/runs", json=body)
    assert answer.status_code == 200
    seen = server.body
    assert {key: seen[key] for key in CONTROL} == CONTROL
    assert seen["command"] == {"goto": EMAIL}
    assert seen["config"]["recursion_limit"] == 5
    assert seen["config"]["configurable"] == config["configurable"]


async def test_a_batch_is_masked_run_by_run(masker: Masker) -> None:
    server = Server(masker)
    runs = [{"assistant_id": "a", "input": EMAIL}, {"assistant_id": "b", "input": OTHER}]
    await server.client.post("/runs/batch", json=runs)
    assert not holds(server.seen)
    assert [run["assistant_id"] for run in server.body] == ["a", "b"]


async def test_the_same_thread_is_the_same_session(masker: Masker) -> None:
    server = Server(masker)
    bodies = []
    for path in (f"/threads/{THREAD}/state", f"/threads/{THREAD}/runs", f"/threads/{ANOTHER}/runs"):
        await server.client.post(path, json={"values": EMAIL})
        bodies.append(server.body["values"])
    assert bodies[0] == bodies[1] != bodies[2]
    assert masker.session(THREAD).restore(bodies[0]) == EMAIL


async def test_masking_twice_changes_nothing(masker: Masker) -> None:
    server = Server(masker)
    await server.client.post(f"/threads/{THREAD}/state", json={"values": EMAIL})
    once = server.body["values"]
    await server.client.post(f"/threads/{THREAD}/state", json={"values": once})
    assert server.body["values"] == once


async def test_a_session_of_the_builder(masker: Masker) -> None:
    def user(scope: Any) -> tuple[str, str] | None:
        name = dict(scope["headers"]).get(b"x-user")
        return ("acme", name.decode()) if name else None

    server = Server(masker, session=user)
    item = {"namespace": ["people", EMAIL], "key": OTHER, "value": {"mail": EMAIL}}
    for _ in range(2):
        answer = await server.client.put("/store/items", json=item, headers={"x-user": "jane"})
        assert answer.json() == item
    first, second = (seen["body"] for seen in server.seen)
    assert first == second
    assert not holds(first)
    assert masker.session("jane", tenant="acme").restore(first["key"]) == OTHER
    found = await server.client.get(
        "/store/items",
        params={"namespace": "people.desk", "key": OTHER},
        headers={"x-user": "jane"},
    )
    assert found.status_code == 200
    assert dict(server.seen[-1]["query"]) == {"namespace": "people.desk", "key": first["key"]}
    search = {"namespace_prefix": ["people"], "filter": {"mail": EMAIL}}
    await server.client.post("/store/items/search", json=search, headers={"x-user": "jane"})
    assert server.body["filter"] == first["value"]


NO_SESSION = [
    ("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": {"to": EMAIL}}),
    ("POST", "/store/items/search", {"namespace_prefix": [], "filter": {"to": EMAIL}}),
    ("POST", "/threads/search", {"values": {"to": EMAIL}}),
    ("POST", "/assistants", {"graph_id": "agent", "name": EMAIL}),
    ("POST", "/runs/crons", {"assistant_id": "agent", "input": EMAIL, "schedule": "* * * * *"}),
    ("POST", f"/threads/{THREAD}/copy", None),
]


@pytest.mark.parametrize(("method", "path", "body"), NO_SESSION)
async def test_what_could_not_be_restored_later_is_refused(
    masker: Masker, method: str, path: str, body: Any
) -> None:
    server = Server(masker)
    answer = await server.client.request(method, path, json=body)
    assert answer.status_code in {409, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert "session=" in answer.json()["detail"]
    assert not holds(answer.text)
    assert not server.seen


async def test_a_search_without_private_values_passes(masker: Masker) -> None:
    server = Server(masker)
    answer = await server.client.post("/threads/search", json={"status": "idle", "limit": 5})
    assert answer.status_code == 200
    assert server.body == {"status": "idle", "limit": 5}


async def test_a_list_of_threads_is_restored_thread_by_thread(masker: Masker) -> None:
    inside = [
        {"thread_id": thread, "values": {"to": masker.session(thread).mask(value)}}
        for thread, value in ((THREAD, EMAIL), (ANOTHER, OTHER))
    ]
    server = Server(masker, lambda _: JSONResponse(inside))
    answer = await server.client.post("/threads/search", json={})
    assert [thread["values"]["to"] for thread in answer.json()] == [EMAIL, OTHER]
    # only the server's own list names threads: in a state it is text that anybody may write
    forged = {"values": inside}
    server.answer = lambda _: JSONResponse(forged)
    answer = await server.client.get(f"/threads/{ANOTHER}/state")
    assert EMAIL not in answer.text


async def test_a_new_thread_gets_its_id_here(masker: Masker) -> None:
    server = Server(masker)
    answer = await server.client.post("/threads", json={"metadata": {"owner": EMAIL}})
    thread = server.body["thread_id"]
    assert not holds(server.seen)
    assert answer.json()["metadata"] == {"owner": EMAIL}
    assert masker.session(thread).restore(server.body["metadata"]) == {"owner": EMAIL}


@pytest.mark.parametrize(("path", "thread"), [("/chat", THREAD), (f"/threads/{THREAD}/runs", None)])
async def test_a_guessed_placeholder_in_what_an_error_repeats(
    masker: Masker, path: str, thread: str | None
) -> None:
    """A client may name any thread; whether it may read that is for the application to say."""
    guessed = masker.session(THREAD).mask(EMAIL)
    server = Server(masker, lambda body: JSONResponse({"input": body}, status_code=422))
    answer = await server.client.post(path, json={"thread_id": thread, "message": guessed})
    assert answer.status_code == 422
    assert not holds(answer.text)
    # one's own words come back, in a session of the request alone and in the builder's
    answer = await server.client.post("/chat", json={"message": EMAIL})
    assert holds(answer.text)
    server = Server(masker, server.answer, session=lambda _: "jane")
    answer = await server.client.post("/chat", json={"message": EMAIL, "thread_id": THREAD})
    assert holds(answer.text)


async def test_who_asks_for_threads_that_are_not_there_opens_no_sessions(masker: Masker) -> None:
    missing = {"detail": "not found"}
    server = Server(masker, lambda _: JSONResponse(missing, status_code=404))
    for path in ("", "/state", "/history?limit=10", "/runs", "/stream"):
        answer = await server.client.get(f"/threads/{THREAD}{path}")
        assert answer.json() == missing
    assert not masker.vault.live_sessions()


async def test_a_field_that_stands_twice_hides_nothing(masker: Masker) -> None:
    server = Server(masker)
    raw = f'{{"message": "{EMAIL}", "message": "x", "n": 12345678901234567890, "f": 1.0}}'
    answer = await server.client.post("/chat", content=raw, headers=JSON_TYPE)
    assert not holds(server.seen[-1]["raw"].decode())
    assert answer.text == '{"message":"x","n":12345678901234567890,"f":1.0}'


async def test_a_request_without_a_session_leaves_none(masker: Masker) -> None:
    server = Server(masker)
    answer = await server.client.post("/chat", json={"message": EMAIL})
    assert answer.json() == {"message": EMAIL}
    # A thread that has just answered may still hold what it was asked.
    await asyncio.get_running_loop().shutdown_default_executor()
    gc.collect()
    assert not masker.vault.live_sessions()


# ---- Bodies that are not plain JSON


def problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert not holds(answer.text)


RAW = json.dumps({"message": EMAIL}).encode()


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (RAW, {"content-type": "application/json"}),
        (RAW, {"content-type": "application/vnd.acme+json"}),
        (RAW, {}),
        (RAW, {"content-type": "text/plain"}),
        (
            gzip.compress(RAW, mtime=0),
            {"content-type": "application/json", "content-encoding": "gzip"},
        ),
        (zlib.compress(RAW), {"content-type": "application/json", "content-encoding": "deflate"}),
        (RAW.decode().encode("utf-16"), {"content-type": "application/json; charset=utf-16"}),
        (f"To {EMAIL}".encode(), {"content-type": "text/plain"}),
        (f"받는 사람 {EMAIL}".encode("cp949"), {"content-type": "text/plain; charset=cp949"}),
        (RAW, {"content-type": "application/x-www-form-urlencoded"}),
        (b"x" + RAW, {"content-type": "application/x-www-form-urlencoded"}),
        (f"a=1&to={EMAIL}".encode(), {"content-type": "application/x-www-form-urlencoded"}),
        (RAW + b"\n" + RAW, {"content-type": "application/x-ndjson"}),
    ],
)
async def test_bodies_that_are_read(masker: Masker, content: bytes, headers: Any) -> None:
    server = Server(masker, PlainTextResponse)
    server.answer = lambda value: PlainTextResponse(value if isinstance(value, str) else str(value))
    answer = await server.client.post("/chat", content=content, headers=headers)
    assert answer.status_code == 200
    assert not holds(server.seen)
    assert not holds(server.seen[-1]["raw"].decode())
    assert EMAIL in answer.text
    assert "content-encoding" not in server.seen[-1]["headers"]
    assert int(server.seen[-1]["headers"]["content-length"]) == len(server.seen[-1]["raw"])


async def test_a_body_in_pieces_is_read_whole(masker: Masker) -> None:
    server = Server(masker)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(RAW), 3):
            yield RAW[at : at + 3]

    json_type = {"content-type": "application/json"}
    answer = await server.client.post("/chat", content=pieces(), headers=json_type)
    assert answer.json() == {"message": EMAIL}
    assert not holds(server.seen)


JSON_TYPE = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("status", "content", "headers"),
    [
        (400, f'{{"message": "{EMAIL}"'.encode(), JSON_TYPE),
        (400, b"[" * 60_000, JSON_TYPE),
        (400, b"\xff\xfe\xfd" + EMAIL.encode(), JSON_TYPE),
        (400, gzip.compress(RAW, mtime=0)[:-9], {**JSON_TYPE, "content-encoding": "gzip"}),
        (400, RAW, {**JSON_TYPE, "content-encoding": "gzip"}),
        (413, b'{"a": "' + b"x" * 70_000 + b'"}', JSON_TYPE),
        (
            413,
            gzip.compress(b" " * 70_000 + RAW, mtime=0),
            {**JSON_TYPE, "content-encoding": "gzip"},
        ),
        (415, RAW, {**JSON_TYPE, "content-encoding": "br"}),
        (415, RAW, {"content-type": "multipart/form-data; boundary=x"}),
        (415, RAW, {"content-type": "application/octet-stream"}),
        (415, EMAIL.encode(), {"content-type": "text/plain; charset=klingon"}),
    ],
)
async def test_bodies_that_are_refused(
    masker: Masker, status: int, content: bytes, headers: Any
) -> None:
    server = Server(masker, max_body=65_536)
    problem(await server.client.post("/chat", content=content, headers=headers), status)
    assert not server.seen


async def test_a_long_body_in_pieces_is_refused(masker: Masker) -> None:
    server = Server(masker, max_body=1_000)

    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 400

    problem(await server.client.post("/chat", content=pieces(), headers=JSON_TYPE), 413)


async def test_media_in_a_message_is_refused(masker: Masker) -> None:
    block = {"type": "image", "source_type": "base64", "data": "aGVsbG8=", "mime_type": "image/png"}
    body = {"input": {"messages": [{"role": "user", "content": [block]}]}}
    server = Server(masker)
    problem(await server.client.post(f"/threads/{THREAD}/runs", json=body), 422)
    assert not server.seen


async def test_a_detector_that_fails_lets_nothing_through(masker: Masker) -> None:
    class Broken(type(masker.detectors[0])):  # type: ignore[misc]
        def detect(self, text: str, *, language: str | None = None) -> Any:
            raise DetectionError("The detector is down.")

    server = Server(Masker([Broken()]))
    problem(await server.client.post("/chat", json={"message": EMAIL}), 503)
    assert not server.seen


async def test_a_query_is_masked(masker: Masker) -> None:
    server = Server(masker, control={"page"})
    await server.client.get("/people", params={"mail": EMAIL, "page": OTHER, "empty": ""})
    query = dict(server.seen[-1]["query"])
    assert masked(query["mail"])
    assert query["page"] == OTHER


async def test_excluded_paths_are_left_alone(masker: Masker) -> None:
    server = Server(masker, exclude=["/uploads"])
    await server.client.post("/uploads/1", json={"message": EMAIL})
    assert server.body == {"message": EMAIL}
    await server.client.post("/uploads-not", json={"message": EMAIL})
    assert not holds(server.body)
    with pytest.raises(ConfigurationError):
        PrivacyASGIMiddleware(None, masker, exclude=["uploads"])  # type: ignore[arg-type]


@pytest.mark.parametrize("explains", [True, False])
async def test_a_websocket_is_refused(masker: Masker, explains: bool) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(*_: Any) -> None:
        raise AssertionError

    scope = {"type": "websocket", "path": f"/threads/{THREAD}/stream/events", "headers": []}
    scope["extensions"] = {"websocket.http.response": {}} if explains else {}
    await PrivacyASGIMiddleware(app, masker)(scope, receive, send)
    if explains:
        start, body = sent
        assert (start["type"], start["status"]) == ("websocket.http.response.start", 403)
        assert "server-sent events" in json.loads(body["body"])["detail"]
    else:
        assert [message["type"] for message in sent] == ["websocket.close"]


# ---- Answers


async def test_answers_that_are_not_read_pass(masker: Masker) -> None:
    placeholder = masker.session(THREAD).mask(EMAIL)
    html = f"<p>{placeholder}</p>"
    server = Server(masker, lambda _: Response(html, media_type="text/html"))
    answer = await server.client.get(f"/threads/{THREAD}/page")
    assert answer.text == html


async def test_the_length_of_an_answer_is_true(masker: Masker) -> None:
    placeholder = masker.session(THREAD).mask(EMAIL)
    server = Server(masker, lambda _: JSONResponse({"to": placeholder}, headers={"etag": '"1"'}))
    answer = await server.client.get(f"/threads/{THREAD}/state")
    assert answer.json() == {"to": EMAIL}
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "etag" not in answer.headers
    answer = await server.client.head(f"/threads/{THREAD}/state")
    assert answer.status_code == 200


async def test_an_approval_stays_masked(masker: Masker) -> None:
    placeholder = masker.session(THREAD).mask(EMAIL)
    asked = {"id": "i", "value": {"masked": True, "text": placeholder}}
    server = Server(masker, lambda _: JSONResponse({"interrupts": [asked], "to": placeholder}))
    answer = await server.client.get(f"/threads/{THREAD}/state")
    assert answer.json() == {"interrupts": [asked], "to": EMAIL}


# ---- Never two edges


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    note: str


def graph(masker: Masker, seen: list[Any], **kwargs: Any) -> Any:
    def node(state: State) -> Any:
        seen.append(state)
        return {"note": f"noted {state['messages'][-1].content}"}

    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return private(builder.compile(checkpointer=InMemorySaver(), **kwargs), masker)


def app_of(masker: Masker, inner: Any, kept: list[Any], thread: str | None, **settings: Any) -> Any:
    async def chat(request: Request) -> Response:
        body = await request.json()
        config = {"configurable": {"thread_id": thread or body["thread_id"]}}
        result = await inner.ainvoke({"messages": [("user", body["message"])]}, config)
        kept.append(result)
        return JSONResponse({"note": result["note"]})

    async def stream(request: Request) -> Response:
        body = await request.json()
        config = {"configurable": {"thread_id": thread or body["thread_id"]}}

        async def events() -> AsyncIterator[str]:
            given = {"messages": [("user", body["message"])]}
            async for part in inner.astream(given, config, stream_mode="updates"):
                kept.append(part)
                yield f"event: updates\ndata: {json.dumps(part)}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    app = Starlette(
        routes=[Route("/chat", chat, methods=["POST"]), Route("/stream", stream, methods=["POST"])]
    )
    app.add_middleware(PrivacyASGIMiddleware, masker=masker, **settings)
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://app")


@pytest.mark.parametrize("path", ["/chat", "/stream"])
async def test_the_edge_inside_leaves_it_to_the_outer_one_to_restore(
    masker: Masker, path: str
) -> None:
    seen: list[Any] = []
    kept: list[Any] = []
    client = app_of(masker, graph(masker, seen), kept, None)
    body = {"thread_id": "t", "message": f"I am {EMAIL}"}
    answer = await client.post(path, json=body)
    assert f"noted I am {EMAIL}" in answer.text
    assert not holds(seen)
    assert not holds(kept)


@pytest.mark.parametrize("path", ["/chat", "/stream"])
async def test_a_thread_that_the_request_does_not_name_is_restored_inside(
    masker: Masker, path: str
) -> None:
    seen: list[Any] = []
    client = app_of(masker, graph(masker, seen), [], "another")
    answer = await client.post(path, json={"message": f"I am {EMAIL}"})
    assert f"noted I am {EMAIL}" in answer.text
    assert not holds(seen)
    assert EMAIL in masker.session("another").restore(seen[0]["messages"][-1].content)


async def test_in_a_request_the_mark_is_not_asked(masker: Masker) -> None:
    """An application that hands its client's metadata on gives nobody another's session."""
    stolen = masker.session("victim").mask(EMAIL)
    seen: list[Any] = []
    inner = graph(masker, seen)

    async def chat(request: Request) -> Response:
        body = await request.json()
        config = {"configurable": {"thread_id": "mine"}, "metadata": body["metadata"]}
        result = await inner.ainvoke({"messages": [("user", body["message"])]}, config)
        return JSONResponse({"note": result["note"]})

    app = Starlette(routes=[Route("/chat", chat, methods=["POST"])])
    app.add_middleware(PrivacyASGIMiddleware, masker=masker)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app")
    mark = {SERVED: masker.session("victim").vault.id}
    answer = await client.post("/chat", json={"message": stolen, "metadata": mark})
    assert answer.status_code == 200
    assert not holds(answer.text)


async def test_behind_a_queue_the_mark_says_who_restores(masker: Masker) -> None:
    """As LangGraph's server does: the run starts elsewhere, with the config that was stored."""
    seen: list[Any] = []
    inner = graph(masker, seen)
    server = Server(masker, session=lambda _: "jane@users.example")
    body = {"assistant_id": "agent", "input": {"messages": [{"role": "user", "content": EMAIL}]}}
    await server.client.post(f"/threads/{THREAD}/runs", json=body)
    stored = server.body
    assert "jane@users.example" not in json.dumps(stored)
    config = {**stored["config"], "configurable": {"thread_id": THREAD}}

    def worker() -> Any:
        parts = list(inner.stream(stored["input"], config, stream_mode=["values", "updates"]))
        return [*parts, inner.invoke(stored["input"], config)]

    results = await asyncio.to_thread(contextvars.Context().run, worker)
    assert not holds(results)
    assert not holds(seen)
    note = results[-1]["note"]
    assert masker.session("jane@users.example").restore(note) == f"noted {EMAIL}"
    # another masker's session is nobody's
    with pytest.raises(ConfigurationError, match="they are two"):
        graph(Masker(masker.detectors), []).invoke(stored["input"], config)
    # without the mark the same graph is the only edge
    plain = {"configurable": {"thread_id": "alone"}}
    assert holds(inner.invoke({"messages": [("user", EMAIL)]}, plain)["note"])


@pytest.mark.parametrize("path", [f"/threads/{THREAD}/runs", "/runs", "/runs/wait"])
@pytest.mark.parametrize("user", [None, "jane"])
@pytest.mark.parametrize("text", [f"I am {EMAIL}", "nothing"])
async def test_workers_in_other_processes_share_the_store(
    detector: EmailDetector, path: str, user: str | None, text: str
) -> None:
    store, key = InMemoryStore(), VaultKey.generate()
    at_the_door = Masker([detector], vault=StoreVault(store, key))
    at_work = Masker([detector], vault=StoreVault(store, key))
    seen: list[Any] = []
    inner = graph(at_work, seen)

    def handle(stored: Any) -> Response:
        config = {**stored["config"], "configurable": {"thread_id": THREAD}}
        run = contextvars.Context().run
        result = run(inner.invoke, stored["input"], config)
        assert not holds([result, seen, stored])
        return JSONResponse({"note": result["note"]})

    server = Server(at_the_door, handle, session=lambda _: user)
    body = {"assistant_id": "agent", "input": {"messages": [{"role": "user", "content": text}]}}
    answer = await server.client.post(path, json=body)
    assert answer.json() == {"note": f"noted {text}"}


@pytest.mark.parametrize(
    "where", [{"metadata": {SERVED: "x"}}, {"config": {"metadata": {SERVED: "x"}}}]
)
async def test_a_client_cannot_write_the_mark(masker: Masker, where: Any) -> None:
    server = Server(masker)
    path = f"/threads/{THREAD}/runs"
    await server.client.post(path, json={"assistant_id": "agent", **where})
    marks = json.dumps(server.body).count(SERVED)
    assert marks == 1
    assert server.body["config"]["metadata"][SERVED] == masker.session(THREAD).vault.id
    await server.client.patch(f"/threads/{THREAD}", json={"metadata": {SERVED: "x"}})
    assert server.body == {"metadata": {}}


async def test_a_request_made_inside_a_request_is_not_restored_there(masker: Masker) -> None:
    inner_seen: list[Any] = []
    inner = Server(masker)

    async def outer(request: Request) -> Response:
        answer = await inner.client.post("/inner", content=await request.body(), headers=JSON_TYPE)
        inner_seen.append(answer.text)
        return JSONResponse(answer.json())

    app = Starlette(routes=[Route("/outer", outer, methods=["POST"])])
    app.add_middleware(PrivacyASGIMiddleware, masker=masker)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app")
    answer = await client.post("/outer", json={"message": EMAIL})
    assert answer.json() == {"message": EMAIL}
    assert not holds(inner_seen)
    assert not holds(inner.seen)


# ---- Event streams, cut anywhere


def wire(*events: tuple[str, Any]) -> bytes:
    return b"".join(
        (f"event: {name}\r\n" if name else "").encode()
        + b"".join(
            b"data: " + line.encode() + b"\r\n"
            for line in (data if isinstance(data, str) else json.dumps(data)).split("\n")
        )
        + b"\r\n"
        for name, data in events
    )


def read(text: str) -> list[tuple[str, str]]:
    events = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = [line.partition(": ") for line in block.split("\n") if line]
        data = [value for name, _, value in fields if name == "data"]
        if data:
            name = next((value for name, _, value in fields if name == "event"), "")
            events.append((name, "\n".join(data)))
    return events


def chunk(text: str, **more: Any) -> dict[str, Any]:
    message = AIMessageChunk(text, id="m-1", **more)
    return message.model_dump(mode="json")


async def stream(masker: Masker, data: bytes, step: int) -> str:
    async def body() -> AsyncIterator[bytes]:
        for at in range(0, len(data), step):
            yield data[at : at + step]

    server = Server(masker, lambda _: StreamingResponse(body(), media_type="text/event-stream"))
    answer = await server.client.get(f"/threads/{THREAD}/stream")
    return answer.text


def cuts(text: str, step: int) -> list[str]:
    return [text[at : at + step] for at in range(0, len(text), step)]


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize("size", [1, 2, 5, 100])
async def test_tokens_of_messages(masker: Masker, size: int, step: int) -> None:
    session = masker.session(THREAD)
    text = session.mask(f"메일은 {EMAIL}, 그리고 {OTHER}. A person")
    pieces = cuts(text, size)
    events = [("messages", [chunk(piece), {"langgraph_node": "n"}]) for piece in pieces]
    got = read(await stream(masker, wire(("metadata", {"run_id": "r"}), *events), step))
    assert got[0] == ("metadata", '{"run_id":"r"}')
    parts = [json.loads(data)[0]["content"] for name, data in got if name == "messages"]
    assert "".join(parts) == f"메일은 {EMAIL}, 그리고 {OTHER}. A person"
    assert not any(masked(part) for part in parts)


async def test_arguments_of_tool_calls(masker: Masker) -> None:
    args = json.dumps({"to": masker.session(THREAD).mask(EMAIL)})
    events = [
        (
            "messages|sub:1",
            [
                chunk("", tool_call_chunks=[{"name": None, "args": piece, "id": None, "index": 0}]),
                {},
            ],
        )
        for piece in cuts(args, 2)
    ]
    got = read(await stream(masker, wire(*events), 7))
    assert {name for name, _ in got} == {"messages|sub:1"}
    calls = [json.loads(data)[0]["tool_call_chunks"] for _, data in got]
    assert json.loads("".join(c[0]["args"] for c in calls if c)) == {"to": EMAIL}


@pytest.mark.parametrize("size", [1, 2, 100])
async def test_messages_so_far(masker: Masker, size: int) -> None:
    text = masker.session(THREAD).mask(f"To {EMAIL}: a person")
    so_far = [text[: at + size] for at in range(0, len(text), size)]
    events = [
        ("messages/partial", [{"content": each, "type": "ai", "id": "m-1"}]) for each in so_far
    ]
    between = ("events", {"event": "on_chain_start"})
    events = [each for event in events for each in (event, between)]
    got = read(await stream(masker, wire(*events, ("values", {"done": True})), 50))
    shown = [json.loads(data)[0]["content"] for name, data in got if name == "messages/partial"]
    assert shown[-1] == f"To {EMAIL}: a person"
    assert all(f"To {EMAIL}: a person".startswith(each) for each in shown)
    assert got[-1][0] == "values"


@pytest.mark.parametrize(
    "name", ["values", "updates", "values|sub:1", "debug", "tasks", "custom", "error", ""]
)
async def test_complete_events(masker: Masker, name: str) -> None:
    data = {"who": masker.session(THREAD).mask(EMAIL), "n": 1, "list": ["a person"]}
    got = read(await stream(masker, wire((name, data), (name, data)), 11))
    assert [json.loads(data) for _, data in got] == [
        {"who": EMAIL, "n": 1, "list": ["a person"]}
    ] * 2


SHAPES: list[tuple[str, Callable[[str], Any], Callable[[Any], str]]] = [
    ("text", lambda t: t, lambda d: d),
    ("json text", lambda t: json.dumps(t), lambda d: json.loads(d)),
    ("token", lambda t: {"token": t}, lambda d: json.loads(d)["token"]),
    (
        "openai",
        lambda t: {"id": "x", "choices": [{"index": 0, "delta": {"content": t}}]},
        lambda d: "".join(c["delta"].get("content", "") for c in json.loads(d)["choices"]),
    ),
    (
        "anthropic",
        lambda t: {"type": "content_block_delta", "index": 0, "delta": {"text": t}},
        lambda d: json.loads(d)["delta"]["text"],
    ),
]


@pytest.mark.parametrize(("shape", "made", "text_of"), SHAPES)
@pytest.mark.parametrize("name", ["", "custom"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_tokens_of_other_applications(
    masker: Masker, shape: str, made: Any, text_of: Any, name: str, size: int
) -> None:
    text = masker.session(THREAD).mask(f"To {EMAIL} at 12 and 3.")
    events = [(name, made(piece)) for piece in cuts(text, size)]
    got = read(await stream(masker, wire(*events, ("", "[DONE]")), 9))
    assert got[-1] == ("", "[DONE]")
    assert "".join(text_of(data) for _, data in got[:-1]) == f"To {EMAIL} at 12 and 3."


async def test_events_of_the_protocol(masker: Masker) -> None:
    text = f"To {masker.session(THREAD).mask(EMAIL)}, a person"
    done = {"type": "text", "text": text}
    sent = [
        {"event": "message-start", "id": "m"},
        {"event": "content-block-start", "index": 0, "content": {"type": "text", "text": ""}},
        *(
            {
                "event": "content-block-delta",
                "index": 0,
                "delta": {"type": "text-delta", "text": piece},
            }
            for piece in cuts(text, 2)
        ),
        {"event": "content-block-finish", "index": 0, "content": done},
        {"event": "message-finish"},
    ]
    events: list[tuple[str, Any]] = []
    for seq, data in enumerate(sent):
        params = {"namespace": [], "data": data}
        about = {"type": "event", "method": "messages", "seq": seq, "event_id": f"1-{seq}"}
        events.append(("messages", {**about, "params": params}))
    got = [json.loads(data) for _, data in read(await stream(masker, wire(*events), 40))]
    inner = [each["params"]["data"] for each in got]
    deltas = [each["delta"]["text"] for each in inner if "delta" in each]
    assert "".join(deltas) == inner[-2]["content"]["text"] == f"To {EMAIL}, a person"
    ids = [each["event_id"] for each in got]
    assert len(ids) == len(set(ids))


async def test_callback_events(masker: Masker) -> None:
    text = masker.session(THREAD).mask(f"To {EMAIL}")
    base = {"name": "model", "run_id": "r", "parent_ids": [], "tags": [], "metadata": {}}
    events = [
        ("events", {**base, "event": "on_chat_model_stream", "data": {"chunk": chunk(piece)}})
        for piece in cuts(text, 3)
    ]
    events.append(("events", {**base, "event": "on_chat_model_end", "data": {"output": text}}))
    got = [json.loads(data) for _, data in read(await stream(masker, wire(*events), 64))]
    parts = [each["data"]["chunk"]["content"] for each in got if "chunk" in each["data"]]
    assert "".join(parts) == f"To {EMAIL}"
    assert got[-1]["data"] == {"output": f"To {EMAIL}"}


async def test_heartbeats_and_ids_stay(masker: Masker) -> None:
    placeholder = masker.session(THREAD).mask(EMAIL)
    data = f': heartbeat\n\nid: 7\nretry: 10\nevent: values\ndata: {{"to": "{placeholder}"}}\n\n'
    text = await stream(masker, data.encode(), 5)
    assert text.startswith(": heartbeat\n\n")
    assert "id: 7\n" in text
    assert "retry: 10\n" in text
    assert EMAIL in text


async def test_a_value_with_line_breaks_stays_one_event(masker: Masker) -> None:
    session = masker.session(THREAD)
    entry = session.vault.issue("EMAIL", "a\nb\n\nevent: forged")
    data = wire(("", f"[{entry.entity_type}_{entry.code}]"), ("values", {"a": 1}))
    got = read(await stream(masker, data, 8))
    assert got == [("", "a\nb\n\nevent: forged"), ("values", '{"a":1}')]


async def test_a_plain_text_stream_and_json_lines(masker: Masker) -> None:
    text = masker.session(THREAD).mask(f"받는 사람 {EMAIL}")

    async def body() -> AsyncIterator[bytes]:
        for at in range(0, len(text.encode()), 2):
            yield text.encode()[at : at + 2]

    server = Server(masker, lambda _: StreamingResponse(body(), media_type="text/plain"))
    answer = await server.client.get(f"/threads/{THREAD}/text")
    assert answer.text == f"받는 사람 {EMAIL}"

    lines = b"".join(json.dumps({"t": piece}).encode() + b"\n" for piece in cuts(text, 3))
    server.answer = lambda _: Response(lines, media_type="application/x-ndjson")
    answer = await server.client.get(f"/threads/{THREAD}/lines")
    parts = [json.loads(line)["t"] for line in answer.text.splitlines()]
    assert "".join(parts) == f"받는 사람 {EMAIL}"
    assert not PLACEHOLDER.search(answer.text)


async def test_a_session_that_ends_in_mid_stream(masker: Masker) -> None:
    text = masker.session(THREAD).mask(f"To {EMAIL}")

    async def body() -> AsyncIterator[bytes]:
        yield wire(("values", {"to": text}))
        masker.vault.forget(THREAD)
        yield wire(("values", {"to": text}))
        yield wire(("values", {"to": text}))

    server = Server(masker, lambda _: StreamingResponse(body(), media_type="text/event-stream"))
    answer = await server.client.get(f"/threads/{THREAD}/stream")
    got = read(answer.text)
    assert [name for name, _ in got] == ["values", "error"]
    assert not holds(got[1])


def test_a_real_server_streams_while_it_works(masker: Masker) -> None:
    """Each event reaches the client before the application goes on."""
    session = masker.session(THREAD)
    pieces = cuts(session.mask(f"To {EMAIL}, and more"), 9)
    read_by_client = threading.Semaphore(0)
    gone = threading.Event()

    async def body() -> AsyncIterator[bytes]:
        try:
            for number, piece in enumerate(pieces):
                yield wire(("values", {"number": number}), ("messages", [chunk(piece), {}]))
                assert await asyncio.to_thread(read_by_client.acquire, timeout=30)
            while True:
                yield b": heartbeat\n\n"
                await asyncio.sleep(0.01)
        finally:
            gone.set()

    def answer(_: Request) -> Response:
        return StreamingResponse(body(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/threads/{thread}/stream", answer)])
    app.add_middleware(PrivacyASGIMiddleware, masker=masker)
    text, numbers = "", 0
    with AsgiServer(app) as server:
        with httpx.stream("GET", f"{server.url}/threads/{THREAD}/stream", timeout=60) as got:
            for line in got.iter_lines():
                if line.startswith('data: {"number"'):
                    numbers += 1
                    read_by_client.release()
                elif line.startswith("data: "):
                    text += json.loads(line.removeprefix("data: "))[0]["content"]
                if numbers == len(pieces) and text.endswith("more"):
                    break
        assert gone.wait(30), "the application goes on although its client has gone"
    assert text == f"To {EMAIL}, and more"


_WORDS = st.text(
    st.characters(exclude_characters="[({<&%\\［【〔｛（＜⟦", codec="utf-8"), max_size=8
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=12,
)


@given(
    st.lists(st.tuples(st.sampled_from(["", "values", "custom", "messages"]), _JSON), max_size=4)
)
def test_events_without_placeholders_stay_as_they_are(events: list[tuple[str, Any]]) -> None:
    session = Masker([]).session()
    session.vault.issue("PERSON", "Jane")
    restorer = EventRestorer(session)
    for name, data in events:
        assert restorer.feed(name, data) == [(name, data)]
    assert restorer.tails() == []


_FIELDS = st.sampled_from(
    ["input", "command", "config", "configurable", "context", "metadata", "supersteps", "updates",
     "values", "params", "resume", "update", "tags", "filter", "of_tomorrow", EMAIL]
)  # fmt: skip
_PRIVATE = st.recursive(
    st.sampled_from([EMAIL, f"to {OTHER}", "nothing", None, 7, True]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FIELDS, inner, max_size=4),
    max_leaves=20,
)


@example({"config": {"configurable": EMAIL, "metadata": [EMAIL]}}, True)
@example([{"config": None, "command": None, "metadata": None}], True)
@given(_PRIVATE, st.booleans())
def test_no_shape_of_a_request_lets_a_value_pass(body: Any, langgraph: bool) -> None:
    session = Masker([EmailDetector()]).session()
    masked_body = Content(session, langgraph=langgraph).masked(body)
    assert not holds(json.dumps(masked_body))
    assert session.restore(masked_body) == body
    assert Content(session, langgraph=langgraph).masked(masked_body) == masked_body
