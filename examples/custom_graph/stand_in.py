"""Plays the cloud model, so that the example runs without a key; prints what it is shown."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class CloudModel(BaseChatModel):
    """Answers urgent tickets by mail."""

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self.bind(tools=tools)

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        prompt = messages[-1].text
        print(f"the cloud model reads   {prompt}")
        sender, phone = prompt.split("sender: ")[1].split(", phone: ")
        if "urgent" not in prompt:
            answer = AIMessage("No answer needed.")
        else:
            args = {"to": sender, "text": f"We call you today at {phone}."}
            answer = AIMessage("", tool_calls=[{"name": "send", "args": args, "id": "1"}])
        return ChatResult(generations=[ChatGeneration(message=answer)])
