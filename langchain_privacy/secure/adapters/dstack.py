"""dstack with a vLLM proxy, as NEAR AI and Phala run it: TDX and NVIDIA GPUs under one nonce.

`report_data = signing address padded to 32 bytes | nonce`, and the same nonce in every GPU report.
The service seals messages in a way of its own, which this package does not speak, so a verified
document is an attestation and gives no channel: the report's subject is `"dstack"`, and no
transport will use it. Unlike the published verifier, nothing here is taken from the report before
it is proven.
"""

import datetime as dt
import json

from langchain_privacy.errors import EvidenceExpiredError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.evidence.nvidia_gpu import GpuEvidence, verify_nvidia_gpu
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS, TrustedRoots
from langchain_privacy.secure.evidence.tdx import TdxEndorsements, prove_tdx
from langchain_privacy.secure.policy.base import Policy, Proven, appraise
from langchain_privacy.secure.report import AttestationReport, Checks, as_time


def verify_dstack_report(
    document: bytes | str,
    endorsements: TdxEndorsements | None,
    policy: Policy,
    now: dt.datetime | float,
    *,
    nonce: bytes,
    roots: TrustedRoots = VENDOR_ROOTS,
) -> AttestationReport:
    """Verify the answer of `GET /v1/attestation/report?nonce=...&signing_algo=ed25519`.

    Args:
        document: The JSON answer; its members besides quote, address and GPU evidence are ignored.
        endorsements: Collateral of the platform.
        policy: What is acceptable; pin `mr_config_id` (the compose hash) and the RTMRs.
        now: The clock: an aware datetime or seconds since 1970 UTC.
        nonce: The 32 bytes that were sent.
        roots: Trust anchors; the vendors' by default.

    Returns:
        A report with the signing address among its claims.

    Raises:
        EvidenceInvalidError: If anything is malformed or a signature does not hold.
        EvidenceExpiredError: If quote or GPU reports carry another nonce.
        PolicyMismatchError: If the machine is genuine but not what the policy asks for.
    """
    clock, checks, what = as_time(now), Checks("dstack"), "dstack report"
    content = parsing.strict_json(document, what)
    checks.require("document", isinstance(content, dict), "not a JSON object")
    quote = parsing.from_hex(content.get("intel_quote"), what)
    address = parsing.from_hex(
        parsing.text(content.get("signing_address"), what).removeprefix("0x").lower(), what
    )
    checks.require("address", 0 < len(address) <= 32, "the signing address has no usable size")
    tdx = prove_tdx(quote, endorsements, clock, report_data=None, roots=roots)
    checks.require(
        "binding",
        len(nonce) == 32 and tdx.claims["report_data"] == (address.ljust(32, b"\0") + nonce).hex(),
        "the quote is bound to another address or challenge",
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
    return appraise(
        AttestationReport(
            subject="dstack",
            claims={"signing_address": address.hex()},
            checks=tuple(checks),
            verified_at=clock,
            parts=tuple(parts),
        ),
        policy,
    )
