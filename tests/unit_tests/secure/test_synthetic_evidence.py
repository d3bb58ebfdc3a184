"""Synthetic evidence: one file, one failure, one outcome of a closed list."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy.errors import (
    AttestationError,
    ConfigurationError,
    EvidenceExpiredError,
    EvidenceInvalidError,
    PolicyMismatchError,
)
from langchain_privacy.secure import (
    GpuEndorsements,
    GpuEvidence,
    Policy,
    SnpEndorsements,
    TdxEndorsements,
    TrustedRoots,
    verify_azure_maa,
    verify_nras_token,
    verify_nvidia_gpu,
    verify_sev_snp,
    verify_tdx,
)
from langchain_privacy.secure.policy.attestation import FORMAT, loads
from tests.vectors.attestation import authority, cases, intel, revocation, tdx_cases

OUTCOMES: dict[str, type[Exception] | None] = {
    "accepted": None,
    "invalid": EvidenceInvalidError,
    "mismatch": PolicyMismatchError,
    "expired": EvidenceExpiredError,
    "misconfigured": ConfigurationError,
}
FILES = sorted(path for path in cases.FOLDER.glob("*.json") if path.name != authority.FILE.name)
KEPT = authority.load()


def _roots() -> TrustedRoots:
    import hashlib

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    device = x509.load_pem_x509_certificates(KEPT["nvidia"]["chain_0"])[-1]
    return TrustedRoots(
        amd_ark={"Milan": hashlib.sha256(KEPT["amd"]["ark"]).hexdigest()},
        nvidia_device=device.fingerprint(hashes.SHA256()).hex(),
        intel_sgx_der=intel.root(),
    )


ROOTS = _roots()


def _responses(case: dict[str, Any]) -> list[bytes]:
    now = dt.datetime.fromtimestamp(case["now"], dt.UTC)
    made = []
    for entry in case["ocsp"]:
        settings = {"chain": case["evidence"][0]["chain"], **entry}
        chain = KEPT["nvidia"][settings.pop("chain")]
        made.append(revocation.response(chain, now, **settings))
    return made


def _policy(case: dict[str, Any]) -> Policy:
    """The policy that a case has as a policy file would have it."""
    return loads(json.dumps({"format": FORMAT, "require": case["policy"]}).encode()).tree


def _verify(case: dict[str, Any]) -> None:
    policy = _policy(case)
    if case["kind"] == "sev-snp":
        given = case["endorsements"]
        amd = KEPT["amd"]
        endorsements = None
        if given["key_certificate"]:
            endorsements = SnpEndorsements(
                key_certificate=amd[given["key_certificate"]],
                chain=[amd[name] for name in given["chain"]],
                crl=amd[given["crl"]] if given["crl"] else None,
            )
        verify_sev_snp(
            bytes.fromhex(case["evidence"]),
            endorsements,
            policy,
            case["now"],
            report_data=bytes.fromhex(case["report_data"]),
            roots=ROOTS,
        )
        return
    if case["kind"] == "tdx":
        verify_tdx(
            bytes.fromhex(case["evidence"]),
            TdxEndorsements(collateral=tdx_cases.made_collateral(case["collateral"])),
            policy,
            case["now"],
            report_data=bytes.fromhex(case["report_data"]),
            roots=ROOTS,
        )
        return
    nonce = bytes.fromhex(case["nonce"])
    if case["kind"] == "nvidia-gpu":
        devices = [
            GpuEvidence(
                report=bytes.fromhex(entry["report"]),
                certificate_chain=KEPT["nvidia"][entry["chain"]],
            )
            for entry in case["evidence"]
        ]
        endorsements = GpuEndorsements(ocsp=_responses(case)) if "ocsp" in case else None
        verify_nvidia_gpu(devices, endorsements, policy, case["now"], nonce=nonce, roots=ROOTS)
    elif case["kind"] == "nras":
        keys = cases.jwks(case.get("leaf"))
        verify_nras_token(case["evidence"], keys, policy, case["now"], nonce=nonce)
    else:
        verify_azure_maa(
            case["evidence"],
            cases.jwks(),
            policy,
            case["now"],
            issuer="https://test.attest.azure.net",
            nonce=nonce.hex(),
        )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = json.loads(path.read_text())
    expected = OUTCOMES[case["expect"]]
    if expected is None:
        _verify(case)
        return
    with pytest.raises(expected) as refused:
        _verify(case)
    assert type(refused.value) is expected
    if isinstance(refused.value, AttestationError):
        assert refused.value.check == case["check"]
        failed = [c for c in refused.value.checks if c.outcome == "failed"]
        assert len(failed) <= 1


def test_files_are_what_the_generator_makes() -> None:
    made = {name: cases.text(case) for name, case in cases.cases().items()}
    kept = {path.stem: path.read_text() for path in FILES}
    assert made.keys() == kept.keys()
    assert [name for name in made if made[name] != kept[name]] == []


def test_intel_itself_vouches_for_no_synthetic_quote() -> None:
    case = json.loads((cases.FOLDER / "tdx_accepted.json").read_text())
    collateral = TdxEndorsements(collateral=tdx_cases.made_collateral(case["collateral"]))
    policy = _policy(case)
    with pytest.raises(EvidenceInvalidError) as refused:
        verify_tdx(bytes.fromhex(case["evidence"]), collateral, policy, case["now"])
    assert refused.value.check == "tdx.quote"


def test_every_byte_of_a_synthetic_snp_report_counts() -> None:
    case = json.loads((cases.FOLDER / "snp_accepted.json").read_text())
    report = bytes.fromhex(case["evidence"])
    for position in range(len(report)):
        changed = bytearray(report)
        changed[position] ^= 0x80
        with pytest.raises(AttestationError):
            _verify({**case, "evidence": changed.hex()})


def test_every_byte_of_a_synthetic_gpu_report_counts() -> None:
    case = json.loads((cases.FOLDER / "gpu_accepted.json").read_text())
    entry = case["evidence"][0]
    report = bytes.fromhex(entry["report"])
    for position in range(len(report)):
        changed = bytearray(report)
        changed[position] ^= 0x80
        with pytest.raises(AttestationError):
            _verify({**case, "evidence": [{**entry, "report": changed.hex()}]})
