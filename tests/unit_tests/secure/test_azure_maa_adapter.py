"""An Azure gateway over real HTTP; its tokens are synthetic, signed by the checked-in authority."""

import base64
import datetime as dt
import json
from collections.abc import Iterator

import httpx
import pytest

from langchain_privacy.errors import (
    AttestationError,
    ConfigurationError,
    EvidenceExpiredError,
    EvidenceInvalidError,
    PolicyMismatchError,
)
from langchain_privacy.secure import (
    AttestationPolicy,
    AttestedEndpoint,
    AttestedTransport,
    AzureMaaPolicy,
    ConfidentialVm,
    SevSnpPolicy,
    create_gateway,
)
from langchain_privacy.secure.adapters import AzureMaaAdapter, MaaToken, fetch_maa_keys
from tests.support.asgi import AsgiServer
from tests.support.http import OpenAIServer, RecordingServer, Reply
from tests.vectors.attestation import cases

ISSUER = "https://test.attest.azure.net"
POLICY = AttestationPolicy(require=[AzureMaaPolicy(policy_hashes=["hash"])])
CHAT = {"model": "m", "messages": [{"role": "user", "content": "private words"}]}


class Azure:
    """Azure's guest attestation, which puts the payload into a token in base64."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Make tokens that nothing is wrong with."""
        self.changes: dict = {}
        self.text: str | None = None

    def __call__(self, text: str) -> str:
        nonce = base64.b64encode((self.text or text).encode()).decode()
        now = int(dt.datetime.now(dt.UTC).timestamp())
        claims = {
            **cases._maa_claims(**{"x-ms-runtime": {"client-payload": {"nonce": nonce}}}),
            "iat": now,
            "nbf": now,
            "exp": now + 28800,
            **self.changes,
        }
        return cases.token(claims, alg="RS256", kid="test-rsa", extra={"jku": "https://x"})


@pytest.fixture(scope="module")
def upstream() -> Iterator[OpenAIServer]:
    with OpenAIServer(lambda request: f"echo {request['messages'][-1]['content']}") as server:
        yield server


@pytest.fixture(scope="module")
def attestation() -> Azure:
    return Azure()


@pytest.fixture
def azure(attestation) -> Iterator[Azure]:
    yield attestation
    attestation.reset()


@pytest.fixture(scope="module")
def gateway(upstream, attestation) -> Iterator[str]:
    provider = ConfidentialVm(MaaToken(attestation))
    with AsgiServer(create_gateway(upstream.url.removesuffix("/v1"), provider)) as server:
        yield server.url


def _post(gateway: str, policy: AttestationPolicy = POLICY, **adapter):
    settings = {"issuer": ISSUER, "keys": cases.jwks, **adapter}
    endpoint = AttestedEndpoint(gateway, policy, adapter=AzureMaaAdapter(**settings))
    with httpx.Client(transport=AttestedTransport(endpoint)) as client:
        reply = client.post(f"{gateway}/v1/chat/completions", json=CHAT).json()
    return reply["choices"][0]["message"]["content"], endpoint.report


def test_token_binds_the_channel(gateway) -> None:
    content, report = _post(gateway)
    assert content == "echo private words"
    assert report.parts[0].subject == "azure-maa"
    assert "azure-maa.nonce" not in report.summary()["checks_skipped"]


def test_pcrs_alone_identify_a_workload(gateway, azure) -> None:
    azure.changes = {"attested-pcr-values": {"4": "aa"}}
    policy = AttestationPolicy(require=[AzureMaaPolicy(pcrs={"4": "aa"})])
    assert _post(gateway, policy)[0] == "echo private words"
    with pytest.raises(PolicyMismatchError):
        _post(gateway, AttestationPolicy(require=[AzureMaaPolicy(pcrs={"4": "bb"})]))


@pytest.mark.parametrize(
    ("changes", "text", "error"),
    [
        ({}, "00" * 32, EvidenceExpiredError),  # about other keys, or another challenge
        ({"x-ms-runtime": {}}, None, EvidenceExpiredError),
        ({"x-ms-policy-hash": "other"}, None, PolicyMismatchError),
        ({"secureboot": False}, None, PolicyMismatchError),
        ({"iss": "https://evil.attest.azure.net"}, None, EvidenceInvalidError),
        ({"exp": 1, "iat": 0, "nbf": 0}, None, EvidenceExpiredError),
        ({"exp": 9_999_999_999}, None, EvidenceInvalidError),
    ],
)
def test_other_tokens_are_refused(gateway, azure, upstream, changes, text, error) -> None:
    azure.changes, azure.text = changes, text
    before = len(upstream.requests)
    with pytest.raises(AttestationError) as refused:
        _post(gateway)
    assert type(refused.value) is error
    assert len(upstream.requests) == before


def test_other_adapters_and_policies_refuse_it(gateway) -> None:
    with (
        pytest.raises(EvidenceInvalidError),
        httpx.Client(transport=AttestedTransport(gateway, POLICY)) as client,
    ):
        client.post(f"{gateway}/v1/chat/completions", json=CHAT)
    with pytest.raises(PolicyMismatchError):
        _post(gateway, AttestationPolicy(require=[SevSnpPolicy(measurements=["ab" * 48])]))
    with pytest.raises(EvidenceInvalidError):
        _post(gateway, keys={"keys": []})


def test_keys_come_from_the_configured_issuer(gateway) -> None:
    keys = json.dumps(cases.jwks()).encode()
    replies = {"/certs": Reply(body=keys)}
    with RecordingServer(lambda r: replies.get(r.path, Reply(status=404))) as server:
        fetched = fetch_maa_keys(server.url)
        assert _post(gateway, keys=fetched)[0] == "echo private words"
        with pytest.raises(EvidenceInvalidError):
            fetch_maa_keys(f"{server.url}/other")
    with pytest.raises(EvidenceInvalidError):
        fetch_maa_keys(server.url)
    with pytest.raises(ConfigurationError):
        fetch_maa_keys("http://sharedweu.weu.attest.azure.net")
