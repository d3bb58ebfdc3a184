"""A fleet under load: three machines in turn, keys replaced all the while, one of them down.

Two thousand calls by sixteen threads and as many tasks; none may fail, and none may be opened by a
machine whose build the policy does not accept.
"""

import asyncio
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from langchain_privacy.secure import (
    AsyncAttestedTransport,
    AttestedEndpoint,
    AttestedTransport,
    SimulatedTee,
    UnsafePolicyWarning,
    create_gateway,
)
from tests.support.asgi import AsgiServer
from tests.support.attested import SIMULATED
from tests.support.fleet import Balancer
from tests.support.http import OpenAIServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning"),
]
CALLS, AT_ONCE = 2000, 16
BODY = {"model": "m", "messages": [{"role": "user", "content": "x"}]}


def _gateways(url: str, *builds: str | None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnsafePolicyWarning)
        tees = [SimulatedTee() if b is None else SimulatedTee(measurement=b) for b in builds]
        return [create_gateway(url, tee) for tee in tees]


@pytest.mark.parametrize("event", ["rotation", "outage", "old_build"])
@pytest.mark.parametrize("kind", ["threads", "tasks"])
def test_no_call_of_a_fleet_fails(kind, event) -> None:
    with OpenAIServer(lambda _: "an answer") as upstream:
        builds = [None, "ee" * 48 if event == "old_build" else None, None]
        balancer = Balancer(_gateways(upstream.url.removesuffix("/v1"), *builds))
        with AsgiServer(balancer) as server:
            done, lock = [0], threading.Lock()

            def happen() -> None:
                """What happens to the fleet, by the number of calls that have come back."""
                with lock:
                    done[0] += 1
                    count = done[0]
                if event == "rotation" and count % 20 == 0:
                    gateway = balancer.gateways[count // 20 % 3]
                    gateway.keys.rotate()
                if event == "outage":
                    balancer.down = {1} if CALLS // 4 < count < CALLS // 2 else set()

            endpoint = AttestedEndpoint(server.url, SIMULATED)
            url = f"{server.url}/v1/chat/completions"

            def check(reply: httpx.Response) -> None:
                assert reply.json()["choices"][0]["message"]["content"] == "an answer"
                happen()

            def by_threads() -> None:
                transport = AttestedTransport(endpoint)
                limits = httpx.Timeout(120)
                with (
                    httpx.Client(transport=transport, timeout=limits) as client,
                    ThreadPoolExecutor(AT_ONCE) as pool,
                ):
                    list(pool.map(lambda _: check(client.post(url, json=BODY)), range(CALLS)))

            async def by_tasks() -> None:
                transport = AsyncAttestedTransport(endpoint)
                async with httpx.AsyncClient(transport=transport, timeout=120) as client:
                    slots = asyncio.Semaphore(AT_ONCE)

                    async def call() -> None:
                        async with slots:
                            check(await client.post(url, json=BODY))

                    await asyncio.gather(*[call() for _ in range(CALLS)])

            if kind == "threads":
                by_threads()
            else:
                asyncio.run(by_tasks())
            assert done[0] == CALLS
            assert len(upstream.requests) == CALLS
            if event == "old_build":
                assert not balancer.gateways[1].keys.current.seen
