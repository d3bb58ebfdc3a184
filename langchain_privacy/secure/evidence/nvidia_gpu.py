"""NVIDIA Hopper and Blackwell GPUs: are these reports genuine, fresh and of distinct devices?

The GPU signs a nonce with a key that only its measured firmware can use; the certificate chain ends
at NVIDIA's Device Identity CA. Reference values (RIM) and revocation (OCSP) are endorsements that
the caller hands in, so that verification itself needs no network.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID

from langchain_privacy.errors import EvidenceExpiredError, EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.evidence import nvidia_chain
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS, TrustedRoots
from langchain_privacy.secure.policy.base import Policy, appraise
from langchain_privacy.secure.report import AttestationReport, Checks, as_time

_MAX_DEVICES = 32


@dataclass(frozen=True, kw_only=True)
class GpuEvidence:
    """Evidence of one device.

    Attributes:
        report: SPDM request and response, as `nvmlDeviceGetConfComputeGpuAttestationReport` and the
            NVIDIA SDKs give it.
        certificate_chain: PEM, leaf first, root last.
    """

    report: bytes
    certificate_chain: bytes

    @classmethod
    def from_nvidia_json(cls, document: bytes | str) -> "tuple[GpuEvidence, ...]":
        """Read the evidence list of NVIDIA's SDKs; its own nonces are ignored, give yours."""
        entries = parsing.strict_json(document, "GPU evidence")
        if not isinstance(entries, list) or len(entries) > _MAX_DEVICES:
            msg = "GPU evidence: must be a list of at most 32 devices"
            raise EvidenceInvalidError(msg, check="parsing")
        found = []
        for entry in entries:
            fields = parsing.members(
                entry,
                "GPU evidence",
                required=("evidence", "certificate"),
                optional=("arch", "nonce", "version", "firmware_version", "driver_version"),
            )
            found.append(
                cls(
                    report=parsing.from_base64(fields["evidence"], "GPU evidence"),
                    certificate_chain=parsing.from_base64(fields["certificate"], "GPU chain"),
                )
            )
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class GpuEndorsements:
    """What NVIDIA says about firmware and certificates; signed by NVIDIA, so anybody may carry it.

    Attributes:
        manifests: Reference integrity manifests (RIM) of driver and VBIOS, XML.
        ocsp: OCSP responses for the intermediates of the chains, DER.
    """

    manifests: Sequence[bytes] = ()
    ocsp: Sequence[bytes] = ()


def verify_nvidia_gpu(
    evidence: GpuEvidence | Sequence[GpuEvidence],
    endorsements: GpuEndorsements | None,
    policy: Policy,
    now: dt.datetime | float,
    *,
    nonce: bytes,
    roots: TrustedRoots = VENDOR_ROOTS,
) -> AttestationReport:
    """Verify the reports of all GPUs of a machine.

    Args:
        evidence: One report and chain for each GPU.
        endorsements: Reference manifests and OCSP responses; `None` skips both checks.
        policy: What is acceptable, usually an `NvidiaGpuPolicy`.
        now: The clock: an aware datetime or seconds since 1970 UTC.
        nonce: The 32 bytes that the verifier chose and every report must carry.
        roots: Trust anchors; NVIDIA's by default.

    Returns:
        A report whose `parts` are one report for each GPU.

    Raises:
        EvidenceInvalidError: If anything is malformed or a signature does not hold.
        EvidenceExpiredError: If a report carries another nonce, or a document is stale.
        PolicyMismatchError: If the GPUs are genuine but not what the policy asks for.
    """
    clock = as_time(now)
    devices = [evidence] if isinstance(evidence, GpuEvidence) else list(evidence)
    checks = Checks("nvidia-gpus")
    checks.require("count", 0 < len(devices) <= _MAX_DEVICES, "there is no GPU evidence")
    given = endorsements or GpuEndorsements()
    parts = tuple(
        _verify_one(index, device, given, clock, nonce, roots)
        for index, device in enumerate(devices)
    )
    ueids = {part.claims["ueid"] for part in parts}
    checks.require("distinct", len(ueids) == len(parts), "the same GPU is presented twice")
    report = AttestationReport(
        subject="nvidia-gpus",
        claims={"count": len(parts), "ueids": sorted(ueids)},
        checks=tuple(checks),
        verified_at=clock,
        parts=parts,
    )
    return appraise(report, policy)


def _verify_one(
    index: int,
    device: GpuEvidence,
    endorsements: GpuEndorsements,
    now: dt.datetime,
    nonce: bytes,
    roots: TrustedRoots,
) -> AttestationReport:
    checks = Checks(f"nvidia-gpu:{index}")
    fault = ""
    try:
        report = nvidia_chain.parse_report(device.report)
    except nvidia_chain.LayoutError as error:
        fault = str(error)
    checks.require("layout", not fault, fault)
    chain = nvidia_chain.load_chain(device.certificate_chain)
    key = nvidia_chain.verify_device_chain(chain, now, roots.nvidia_device, checks)
    assert chain is not None
    checks.require("signature", _signed_by(report, key), "the signature is wrong")
    # The responder's own nonce shows nothing; only the request's is the verifier's.
    checks.require(
        "nonce",
        len(nonce) == 32 and report.request_nonce == nonce,
        "the report carries another nonce",
        error=EvidenceExpiredError,
    )
    expected = nvidia_chain.firmware_digest(chain[0])
    if report.fwid is None:
        checks.skip("fwid", "the driver is too old to report its firmware digest")
    else:
        checks.require(
            "fwid", report.fwid == expected, "the firmware digest is not the certificate's"
        )
    if endorsements.manifests:
        manifests = [
            nvidia_chain.verify_manifest(data, now, roots.nvidia_rim, checks)
            for data in endorsements.manifests
        ]
        nvidia_chain.compare(report, manifests, checks)
    else:
        checks.skip("rim", "no reference manifest was given")
    if endorsements.ocsp:
        nvidia_chain.verify_ocsp(endorsements.ocsp, chain, now, checks)
    else:
        checks.skip("ocsp", "no OCSP response was given")
    return AttestationReport(
        subject="nvidia-gpu",
        claims=_claims(report, chain),
        checks=tuple(checks),
        verified_at=now,
    )


def _signed_by(report: nvidia_chain.GpuReport, key: ec.EllipticCurvePublicKey) -> bool:
    r, s = (int.from_bytes(half) for half in (report.signature[:48], report.signature[48:]))
    if not (r and s):
        return False
    try:
        key.verify(encode_dss_signature(r, s), report.signed, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        return False
    return True


def _model(chain: Sequence[x509.Certificate]) -> str:
    # From the leaf, which the device's firmware issued: LS10 switches share Hopper's identity CA.
    names = chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value).split(" ")[0] if names else ""


def _claims(report: nvidia_chain.GpuReport, chain: Sequence[x509.Certificate]) -> dict[str, Any]:
    return {
        "model": _model(chain),
        "ueid": str(chain[0].serial_number),
        "driver": report.driver,
        "vbios": report.vbios,
        "fwid": report.fwid.hex() if report.fwid else None,
        "mode": report.feature,
        "is_switch": report.is_switch,
        "rim_id": report.rim_id,
    }
