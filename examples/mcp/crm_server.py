"""A small MCP server of one's own, started by `graph.py` over stdio."""

from mcp.server.fastmcp import FastMCP

server = FastMCP("crm", log_level="WARNING")
CRM = {"maria.keller@northwind.example": "phone +49 30 901820, contract ends 2027-03-31"}


@server.tool()
def crm_lookup(email: str) -> str:
    """Look a customer up."""
    return CRM.get(email, f"nobody is known as {email}")


@server.tool()
def news(topic: str) -> str:
    """Search the news; this one asks another company."""
    return f"the news service was asked for {topic}"


server.run("stdio")
