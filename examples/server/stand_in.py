"""Plays the cloud model, so that the example runs without a key."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class CloudModel(BaseChatModel):
    """Repeats what it is told."""

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        answer = AIMessage(f"You wrote: {messages[-1].text}")
        return ChatResult(generations=[ChatGeneration(message=answer)])
