"""Services that are not what they should be: each is refused in a line, and nothing is written."""

import datetime as dt
import json
import socket
import warnings

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from langchain_privacy.cli import main
from langchain_privacy.errors import (
    AttestationError,
    EndpointUnavailableError,
    EvidenceExpiredError,
    EvidenceInvalidError,
)
from langchain_privacy.secure import (
    AttestationPolicy,
    AttestedEndpoint,
    AzureMaaPolicy,
    SimulatedTee,
    UnsafePolicyWarning,
    attest,
    create_gateway,
)
from langchain_privacy.secure.adapters import TinfoilV3Adapter
from langchain_privacy.secure.collateral import Collateral
from langchain_privacy.secure.evidence.azure_maa import verify_azure_maa
from langchain_privacy.secure.report import utc_now
from langchain_privacy.secure.transport import base
from tests.support import tinfoil
from tests.support.asgi import AsgiServer
from tests.support.attested import SIMULATED
from tests.support.http import OpenAIServer, RecordingServer, Reply
from tests.support.vendors import REPORT, ROOTS, services
from tests.vectors.attestation import cases

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")
HOUR = dt.timedelta(hours=1)
PORTAL = b"<html>Welcome to the airport. Accept to go on.</html>"


def _run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.mark.parametrize("kind", ["gateway", "azure", "azure-maa", "near", "dstack", "tinfoil"])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=PORTAL, headers={"content-type": "text/html"}),
        Reply(status=302, headers={"location": "http://portal.example"}),
        Reply(status=511, body=PORTAL),
        Reply(body=b""),
        Reply(body=b'{"format": "the-next-one/v9", "evidence": []}'),
        Reply(body=b"[" * 50_000),
        Reply(body=b"x" * 3_000_000),
    ],
    ids=["portal", "redirect", "sign-in", "empty", "another-format", "nested", "too-large"],
)
def test_no_policy_comes_of_it(tmp_path, capsys, kind, reply) -> None:
    written = tmp_path / "policy.json"
    with RecordingServer(lambda _: reply) as server:
        asked = ("policy", "from-service", kind, server.url, "--output", written)
        kept = ("--collateral", tmp_path / "kept", "--issuer", server.url, "--model", "m")
        assert _run(*asked, *kept, "--unsafe-simulated") == 1
    shown = capsys.readouterr()
    assert "refused" in shown.out
    assert "Traceback" not in shown.out + shown.err
    assert not written.exists()


def test_a_service_that_is_silent_is_unavailable(tmp_path, monkeypatch) -> None:
    """It accepts connections and says nothing; the time that is waited for it is what is set."""
    monkeypatch.setattr(base, "_STEP_SECONDS", dict.fromkeys(base._STEP_SECONDS, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(EndpointUnavailableError) as raised:
            attest(url, SIMULATED)
        assert raised.value.is_retryable
        vendors = Collateral(tmp_path, services=services(url), seconds=0.2)
        with pytest.raises(EndpointUnavailableError):
            vendors.snp(REPORT)


def test_policies_of_nobody_another_service_and_of_yesterday(tmp_path, capsys) -> None:
    key = Ed25519PrivateKey.generate()
    signer = key.public_key().public_bytes_raw().hex()
    path = tmp_path / "policy.json"
    with OpenAIServer(lambda _: "an answer") as upstream, warnings.catch_warnings():
        warnings.simplefilter("ignore", UnsafePolicyWarning)
        app = create_gateway(upstream.url.removesuffix("/v1"), SimulatedTee())
        with AsgiServer(app) as gateway:
            asked = ("attest", gateway.url, "--policy", path, "--signed-by", signer)

            def refusal(policy: AttestationPolicy, by: Ed25519PrivateKey | None) -> str:
                path.with_name("policy.json.sig").unlink(missing_ok=True)
                policy.save(path, sign_with=by)
                assert _run(*asked) == 1
                shown = capsys.readouterr()
                return shown.out + shown.err

            assert "cannot be read" in refusal(SIMULATED, None)
            assert "does not hold" in refusal(SIMULATED, Ed25519PrivateKey.generate())
            common = {"require": SIMULATED.require, "allow_unsafe": True}
            other = AttestationPolicy(**common, service="https://llm.example.com")
            assert "is for https://llm.example.com" in refusal(other, key)
            yesterday = (utc_now() - dt.timedelta(days=1)).date().isoformat()
            assert yesterday in refusal(AttestationPolicy(**common, expires=yesterday), key)
            here = AttestationPolicy(**common, service=gateway.url)
            here.save(path, sign_with=key)
            assert _run(*asked) == 0


@pytest.mark.parametrize("off", [-HOUR, HOUR], ids=["slow", "fast"])
def test_a_clock_that_is_an_hour_off(off) -> None:
    """Keys of a day and a verdict of an hour bear it; a token must not be of the future."""

    def clock() -> dt.datetime:
        return utc_now() + off

    with OpenAIServer(lambda _: "an answer") as upstream:
        app = create_gateway(upstream.url.removesuffix("/v1"), SimulatedTee())
        with AsgiServer(app) as gateway:
            endpoint = AttestedEndpoint(gateway.url, SIMULATED, clock=clock)
            report = attest(endpoint)
            # By the own clock the verdict is in force, and for no longer than the policy says.
            assert endpoint.report is report
            assert report.not_after - clock() <= dt.timedelta(seconds=SIMULATED.max_age_seconds)

    now = int(utc_now().timestamp())
    claims = {**cases._maa_claims(), "iat": now, "nbf": now, "exp": now + 28_800}
    token = cases.token(claims, alg="RS256", kid="test-rsa")
    policy = AzureMaaPolicy(policy_hashes=["hash"])

    def verify() -> None:
        verify_azure_maa(
            token,
            cases.jwks(),
            policy,
            clock(),
            issuer="https://test.attest.azure.net",
            nonce=cases.NONCE.hex(),
        )

    if off < dt.timedelta(0):
        with pytest.raises(EvidenceExpiredError):
            verify()
    else:
        verify()


@pytest.mark.parametrize("off", [-HOUR, HOUR])
def test_intels_statements_bear_an_hour(off) -> None:
    from langchain_privacy.secure import TdxEndorsements, TdxMeasurement, TdxPolicy
    from tests.support.field_services import collateral
    from tests.vectors.attestation import intel

    build = TdxMeasurement(**{name: value.hex() for name, value in intel.REGISTERS.items()})
    policy = AttestationPolicy(require=[TdxPolicy(measurements=[build])], profile="ehbp-x25519")
    nonce = bytes(32)
    document = tinfoil.sections(nonce, tinfoil.keys(bytes(32), bytes(range(32))), on_intel=True)
    adapter = TinfoilV3Adapter(TdxEndorsements(collateral=collateral()))
    assert adapter.verify(document, nonce, policy, utc_now() + off, roots=ROOTS).channel_keys
    for day in (-2, 60):
        with pytest.raises(AttestationError):
            at = utc_now() + dt.timedelta(days=day)
            adapter.verify(document, nonce, policy, at, roots=ROOTS)


def test_a_document_that_changes_its_format_is_named(tmp_path) -> None:
    content = json.loads(tinfoil.sections(bytes(32), tinfoil.keys(bytes(32), bytes(32))))
    policy = AttestationPolicy(
        require=[AzureMaaPolicy(policy_hashes=["hash"])], profile="ehbp-x25519"
    )
    for change in ({"format": "v4"}, {"evidence": []}, {"cpu_evidence": []}):
        document = json.dumps({**content, **change}).encode()
        with pytest.raises(EvidenceInvalidError, match=r"document|endpoint"):
            TinfoilV3Adapter().verify(document, bytes(32), policy, utc_now(), roots=ROOTS)
