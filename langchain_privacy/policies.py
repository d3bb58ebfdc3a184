"""Lists of policies: every one must agree, or one must; a list is never empty.

A policy is an object with one method that raises when it refuses. Two rooms have policies: `egress`
asks whether a payload may leave, `secure` whether an endpoint is what it must be. What they ask
differs, what `AllOf` and `AnyOf` mean does not, so both rooms build theirs on the classes here:

```python
class AllOf(EveryOne[EgressPolicy], EgressPolicy):
    _asked = "check"

    def check(self, request):
        self._ask_every_one(lambda policy: policy.check(request))
```
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from langchain_privacy.errors import ConfigurationError

PolicyT = TypeVar("PolicyT")
AnswerT = TypeVar("AnswerT")
RefusalT = TypeVar("RefusalT", bound=Exception)


@dataclass(frozen=True)
class _Listed(Generic[PolicyT]):
    """Policies in a list, which is checked when it is made.

    Attributes:
        policies: At least one, because "all of none agree" would be true of everything.
    """

    policies: Iterable[PolicyT]

    _asked: ClassVar[str]
    """Name of the method that every policy in the list must have."""

    def __post_init__(self) -> None:
        given, name = self.policies, type(self).__name__
        # One policy without a list around it is refused too, even if it can be iterated over.
        single = hasattr(given, self._asked) or not isinstance(given, Iterable)
        policies = () if single else tuple(given)
        if not policies:
            msg = f"{name} needs a list of at least one policy; an empty one would allow everything"
            raise ConfigurationError(msg)
        if not all(callable(getattr(policy, self._asked, None)) for policy in policies):
            msg = f"{name} takes policies, which are objects with a method {self._asked}"
            raise ConfigurationError(msg)
        object.__setattr__(self, "policies", policies)


class EveryOne(_Listed[PolicyT]):
    """Every policy must agree."""

    def _ask_every_one(self, ask: Callable[[PolicyT], AnswerT]) -> list[AnswerT]:
        """Ask in order and return all answers; the first refusal is raised."""
        return [ask(policy) for policy in self.policies]


class AtLeastOne(_Listed[PolicyT]):
    """One policy must agree."""

    def _ask_until_one(
        self,
        ask: Callable[[PolicyT], AnswerT],
        refusal: type[RefusalT],
        *,
        choose: Callable[[list[RefusalT]], RefusalT] = lambda refusals: refusals[-1],
    ) -> AnswerT:
        """Ask in order and return the first answer; when everyone refuses, raise one refusal.

        Args:
            ask: Asks one policy; returns its answer, or raises `refusal`.
            refusal: The error that means "no". Any other error passes through.
            choose: Says which of all refusals tells most; the last one by default.
        """
        refusals: list[RefusalT] = []
        for policy in self.policies:
            try:
                return ask(policy)
            except refusal as error:
                refusals.append(error)
        raise choose(refusals)
