"""Tinfoil's attestation documents, versions 2 and 3, for the channel `"ehbp-x25519"`.

Version 3 (`TinfoilV3Adapter`) answers our nonce: `report_data = SHA-256(label | nonce |
SHA-256(crypto_material) | SHA-256(device_evidence)) | 0^32` with the label
`https://tinfoil.sh/report-data/v1`, over the sections' bytes as sent. AMD's certificates come in
the document. Not read, and named as skipped checks: the evidence of devices, whose inner form is
not published, and Sigstore's statements about releases; the policy's measurements decide instead,
and whose release they are of is looked at when a policy is obtained (`secure.evidence.release`).

Until the summer of 2026 the same format name stood over another shape, which enclaves that were not
renewed still serve. Its members are the keys themselves: `report_data = SHA-256(TLS public key |
HPKE key | nonce | SHA-256(gpu) [| SHA-256(nvswitch)]) | 0^32`, with the hash over the member `gpu`
as sent. The same adapter reads both; the document's own members say which one it is, and either
binds the nonce and both keys. In the older one GPUs are verified; the switches' hash is taken as
reported, for the service hashes other bytes than it sends.

Version 2 (`TinfoilAdapter`) has `report_data = SHA-256(TLS public key) | HPKE public key`. It is
made when the machine starts and answers no nonce: it proves which key the measured machine holds,
not that it runs now. Whoever replays it cannot open what is sealed to that key, so the adapter must
be told to accept it.

```python
policy = AttestationPolicy(require=[SevSnpPolicy(measurements=[release])], profile="ehbp-x25519")
model = SecureChatModel(endpoint=url, model="m", policy=policy, adapter=TinfoilV3Adapter())
```
"""

import datetime as dt
import hashlib
import json
import zlib
from collections.abc import Callable
from typing import Any

from langchain_privacy.errors import ConfigurationError, EvidenceExpiredError, EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.adapters.base import Challenge, TdxCollateral, endorsements_for
from langchain_privacy.secure.evidence.nvidia_gpu import GpuEvidence, prove_nvidia_gpu
from langchain_privacy.secure.evidence.roots import TrustedRoots
from langchain_privacy.secure.evidence.sev_snp import SnpEndorsements, prove_sev_snp
from langchain_privacy.secure.evidence.tdx import TdxEndorsements, prove_tdx
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport, Checks

_WHAT = "Tinfoil document"
_PATH = "/.well-known/tinfoil-attestation"
_BASE = "https://tinfoil.sh"

# Version 3: the document, the kinds of evidence, collateral and sections, the keys.
_FORMAT, _LABEL = f"{_BASE}/predicate/attestation/v3", f"{_BASE}/report-data/v1"
_SNP_REPORT, _TDX_QUOTE = f"{_BASE}/format/sev-snp-report/v1", f"{_BASE}/format/tdx-quote/v1"
_VCEK, _CRL = f"{_BASE}/collateral/amd-vcek/v1", f"{_BASE}/collateral/amd-crl/v1"
_MATERIAL, _DEVICES = f"{_BASE}/crypto-material/v1", f"{_BASE}/device-evidence/v1"
_KEYS = {"tls": f"{_BASE}/key/spki-fp-sha256/v1", "hpke": f"{_BASE}/key/x25519-hpke/v1"}

# Version 2: its document names the kind of machine.
_SNP_GUEST, _TDX_GUEST = f"{_BASE}/predicate/sev-snp-guest/v2", f"{_BASE}/predicate/tdx-guest/v2"
_MAX_REPORT = 64 * 1024

MachineEndorsements = SnpEndorsements | TdxEndorsements


class TinfoilV3Adapter:
    """Attests an enclave of Tinfoil with a fresh document.

    Args:
        tdx_endorsements: Intel's collateral, or a function that gives it for a quote; for enclaves
            on Intel, whose collateral in the document is raw answers of Intel's service.
        snp_endorsements: AMD's certificates, or a function that gives them for a report; for the
            older shape, which carries none.
    """

    def __init__(
        self,
        tdx_endorsements: TdxCollateral | None = None,
        *,
        snp_endorsements: SnpEndorsements | Callable[[bytes], SnpEndorsements] | None = None,
    ) -> None:
        self._tdx, self._snp = tdx_endorsements, snp_endorsements

    def challenge(self, nonce: bytes) -> Challenge:
        """Ask with the nonce in the query."""
        return Challenge(f"{_PATH}?nonce={nonce.hex()}")

    def verify(
        self,
        document: bytes,
        nonce: bytes,
        policy: AttestationPolicy,
        now: dt.datetime,
        *,
        roots: TrustedRoots,
    ) -> AttestationReport:
        """Verify the document and take the channel's key from the section that it binds."""
        checks = Checks("endpoint")
        parsed = parsing.strict_json(document, _WHAT)
        if isinstance(parsed, dict) and "report_data" in parsed:
            return self._verify_june(document, parsed, nonce, policy, now, roots)
        content = _members(
            parsed,
            "format challenge cpu_evidence crypto_material device_evidence collateral",
        )
        asked = _members(content["challenge"], "nonce report_data report_data_algorithm")
        cpu = _members(content["cpu_evidence"], "format report_base64 endorsed")
        checks.require(
            "format",
            content["format"] == _FORMAT and asked["report_data_algorithm"] == _LABEL,
            "not a document of version 3",
        )
        checks.require(
            "nonce",
            len(nonce) == 32 and asked["nonce"] == nonce.hex(),
            "the document answers another challenge",
            error=EvidenceExpiredError,
        )
        material = parsing.from_base64(content["crypto_material"], _WHAT)
        devices = parsing.from_base64(content["device_evidence"], _WHAT)
        bound = report_data(nonce, material, devices)
        evidence = parsing.from_base64(cpu["report_base64"], _WHAT)
        if cpu["format"] == _SNP_REPORT:
            given = _amd(content["collateral"])
            part = prove_sev_snp(evidence, given, now, report_data=bound, roots=roots)
        elif cpu["format"] == _TDX_QUOTE:
            collateral = endorsements_for(self._tdx, evidence)
            part = prove_tdx(evidence, collateral, now, report_data=bound, roots=roots)
        else:
            msg = f"{_WHAT}: an unknown kind of evidence"
            raise EvidenceInvalidError(msg, check="parsing")
        keys = _keys(material, checks)
        if _items(devices, _DEVICES):
            checks.skip("devices", "the evidence of devices is bound and not verified")
        checks.skip("release", "looked at when a policy is obtained; the measurements decide")
        return policy.appraise_endpoint(
            checks,
            now,
            claims={"tls_spki_sha256": keys["tls"].hex()},
            parts=[part],
            channel_keys={"ehbp-x25519": keys["hpke"]},
        )

    def _verify_june(
        self,
        document: bytes,
        parsed: dict[str, Any],
        nonce: bytes,
        policy: AttestationPolicy,
        now: dt.datetime,
        roots: TrustedRoots,
    ) -> AttestationReport:
        """The older shape: the keys stand in `report_data`, the GPUs in a member of their own."""
        checks = Checks("endpoint")
        content = _members(
            parsed, "format report_data cpu", ("gpu", "nvswitch", "certificate", "signature")
        )
        stated = _members(
            content["report_data"],
            "tls_key_fp hpke_key nonce gpu_evidence_hash",
            ("nvswitch_evidence_hash",),
        )
        cpu = _members(content["cpu"], "platform report")
        checks.require("format", content["format"] == _FORMAT, "not a document of version 3")
        checks.require(
            "nonce",
            len(nonce) == 32 and stated["nonce"] == nonce.hex(),
            "the document answers another challenge",
            error=EvidenceExpiredError,
        )
        tls, key, gpus = (
            parsing.from_hex(stated[name], _WHAT, size=32)
            for name in ("tls_key_fp", "hpke_key", "gpu_evidence_hash")
        )
        sent = parsing.raw_member(document, "gpu")
        digest = bytes(32) if sent in (None, b"null") else hashlib.sha256(sent or b"").digest()
        checks.require(
            "gpu_hash", gpus == digest, "the GPUs' evidence is not the one that is bound"
        )
        switches = b""
        if stated.get("nvswitch_evidence_hash"):
            switches = parsing.from_hex(stated["nvswitch_evidence_hash"], _WHAT, size=32)
            checks.skip("nvswitches", "their evidence is bound by the hash that is stated")
        bound = hashlib.sha256(tls + key + nonce + gpus + switches).digest() + bytes(32)
        evidence = parsing.from_base64(cpu["report"], _WHAT)
        if cpu["platform"] == "sev-snp":
            snp = endorsements_for(self._snp, evidence)
            parts = [prove_sev_snp(evidence, snp, now, report_data=bound, roots=roots)]
        elif cpu["platform"] == "tdx":
            tdx = endorsements_for(self._tdx, evidence)
            parts = [prove_tdx(evidence, tdx, now, report_data=bound, roots=roots)]
        else:
            msg = f"{_WHAT}: an unknown kind of evidence"
            raise EvidenceInvalidError(msg, check="parsing")
        if isinstance(content.get("gpu"), dict):
            listed = _entries(content["gpu"].get("evidences"))
            devices = GpuEvidence.from_nvidia_json(json.dumps(listed))
            parts.append(prove_nvidia_gpu(devices, None, now, nonce=nonce, roots=roots))
        checks.skip("release", "looked at when a policy is obtained; the measurements decide")
        return policy.appraise_endpoint(
            checks,
            now,
            claims={"tls_spki_sha256": tls.hex()},
            parts=parts,
            channel_keys={"ehbp-x25519": key},
        )


class TinfoilAdapter:
    """Attests an enclave of Tinfoil.

    Args:
        endorsements: Those of the machine, or a function that gives them for a report; the
            document carries none.
        accept_boot_time_evidence: Must be true: the document of version 2 is not fresh.
    """

    def __init__(
        self,
        endorsements: MachineEndorsements | Callable[[bytes], MachineEndorsements],
        *,
        accept_boot_time_evidence: bool = False,
    ) -> None:
        if not accept_boot_time_evidence:
            msg = (
                "Tinfoil's version 2 document answers no nonce; pass "
                "accept_boot_time_evidence=True if evidence from the machine's start is enough"
            )
            raise ConfigurationError(msg)
        self._endorsements = endorsements

    def challenge(self, nonce: bytes) -> Challenge:  # noqa: ARG002  version 2 takes none
        """Ask without a nonce."""
        return Challenge(_PATH)

    def verify(
        self,
        document: bytes,
        nonce: bytes,  # noqa: ARG002
        policy: AttestationPolicy,
        now: dt.datetime,
        *,
        roots: TrustedRoots,
    ) -> AttestationReport:
        """Verify the document; the report says that freshness was not checked."""
        content = _members(parsing.strict_json(document, _WHAT), "format body")
        report = _inflate(parsing.from_base64(content["body"], _WHAT))
        endorsements = endorsements_for(self._endorsements, report)
        checks = Checks("endpoint")
        if content["format"] == _SNP_GUEST and isinstance(endorsements, SnpEndorsements):
            part = prove_sev_snp(report, endorsements, now, report_data=None, roots=roots)
        elif content["format"] == _TDX_GUEST and isinstance(endorsements, TdxEndorsements):
            part = prove_tdx(report, endorsements, now, report_data=None, roots=roots)
        else:
            msg = f"{_WHAT}: an unknown format, or endorsements of another vendor"
            raise EvidenceInvalidError(msg, check="parsing")
        bound = bytes.fromhex(part.claims["report_data"])
        checks.skip("nonce", "the document is of the machine's start and answers none")
        return policy.appraise_endpoint(
            checks,
            now,
            claims={"tls_spki_sha256": bound[:32].hex()},
            parts=[part],
            channel_keys={"ehbp-x25519": bound[32:]},
        )


def report_data(nonce: bytes, material: bytes, devices: bytes) -> bytes:
    """The 64 bytes that the CPU's evidence must hold for these sections."""
    parts = (nonce, hashlib.sha256(material).digest(), hashlib.sha256(devices).digest())
    return hashlib.sha256(_LABEL.encode() + b"".join(parts)).digest() + bytes(32)


def _members(value: Any, names: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return parsing.members(value, _WHAT, required=names.split(), optional=optional)


def _entries(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > 128:
        msg = f"{_WHAT}: a list is missing"
        raise EvidenceInvalidError(msg, check="parsing")
    return value


def _items(section: bytes, kind: str) -> list[Any]:
    content = _members(parsing.strict_json(section, _WHAT), "format items")
    if content["format"] != kind:
        msg = f"{_WHAT}: a section has another format"
        raise EvidenceInvalidError(msg, check="parsing")
    return _entries(content["items"])


def _keys(material: bytes, checks: Checks) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    items = [_members(item, "id format data") for item in _items(material, _MATERIAL)]
    for item in items:
        if _KEYS.get(str(item["id"])) == item["format"]:
            found[item["id"]] = parsing.from_hex(item["data"], _WHAT, size=32)
    names = [item["id"] for item in items]
    unique = all(names.count(name) == 1 for name in _KEYS)
    checks.require("keys", unique and set(found) == set(_KEYS), "a key is missing or there twice")
    return found


def _amd(value: Any) -> SnpEndorsements | None:
    """AMD's certificates about the CPU; signed by AMD, so it does not matter who sends them."""
    found: dict[str, Any] = {}
    for entry in _entries(value):
        entry = _members(entry, "id role format data", optional=("subjects",))
        subjects = entry.get("subjects")
        if entry["role"] == "endorsement" and isinstance(subjects, list) and "cpu" in subjects:
            found.setdefault(str(entry["format"]), entry["data"])
    if _VCEK not in found:
        return None
    vcek = _members(found[_VCEK], "vcek_der_base64 cert_chain_pem")
    crl = _members(found[_CRL], "crl_der_base64")["crl_der_base64"] if _CRL in found else None
    return SnpEndorsements(
        key_certificate=parsing.from_base64(vcek["vcek_der_base64"], _WHAT),
        chain=parsing.text(vcek["cert_chain_pem"], _WHAT).encode("utf-8", "replace"),
        crl=None if crl is None else parsing.from_base64(crl, _WHAT),
    )


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    try:
        report = inflater.decompress(data, _MAX_REPORT)
    except zlib.error:
        report = b""
    if not report or not inflater.eof or inflater.unused_data:
        msg = f"{_WHAT}: the body is not one gzip member of a sensible size"
        raise EvidenceInvalidError(msg, check="parsing")
    return report
