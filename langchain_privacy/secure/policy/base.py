"""What a policy of an endpoint is, how policies are joined, and how their fields are checked.

A policy has one method, `verify(report)`, that raises unless the proven claims are acceptable, so
that nobody has to look at a returned boolean and nobody can forget to (after sigstore-python's
`sigstore.verify.policy`). Verifiers and adapters apply one with `appraise`:

```python
policy = AllOf([AnyOf([SevSnpPolicy(...), TdxPolicy(...)]), NvidiaGpuPolicy(count=1)])
report = appraise(report_of_proven_claims, policy)
```
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from langchain_privacy.errors import AttestationError, ConfigurationError, PolicyMismatchError
from langchain_privacy.policies import AtLeastOne, EveryOne
from langchain_privacy.secure.report import AttestationReport, Check

_NO_EVIDENCE = "policy.no_evidence"
"""The `check` of a refusal because a kind of evidence is not there at all."""


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
    """Apply a policy to a report of proven claims; return the report with the checks added."""
    try:
        made = decision(report, policy)
    except AttestationError as error:
        error.checks = (*report.all_checks(), *error.checks)
        raise
    return dataclasses.replace(report, checks=(*report.checks, *made))


def decision(report: AttestationReport, policy: Policy) -> list[Check]:
    """The checks of a policy; one that makes none accepts nothing.

    Otherwise a policy for another kind of evidence could wave a report through.
    """
    made = list(policy.verify(report))
    if not any(check.outcome == "passed" for check in made):
        msg = f"the policy says nothing about {report.subject} evidence, so it is refused"
        raise PolicyMismatchError(msg, check=f"{report.subject}.policy")
    return made


class AllOf(EveryOne[Policy]):
    """Every one of these must accept.

    Attributes:
        policies: At least one; an empty list would accept everything and is refused.
    """

    _asked = "verify"

    def verify(self, report: AttestationReport) -> list[Check]:
        """Ask every policy; the first one that refuses raises."""
        answers = self._ask_every_one(lambda policy: list(policy.verify(report)))
        return [check for made in answers for check in made]


class AnyOf(AtLeastOne[Policy]):
    """One of these must accept, e.g. an AMD or an Intel machine.

    Attributes:
        policies: At least one; they are asked in this order.
    """

    _asked = "verify"

    def verify(self, report: AttestationReport) -> list[Check]:
        """Return the checks of the first policy that accepts; raise the refusal that tells most."""
        return self._ask_until_one(
            lambda policy: decision(report, policy), AttestationError, choose=_most_telling
        )


def _most_telling(refusals: list[AttestationError]) -> AttestationError:
    # A refusal about the evidence at hand tells more than "there is no such evidence".
    about_evidence = [refusal for refusal in refusals if refusal.check != _NO_EVIDENCE]
    return about_evidence[-1] if about_evidence else refusals[0]


def about(report: AttestationReport, subject: str) -> tuple[AttestationReport, ...]:
    """The reports about one kind of evidence; raise when there is none.

    Args:
        report: A report about one piece of evidence, or about an endpoint.
        subject: The kind that a policy is about.
    """
    found = report.find(subject)
    if not found:
        msg = f"the policy asks for {subject} evidence and there is none"
        raise PolicyMismatchError(msg, check=_NO_EVIDENCE)
    return found


# Fields of policies are checked when a policy is made: one that cannot hold is refused before use.


def is_hex(value: Any, size: int) -> bool:
    """Whether this is lowercase hex of `size` bytes."""
    return isinstance(value, str) and re.fullmatch(rf"[0-9a-f]{{{2 * size}}}", value) is not None


_LARGEST = 10**6
"""Largest number in a policy; days of it are still a date."""


def scalars(policy: Any) -> None:
    """Check the fields of a policy that are switches and numbers.

    Args:
        policy: A frozen dataclass under construction, whose annotations are `bool` and `int`.

    Raises:
        ConfigurationError: If one is of another type (`true` is no number, `1` is no switch), or a
            number is negative or absurd.
    """
    for field in dataclasses.fields(policy):
        value, kind = getattr(policy, field.name), type(policy).__name__
        if field.type is bool and not isinstance(value, bool):
            msg = f"{kind}.{field.name} must be true or false"
            raise ConfigurationError(msg)
        if field.type is int and not is_number(value, _LARGEST):
            msg = f"{kind}.{field.name} must be a whole number from 0 to {_LARGEST}"
            raise ConfigurationError(msg)


def is_number(value: Any, most: int) -> bool:
    """Whether this is a whole number from 0 to `most`; `True` is none."""
    return type(value) is int and 0 <= value <= most


def against(found: object, wanted: Iterable[object] | object) -> str:
    """What was found and what was wanted, for the text of a refusal.

    Args:
        found: The claim, shown whole, so that it can be looked up or listed.
        wanted: What the policy accepts; long values are shown by their beginning.
    """
    many = sorted(map(str, wanted)) if isinstance(wanted, (frozenset, tuple, list)) else [wanted]
    shown = [text if len(text := str(value)) <= 40 else f"{text[:16]}..." for value in many[:3]]
    more = f" or {len(many) - 3} more" if len(many) > 3 else ""
    return f"found {found}, wanted {' or '.join(shown)}{more}"


def text_set(policy: Any, name: str, *, empty: bool = True) -> frozenset[str]:
    """Replace a field by a frozen set of strings.

    Args:
        policy: A frozen dataclass under construction.
        name: Name of the field.
        empty: Whether an empty list is allowed; it never means "any".

    Raises:
        ConfigurationError: If a value is not a string, or the list is empty and must not be.
    """
    given: Any = getattr(policy, name)
    given = (given,) if isinstance(given, str) else given
    # A mapping is iterable too, and would lose what it maps to.
    listed = isinstance(given, Iterable) and not isinstance(given, (bytes, Mapping))
    if listed:
        given = tuple(given)
        if not empty and not given:
            msg = (
                f"{type(policy).__name__}.{name} is empty; it never means 'any': list what you "
                "accept"
            )
            raise ConfigurationError(msg)
        listed = all(isinstance(value, str) for value in given)
    if not listed:
        msg = f"{type(policy).__name__}.{name} takes a list of strings"
        raise ConfigurationError(msg)
    values: frozenset[str] = frozenset(given)
    object.__setattr__(policy, name, values)
    return values


def hex_set(policy: Any, name: str, size: int, *, empty: bool = True) -> None:
    """Replace a field by a frozen set of lowercase hex strings of `size` bytes; see `text_set`."""
    values = text_set(policy, name, empty=empty)
    if not all(is_hex(value, size) for value in values):
        msg = f"{type(policy).__name__}.{name} takes {size}-byte values in lowercase hex"
        raise ConfigurationError(msg)
