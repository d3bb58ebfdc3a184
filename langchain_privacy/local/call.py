"""The one untraced call: a local model may read real values, and nothing else may see them.

    answer = call_local(ChatOllama(model="qwen3"), "Who is the tenant? ...")

Minions, private SQL and functions of `local_node` call local models with it. A model that is not
local is refused; one that is attested goes through the door, see `Door`. Why not
`model.invoke(messages, config={"callbacks": []})`: LangSmith's tracer joins in anyway, the ambient
LangGraph config brings the handler of `stream_mode="messages"`, `set_debug(True)` prints, and the
global LLM cache stores the document. So the model's own `_generate` is called, the method that
providers implement: no callback manager is ever built and no cache is asked. It runs in an empty
context, where a model that wraps another finds no run tree and no graph's config to pick up. What
else would write the call down, LangSmith, OpenTelemetry's instrumentation of model clients and logs
of request bodies, is off inside `unseen()`.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any, NamedTuple, Protocol, TypeVar

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, convert_to_messages
from langchain_core.messages.utils import message_chunk_to_message
from langchain_core.outputs import ChatResult
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableBinding

from langchain_privacy.errors import ConfigurationError, LocalModelError, PrivacyError
from langchain_privacy.local.endpoints import assert_local
from langchain_privacy.local.faults import fault_of
from langchain_privacy.scopes import put_back, scope

DEFAULT_TIMEOUT = 120.0
"""Seconds that a local model may take for one answer."""

LocalModel = Runnable[LanguageModelInput, AIMessage]
"""A chat model, or one with bound arguments."""

T = TypeVar("T")

_OF_INVOKE = frozenset({"config", "callbacks", "ls_structured_output_format"})
"""Arguments of `invoke` that providers do not know."""

_BODIES_IN_LOGS = ("openai._base_client",)
"""Loggers that write request bodies at DEBUG ("Request options: …" of openai below 3)."""

_OTEL_SUPPRESSION = ("suppress_instrumentation", "suppress_language_model_instrumentation")
"""Context keys that OpenTelemetry's and OpenLLMetry's instrumentations honour, beside the private
one of `opentelemetry.context`, which OpenInference asks for."""

_unseen: ContextVar[bool] = ContextVar("langchain_privacy_unseen", default=False)


class Door(Protocol):
    """The way to a model that is attested: masked, guarded, recorded.

    What masks and records stands above this room, so it comes from the local function around the
    call (`edge.local_body`).
    """

    def out(
        self, model: BaseChatModel, messages: list[BaseMessage], arguments: dict[str, Any]
    ) -> tuple[BaseChatModel, list[BaseMessage], dict[str, Any]]:
        """Return the guarded model, and what it is to get."""

    def back(self, answer: AIMessage) -> AIMessage:
        """Return the answer as the local function sees it."""


_door: ContextVar[Door | None] = ContextVar("langchain_privacy_door", default=None)


def door_scope(door: Door) -> AbstractContextManager[object]:
    """Lead calls of attested models through a door inside a `with` block."""
    return scope(_door, door)


def call_local(
    model: LocalModel,
    messages: LanguageModelInput,
    *,
    timeout: float | None = DEFAULT_TIMEOUT,
    allowed_networks: Iterable[str] = (),
    **kwargs: Any,
) -> AIMessage:
    """Call a local model outside callbacks, tracing, the ambient config and every LLM cache.

    A model that is attested (`SecureChatModel`) may be called too, inside a local function of a
    private graph: it gets placeholders, or real text where the policy of its guard says so
    (`RealTextToAttested`), and the ledger records the crossing.

    Args:
        model: A chat model, or one with bound arguments (`model.bind(...)`, `bind_tools(...)`).
        messages: Text, a prompt value or messages, as for `model.invoke`.
        timeout: Seconds after which the answer is given up; `None` for no limit. A call that was
            given up still ends in the background, so give HTTP models a timeout of their own too.
        allowed_networks: Networks that count as local beside loopback, see `assert_local`.
        **kwargs: For the model: `stop`, `temperature`, `response_format` and the like.

    Returns:
        The whole answer. What the provider says beside it, such as the finish reason, is in its
        `response_metadata`.

    Raises:
        LocalModelError: The model is down, too slow or refused. No text of the original is kept.
        ConfigurationError: `model` is not local, or no chat model; nothing was sent.
        EgressBlockedError, AttestationError: An attested model may not get this; nothing was sent.
    """
    call = _prepared(model, messages, allowed_networks, kwargs)

    def generate() -> ChatResult:
        with unseen():
            if call.model.rate_limiter:
                call.model.rate_limiter.acquire(blocking=True)
            return call.model._generate(call.messages, **call.arguments)  # noqa: SLF001 - see top

    try:
        return call.answer(in_thread(generate, timeout, call.context()))
    except Exception as error:  # noqa: BLE001 - its text may hold the prompt
        failure = _failure(call, error, timeout)
    # Outside the handler: inside it, Python would hang the original on `__context__`.
    raise failure


async def acall_local(
    model: LocalModel,
    messages: LanguageModelInput,
    *,
    timeout: float | None = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - the twin of call_local
    allowed_networks: Iterable[str] = (),
    **kwargs: Any,
) -> AIMessage:
    """Like `call_local`, without blocking the event loop; cancelling it cancels the call."""
    call = await asyncio.to_thread(_prepared, model, messages, allowed_networks, kwargs)

    async def generate() -> ChatResult:
        with unseen():
            if call.model.rate_limiter:
                await call.model.rate_limiter.aacquire(blocking=True)
            return await call.model._agenerate(call.messages, **call.arguments)  # noqa: SLF001

    try:
        task = asyncio.get_running_loop().create_task(generate(), context=call.context())
        return call.answer(await asyncio.wait_for(task, timeout))
    except Exception as error:  # noqa: BLE001 - its text may hold the prompt
        failure = _failure(call, error, timeout)
    raise failure


class _Call(NamedTuple):
    """A call that may be made."""

    model: BaseChatModel
    messages: list[BaseMessage]
    arguments: dict[str, Any]
    door: Door | None

    def context(self) -> Context:
        # The door must know whose text it is; a local model must find nothing of the run.
        return copy_context() if self.door else Context()

    def answer(self, result: ChatResult) -> AIMessage:
        answer = _answer(result)
        return self.door.back(answer) if self.door else answer


def _prepared(
    model: LocalModel,
    given: LanguageModelInput,
    allowed_networks: Iterable[str],
    kwargs: dict[str, Any],
) -> _Call:
    """Decide who may be called, and with what.

    Raises:
        ConfigurationError: The model is not local.
    """
    chat_model, arguments = _unbound(model, kwargs)
    messages = _messages(given)
    if not callable(getattr(chat_model, "attest", None)):
        require_local(model, allowed_networks)
        return _Call(chat_model, messages, arguments, None)
    door = _door.get()
    if door is None:
        msg = (
            f"{type(chat_model).__name__} is attested, not local: call it inside a local function"
            " (local_node, a local tool) of a private graph, where it can be masked and recorded."
        )
        raise ConfigurationError(msg)
    return _Call(*door.out(chat_model, messages, arguments), door)


def require_local(model: Any, allowed_networks: Iterable[str] = ()) -> None:
    """Refuse to show real text to a model that is not local; says what to do instead.

    Raises:
        ConfigurationError: It is not local.
    """
    try:
        assert_local(model, allowed_networks=allowed_networks)
    except ConfigurationError as error:
        why = str(error)
    else:
        return
    msg = (
        f"call_local calls local models only, and nothing was sent. {why} A remote model is called"
        " with placeholders: private(model, masker).invoke(messages), or in a node without"
        " local_node."
    )
    raise ConfigurationError(msg)


@contextmanager
def unseen() -> Iterator[None]:
    """Switch LangSmith, OpenTelemetry instrumentations and body logs off inside a `with` block.

    Only for the context that enters it: calls that run at the same time elsewhere are still
    traced.
    """
    from langsmith import tracing_context

    for name in _BODIES_IN_LOGS:
        logging.getLogger(name).addFilter(_drop_when_unseen)  # does nothing the second time
    token, attached = _unseen.set(True), None
    otel = sys.modules.get("opentelemetry.context")
    try:
        if otel:
            context = otel.get_current()
            private = getattr(otel, "_SUPPRESS_INSTRUMENTATION_KEY", _OTEL_SUPPRESSION[0])
            for key in (*_OTEL_SUPPRESSION, private):
                context = otel.set_value(key, True, context)
            attached = otel.attach(context)
        with tracing_context(enabled=False, parent=False):
            yield
    finally:
        if put_back(_unseen, token) and otel and attached is not None:
            otel.detach(attached)


def in_thread(function: Callable[[], T], timeout: float | None, context: Context) -> T:
    """Run in a context, in a thread of its own: the only way to stop waiting for it.

    Raises:
        TimeoutError: It is not done in time; it still ends in the background.
    """
    outcome: Future[T] = Future()

    def work() -> None:
        try:
            outcome.set_result(context.run(function))
        except BaseException as error:  # noqa: BLE001 - handed over to the caller
            outcome.set_exception(error)

    threading.Thread(target=work, daemon=True, name="langchain-privacy-call").start()
    return outcome.result(timeout)


def _drop_when_unseen(_record: logging.LogRecord) -> bool:
    return not _unseen.get()


def _unbound(model: LocalModel, kwargs: dict[str, Any]) -> tuple[BaseChatModel, dict[str, Any]]:
    """Take bound arguments off; callbacks and tags bound beside them are left behind."""
    while isinstance(model, RunnableBinding):
        kwargs = {**model.kwargs, **kwargs}
        model = model.bound
    if not isinstance(model, BaseChatModel):
        msg = (
            f"A local model must be a LangChain chat model, not {type(model).__name__}: pass the "
            "model itself, without fallbacks, retries, parsers or other steps around it."
        )
        raise ConfigurationError(msg)
    kwargs = {name: value for name, value in kwargs.items() if name not in _OF_INVOKE}
    return model, kwargs


def _messages(given: LanguageModelInput) -> list[BaseMessage]:
    if isinstance(given, str):
        return [HumanMessage(given)]
    if isinstance(given, PromptValue):
        return given.to_messages()
    return convert_to_messages(given)


def _answer(result: ChatResult) -> AIMessage:
    generation = result.generations[0]
    message = message_chunk_to_message(generation.message)
    if not isinstance(message, AIMessage):
        msg = "not an AIMessage"
        raise TypeError(msg)
    about = {**(generation.generation_info or {}), **message.response_metadata}
    return message.model_copy(update={"response_metadata": about})


def _failure(call: _Call, error: Exception, timeout: float | None) -> PrivacyError:
    """Say what happened by the error's class and HTTP status, never by its text."""
    if isinstance(error, PrivacyError):  # the door's own words hold nothing private
        error.__context__ = error.__cause__ = None
        return error.with_traceback(None)
    name, kind = type(call.model).__name__, type(error).__name__
    who = "attested" if call.door else "local"
    if isinstance(error, TimeoutError) or "Timeout" in kind:
        limit = "in time" if timeout is None else f"within {timeout:g} s"
        hint = "Raise `timeout`, send less text, or use a smaller model."
        return LocalModelError(
            f"The {who} model {name} did not answer {limit}. {hint}", kind="slow"
        )
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status > 0:
        kind = f"{kind}, HTTP {status}"
    fault, hint = fault_of(error, model_name(call.model))
    return LocalModelError(f"The {who} model {name} failed ({kind}). {hint}", kind=fault)


def model_name(model: object) -> str:
    """Return the name by which a server knows a model, or nothing."""
    for attribute in ("model_name", "model", "model_id"):  # the last one: ChatHuggingFace
        name = getattr(model, attribute, None)
        if isinstance(name, str) and name:
            return name
    return ""
