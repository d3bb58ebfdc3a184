"""Guarded chat models: a subclass made for each class, so that it stays that class.

The guard stands in `_generate`, `_stream` and their twins, i.e. inside the model's own run: no
second run, no usage counted twice, and an answer from LangChain's cache is no crossing. Only
methods that the class itself defines are taken over; LangChain decides by their presence whether a
model streams.
"""

import contextlib
import copy
import functools
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import (
    Runnable,
    RunnableBinding,
    RunnableConfig,
    RunnableWithFallbacks,
)
from langchain_core.runnables.config import merge_configs
from pydantic import BaseModel

from langchain_privacy.egress.destination import UNKNOWN, destination_of, is_remote_graph, model_of
from langchain_privacy.egress.guard import (
    EgressGuard,
    OpenCrossing,
    crossing_in_progress,
    entered,
)
from langchain_privacy.egress.payload import Payload, of_call, of_value, serialise
from langchain_privacy.errors import ConfigurationError, LedgerError

if TYPE_CHECKING:
    from langchain_privacy.egress.ledger import EgressLedger


# ---- What came back: recorded when an answer is complete.

_log = logging.getLogger(__name__)


def take(crossing: "OpenCrossing", message: BaseMessage) -> None:
    """Take a message or a chunk of one into the account."""
    crossing.texts.append(message.content)
    for calls in (getattr(message, "tool_call_chunks", None), getattr(message, "tool_calls", None)):
        if calls:
            crossing.texts.append([call.get("args") for call in calls])
            break
    usage = getattr(message, "usage_metadata", None)
    if usage:
        crossing.usage = usage if crossing.usage is None else _added(crossing.usage, usage)


def _added(a: Any, b: Any) -> dict[str, int]:
    # Providers send usage once or in increments; LangChain adds chunks up, so do we.
    return {name: a.get(name, 0) + b.get(name, 0) for name in ("input_tokens", "output_tokens")}


def receipt_of(
    ledger: "EgressLedger", crossing: "OpenCrossing", outcome: str, received: int | None
) -> None:
    """Append the receipt of a crossing.

    A ledger that cannot take it is reported in the log only: the crossing is recorded already, and
    the next one will be refused.
    """
    wire = crossing.requests > 0
    if received is None:
        received = sum(
            len(
                (
                    t if isinstance(t, str) else json.dumps(t, ensure_ascii=False, default=str)
                ).encode("utf-8", "replace")
            )
            for t in crossing.texts
        )
    usage = crossing.usage or {}
    try:
        ledger.append(
            {
                "kind": "receipt",
                "refers": crossing.number,
                "outcome": outcome,
                "bytes_out": crossing.request_bytes if wire else None,
                "payload_digest": crossing.digest,
                "bytes_in": crossing.response_bytes if wire else received,
                "tokens_out": usage.get("input_tokens"),
                "tokens_in": usage.get("output_tokens"),
                "measured": "wire" if wire else "payload",
            }
        )
    except LedgerError as error:
        _log.error("The answer to crossing %d was not recorded: %s", crossing.number, error)


_GUARD = "_langchain_privacy_guard"
_STREAMS = ("_stream", "_stream_chat_model_events")
_ASYNC_STREAMS = ("_astream", "_astream_chat_model_events")


def wrap_model(guard: EgressGuard, model: Any) -> Any:
    """See `EgressGuard.wrap`."""
    if isinstance(model, BaseChatModel):
        return _guarded(guard, model)
    if isinstance(model, RunnableBinding):
        return model.model_copy(update={"bound": wrap_model(guard, model.bound)})
    if isinstance(model, RunnableWithFallbacks):
        fallbacks = [wrap_model(guard, m) for m in model.fallbacks]
        return model.model_copy(
            update={"runnable": wrap_model(guard, model.runnable), "fallbacks": fallbacks}
        )
    msg = (
        f"guard.wrap takes a chat model, not {type(model).__name__}; wrap the model before you "
        "compose it, or use guard.wrap_embeddings or guard.wrap_runnable."
    )
    raise ConfigurationError(msg)


def guard_of(model: Any) -> EgressGuard | None:
    """Return the guard of a chat model, `None` when it has none."""
    bound = model.bound if isinstance(model, RunnableBinding) else model
    found = getattr(bound, "__pydantic_private__", None) or {}
    guard: EgressGuard | None = found.get(_GUARD)
    return guard


def is_guarded(model: Runnable[Any, Any]) -> bool:
    """Tell whether every chat model inside a model, binding or fallback chain is guarded."""
    if isinstance(model, RunnableWithFallbacks):
        return all(is_guarded(m) for m in model.runnables)
    return guard_of(model) is not None


def _guarded(guard: EgressGuard, model: BaseChatModel) -> BaseChatModel:
    if guard_of(model) is guard:
        return model
    copy = model.model_copy()
    plain = getattr(type(model), "_guarded_class", type(model))
    object.__setattr__(copy, "__class__", _class_of(plain))
    private = dict(copy.__pydantic_private__ or {}) | {_GUARD: guard}
    object.__setattr__(copy, "__pydantic_private__", private)
    return copy


@functools.cache
def _class_of(cls: type[BaseChatModel]) -> type[BaseChatModel]:
    """Make the guarded subclass of a chat model's class."""
    namespace: dict[str, Any] = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "_guarded_class": cls,
        "__annotations__": {},
        "_generate": _generate(cls),
    }
    base = BaseChatModel
    if cls._agenerate is not base._agenerate:  # noqa: SLF001
        namespace["_agenerate"] = _agenerate(cls)
    for names, make in ((_STREAMS, _stream), (_ASYNC_STREAMS, _astream)):
        for name in names:
            own = getattr(cls, name, None)
            if own is not None and own is not getattr(base, name, None):
                namespace[name] = make(cls, name)
    metaclass: Any = type(cls)
    made: type[BaseChatModel] = metaclass(cls.__name__, (cls,), namespace)
    return made


def _where(model: BaseChatModel, kwargs: dict[str, Any]) -> dict[str, Any]:
    return {
        "destination": destination_of(model),
        "model": model_of(model, kwargs),
        "purpose": "chat",
        "sender": model,
    }


def _guard_within(model: BaseChatModel) -> EgressGuard:
    guard = guard_of(model)
    if guard is None:
        # Made by calling the guarded class, as configurable_fields does.
        msg = (
            f"Nothing was sent: this {type(model).__name__} was made anew from a guarded one and "
            "has no guard. Wrap the model after its fields are set, once for each setting."
        )
        raise ConfigurationError(msg)
    return guard


def _open(model: BaseChatModel, messages: Any, stop: Any, kwargs: dict[str, Any]) -> OpenCrossing:
    payload = of_call(model, messages, stop, kwargs)
    crossing = _guard_within(model).open(payload, **_where(model, kwargs))
    crossing.messages = messages
    return crossing


async def _aopen(
    model: BaseChatModel, messages: Any, stop: Any, kwargs: dict[str, Any]
) -> OpenCrossing:
    payload = of_call(model, messages, stop, kwargs)
    crossing = await _guard_within(model).aopen(payload, **_where(model, kwargs))
    crossing.messages = messages
    return crossing


def _inside(model: BaseChatModel, messages: Any) -> bool:
    """Tell whether this model's crossing is in progress: its methods may call each other.

    With the same messages only: a callback may call the model with others meanwhile.
    """
    crossing = crossing_in_progress.get()
    if crossing is None or crossing.owner != id(model):
        return False
    return crossing.messages is messages or bool(crossing.messages == messages)


def _generate(cls: type[BaseChatModel]) -> Callable[..., Any]:
    inner = cls._generate

    @functools.wraps(inner)
    def _generate(
        self: Any, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Any:
        if _inside(self, messages):
            return inner(self, messages, stop=stop, run_manager=run_manager, **kwargs)
        crossing = _open(self, messages, stop, kwargs)
        outcome = "failed"
        try:
            with entered(crossing):
                result = inner(self, messages, stop=stop, run_manager=run_manager, **kwargs)
            for generation in result.generations:
                take(crossing, generation.message)
            outcome = "answered"
            return result
        finally:
            crossing.close(outcome)

    return _generate


def _agenerate(cls: type[BaseChatModel]) -> Callable[..., Any]:
    inner = cls._agenerate

    @functools.wraps(inner)
    async def _agenerate(
        self: Any, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Any:
        if _inside(self, messages):
            return await inner(self, messages, stop=stop, run_manager=run_manager, **kwargs)
        crossing = await _aopen(self, messages, stop, kwargs)
        outcome = "failed"
        try:
            with entered(crossing):
                result = await inner(self, messages, stop=stop, run_manager=run_manager, **kwargs)
            for generation in result.generations:
                take(crossing, generation.message)
            outcome = "answered"
            return result
        finally:
            await crossing.aclose(outcome)

    return _agenerate


def _stream(cls: type[BaseChatModel], name: str) -> Callable[..., Any]:
    inner = getattr(cls, name)

    @functools.wraps(inner)
    def stream(
        self: Any, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[Any]:
        chunks = inner(self, messages, stop=stop, run_manager=run_manager, **kwargs)
        if _inside(self, messages):
            yield from chunks
            return
        crossing = _open(self, messages, stop, kwargs)
        outcome = "failed"
        try:
            while True:
                # Only while the model works: what the caller does between chunks is not ours.
                with entered(crossing):
                    try:
                        chunk = next(chunks)
                    except StopIteration:
                        break
                _account(crossing, chunk)
                yield chunk
            outcome = "answered"
        except GeneratorExit:
            outcome = "abandoned"
            raise
        finally:
            try:
                # Any iterator may be a stream; only a generator can be closed.
                with entered(crossing):
                    getattr(chunks, "close", _nothing)()
            finally:
                crossing.close(outcome)

    return stream


def _astream(cls: type[BaseChatModel], name: str) -> Callable[..., Any]:
    inner = getattr(cls, name)

    @functools.wraps(inner)
    async def astream(
        self: Any, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        chunks = inner(self, messages, stop=stop, run_manager=run_manager, **kwargs)
        if _inside(self, messages):
            async for chunk in chunks:
                yield chunk
            return
        crossing = await _aopen(self, messages, stop, kwargs)
        outcome = "failed"
        try:
            while True:
                with entered(crossing):
                    try:
                        chunk = await anext(chunks)
                    except StopAsyncIteration:
                        break
                _account(crossing, chunk)
                yield chunk
            outcome = "answered"
        except GeneratorExit:
            outcome = "abandoned"
            raise
        finally:
            try:
                if hasattr(chunks, "aclose"):
                    await chunks.aclose()
            finally:
                await crossing.aclose(outcome)

    return astream


def _nothing() -> None:
    """Close what cannot be closed."""


def _account(crossing: OpenCrossing, chunk: Any) -> None:
    message = getattr(chunk, "message", None)
    if message is not None:
        take(crossing, message)
        return
    # An event of the v3 protocol is a dict.
    if isinstance(chunk, dict):
        delta = chunk.get("delta")
        if isinstance(delta, dict):
            crossing.texts.append(delta.get("text") or delta.get("args") or "")
        if usage := chunk.get("usage"):
            crossing.usage = usage


# ---- Guarded embeddings models.

_GUARD_EMBEDDINGS = "_langchain_privacy_guard"
_METHODS = ("embed_documents", "embed_query")
_ASYNC_METHODS = ("aembed_documents", "aembed_query")


def wrap_embeddings(guard: EgressGuard, embeddings: Any) -> Any:
    """See `EgressGuard.wrap_embeddings`."""
    if not isinstance(embeddings, Embeddings):
        msg = f"guard.wrap_embeddings takes an embeddings model, not {type(embeddings).__name__}."
        raise ConfigurationError(msg)
    pydantic = isinstance(embeddings, BaseModel)
    guarded: Any = copy.copy(embeddings)
    object.__setattr__(guarded, "__class__", _class_of_embeddings(type(embeddings)))
    if pydantic:
        private = dict(guarded.__pydantic_private__ or {}) | {_GUARD_EMBEDDINGS: guard}
        object.__setattr__(guarded, "__pydantic_private__", private)
    else:
        guarded.__dict__[_GUARD_EMBEDDINGS] = guard
    return guarded


@functools.cache
def _class_of_embeddings(cls: type[Embeddings]) -> type[Embeddings]:
    namespace: dict[str, Any] = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
    }
    for name in _METHODS:
        namespace[name] = _method(getattr(cls, name))
    for name in _ASYNC_METHODS:
        if getattr(cls, name) is not getattr(Embeddings, name):
            namespace[name] = _async_method(getattr(cls, name))
    metaclass: Any = type(cls)
    made: type[Embeddings] = metaclass(cls.__name__, (cls,), namespace)
    return made


def _call(self: Any, texts: Any) -> tuple[EgressGuard, dict[str, Any]]:
    private = getattr(self, "__pydantic_private__", None) or self.__dict__
    where = {
        "destination": destination_of(self),
        "model": model_of(self, {}),
        "purpose": "embeddings",
        "sender": self,
    }
    return private[_GUARD_EMBEDDINGS], {"payload": of_value({"input": texts}), **where}


def _inside_embeddings(self: Any) -> bool:
    crossing = crossing_in_progress.get()
    return crossing is not None and crossing.owner == id(self)


@contextlib.contextmanager
def _recorded(crossing: OpenCrossing) -> Iterator[None]:
    outcome = "failed"
    try:
        with entered(crossing):
            yield
        outcome = "answered"
    finally:
        crossing.close(outcome)


@contextlib.asynccontextmanager
async def _arecorded(crossing: OpenCrossing) -> AsyncIterator[None]:
    outcome = "failed"
    try:
        with entered(crossing):
            yield
        outcome = "answered"
    finally:
        await crossing.aclose(outcome)


def _method(inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    def embed(self: Any, texts: Any, *args: Any, **kwargs: Any) -> Any:
        if _inside_embeddings(self):
            return inner(self, texts, *args, **kwargs)
        guard, call = _call(self, texts)
        with _recorded(guard.open(**call)):
            return inner(self, texts, *args, **kwargs)

    return embed


def _async_method(inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    async def embed(self: Any, texts: Any, *args: Any, **kwargs: Any) -> Any:
        if _inside_embeddings(self):
            return await inner(self, texts, *args, **kwargs)
        guard, call = _call(self, texts)
        async with _arecorded(await guard.aopen(**call)):
            return await inner(self, texts, *args, **kwargs)

    return embed


# ---- Guarded Runnables: what goes into them is examined and recorded.


class GuardedRunnable(Runnable[Any, Any]):
    """A Runnable whose input crosses; makes no run of its own."""

    def __init__(
        self, guard: EgressGuard, inner: Runnable[Any, Any], destination: str, purpose: str
    ) -> None:
        self._guard = guard
        self._inner = inner
        self.name = inner.get_name()
        self._where: dict[str, Any] = {
            "destination": destination_of(inner) if destination == UNKNOWN else destination,
            "model": inner.get_name(),
            "purpose": purpose,
            "sender": inner,
        }

    def __repr__(self) -> str:
        return f"<GuardedRunnable {self._where['model']}>"

    def get_name(self, suffix: str | None = None, *, name: str | None = None) -> str:
        """Return the inner Runnable's name."""
        return self._inner.get_name(suffix, name=name)

    def _payload(
        self, value: Any, config: RunnableConfig | None, kwargs: dict[str, Any]
    ) -> Payload:
        sent: dict[str, Any] = {"arguments": kwargs} if kwargs else {}
        if is_remote_graph(self._inner):
            own = getattr(self._inner, "config", None)
            sent["config"] = _sent_config(merge_configs(own, config))
        return of_value({"input": value, **sent} if sent else value)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Examine, record, and invoke."""
        payload = self._payload(input, config, kwargs)
        with _recorded_runnable(self._guard.open(payload, **self._where)) as crossing:
            output = self._inner.invoke(input, config, **kwargs)
            crossing.texts.append(serialise(output).decode("utf-8", "replace"))
            return output

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Like `invoke`, without blocking the event loop."""
        payload = self._payload(input, config, kwargs)
        crossing = await self._guard.aopen(payload, **self._where)
        async with _arecorded_runnable(crossing):
            output = await self._inner.ainvoke(input, config, **kwargs)
            crossing.texts.append(serialise(output).decode("utf-8", "replace"))
            return output

    def stream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Examine, record, and stream."""
        payload = self._payload(input, config, kwargs)
        with _recorded_runnable(self._guard.open(payload, **self._where)) as crossing:
            for chunk in self._inner.stream(input, config, **kwargs):
                crossing.texts.append(serialise(chunk).decode("utf-8", "replace"))
                yield chunk

    async def astream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Like `stream`, without blocking the event loop."""
        payload = self._payload(input, config, kwargs)
        crossing = await self._guard.aopen(payload, **self._where)
        async with _arecorded_runnable(crossing):
            async for chunk in self._inner.astream(input, config, **kwargs):
                crossing.texts.append(serialise(chunk).decode("utf-8", "replace"))
                yield chunk


def _sent_config(config: RunnableConfig) -> dict[str, Any]:
    """Return what a `RemoteGraph` sends of a config; objects in it stay here."""
    configurable = config.get("configurable", {})
    return {
        "tags": config.get("tags", []),
        "metadata": config.get("metadata", {}),
        "configurable": {k: v for k, v in configurable.items() if not k.startswith("__")},
    }


@contextlib.contextmanager
def _recorded_runnable(crossing: OpenCrossing) -> Iterator[OpenCrossing]:
    outcome = "failed"
    try:
        yield crossing
        outcome = "answered"
    except GeneratorExit:
        outcome = "abandoned"
        raise
    finally:
        crossing.close(outcome)


@contextlib.asynccontextmanager
async def _arecorded_runnable(crossing: OpenCrossing) -> AsyncIterator[None]:
    outcome = "failed"
    try:
        yield
        outcome = "answered"
    except GeneratorExit:
        outcome = "abandoned"
        raise
    finally:
        await crossing.aclose(outcome)
