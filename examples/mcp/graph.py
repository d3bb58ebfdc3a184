"""An agent with tools of an MCP server: each tool gets what its side may see, and no more.

MCP tools count as remote, for nobody can tell where a server sends what it gets: they are called
with placeholders. This server is ours and runs here, so `ToolPolicy` names the tool that needs real
values; the other one, which asks another company, is left as it is.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_mcp_adapters.client import MultiServerMCPClient
from stand_in import CloudModel

from langchain_privacy import Masker, ToolPolicy, create_private_agent

SERVER = Path(__file__).with_name("crm_server.py")

name = os.environ.get("REMOTE_MODEL")  # for example openai:gpt-4o
remote: Any = init_chat_model(name) if name else CloudModel()
masker = Masker()


async def graph() -> Any:
    """Ask the server for its tools and make the agent; `langgraph.json` names it."""
    crm = {"transport": "stdio", "command": sys.executable, "args": [str(SERVER)]}
    tools = await MultiServerMCPClient({"crm": crm}).get_tools()
    return create_private_agent(
        remote, tools, masker=masker, tool_policy=ToolPolicy(local={"crm_lookup"})
    )


async def main() -> None:
    question = "What is new about maria.keller@northwind.example"
    print(f"the person asks          {question}")
    agent = await graph()
    result = await agent.ainvoke({"messages": [{"role": "user", "content": question}]})
    print(f"the person reads         {result['messages'][-1].text}")
    assert "+49 30 901820" in result["messages"][-1].text  # the local tool knew her
    news = next(m for m in result["messages"] if m.type == "tool" and m.name == "news")
    assert news


if __name__ == "__main__":
    asyncio.run(main())
