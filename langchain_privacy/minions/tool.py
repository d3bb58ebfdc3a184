"""A Minion graph as a tool of an agent, which asks questions and gets answers with their places.

    tool = documents_tool(create_minion_graph(local, remote), [Path("lease.pdf")])
    agent = create_private_agent(model, [tool], masker=masker)

The documents are given by the application: an agent names no paths.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool

_DESCRIPTION = (
    "Ask a question about the documents at hand. Returns the answer and where it stands. Ask one "
    "complete question at a time."
)


def documents_tool(
    graph: Any,
    documents: Sequence[str | Document | Path],
    *,
    name: str = "ask_documents",
    description: str = _DESCRIPTION,
) -> StructuredTool:
    """Make a tool of a Minion graph and its documents.

    Args:
        graph: Of `create_minion_graph` or `create_minions_graph`.
        documents: What it is asked about.
        name: Of the tool.
        description: What the agent's model reads about it.

    Returns:
        A tool that takes a `question` and returns a text: the answer, then the places that it
        rests on, a line each. It has real values; a private agent masks it for its model.
    """
    given = list(documents)

    def ask(question: str, config: RunnableConfig) -> str:
        return _text(graph.invoke({"task": question, "documents": given}, _of(config)))

    async def aask(question: str, config: RunnableConfig) -> str:
        return _text(await graph.ainvoke({"task": question, "documents": given}, _of(config)))

    return StructuredTool.from_function(ask, coroutine=aask, name=name, description=description)


def _of(config: RunnableConfig) -> RunnableConfig:
    """Keep what says whose run it is; a tool call is no part of the agent's own checkpoints."""
    configurable = config.get("configurable", {})
    thread = {"thread_id": configurable["thread_id"]} if "thread_id" in configurable else {}
    kept: RunnableConfig = {"configurable": thread}
    if "callbacks" in config:
        kept["callbacks"] = config["callbacks"]
    return kept


def _text(out: dict[str, Any]) -> str:
    lines = [out["answer"]]
    for passage in out["evidence"][:6]:
        source = " ".join(filter(None, [passage["source"], passage["where"]]))
        lines.append(f"({source}) {' '.join(passage['quote'].split())}")
    return "\n".join(lines)
