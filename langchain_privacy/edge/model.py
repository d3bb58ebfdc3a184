"""A model that masks what it is asked, for agents in which no middleware can be the last."""

import asyncio
import functools
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue
from pydantic import PrivateAttr

from langchain_privacy.edge.session import session_of
from langchain_privacy.masking import Masker


def masking_model(model: BaseChatModel, masker: Masker) -> BaseChatModel:
    """Return a copy of a model, of a subclass of its class, that masks before its callbacks.

    Answers stay masked: inside a private agent the edge restores them.

    Args:
        model: Any chat model.
        masker: Finds private values and holds the vault.
    """
    if isinstance(model, _Masking):
        return model
    copy: Any = model.model_copy()
    copy.__class__ = _masking_class(type(model))
    copy._masker = masker  # noqa: SLF001
    return cast("BaseChatModel", copy)


class _Masking(BaseChatModel):
    """Marks the models that mask what they are asked."""

    _masker: Any = PrivateAttr(default=None)


def _masked(model: Any, x: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    session = session_of(model._masker)  # noqa: SLF001
    asked = x.to_messages() if isinstance(x, PromptValue) else x
    if isinstance(asked, BaseMessage):
        asked = [asked]
    return session.mask(asked), session.mask(kwargs)


@functools.cache
def _masking_class(base: Any) -> type[BaseChatModel]:
    """Make the masking subclass of a model class, with its name, since LangChain asks for it."""

    def invoke(self: Any, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002
        masked, settings = _masked(self, input, kwargs)
        return base.invoke(self, masked, config, **settings)

    async def ainvoke(self: Any, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002
        masked, settings = await asyncio.to_thread(_masked, self, input, kwargs)
        return await base.ainvoke(self, masked, config, **settings)

    def stream(self: Any, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002
        masked, settings = _masked(self, input, kwargs)
        yield from base.stream(self, masked, config, **settings)

    async def astream(self: Any, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002
        masked, settings = await asyncio.to_thread(_masked, self, input, kwargs)
        async for chunk in base.astream(self, masked, config, **settings):
            yield chunk

    members = {
        "invoke": functools.wraps(base.invoke)(invoke),
        "ainvoke": functools.wraps(base.ainvoke)(ainvoke),
        "stream": functools.wraps(base.stream)(stream),
        "astream": functools.wraps(base.astream)(astream),
        "__module__": base.__module__,
        "__doc__": base.__doc__,
    }
    return type(base.__name__, (_Masking, base), members)
