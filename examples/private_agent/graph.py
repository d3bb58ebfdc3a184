"""An agent that existed before becomes private with two lines, marked below."""

import os
from typing import Any

from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from stand_in import CloudModel

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


name = os.environ.get("REMOTE_MODEL")  # for example openai:gpt-4o
remote: Any = init_chat_model(name) if name else CloudModel()
masker = Masker()
agent = create_agent(
    remote,
    [crm_lookup, send_mail],
    middleware=[PrivacyMiddleware(masker)],  # line 1: last in the list
)
graph = private(agent, masker)  # line 2: the edge


def main() -> None:
    question = "Tell the customer what we have on file: maria.keller@northwind.example"
    print(f"the person asks          {question}")
    result = graph.invoke({"messages": [{"role": "user", "content": question}]})
    print(f"our mail server sent     {SENT[-1]}")
    print(f"the person reads         {result['messages'][-1].text}")
    assert "maria.keller@northwind.example" in SENT[-1]


if __name__ == "__main__":
    main()
