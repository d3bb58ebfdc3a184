"""A policy is one method that raises; combinators refuse an empty list.

After sigstore-python's `sigstore.verify.policy`: nobody has to look at a returned boolean, so
nobody can forget to.
"""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from langchain_privacy.errors import (
    AttestationError,
    ConfigurationError,
    PolicyMismatchError,
)
from langchain_privacy.secure.report import AttestationReport, Check

# ---- Checks of policy fields at construction: a policy that cannot hold is refused before use.


def is_hex(value: Any, size: int) -> bool:
    """Whether this is lowercase hex of `size` bytes."""
    return isinstance(value, str) and re.fullmatch(rf"[0-9a-f]{{{2 * size}}}", value) is not None


def hex_set(policy: Any, name: str, size: int, *, empty: bool = True) -> None:
    """Replace a field by a frozen set of lowercase hex strings of `size` bytes.

    Args:
        policy: A frozen dataclass under construction.
        name: Name of the field.
        size: Bytes of each value.
        empty: Whether an empty list is allowed; one that stands for "any" never is.

    Raises:
        ConfigurationError: If a value has another form, or the list is empty and must not be.
    """
    values = text_set(policy, name, empty=empty)
    if not all(is_hex(value, size) for value in values):
        msg = f"{type(policy).__name__}.{name} takes {size}-byte values in lowercase hex"
        raise ConfigurationError(msg)


def text_set(policy: Any, name: str, *, empty: bool = True) -> frozenset[str]:
    """Replace a field by a frozen set of strings."""
    given: Iterable[str] = getattr(policy, name)
    values = frozenset((given,) if isinstance(given, str) else given)
    if not empty and not values:
        msg = f"{type(policy).__name__}.{name} is empty; it never means 'any': list what you accept"
        raise ConfigurationError(msg)
    if not all(isinstance(value, str) for value in values):
        msg = f"{type(policy).__name__}.{name} takes strings"
        raise ConfigurationError(msg)
    object.__setattr__(policy, name, values)
    return values


@runtime_checkable
class Policy(Protocol):
    """Decides about proven claims."""

    def verify(self, report: AttestationReport) -> Iterable[Check]:
        """Return the checks that were made or skipped, or raise.

        Args:
            report: Claims whose signatures and chains have been verified already. It may be about
                one piece of evidence, or an endpoint with such reports as its parts.

        Raises:
            PolicyMismatchError: If the claims are not acceptable.
            EvidenceExpiredError: If they were, but are too old.
        """
        ...


def appraise(report: AttestationReport, policy: Policy) -> AttestationReport:
    """Apply a policy to a report of proven claims; return the report with the checks added.

    A policy that makes no check accepts nothing, so that a policy for another kind of evidence
    cannot wave a report through.
    """
    try:
        made = tuple(policy.verify(report))
    except AttestationError as error:
        error.checks = (*report.all_checks(), *error.checks)
        raise
    if not any(check.outcome == "passed" for check in made):
        msg = f"the policy says nothing about {report.subject} evidence, so it is refused"
        raise PolicyMismatchError(msg, check=f"{report.subject}.policy", checks=report.all_checks())
    return dataclasses.replace(report, checks=(*report.checks, *made))


@dataclass(frozen=True)
class AllOf:
    """Every one of these must accept.

    Attributes:
        policies: At least one; an empty list would accept everything and is refused.
    """

    policies: Sequence[Policy]

    def __post_init__(self) -> None:
        _refuse_empty(self, self.policies)
        object.__setattr__(self, "policies", tuple(self.policies))

    def verify(self, report: AttestationReport) -> list[Check]:
        """Ask every policy; the first one that refuses raises."""
        return [check for policy in self.policies for check in policy.verify(report)]


@dataclass(frozen=True)
class AnyOf:
    """One of these must accept, e.g. an AMD or an Intel machine.

    Attributes:
        policies: At least one; they are asked in this order.
    """

    policies: Sequence[Policy]

    def __post_init__(self) -> None:
        _refuse_empty(self, self.policies)
        object.__setattr__(self, "policies", tuple(self.policies))

    def verify(self, report: AttestationReport) -> list[Check]:
        """Return the checks of the first policy that accepts; raise the last refusal."""
        refusal: AttestationError | None = None
        for policy in self.policies:
            try:
                made = list(policy.verify(report))
            except AttestationError as error:
                # A refusal about the evidence at hand says more than "no such evidence here".
                if refusal is None or error.check != NO_EVIDENCE:
                    refusal = error
                continue
            if any(check.outcome == "passed" for check in made):
                return made
        if refusal is None:
            msg = f"no policy of this list says anything about {report.subject} evidence"
            refusal = PolicyMismatchError(msg, check="policy.any_of")
        raise refusal


NO_EVIDENCE = "policy.no_evidence"
"""The `check` of a refusal because a kind of evidence is not there at all."""


def _refuse_empty(combinator: object, policies: Sequence[Policy]) -> None:
    if isinstance(policies, Policy) or not list(policies):
        msg = f"{type(combinator).__name__} needs a list of at least one policy"
        raise ConfigurationError(msg)
    if not all(isinstance(policy, Policy) for policy in policies):
        msg = f"{type(combinator).__name__} takes objects with a method verify(report)"
        raise ConfigurationError(msg)


def about(report: AttestationReport, subject: str) -> tuple[AttestationReport, ...]:
    """The reports about one kind of evidence; raise when there is none.

    Args:
        report: A report about one piece of evidence, or about an endpoint.
        subject: The kind that a policy is about.
    """
    found = report.find(subject)
    if not found:
        msg = f"the policy asks for {subject} evidence and there is none"
        raise PolicyMismatchError(msg, check=NO_EVIDENCE)
    return found


class Proven:
    """Stands in for a policy while single pieces are verified; the whole is appraised later."""

    def verify(self, report: AttestationReport) -> list[Check]:
        """Accept what has been proven."""
        return [Check(subject=report.subject, name="verified", outcome="passed")]
