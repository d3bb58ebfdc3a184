"""Policies that prove nothing. Their names say so, and each use warns.

For tests, for development on a laptop and for servers that cannot prove anything. An
`AttestationPolicy` takes them only with `allow_unsafe=True`:

```python
AttestationPolicy(require=[UnsafeSimulatedTee()], allow_unsafe=True)
```
"""

import hashlib
import logging
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

from langchain_privacy.errors import PolicyMismatchError
from langchain_privacy.secure.policy.base import about, against, hex_set
from langchain_privacy.secure.report import AttestationReport, Check, Checks

SIMULATED_MEASUREMENT = hashlib.sha384(b"langchain-privacy simulated workload").hexdigest()
"""Launch measurement that the simulated TEE reports unless told otherwise."""

_logger = logging.getLogger(__name__)


class UnsafePolicyWarning(UserWarning):
    """An unsafe policy was used."""


def _warn(text: str, *, depth: int = 3) -> None:
    # The logger too: Python shows a warning from one place once, but each use must be seen.
    _logger.warning(text)
    warnings.warn(text, UnsafePolicyWarning, stacklevel=depth)


def _listed(
    report: AttestationReport, subject: str, claim: str, accepted: Iterable[str], warning: str
) -> list[Check]:
    """Warn, then raise unless a claim of each such report is listed."""
    made: list[Check] = []
    for found in about(report, subject):
        _warn(warning, depth=4)
        checks = Checks(subject, error=PolicyMismatchError)
        value = found.claims[claim]
        text = f"an unlisted {claim}: {against(value, accepted)}"
        checks.require(claim, value in accepted, text)
        made += checks
    return made


@dataclass(frozen=True, kw_only=True)
class UnsafeSimulatedTee:
    """Unsafe: accepts the simulated TEE.

    **There is no hardware and no isolation, and anybody can forge it.** For tests and development
    only.

    Attributes:
        measurements: Accepted measurements of the simulation.
    """

    measurements: Iterable[str] = (SIMULATED_MEASUREMENT,)

    def __post_init__(self) -> None:
        hex_set(self, "measurements", 48, empty=False)

    def verify(self, report: AttestationReport) -> list[Check]:
        """Warn, then raise unless the measurement is listed."""
        warning = "UnsafeSimulatedTee: accepting simulated evidence, which proves nothing"
        return _listed(report, "simulated", "measurement", self.measurements, warning)


@dataclass(frozen=True, kw_only=True)
class UnsafeMinionsAttestor:
    """Unsafe: accepts what the server of HazyResearch's Minions says about itself.

    **Its evidence is tied neither to a machine nor to the key that messages are sealed to**; see
    `UnsafeMinionsServer`.

    Attributes:
        attestors: Accepted software keys: SHA-256 of their SubjectPublicKeyInfo in hex.
    """

    attestors: Iterable[str]

    def __post_init__(self) -> None:
        hex_set(self, "attestors", 32, empty=False)

    def verify(self, report: AttestationReport) -> list[Check]:
        """Warn, then raise unless a listed key signed the report."""
        warning = "UnsafeMinionsAttestor: accepting evidence that binds no machine and no key"
        return _listed(report, "unsafe-minions", "attestor_sha256", self.attestors, warning)


@dataclass(frozen=True, kw_only=True)
class UnsafeNoAttestation:
    """Unsafe: accepts any endpoint, and encrypts to whoever answers.

    **With it an attacker between you and the server can read everything.**
    """

    def verify(self, report: AttestationReport) -> list[Check]:
        """Warn and accept."""
        _warn("UnsafeNoAttestation: encrypting to an endpoint that proved nothing")
        return [
            Check(
                subject=report.subject,
                name="unsafe_no_attestation",
                outcome="passed",
                detail="nothing was verified",
            )
        ]
