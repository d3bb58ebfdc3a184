"""The gateway towards the model server: what it parses, what it refuses to send, when it stops."""

import asyncio
import json
import threading

import httpx
import pytest

from langchain_privacy.secure import (
    AsyncAttestedTransport,
    AttestationPolicy,
    SimulatedTee,
    UnsafeSimulatedTee,
    create_gateway,
)
from langchain_privacy.secure.asgi import RefusedError
from langchain_privacy.secure.gateway.upstream import (
    AnswerParser,
    Upstream,
    UpstreamFailedError,
    request_head,
)
from tests.support.asgi import AsgiServer

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")

OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = {
    "length": (OK + b"Content-Length: 5\r\n\r\nhello", b"hello", True),
    "chunks": (
        OK + b"transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nx: y\r\n\r\n",
        b"hello",
        True,
    ),
    "no_body": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "informational_first": (
        b"HTTP/1.1 100 Continue\r\nx: 1\r\n\r\n" + OK + b"content-length: 2\r\n\r\nhi",
        b"hi",
        True,
    ),
    "close": (OK + b"connection: close\r\ncontent-length: 2\r\n\r\nhi", b"hi", False),
}


def _parse(wire: bytes, step: int) -> tuple[AnswerParser, bytes]:
    answer, body = AnswerParser(), b""
    for at in range(0, len(wire), step):
        body += answer.feed(wire[at : at + step])
    return answer, body


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_answers_end_where_their_framing_says(name: str, step: int) -> None:
    wire, expected, reusable = WHOLE[name]
    answer, body = _parse(wire, step)
    assert body == expected
    assert (answer.begun, answer.ended, answer.reusable) == (True, True, reusable)
    assert ("x", "1") not in answer.headers
    assert ("x", "y") not in answer.headers


def test_an_answer_without_framing_ends_with_its_connection() -> None:
    answer, body = _parse(OK + b"\r\nhello", 3)
    assert not answer.ended
    assert body + answer.feed(b"") == b"hello"
    assert answer.ended
    assert not answer.reusable


BROKEN = {
    "no_http": b"SSH-2.0-OpenSSH_9.6\r\n",
    "nothing": b"",
    "cut_in_the_head": OK + b"content-le",
    "cut_length": OK + b"content-length: 5\r\n\r\nhell",
    "cut_chunks": OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "bad_chunk": OK + b"transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n",
    "two_framings": OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two_lengths": OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    "second_answer": (OK + b"content-length: 0\r\n\r\n") * 2,
    "other_protocol": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "endless_head": OK + b"a: b\r\n" * 20_000,
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("step", [7, 1 << 20])
def test_broken_answers_are_refused(name: str, step: int) -> None:
    with pytest.raises(UpstreamFailedError) as failed:
        answer, _ = _parse(BROKEN[name], step)
        answer.feed(b"")
    assert failed.value.__cause__ is None


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("GET /x HTTP/1.1\r\n", "/", []),
        ("PÖST", "/", []),
        ("GET", "/a b", []),
        ("GET", "/\r\nx: y", []),
        ("GET", "/é", []),
        ("GET", "/", [("a\r\nb", "c")]),
        ("GET", "/", [("content-length: 5", "x")]),
        ("GET", "/", [("", "x")]),
        ("GET", "/", [("a", "b\r\nc: d")]),
        ("GET", "/", [("a", "b\nc: d")]),
        ("GET", "/", [("a", "b\0")]),
        ("GET", "/", [("a", "한")]),
    ],
)
def test_nothing_is_smuggled_into_a_head(method, target, headers) -> None:
    with pytest.raises(RefusedError) as refused:
        request_head(method, target, headers)
    assert refused.value.status == 400


def test_a_head() -> None:
    head = request_head("POST", "/v1/x?y=1", [("host", "a:1"), ("x", "é")])
    assert head == b"POST /v1/x?y=1 HTTP/1.1\r\nhost: a:1\r\nx: \xe9\r\n\r\n"


async def test_connections_are_used_again_when_their_answer_has_ended() -> None:
    opened, replies = [], [WHOLE["chunks"][0], WHOLE["length"][0], WHOLE["close"][0]]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(replies[0])

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    upstream = Upstream(f"http://127.0.0.1:{port}", paths=["/v1/models"], max_seconds=5)

    async def ask(*, to_the_end: bool = True) -> bytes:
        async with upstream.send("GET", "/v1/models", [], b"") as (status, _, parts):
            assert status == 200
            return b"".join([part async for part, _ in parts]) if to_the_end else b""

    expected = [(b"hello", 1), (b"hello", 1), (b"hi", 1), (b"hi", 2)]
    for (body, connections), reply in zip(expected, [*replies, replies[2]], strict=True):
        replies[0] = reply
        assert await ask() == body
        assert len(opened) == connections
    replies[0] = OK + b"content-length: 5\r\n\r\nhell"
    await ask(to_the_end=False)  # what is left of it must not answer the next request
    replies[0] = WHOLE["length"][0]
    assert await ask() == b"hello"
    assert len(opened) == 4
    with pytest.raises(RefusedError) as refused:
        async with upstream.send("DELETE", "/v1/models", [], b""):
            raise AssertionError
    assert refused.value.status == 405
    await upstream.close()
    for writer in opened:
        writer.close()
    server.close()


@pytest.mark.parametrize("begun", [False, True])
async def test_the_model_stops_when_the_client_goes(begun: bool) -> None:
    asked, gone = threading.Event(), threading.Event()

    async def model(scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": f"{message['type']}.complete"})
            return
        await receive()
        asked.set()
        if begun:
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        assert (await receive())["type"] == "http.disconnect"
        gone.set()

    policy = AttestationPolicy(require=[UnsafeSimulatedTee()], allow_unsafe=True)
    with (
        AsgiServer(model) as upstream,
        AsgiServer(create_gateway(upstream.url, SimulatedTee())) as gateway,
    ):
        url = f"{gateway.url}/v1/completions"
        content = json.dumps({"stream": True}).encode()
        transport = AsyncAttestedTransport(gateway.url, policy)
        async with httpx.AsyncClient(transport=transport) as client:
            if begun:
                async with client.stream("POST", url, content=content) as reply:
                    assert await anext(reply.aiter_lines()) == "data: 1"
            else:
                request = asyncio.create_task(client.post(url, content=content))
                await asyncio.to_thread(asked.wait)
                request.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await request
        await asyncio.to_thread(gone.wait)
