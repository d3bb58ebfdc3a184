"""`create_private_sql_graph` and `create_private_sql_tool`: a graph and a tool that ask a database.

The four nodes (`nodes/`) are put together here, behind an edge that keeps the question and the rows
out of the run. The tool is the graph for an agent, which sees masked text only.

```python
graph = create_private_sql_graph(remote, "sqlite:///trades.sqlite", card=card)
graph.invoke({"question": "Which complex is the most expensive?"})["answer"]
```
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel, Field

from langchain_privacy.edge.graph import PrivateGraph, private_graph
from langchain_privacy.edge.run import EdgeRun
from langchain_privacy.egress import EgressGuard
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.local import assert_local
from langchain_privacy.masking import Masker
from langchain_privacy.masking.cells import read_result
from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.chart import chart_block
from langchain_privacy.sql.dialects import dialect_of
from langchain_privacy.sql.execute import open_database
from langchain_privacy.sql.memory import SQLMemory
from langchain_privacy.sql.nodes.answer import AnswerNode
from langchain_privacy.sql.nodes.link import LinkNode
from langchain_privacy.sql.nodes.plan import PlanNode
from langchain_privacy.sql.nodes.query import QueryNode
from langchain_privacy.sql.nodes.state import Narration, Parts, SQLInput, SQLOutput, SQLState
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.prompts import prompts
from langchain_privacy.sql.question import arrived, keep
from langchain_privacy.sql.reading import ValueReader
from langchain_privacy.sql.remote import QueryPlan, RemotePlanner
from langchain_privacy.sql.semantics import SemanticLayer

if TYPE_CHECKING:
    from langgraph.types import Checkpointer
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine


_NOTATIONS = "HH:MM:SS YYYY-MM-DD MM/DD/YYYY DD.MM.YYYY"
"""How questions say in which form they want dates and times; detectors take some for places."""


def create_private_sql_graph(
    remote: BaseChatModel,
    engine_or_url: "Engine | AsyncEngine | str",
    *,
    card: SchemaCard | None = None,
    policy: SQLPolicy | None = None,
    masker: Masker | None = None,
    guard: EgressGuard | None = None,
    narration: Narration = "template",
    local_model: BaseChatModel | None = None,
    allowed_networks: Sequence[str] = (),
    context: str = "",
    semantics: SemanticLayer | None = None,
    memory: SQLMemory | None = None,
    checkpointer: "Checkpointer" = None,
    name: str = "private_sql",
) -> "CompiledStateGraph[Any, Any, Any, Any]":
    """Make a graph that answers questions about a database without showing it to the model.

    One crossing: the remote model sees the schema card and the question without its values, and
    returns a query and the template of its answer. The query is checked, written again and run
    here; the template is filled in here. Input `{"question"}`; output `{"answer", "masked_answer",
    "sql", "rows", "report"}`; where the question asks for a picture, or the result goes through
    time, also `"chart"`, an image block, and `"content"`, the answer and the chart as blocks of a
    message. What LangChain sees of a run (state, checkpoints, traces) is a reference to the
    question, a reference to the rows and the masked answer.

    Args:
        remote: The remote chat model.
        engine_or_url: A SQLAlchemy engine, sync or async, or a URL (SQLite, PostgreSQL, MySQL,
            MariaDB, DuckDB file), for Snowflake a URL.
        card: What may be read and known; without it every table and column of the database.
        policy: Limits; see `SQLPolicy`.
        masker: Detectors and vault; without it the defaults.
        guard: Examines every crossing a second time; without it one over the masker's vault.
        narration: `"template"` (one crossing); `"placeholders"` (a second crossing with the rows as
            tokens, which tells the remote model how many there are); `"local_model"`; `"table"`.
        local_model: Writes the answer for `narration="local_model"`, from tokens too.
        allowed_networks: Networks beyond this machine that count as local, e.g. `10.0.0.0/8`.
        context: Words of yours about the domain; they cross.
        semantics: Named metrics, conditions and joins; they cross.
        memory: Learns from questions that were answered and from corrections.
        checkpointer: For conversations and for asking back about ambiguous values.
        name: Name of the graph.

    Raises:
        ConfigurationError: Parts are missing or contradict each other.
        QueryError: The database cannot be reached to read the card.
    """
    # A second crossing tells how many rows there are.
    policy = (policy or SQLPolicy()).settled(crosses=narration == "placeholders")
    if (narration == "local_model") != (local_model is not None):
        msg = 'narration="local_model" and local_model=... belong together; give both or neither.'
        raise ConfigurationError(msg)
    if narration not in ("template", "placeholders", "local_model", "table"):
        msg = 'narration must be "template", "placeholders", "local_model" or "table".'
        raise ConfigurationError(msg)
    if local_model is not None:
        assert_local(local_model, allowed_networks=allowed_networks)
    masker = masker or Masker()
    card = card or SchemaCard.from_engine(engine_or_url)
    # What a detector takes for a name in them would close the door to every question.
    masker.public.declare(*prompts(), card.render(), card.spoken(), _NOTATIONS)
    masker.public.learn(QueryPlan)
    dialect = dialect_of(engine_or_url).name
    database = open_database(engine_or_url, card.tables, policy)
    reader = ValueReader(
        open_database(engine_or_url, card.tables, policy.for_values()),
        card,
        most=policy.link_values,
        seconds=2 * policy.timeout,
        vault=masker.vault,
        place=str(engine_or_url if isinstance(engine_or_url, str) else engine_or_url.url),
    )
    if semantics is not None:
        context = "\n".join([context, semantics.render(card, dialect)]).strip()
    masker.public.learn(context)
    guarded = (guard or EgressGuard(masker)).wrap(remote)
    parts = Parts(
        planner=RemotePlanner(guarded, card, dialect, context, policy.prompt_tokens),
        remote=guarded,
        database=database,
        reader=reader,
        memory=memory,
        card=card,
        dialect=dialect,
        policy=policy,
        masker=masker,
        narration=narration,
        local_model=local_model,
        allowed_networks=allowed_networks,
        name=name,
    )
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(
        SQLState, input_schema=SQLInput, output_schema=SQLOutput
    )
    nodes: dict[str, Any] = {
        "link": LinkNode(parts),
        "plan": PlanNode(parts),
        "query": QueryNode(parts),
        "answer": AnswerNode(parts),
    }
    for node, body in nodes.items():
        builder.add_node(node, RunnableLambda(body.run, afunc=body.arun, name=node))
    builder.add_edge(START, "link")
    builder.add_conditional_edges("link", nodes["link"].after, ["plan", "answer"])
    builder.add_conditional_edges("plan", nodes["plan"].after, ["plan", "query", "answer"])
    builder.add_conditional_edges("query", nodes["query"].after, ["plan", "answer"])
    builder.add_edge("answer", END)
    compiled = builder.compile(checkpointer=checkpointer, name=name)
    return private_graph(compiled, masker, guard, edge=SQLEdge)


class SQLEdge(PrivateGraph):
    """Keeps the question and the rows out of the run, and puts both right outside of it."""

    def mask_input(self, run: EdgeRun, x: Any) -> Any:
        """Put the question into the session's room and let a reference enter the run."""
        if not isinstance(x, Mapping) or "question" not in x:
            return super().mask_input(run, x)
        if run.inside and run.around is not None:
            msg = (
                "Private SQL runs inside a private run of another masker or thread. Its cells would"
                " go there as values, for detectors to find: give both the same masker, and no"
                " thread_id of its own."
            )
            raise ConfigurationError(msg)
        question = x["question"]
        if not isinstance(question, str) or not question.strip():
            msg = 'The input must be {"question": "…"} with a text that is not empty.'
            raise ConfigurationError(msg)
        session = run.session if run.around is None else run.around
        # Inside another private run the question holds that run's placeholders.
        ref = keep(arrived(question, session), run.session.vault)
        return {"question": f"[question {ref}]"}

    def restore_part(self, run: EdgeRun, mode: str, data: Any) -> Any:
        """Put real values into what leaves the run, where its surroundings may see them."""
        if run.inside or mode not in ("values", "updates"):
            return super().restore_part(run, mode, data)
        if not isinstance(data, Mapping):
            return run.restore(data)
        if "masked_answer" not in data:
            return {key: self.restore_part(run, mode, value) for key, value in data.items()}
        # What a cell holds is not looked at again, however much it looks like a token.
        real = {**data, "answer": run.session.restore(data["masked_answer"])}
        if isinstance(ref := data.get("rows"), str):
            documents = run.session.vault.documents
            result = read_result(documents.get(ref))
            about = documents.metadata(ref)
            real["sql"] = about["sql"]
            real["report"] = {**data.get("report", {}), "withheld": about["withheld"]}
            real["rows"] = [dict(zip(result.labels, row, strict=True)) for row in result.rows]
            if picture := chart_block(result, about["computed"], asked=about["chart"]):
                real["chart"] = picture
                real["content"] = [{"type": "text", "text": real["answer"]}, picture]
        return real


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
    # The content goes to the agent's model: tokens, and so how many rows there are.
    graph["policy"] = (graph.get("policy") or SQLPolicy()).settled(crosses=True)
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
