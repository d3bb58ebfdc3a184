"""Which workload, in which role: what evidence that is genuine must not be taken for."""

import dataclasses
import hashlib
import json
from typing import Any

import pytest

from langchain_privacy.errors import (
    AttestationError,
    ConfigurationError,
    EvidenceInvalidError,
    PolicyMismatchError,
)
from langchain_privacy.secure import (
    AttestationPolicy,
    TdxEndorsements,
    TdxMeasurement,
    TdxPolicy,
    TrustedRoots,
    verify_tdx,
)
from langchain_privacy.secure.adapters import NearAdapter, verify_dstack_report
from langchain_privacy.secure.evidence.dstack import replay
from langchain_privacy.secure.policy.attestation import dumps, loads
from langchain_privacy.secure.report import utc_now
from tests.support.field_services import NearService, application, collateral, compose_hash
from tests.support.tls import Identity
from tests.vectors.attestation import intel

ROOTS = TrustedRoots(intel_sgx_der=intel.root())
NONCE, ADDRESS = bytes(range(32)), bytes(range(32, 64))
IMAGE = TdxMeasurement(**{name: value.hex() for name, value in intel.REGISTERS.items()})


def _report(name: str, *, configured: bool = True, **changes: Any) -> str:
    """The answer of a dstack machine that runs an application."""
    registers, members = application(name, configured=configured)
    quote = intel.quote({"report_data": ADDRESS + NONCE, **registers})
    answer = {"intel_quote": quote.hex(), "signing_address": ADDRESS.hex(), **members}
    return json.dumps({**answer, **changes})


def _verify(document: str, build: TdxMeasurement):
    given = TdxEndorsements(collateral=collateral())
    policy = TdxPolicy(measurements=[build])
    return verify_dstack_report(document, given, policy, utc_now(), nonce=NONCE, roots=ROOTS)


def _build(**registers: str) -> TdxMeasurement:
    return dataclasses.replace(IMAGE, **registers)


def _registers(name: str) -> dict[str, str]:
    return {key: value.hex().ljust(96, "0") for key, value in application(name)[0].items()}


@pytest.mark.parametrize("configured", [True, False])
def test_the_image_alone_names_no_application(configured) -> None:
    document = _report("ours", configured=configured)
    with pytest.raises(PolicyMismatchError, match="compose_hash") as refused:
        _verify(document, IMAGE)
    assert refused.value.check == "tdx.application"
    # Older images leave mr_config_id at zero for every application.
    with pytest.raises(PolicyMismatchError, match="compose_hash"):
        _verify(document, _build(mr_config_id="00" * 48))


IDENTITIES = ["compose_hash", "rtmr3", "mr_config_id"]


@pytest.mark.parametrize("identity", IDENTITIES)
def test_an_application_is_told_from_another(identity) -> None:
    values = {"compose_hash": compose_hash("ours"), **_registers("ours")}
    build = _build(**{identity: values[identity]})
    assert _verify(_report("ours"), build).claims["signing_address"] == ADDRESS.hex()
    with pytest.raises(PolicyMismatchError, match=f"unlisted build: found {identity}"):
        _verify(_report("theirs"), build)


@pytest.mark.parametrize("configured", [True, False])
def test_the_compose_hash_is_proven_by_either_register(configured) -> None:
    build = _build(compose_hash=compose_hash("ours"))
    report = _verify(_report("ours", configured=configured), build)
    (tdx,) = report.find("tdx")
    assert tdx.claims["compose_hash"] == compose_hash("ours")
    assert "services: ours" in tdx.claims["compose_file"]


def _log(name: str = "ours") -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = json.loads(application(name)[1]["event_log"])
    return events


def test_without_a_log_and_without_configuration_nothing_is_proven() -> None:
    document = _report("ours", configured=False, event_log=None)
    with pytest.raises(PolicyMismatchError, match="unlisted build"):
        _verify(document, _build(compose_hash=compose_hash("ours")))


LOGS = {
    "dropped": _log()[:-1],
    "repeated": [*_log(), _log()[-1]],
    "reordered": _log()[::-1],
    "of_another": _log("theirs"),
    "payload": [{**e, "event_payload": "00"} for e in _log()],
    "name": [{**e, "event": "x"} for e in _log()],
    "no_type": [{**e, "event_type": 1} for e in _log()],
    "imr_is_text": [{**e, "imr": "3"} for e in _log()],
    "no_list": {"imr": 3},
    "no_objects": [3],
    "not_json": "[{",
    "nested": "[" * 100_000,
}


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
def test_a_log_that_does_not_replay_is_refused(log) -> None:
    with pytest.raises(EvidenceInvalidError):
        _verify(_report("ours", event_log=log), _build(compose_hash=compose_hash("ours")))


def test_digests_may_be_left_out_and_another_compose_file_is_not_kept() -> None:
    register, events = replay([{**event, "digest": ""} for event in _log()])
    assert register == application("ours")[0]["rtmr3"]
    assert [name for name, _ in events] == ["app-id", "compose-hash", "ready"]
    info = {"tcb_info": {"app_compose": "services: theirs"}}
    report = _verify(_report("ours", info=info), _build(compose_hash=compose_hash("ours")))
    assert report.find("tdx")[0].claims["compose_file"] is None


def test_two_places_that_disagree_are_refused() -> None:
    registers, members = application("ours")
    theirs = application("theirs")[0]["mr_config_id"]
    bound = {"report_data": ADDRESS + NONCE, **registers, "mr_config_id": theirs}
    document = {"intel_quote": intel.quote(bound).hex(), "signing_address": ADDRESS.hex()}
    with pytest.raises(EvidenceInvalidError, match="different applications"):
        _verify(json.dumps({**document, **members}), _build(compose_hash=compose_hash("ours")))


def test_machines_that_are_not_dstacks_need_no_application() -> None:
    bound = bytes(64)
    given = TdxEndorsements(collateral=collateral())
    policy = TdxPolicy(measurements=[IMAGE])
    quote = intel.quote({"report_data": bound})
    verify_tdx(quote, given, policy, utc_now(), report_data=bound, roots=ROOTS)


# --- roles ---


@pytest.fixture(scope="module")
def near(tmp_path_factory) -> NearService:
    return NearService(Identity(tmp_path_factory.mktemp("tls")))


def _near(document: dict[str, Any], **changes: Any):
    roles = {
        "near-gateway": TdxPolicy(measurements=[_build(compose_hash=compose_hash("gateway"))]),
        "near-model": TdxPolicy(measurements=[_build(compose_hash=compose_hash("model"))]),
    }
    settings: dict[str, Any] = {"roles": roles, "profile": "near-ed25519-v2", **changes}
    policy = AttestationPolicy(**settings, require_tls_binding=True)
    assert loads(dumps(policy)) == policy
    adapter = NearAdapter("m", TdxEndorsements(collateral=collateral()), accept_unbound_fields=True)
    text = json.dumps(document).encode()
    return adapter.verify(text, NONCE, policy, utc_now(), roots=ROOTS)


def test_each_role_is_held_to_its_own_policy(near) -> None:
    report = _near(near.document(NONCE))
    assert [part.subject for part in report.parts] == ["near-gateway", "near-model"]
    assert compose_hash("model") in report.summary()["measurements"]


def test_the_gateway_does_not_pass_as_the_model(near) -> None:
    document = near.document(NONCE)
    gateway = document["gateway_attestation"]
    alike = {**gateway, "signing_public_key": gateway["signing_address"]}
    with pytest.raises(AttestationError):
        _near({**document, "model_attestations": [alike]})
    both = TdxPolicy(
        measurements=[_build(compose_hash=compose_hash(n)) for n in ("gateway", "model")]
    )
    # Even where one policy for both roles lists both builds, one machine cannot be two.
    with pytest.raises(EvidenceInvalidError, match="both roles"):
        _near(
            {**document, "model_attestations": [alike]},
            roles={"near-gateway": both, "near-model": both},
        )


def test_another_machine_of_the_gateways_build_does_not_pass_as_the_model(near) -> None:
    first, second = near.document(NONCE), near.document(NONCE)
    other = second["gateway_attestation"]
    with pytest.raises(PolicyMismatchError, match="unlisted build"):
        _near({**first, "model_attestations": [other]})
    gateway = second["model_attestations"][0] | {"tls_cert_fingerprint": None}
    with pytest.raises(EvidenceInvalidError, match="both roles"):
        _near({**first, "gateway_attestation": gateway})


def test_one_list_for_all_roles_is_no_policy_for_them(near) -> None:
    shared = TdxPolicy(measurements=[_build(compose_hash=compose_hash("model"))])
    for changes in (
        {"roles": {}, "require": [shared]},
        {"roles": {"near-model": shared}},
        {"roles": {"near-model": shared, "near-gateway": shared, "third": shared}},
    ):
        with pytest.raises(ConfigurationError, match="near-gateway"):
            _near(near.document(NONCE), **changes)
    with pytest.raises(ConfigurationError):
        AttestationPolicy(roles={"near-model": []})
    with pytest.raises(ConfigurationError):
        AttestationPolicy(roles=["near-model"])  # type: ignore[arg-type]


def test_compose_hash_is_that_of_the_file() -> None:
    report = _verify(_report("ours"), _build(compose_hash=compose_hash("ours")))
    text = report.find("tdx")[0].claims["compose_file"]
    assert hashlib.sha256(text.encode()).hexdigest() == compose_hash("ours")
