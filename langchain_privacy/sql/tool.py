"""`create_private_sql_tool`: the graph as a tool of an agent."""

from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, Field

from langchain_privacy.sql.graph import create_private_sql_graph

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

_DESCRIPTION = (
    "Ask the database a question in words. The answer holds tokens such as "
    "[[hidden_value_1_price]]: they stand for values that only the user will see. Copy tokens "
    "exactly; never compute or compare with them. When something must be counted, added or "
    "compared, ask this tool a question that has the database do it."
)


class Ask(BaseModel):
    """Arguments of the tool."""

    question: str = Field(description="One complete question about the data.")


def create_private_sql_tool(
    remote: BaseChatModel,
    engine_or_url: "Engine | AsyncEngine | str",
    *,
    name: str = "ask_database",
    description: str = _DESCRIPTION,
    **graph: Any,
) -> BaseTool:
    """Make a tool that answers questions about a database in masked text.

    The content is always masked, also outside an agent: `masker.session(thread_id).restore(text)`,
    or the agent's own edge (`private`, `create_private_agent`), puts the values in for the person.
    Answers of one thread number their cells (`q2_`), so they do not collide. The artifact holds the
    statement and a reference to the rows.

    Args:
        remote: The remote chat model.
        engine_or_url: As for `create_private_sql_graph`.
        name: Name of the tool.
        description: What the agent is told about it.
        **graph: Further arguments of `create_private_sql_graph`. Give it the `masker` of the agent.

    Raises:
        ConfigurationError: As `create_private_sql_graph`.
    """
    private = create_private_sql_graph(remote, engine_or_url, name=name, **graph)

    def told(result: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        report = result["report"]
        about = {"number": report.get("number"), "refusal": report.get("refusal")}
        return result["masked_answer"], {"sql": result["sql"], **about}

    def ask(question: str, config: RunnableConfig) -> tuple[str, dict[str, Any]]:
        return told(private.invoke({"question": question}, config))

    async def aask(question: str, config: RunnableConfig) -> tuple[str, dict[str, Any]]:
        return told(await private.ainvoke({"question": question}, config))

    return StructuredTool(
        name=name,
        description=description,
        args_schema=Ask,
        func=ask,
        coroutine=aask,
        response_format="content_and_artifact",
    )
