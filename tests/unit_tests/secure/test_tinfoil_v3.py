"""Tinfoil's document of version 3, made here from its published form."""

import base64
import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

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
from tests.support.field_services import collateral
from tests.vectors.attestation import authority, cases, intel

KEPT = authority.load()
ROOTS = TrustedRoots(
    amd_ark={"Milan": hashlib.sha256(KEPT["amd"]["ark"]).hexdigest()}, intel_sgx_der=intel.root()
)
SNP = SevSnpPolicy(measurements=[cases.MEASUREMENT.hex()], require_crl=True)
NONCE, TLS, HPKE = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
BASE = "https://tinfoil.sh"
Change = Callable[[dict[str, Any]], Any]


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _key(name: str, kind: str, data: bytes) -> dict[str, str]:
    return {"id": name, "format": f"{BASE}/key/{kind}/v1", "data": data.hex()}


KEYS = [_key("tls", "spki-fp-sha256", TLS), _key("hpke", "x25519-hpke", HPKE)]


def _section(kind: str, items: list[Any]) -> bytes:
    # Spaces, for the hash is over the bytes as sent, not over a form of their own.
    return json.dumps({"format": f"{BASE}/{kind}/v1", "items": items}, indent=1).encode()


def _document(
    change: Change = lambda _: None, *, keys: Any = None, devices: Any = (), intel_tdx: bool = False
) -> bytes:
    material = _section("crypto-material", KEYS if keys is None else keys)
    evidence = _section("device-evidence", list(devices))
    hashes = [hashlib.sha256(part).digest() for part in (material, evidence)]
    label = f"{BASE}/report-data/v1"
    bound = hashlib.sha256(label.encode() + NONCE + b"".join(hashes)).digest() + bytes(32)
    quote = intel.quote({"report_data": bound}) if intel_tdx else cases.snp_report({0x50: bound})
    certificates = [x509.load_der_x509_certificate(KEPT["amd"][n]) for n in ("ask", "ark")]
    chain = b"".join(c.public_bytes(Encoding.PEM) for c in certificates).decode()

    def endorsement(name: str, **data: str) -> dict[str, Any]:
        kind = f"{BASE}/collateral/{name}/v1"
        common = {"id": name, "role": "endorsement", "subjects": ["cpu"]}
        return {**common, "format": kind, "data": data}

    content = {
        "format": f"{BASE}/predicate/attestation/v3",
        "challenge": {
            "nonce": NONCE.hex(),
            "report_data": bound.hex(),
            "report_data_algorithm": label,
        },
        "cpu_evidence": {
            "format": f"{BASE}/format/{'tdx-quote' if intel_tdx else 'sev-snp-report'}/v1",
            "report_base64": _b64(quote),
            "endorsed": {
                "crypto_material_hash": hashes[0].hex(),
                "device_evidence_hash": hashes[1].hex(),
            },
        },
        "crypto_material": _b64(material),
        "device_evidence": _b64(evidence),
        "collateral": [
            endorsement(
                "amd-vcek", vcek_der_base64=_b64(KEPT["amd"]["vcek"]), cert_chain_pem=chain
            ),
            endorsement("amd-crl", crl_der_base64=_b64(KEPT["amd"]["crl"])),
        ],
    }
    change(content)
    return json.dumps(content).encode()


def _verify(document: bytes, *require: Any, nonce: bytes = NONCE, tdx: Any = None):
    policy = AttestationPolicy(require=list(require or [SNP]), profile="ehbp-x25519")
    now = dt.datetime.now(dt.UTC) if tdx else dt.datetime.fromtimestamp(cases.NOW, dt.UTC)
    return TinfoilV3Adapter(tdx).verify(document, nonce, policy, now, roots=ROOTS)


def test_keys_come_from_the_bound_section() -> None:
    report = _verify(_document(devices=[{"id": "gpu"}]))
    assert report.channel_keys == {"ehbp-x25519": HPKE}
    assert report.claims["tls_spki_sha256"] == TLS.hex()
    assert {c.name for c in report.skipped} >= {"devices", "release"}
    assert "nonce" not in {c.name for c in report.skipped}
    assert TinfoilV3Adapter().challenge(NONCE).path.endswith(f"?nonce={NONCE.hex()}")


def test_intel_with_given_collateral() -> None:
    build = TdxMeasurement(**{name: value.hex() for name, value in intel.REGISTERS.items()})
    policy, document = TdxPolicy(measurements=[build]), _document(intel_tdx=True)
    given = TdxEndorsements(collateral=collateral())
    assert _verify(document, policy, tdx=given).channel_keys == {"ehbp-x25519": HPKE}
    with pytest.raises(EvidenceInvalidError, match="no collateral"):
        _verify(document, policy)


def test_more_keys_than_are_known_are_left_alone() -> None:
    more = [*KEYS, _key("receipts", "spki", b"abc")]
    assert _verify(_document(keys=more)).channel_keys == {"ehbp-x25519": HPKE}


@pytest.mark.parametrize(
    "keys",
    [
        [],
        KEYS[:1],
        KEYS[1:],
        [*KEYS, KEYS[1]],
        [*KEYS, _key("hpke", "x25519-hpke", TLS)],
        [KEYS[0], _key("hpke", "spki-fp-sha256", HPKE)],
        [KEYS[0], _key("hpke", "x25519-hpke", HPKE[:-1])],
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
        (_set("cpu_evidence.report_base64", _b64(cases.snp_report())), EvidenceExpiredError),
        (_set("cpu_evidence.report_base64", "AAAA"), EvidenceInvalidError),
        (
            _set("crypto_material", _b64(_section("crypto-material", KEYS[::-1]))),
            EvidenceExpiredError,
        ),
        (_set("device_evidence", _b64(_section("device-evidence", [1]))), EvidenceExpiredError),
        (_set("device_evidence", _b64(b"{}")), EvidenceExpiredError),
        (_set("collateral", []), EvidenceInvalidError),
        (_set("collateral.0.subjects", ["gpu"]), EvidenceInvalidError),
        (_set("collateral.0.role", "reference-values"), EvidenceInvalidError),
        (_set("collateral.0.data.vcek_der_base64", "AAAA"), EvidenceInvalidError),
        (_set("collateral.1.role", "reference-values"), PolicyMismatchError),
        (
            _set("collateral.1.data.crl_der_base64", _b64(KEPT["amd"]["crl_revoked"])),
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


def _june(
    change: Change = lambda _: None,
    *,
    gpus: tuple[int, ...] = (1000,),
    switches: bytes = b"",
    written: str | None = None,
) -> bytes:
    listed = [
        {
            "arch": "HOPPER",
            "certificate": _b64(KEPT["nvidia"][f"chain_{serial - 1000}"]),
            "evidence": _b64(cases.gpu_report(serial, nonce=NONCE)),
            "nonce": NONCE.hex(),
        }
        for serial in gpus
    ]
    # Spaces and an escape: the hash is over the bytes as sent.
    sent = json.dumps({"evidences": listed, "note": "<"}, indent=2).replace("<", "\\u003c")
    digest = hashlib.sha256(sent.encode()).digest() if gpus else bytes(32)
    bound = hashlib.sha256(TLS + HPKE + NONCE + digest + switches).digest() + bytes(32)
    content = {
        "format": f"{BASE}/predicate/attestation/v3",
        "report_data": {
            "tls_key_fp": TLS.hex(),
            "hpke_key": HPKE.hex(),
            "nonce": NONCE.hex(),
            "gpu_evidence_hash": digest.hex(),
            **({"nvswitch_evidence_hash": switches.hex()} if switches else {}),
        },
        "cpu": {"platform": "sev-snp", "report": _b64(cases.snp_report({0x50: bound}))},
        **({"gpu": "GPU"} if gpus else {}),
        **({"nvswitch": {"evidences": []}} if switches else {}),
        "certificate": "",
        "signature": "",
    }
    change(content)
    return json.dumps(content).replace('"GPU"', written or sent).encode()


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
