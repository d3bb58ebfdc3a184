"""dstack's machines, as NEAR AI and Phala run them, and NEAR AI's cloud of two such machines.

One machine proves TDX and GPUs under one nonce: `report_data = signing address padded to 32 bytes |
nonce`, or, with a TLS key, `SHA-256(signing address | TLS key's SHA-256) | nonce`; the same nonce
is in every GPU report. With `signing_algo=ed25519` the address is the key itself. Unlike the
published verifiers, nothing is taken from a report before it is proven. `verify_dstack_report`
verifies one.

NEAR AI has a gateway and a model's machine, both attested, for the channel `"near-ed25519-v2"`. TLS
ends in the gateway's confidential VM, whose quote binds the TLS key; contents are sealed past it to
the model's machine, whose quote binds the key. `NearAdapter` attests both. Faults of the protocol
that a client cannot repair, named in the report's skipped checks:

- nothing binds a sealed field to its place, its request or an answer, so the gateway could move,
  drop or repeat what it cannot read; the policy therefore has to accept the gateway's software too;
- the gateway, like everybody who has seen a request's key, could write answers of its own;
- settings and the shape of a request are readable to the gateway; tools and answer formats, which
  would be, are refused;
- nothing is post-quantum, and the model's key serves for many requests.
"""

import datetime as dt
import hashlib
import json
from typing import Any
from urllib.parse import urlencode

from langchain_privacy.errors import ConfigurationError, EvidenceExpiredError, EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.adapters.base import Challenge, TdxCollateral, endorsements_for
from langchain_privacy.secure.evidence.dstack import parts_of, with_application
from langchain_privacy.secure.evidence.nvidia_gpu import GpuEvidence, prove_nvidia_gpu
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS, TrustedRoots
from langchain_privacy.secure.evidence.tdx import TdxEndorsements, prove_tdx
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.policy.base import Policy, appraise
from langchain_privacy.secure.report import AttestationReport, Checks, as_time

_DSTACK, _NEAR = "dstack report", "NEAR report"
_GATEWAY, _MODEL = "near-gateway", "near-model"


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
        policy: What is acceptable. Every application boots the same image, so a `TdxMeasurement`
            without `compose_hash`, `mr_config_id` or `rtmr3` accepts none here.
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
    content = parsing.strict_json(document, _DSTACK)
    proven = prove_dstack(content, endorsements, as_time(now), nonce=nonce, roots=roots)
    return appraise(proven, policy)


def prove_dstack(
    content: Any,
    endorsements: TdxCollateral | None,
    now: dt.datetime,
    *,
    nonce: bytes,
    roots: TrustedRoots,
    subject: str = "dstack",
) -> AttestationReport:
    """The half of `verify_dstack_report` that establishes facts, over parsed JSON."""
    checks, what = Checks(subject), _DSTACK
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
    collateral = endorsements_for(endorsements, quote)
    tdx = prove_tdx(quote, collateral, now, report_data=None, roots=roots)
    tdx = with_application(tdx, *parts_of(content))
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
        parts.append(prove_nvidia_gpu(devices, None, now, nonce=nonce, roots=roots))
    else:
        checks.skip("gpus", "the document has no GPU evidence")
    return AttestationReport(
        subject=subject,
        claims={"signing_address": address.hex(), "tls_spki_sha256": tls},
        checks=tuple(checks),
        verified_at=now,
        parts=tuple(parts),
    )


class NearAdapter:
    """Attests NEAR AI's gateway and the machine of one model.

    The policy has a part for each role, because a machine of the gateway's build must not pass as
    the model's, nor the other way round:

    ```python
    AttestationPolicy(
        roles={"near-gateway": gateway, "near-model": AllOf([machine, gpus])},
        profile="near-ed25519-v2",
        require_tls_binding=True,
    )
    ```

    Args:
        model: Name of the model, e.g. `"z-ai/glm-5.2"`; requests must name the same one.
        endorsements: Intel's collateral, or a function that gives it for a quote.
        accept_unbound_fields: Must be true: you know the faults that this module lists.
    """

    roles = (_GATEWAY, _MODEL)

    def __init__(
        self,
        model: str,
        endorsements: TdxCollateral,
        *,
        accept_unbound_fields: bool = False,
    ) -> None:
        if not accept_unbound_fields:
            msg = (
                "NEAR AI's channel binds no field to its place, request or sender; pass "
                "accept_unbound_fields=True if an attested gateway in between is enough"
            )
            raise ConfigurationError(msg)
        self._model, self._endorsements = model, endorsements

    def challenge(self, nonce: bytes) -> Challenge:
        """Ask for both machines' evidence under one nonce."""
        query = {
            "model": self._model,
            "provider": "near",
            "signing_algo": "ed25519",
            "nonce": nonce.hex(),
            "include_tls_fingerprint": "true",
        }
        return Challenge(f"/v1/attestation/report?{urlencode(query)}")

    def verify(
        self,
        document: bytes,
        nonce: bytes,
        policy: AttestationPolicy,
        now: dt.datetime,
        *,
        roots: TrustedRoots,
    ) -> AttestationReport:
        """Verify both machines and take the channel's key from the model's evidence."""
        policy.check_roles(self.roles)
        content = parsing.strict_json(document, _NEAR)
        models = content.get("model_attestations") if isinstance(content, dict) else None
        if not isinstance(models, list) or not models or not isinstance(models[0], dict):
            msg = f"{_NEAR}: no machine of this model is in it"
            raise EvidenceInvalidError(msg, check="parsing")

        def prove(machine: object, subject: str) -> AttestationReport:
            return prove_dstack(
                machine, self._endorsements, now, nonce=nonce, roots=roots, subject=subject
            )

        gateway = prove(content.get("gateway_attestation"), _GATEWAY)
        # One machine is enough: requests name its key, and no other can open them.
        model = prove(models[0], _MODEL)
        key = bytes.fromhex(model.claims["signing_address"])
        checks = Checks("endpoint")
        checks.require(
            "key",
            models[0].get("signing_algo") == "ed25519"
            and len(key) == 32
            and models[0].get("signing_public_key") in (None, key.hex()),
            "the model's evidence does not bind an Ed25519 key",
        )
        checks.require(
            "distinct_roles",
            gateway.claims["signing_address"] != model.claims["signing_address"],
            "one machine is offered in both roles",
        )
        checks.skip("field_binding", "no field is bound to its place, its request or an answer")
        checks.skip("answer_origin", "the attested gateway could write answers of its own")
        checks.skip("settings", "the gateway reads settings and the shape of requests")
        checks.skip("model_name", "that this machine runs the named model is the operator's word")
        return policy.appraise_endpoint(
            checks,
            now,
            claims={"tls_spki_sha256": gateway.claims["tls_spki_sha256"]},
            parts=[gateway, model],
            channel_keys={"near-ed25519-v2": key},
        )
