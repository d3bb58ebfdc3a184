"""Plays the cloud model, so that the example runs without a key; prints what it is shown."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class CloudModel(BaseChatModel):
    """The agent hands the customer to the subagent, notes and reports; the subagent looks up."""

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self.bind(tools=tools)

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        clerk = "You are the clerk" in messages[0].text
        last = messages[-1]
        who = "clerk" if clerk else "agent"
        print(f"  the {who}'s model reads  {last.type:5}  {last.text}")
        results = [m.text for m in messages if isinstance(m, ToolMessage)]
        asked = next(m.text for m in messages if m.type == "human")
        customer = asked.split()[-1].rstrip(".?")
        if clerk and not results:
            answer = call("crm_lookup", email=customer)
        elif clerk:
            answer = AIMessage(f"On file for {customer}: {results[0]}")
        elif not results:
            answer = call("task", description=f"Look up {customer}", subagent_type="clerk")
        elif len(results) == 1:
            answer = call("write_file", file_path="/notes/customer.txt", content=results[0])
        else:
            answer = AIMessage(f"{results[0]}. It is in /notes/customer.txt.")
        return ChatResult(generations=[ChatGeneration(message=answer)])


def call(name: str, **args: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": name}])
