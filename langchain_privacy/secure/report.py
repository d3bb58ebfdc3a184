"""What was checked: a verifier proves facts and lists its checks, or it raises.

Every verifier and every policy records what it looks at in `Checks`; the first check that fails
raises. What was proven goes into an `AttestationReport`, the answer of `attest` and of every
`verify_...` function.

```python
checks = Checks("sev-snp")
checks.require("signature", signature_holds, "the signature is wrong")
checks.skip("revocation", "no CRL was given")
report = AttestationReport(subject="sev-snp", claims={}, checks=tuple(checks), verified_at=now)
```
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from langchain_privacy.errors import (
    AttestationError,
    EvidenceExpiredError,
    EvidenceInvalidError,
)
from langchain_privacy.notebook import table

Outcome = Literal["passed", "failed", "skipped"]
ParsedT = TypeVar("ParsedT")


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        subject: The piece of evidence, e.g. `"sev-snp"` or `"nvidia-gpu:0"`.
        name: Name of the check, e.g. `"signature"`.
        outcome: `"passed"`, `"failed"` or `"skipped"`.
        detail: Why it was skipped or failed, or what was accepted.
    """

    subject: str
    name: str
    outcome: Outcome
    detail: str = ""


class LayoutError(ValueError):
    """Bytes are not laid out as their specification says."""


class Checks:
    """Records checks while they are made; the first one that fails raises.

    Args:
        subject: The piece of evidence that is looked at.
        error: What a failed check raises: the default of a verifier, for evidence that does not
            hold, or `PolicyMismatchError` in a policy.
    """

    def __init__(
        self, subject: str, *, error: type[AttestationError] = EvidenceInvalidError
    ) -> None:
        self.subject, self._error = subject, error
        self._made: list[Check] = []

    def require(
        self,
        name: str,
        condition: object,
        message: str,
        *,
        error: type[AttestationError] | None = None,
        detail: str = "",
    ) -> None:
        """Record a check that passed, or raise `error` with all checks made so far."""
        if condition:
            self._made.append(
                Check(subject=self.subject, name=name, outcome="passed", detail=detail)
            )
            return
        failed = Check(subject=self.subject, name=name, outcome="failed", detail=message)
        raise (error or self._error)(
            f"{self.subject}: {message}",
            check=f"{self.subject}.{name}",
            checks=[*self._made, failed],
        )

    def require_layout(self, parse: Callable[[bytes], ParsedT], data: bytes) -> ParsedT:
        """Take evidence apart: the check `layout`, which a LayoutError of `parse` fails."""
        fault: str | None = None
        try:
            parsed = parse(data)
        except LayoutError as error:
            fault = str(error)
        self.require("layout", fault is None, fault or "")
        return parsed

    def require_bound(
        self, name: str, found: object, expected: bytes | str | None, message: str
    ) -> None:
        """Compare what evidence is bound to, a challenge or a key, with what the caller expects.

        Without an expectation the check is skipped, and the report says so.
        """
        if expected is None:
            self.skip(name, "no expected value was given")
        else:
            self.require(name, found == expected, message, error=EvidenceExpiredError)

    def require_listed(
        self, name: str, value: object, accepted: Iterable[object], message: str
    ) -> None:
        """Look a value up in a policy's list; an empty list skips the check."""
        if accepted:
            self.require(name, value in accepted, message)
        else:
            self.skip(name, "no values were listed")

    def skip(self, name: str, reason: str) -> None:
        """Record that a check was not made, and why."""
        self._made.append(Check(subject=self.subject, name=name, outcome="skipped", detail=reason))

    def __iter__(self) -> Iterator[Check]:
        return iter(self._made)


@dataclass(frozen=True, kw_only=True)
class AttestationReport:
    """An attestation result (RFC 9334): claims that were proven, and how.

    That an object of this class exists means that every check in it passed or was skipped; a check
    that fails raises instead.

    Attributes:
        subject: Kind of evidence: `"sev-snp"`, `"tdx"`, `"nvidia-gpu"`, ..., `"endpoint"`.
        claims: Proven facts as JSON values; bytes are lowercase hex.
        checks: Checks made and checks skipped, in order.
        parts: Reports this one rests on (CPU, each GPU).
        verified_at: The clock that was used.
        channel_keys: Attested HPKE public keys by KEM name, for an endpoint.
        not_after: When the verdict must be renewed, for an endpoint.
    """

    subject: str
    claims: Mapping[str, Any]
    checks: tuple[Check, ...]
    verified_at: dt.datetime
    parts: tuple[AttestationReport, ...] = ()
    channel_keys: Mapping[str, bytes] = field(default_factory=dict)
    not_after: dt.datetime | None = None

    def _repr_html_(self) -> str:
        rows = ((f"{c.subject}.{c.name}", c.outcome, c.detail) for c in self.all_checks())
        return table(f"{self.subject}, verified at {self.verified_at:%Y-%m-%d %H:%M:%S %Z}", rows)

    def walk(self) -> Iterator[AttestationReport]:
        """This report and all its parts, from the outside in."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def all_checks(self) -> tuple[Check, ...]:
        """Checks of this report and of all its parts."""
        return tuple(c for part in self.parts for c in part.all_checks()) + self.checks

    @property
    def skipped(self) -> tuple[Check, ...]:
        """Checks that were not made, with the reason in `detail`."""
        return tuple(c for c in self.all_checks() if c.outcome == "skipped")

    def find(self, subject: str) -> tuple[AttestationReport, ...]:
        """Reports about one kind of evidence, this one or among its parts."""
        return tuple(report for report in self.walk() if report.subject == subject)

    def summary(self) -> dict[str, Any]:
        """A short JSON form for `response_metadata` and audit records."""
        checks = self.all_checks()
        return {
            "evidence": [part.subject for part in self.parts] or [self.subject],
            "verified_at": self.verified_at.isoformat(),
            "not_after": self.not_after.isoformat() if self.not_after else None,
            "checks_passed": sum(c.outcome == "passed" for c in checks),
            "checks_skipped": [f"{c.subject}.{c.name}" for c in self.skipped],
            "measurements": [
                value
                for part in self.parts
                for found in part.walk()
                for key in ("measurement", "mr_td", "compose_hash")
                if (value := found.claims.get(key))
            ],
        }


def utc_now() -> dt.datetime:
    """The machine's clock."""
    return dt.datetime.now(dt.UTC)


def as_time(now: dt.datetime | float) -> dt.datetime:
    """The injected clock as an aware UTC time; a naive one is refused.

    Args:
        now: An aware datetime, or seconds since 1970-01-01 UTC.
    """
    if isinstance(now, dt.datetime):
        if now.tzinfo is None:
            msg = "now must be an aware datetime, e.g. datetime.now(UTC)"
            raise ValueError(msg)
        return now.astimezone(dt.UTC)
    return dt.datetime.fromtimestamp(now, dt.UTC)
