"""Guarded models: each call of a chat model, an embeddings model or a Runnable is a crossing.

`EgressGuard.wrap`, `wrap_embeddings` and `wrap_runnable` are made of these functions. A guarded
model is of the same class as before: it gets a subclass whose methods open a crossing, call the
class's own method inside of it, and count what comes back.

```python
model = guard.wrap(ChatOpenAI(model="gpt-4o-mini"))
isinstance(model, ChatOpenAI)  # True
model.invoke("...")            # examined, recorded, sent
is_guarded(model)              # True
```

In a chat model the guard stands in `_generate`, `_stream` and their twins, i.e. inside the model's
own run: no second run, no usage counted twice, and an answer from LangChain's cache is no crossing.
Only methods that a class itself defines are replaced: LangChain decides by their presence whether a
model streams, and the ones of the base class call those that are guarded.
"""

import contextlib
import copy
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import (
    Runnable,
    RunnableBinding,
    RunnableConfig,
    RunnableWithFallbacks,
)
from langchain_core.runnables.config import merge_configs
from pydantic import BaseModel

from langchain_privacy.egress.crossing import Door, OpenCrossing, is_inside, purpose_of_chat
from langchain_privacy.egress.destination import UNKNOWN, destination_of, is_remote_graph, model_of
from langchain_privacy.egress.payload import Payload, of_call, of_value
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.subclassing import SubclassMaker, recast, subclass_maker

Method = Callable[..., Any]

_GUARD = "_langchain_privacy_guard"


# ---- wrapping, and telling what is wrapped


def wrap_model(guard: Door, model: Any) -> Any:
    """See `EgressGuard.wrap`."""
    if isinstance(model, BaseChatModel):
        return _guarded(model, _guarded_chat_model, guard)
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


def wrap_embeddings(guard: Door, embeddings: Any) -> Any:
    """See `EgressGuard.wrap_embeddings`."""
    if not isinstance(embeddings, Embeddings):
        msg = f"guard.wrap_embeddings takes an embeddings model, not {type(embeddings).__name__}."
        raise ConfigurationError(msg)
    return _guarded(embeddings, _guarded_embeddings, guard)


def _guarded(model: Any, make_class: SubclassMaker, guard: Door) -> Any:
    """Return a copy of a model with this guard, in place of another one that it had."""
    if guard_of(model) is guard:
        return model
    made = copy.copy(model)
    recast(made, make_class(type(model)))
    if isinstance(made, BaseModel):
        private = {**(made.__pydantic_private__ or {}), _GUARD: guard}
        object.__setattr__(made, "__pydantic_private__", private)
    else:
        vars(made)[_GUARD] = guard
    return made


def guard_of(model: Any) -> Door | None:
    """Return the guard of a model, `None` when it has none."""
    bound = model.bound if isinstance(model, RunnableBinding) else model
    held = getattr(bound, "__pydantic_private__", None) or getattr(bound, "__dict__", {})
    guard: Door | None = held.get(_GUARD)
    return guard


def is_guarded(model: Runnable[Any, Any]) -> bool:
    """Tell whether every chat model inside a model, binding or fallback chain is guarded."""
    if isinstance(model, RunnableWithFallbacks):
        return all(is_guarded(m) for m in model.runnables)
    return guard_of(model) is not None


def _door(model: Any) -> Door:
    guard = guard_of(model)
    if guard is None:
        # Made by calling the guarded class, as configurable_fields does.
        msg = (
            f"Nothing was sent: this {type(model).__name__} was made anew from a guarded one and "
            "has no guard. Wrap the model after its fields are set, once for each setting."
        )
        raise ConfigurationError(msg)
    return guard


# ---- chat models


@subclass_maker()
def _guarded_chat_model(base: Any) -> dict[str, Method]:
    """A chat model's class whose calls are crossings."""
    members = {}
    for name, make in (
        ("_generate", _generate),
        ("_agenerate", _agenerate),
        ("_stream", _stream),
        ("_stream_chat_model_events", _stream),
        ("_astream", _astream),
        ("_astream_chat_model_events", _astream),
    ):
        own = getattr(base, name, None)
        if own is not None and own is not getattr(BaseChatModel, name, None):
            members[name] = make(_of(base, name))
    return members


def _of(base: Any, name: str) -> Method:
    """Return a class's method as it is when it is called: who instruments it later is in."""
    return lambda *args, **kwargs: getattr(base, name)(*args, **kwargs)


def _asking(
    model: Any,
    messages: Any,
    /,
    stop: Any = None,
    run_manager: Any = None,  # noqa: ARG001 it is not sent
    **settings: Any,
) -> dict[str, Any]:
    """Return what the guard is told of a call with these arguments."""
    return {
        "payload": of_call(model, messages, stop, settings),
        "destination": destination_of(model),
        "model": model_of(model, settings),
        "purpose": purpose_of_chat(),
        "sender": model,
        "asked": messages,
    }


def _generate(inner: Method) -> Method:
    def generate(self: Any, messages: Any, *args: Any, **kwargs: Any) -> Any:
        if is_inside(self, messages):
            return inner(self, messages, *args, **kwargs)
        with _door(self).open(**_asking(self, messages, *args, **kwargs)) as crossing:
            result = inner(self, messages, *args, **kwargs)
            for generation in result.generations:
                _note(crossing, generation)
            return result

    return generate


def _agenerate(inner: Method) -> Method:
    async def agenerate(self: Any, messages: Any, *args: Any, **kwargs: Any) -> Any:
        if is_inside(self, messages):
            return await inner(self, messages, *args, **kwargs)
        door = _door(self)
        async with await door.aopen(**_asking(self, messages, *args, **kwargs)) as crossing:
            result = await inner(self, messages, *args, **kwargs)
            for generation in result.generations:
                _note(crossing, generation)
            return result

    return agenerate


def _stream(inner: Method) -> Method:
    def stream(self: Any, messages: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        if is_inside(self, messages):
            yield from inner(self, messages, *args, **kwargs)
            return
        with (
            _door(self).open(**_asking(self, messages, *args, **kwargs)) as crossing,
            _closing(inner(self, messages, *args, **kwargs)) as chunks,
        ):
            for chunk in chunks:
                _note(crossing, chunk)
                with crossing.paused():
                    yield chunk

    return stream


def _astream(inner: Method) -> Method:
    async def astream(self: Any, messages: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        if is_inside(self, messages):
            async for chunk in inner(self, messages, *args, **kwargs):
                yield chunk
            return
        door = _door(self)
        async with (
            await door.aopen(**_asking(self, messages, *args, **kwargs)) as crossing,
            _aclosing(inner(self, messages, *args, **kwargs)) as chunks,
        ):
            async for chunk in chunks:
                _note(crossing, chunk)
                with crossing.paused():
                    yield chunk

    return astream


@contextlib.contextmanager
def _closing(chunks: Any) -> Iterator[Any]:
    """Close a stream at the end, or when nobody reads on. Any iterator may be one."""
    try:
        yield chunks
    finally:
        if hasattr(chunks, "close"):
            chunks.close()


@contextlib.asynccontextmanager
async def _aclosing(chunks: Any) -> AsyncIterator[Any]:
    try:
        yield chunks
    finally:
        if hasattr(chunks, "aclose"):
            await chunks.aclose()


def _note(crossing: OpenCrossing, part: Any) -> None:
    """Count a message, a chunk of one, or an event of LangChain's v3 protocol, which is a dict."""
    message = getattr(part, "message", None)
    if message is not None:
        crossing.received(message.content)
        # reasoning, refusals and transcripts; the raw deltas of calls repeat what is counted below
        extra = {k: v for k, v in message.additional_kwargs.items() if k != "tool_calls"}
        if extra:
            crossing.received(extra)
        calls = getattr(message, "tool_call_chunks", None) or getattr(message, "tool_calls", None)
        if calls:
            crossing.received([call.get("args") for call in calls])
        if usage := getattr(message, "usage_metadata", None):
            crossing.used(usage)
    elif isinstance(part, dict):
        delta = part.get("delta")
        if isinstance(delta, dict):
            crossing.received([value for key, value in delta.items() if key != "type"])
        if usage := part.get("usage"):
            crossing.used(usage)


# ---- embeddings models


@subclass_maker()
def _guarded_embeddings(base: Any) -> dict[str, Method]:
    """An embeddings model's class whose calls are crossings."""
    members = {name: _embed(_of(base, name)) for name in ("embed_documents", "embed_query")}
    for name in ("aembed_documents", "aembed_query"):
        if getattr(base, name) is not getattr(Embeddings, name):
            members[name] = _aembed(_of(base, name))
    return members


def _embedding(model: Any, texts: Any) -> dict[str, Any]:
    """Return what the guard is told of a call."""
    return {
        "payload": of_value({"input": texts}),
        "destination": destination_of(model),
        "model": model_of(model, {}),
        "purpose": "embeddings",
        "sender": model,
    }


def _embed(inner: Method) -> Method:
    def embed(self: Any, texts: Any, *args: Any, **kwargs: Any) -> Any:
        if is_inside(self):
            return inner(self, texts, *args, **kwargs)
        with _door(self).open(**_embedding(self, texts)):
            return inner(self, texts, *args, **kwargs)

    return embed


def _aembed(inner: Method) -> Method:
    async def aembed(self: Any, texts: Any, *args: Any, **kwargs: Any) -> Any:
        if is_inside(self):
            return await inner(self, texts, *args, **kwargs)
        async with await _door(self).aopen(**_embedding(self, texts)):
            return await inner(self, texts, *args, **kwargs)

    return aembed


# ---- any other Runnable


class GuardedRunnable(Runnable[Any, Any]):
    """A Runnable whose input crosses; makes no run of its own.

    What runs inside may be a whole chain, so its own requests are crossings of their own.
    """

    def __init__(
        self, guard: Door, inner: Runnable[Any, Any], destination: str, purpose: str
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
        with self._guard.open(payload, **self._where) as crossing, crossing.paused():
            output = self._inner.invoke(input, config, **kwargs)
            crossing.received(output)
            return output

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Like `invoke`, without blocking the event loop."""
        payload = self._payload(input, config, kwargs)
        async with await self._guard.aopen(payload, **self._where) as crossing:
            with crossing.paused():
                output = await self._inner.ainvoke(input, config, **kwargs)
            crossing.received(output)
            return output

    def stream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Examine, record, and stream."""
        payload = self._payload(input, config, kwargs)
        with (
            self._guard.open(payload, **self._where) as crossing,
            crossing.paused(),
            _closing(self._inner.stream(input, config, **kwargs)) as chunks,
        ):
            for chunk in chunks:
                crossing.received(chunk)
                yield chunk

    async def astream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Like `stream`, without blocking the event loop."""
        payload = self._payload(input, config, kwargs)
        async with await self._guard.aopen(payload, **self._where) as crossing:
            with crossing.paused():
                async with _aclosing(self._inner.astream(input, config, **kwargs)) as chunks:
                    async for chunk in chunks:
                        crossing.received(chunk)
                        yield chunk


def _sent_config(config: RunnableConfig) -> dict[str, Any]:
    """Return what a `RemoteGraph` sends of a config; objects in it stay here."""
    configurable = config.get("configurable", {})
    return {
        "tags": config.get("tags", []),
        "metadata": config.get("metadata", {}),
        "configurable": {k: v for k, v in configurable.items() if not k.startswith("__")},
    }
