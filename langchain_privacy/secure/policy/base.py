"""A policy is one method that raises; combinators refuse an empty list.

After sigstore-python's `sigstore.verify.policy`: nobody has to look at a returned boolean, so
nobody can forget to.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from langchain_privacy.errors import (
    AttestationError,
    ConfigurationError,
    PolicyMismatchError,
)
from langchain_privacy.secure.report import AttestationReport, Check


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
