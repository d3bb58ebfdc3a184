"""HTTP clients that examine and count what is really sent, for httpx and httpx2."""

import asyncio
import gzip
import json
import socket
import threading
from typing import Any

import httpx
import httpx2
import pytest
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from langchain_privacy import EgressGuard, Masker
from langchain_privacy.egress import AllowHosts
from langchain_privacy.errors import ConfigurationError, EgressBlockedError
from tests.support.http import RecordingServer, Reply

SECRET = "Jane Doe"
LIBRARIES = ["httpx", "httpx2"]


@pytest.fixture
def guard() -> EgressGuard:
    masker = Masker()
    masker.session("t").vault.issue("PERSON", SECRET)
    return EgressGuard(masker)


def send(guard: EgressGuard, library: str, asynchronous: bool, url: str, **kwargs: Any) -> bytes:
    if not asynchronous:
        with guard.http_client(library) as client:
            return client.post(url, **kwargs).content

    async def run() -> bytes:
        async with guard.async_http_client(library) as client:
            return (await client.post(url, **kwargs)).content

    return asyncio.run(run())


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_bytes_are_those_of_the_wire(guard: EgressGuard, library: str, asynchronous: bool) -> None:
    with RecordingServer(lambda _: Reply(body=b"answer" * 100)) as server:
        body = send(guard, library, asynchronous, server.url, json={"a": "b" * 500})
        assert body == b"answer" * 100
        (crossing,) = guard.ledger.crossings()
        assert crossing.bytes_out == len(server.requests[0].body)
        assert crossing.bytes_in == 600
        assert (crossing.measured, crossing.purpose, crossing.outcome) == (
            "wire",
            "http",
            "answered",
        )
        assert crossing.destination == server.url.removeprefix("http://")


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    "kwargs",
    [
        {"json": {"x": SECRET}},
        {"content": SECRET},
        {"data": {"x": SECRET}},
        {"params": {"q": SECRET}},
        {"headers": {"X-User": SECRET}},
        {"files": {"f": ("a.txt", SECRET.encode())}},
        {
            "content": gzip.compress(SECRET.encode()),
            "headers": {"Content-Encoding": "gzip"},
        },
        {"content": b"\x28\xb5", "headers": {"Content-Encoding": "zstd"}},
    ],
)
def test_a_private_value_is_not_sent(
    guard: EgressGuard, library: str, asynchronous: bool, kwargs: Any
) -> None:
    with RecordingServer(lambda _: Reply()) as server:
        with pytest.raises(EgressBlockedError) as caught:
            send(guard, library, asynchronous, server.url, **kwargs)
        assert server.requests == []
        assert caught.value.destination == server.url.removeprefix("http://")


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_server_that_is_down_is_recorded(guard: EgressGuard, library: str) -> None:
    with pytest.raises((httpx.ConnectError, httpx2.ConnectError)):
        send(guard, library, False, "http://127.0.0.1:1/")
    assert [c.outcome for c in guard.ledger] == ["failed"]


def test_a_redirect_is_a_crossing_of_its_own(guard: EgressGuard) -> None:
    with RecordingServer(lambda _: Reply()) as target:
        moved = Reply(status=307, body=b"", headers={"Location": f"{target.url}/?who=Jane+Doe"})
        with RecordingServer(lambda _: moved) as server:
            with pytest.raises(EgressBlockedError):
                send(guard, "httpx2", False, server.url, json={})
            assert target.requests == []


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_redirect_takes_no_model_to_a_host_that_is_not_allowed(asynchronous: bool) -> None:
    with RecordingServer(lambda _: Reply()) as target:
        moved = Reply(status=307, body=b"", headers={"Location": f"{target.url}/v1"})
        with RecordingServer(lambda _: moved) as server:
            first, second = (s.url.removeprefix("http://") for s in (server, target))
            guard = EgressGuard(Masker(), policy=AllowHosts([first]))
            model = guard.wrap(
                ChatOpenAI(
                    base_url=server.url,
                    api_key="k",
                    model="m",
                    max_retries=0,  # openai before 3.15 tries again after any error
                    http_client=guard.http_client(),
                    http_async_client=guard.async_http_client(),
                )
            )
            with pytest.raises(EgressBlockedError) as caught:
                asyncio.run(model.ainvoke("hello")) if asynchronous else model.invoke("hello")
            assert (caught.value.rule, caught.value.destination) == ("allow_hosts", second)
            assert target.requests == []
            assert [(c.destination, c.decision) for c in guard.ledger] == [
                (first, "allowed"),
                (second, "blocked"),
            ]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("library", LIBRARIES)
def test_retries_and_the_providers_usage_are_counted(library: str, asynchronous: bool) -> None:
    """One crossing: every body that was sent and every answer, beside the provider's own usage."""
    usage = {"prompt_tokens": 31, "completion_tokens": 7, "total_tokens": 38}
    message = {"role": "assistant", "content": "fine"}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    answer = {"object": "chat.completion", "choices": [choice], "usage": usage}
    at_once = {"retry-after-ms": "1"}
    replies = iter(
        [Reply(status=500, body=b"{}", headers=at_once), Reply(body=json.dumps(answer).encode())]
    )
    with RecordingServer(lambda _: next(replies)) as server:
        guard = EgressGuard(Masker())
        try:
            model = ChatOpenAI(
                base_url=server.url,
                api_key="k",
                model="m",
                max_retries=1,
                http_client=guard.http_client(library),
                http_async_client=guard.async_http_client(library),
            )
        except TypeError:
            pytest.skip(f"the installed openai does not take a client of {library}")
        guarded = guard.wrap(model)
        said = asyncio.run(guarded.ainvoke("hello")) if asynchronous else guarded.invoke("hello")
        assert said.content == "fine"
        (crossing,) = guard.ledger.crossings()
        assert len(server.requests) == 2
        assert crossing.bytes_out == sum(len(request.body) for request in server.requests)
        assert crossing.bytes_in == len(b"{}") + len(json.dumps(answer).encode())
        assert (crossing.tokens_out, crossing.tokens_in) == (31, 7)


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_answer_from_a_cache_is_noted(guard: EgressGuard, library: str) -> None:
    http: Any = {"httpx": httpx, "httpx2": httpx2}[library]
    inner = http.MockTransport(lambda _: http.Response(200, content=b"kept"))
    with guard.http_client(library, transport=inner) as client:
        assert client.get("http://example.org").content == b"kept"
    assert [(c.outcome, c.bytes_in) for c in guard.ledger] == [("answered", 4)]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_answer_that_breaks_off_has_failed(
    guard: EgressGuard, library: str, asynchronous: bool
) -> None:
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"

    def answer(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        connection.recv(65536)
        connection.sendall(broken)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):  # unread bytes would make it a reset
            pass
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=(listening,))
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises((httpx.RemoteProtocolError, httpx2.RemoteProtocolError)):
            send(guard, library, asynchronous, url, json={})
        thread.join()
    assert [(c.outcome, c.bytes_in) for c in guard.ledger] == [("failed", 4)]


def test_policies_apply() -> None:
    guard = EgressGuard(Masker(), policy=AllowHosts(["api.example.org"]))
    with RecordingServer(lambda _: Reply()) as server:
        with pytest.raises(EgressBlockedError):
            send(guard, "httpx", False, server.url, json={})
        assert server.requests == []


def test_ollamas_client_takes_the_transport(guard: EgressGuard) -> None:
    answer = b'{"model":"m","message":{"role":"assistant","content":"hi"},"done":true}\n'
    with RecordingServer(lambda _: Reply(body=answer)) as server:
        model = ChatOllama(
            model="m", base_url=server.url, client_kwargs={"transport": guard.transport("httpx")}
        )
        guarded = guard.wrap(model)
        assert guarded.invoke("hello").content == "hi"
        (crossing,) = guard.ledger.crossings()
        assert crossing.measured == "wire"
        assert crossing.bytes_out == len(server.requests[-1].body)
        with pytest.raises(EgressBlockedError):
            guarded.invoke(SECRET)


def test_an_unknown_library_is_said(guard: EgressGuard) -> None:
    with pytest.raises(ConfigurationError, match=r"httpx"):
        guard.http_client("requests")
