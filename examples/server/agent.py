"""The graph that LangGraph's server serves; `langgraph.json` names it."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from own_masker import masker

from langchain_privacy import create_private_agent


class CloudModel(BaseChatModel):
    """Stands in for a model in the cloud, so that the example runs offline."""

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        answer = AIMessage(f"You wrote: {messages[-1].content}")
        return ChatResult(generations=[ChatGeneration(message=answer)])


graph = create_private_agent(CloudModel(), masker=masker)
