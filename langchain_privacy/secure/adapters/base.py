"""The contract of adapters: one GET with our nonce, one pure function over what came back."""

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from langchain_privacy.secure.evidence.roots import TrustedRoots
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport


@dataclass(frozen=True)
class Challenge:
    """A GET request for evidence.

    Attributes:
        path: Path and query on the endpoint's origin.
        accept: Value of the Accept header.
    """

    path: str
    accept: str = "application/json"


class Adapter(Protocol):
    """How one kind of endpoint is attested."""

    def challenge(self, nonce: bytes) -> Challenge:
        """The request that asks for evidence about a nonce of 32 bytes."""
        ...

    def verify(
        self,
        document: bytes,
        nonce: bytes,
        policy: AttestationPolicy,
        now: dt.datetime,
        *,
        roots: TrustedRoots,
    ) -> AttestationReport:
        """Verify the answer; return a report about the endpoint, or raise an AttestationError."""
        ...
