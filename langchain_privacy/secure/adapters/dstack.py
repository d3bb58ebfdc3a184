"""dstack with NEAR's inference proxy, as NEAR AI and Phala run it: TDX and GPUs under one nonce.

`report_data = signing address padded to 32 bytes | nonce`, or, with a TLS key,
`SHA-256(signing address | TLS key's SHA-256) | nonce`; the same nonce is in every GPU report. With
`signing_algo=ed25519` the address is the key itself. Unlike the published verifiers, nothing is
taken from a report before it is proven.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from typing import Any

from langchain_privacy.errors import EvidenceExpiredError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.evidence.nvidia_gpu import GpuEvidence, verify_nvidia_gpu
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS, TrustedRoots
from langchain_privacy.secure.evidence.tdx import TdxEndorsements, prove_tdx
from langchain_privacy.secure.policy.base import Policy, Proven, appraise
from langchain_privacy.secure.report import AttestationReport, Checks, as_time

Endorse = Callable[[bytes], TdxEndorsements]


def collateral_for(given: TdxEndorsements | Endorse | None, quote: bytes) -> TdxEndorsements | None:
    """The collateral of a quote's platform."""
    return given(quote) if callable(given) else given


def verify_dstack_report(
    document: bytes | str,
    endorsements: TdxEndorsements | None,
    policy: Policy,
    now: dt.datetime | float,
    *,
    nonce: bytes,
    roots: TrustedRoots = VENDOR_ROOTS,
) -> AttestationReport:
    """Verify the answer of one machine to `GET /v1/attestation/report?nonce=...`.

    The report's subject is `"dstack"`: an attestation, which gives no channel; see `NearAdapter`.

    Args:
        document: The JSON answer; its members besides quote, address, TLS key and GPU evidence are
            ignored.
        endorsements: Collateral of the platform.
        policy: What is acceptable; pin `mr_config_id` (the compose hash) and the RTMRs.
        now: The clock: an aware datetime or seconds since 1970 UTC.
        nonce: The 32 bytes that were sent.
        roots: Trust anchors; the vendors' by default.

    Returns:
        A report with the signing address, and the TLS key's SHA-256 if there is one, as claims.

    Raises:
        EvidenceInvalidError: If anything is malformed or a signature does not hold.
        EvidenceExpiredError: If quote or GPU reports carry another nonce.
        PolicyMismatchError: If the machine is genuine but not what the policy asks for.
    """
    content = parsing.strict_json(document, "dstack report")
    clock = as_time(now)
    proven = prove_dstack(content, endorsements, clock, nonce=nonce, roots=roots)
    return appraise(proven, policy)


def prove_dstack(
    content: Any,
    endorsements: TdxEndorsements | Endorse | None,
    clock: dt.datetime,
    *,
    nonce: bytes,
    roots: TrustedRoots,
    subject: str = "dstack",
) -> AttestationReport:
    """The half of `verify_dstack_report` that establishes facts, over parsed JSON."""
    checks, what = Checks(subject), "dstack report"
    checks.require("document", isinstance(content, dict), "not a JSON object")
    quote = parsing.from_hex(content.get("intel_quote"), what)
    address = parsing.from_hex(
        parsing.text(content.get("signing_address"), what).removeprefix("0x").lower(), what
    )
    checks.require("address", 0 < len(address) <= 32, "the signing address has no usable size")
    tls = content.get("tls_cert_fingerprint")
    identity = address.ljust(32, b"\0")
    if tls is not None:
        fingerprint = parsing.from_hex(parsing.text(tls, what).lower(), what, size=32)
        identity = hashlib.sha256(address + fingerprint).digest()
        tls = fingerprint.hex()
    tdx = prove_tdx(
        quote, collateral_for(endorsements, quote), clock, report_data=None, roots=roots
    )
    checks.require(
        "binding",
        len(nonce) == 32 and tdx.claims["report_data"] == (identity + nonce).hex(),
        "the quote is bound to another address, TLS key or challenge",
        error=EvidenceExpiredError,
    )
    parts = [tdx]
    if payload := content.get("nvidia_payload"):
        gpu = parsing.strict_json(parsing.text(payload, what), what)
        listed = gpu.get("evidence_list") if isinstance(gpu, dict) else None
        devices = GpuEvidence.from_nvidia_json(json.dumps(listed))
        parts.append(verify_nvidia_gpu(devices, None, Proven(), clock, nonce=nonce, roots=roots))
    else:
        checks.skip("gpus", "the document has no GPU evidence")
    return AttestationReport(
        subject=subject,
        claims={"signing_address": address.hex(), "tls_spki_sha256": tls},
        checks=tuple(checks),
        verified_at=clock,
        parts=tuple(parts),
    )
