"""Ask the remote model: one question, one masked text, through the guard, within limits.

Each call is a LangGraph task of its own: its reply is checkpointed when it arrives, so that a run
that is resumed, after an approval or a kill, neither pays nor sends twice.
"""

import asyncio
import contextvars
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.func import task
from langgraph.types import RetryPolicy

from langchain_privacy.errors import EgressBlockedError, LedgerError, PrivacyError, ProtocolError
from langchain_privacy.local import split_reasoning
from langchain_privacy.minions.judge import name_of
from langchain_privacy.minions.schema import LONGEST_REPLY
from langchain_privacy.minions.state import Budget, estimate_tokens

T = TypeVar("T")

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
        structured: `"json_mode"` asks for JSON by the provider's switch, `"json_schema"` sends
            the schema, `"prompt"` relies on the prompt. `None` chooses JSON mode for models that
            speak OpenAI's API, and falls back to the prompt where the server refuses it.
        retry: Which faults of transport are tried again.
    """

    def __init__(
        self,
        model: BaseChatModel,
        budget: Budget,
        *,
        structured: str | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.name = name_of(model)
        self._model = model
        self._budget = budget
        speaks_openai = "response_format" in _settings(model) or hasattr(model, "openai_api_base")
        self._structured = structured or ("json_mode" if speaks_openai else "prompt")
        retry = retry or RetryPolicy(max_attempts=2, initial_interval=0.5)
        retry = retry._replace(retry_on=_is_transient)
        as_task: Any = task(name="cross", retry_policy=retry)
        self._task: Any = as_task(self._cross)
        self._atask: Any = as_task(self._across)

    def ask(self, messages: list[dict[str, str]], schema: dict[str, Any]) -> Reply:
        """Send one masked conversation; raises what `_failure` makes of a fault."""
        reply: Reply = self._task(messages, schema).result()
        return reply

    async def aask(self, messages: list[dict[str, str]], schema: dict[str, Any]) -> Reply:
        """Like `ask`, without blocking the event loop."""
        reply: Reply = await self._atask(messages, schema)
        return reply

    def _cross(self, messages: list[dict[str, str]], schema: dict[str, Any]) -> Reply:
        began = time.monotonic()
        for arguments in self._attempts(schema):
            try:
                said = _within(
                    self._budget.call_seconds,
                    lambda a=arguments: self._model.invoke(_messages(messages), **a),  # type: ignore[misc]
                )
                return _reply(said, messages, began)
            except Exception as error:  # noqa: BLE001 - a provider's text is not ours to repeat
                if _refuses_json_mode(error, arguments):
                    self._structured = "prompt"
                    continue
                failure = _failure(error)
            raise failure
        raise RemoteUnavailableError("no attempt", transient=False)

    async def _across(self, messages: list[dict[str, str]], schema: dict[str, Any]) -> Reply:
        began = time.monotonic()
        for arguments in self._attempts(schema):
            try:
                said = await asyncio.wait_for(
                    self._model.ainvoke(_messages(messages), **arguments),
                    self._budget.call_seconds,
                )
                return _reply(said, messages, began)
            except Exception as error:  # noqa: BLE001 - a provider's text is not ours to repeat
                if _refuses_json_mode(error, arguments):
                    self._structured = "prompt"
                    continue
                failure = _failure(error)
            raise failure
        raise RemoteUnavailableError("no attempt", transient=False)

    def _attempts(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the arguments of the first attempt, and of the second where the first may fail."""
        arguments: dict[str, Any] = {}
        settings = _settings(self._model)
        for name in ("max_tokens", "num_predict", "max_output_tokens"):
            if name in settings and getattr(self._model, name, None) is None:
                arguments[name] = self._budget.reply_tokens
                break
        plain = dict(arguments)
        if self._structured == "json_mode":
            arguments["response_format"] = {"type": "json_object"}
        elif self._structured == "json_schema":
            form = {"name": schema.get("title", "reply"), "schema": schema}
            arguments["response_format"] = {"type": "json_schema", "json_schema": form}
        return [arguments, plain] if arguments != plain else [arguments]


def _settings(model: BaseChatModel) -> Any:
    return type(model).model_fields


def _messages(messages: list[dict[str, str]]) -> list[BaseMessage]:
    return [
        AIMessage(m["content"]) if m["role"] == "assistant" else HumanMessage(m["content"])
        for m in messages
    ]


def _within(seconds: float, function: Callable[[], T]) -> T:
    """Run in a thread with this context, and stop waiting for it after a while."""
    outcome: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            outcome.put((function(), None))
        except BaseException as error:  # noqa: BLE001 - handed over to the caller
            outcome.put((None, error))

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), daemon=True, name="crossing").start()
    try:
        value, error = outcome.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]


def _reply(said: AIMessage, messages: list[dict[str, str]], began: float) -> Reply:
    answer = split_reasoning(said)
    usage = said.usage_metadata
    text = answer.text[: LONGEST_REPLY + 1]
    asked = sum(estimate_tokens(m["content"]) for m in messages)
    return Reply(
        text=text,
        input=usage["input_tokens"] if usage else asked,
        cached=(usage.get("input_token_details") or {}).get("cache_read", 0) if usage else 0,
        output=usage["output_tokens"] if usage else estimate_tokens(answer.text),
        reasoning=answer.reasoning_tokens or 0,
        seconds=round(time.monotonic() - began, 3),
        source="provider" if usage else "estimated",
    )


def _failure(error: Exception) -> Exception:
    """Turn a fault into one of ours that holds no text of the provider's."""
    if isinstance(error, EgressBlockedError | LedgerError) or (
        isinstance(error, PrivacyError) and not isinstance(error, RemoteUnavailableError)
    ):
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


def _refuses_json_mode(error: Exception, arguments: dict[str, Any]) -> bool:
    status = getattr(error, "status_code", None)
    return "response_format" in arguments and (status in (400, 422) or type(error) is TypeError)


def _is_transient(error: Exception) -> bool:
    return isinstance(error, RemoteUnavailableError) and error.transient
