"""The attacker process with the gateway's TLS key: genuine machines in roles that are not theirs.

It ends TLS where the evidence says that TLS ends, and every quote that it shows is genuine and of
this very nonce; what refuses it are the roles of the policy alone.
"""

import dataclasses
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from langchain_privacy.errors import AttestationError, ConfigurationError
from langchain_privacy.secure import (
    AttestationPolicy,
    AttestedEndpoint,
    AttestedTransport,
    TdxEndorsements,
    TdxMeasurement,
    TdxPolicy,
    TrustedRoots,
)
from langchain_privacy.secure.adapters import NearAdapter
from tests.support.attested import attacker
from tests.support.field_services import NearService, collateral, compose_hash
from tests.support.tls import Identity, trusting
from tests.vectors.attestation import intel

SECRET = "patient-4711-has-gout"
CHAT = {"model": "m", "messages": [{"role": "user", "content": SECRET}]}
IMAGE = TdxMeasurement(**{name: value.hex() for name, value in intel.REGISTERS.items()})
GATEWAY, MODEL = (
    dataclasses.replace(IMAGE, compose_hash=compose_hash(name)) for name in ("gateway", "model")
)
APART = {
    "near-gateway": TdxPolicy(measurements=[GATEWAY]),
    "near-model": TdxPolicy(measurements=[MODEL]),
}
ALIKE = dict.fromkeys(APART, TdxPolicy(measurements=[GATEWAY, MODEL]))
"""A careless policy: either build may play either role."""

CONFUSIONS = [
    "gateway_as_model",
    "another_gateway_as_model",
    "gateway_before_the_model",
    "model_as_gateway",
    "roles_swapped",
    "model_key_of_the_gateway",
]
ONE_MACHINE = [
    "gateway_as_model",
    "gateway_before_the_model",
    "model_as_gateway",
    "model_key_of_the_gateway",
]


@pytest.fixture(scope="module")
def tls(tmp_path_factory) -> Identity:
    return Identity(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def service(tls) -> Iterator[NearService]:
    with NearService(tls) as server:
        yield server


@pytest.fixture(scope="module")
def proxy(service, tls) -> Iterator[str]:
    port = httpx.URL(service.url).port
    with attacker(port, port, tls.certificate, tls.key) as at:
        yield f"https://127.0.0.1:{at}"


@pytest.fixture
def attack(proxy, tls, tmp_path) -> Callable[[str], Path]:
    """Choose what the attacker does; gives the file with all it saw inside TLS."""

    def choose(mode: str) -> Path:
        log = tmp_path / "wire.bin"
        log.touch()
        context: ssl.SSLContext = trusting(tls)
        httpx.get(f"{proxy}/__attack/{mode}?{log}", verify=context).raise_for_status()
        return log

    return choose


def _ask(proxy: str, tls: Identity, roles: dict[str, TdxPolicy]) -> str:
    policy = AttestationPolicy(roles=roles, profile="near-ed25519-v2", require_tls_binding=True)
    adapter = NearAdapter("m", TdxEndorsements(collateral=collateral()), accept_unbound_fields=True)
    roots = TrustedRoots(intel_sgx_der=intel.root())
    endpoint = AttestedEndpoint(f"{proxy}/v1", policy, adapter=adapter, roots=roots)
    with httpx.Client(transport=AttestedTransport(endpoint, verify=trusting(tls))) as client:
        reply = client.post(f"{proxy}/v1/chat/completions", json=CHAT)
        content: str = reply.json()["choices"][0]["message"]["content"]
        return content


def test_an_attacker_who_does_nothing_gets_nothing(proxy, tls, service, attack) -> None:
    log = attack("nothing")
    assert _ask(proxy, tls, APART) == f"echo {SECRET}"
    wire = log.read_bytes()
    assert b"POST" in wire
    assert SECRET.encode() not in wire


@pytest.mark.parametrize(
    ("mode", "roles"),
    [(mode, APART) for mode in CONFUSIONS] + [(mode, ALIKE) for mode in ONE_MACHINE],
    ids=[f"{mode}-apart" for mode in CONFUSIONS] + [f"{mode}-alike" for mode in ONE_MACHINE],
)
def test_a_machine_in_a_role_that_is_not_its_own_is_refused(
    proxy, tls, service, attack, mode, roles
) -> None:
    before = len(service.seen)
    log = attack(mode)
    with pytest.raises(AttestationError):
        _ask(proxy, tls, roles)
    wire = log.read_bytes()
    assert b"GET /v1/attestation/report" in wire
    assert b"POST" not in wire
    assert len(service.seen) == before


def test_a_list_without_roles_is_no_policy_for_such_a_service(proxy, tls) -> None:
    with pytest.raises(ConfigurationError):
        _ask(proxy, tls, {})
