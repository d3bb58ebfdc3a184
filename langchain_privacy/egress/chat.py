"""Guarded chat models: a subclass made for each class, so that it stays that class.

The guard stands in `_generate`, `_stream` and their twins, i.e. inside the model's own run: no
second run, no usage counted twice, and an answer from LangChain's cache is no crossing. Only
methods that the class itself defines are taken over; LangChain decides by their presence whether a
model streams.
"""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableBinding, RunnableWithFallbacks

from langchain_privacy.egress.destination import destination_of, model_of
from langchain_privacy.egress.guard import (
    EgressGuard,
    OpenCrossing,
    crossing_in_progress,
    entered,
)
from langchain_privacy.egress.payload import of_call
from langchain_privacy.egress.receipt import take
from langchain_privacy.errors import ConfigurationError

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
