"""A crossing on its way: what is sent inside of it, and the receipt that says how it ended.

A guard examines a payload, records it, and hands out an `OpenCrossing`. Whatever sends (a guarded
model, a guarded HTTP transport) does so inside of it:

```python
with guard.open(payload, destination=host, model=name, purpose="chat", sender=model) as crossing:
    answer = model.send(payload)
    crossing.received(answer)
```

Leaving the block writes the receipt, once and whatever happened: the payload is answered, has
failed, or was abandoned. `async with await guard.aopen(...)` does the same without blocking the
event loop.

Three classes tell of one crossing: a `CrossingRequest` (in `policy`) wants to cross, and a policy
may refuse it; an `OpenCrossing` was let through and is on its way; a `Crossing` (in `ledger`) is
what the ledger tells about it afterwards, refused ones included.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from langchain_privacy.egress.ledger import EgressLedger
from langchain_privacy.egress.payload import Payload, serialise
from langchain_privacy.errors import LedgerError, PrivacyError
from langchain_privacy.scopes import put_back, scope

Outcome = Literal["answered", "failed", "abandoned"]

_log = logging.getLogger(__name__)

_purpose: ContextVar[str] = ContextVar("egress_purpose", default="chat")


def crossing_for(purpose: str) -> contextlib.AbstractContextManager[object]:
    """Say what the calls of chat models in this block are for; policies and the ledger are told."""
    return scope(_purpose, purpose)


def purpose_of_chat() -> str:
    """Return what a chat model is asked for now; `"chat"` where nobody said."""
    return _purpose.get()


class Door(Protocol):
    """The guard, as it is seen by what sends through it; see `EgressGuard` for each method."""

    def open(
        self,
        payload: Payload,
        *,
        destination: str,
        model: str,
        purpose: str,
        sender: Any = None,
        asked: Any = None,
    ) -> "OpenCrossing":
        """Let a payload cross or raise."""

    async def aopen(self, payload: Payload, **where: Any) -> "OpenCrossing":
        """Like `open`."""

    def check(self, payload: Payload, destination: str) -> None:
        """Examine more of what a crossing sends, or raise."""

    async def acheck(self, payload: Payload, destination: str) -> None:
        """Like `check`."""


@dataclass(slots=True, eq=False)
class OpenCrossing:
    """A crossing on its way; a context manager, to be entered once.

    Attributes:
        door: The guard that let it through.
        ledger: Where its receipt goes.
        number: Its number in the ledger.
        destination: Host and port, or `"unknown"`.
        sender: The guarded object.
        asked: What the sender was asked, e.g. the messages of a chat model.
        requests: HTTP requests that a transport of ours sent for it.
        request_bytes: Bytes of their bodies.
        response_bytes: Bytes of the answers' bodies.
        digest: SHA-256 of the last body.
    """

    door: Door = field(repr=False)
    ledger: EgressLedger = field(repr=False)
    number: int
    destination: str
    sender: Any = field(default=None, repr=False)
    asked: Any = field(default=None, repr=False)
    requests: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    digest: str | None = None
    _answer_bytes: int = 0
    _usage: dict[str, int] = field(default_factory=dict)
    _entered: "Token[OpenCrossing | None] | None" = field(default=None, repr=False)
    _closed: bool = False

    # ---- while it is open

    def __enter__(self) -> Self:
        self._entered = crossing_in_progress.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave()
        self.close(outcome_of(kind))
        if error is not None:
            _raise_ours(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave()
        await self.aclose(outcome_of(kind))
        if error is not None:
            _raise_ours(error)

    def _leave(self) -> None:
        if self._entered is not None:
            put_back(crossing_in_progress, self._entered)
            self._entered = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Run what is no part of this crossing, e.g. what a caller does between two chunks.

        A generator must not keep a context variable set while it waits: its caller would see it.
        """
        self._leave()
        try:
            yield
        finally:
            self.__enter__()

    # ---- what counts into it

    def sent(self, payload: Payload) -> None:
        """Count an HTTP request."""
        self.requests += 1
        self.request_bytes += len(payload.data)
        self.digest = payload.digest

    def received(self, part: Any) -> None:
        """Count a part of the answer, for when no transport of ours counts its bytes."""
        try:
            data = part.encode("utf-8", "replace") if isinstance(part, str) else serialise(part)
            self._answer_bytes += len(data)
        except (TypeError, ValueError, RecursionError):
            # What JSON cannot hold. The answer is the caller's all the same.
            self._answer_bytes += len(repr(part))

    def used(self, usage: Mapping[str, int]) -> None:
        """Add tokens. Providers send usage once or in increments; LangChain adds chunks up."""
        for name in ("input_tokens", "output_tokens"):
            self._usage[name] = self._usage.get(name, 0) + usage.get(name, 0)

    # ---- the receipt

    def close(self, outcome: Outcome) -> None:
        """Write the receipt, once.

        Never raises: the crossing itself is recorded already, and a ledger that cannot take the
        receipt will refuse the next one.
        """
        if self._closed:
            return
        self._closed = True
        wire = self.requests > 0
        receipt = {
            "kind": "receipt",
            "refers": self.number,
            "outcome": outcome,
            "bytes_out": self.request_bytes if wire else None,
            "payload_digest": self.digest,
            "bytes_in": self.response_bytes if wire else self._answer_bytes,
            "tokens_out": self._usage.get("input_tokens"),
            "tokens_in": self._usage.get("output_tokens"),
            "measured": "wire" if wire else "payload",
        }
        try:
            self.ledger.append(receipt)
        except Exception as error:  # noqa: BLE001 the text of a foreign one may hold anything
            reason = str(error) if isinstance(error, LedgerError) else type(error).__name__
            _log.error("The answer to crossing %d was not recorded: %s", self.number, reason)

    async def aclose(self, outcome: Outcome) -> None:
        """Like `close`, without blocking the event loop; a cancelled task's answer is noted too."""
        try:
            # No task: a loop that ends cancels its tasks, also those that have not begun.
            closing = asyncio.get_running_loop().run_in_executor(None, self.close, outcome)
        except RuntimeError:  # it gives no thread any more
            self.close(outcome)
        else:
            await asyncio.shield(closing)


def _raise_ours(error: BaseException) -> None:
    """Raise the refusal of ours that a provider's client wrapped.

    What our HTTP transport raises, some clients raise again as a failed connection, which may be
    tried again or sent elsewhere.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, PrivacyError):
        cause = cause.__cause__
    if cause is not None and cause is not error:
        raise cause from None


def outcome_of(kind: type[BaseException] | None) -> Outcome:
    """Say how a crossing ended by the exception that ended it."""
    if kind is None:
        return "answered"
    return "abandoned" if issubclass(kind, GeneratorExit | asyncio.CancelledError) else "failed"


crossing_in_progress: ContextVar[OpenCrossing | None] = ContextVar(
    "langchain_privacy_crossing", default=None
)
"""The crossing that the present code runs inside of."""


def is_inside(sender: Any, asked: Any = None) -> bool:
    """Tell whether a call is part of the crossing in progress: a model's methods call each other.

    With the same messages only: a callback may call the model with others meanwhile.
    """
    crossing = crossing_in_progress.get()
    if crossing is None or crossing.sender is not sender:
        return False
    return asked is None or crossing.asked is asked or bool(crossing.asked == asked)
