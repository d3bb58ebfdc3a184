"""Tokens of Microsoft Azure Attestation (MAA) for confidential VMs (SEV-SNP and TDX).

The launch measurement of an Azure VM is that of Azure's shared paravisor: every customer has the
same. What tells workloads apart are the vTPM's PCRs, which the attestation policy whose hash stands
in the token checks, and the client's payload, which carries our nonce and key.

`verify_azure_maa` is for everybody; the adapter for gateways that prove themselves by a token
calls `prove_azure_maa` and appraises the whole endpoint afterwards.

```python
policy = AzureMaaPolicy(policy_hashes=["wm9m..."])
issuer = "https://sharedweu.weu.attest.azure.net"
report = verify_azure_maa(token, jwks, policy, datetime.now(UTC), issuer=issuer, nonce=nonce)
```
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.secure.evidence.jose import verify_token
from langchain_privacy.secure.fetch import LOOPBACK
from langchain_privacy.secure.policy.base import Policy, appraise
from langchain_privacy.secure.report import AttestationReport, Checks, as_time

_LIFETIME = dt.timedelta(hours=8)
_TEE = "x-ms-isolation-tee"
_DEBUG_SWITCHES = ("bootdebug", "kerneldebug", "hypervisordebug", "testsigning", "flightsigning")


def verify_azure_maa(
    evidence: str | bytes,
    endorsements: bytes | str | Mapping[str, Any],
    policy: Policy,
    now: dt.datetime | float,
    *,
    issuer: str,
    nonce: str | None,
) -> AttestationReport:
    """Verify an MAA token.

    Args:
        evidence: The token.
        endorsements: The key set of `issuer/certs`, fetched from the issuer that you configured,
            never from the token's `jku`.
        policy: What is acceptable, usually an `AzureMaaPolicy`.
        now: The clock: an aware datetime or seconds since 1970 UTC.
        issuer: Exact `iss`, e.g. `"https://sharedweu.weu.attest.azure.net"`.
        nonce: Text that must stand in the client payload's `nonce`; `None` skips the comparison,
            and the default policy then refuses.

    Raises:
        EvidenceInvalidError: If the token is malformed or its signature does not hold.
        EvidenceExpiredError: If it is not valid at `now`, or carries another nonce.
        PolicyMismatchError: If the token is genuine but not what the policy asks for.
    """
    proven = prove_azure_maa(evidence, endorsements, as_time(now), issuer=issuer, nonce=nonce)
    return appraise(proven, policy)


def prove_azure_maa(
    evidence: str | bytes,
    endorsements: bytes | str | Mapping[str, Any],
    now: dt.datetime,
    *,
    issuer: str,
    nonce: str | None,
) -> AttestationReport:
    """The half of `verify_azure_maa` that establishes facts, before any policy."""
    checks = Checks("azure-maa")
    token = evidence.decode("ascii", "replace") if isinstance(evidence, bytes) else evidence
    claims = verify_token(
        token.strip(),
        endorsements,
        algorithm="RS256",
        issuer=issuer,
        now=now,
        checks=checks,
        max_lifetime=_LIFETIME,
        ignored_headers=("jku",),
    )
    tee = claims.get(_TEE)
    checks.require("isolation", isinstance(tee, dict), "the token is not of a confidential VM")
    assert isinstance(tee, dict)
    runtime = claims.get("x-ms-runtime")
    payload = runtime.get("client-payload") if isinstance(runtime, dict) else None
    found = payload.get("nonce") if isinstance(payload, dict) else None
    checks.require_bound("nonce", found, nonce, "the token carries another nonce, or none")
    return AttestationReport(
        subject="azure-maa",
        claims=_claims(claims, tee, nonce is not None),
        checks=tuple(checks),
        verified_at=now,
    )


def keys_url(issuer: str) -> str:
    """Where an issuer's key set is.

    Raises:
        ConfigurationError: If the issuer is not an https URL, nor on this machine.
    """
    url = urlsplit(issuer)
    if url.scheme != "https" and url.hostname not in LOOPBACK:
        msg = "the issuer of MAA tokens must be an https URL"
        raise ConfigurationError(msg)
    return f"{issuer.rstrip('/')}/certs"


def _claims(claims: Mapping[str, Any], tee: Mapping[str, Any], fresh: bool) -> dict[str, Any]:
    snp = "x-ms-sevsnpvm-"
    debug = [claims.get(f"x-ms-azurevm-{name}-enabled") for name in _DEBUG_SWITCHES]
    tee_debug = tee.get(f"{snp}is-debuggable", tee.get("tdx_td_attributes_debug"))
    return {
        "issuer": claims["iss"],
        "attestation_type": claims.get("x-ms-attestation-type"),
        "tee": tee.get("x-ms-attestation-type"),
        "compliance": tee.get("x-ms-compliance-status"),
        "secure_boot": claims.get("secureboot"),
        # Absent means unknown, which is not "off": only an explicit false counts.
        "debug": tee_debug is not False or any(switch is True for switch in debug),
        "migration": tee.get(f"{snp}migration-allowed", False) is not False,
        "vmpl": tee.get(f"{snp}vmpl", 0),
        "measurement": tee.get(f"{snp}launchmeasurement", tee.get("tdx_mrtd")),
        "host_data": tee.get(f"{snp}hostdata"),
        "policy_hash": claims.get("x-ms-policy-hash"),
        "pcrs": claims.get("attested-pcr-values"),
        "fresh": fresh,
    }
