"""An agent that existed before becomes private with two lines, marked below.

Runs offline: a stand-in plays the cloud model and prints what it is shown.
"""

from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_privacy import Masker, PrivacyMiddleware, private

CRM = {"maria.keller@northwind.example": "phone +49 30 901820, contract ends 2027-03-31"}
SENT: list[str] = []


def crm_lookup(email: str) -> str:
    """Look a customer up in our own database."""
    return CRM.get(email, "unknown")


def send_mail(to: str, text: str) -> str:
    """Send a mail through our own server."""
    SENT.append(f"to {to}: {text}")
    return f"sent to {to}"


class CloudModel(BaseChatModel):
    """Stands in for a model in the cloud: looks the customer up, writes, reports."""

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self.bind(tools=tools)

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        last = messages[-1]
        print(f"  the cloud model reads  {last.type:5}  {last.content}")
        asked = next(m.content for m in messages if m.type == "human")
        who = asked.split()[-1].rstrip(".?")
        results = [m.content for m in messages if isinstance(m, ToolMessage)]
        if not results:
            answer = call("crm_lookup", email=who)
        elif len(results) == 1:
            answer = call("send_mail", to=who, text=f"Dear customer, we have: {results[0]}")
        else:
            answer = AIMessage(f"I wrote to {who}. On file: {results[0]}.")
        return ChatResult(generations=[ChatGeneration(message=answer)])


def call(name: str, **args: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": name}])


masker = Masker()
agent = create_agent(
    CloudModel(),
    [crm_lookup, send_mail],
    middleware=[PrivacyMiddleware(masker)],  # line 1: last in the list
)
agent = private(agent, masker)  # line 2: the edge

if __name__ == "__main__":
    question = "Tell the customer what we have on file: maria.keller@northwind.example"
    print(f"the person asks          {question}")
    result = agent.invoke({"messages": [{"role": "user", "content": question}]})
    print(f"our mail server sent     {SENT[0]}")
    print(f"the person reads         {result['messages'][-1].content}")
    assert "maria.keller@northwind.example" in SENT[0]
