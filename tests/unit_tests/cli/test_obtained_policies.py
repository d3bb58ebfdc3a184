"""From nothing to an attested call at services of others: Tinfoil's enclaves, Azure's tokens."""

import base64
import datetime as dt
import functools
import json
from collections.abc import Iterator

import pytest

from langchain_privacy import SecureChatModel
from langchain_privacy.cli import main
from langchain_privacy.cli import policy as command
from langchain_privacy.errors import PolicyMismatchError
from langchain_privacy.secure import (
    AttestationPolicy,
    AttestedEndpoint,
    ConfidentialVm,
    SimulatedTee,
    create_gateway,
)
from langchain_privacy.secure.adapters import MaaToken
from langchain_privacy.secure.collateral import Collateral
from langchain_privacy.secure.policy_from_service import Service, kind_of, observe, policy_for
from langchain_privacy.secure.transport import attest
from tests.support.asgi import AsgiServer
from tests.support.http import OpenAIServer, RecordingServer, Reply
from tests.support.sigstore_log import REPOSITORY, SigstoreLog, statement
from tests.support.tinfoil import Enclave
from tests.support.tls import Identity, trusting
from tests.support.vendors import ROOTS, services, vendor
from tests.vectors.attestation import cases, intel

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")
RTMR = {name: intel.REGISTERS[name].hex() for name in ("rtmr1", "rtmr2")}
BUILD = statement(cases.MEASUREMENT.hex(), RTMR["rtmr1"], RTMR["rtmr2"])


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with OpenAIServer(lambda _: "an answer") as server:
        yield server.url.removesuffix("/v1")


@pytest.fixture(scope="module")
def vendors() -> Iterator[RecordingServer]:
    with RecordingServer(vendor) as server:
        yield server


@pytest.fixture(scope="module")
def log() -> SigstoreLog:
    return SigstoreLog()


@pytest.fixture(params=[("sections", True), ("sections", False), ("june", True)])
def enclave(request, upstream, tmp_path):
    shape, on_intel = request.param
    tls = Identity(tmp_path)
    gateway = create_gateway(upstream, SimulatedTee())
    app = Enclave(gateway, tls.spki_sha256, shape, on_intel=on_intel)
    with AsgiServer(app, tls=tls) as server:
        yield app, server.url, tls


def _run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def _vendors(url: str) -> list[str]:
    places = vars(services(url)).items()
    return [part for name, place in places for part in ("--vendor", f"{name}={place}")]


def test_tinfoil_from_nothing_to_an_answer(enclave, vendors, log, tmp_path, monkeypatch, capsys):
    app, url, tls = enclave
    monkeypatch.setattr(command, "observe", functools.partial(observe, roots=ROOTS))
    bundle, policy = tmp_path / "bundle.json", tmp_path / "policy.json"
    bundle.write_bytes(log.bundle(BUILD))
    common = (
        *("--ca", tls.certificate, "--collateral", tmp_path / "kept", *_vendors(vendors.url)),
        *("--release", bundle, "--sigstore-root", log.write_root(tmp_path / "root.json")),
    )
    made = ("policy", "from-service", "tinfoil", url, "--output", policy, *common)
    assert _run(*made) == 1
    assert "--repository" in capsys.readouterr().err
    assert _run(*made, "--repository", "other/enclave") == 1
    assert f"found {REPOSITORY}, wanted other/enclave" in capsys.readouterr().out
    assert not policy.exists()
    assert _run(*made, "--repository", REPOSITORY) == 0
    shown = capsys.readouterr().out
    assert "refs/tags/v1.2.3" in shown
    assert "runs the release that its publisher signed" in shown
    assert _run("policy", "explain", policy) == 0
    assert f"the repository {REPOSITORY}" in capsys.readouterr().out

    loaded = AttestationPolicy.load(policy)
    assert loaded.publisher.repository == REPOSITORY
    collateral = Collateral(tmp_path / "kept", services=services(vendors.url), offline=True)
    adapter = Service("tinfoil", collateral).adapter(url)
    endpoint = AttestedEndpoint(url, loaded, adapter=adapter, roots=ROOTS)
    assert attest(endpoint, verify=trusting(tls)).channel_keys
    monkeypatch.setattr("langchain_privacy.secure.endpoint.VENDOR_ROOTS", ROOTS)

    # The service runs another build now; only one that its publisher signed gets into a policy.
    if app.on_intel:
        diff = ("policy", "diff", policy, url, *common)
        assert _run(*diff) == 0
        assert "nothing has changed" in capsys.readouterr().out
        app.registers = {"rtmr2": b"n" * 48}
        assert _run(*diff) == 1
        assert "does not run refs/tags/v1.2.3" in capsys.readouterr().out
        bundle.write_bytes(
            log.bundle(statement("ab" * 48, RTMR["rtmr1"], "6e" * 48), ref="refs/tags/v1.2.4")
        )
        assert _run(*diff) == 1
        shown = "".join(capsys.readouterr().out.split())
        assert f"-{RTMR['rtmr2']}" in shown
        assert f"+{'6e' * 48}" in shown


def test_an_attested_call_to_an_enclave(enclave, vendors, tmp_path, monkeypatch) -> None:
    app, url, tls = enclave
    service = Service("tinfoil", Collateral(tmp_path / "kept", services=services(vendors.url)))
    trust = {"roots": ROOTS, "verify": trusting(tls)}
    policy = policy_for(observe(url, service, **trust), service, url=url)
    # A model takes the vendors' roots only, which did not sign these machines.
    monkeypatch.setattr(AttestedEndpoint.__init__, "__kwdefaults__", {
        **AttestedEndpoint.__init__.__kwdefaults__, "roots": ROOTS})  # fmt: skip
    settings = {"endpoint": f"{url}/v1", "model": "m", "policy": policy, "tls": trusting(tls)}
    model = SecureChatModel(**settings, adapter=service.adapter(url))
    assert model.invoke("private words").content == "an answer"
    model.http_client.close()
    for change in (b"{}", b'{"report_data": {}}', b"<html>sign in</html>"):
        app.answer = (200, "text/html", change)
        other = SecureChatModel(**settings, adapter=service.adapter(url))
        other._attested.forget(other._attested.report)
        with pytest.raises(Exception, match="Tinfoil document"):
            other.invoke("private words")
        other.http_client.close()


class _Azure:
    """Azure's attestation service: signs tokens, and serves the keys to check them."""

    def __init__(self) -> None:
        self.server = RecordingServer(self._serve)

    @staticmethod
    def _serve(request):
        if request.path != "/certs":
            return Reply(status=404)
        return Reply(body=json.dumps(cases.jwks()).encode())

    def token(self, text: str) -> str:
        nonce = base64.b64encode(text.encode()).decode()
        now = int(dt.datetime.now(dt.UTC).timestamp())
        given = {"x-ms-runtime": {"client-payload": {"nonce": nonce}}, "iss": self.server.url}
        claims = {**cases._maa_claims(**given), "iat": now, "nbf": now, "exp": now + 28800}
        return cases.token(claims, alg="RS256", kid="test-rsa", extra={"jku": "https://x"})


def test_azure_tokens_from_nothing_to_an_answer(upstream, tmp_path, capsys) -> None:
    azure = _Azure()
    policy, saved = tmp_path / "policy.json", tmp_path / "evidence.json"
    with (
        azure.server,
        AsgiServer(create_gateway(upstream, ConfidentialVm(MaaToken(azure.token)))) as gateway,
    ):
        kept = ("--collateral", tmp_path / "kept")
        made = ("policy", "from-service", "azure-maa", gateway.url, "--output", policy, *kept)
        assert _run(*made) == 1
        assert "issuer" in capsys.readouterr().err
        assert _run(*made, "--issuer", azure.server.url) == 0
        assert "policy_hash" in capsys.readouterr().out
        assert kind_of(AttestationPolicy.load(policy)) == "azure-maa"
        asked = ("attest", f"{gateway.url}/v1", "--policy", policy, *kept)
        assert _run(*asked, "--issuer", azure.server.url, "--save", saved) == 0
        assert _run("policy", "diff", policy, gateway.url, "--issuer", azure.server.url, *kept) == 0
        assert "nothing has changed" in capsys.readouterr().out
        # The same keys under another name: the token is not of this issuer.
        assert _run(*asked, "--issuer", f"{azure.server.url}/") == 1
        service = Service("azure-maa", Collateral(tmp_path / "kept"), issuer=azure.server.url)
        model = SecureChatModel(
            endpoint=f"{gateway.url}/v1",
            model="m",
            policy=AttestationPolicy.load(policy),
            adapter=service.adapter(gateway.url),
        )
        assert model.invoke("private words").content == "an answer"
    # Saved evidence verifies without anybody to ask: the keys are kept.
    offline = ("attest", "--offline", saved, "--policy", policy, "--service", "azure-maa", *kept)
    assert _run(*offline, "--issuer", azure.server.url) == 0


def test_an_old_release_is_refused(upstream, vendors, log, tmp_path) -> None:
    """The bundle is genuine and its publisher's, and the machine runs something else."""
    from langchain_privacy.secure import Publisher, verify_release

    tls = Identity(tmp_path)
    app = Enclave(create_gateway(upstream, SimulatedTee()), tls.spki_sha256, "june", on_intel=True)
    publisher = Publisher(repository=REPOSITORY)
    root = log.write_root(tmp_path / "root.json")
    old = log.bundle(statement("ab" * 48, "00" * 48, "11" * 48), ref="refs/tags/v1.2.2")
    now = dt.datetime.now(dt.UTC)
    with AsgiServer(app, tls=tls) as server:
        service = Service("tinfoil", Collateral(tmp_path / "kept", services=services(vendors.url)))
        report = observe(server.url, service, roots=ROOTS, verify=trusting(tls))
    for bundle, text in (
        (old, f"rtmr1: found {RTMR['rtmr1']}, wanted {'0' * 16}"),
        (log.bundle({**BUILD, "predicate": {}}), "found tdx, wanted none"),
    ):
        release = verify_release(bundle, publisher, now, trusted_root=root)
        with pytest.raises(PolicyMismatchError, match=text):
            policy_for(report, service, url=server.url, release=release, publisher=publisher)
