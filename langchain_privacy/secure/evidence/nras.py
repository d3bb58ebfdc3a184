"""Tokens of the NVIDIA Remote Attestation Service (NRAS), claims versions 2 and 3.

An answer is a detached EAT bundle (RFC 9711): `[["JWT", overall], {"GPU-0": token, ...}]`, where
the overall token carries the SHA-256 of each device's token. `verify_nras_token` is for callers who
have such an answer; nothing of ours asks the service, see `nvidia_gpu` for the way without it.

```python
policy = NvidiaGpuPolicy(count=8)
report = verify_nras_token(answer, jwks, policy, datetime.now(UTC), nonce=nonce)
```
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Any

from langchain_privacy.errors import EvidenceExpiredError, PolicyMismatchError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.evidence.jose import verify_token
from langchain_privacy.secure.policy.base import Policy, appraise
from langchain_privacy.secure.report import AttestationReport, Check, Checks, as_time

ISSUER = "https://nras.attestation.nvidia.com"
_LIFETIME = dt.timedelta(hours=1)
_SUBJECT = "NVIDIA-PLATFORM-ATTESTATION"
_TRUE_CLAIMS = (
    "x-nvidia-gpu-attestation-report-parsed",
    "x-nvidia-gpu-attestation-report-nonce-match",
    "x-nvidia-gpu-attestation-report-signature-verified",
    "x-nvidia-gpu-arch-check",
)
_CHAIN_V2 = "x-nvidia-gpu-attestation-report-cert-chain-validated"
_CHAIN_V3 = "x-nvidia-gpu-attestation-report-cert-chain"


def verify_nras_token(
    evidence: bytes | str,
    endorsements: bytes | str | Mapping[str, Any],
    policy: Policy,
    now: dt.datetime | float,
    *,
    nonce: bytes,
    issuer: str = ISSUER,
) -> AttestationReport:
    """Verify an answer of NRAS.

    Trust in it is trust in NVIDIA's service and in the WebPKI certificate of the host that the key
    set came from; `verify_nvidia_gpu` needs neither.

    Args:
        evidence: The JSON answer with the overall token and one for each device.
        endorsements: The key set of `ISSUER/.well-known/jwks.json`.
        policy: What is acceptable, usually an `NvidiaGpuPolicy`.
        now: The clock: an aware datetime or seconds since 1970 UTC.
        nonce: The 32 bytes that the verifier chose.
        issuer: Exact issuer; the staging service has another.

    Raises:
        EvidenceInvalidError: If the answer is malformed or a signature or digest does not hold.
        EvidenceExpiredError: If a token is not valid at `now`, or carries another nonce.
        PolicyMismatchError: If NVIDIA says that a GPU failed, or the policy refuses.
    """
    clock = as_time(now)
    checks = Checks("nvidia-gpus")
    bundle = parsing.strict_json(evidence, "NRAS answer")
    shaped = (
        isinstance(bundle, list)
        and len(bundle) == 2
        and isinstance(bundle[0], list)
        and len(bundle[0]) == 2
        and bundle[0][0] == "JWT"
        and isinstance(bundle[1], dict)
        and bundle[1]
    )
    checks.require("bundle", shaped, "not a detached EAT bundle with at least one device")
    overall = _token(bundle[0][1], endorsements, issuer, clock, nonce, checks)
    checks.require("subject", overall.get("sub") == _SUBJECT, "not a platform token")
    digests = {
        name: ["DIGEST", ["SHA-256", hashlib.sha256(str(token).encode()).hexdigest()]]
        for name, token in bundle[1].items()
    }
    checks.require(
        "digests", overall.get("submods") == digests, "the device tokens are not those announced"
    )
    checks.require(
        "overall",
        overall.get("x-nvidia-overall-att-result") is True,
        "NVIDIA says that the attestation failed",
        error=PolicyMismatchError,
    )
    parts = tuple(
        _device(
            f"nvidia-gpu:{index}",
            token,
            endorsements,
            issuer,
            clock,
            nonce,
            version=overall.get("x-nvidia-ver"),
        )
        for index, (_, token) in enumerate(sorted(bundle[1].items()))
    )
    ueids = {part.claims["ueid"] for part in parts}
    checks.require("distinct", len(ueids) == len(parts), "the same GPU is presented twice")
    report = AttestationReport(
        subject="nvidia-gpus",
        claims={"count": len(parts), "ueids": sorted(ueids), "issuer": issuer},
        checks=tuple(checks),
        verified_at=clock,
        parts=parts,
    )
    return appraise(report, policy)


def _token(
    token: Any,
    jwks: bytes | str | Mapping[str, Any],
    issuer: str,
    now: dt.datetime,
    nonce: bytes,
    checks: Checks,
) -> dict[str, Any]:
    claims = verify_token(
        token,
        jwks,
        algorithm="ES384",
        issuer=issuer,
        now=now,
        checks=checks,
        max_lifetime=_LIFETIME,
    )
    checks.require(
        "nonce",
        len(nonce) == 32 and claims.get("eat_nonce") == nonce.hex(),
        "the token carries another nonce",
        error=EvidenceExpiredError,
    )
    return claims


def _chain_is_valid(claims: Mapping[str, Any]) -> bool:
    if claims.get(_CHAIN_V2) is True:
        return True
    chain = claims.get(_CHAIN_V3)
    return (
        isinstance(chain, dict)
        and chain.get("x-nvidia-cert-status") == "valid"
        and chain.get("x-nvidia-cert-ocsp-status") == "good"
    )


def _device(
    subject: str,
    token: Any,
    jwks: bytes | str | Mapping[str, Any],
    issuer: str,
    now: dt.datetime,
    nonce: bytes,
    *,
    version: Any,
) -> AttestationReport:
    checks = Checks(subject)
    claims = _token(token, jwks, issuer, now, nonce, checks)

    def refuse_unless(name: str, condition: object, message: str) -> None:
        checks.require(name, condition, message, error=PolicyMismatchError)

    refuse_unless("secure_boot", claims.get("secboot") is True, "secure boot is off")
    refuse_unless("debug", claims.get("dbgstat") == "disabled", "debugging is on")
    refuse_unless(
        "measurements", claims.get("measres") == "success", "measurements differ from NVIDIA's"
    )
    refuse_unless(
        "device_checks",
        all(claims.get(name) is True for name in _TRUE_CLAIMS) and _chain_is_valid(claims),
        "one of NVIDIA's own checks failed",
    )
    fwid = claims.get("x-nvidia-gpu-attestation-report-cert-chain-fwid-match")
    # Claims of version 2 have no name for it: NVIDIA's service compares the digest while it
    # validates the chain, and does not say so apart.
    within_chain = version == "2.0" and fwid is None
    if within_chain:
        checks.require(
            "fwid", True, "", detail="by NVIDIA's service, within the chain's validation"
        )
    else:
        refuse_unless("fwid", fwid is True, "the firmware digest is not the certificate's")
    # NVIDIA compared driver and VBIOS with its manifests and asked OCSP: the device checks say so.
    stands_for = [
        Check(subject=subject, name=name, outcome="passed", detail="by NVIDIA's service")
        for name in ("rim_complete", "ocsp_complete")
    ]
    return AttestationReport(
        subject="nvidia-gpu",
        claims={
            "model": str(claims.get("hwmodel", "")).split(" ")[0],
            "ueid": parsing.text(claims.get("ueid"), "ueid"),
            "driver": claims.get("x-nvidia-gpu-driver-version"),
            "vbios": claims.get("x-nvidia-gpu-vbios-version"),
            "fwid": "match",
            "mode": None,
            "is_switch": False,
            "rim_id": None,
        },
        checks=(*checks, *stands_for),
        verified_at=now,
    )
