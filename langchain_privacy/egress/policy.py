"""Rules of the door: where a payload may go, how much of it, and who must agree.

`EgressGuard(masker, policy=...)` asks its policy about each payload that holds no private value.
`check` raises `EgressBlockedError` to refuse; its return value is ignored. A rule of your own:

```python
class OfficeHours(EgressPolicy):
    def check(self, request: CrossingRequest) -> None:
        if not 8 <= datetime.now().hour < 18:
            raise request.refuse("office_hours", "it is night")


policy = AllOf([AllowHosts(["api.openai.com"]), MaxBytesPerCrossing(100_000), OfficeHours()])
```
"""

import hashlib
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from langchain_privacy.errors import ConfigurationError, EgressBlockedError
from langchain_privacy.policies import AtLeastOne, EveryOne


class UnsafeEgressWarning(UserWarning):
    """Something crosses without being examined."""


# Python shows a warning once for each line by default. Filters of the user's come before this one.
warnings.simplefilter("always", UnsafeEgressWarning, append=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class CrossingRequest:
    """A payload that wants to cross. It was examined already when a policy sees it.

    See `egress.crossing` for the words of a crossing that was let through, and of its record.

    Attributes:
        destination: Host and port, or `"unknown"`.
        model: Name of the model.
        purpose: `"chat"`, `"embeddings"`, `"http"`, the name of the JSON that is asked for, or a
            name of the caller's.
        session: Digest of the session, `""` when none is known.
        size: Bytes of the payload.
        payload: The payload's bytes.
        sender: The guarded object itself.
    """

    destination: str
    model: str
    purpose: str
    session: str
    size: int
    payload: bytes = field(repr=False)
    sender: Any = field(default=None, repr=False)

    def refuse(self, rule: str, reason: str) -> EgressBlockedError:
        """Make the error that a policy raises."""
        message = f"Nothing was sent to {self.destination}: {reason} (rule {rule})."
        return EgressBlockedError(message, rule=rule, destination=self.destination)


class EgressPolicy(ABC):
    """A rule that every crossing must satisfy, beside holding no private value."""

    @abstractmethod
    def check(self, request: CrossingRequest) -> None:
        """Return when the crossing may go, raise `EgressBlockedError` when not."""

    def budget(self) -> int | None:
        """Bytes that may cross in a session in all; `None` for no limit.

        The ledger decides it while it holds the writers' lock, so that concurrent crossings
        cannot overspend together.
        """
        return None

    def lets_real_text(self, sender: Any) -> bool:  # noqa: ARG002
        """Whether what this sender sends may hold private values; never, if no policy says so."""
        return False


class AllOf(EveryOne[EgressPolicy], EgressPolicy):
    """Every one of its members must agree."""

    _asked = "check"

    def check(self, request: CrossingRequest) -> None:
        """Ask every member."""
        self._ask_every_one(lambda policy: policy.check(request))

    def budget(self) -> int | None:
        """Return the smallest budget of its members."""
        limits = [limit for p in self.policies if (limit := p.budget()) is not None]
        return min(limits, default=None)

    def lets_real_text(self, sender: Any) -> bool:
        """Whether one of its members lets real text cross; every one must agree to the crossing."""
        return any(policy.lets_real_text(sender) for policy in self.policies)


class AnyOf(AtLeastOne[EgressPolicy], EgressPolicy):
    """One of its members must agree. Budgets cannot be members: nobody could say which was used."""

    _asked = "check"

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(policy.budget() is not None for policy in self.policies):
            msg = "MaxBytesPerSession cannot stand in AnyOf; put it beside it with AllOf."
            raise ConfigurationError(msg)

    def check(self, request: CrossingRequest) -> None:
        """Ask until one agrees; raises the last refusal."""
        self._ask_until_one(lambda policy: policy.check(request), EgressBlockedError)


class AllowHosts(EgressPolicy):
    """Only these hosts: `"api.openai.com"`, `"127.0.0.1:8080"`, `"*.example.org"` (subdomains).

    A host without a port means that host on any port. A destination that is not known is refused.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset(host.lower() for host in _names(hosts, "AllowHosts"))

    def check(self, request: CrossingRequest) -> None:
        """Compare the destination."""
        destination = request.destination.lower()
        host = destination.rsplit(":", 1)[0] if ":" in destination else destination
        for allowed in self._hosts:
            suffix = allowed[1:] if allowed.startswith("*.") else None
            if allowed in (destination, host) or (suffix and host.endswith(suffix)):
                return
        raise request.refuse("allow_hosts", "this host is not on the list")


class AllowModels(EgressPolicy):
    """Only these models, by exact name."""

    def __init__(self, models: Iterable[str]) -> None:
        self._models = _names(models, "AllowModels")

    def check(self, request: CrossingRequest) -> None:
        """Compare the model's name."""
        if request.model not in self._models:
            raise request.refuse("allow_models", "this model is not on the list")


class MaxBytesPerCrossing(EgressPolicy):
    """At most this many bytes at once."""

    def __init__(self, limit: int) -> None:
        self._limit = _positive(limit, "MaxBytesPerCrossing")

    def check(self, request: CrossingRequest) -> None:
        """Compare the payload's size."""
        if request.size > self._limit:
            reason = f"{request.size} bytes are more than the {self._limit} allowed at once"
            raise request.refuse("max_bytes_per_crossing", reason)


class MaxBytesPerSession(EgressPolicy):
    """A privacy budget: at most this many bytes from a session in all, counted by the ledger.

    Crossings outside any session share one budget.
    """

    def __init__(self, limit: int) -> None:
        self._limit = _positive(limit, "MaxBytesPerSession")

    def check(self, request: CrossingRequest) -> None:
        """Leave the decision to the ledger, see `budget`."""

    def budget(self) -> int | None:
        """Return the limit."""
        return self._limit


class RequireAttestation(EgressPolicy):
    """Only endpoints that proved what they are: `SecureChatModel` and what offers the same.

    The sender must have `attest()`, which returns the report in force, asks the endpoint for one
    when there is none, and raises when the endpoint does not hold to its policy.
    """

    def check(self, request: CrossingRequest) -> None:
        """Have the sender attest its endpoint."""
        attest = getattr(request.sender, "attest", None)
        if not callable(attest) or attest() is None:
            raise request.refuse("require_attestation", "this endpoint has not been attested")


class RealTextToAttested(RequireAttestation):
    """Real text to endpoints that proved what they are, and nothing to any other.

    `call_local` then shows an attested model what a local function shows it, without masking, and
    the guard does not examine it. The ledger says so in `rule`, and keeps neither the payload nor
    its digest. For a guard of its own; the guards of other models stay as they are.
    """

    def lets_real_text(self, sender: Any) -> bool:
        """Whether the sender can attest; whether it does, `check` asks."""
        return callable(getattr(sender, "attest", None))


class HumanApproval(EgressPolicy):
    """A person decides, by LangGraph's `interrupt`; works inside a graph with a checkpointer.

    The interrupt's value is `{"crossing": {destination, model, purpose, bytes, payload, digest},
    "masked": True}`: what would leave, exactly as it would leave. Resume with the `digest`, which
    approves that payload and no other, or with `True` or `"approve"`, which approve what the node
    asks for when it runs again; anything else refuses.

    Args:
        when: Ask only where this says so, e.g. `lambda request: request.size > 20_000`.
    """

    def __init__(self, when: Callable[[CrossingRequest], bool] | None = None) -> None:
        self._when = when

    def check(self, request: CrossingRequest) -> None:
        """Interrupt the run and judge the answer."""
        if self._when is not None and not self._when(request):
            return
        from langgraph.config import get_config
        from langgraph.types import interrupt

        try:
            get_config()
        except RuntimeError:
            reason = "a person must approve, which needs a graph with a checkpointer"
            raise request.refuse("human_approval", reason) from None
        digest = hashlib.sha256(request.payload).hexdigest()
        asked = {
            "destination": request.destination,
            "model": request.model,
            "purpose": request.purpose,
            "bytes": request.size,
            "payload": request.payload.decode("utf-8", "replace"),
            "digest": digest,
        }
        answer = interrupt({"crossing": asked, "masked": True})
        if answer is not True and answer not in ("approve", digest):
            raise request.refuse("human_approval", "a person refused")


class UnsafeAllowAll(EgressPolicy):
    """**Turns the examination off**: whatever is sent crosses. It is still recorded.

    Warns at every use. For measuring what the guard costs, or for a remote party that may see
    everything.
    """

    def check(self, request: CrossingRequest) -> None:
        """Warn and allow."""
        warnings.warn(
            f"UnsafeAllowAll: a payload crosses to {request.destination} without examination",
            UnsafeEgressWarning,
            stacklevel=2,
        )


def _names(names: Iterable[str], policy: str) -> frozenset[str]:
    # A string is a list of letters to Python, none of which is a host.
    listed = frozenset() if isinstance(names, str) else frozenset(names)
    if not listed:
        msg = f"{policy} needs a list with at least one name."
        raise ConfigurationError(msg)
    return listed


def _positive(limit: int, name: str) -> int:
    if limit <= 0:
        msg = f"{name} needs a positive number of bytes."
        raise ConfigurationError(msg)
    return limit
