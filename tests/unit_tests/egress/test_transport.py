"""HTTP clients that examine and count what is really sent, for httpx and httpx2."""

import asyncio
import gzip
from typing import Any

import httpx
import httpx2
import pytest
from langchain_ollama import ChatOllama

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
