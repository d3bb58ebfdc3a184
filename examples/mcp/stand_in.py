"""Plays the cloud model, so that the example runs without a key; prints what it is shown."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class CloudModel(BaseChatModel):
    """Looks the customer up, searches the news, reports."""

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self.bind(tools=tools)

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        print(f"  the cloud model reads  {messages[-1].type:5}  {messages[-1].text}")
        asked = next(m.text for m in messages if m.type == "human")
        who = asked.split()[-1].rstrip(".?")
        results = [m.text for m in messages if isinstance(m, ToolMessage)]
        if not results:
            answer = call("crm_lookup", email=who)
        elif len(results) == 1:
            answer = call("news", topic=who)
        else:
            answer = AIMessage(f"On file: {results[0]}. {results[1].capitalize()}.")
        return ChatResult(generations=[ChatGeneration(message=answer)])


def call(name: str, **args: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": name}])
