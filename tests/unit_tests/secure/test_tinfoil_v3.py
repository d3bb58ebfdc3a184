"""Tinfoil's document of version 3, made here from its published form."""

import dataclasses
import datetime as dt
import hashlib
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from langchain_privacy.errors import (
    AttestationError,
    EvidenceExpiredError,
    EvidenceInvalidError,
    PolicyMismatchError,
)
from langchain_privacy.secure import (
    AttestationPolicy,
    NvidiaGpuPolicy,
    SevSnpPolicy,
    SnpEndorsements,
    TdxEndorsements,
    TdxMeasurement,
    TdxPolicy,
    TrustedRoots,
)
from langchain_privacy.secure.adapters import TinfoilV3Adapter
from tests.support import tinfoil
from tests.support.field_services import collateral
from tests.support.tinfoil import BASE, Change, b64, key, section
from tests.vectors.attestation import authority, cases, intel

KEPT = authority.load()
ROOTS = TrustedRoots(
    amd_ark={"Milan": hashlib.sha256(KEPT["amd"]["ark"]).hexdigest()}, intel_sgx_der=intel.root()
)
SNP = SevSnpPolicy(measurements=[cases.MEASUREMENT.hex()], require_crl=True)
NONCE, TLS, HPKE = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))


KEYS = tinfoil.keys(TLS, HPKE)


def _document(change: Change = lambda _: None, *, keys: Any = None, **settings: Any) -> bytes:
    return tinfoil.sections(NONCE, KEYS if keys is None else keys, change, **settings)


def _june(change: Change = lambda _: None, **settings: Any) -> bytes:
    return tinfoil.june(NONCE, TLS, HPKE, change, **settings)


def _verify(document: bytes, *require: Any, nonce: bytes = NONCE, tdx: Any = None):
    policy = AttestationPolicy(require=list(require or [SNP]), profile="ehbp-x25519")
    now = dt.datetime.now(dt.UTC) if tdx else dt.datetime.fromtimestamp(cases.NOW, dt.UTC)
    return TinfoilV3Adapter(tdx).verify(document, nonce, policy, now, roots=ROOTS)


def test_keys_come_from_the_boundsection() -> None:
    report = _verify(_document(devices=[{"id": "gpu"}]))
    assert report.channel_keys == {"ehbp-x25519": HPKE}
    assert report.claims["tls_spki_sha256"] == TLS.hex()
    assert {c.name for c in report.skipped} >= {"devices", "release"}
    assert "nonce" not in {c.name for c in report.skipped}
    assert TinfoilV3Adapter().challenge(NONCE).path.endswith(f"?nonce={NONCE.hex()}")


def test_intel_with_given_collateral() -> None:
    build = TdxMeasurement(**{name: value.hex() for name, value in intel.REGISTERS.items()})
    policy, document = TdxPolicy(measurements=[build]), _document(on_intel=True)
    given = TdxEndorsements(collateral=collateral())
    assert _verify(document, policy, tdx=given).channel_keys == {"ehbp-x25519": HPKE}
    with pytest.raises(EvidenceInvalidError, match="no collateral"):
        _verify(document, policy)


def test_more_keys_than_are_known_are_left_alone() -> None:
    more = [*KEYS, key("receipts", "spki", b"abc")]
    assert _verify(_document(keys=more)).channel_keys == {"ehbp-x25519": HPKE}


@pytest.mark.parametrize(
    "keys",
    [
        [],
        KEYS[:1],
        KEYS[1:],
        [*KEYS, KEYS[1]],
        [*KEYS, key("hpke", "x25519-hpke", TLS)],
        [KEYS[0], key("hpke", "spki-fp-sha256", HPKE)],
        [KEYS[0], key("hpke", "x25519-hpke", HPKE[:-1])],
        [KEYS[0], {**KEYS[1], "data": HPKE.hex().upper()}],
        [KEYS[0], {**KEYS[1], "more": 1}],
        ["hpke"],
    ],
)
def test_unusable_keys_are_refused(keys) -> None:
    with pytest.raises(EvidenceInvalidError):
        _verify(_document(keys=keys))


def _set(path: str, value: Any) -> Change:
    def change(content: dict[str, Any]) -> None:
        at: Any = content
        *way, last = path.split(".")
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at[step]
        at[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (_set("format", f"{BASE}/predicate/attestation/v4"), EvidenceInvalidError),
        (_set("challenge.report_data_algorithm", "x"), EvidenceInvalidError),
        (_set("challenge.nonce", "00" * 32), EvidenceExpiredError),
        (_set("challenge.more", 1), EvidenceInvalidError),
        (_set("more", 1), EvidenceInvalidError),
        (_set("cpu_evidence.format", "x"), EvidenceInvalidError),
        (_set("cpu_evidence.report_base64", b64(cases.snp_report())), EvidenceExpiredError),
        (_set("cpu_evidence.report_base64", "AAAA"), EvidenceInvalidError),
        (
            _set("crypto_material", b64(section("crypto-material", KEYS[::-1]))),
            EvidenceExpiredError,
        ),
        (_set("device_evidence", b64(section("device-evidence", [1]))), EvidenceExpiredError),
        (_set("device_evidence", b64(b"{}")), EvidenceExpiredError),
        (_set("collateral", []), EvidenceInvalidError),
        (_set("collateral.0.subjects", ["gpu"]), EvidenceInvalidError),
        (_set("collateral.0.role", "reference-values"), EvidenceInvalidError),
        (_set("collateral.0.data.vcek_der_base64", "AAAA"), EvidenceInvalidError),
        (_set("collateral.1.role", "reference-values"), PolicyMismatchError),
        (
            _set("collateral.1.data.crl_der_base64", b64(KEPT["amd"]["crl_revoked"])),
            AttestationError,
        ),
    ],
)
def test_changed_documents_are_refused(change, error) -> None:
    with pytest.raises(error):
        _verify(_document(change))


def test_another_nonce_and_another_policy_are_refused() -> None:
    with pytest.raises(EvidenceExpiredError):
        _verify(_document(), nonce=bytes(32))
    with pytest.raises(PolicyMismatchError):
        _verify(_document(), SevSnpPolicy(measurements=["00" * 48]))
    with pytest.raises(PolicyMismatchError, match="nvidia-gpus"):
        _verify(_document(), SNP, NvidiaGpuPolicy())


# --- the shape that stood under the same format name until the summer of 2026 ---


def _verify_june(document: bytes, *require: Any, nonce: bytes = NONCE):
    policy = AttestationPolicy(
        require=list(require or [SevSnpPolicy(measurements=SNP.measurements)]),
        profile="ehbp-x25519",
    )
    amd = KEPT["amd"]
    given = SnpEndorsements(key_certificate=amd["vcek"], chain=[amd["ask"], amd["ark"]])
    now = dt.datetime.fromtimestamp(cases.NOW, dt.UTC)
    device = x509.load_pem_x509_certificates(KEPT["nvidia"]["chain_0"])[-1]
    roots = dataclasses.replace(ROOTS, nvidia_device=device.fingerprint(SHA256()).hex())
    adapter = TinfoilV3Adapter(snp_endorsements=given)
    return adapter.verify(document, nonce, policy, now, roots=roots)


def test_the_older_shape_binds_the_same() -> None:
    gpus = NvidiaGpuPolicy(count=2, require_confidential_compute=False)
    report = _verify_june(
        _june(gpus=(1000, 1001), switches=b"s" * 32),
        SevSnpPolicy(measurements=SNP.measurements),
        gpus,
    )
    assert report.channel_keys == {"ehbp-x25519": HPKE}
    assert report.claims["tls_spki_sha256"] == TLS.hex()
    assert {"nvswitches", "release"} <= {c.name for c in report.skipped}
    assert _verify_june(_june(gpus=())).channel_keys == {"ehbp-x25519": HPKE}


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (_june(_set("report_data.hpke_key", TLS.hex())), EvidenceExpiredError),
        (_june(_set("report_data.tls_key_fp", HPKE.hex())), EvidenceExpiredError),
        (_june(_set("report_data.nonce", "00" * 32)), EvidenceExpiredError),
        (_june(_set("report_data.gpu_evidence_hash", "00" * 32)), EvidenceInvalidError),
        (_june(_set("report_data.nvswitch_evidence_hash", "00" * 32)), EvidenceExpiredError),
        (_june(_set("report_data.more", 1)), EvidenceInvalidError),
        (_june(_set("body", "AAAA")), EvidenceInvalidError),
        (_june(_set("challenge", {})), EvidenceInvalidError),
        (_june(_set("gpu", None)), EvidenceInvalidError),
        (_june(_set("cpu.platform", "x")), EvidenceInvalidError),
        (_june(_set("cpu.report", "AAAA")), EvidenceInvalidError),
        (_june(written='{"evidences":[]}'), EvidenceInvalidError),
        (_june(gpus=(1000, 1000)), EvidenceInvalidError),
    ],
    ids=[str(n) for n in range(13)],
)
def test_changed_documents_of_the_older_shape_are_refused(document, error) -> None:
    with pytest.raises(error):
        _verify_june(document)


def test_the_older_shape_answers_our_nonce_only() -> None:
    with pytest.raises(EvidenceExpiredError):
        _verify_june(_june(), nonce=bytes(32))
    with pytest.raises(EvidenceInvalidError, match="no VCEK"):
        _verify(_june())
