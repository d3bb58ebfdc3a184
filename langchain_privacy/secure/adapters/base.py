"""The contract of adapters: one GET with our nonce, one pure function over what came back.

`AttestedEndpoint` asks its adapter for a challenge, sends it, and has it verify the answer.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from langchain_privacy.secure.evidence.roots import TrustedRoots
from langchain_privacy.secure.evidence.tdx import TdxEndorsements
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport

EndorsementsT = TypeVar("EndorsementsT")

TdxCollateral = TdxEndorsements | Callable[[bytes], TdxEndorsements]
"""Intel's collateral, or a function that gives it for a quote."""


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
    """How one kind of endpoint is attested.

    An adapter that attests several machines with different tasks has an attribute `roles`, the
    subjects of their reports; a policy for it names each of them in `AttestationPolicy.roles`.
    """

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


def endorsements_for(
    given: EndorsementsT | Callable[[bytes], EndorsementsT], evidence: bytes
) -> EndorsementsT:
    """Endorsements of the machine that this evidence is of, however an adapter was given them."""
    return given(evidence) if callable(given) else given
