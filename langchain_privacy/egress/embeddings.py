"""Guarded embeddings models."""

import contextlib
import copy
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from langchain_core.embeddings import Embeddings
from pydantic import BaseModel

from langchain_privacy.egress.destination import destination_of, model_of
from langchain_privacy.egress.guard import (
    EgressGuard,
    OpenCrossing,
    crossing_in_progress,
    entered,
)
from langchain_privacy.egress.payload import of_value
from langchain_privacy.errors import ConfigurationError

_GUARD = "_langchain_privacy_guard"
_METHODS = ("embed_documents", "embed_query")
_ASYNC_METHODS = ("aembed_documents", "aembed_query")


def wrap_embeddings(guard: EgressGuard, embeddings: Any) -> Any:
    """See `EgressGuard.wrap_embeddings`."""
    if not isinstance(embeddings, Embeddings):
        msg = f"guard.wrap_embeddings takes an embeddings model, not {type(embeddings).__name__}."
        raise ConfigurationError(msg)
    pydantic = isinstance(embeddings, BaseModel)
    guarded: Any = copy.copy(embeddings)
    object.__setattr__(guarded, "__class__", _class_of(type(embeddings)))
    if pydantic:
        private = dict(guarded.__pydantic_private__ or {}) | {_GUARD: guard}
        object.__setattr__(guarded, "__pydantic_private__", private)
    else:
        guarded.__dict__[_GUARD] = guard
    return guarded


@functools.cache
def _class_of(cls: type[Embeddings]) -> type[Embeddings]:
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
    return private[_GUARD], {"payload": of_value({"input": texts}), **where}


def _inside(self: Any) -> bool:
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
        if _inside(self):
            return inner(self, texts, *args, **kwargs)
        guard, call = _call(self, texts)
        with _recorded(guard.open(**call)):
            return inner(self, texts, *args, **kwargs)

    return embed


def _async_method(inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    async def embed(self: Any, texts: Any, *args: Any, **kwargs: Any) -> Any:
        if _inside(self):
            return await inner(self, texts, *args, **kwargs)
        guard, call = _call(self, texts)
        async with _arecorded(await guard.aopen(**call)):
            return await inner(self, texts, *args, **kwargs)

    return embed
