"""A thousand streamed requests at once: none mixed up, memory bounded, a clean shutdown."""

import asyncio
import json
import resource
import sys

import httpx
import pytest

from langchain_privacy.secure import (
    AsyncAttestedTransport,
    AttestationPolicy,
    AttestedEndpoint,
    SimulatedTee,
    UnsafeSimulatedTee,
    create_gateway,
)
from tests.support.asgi import AsgiServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning"),
]

STREAMS, EVENTS, PER_CLIENT = 1000, 5, 50


class Echo:
    """A model server that streams the prompt back, and goes on only when all streams are open."""

    def __init__(self) -> None:
        self.open, self.most = 0, 0
        self.all_open = asyncio.Event()

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": f"{message['type']}.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        prompt = json.loads(body)["prompt"]
        self.open += 1
        self.most = max(self.most, self.open)
        if self.open == STREAMS:
            self.all_open.set()
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for index in range(EVENTS):
            data = f"data: {prompt}:{index}\n\n".encode()
            await send({"type": "http.response.body", "body": data, "more_body": True})
            await self.all_open.wait()
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
        self.open -= 1


def _megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


@pytest.fixture(autouse=True)
def _enough_files() -> None:
    """Four sockets for each stream: client, gateway twice, model server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 5 * STREAMS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this system allows {hard} open files, the test needs {wanted}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


async def test_a_thousand_streams_at_once() -> None:
    policy = AttestationPolicy(require=[UnsafeSimulatedTee()], allow_unsafe=True)
    echo = Echo()
    with AsgiServer(echo) as upstream:
        app = create_gateway(upstream.url, SimulatedTee())
        with AsgiServer(app) as gateway:
            before = _megabytes()
            endpoint = AttestedEndpoint(gateway.url, policy)
            url = f"{gateway.url}/v1/completions"

            async def one(client: httpx.AsyncClient, number: int) -> None:
                prompt, seen = f"request {number}", []
                async with client.stream("POST", url, json={"prompt": prompt}) as reply:
                    assert reply.status_code == 200
                    async for line in reply.aiter_lines():
                        if line:
                            seen.append(line)
                expected = [f"data: {prompt}:{index}" for index in range(EVENTS)]
                assert seen == [*expected, "data: [DONE]"]

            async def many(start: int) -> None:
                # A client each, because httpx's pool takes time with the square of its size.
                inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None))
                transport = AsyncAttestedTransport(endpoint, inner=inner)
                async with httpx.AsyncClient(transport=transport, timeout=None) as client:
                    numbers = range(start, start + PER_CLIENT)
                    await asyncio.gather(*(one(client, number) for number in numbers))

            await asyncio.gather(*(many(at) for at in range(0, STREAMS, PER_CLIENT)))
            grown = _megabytes() - before
        # Leaving the block shut the gateway down, which fails the test when a thread is left.
    assert echo.open == 0
    assert echo.most == STREAMS
    assert len(app.keys.current.seen) == STREAMS
    # Client, gateway and model server share this process: less than 300 kB for each stream.
    assert grown < 0.3 * STREAMS
