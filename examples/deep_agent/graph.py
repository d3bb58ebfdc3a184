"""A deep agent with a subagent and a file: every model, file and checkpoint holds placeholders."""

import os
from typing import Any

from langchain.chat_models import init_chat_model
from stand_in import CloudModel

from langchain_privacy import Masker
from langchain_privacy.edge.agents import private_deep_agent

CRM = {"maria.keller@northwind.example": "phone +49 30 901820, contract ends 2027-03-31"}


def crm_lookup(email: str) -> str:
    """Look a customer up in our own database."""
    return CRM.get(email, "unknown")


name = os.environ.get("REMOTE_MODEL")  # for example openai:gpt-4o
remote: Any = init_chat_model(name) if name else CloudModel()
masker = Masker()
graph = private_deep_agent(
    remote,
    masker=masker,
    subagents=[
        {
            "name": "clerk",
            "description": "Looks customers up in our own database.",
            "system_prompt": "You are the clerk. Be brief.",
            "tools": [crm_lookup],
        }
    ],
)


def main() -> None:
    question = "Write a report about maria.keller@northwind.example"
    print(f"the person asks          {question}")
    result = graph.invoke({"messages": [{"role": "user", "content": question}]})
    print(f"the person reads         {result['messages'][-1].text}")
    for path, file in result["files"].items():
        print(f"the file {path} holds  {file['content']}")
    assert "+49 30 901820" in result["messages"][-1].text


if __name__ == "__main__":
    main()
