"""The compiled graphs: raw input in, real answer out, nothing private in between.

    graph = create_minion_graph(ChatOllama(model="qwen3"), ChatOpenAI(model="gpt-4o"))
    out = graph.invoke({"task": "When does the lease end?", "documents": [Path("lease.pdf")]})

Both are `MinionNodes` put together, behind an edge that keeps documents in the vault's room and
lets references to them into the state. `documents_tool` makes a tool of an agent of one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import StructuredTool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer, Command, StateUpdate

from langchain_privacy.edge.graph import PrivateGraph, private_graph
from langchain_privacy.edge.run import EdgeRun
from langchain_privacy.egress import EgressGuard
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import Masker
from langchain_privacy.minions.fanout import Fanout, JobPlanner
from langchain_privacy.minions.nodes import EvidenceMode, MinionNodes
from langchain_privacy.minions.quotes import well_formed
from langchain_privacy.minions.state import MinionInput, MinionOutput, MinionState
from langchain_privacy.subclassing import subclass

MinionGraph = CompiledStateGraph[MinionState, None, MinionInput, MinionOutput]


def create_minion_graph(
    local: BaseChatModel | None,
    remote: BaseChatModel | None,
    *,
    masker: Masker | None = None,
    guard: EgressGuard | None = None,
    evidence: EvidenceMode = "masked",
    max_rounds: int = 2,
    approve: bool = False,
    checkpointer: Checkpointer = None,
    store: Any = None,
    **settings: Any,
) -> MinionGraph:
    """Create the Minion loop: a local model reads, a remote model plans and reasons on masks.

    `extract` (local) masks the task and finds passages, `plan` (remote) says what to look for and
    then answers from masked passages or asks for more, `answer` (local) puts the answer together.
    After Narayan et al., "Minions: Cost-efficient Collaboration Between On-device and Cloud
    Language Models" (arXiv 2502.15964), with a declarative plan where that protocol runs code.

    Args:
        local: The model that may read the documents; it must be local. `None` ranks only.
        remote: The model that plans and reasons; `None` stays on this side.
        masker: What is private, and the vault; a `Masker()` when `None`.
        guard: The door; an `EgressGuard` with a ledger in memory when `None`.
        evidence: What the remote model may see: `"masked"` passages, or `"none"`: the masked task
            only.
        max_rounds: Searches at the most.
        approve: Whether a person approves each crossing, by LangGraph's `interrupt`.
        checkpointer: For resuming; checkpoints hold placeholders and references only.
        store: LangGraph's store, handed to the graph.
        **settings: `budget`, `judge`, `structured`, `retry`, `max_document_characters`, `prices`,
            `allowed_networks`, `embeddings`: see `MinionNodes`.

    Returns:
        A compiled graph. It takes `{"task": str, "documents": [str | Document | Path]}` and gives
        `{"answer", "evidence", "rounds", "report"}`.

    Raises:
        ConfigurationError: A setting that is not known or contradicts another.
    """
    nodes = MinionNodes(
        local,
        remote,
        masker=masker,
        guard=guard,
        evidence=evidence,
        max_rounds=max_rounds,
        approve=approve,
        **settings,
    )
    graph = StateGraph(MinionState, input_schema=MinionInput, output_schema=MinionOutput)
    graph.add_node("extract", nodes.extract)
    graph.add_node("plan", nodes.plan)
    graph.add_node("answer", nodes.answer)
    graph.add_edge(START, "extract")
    for node in ("extract", "plan"):
        graph.add_conditional_edges(node, nodes.route, ["extract", "plan", "answer"])
    graph.add_edge("answer", END)
    return _at_the_edge(graph, nodes, checkpointer, store, name="minion")


def create_minions_graph(
    local: BaseChatModel | None,
    remote: BaseChatModel | None,
    *,
    batch_characters: int = 24_000,
    checkpointer: Checkpointer = None,
    store: Any = None,
    **settings: Any,
) -> MinionGraph:
    """Create the loop for many or long documents: jobs that return values, put together here.

    The remote model plans questions that are put to each document, or each stretch of a long one,
    by itself: a job (`Send`, by reference and offsets). What they find is counted, summed, ranked,
    compared or listed on this side, on real numbers and dates; the report says what became of each
    document. Jobs go in waves of as many as run
    at once, so that each is stored when it is back. Limit parallel calls of a small
    machine's model with `config={"max_concurrency": 2}`.

    Args:
        local: See `create_minion_graph`. One of 1 billion parameters or more also answers yes or
            no, copies values and writes summaries; a smaller one only judges passages.
        remote: See `create_minion_graph`; without one, a local model that writes plans.
        batch_characters: Length of a stretch.
        checkpointer: See `create_minion_graph`; with one, a run that is killed goes on.
        store: See `create_minion_graph`.
        **settings: Everything else that `create_minion_graph` takes.

    Returns:
        See `create_minion_graph`; the report also has `coverage` and `results`.
    """
    nodes = MinionNodes(local, remote, planner=JobPlanner, **settings)
    fanout = Fanout(nodes, batch_characters)
    graph = StateGraph(MinionState, input_schema=MinionInput, output_schema=MinionOutput)
    # In an event loop, these run in threads: reading documents would block it.
    graph.add_node("extract", RunnableLambda(fanout.begin, name="extract"))
    graph.add_node("plan", nodes.plan)
    graph.add_node("dispatch", RunnableLambda(fanout.dispatch, name="dispatch"))
    graph.add_node("job", RunnableLambda(fanout.job, name="job"))
    graph.add_node("answer", RunnableLambda(fanout.answer, name="answer"))
    graph.add_edge(START, "extract")
    graph.add_edge("extract", "plan")
    graph.add_conditional_edges("plan", _planned, ["dispatch", "answer"])
    graph.add_conditional_edges("dispatch", fanout.route, ["job", "plan", "answer"])
    graph.add_edge("job", "dispatch")
    graph.add_edge("answer", END)
    return _at_the_edge(graph, nodes, checkpointer, store, name="minions")


def _planned(state: MinionState) -> Literal["dispatch", "answer"]:
    return "dispatch" if state["stage"] == "search" else "answer"


def _at_the_edge(
    graph: StateGraph[Any, Any, Any, Any],
    nodes: MinionNodes,
    checkpointer: Checkpointer,
    store: Any,
    *,
    name: str,
) -> MinionGraph:
    compiled = graph.compile(checkpointer=checkpointer, store=store, name=name)
    made: MinionGraph = private_minion_graph(compiled, nodes)
    return made


def private_minion_graph(
    graph: CompiledStateGraph[Any, Any, Any, Any], nodes: MinionNodes
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Put a graph of your own, made of `MinionNodes`, behind the edge of the Minion graphs.

    It does what `private` does, and two things more: documents are given as they are and become
    references, and what enters the state, from the first checkpoint on, is masked by what the guard
    knows as well: a number in words, a name backwards.

    Args:
        graph: The compiled graph; its state has the keys of `MinionState`, and may have others.
        nodes: The nodes that it is made of.

    Returns:
        A graph that takes real values and gives them back.
    """
    edge = subclass(_MinionEdge, {"_nodes": nodes})
    made: CompiledStateGraph[Any, Any, Any, Any] = private_graph(graph, nodes.masker, edge=edge)
    return made


class _MinionEdge(PrivateGraph):
    """What is special about the edge of a Minion graph: documents become references."""

    _nodes: MinionNodes

    def mask_input(self, run: EdgeRun, x: Any) -> Any:
        """Put the documents into the session's room, then mask the task."""
        session = self._nodes.masking(run.session)
        if x is None or isinstance(x, Command) or _is_update(x):
            return session.mask(run.mask(x))
        if not isinstance(x, dict) or not isinstance(x.get("task"), str):
            msg = 'A Minion graph takes {"task": "a question", "documents": [...]}.'
            raise ConfigurationError(msg)
        documents = x.get("documents")
        if documents is None:
            # A follow-up: the documents of the thread.
            documents = run.session.vault.documents.refs()
        if run.inside and isinstance(documents, Sequence) and not isinstance(documents, str):
            # Inside another private graph its state has masked them; this is where they are read.
            documents = [run.session.restore(d) if isinstance(d, str) else d for d in documents]
        # First the documents: a name that only they give away is then known in the task, too.
        refs = self._nodes.keep(documents, run.session)
        others = {key: value for key, value in x.items() if key not in ("task", "documents")}
        task = session.mask(run.mask(well_formed(x["task"])))
        return {**session.mask(run.mask(others)), "task": task, "documents": refs}

    def restore_part(self, run: EdgeRun, mode: str, data: Any) -> Any:
        """Restore a part; quotes come from the documents, approvals stay as they would leave."""
        restored = super().restore_part(run, mode, data)
        if run.inside or not isinstance(restored, dict):
            return restored
        for part in (restored, *(v for v in restored.values() if isinstance(v, dict))):
            _quote_verbatim(part, run)
        if "__interrupt__" in restored:
            restored["__interrupt__"] = data["__interrupt__"]
        return restored


def _is_update(x: Any) -> bool:
    """Say whether something is what `update_state` hands over: steps of updates."""
    steps = x if isinstance(x, list) and all(isinstance(step, list) for step in x) else [[None]]
    return all(isinstance(update, StateUpdate) for step in steps for update in step)


def _quote_verbatim(part: dict[str, Any], run: EdgeRun) -> None:
    room = run.session.vault.documents
    report = part.get("report")
    for passages in (part.get("evidence"), report and report.get("closest")):
        for passage in passages or ():
            passage["quote"] = room.get(passage["doc"])[passage["start"] : passage["end"]]


# ---- A graph as a tool of an agent

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
    """Make a tool of a Minion graph and its documents, which the application gives.

    An agent asks questions and gets answers with their places; it names no paths:

        tool = documents_tool(create_minion_graph(local, remote), [Path("lease.pdf")])
        agent = create_private_agent(model, [tool], masker=masker)

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
