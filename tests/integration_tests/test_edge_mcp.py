"""MCP tools from a real server over stdio: remote, unless somebody names them local."""

import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_mcp_adapters.client import MultiServerMCPClient

from langchain_privacy import Masker, ToolPolicy, create_private_agent
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.agents import asked
from tests.unit_tests.edge.conftest import EMAIL, OTHER, PLACEHOLDER, EmailDetector, holds

SERVER = f'''
from pathlib import Path
from mcp.server.fastmcp import FastMCP

server = FastMCP("crm")

@server.tool()
def lookup(email: str, note: str = "") -> str:
    """Look somebody up."""
    Path(__file__).with_suffix(".log").open("a").write(email + "|" + note + chr(10))
    if note == "fail":
        raise ValueError("no " + email + " beside {OTHER}")
    return "found " + email + " beside {OTHER}"

server.run("stdio")
'''


class Crm:
    """The server, what it was asked, and an agent that uses it."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "crm.py"
        self.program.write_text(SERVER)

    async def run(self, policy: ToolPolicy | None, note: str = "") -> tuple[Any, Any]:
        connection = {"transport": "stdio", "command": sys.executable, "args": [str(self.program)]}
        tools = await MultiServerMCPClient({"crm": connection}).get_tools()

        def respond(messages: Any) -> AIMessage:
            if isinstance(messages[-1], ToolMessage):
                return AIMessage(f"tool said: {messages[-1].text}")
            who = PLACEHOLDER.findall(str(messages[-1].content))[0]
            args = {"email": who, "note": note or who}
            return AIMessage("", tool_calls=[{"name": "lookup", "args": args, "id": "1"}])

        model = ScriptedChatModel(responses=[respond])
        agent = create_private_agent(
            model, tools, masker=Masker([EmailDetector()]), tool_policy=policy
        )
        return await agent.ainvoke(asked()), model

    @property
    def asked(self) -> str:
        return self.program.with_suffix(".log").read_text().splitlines()[-1]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (None, "{}|{}"),
        (ToolPolicy(restore={"lookup": {"email": ["EMAIL"]}}), f"{EMAIL}|{{}}"),
        (ToolPolicy(local={"lookup"}), f"{EMAIL}|{EMAIL}"),
    ],
)
async def test_an_mcp_tool(tmp_path: Path, policy: ToolPolicy | None, expected: str) -> None:
    crm = Crm(tmp_path)
    result, model = await crm.run(policy)
    assert PLACEHOLDER.sub("{}", crm.asked) == expected
    assert f"found {EMAIL} beside {OTHER}" in result["messages"][-1].content
    assert not holds(model.seen_text)


async def test_an_mcp_error(tmp_path: Path) -> None:
    crm = Crm(tmp_path)
    result, model = await crm.run(ToolPolicy(restore={"lookup": {"email": ["EMAIL"]}}), note="fail")
    assert f"no {EMAIL} beside {OTHER}" in result["messages"][-1].content
    assert not holds(model.seen_text)
