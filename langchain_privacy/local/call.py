"""The one untraced call: a local model may read real values, and nothing else may see them.

    answer = call_local(ChatOllama(model="qwen3"), "Who is the tenant? ...")

Minions, private SQL and functions of `local_node` call local models with it. Why not
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
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from contextvars import Context, ContextVar
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, convert_to_messages
from langchain_core.messages.utils import message_chunk_to_message
from langchain_core.outputs import ChatResult
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableBinding

from langchain_privacy.errors import ConfigurationError, LocalModelError

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


def call_local(
    model: LocalModel,
    messages: LanguageModelInput,
    *,
    timeout: float | None = DEFAULT_TIMEOUT,
    **kwargs: Any,
) -> AIMessage:
    """Call a local model outside callbacks, tracing, the ambient config and every LLM cache.

    Args:
        model: A chat model, or one with bound arguments (`model.bind(...)`, `bind_tools(...)`).
            Whether it is local is for `assert_local` to say.
        messages: Text, a prompt value or messages, as for `model.invoke`.
        timeout: Seconds after which the answer is given up; `None` for no limit. A call that was
            given up still ends in the background, so give HTTP models a timeout of their own too.
        **kwargs: For the model: `stop`, `temperature`, `response_format` and the like.

    Returns:
        The whole answer. What the provider says beside it, such as the finish reason, is in its
        `response_metadata`.

    Raises:
        LocalModelError: The model is down, too slow or refused. No text of the original is kept.
        ConfigurationError: `model` is not a chat model.
    """
    chat_model, arguments = _unbound(model, kwargs)
    prompt = _messages(messages)

    def generate() -> ChatResult:
        with unseen():
            if chat_model.rate_limiter:
                chat_model.rate_limiter.acquire(blocking=True)
            return chat_model._generate(prompt, **arguments)  # noqa: SLF001 - module docstring

    try:
        return _answer(in_thread(generate, timeout, Context()))
    except Exception as error:  # noqa: BLE001 - its text may hold the prompt
        failure = _failure(chat_model, error, timeout)
    # Outside the handler: inside it, Python would hang the original on `__context__`.
    raise failure


async def acall_local(
    model: LocalModel,
    messages: LanguageModelInput,
    *,
    timeout: float | None = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - the twin of call_local
    **kwargs: Any,
) -> AIMessage:
    """Like `call_local`, without blocking the event loop; cancelling it cancels the call."""
    chat_model, arguments = _unbound(model, kwargs)
    prompt = _messages(messages)

    async def generate() -> ChatResult:
        with unseen():
            if chat_model.rate_limiter:
                await chat_model.rate_limiter.aacquire(blocking=True)
            return await chat_model._agenerate(prompt, **arguments)  # noqa: SLF001

    try:
        task = asyncio.get_running_loop().create_task(generate(), context=Context())
        return _answer(await asyncio.wait_for(task, timeout))
    except Exception as error:  # noqa: BLE001 - its text may hold the prompt
        failure = _failure(chat_model, error, timeout)
    raise failure


@contextmanager
def unseen() -> Iterator[None]:
    """Switch LangSmith, OpenTelemetry instrumentations and body logs off inside a `with` block.

    Only for the context that enters it: calls that run at the same time elsewhere are still
    traced.
    """
    from langsmith import tracing_context

    for name in _BODIES_IN_LOGS:
        logging.getLogger(name).addFilter(_drop_when_unseen)  # does nothing the second time
    with ExitStack() as stack:
        token = _unseen.set(True)
        stack.callback(_unseen.reset, token)
        stack.enter_context(tracing_context(enabled=False, parent=False))
        if otel := sys.modules.get("opentelemetry.context"):
            context = otel.get_current()
            private = getattr(otel, "_SUPPRESS_INSTRUMENTATION_KEY", _OTEL_SUPPRESSION[0])
            for key in (*_OTEL_SUPPRESSION, private):
                context = otel.set_value(key, True, context)
            stack.callback(otel.detach, otel.attach(context))
        yield


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


def _failure(model: BaseChatModel, error: Exception, timeout: float | None) -> LocalModelError:
    """Say what happened by the error's class and HTTP status, never by its text."""
    name, kind = type(model).__name__, type(error).__name__
    if isinstance(error, TimeoutError) or "Timeout" in kind:
        limit = "in time" if timeout is None else f"within {timeout:g} s"
        hint = "Raise `timeout`, send less text, or use a smaller model."
        return LocalModelError(f"The local model {name} did not answer {limit}. {hint}")
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status > 0:
        kind = f"{kind}, HTTP {status}"
    hint = "Its own text is withheld because it may hold the prompt."
    if "Connect" in kind:
        hint = "Check that its server runs and that its address is right."
    elif status == 400:
        hint = "The prompt may be longer than the model's context. " + hint
    return LocalModelError(f"The local model {name} failed ({kind}). {hint}")
