"""A fleet under load: three machines in turn, keys replaced all the while, one of them down.

Two thousand calls by sixteen threads and as many tasks; none may fail, and none may be opened by a
machine whose build the policy does not accept. Nor may one fail while a machine is away for half a
minute.
"""

import asyncio
import itertools
import threading
import time
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
CALLS, AT_ONCE, OUTAGE = 2000, 16, 30.0
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


def test_no_call_fails_while_one_machine_is_away_for_thirty_seconds() -> None:
    with OpenAIServer(lambda _: "an answer") as upstream:
        balancer = Balancer(_gateways(upstream.url.removesuffix("/v1"), None, None, None))
        with AsgiServer(balancer) as server:
            url = f"{server.url}/v1/chat/completions"
            done, stop = threading.Semaphore(0), threading.Event()
            transport = AttestedTransport(AttestedEndpoint(server.url, SIMULATED))

            def work(client: httpx.Client) -> int:
                """Call until it is over; how many calls came back."""
                for count in itertools.count():
                    if stop.is_set():
                        return count
                    reply = client.post(url, json=BODY)
                    assert reply.json()["choices"][0]["message"]["content"] == "an answer"
                    done.release()
                raise AssertionError

            def wait_for(calls: int) -> None:
                for _ in range(calls):
                    assert done.acquire(timeout=120)

            with (
                httpx.Client(transport=transport, timeout=120) as client,
                ThreadPoolExecutor(AT_ONCE) as pool,
            ):
                workers = [pool.submit(work, client) for _ in range(AT_ONCE)]
                try:
                    wait_for(200)
                    before, asked = len(upstream.requests), balancer.turns[1]
                    balancer.down = {1}
                    time.sleep(OUTAGE)
                    balancer.down = set()
                    meanwhile = len(upstream.requests) - before
                    refused = balancer.turns[1] - asked
                    while done.acquire(blocking=False):
                        pass
                    back = balancer.turns[1]
                    wait_for(200)
                    assert balancer.turns[1] > back
                finally:
                    stop.set()
                calls = sum(worker.result() for worker in workers)
            assert meanwhile > AT_ONCE
            assert refused > AT_ONCE
            assert len(upstream.requests) == calls
            print(f"{calls} calls, {meanwhile} during the outage, {refused} times met it, 0 failed")
