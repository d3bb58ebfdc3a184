"""Services that speak ACI, "attested confidential inference" of Dstack-TEE (draft `aci/1`).

`report_data = SHA-256(statement) | 0^32` with the statement
`{"keyset_digest":"sha256:...","nonce":"...","purpose":"aci.report_data.v1"}`: the quote binds our
nonce and a keyset, and the keyset lists the key to seal to and the TLS keys. The channel is
`"aci-e2ee-v2"`; see `channel.field_sealing` for what it leaves in clear and therefore refuses.

```python
policy = AttestationPolicy(
    require=[TdxPolicy(measurements=[build])], profile="aci-e2ee-v2", require_tls_binding=True
)
adapter = AciAdapter("llm.example.com", collateral)
model = SecureChatModel(endpoint=url, model="m", policy=policy, adapter=adapter)
```
"""

import datetime as dt
import hashlib
import json
import re
from typing import Any

from langchain_privacy.errors import EvidenceExpiredError, EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.adapters.base import Challenge, TdxCollateral, endorsements_for
from langchain_privacy.secure.channel.field_sealing import AciCipher
from langchain_privacy.secure.evidence.dstack import parts_of, with_application
from langchain_privacy.secure.evidence.roots import TrustedRoots
from langchain_privacy.secure.evidence.tdx import prove_tdx
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport, Checks

_WHAT = "ACI report"
_HEX_32 = re.compile(r"[0-9a-f]{64}\Z")


class AciAdapter:
    """Attests a service that speaks ACI on Intel TDX, for the profile `"aci-e2ee-v2"`.

    Of a service that hands requests on to others ("aggregator") this proves the first machine; the
    report says so in a skipped check. GPUs are not in ACI's report, so a policy that asks for them
    refuses.

    Args:
        domain: The host name of the endpoint, as the keyset lists it with its TLS key.
        endorsements: Intel's collateral, or a function that gives it for a quote.
    """

    def __init__(self, domain: str, endorsements: TdxCollateral) -> None:
        self._domain, self._endorsements = domain.lower(), endorsements

    def challenge(self, nonce: bytes) -> Challenge:
        """Ask with the nonce in the query."""
        return Challenge(f"/v1/aci/attestation?nonce={nonce.hex()}")

    def verify(
        self,
        document: bytes,
        nonce: bytes,
        policy: AttestationPolicy,
        now: dt.datetime,
        *,
        roots: TrustedRoots,
    ) -> AttestationReport:
        """Verify the service's report and take the channel's key from its keyset."""
        checks = Checks("endpoint")
        content = _object(parsing.strict_json(document, _WHAT))
        envelope = _object(content.get("attestation"))
        checks.require(
            "format",
            content.get("api_version") == "aci/1" and envelope.get("tee_type") == "tdx",
            "not a report of ACI version 1 on Intel TDX",
        )
        keyset = _object(envelope.get("workload_keyset"))
        digest = keyset_digest(keyset)
        evidence = _object(envelope.get("evidence"))
        quote = parsing.from_hex(evidence.get("quote"), _WHAT)
        part = prove_tdx(
            quote,
            endorsements_for(self._endorsements, quote),
            now,
            report_data=report_data(digest, nonce),
            roots=roots,
        )
        part = with_application(part, *parts_of(evidence))
        not_after = parsing.moment(keyset.get("not_after"), _WHAT)
        checks.require(
            "key_lifetime",
            now < not_after,
            "the keyset is expired",
            error=EvidenceExpiredError,
        )
        features = _object(content.get("service_capabilities"))
        versions = features.get("supported_e2ee_versions")
        checks.require(
            "e2ee_version",
            isinstance(versions, list) and "2" in versions,
            "the service does not offer ACI E2EE version 2",
        )
        if features.get("serving") == "direct":
            checks.skip("gpus", "ACI's report has no GPU evidence")
        else:
            checks.skip("upstream", "the service hands requests on to machines that it verifies")
        checks.skip("settings", "the channel leaves settings and the shape of requests readable")
        return policy.appraise_endpoint(
            checks,
            now,
            claims={"keyset_digest": digest, "tls_spki_sha256": self._tls_key(keyset, checks)},
            parts=[part],
            channel_keys={"aci-e2ee-v2": _channel_key(keyset, checks)},
            not_after=not_after,
        )

    def _tls_key(self, keyset: dict[str, Any], checks: Checks) -> str:
        entries = [
            key.get("spki_sha256")
            for key in _objects(keyset.get("tls_public_keys"))
            if key.get("domain") is None or str(key["domain"]).lower() == self._domain
        ]
        checks.require(
            "tls_key",
            len(entries) == 1 and isinstance(entries[0], str) and _HEX_32.match(entries[0]),
            "the keyset does not name one TLS key for this domain",
        )
        return str(entries[0])


def keyset_digest(keyset: dict[str, Any]) -> str:
    """`"sha256:..."` over the keyset's canonical JSON (RFC 8785).

    Raises:
        EvidenceInvalidError: If the keyset holds numbers or letters for which the canonical form
            takes more than sorting; no service needs them.
    """
    if _has_float(keyset):
        msg = f"{_WHAT}: a number in the keyset is not an integer"
        raise EvidenceInvalidError(msg, check="parsing")
    canonical = json.dumps(keyset, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if not canonical.isascii():
        msg = f"{_WHAT}: the keyset is not ASCII"
        raise EvidenceInvalidError(msg, check="parsing")
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def report_data(digest: str, nonce: bytes) -> bytes:
    """The 64 bytes that the quote must hold for a keyset and a nonce of 32 bytes."""
    statement = (
        f'{{"keyset_digest":"{digest}","nonce":"{nonce.hex()}","purpose":"aci.report_data.v1"}}'
    )
    return hashlib.sha256(statement.encode()).digest() + bytes(32)


def _has_float(value: Any) -> bool:
    if isinstance(value, (dict, list)):
        return any(map(_has_float, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        msg = f"{_WHAT}: an object is missing"
        raise EvidenceInvalidError(msg, check="parsing")
    return value


def _objects(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > 64:
        msg = f"{_WHAT}: a list is missing"
        raise EvidenceInvalidError(msg, check="parsing")
    return [_object(item) for item in value]


def _channel_key(keyset: dict[str, Any], checks: Checks) -> bytes:
    found = [
        key.get("public_key")
        for key in _objects(keyset.get("e2ee_public_keys"))
        if key.get("algo") == AciCipher.ALGORITHM
    ]
    checks.require("keys", found, "the keyset has no X25519 key to seal to")
    return parsing.from_hex(found[0], _WHAT, size=32)
