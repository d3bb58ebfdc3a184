"""Ask the remote model: one question, one masked text, through the guard, within limits.

The planner asks here. Each call is a LangGraph task of its own: its reply is checkpointed when it
arrives, so that a run that is resumed, after an approval or a kill, neither pays nor sends twice.
What goes into a task and comes out of it is JSON and messages, because both are traced.
"""

import asyncio
import contextvars
import time
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.func import task
from langgraph.types import RetryPolicy
from pydantic import BaseModel
from typing_extensions import TypedDict

from langchain_privacy.egress.ask import LONGEST_REPLY, JsonAsker, Structured
from langchain_privacy.errors import PrivacyError, ProtocolError
from langchain_privacy.local import split_reasoning
from langchain_privacy.local.call import in_thread
from langchain_privacy.minions.schema import JobPlan, Next, Plan, Verdicts
from langchain_privacy.minions.state import Budget, estimate_tokens, name_of

_SCHEMAS: dict[str, type[BaseModel]] = {
    schema.__name__: schema for schema in (Plan, JobPlan, Verdicts, Next)
}
"""What may be asked for, by the name that stands in a task's input."""

_TRANSIENT_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_TRANSIENT_NAMES = (
    "Connect",
    "Timeout",
    "RateLimit",
    "InternalServer",
    "Unavailable",
    "Overloaded",
)


class RemoteUnavailableError(ProtocolError):
    """The remote model cannot be reached or failed; the message names the kind, not the text."""

    def __init__(self, kind: str, *, transient: bool) -> None:
        super().__init__(f"The remote model failed ({kind}).")
        self.kind = kind
        self.transient = transient


class Reply(TypedDict):
    """What came back, as it is checkpointed: reasoning stripped, still masked."""

    text: str
    input: int
    cached: int
    output: int
    reasoning: int
    seconds: float
    source: str


class Remote:
    """A guarded remote model behind one method.

    Args:
        model: The remote chat model, already guarded.
        budget: For the limits of one call.
        structured: How JSON is asked for, see `langchain_privacy.egress.ask.JsonAsker`.
        retry: Which faults of transport are tried again.
    """

    def __init__(
        self,
        model: BaseChatModel,
        budget: Budget,
        *,
        structured: Structured | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.name = name_of(model)
        self._budget = budget
        limit = _reply_limit(model, budget.reply_tokens)
        self._asker = JsonAsker(model, structured=structured, **limit)
        retry = retry or RetryPolicy(max_attempts=2, initial_interval=0.5)
        retry = retry._replace(retry_on=_is_transient)
        as_task: Any = task(name="cross", retry_policy=retry)
        self._task: Any = as_task(self._cross)
        self._atask: Any = as_task(self._across)

    def ask(self, messages: list[BaseMessage], schema: type[BaseModel]) -> Reply:
        """Send one masked conversation; raises what `_failure` makes of a fault."""
        reply: Reply = self._task(messages, schema.__name__).result()
        return reply

    async def aask(self, messages: list[BaseMessage], schema: type[BaseModel]) -> Reply:
        """Like `ask`, without blocking the event loop."""
        reply: Reply = await self._atask(messages, schema.__name__)
        return reply

    def _cross(self, messages: list[BaseMessage], schema: str) -> Reply:
        began = time.monotonic()
        try:
            said = in_thread(
                lambda: self._asker.send(messages, _SCHEMAS[schema]),
                self._budget.call_seconds,
                contextvars.copy_context(),
            )
            return _reply(said, messages, began)
        except Exception as error:  # noqa: BLE001 - a provider's text is not ours to repeat
            failure = _failure(error)
        raise failure

    async def _across(self, messages: list[BaseMessage], schema: str) -> Reply:
        began = time.monotonic()
        try:
            said = await asyncio.wait_for(
                self._asker.asend(messages, _SCHEMAS[schema]), self._budget.call_seconds
            )
            return _reply(said, messages, began)
        except Exception as error:  # noqa: BLE001 - a provider's text is not ours to repeat
            failure = _failure(error)
        raise failure


def _reply_limit(model: BaseChatModel, tokens: int) -> dict[str, int]:
    """Return the argument that caps a reply, under the model's own name, unless it is set."""
    for name in ("max_tokens", "num_predict", "max_output_tokens"):
        if name in type(model).model_fields and getattr(model, name, None) is None:
            return {name: tokens}
    return {}


def _reply(said: AIMessage, messages: list[BaseMessage], began: float) -> Reply:
    answer = split_reasoning(said)
    usage = said.usage_metadata
    asked = sum(estimate_tokens(message.text) for message in messages)
    return Reply(
        text=answer.text[: LONGEST_REPLY + 1],
        input=usage["input_tokens"] if usage else asked,
        cached=(usage.get("input_token_details") or {}).get("cache_read", 0) if usage else 0,
        output=usage["output_tokens"] if usage else estimate_tokens(answer.text),
        reasoning=answer.thought_tokens,
        seconds=round(time.monotonic() - began, 3),
        source="provider" if usage else "estimated",
    )


def _failure(error: Exception) -> Exception:
    """Turn a fault into one of ours that holds no text of the provider's."""
    if isinstance(error, PrivacyError):
        return error
    status = getattr(error, "status_code", None)
    kind = type(error).__name__ + (f", HTTP {status}" if isinstance(status, int) else "")
    transient = (
        isinstance(error, ConnectionError | TimeoutError)
        or status in _TRANSIENT_STATUS
        or getattr(error, "is_retryable", False) is True
        or (status is None and any(name in type(error).__name__ for name in _TRANSIENT_NAMES))
    )
    return RemoteUnavailableError(kind, transient=transient)


def _is_transient(error: Exception) -> bool:
    return isinstance(error, RemoteUnavailableError) and error.transient
