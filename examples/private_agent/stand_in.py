"""Plays the cloud model, so that the example runs without a key; prints what it is shown."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class CloudModel(BaseChatModel):
    """Looks the customer up, writes, reports."""

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self.bind(tools=tools)

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        last = messages[-1]
        print(f"  the cloud model reads  {last.type:5}  {last.content}")
        asked = next(m.text for m in messages if m.type == "human")
        who = asked.split()[-1].rstrip(".?")
        results = [m.content for m in messages if isinstance(m, ToolMessage)]
        if not results:
            answer = call("crm_lookup", email=who)
        elif len(results) == 1:
            answer = call("send_mail", to=who, text=f"Dear customer, we have: {results[0]}")
        elif not str(results[1]).startswith("sent"):
            answer = AIMessage(f"I wrote nothing to {who}: you said no.")
        else:
            answer = AIMessage(f"I wrote to {who}. On file: {results[0]}.")
        return ChatResult(generations=[ChatGeneration(message=answer)])


def call(name: str, **args: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": name}])
