"""AMD SEV-SNP: is this report genuine, and does it satisfy the policy?

AMD 56860, chapter "Attestation"; the signature is ECDSA on P-384 with SHA-384 over the first
0x2A0 bytes, `r` and `s` little-endian.
"""

import datetime as dt
from dataclasses import asdict

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from langchain_privacy.errors import EvidenceExpiredError
from langchain_privacy.secure.evidence import sev_snp_report as layout
from langchain_privacy.secure.evidence.amd_chain import (
    EndorsedKey,
    SnpEndorsements,
    verify_chain,
)
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS, TrustedRoots
from langchain_privacy.secure.policy.base import Policy, appraise
from langchain_privacy.secure.report import AttestationReport, Checks, as_time

_P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973  # noqa: E501
_ECDSA_P384_SHA384 = 1
_VCEK, _VLEK = 0, 1


def verify_sev_snp(
    evidence: bytes,
    endorsements: SnpEndorsements | None,
    policy: Policy,
    now: dt.datetime | float,
    *,
    report_data: bytes | None = None,
    roots: TrustedRoots = VENDOR_ROOTS,
) -> AttestationReport:
    """Verify an SEV-SNP attestation report.

    Args:
        evidence: The report, 1184 bytes, version 2 to 5.
        endorsements: Certificates of the signing key and, better, a CRL.
        policy: What is acceptable, usually a `SevSnpPolicy`.
        now: The clock: an aware datetime or seconds since 1970 UTC.
        report_data: The 64 bytes that must stand in the report; `None` skips the comparison.
        roots: Trust anchors; AMD's by default.

    Raises:
        EvidenceInvalidError: If anything is malformed or a signature does not hold.
        EvidenceExpiredError: If a certificate is not valid at `now`, or the report data differs.
        PolicyMismatchError: If the report is genuine but not what the policy asks for.
    """
    proven = prove_sev_snp(evidence, endorsements, now, report_data=report_data, roots=roots)
    return appraise(proven, policy)


def prove_sev_snp(
    evidence: bytes,
    endorsements: SnpEndorsements | None,
    now: dt.datetime | float,
    *,
    report_data: bytes | None,
    roots: TrustedRoots,
) -> AttestationReport:
    """The half of `verify_sev_snp` that establishes facts, before any policy."""
    clock = as_time(now)
    checks = Checks("sev-snp")
    try:
        report = layout.parse_report(evidence)
        fault = ""
    except layout.LayoutError as error:
        fault = str(error)
    checks.require("layout", not fault, fault)
    checks.require(
        "algorithm",
        report.signature_algorithm == _ECDSA_P384_SHA384,
        "the signature algorithm is not ECDSA P-384 with SHA-384",
    )
    key = verify_chain(endorsements, clock, roots, checks)
    _match(report, key, checks)
    checks.require("signature", _signed_by(evidence, report, key), "the signature is wrong")
    if report_data is None:
        checks.skip("report_data", "no expected value was given")
    else:
        checks.require(
            "report_data",
            report.report_data == report_data,
            "the report is bound to another challenge or key",
            error=EvidenceExpiredError,
        )
    return AttestationReport(
        subject="sev-snp",
        claims=_claims(report, key),
        checks=tuple(checks),
        verified_at=clock,
    )


def _match(report: layout.SnpReport, key: EndorsedKey, checks: Checks) -> None:
    expected = {"vcek": _VCEK, "vlek": _VLEK}[key.kind]
    checks.require(
        "signing_key", report.signing_key == expected, "another kind of key signed the report"
    )
    if report.version < 3:
        checks.skip("product", "a version 2 report does not name its processor")
    else:
        checks.require(
            "product", report.product == key.product, "report and certificate differ in product"
        )
    reported = layout.Tcb.from_bytes(report.reported_tcb_raw, key.product)
    checks.require("tcb", key.tcb == reported, "the certificate is for another TCB")
    if key.kind == "vlek":
        checks.skip("chip", "a VLEK belongs to a cloud provider, not to one chip")
        return
    size = 8 if key.product == "Turin" else 64
    same = key.hwid == report.chip_id[:size] and not any(report.chip_id[size:])
    checks.require("chip", same and any(report.chip_id), "the certificate is for another chip")


def _signed_by(evidence: bytes, report: layout.SnpReport, key: EndorsedKey) -> bool:
    if not (0 < report.r < _P384_ORDER and 0 < report.s < _P384_ORDER):
        return False
    signature = encode_dss_signature(report.r, report.s)
    try:
        key.public_key.verify(signature, evidence[: layout.SIGNED], ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        return False
    return True


def _claims(report: layout.SnpReport, key: EndorsedKey) -> dict[str, object]:
    def tcb(raw: bytes) -> dict[str, int]:
        return asdict(layout.Tcb.from_bytes(raw, key.product))

    def bit(value: int, position: int) -> bool:
        return bool(value >> position & 1)

    guest, platform = report.guest_policy, report.platform_info
    # An empty list is falsy, and the usual case.
    until = key.crl.next_update_utc if key.crl is not None else None
    return {
        "version": report.version,
        "product": key.product,
        "signing_key": key.kind,
        "measurement": report.measurement.hex(),
        "host_data": report.host_data.hex(),
        "report_data": report.report_data.hex(),
        "id_key_digest": report.id_key_digest.hex(),
        "author_key_digest": report.author_key_digest.hex(),
        "chip_id": report.chip_id.hex(),
        "vmpl": report.vmpl,
        "guest_svn": report.guest_svn,
        "policy_reserved_one": bit(guest, 17),
        "debug": bit(guest, 19),
        "migration": bit(guest, 18),
        "abi": [guest >> 8 & 0xFF, guest & 0xFF],
        "smt": bit(platform, 0),
        "alias_check": bit(platform, 5),
        "masked_chip_key": report.mask_chip_key,
        "reported_tcb": tcb(report.reported_tcb_raw),
        "current_tcb": tcb(report.current_tcb_raw),
        "committed_tcb": tcb(report.committed_tcb_raw),
        "launch_tcb": tcb(report.launch_tcb_raw),
        "current_firmware": list(report.current_firmware),
        "committed_firmware": list(report.committed_firmware),
        "crl_next_update": until.isoformat() if until else None,
    }
