"""The TLS key in the evidence, on real TLS connections: the attested one, and somebody else's."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from langchain_privacy.errors import AttestationError, PolicyMismatchError
from langchain_privacy.secure import (
    AsyncAttestedTransport,
    AttestationPolicy,
    AttestedTransport,
    SecureChatModel,
    SimulatedTee,
    UnsafeSimulatedTee,
    aattest,
    attest,
    create_gateway,
)
from tests.support.asgi import AsgiServer
from tests.support.http import OpenAIServer
from tests.support.tls import Identity, trusting

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")

CHAT = {"model": "m", "messages": [{"role": "user", "content": "private words"}]}


def _policy(**changes) -> AttestationPolicy:
    settings = {"require_tls_binding": True, **changes}
    return AttestationPolicy(require=[UnsafeSimulatedTee()], allow_unsafe=True, **settings)


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Identity:
    return Identity(tmp_path_factory.mktemp("tls"), "own")


@pytest.fixture(scope="module")
def upstream() -> Iterator[OpenAIServer]:
    with OpenAIServer(lambda request: f"echo {request['messages'][-1]['content']}") as server:
        yield server


def _gateway(upstream: OpenAIServer, attested: str | None, identity: Identity) -> AsgiServer:
    url = upstream.url.removesuffix("/v1")
    return AsgiServer(create_gateway(url, SimulatedTee(), tls_spki_sha256=attested), tls=identity)


@pytest.mark.parametrize("profile", ["x-wing", "ehbp-x25519"])
def test_the_attested_key_is_accepted(upstream, own, profile) -> None:
    with _gateway(upstream, own.spki_sha256, own) as server:
        context, policy = trusting(own), _policy(profile=profile)
        report = attest(server.url, policy, verify=context)
        assert report.claims["tls_spki_sha256"] == own.spki_sha256
        transport = AttestedTransport(server.url, policy, verify=context)
        with httpx.Client(transport=transport) as client:
            for _ in range(2):
                reply = client.post(f"{server.url}/v1/chat/completions", json=CHAT)
                assert reply.json()["choices"][0]["message"]["content"] == "echo private words"


def test_the_attested_key_is_accepted_async_and_by_the_chat_model(upstream, own) -> None:
    with _gateway(upstream, own.spki_sha256, own) as server:
        context = trusting(own)

        async def post() -> str:
            transport = AsyncAttestedTransport(server.url, _policy(), verify=context)
            async with httpx.AsyncClient(transport=transport) as client:
                reply = await client.post(f"{server.url}/v1/chat/completions", json=CHAT)
            return reply.json()["choices"][0]["message"]["content"]

        assert asyncio.run(post()) == "echo private words"
        model = SecureChatModel(endpoint=server.url, model="m", policy=_policy(), tls=context)
        assert model.invoke("private words").content == "echo private words"
        model.http_client.close()


def test_a_key_that_the_evidence_does_not_name_is_refused(upstream, own, tmp_path) -> None:
    """TLS ends at another machine, which passes the evidence on, with a certificate all trust."""
    other = Identity(tmp_path, "other")
    before = len(upstream.requests)
    with _gateway(upstream, own.spki_sha256, other) as server:
        context = trusting(own, other)
        # The evidence names a key, so it is compared whether the policy asks for one or not.
        for policy in (_policy(), _policy(require_tls_binding=False)):
            with pytest.raises(PolicyMismatchError) as refused:
                attest(server.url, policy, verify=context)
            assert refused.value.check == "endpoint.tls_binding"
        with pytest.raises(PolicyMismatchError, match="does not end at the attested"):
            asyncio.run(aattest(server.url, _policy(), verify=context))
    assert len(upstream.requests) == before


def test_evidence_that_names_no_key_is_refused_where_one_is_asked_for(upstream, own) -> None:
    with _gateway(upstream, None, own) as server:
        with pytest.raises(PolicyMismatchError, match="there is none"):
            attest(server.url, _policy(), verify=trusting(own))
        attest(server.url, _policy(require_tls_binding=False), verify=trusting(own))


def test_each_connection_is_compared_not_the_first_alone(upstream, own, tmp_path) -> None:
    """Attest on one connection, be sent to another machine on the next: nothing of it is used."""
    other = Identity(tmp_path, "other")
    with _gateway(upstream, own.spki_sha256, own) as honest:
        port = honest.port
        context = trusting(own, other)
        transport = AttestedTransport(honest.url, _policy(), verify=context)
        assert transport.attest().claims["tls_spki_sha256"] == own.spki_sha256
        transport.close()
    report = transport.report
    assert report is not None
    with _gateway(upstream, own.spki_sha256, other) as elsewhere:
        # The same client, its verdict still in force, on a new connection to the other machine.
        transport.endpoint.port, transport.endpoint.origin = elsewhere.port, elsewhere.url
        again = AttestedTransport(transport.endpoint, verify=context)
        with httpx.Client(transport=again) as client, pytest.raises(Exception) as refused:
            client.post(f"{elsewhere.url}/v1/chat/completions", json=CHAT)
    assert isinstance(refused.value, PolicyMismatchError)
    assert port != elsewhere.port


def test_an_unknown_authority_is_named_as_that(own) -> None:
    app = create_gateway("http://127.0.0.1:9", SimulatedTee())
    with AsgiServer(app, tls=own) as server:
        with pytest.raises(AttestationError, match="authority that is not trusted here"):
            attest(server.url, _policy(require_tls_binding=False))
        policy = _policy(require_tls_binding=False)
        assert attest(server.url, policy, verify=trusting(own)).channel_keys
