"""NEAR AI's cloud: a gateway and a model's machine, both attested, for `"near-ed25519-v2"`.

TLS ends in the gateway's confidential VM, whose quote binds the TLS key; contents are sealed past
it to the model's machine, whose quote binds the key. Faults of the protocol that a client cannot
repair, named in the report's skipped checks:

- nothing binds a sealed field to its place, its request or an answer, so the gateway could move,
  drop or repeat what it cannot read; the policy therefore has to accept the gateway's software too;
- the gateway, like everybody who has seen a request's key, could write answers of its own;
- settings and the shape of a request are readable to the gateway; tools and answer formats, which
  would be, are refused;
- nothing is post-quantum, and the model's key serves for many requests.
"""

import datetime as dt
from urllib.parse import urlencode

from langchain_privacy.errors import ConfigurationError, EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.adapters.base import Challenge
from langchain_privacy.secure.adapters.dstack import Endorse, prove_dstack
from langchain_privacy.secure.evidence.roots import TrustedRoots
from langchain_privacy.secure.evidence.tdx import TdxEndorsements
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.policy.base import appraise
from langchain_privacy.secure.report import AttestationReport, Checks

_WHAT = "NEAR report"


class NearAdapter:
    """Attests NEAR AI's gateway and the machine of one model.

    The policy's `TdxPolicy` lists the builds of both; its `NvidiaGpuPolicy` is about the model's.

    Args:
        model: Name of the model, e.g. `"z-ai/glm-5.2"`; requests must name the same one.
        endorsements: Intel's collateral, or a function that gives it for a quote.
        accept_unbound_fields: Must be true: you know the faults that this module lists.
    """

    def __init__(
        self,
        model: str,
        endorsements: TdxEndorsements | Endorse,
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
        content = parsing.strict_json(document, _WHAT)
        models = content.get("model_attestations") if isinstance(content, dict) else None
        if not isinstance(models, list) or not models or not isinstance(models[0], dict):
            msg = f"{_WHAT}: no machine of this model is in it"
            raise EvidenceInvalidError(msg, check="parsing")

        def prove(machine: object, subject: str) -> AttestationReport:
            return prove_dstack(
                machine, self._endorsements, now, nonce=nonce, roots=roots, subject=subject
            )

        gateway = prove(content.get("gateway_attestation"), "near-gateway")
        # One machine is enough: requests name its key, and no other can open them.
        model = prove(models[0], "near-model")
        key = bytes.fromhex(model.claims["signing_address"])
        checks = Checks("endpoint")
        checks.require(
            "key",
            models[0].get("signing_algo") == "ed25519"
            and len(key) == 32
            and models[0].get("signing_public_key") in (None, key.hex()),
            "the model's evidence does not bind an Ed25519 key",
        )
        checks.skip("field_binding", "no field is bound to its place, its request or an answer")
        checks.skip("answer_origin", "the attested gateway could write answers of its own")
        checks.skip("settings", "the gateway reads settings and the shape of requests")
        checks.skip("model_name", "that this machine runs the named model is the operator's word")
        return appraise(
            AttestationReport(
                subject="endpoint",
                claims={"tls_spki_sha256": gateway.claims["tls_spki_sha256"]},
                checks=(*gateway.checks, *model.checks, *checks),
                verified_at=now,
                parts=(*gateway.parts, *model.parts),
                channel_keys={"near-ed25519-v2": key},
                not_after=now + dt.timedelta(seconds=policy.max_age_seconds),
            ),
            policy,
        )
