"""The one untraced call: a local model may read real values, and nothing else may see them."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage


def call_local(model: BaseChatModel, messages: Any, **kwargs: Any) -> AIMessage:
    """Call a local model outside callbacks, tracing and the global LLM cache."""
    raise NotImplementedError


async def acall_local(model: BaseChatModel, messages: Any, **kwargs: Any) -> AIMessage:
    """Like `call_local`, without blocking the event loop."""
    raise NotImplementedError
