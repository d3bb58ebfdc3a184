"""A verdict is renewed before it ends, while requests go on under it; and clients in pairs."""

import asyncio
import threading
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import openai
import pytest
from langchain_openai import ChatOpenAI

from langchain_privacy.errors import (
    ConfigurationError,
    EndpointUnavailableError,
    PolicyMismatchError,
)
from langchain_privacy.secure import (
    AsyncAttestedTransport,
    AttestedEndpoint,
    AttestedTransport,
    SimulatedTee,
    UnsafePolicyWarning,
    attest,
    attested_clients,
    create_gateway,
)
from langchain_privacy.secure import (
    endpoint as endpoint_module,
)
from langchain_privacy.secure.adapters import GatewayAdapter
from tests.support.asgi import AsgiServer
from tests.support.attested import REAL, SIMULATED
from tests.support.fleet import Balancer
from tests.support.http import OpenAIServer

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")
CHAT = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
LIFE = SIMULATED.max_age_seconds


class Held(GatewayAdapter):
    """The gateway's adapter, whose verifications wait once they are held."""

    def __init__(self) -> None:
        self.held, self.refuses, self.count = False, False, 0
        self.entered, self.go = threading.Event(), threading.Event()

    def verify(self, *given: Any, **settings: Any) -> Any:
        self.count += 1
        if self.held:
            self.entered.set()
            assert self.go.wait(60)
        if self.refuses:
            msg = "another build"
            raise PolicyMismatchError(msg, check="test")
        return super().verify(*given, **settings)


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """Seconds of the monotonic clock of verdicts, which a test sets."""
    at = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(endpoint_module, "time", SimpleNamespace(monotonic=lambda: at.now))
    return at


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, Balancer, OpenAIServer]]:
    with OpenAIServer(lambda _: "an answer") as upstream, warnings.catch_warnings():
        warnings.simplefilter("ignore", UnsafePolicyWarning)
        gateway = create_gateway(upstream.url.removesuffix("/v1"), SimulatedTee())
        balancer = Balancer([gateway])
        with AsgiServer(balancer) as server:
            yield server.url, balancer, upstream


def _attestations() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "attestation"]


def test_requests_go_on_while_a_verdict_is_renewed(served, clock) -> None:
    url, *_ = served
    adapter = Held()
    endpoint = AttestedEndpoint(url, SIMULATED, adapter=adapter)
    with httpx.Client(transport=AttestedTransport(endpoint), timeout=60) as client:

        def ask() -> None:
            client.post(f"{url}/v1/chat/completions", json=CHAT).raise_for_status()

        ask()
        first = endpoint.report
        clock.now += 0.7 * LIFE
        ask()
        assert adapter.count == 1
        clock.now += 0.1 * LIFE
        adapter.held = True
        ask()  # comes back though the renewal cannot
        ask()
        assert adapter.entered.wait(60)
        assert endpoint.report is first
        assert len(_attestations()) == 1
        adapter.go.set()
    assert not _attestations()
    assert adapter.count == 2
    # Of the same key and in force for a whole time from now on.
    assert endpoint.report is not first
    clock.now += 0.5 * LIFE
    assert endpoint.report is not None


def test_the_same_in_a_loop(served, clock) -> None:
    url, *_ = served
    adapter = Held()
    endpoint = AttestedEndpoint(url, SIMULATED, adapter=adapter)

    async def run() -> None:
        transport = AsyncAttestedTransport(endpoint)
        async with httpx.AsyncClient(transport=transport, timeout=60) as client:

            async def ask() -> None:
                reply = await client.post(f"{url}/v1/chat/completions", json=CHAT)
                reply.raise_for_status()

            await ask()
            first = endpoint.report
            clock.now += 0.8 * LIFE
            adapter.held = True
            await ask()
            await asyncio.to_thread(adapter.entered.wait, 60)
            assert endpoint.report is first
            adapter.go.set()
            await transport._renewal
            assert endpoint.report is not first
            assert adapter.count == 2
            # A client that is closed gives a renewal up, and leaves no task behind.
            clock.now += 0.8 * LIFE
            adapter.entered.clear()
            adapter.go.clear()
            await ask()
            await asyncio.to_thread(adapter.entered.wait, 60)
        adapter.go.set()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


@pytest.mark.parametrize("refused", [True, False])
def test_what_cannot_be_renewed_holds_until_its_end(served, clock, caplog, refused) -> None:
    url, balancer, _ = served
    adapter = Held()
    endpoint = AttestedEndpoint(url, SIMULATED, adapter=adapter)
    transport = AttestedTransport(endpoint, tries=1)
    with httpx.Client(transport=transport, timeout=60) as client:

        def ask() -> None:
            client.post(f"{url}/v1/chat/completions", json=CHAT).raise_for_status()
            if transport._renewal is not None:
                transport._renewal.join()

        ask()
        first, turns = endpoint.report, balancer.turns[0]
        clock.now += 0.8 * LIFE
        if refused:
            adapter.refuses = True
        else:
            # The renewal is the only one to ask for evidence, and finds nobody.
            challenge, endpoint.challenge = endpoint.challenge, _gone
        for _ in range(5):
            ask()
        assert endpoint.report is first
        assert "was not renewed" in caplog.text
        # Once for all five requests: five of them, and one challenge where it arrives.
        assert balancer.turns[0] - turns == 5 + refused
        clock.now += 0.1 * LIFE
        ask()
        assert caplog.text.count("was not renewed") == 2
        clock.now += 0.2 * LIFE
        if not refused:
            endpoint.challenge = challenge
            ask()
            assert endpoint.report not in (None, first)
            return
        with pytest.raises(PolicyMismatchError):
            ask()
        assert endpoint.report is None


def _gone() -> Any:
    raise EndpointUnavailableError("gone", check="fetch")


class Breaking(httpx.HTTPTransport):
    """A connection that breaks a few times before anything is sent."""

    def __init__(self, breaks: int) -> None:
        super().__init__()
        self.left = breaks

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.left:
            self.left -= 1
            raise httpx.ReadError("reset")
        return super().handle_request(request)


def test_evidence_is_asked_for_again_when_the_connection_breaks(served) -> None:
    url, *_ = served
    transport = AttestedTransport(url, SIMULATED, inner=Breaking(2))
    with httpx.Client(transport=transport) as client:
        assert client.post(f"{url}/v1/chat/completions", json=CHAT).status_code == 200
        transport._inner.left = 3  # idle connections of a server that was restarted
        assert client.post(f"{url}/v1/chat/completions", json=CHAT).status_code == 200
        transport._inner.left = 4
        with pytest.raises(httpx.ReadError):
            client.post(f"{url}/v1/chat/completions", json=CHAT)
    with pytest.raises(EndpointUnavailableError):
        AttestedTransport(url, SIMULATED, inner=Breaking(2), tries=2).attest()


@pytest.fixture
def clients(served):
    url, *_ = served
    made = attested_clients(f"{url}/v1", SIMULATED)
    yield made
    made["http_client"].close()


def test_both_clients_of_a_chat_model_attest(served, clients) -> None:
    _, balancer, upstream = served
    before, turns = len(upstream.requests), balancer.turns[0]
    model = ChatOpenAI(model="m", api_key="k", max_retries=0, **clients)
    assert model.invoke("private words").content == "an answer"

    async def ask() -> str:
        async with clients["http_async_client"]:
            return (await model.ainvoke("private words")).content

    assert asyncio.run(ask()) == "an answer"
    assert "".join(c.content for c in model.stream("private words")) == "an answer"
    assert len(upstream.requests) - before == 3
    assert balancer.turns[0] - turns == 4  # one verdict for both


def test_a_client_that_is_left_out_reaches_nobody(served, clients, monkeypatch) -> None:
    """LangChain makes a plain client of its own where none is given."""
    _, balancer, _ = served
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    given = {name: clients[name] for name in ("base_url", "http_client")}
    model = ChatOpenAI(model="m", api_key="k", max_retries=0, **given)
    model.invoke("private words")
    turns = balancer.turns[0]
    with pytest.raises(openai.APIConnectionError):
        asyncio.run(model.ainvoke("private words"))
    assert balancer.turns[0] == turns


def test_a_pair_is_refused_like_any_other(served) -> None:
    url, _, upstream = served
    before = len(upstream.requests)
    made = attested_clients(url, REAL, library="httpx")
    assert made["base_url"] == "https://attested.invalid/v1"
    with made["http_client"] as client, pytest.raises(PolicyMismatchError):
        client.post(f"{made['base_url']}/chat/completions", json=CHAT)
    assert len(upstream.requests) == before
    with pytest.raises(ConfigurationError):
        attested_clients(url, None)
    with pytest.raises(ConfigurationError, match="httpx"):
        attested_clients(url, SIMULATED, library="no_such_library")


def test_nothing_stops_the_loop(served) -> None:
    """A watchdog counts how often the loop comes round while evidence is verified."""
    url, *_ = served
    adapter, rounds = Held(), 0
    adapter.held = True

    async def run() -> str:
        nonlocal rounds
        made = attested_clients(f"{url}/v1", SIMULATED, adapter=adapter)
        model = ChatOpenAI(model="m", api_key="k", max_retries=0, **made)
        answer = asyncio.ensure_future(model.ainvoke("private words"))
        await asyncio.to_thread(adapter.entered.wait, 60)
        while rounds < 1000:
            await asyncio.sleep(0)
            rounds += 1
        assert not answer.done()
        adapter.go.set()
        content = (await answer).content
        made["http_client"].close()
        await made["http_async_client"].aclose()
        return content

    assert asyncio.run(run()) == "an answer"
    assert attest(url, SIMULATED).channel_keys
    assert not _attestations()
