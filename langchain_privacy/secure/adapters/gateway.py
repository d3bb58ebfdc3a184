"""The gateway of this package, the default adapter; see `secure.envelope` for what is bound."""

import datetime as dt

from langchain_privacy.secure import envelope
from langchain_privacy.secure.adapters.base import Challenge
from langchain_privacy.secure.evidence.roots import TrustedRoots
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport


class GatewayAdapter:
    """Attests `create_gateway`."""

    def challenge(self, nonce: bytes) -> Challenge:
        """Ask with the nonce in the query."""
        return Challenge(f"{envelope.PATH}?nonce={nonce.hex()}")

    def verify(
        self,
        document: bytes,
        nonce: bytes,
        policy: AttestationPolicy,
        now: dt.datetime,
        *,
        roots: TrustedRoots,
    ) -> AttestationReport:
        """Verify the gateway's document."""
        return envelope.verify_envelope(document, nonce, policy, now, roots=roots)
