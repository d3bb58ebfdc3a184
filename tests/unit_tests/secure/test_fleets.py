"""Replicas behind one address, rotation, outages, and who waits for whom."""

import asyncio
import contextlib
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from langchain_privacy.errors import (
    AttestationError,
    ChannelError,
    EndpointUnavailableError,
    EvidenceInvalidError,
    PolicyMismatchError,
)
from langchain_privacy.secure import (
    AsyncAttestedTransport,
    AttestationPolicy,
    AttestedEndpoint,
    AttestedTransport,
    SecureChatModel,
    SimulatedTee,
    UnsafePolicyWarning,
    UnsafeSimulatedTee,
    aattest,
    attest,
    create_gateway,
)
from langchain_privacy.secure.adapters import GatewayAdapter
from langchain_privacy.secure.transport import attested
from tests.support.asgi import AsgiServer
from tests.support.attested import SIMULATED
from tests.support.fleet import Balancer
from tests.support.http import OpenAIServer

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")
CHAT = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
OLD_BUILD = "ee" * 48


@contextlib.contextmanager
def _fleet(
    *providers: Any, profiles: tuple[str, ...] = ("x-wing", "ehbp-x25519"), **settings: Any
) -> Iterator[tuple[str, Balancer, OpenAIServer]]:
    with OpenAIServer(lambda _: "an answer") as upstream:
        url = upstream.url.removesuffix("/v1")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnsafePolicyWarning)
            gateways = [create_gateway(url, p, profiles=profiles, **settings) for p in providers]
        balancer = Balancer(gateways)
        with AsgiServer(balancer) as server:
            yield server.url, balancer, upstream


def _three() -> list[SimulatedTee]:
    return [SimulatedTee() for _ in range(3)]


def _ask(client: httpx.Client, url: str) -> str:
    reply = client.post(f"{url}/v1/chat/completions", json=CHAT)
    return str(reply.raise_for_status().json()["choices"][0]["message"]["content"])


@pytest.mark.parametrize("count", [2, 3, 5])
def test_any_machine_of_a_fleet_answers(count: int) -> None:
    with _fleet(*[SimulatedTee() for _ in range(count)]) as (url, balancer, upstream):
        endpoint = AttestedEndpoint(url, SIMULATED)
        with httpx.Client(transport=AttestedTransport(endpoint)) as client:
            assert {_ask(client, url) for _ in range(20)} == {"an answer"}
        assert len(upstream.requests) == 20
        assert all(balancer.turns)
        keys = {report.channel_keys["x-wing"] for report in endpoint.reports}
        held = {g.keys.current.keys["x-wing"].public_bytes for g in balancer.gateways}
        assert keys <= held


def test_the_stamp_is_of_the_machine_that_answered() -> None:
    builds = ["ab" * 48, "cd" * 48]
    policy = AttestationPolicy(require=[UnsafeSimulatedTee(measurements=builds)], allow_unsafe=True)
    with _fleet(*[SimulatedTee(measurement=b) for b in builds]) as (url, balancer, _):
        model = SecureChatModel(endpoint=f"{url}/v1", model="m", policy=policy)
        seen = set()
        for _ in range(6):
            before = [len(g.keys.current.seen) for g in balancer.gateways]
            stamp = model.invoke("x").response_metadata["attestation"]["measurements"]
            after = [len(g.keys.current.seen) for g in balancer.gateways]
            answered = next(i for i in range(2) if after[i] > before[i])
            assert stamp == [builds[answered]]
            seen.add(answered)
        assert seen == {0, 1}


def test_a_member_on_an_old_build_is_never_sealed_to() -> None:
    providers = [SimulatedTee(), SimulatedTee(measurement=OLD_BUILD), SimulatedTee()]
    with _fleet(*providers) as (url, balancer, upstream):
        endpoint = AttestedEndpoint(url, SIMULATED)
        with httpx.Client(transport=AttestedTransport(endpoint)) as client:
            assert {_ask(client, url) for _ in range(12)} == {"an answer"}
        assert not balancer.gateways[1].keys.current.seen
        assert len(upstream.requests) == 12
    with _fleet(SimulatedTee(measurement=OLD_BUILD)) as (url, _, upstream):
        client = httpx.Client(transport=AttestedTransport(url, SIMULATED))
        with client, pytest.raises(PolicyMismatchError):
            _ask(client, url)
        assert not upstream.requests


def test_rotation_is_no_error() -> None:
    with _fleet(*_three()) as (url, balancer, upstream):
        endpoint = AttestedEndpoint(url, SIMULATED)
        with httpx.Client(transport=AttestedTransport(endpoint)) as client:
            for turn in range(12):
                balancer.gateways[turn % 3].keys.rotate()
                balancer.gateways[turn % 3].keys._previous = None  # no overlap either
                assert _ask(client, url) == "an answer"
        assert len(upstream.requests) == 12
        assert len(endpoint.reports) <= 8


def test_keys_that_never_answer_are_dropped() -> None:
    with _fleet(SimulatedTee()) as (url, balancer, _):
        endpoint = AttestedEndpoint(url, SIMULATED)
        with httpx.Client(transport=AttestedTransport(endpoint)) as client:
            _ask(client, url)
            balancer.gateways[0].keys.rotate()
            balancer.gateways[0].keys._previous = None
            _ask(client, url)
            first, second = endpoint.reports
            for _ in range(200):
                endpoint.answered(first)
            assert endpoint.reports == [first]
            assert second is not first
            assert _ask(client, url) == "an answer"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_balancer_that_is_busy_is_asked_again(status: int) -> None:
    with _fleet(SimulatedTee()) as (url, balancer, upstream):
        with httpx.Client(transport=AttestedTransport(url, SIMULATED)) as client:
            _ask(client, url)
            balancer.refuse = (2, status, {})
            assert _ask(client, url) == "an answer"
        assert len(upstream.requests) == 2
        model = SecureChatModel(endpoint=f"{url}/v1", model="m", policy=SIMULATED)
        balancer.refuse = (2, status, {})
        assert model.invoke("x").content == "an answer"
        balancer.refuse = (2, status, {})
        assert asyncio.run(model.ainvoke("x")).content == "an answer"


def test_unavailable_is_apart_from_untrusted(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    clock = SimpleNamespace(sleep=waited.append, monotonic=time.monotonic)
    monkeypatch.setattr(attested, "time", clock)
    with _fleet(SimulatedTee()) as (url, balancer, upstream):
        with httpx.Client(transport=AttestedTransport(url, SIMULATED, tries=3)) as client:
            balancer.refuse = (100, 503, {"retry-after": "7"})
            with pytest.raises(EndpointUnavailableError, match="503") as raised:
                _ask(client, url)
            assert raised.value.is_retryable
            assert raised.value.retry_after == 7
            assert len(waited) == 2
            assert min(waited) >= 7  # no sooner than it asked for
            balancer.refuse = (100, 503, {"retry-after": "3600"})
            waited.clear()
            with pytest.raises(EndpointUnavailableError):
                _ask(client, url)
            assert not waited  # longer than anybody waits: the caller decides
            balancer.refuse = (1, 403, {})
            with pytest.raises(EvidenceInvalidError):
                _ask(client, url)
            balancer.refuse = (0, 503, {})
            _ask(client, url)
            balancer.refuse = (1, 404, {})
            with pytest.raises(ChannelError) as final:
                _ask(client, url)
            assert not isinstance(final.value, EndpointUnavailableError)
            assert not final.value.is_retryable
        model = SecureChatModel(endpoint=f"{url}/v1", model="m", policy=SIMULATED, max_retries=0)
        balancer.refuse = (1, 503, {})
        with pytest.raises(EndpointUnavailableError):
            model.invoke("x")
        assert len(upstream.requests) == 1


def test_a_request_under_way_twice_is_taken_once_by_each_machine() -> None:
    """Whoever is on the path turns answers into "another key" after they were given."""
    with _fleet(SimulatedTee()) as (url, balancer, upstream):
        gateway = balancer.gateways[0]

        async def lying(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["method"] == "GET":
                await gateway(scope, receive, send)
                return

            async def swallow(_: Any) -> None:
                return

            await gateway(scope, receive, swallow)
            head = [(b"content-type", b"application/problem+json")]
            await send({"type": "http.response.start", "status": 422, "headers": head})
            body = b'{"type": "urn:langchain-privacy:error:key"}'
            await send({"type": "http.response.body", "body": body})

        balancer.gateways[0] = lying
        client = httpx.Client(transport=AttestedTransport(url, SIMULATED))
        with client, pytest.raises(ChannelError):
            _ask(client, url)
        assert len(upstream.requests) == 1


# --- verdicts of a process ---


def test_models_of_a_process_share_verdicts() -> None:
    with _fleet(SimulatedTee()) as (url, balancer, _):
        models = [
            SecureChatModel(endpoint=f"{url}/v1", model="m", policy=SIMULATED) for _ in range(5)
        ]
        for model in models:
            model.invoke("x")
        attested = balancer.turns[0] - 5
        assert attested == 1
        assert len({id(model.attestation) for model in models}) == 1
        stricter = AttestationPolicy(
            require=[UnsafeSimulatedTee(measurements=[OLD_BUILD])], allow_unsafe=True
        )
        with pytest.raises(PolicyMismatchError):
            SecureChatModel(endpoint=f"{url}/v1", model="m", policy=stricter).invoke("x")


class _Slow(SimulatedTee):  # type: ignore[misc]  # it is Any: imported when first used
    """Evidence that waits until it may be made."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go, self.count = threading.Semaphore(0), threading.Event(), 0

    def cpu(self, report_data: bytes) -> Any:
        self.count += 1
        self.asked.release()
        assert self.go.wait(20)
        return super().cpu(report_data)


def test_waiting_threads_and_tasks_share_one_attempt() -> None:
    slow = _Slow()
    with _fleet(slow) as (url, _, _upstream), ThreadPoolExecutor(8) as pool:
        endpoint = AttestedEndpoint(url, SIMULATED)
        started = [pool.submit(AttestedTransport(endpoint).attest) for _ in range(6)]
        slow.asked.acquire()

        async def join() -> Any:
            transport = AsyncAttestedTransport(endpoint)
            waiting = asyncio.ensure_future(transport.attest())
            given_up = asyncio.ensure_future(transport.attest())
            await asyncio.sleep(0)
            given_up.cancel()  # must not take the others with it
            with contextlib.suppress(asyncio.CancelledError):
                await given_up
            slow.go.set()
            return await waiting

        report = asyncio.run(join())
        assert {id(each.result()) for each in started} == {id(report)}
    assert slow.count == 1


def test_a_refusal_is_shared_too() -> None:
    slow = _Slow()
    real = AttestationPolicy(
        require=[UnsafeSimulatedTee(measurements=[OLD_BUILD])], allow_unsafe=True
    )
    with _fleet(slow) as (url, balancer, _), ThreadPoolExecutor(8) as pool:
        endpoint = AttestedEndpoint(url, real)
        flights = [pool.submit(AttestedTransport(endpoint).attest) for _ in range(4)]
        slow.asked.acquire()
        while sum(f.running() for f in flights) < 4:
            pass
        slow.go.set()
        errors = [flight.exception() for flight in flights]
    assert all(isinstance(error, AttestationError) for error in errors)
    assert slow.count <= balancer.turns[0] <= 4


def test_challenges_are_served_together_up_to_a_limit() -> None:
    slow = _Slow()
    limits: dict[str, Any] = {"attestation_workers": 3, "max_waiting_attestations": 4}
    with _fleet(slow, **limits) as (url, _, _upstream), ThreadPoolExecutor(8) as pool:
        # Six clients that do not know of each other's verdicts.
        own = [AttestedEndpoint(url, SIMULATED) for _ in range(6)]
        flights = [pool.submit(AttestedTransport(endpoint).attest) for endpoint in own]
        for _ in range(3):
            slow.asked.acquire()
        assert not slow.asked.acquire(blocking=False)
        slow.go.set()
        for flight in flights:
            flight.result()


def test_a_slow_collateral_function_does_not_stop_the_loop() -> None:
    entered, go = threading.Event(), threading.Event()

    class Waiting(GatewayAdapter):
        def verify(self, *given: Any, **settings: Any) -> Any:
            entered.set()
            assert go.wait(20)
            return super().verify(*given, **settings)

    async def both(url: str) -> bool:
        transport = AsyncAttestedTransport(AttestedEndpoint(url, SIMULATED, adapter=Waiting()))
        attesting = asyncio.ensure_future(transport.attest())
        await asyncio.to_thread(entered.wait, 20)
        # The loop runs while the function waits, or nobody would let it go on.
        go.set()
        return (await attesting) is not None

    with _fleet(SimulatedTee()) as (url, _, _upstream):
        assert asyncio.run(both(url))


def test_the_environment_of_openai_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-environment")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-of-the-environment")
    with _fleet(SimulatedTee()) as (url, _, upstream):
        SecureChatModel(endpoint=f"{url}/v1", model="m", policy=SIMULATED).invoke("x")
        assert b"of-the-environment" not in upstream.wire
        given = {"endpoint": f"{url}/v1", "model": "m", "policy": SIMULATED}
        SecureChatModel(**given, organization="org-given").invoke("x")
        assert b"org-given" in upstream.wire


# --- EHBP: status and headers are not authenticated ---

EHBP = AttestationPolicy(require=[UnsafeSimulatedTee()], profile="ehbp-x25519", allow_unsafe=True)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (503, []),
        (429, [(b"retry-after", b"0"), (b"x-should-retry", b"true")]),
        (500, []),
        (200, [(b"content-encoding", b"gzip")]),
    ],
    ids=["503", "429", "500", "gzip"],
)
def test_ehbp_answers_with_another_head_are_executed_once(
    status: int, headers: list[tuple[bytes, bytes]]
) -> None:
    with _fleet(SimulatedTee()) as (url, balancer, upstream):
        gateway = balancer.gateways[0]

        async def rewriting(scope: Any, receive: Any, send: Any) -> None:
            async def changed(message: Any) -> None:
                sealed = b"ehbp-response-nonce" in dict(message.get("headers", []))
                if message["type"] == "http.response.start" and sealed:
                    kept = [*message["headers"], *headers]
                    message = {**message, "status": status, "headers": kept}
                await send(message)

            await gateway(scope, receive, changed)

        balancer.gateways[0] = rewriting
        model = SecureChatModel(endpoint=f"{url}/v1", model="m", policy=EHBP)
        with contextlib.suppress(Exception):
            assert model.invoke("x").content == "an answer"
        assert len(upstream.requests) == 1


def test_ehbp_is_not_sent_again_to_a_busy_balancer() -> None:
    with _fleet(SimulatedTee()) as (url, balancer, upstream):
        model = SecureChatModel(endpoint=f"{url}/v1", model="m", policy=EHBP)
        model.invoke("x")
        balancer.refuse = (1, 503, {})
        with pytest.raises(EndpointUnavailableError):
            model.invoke("x")
        assert len(upstream.requests) == 1


def test_attest_says_unavailable() -> None:
    with _fleet(SimulatedTee()) as (url, balancer, _):
        balancer.refuse = (2, 503, {})
        assert attest(url, SIMULATED).channel_keys


def test_an_endpoint_that_is_gone_may_come_back() -> None:
    for ask in (attest, lambda *given: asyncio.run(aattest(*given))):
        with pytest.raises(EndpointUnavailableError, match="cannot be reached") as raised:
            ask("http://127.0.0.1:1", SIMULATED)
        assert raised.value.is_retryable
