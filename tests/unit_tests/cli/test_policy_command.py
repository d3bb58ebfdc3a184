"""`langchain-privacy policy`: from nothing to a verified answer, what changed, and words."""

import json
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from langchain_privacy.cli import main
from langchain_privacy.errors import ConfigurationError, PolicyMismatchError
from langchain_privacy.secure import (
    AttestationPolicy,
    AttestedEndpoint,
    SimulatedTee,
    TrustedRoots,
    create_gateway,
)
from langchain_privacy.secure.collateral import Collateral
from langchain_privacy.secure.evidence.tdx import TdxEndorsements
from langchain_privacy.secure.policy_from_service import Service, observe, policy_for
from langchain_privacy.secure.transport import attest
from tests.support.asgi import AsgiServer
from tests.support.field_services import AciService, NearService, collateral, compose_hash
from tests.support.http import OpenAIServer
from tests.support.tls import Identity, trusting
from tests.vectors.attestation import intel

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")
ROOTS = TrustedRoots(intel_sgx_der=intel.root())
OTHER = "ab" * 48


@pytest.fixture
def served():
    with OpenAIServer(lambda _: "an answer") as upstream:
        url = upstream.url.removesuffix("/v1")
        with (
            AsgiServer(create_gateway(url, SimulatedTee())) as one,
            AsgiServer(create_gateway(url, SimulatedTee(measurement=OTHER))) as other,
        ):
            yield one.url, other.url


def _run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_three_commands_to_a_verified_answer(served, tmp_path, capsys) -> None:
    url, _ = served
    key = Ed25519PrivateKey.generate()
    pem = tmp_path / "key.pem"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    policy = tmp_path / "policy.json"
    made = ("policy", "from-service", "gateway", f"{url}/v1", "--output", policy)
    assert _run(*made, "--sign-with", pem) == 1
    assert "found a simulated TEE, wanted hardware" in capsys.readouterr().out
    assert not policy.exists()
    assert _run(*made, "--sign-with", pem, "--unsafe-simulated") == 0
    shown = capsys.readouterr().out
    assert "measurement" in shown
    signer = key.public_key().public_bytes_raw().hex()
    assert _run("attest", f"{url}/v1", "--policy", policy, "--signed-by", signer) == 0
    assert _run("policy", "explain", policy) == 0
    words = capsys.readouterr().out
    assert "SIMULATED machine" in words
    assert f"it is for {url}" in words


def test_diff_says_what_a_service_has_changed(served, tmp_path, capsys) -> None:
    url, changed = served
    policy = tmp_path / "policy.json"
    made = ("policy", "from-service", "gateway", url, "--output", policy, "--unsafe-simulated")
    assert _run(*made) == 0
    capsys.readouterr()
    assert _run("policy", "diff", policy, url, "--unsafe-simulated") == 0
    assert "nothing has changed" in capsys.readouterr().out
    assert _run("policy", "diff", policy, changed, "--unsafe-simulated") == 1
    shown = capsys.readouterr().out
    assert f"+ {OTHER}" in re.sub(r"\s+", " ", shown)


def test_a_policy_is_for_one_service_and_until_a_day(served, tmp_path) -> None:
    url, other = served
    service = Service("gateway")
    policy = policy_for(observe(url, service), service, url=url, allow_simulated=True)
    assert attest(f"{url}/v1", policy).channel_keys
    with pytest.raises(ConfigurationError, match="is for"):
        AttestedEndpoint(other, policy)
    path = tmp_path / "policy.json"
    policy.save(path)
    content = json.loads(path.read_text())
    content["expires"] = "2001-01-01"
    path.write_text(json.dumps(content))
    with pytest.raises(PolicyMismatchError, match="2001-01-01"):
        attest(url, AttestationPolicy.load(path))
    for bad in ("soon", 5, "2001-13-01", ["2001-01-01"]):
        path.write_text(json.dumps({**content, "expires": bad}))
        with pytest.raises(ConfigurationError):
            AttestationPolicy.load(path)


class _Given(Collateral):
    """Collateral of the checked-in Intel."""

    def tdx(self, quote: bytes) -> TdxEndorsements:
        return TdxEndorsements(collateral=collateral())


@pytest.mark.parametrize(("kind", "server"), [("near", NearService), ("dstack", AciService)])
def test_services_on_dstack_are_observed(kind, server, tmp_path) -> None:
    tls = Identity(tmp_path)
    service = Service(kind, _Given(tmp_path), model="m")
    with server(tls) as served:
        trusted = {"roots": ROOTS, "verify": trusting(tls)}
        report = observe(served.url, service, **trusted)
        policy = policy_for(report, service, url=served.url)
        text = json.dumps(json.loads(obtain_dumps(policy)))
        assert compose_hash("model") in text
        endpoint = AttestedEndpoint(
            served.url, policy, adapter=service.adapter(served.url), roots=ROOTS
        )
        assert attest(endpoint, verify=trusting(tls)).channel_keys
        if kind == "near":
            assert set(policy.roles) == {"near-gateway", "near-model"}
        with pytest.raises(PolicyMismatchError, match="found OutOfDate, wanted UpToDate"):
            _old_platform(report, service, served.url)


def obtain_dumps(policy: AttestationPolicy) -> bytes:
    from langchain_privacy.secure.policy.attestation import dumps

    return dumps(policy)


def _old_platform(report, service, url) -> None:
    """The same machines, of which Intel says that they are out of date."""
    import dataclasses

    def aged(part):
        claims = dict(part.claims)
        if "tcb_status" in claims:
            claims["tcb_status"] = "OutOfDate"
        return dataclasses.replace(part, claims=claims, parts=tuple(map(aged, part.parts)))

    policy_for(aged(report), service, url=url)


@pytest.mark.parametrize(
    ("kind", "given", "text"),
    [("near", {}, "collateral"), ("azure-maa", {}, "issuer"), ("other", {}, "one of")],
)
def test_what_a_kind_needs_is_said(kind, given, text) -> None:
    with pytest.raises(ConfigurationError, match=text):
        Service(kind, **given).adapter("https://llm.example.com")


def test_refusals_of_the_command_are_one_line(tmp_path, capsys) -> None:
    assert _run("policy", "explain", tmp_path / "none.json") == 1
    assert capsys.readouterr().err.startswith("langchain-privacy:")
    assert _run("policy", "from-service", "gateway", "http://127.0.0.1:1") == 1
    assert "cannot be reached" in capsys.readouterr().out
    bad = ("policy", "from-service", "near", "https://x.example", "--vendor", "nobody=http://x")
    assert _run(*bad) == 1
    assert "amd" in capsys.readouterr().err
