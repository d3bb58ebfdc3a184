"""The compiled graphs: raw input in, real answer out, nothing private in between.

    graph = create_minion_graph(ChatOllama(model="qwen3"), ChatOpenAI(model="gpt-4o"))
    out = graph.invoke({"task": "When does the lease end?", "documents": [Path("lease.pdf")]})

Both are `MinionNodes` put together, behind an edge that keeps documents in the vault's room and
lets references to them into the state.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer, Command, Send

from langchain_privacy.edge.graph import PrivateGraph, private_graph
from langchain_privacy.edge.run import EdgeRun
from langchain_privacy.egress import EgressGuard
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import Masker, MaskingSession
from langchain_privacy.minions.evidence import well_formed
from langchain_privacy.minions.judge import WINDOWS
from langchain_privacy.minions.nodes import EvidenceMode, MinionNodes
from langchain_privacy.minions.schema import Sub
from langchain_privacy.minions.search import MANY
from langchain_privacy.minions.state import (
    Job,
    MinionInput,
    MinionOutput,
    MinionState,
    Span,
    job_of,
    once,
    place,
)
from langchain_privacy.subclassing import subclass

MinionGraph = CompiledStateGraph[MinionState, None, MinionInput, MinionOutput]

MAX_JOBS = 512
"""In one round; further stretches are left out and the report says so."""


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
            `allowed_networks`:
            see `MinionNodes`.

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
    """Create the loop for many or long documents: searches run in parallel.

    Each sub-question is sent (`Send`) to each stretch of each document; what comes back is merged.
    A job carries references and offsets only. Limit parallel calls of a small machine's model with
    `config={"max_concurrency": 2}`.

    Args:
        local: See `create_minion_graph`.
        remote: See `create_minion_graph`.
        batch_characters: Length of a stretch.
        checkpointer: See `create_minion_graph`.
        store: See `create_minion_graph`.
        **settings: Everything else that `create_minion_graph` takes.
    """
    nodes = MinionNodes(local, remote, **settings)
    fanout = _Fanout(nodes, batch_characters)
    graph = StateGraph(MinionState, input_schema=MinionInput, output_schema=MinionOutput)
    graph.add_node("extract", RunnableLambda(fanout.begin, afunc=fanout.abegin, name="extract"))
    graph.add_node("plan", nodes.plan)
    graph.add_node("search", RunnableLambda(fanout.search, afunc=fanout.asearch, name="search"))
    graph.add_node("gather", RunnableLambda(fanout.gather, afunc=fanout.agather, name="gather"))
    graph.add_node("answer", nodes.answer)
    graph.add_edge(START, "extract")
    graph.add_edge("extract", "plan")
    graph.add_conditional_edges("plan", fanout.jobs, ["search", "gather", "answer"])
    graph.add_edge("search", "gather")
    graph.add_conditional_edges("gather", nodes.route, ["plan", "answer"])
    graph.add_edge("answer", END)
    return _at_the_edge(graph, nodes, checkpointer, store, name="minions")


def _at_the_edge(
    graph: StateGraph[Any, Any, Any, Any],
    nodes: MinionNodes,
    checkpointer: Checkpointer,
    store: Any,
    *,
    name: str,
) -> MinionGraph:
    compiled = graph.compile(checkpointer=checkpointer, store=store, name=name)
    edge = subclass(_MinionEdge, {"_nodes": nodes})
    made: MinionGraph = private_graph(compiled, nodes.masker, edge=edge)
    return made


class _Fanout:
    """The nodes that only the parallel graph has.

    Args:
        nodes: The nodes it shares with the other one.
        batch_characters: Length of a stretch.
    """

    def __init__(self, nodes: MinionNodes, batch_characters: int) -> None:
        self._nodes = nodes
        self._size = max(1_000, batch_characters)

    def begin(self, state: MinionState, config: RunnableConfig) -> MinionState:
        """Start a question."""
        return self._nodes.begin(state, self._nodes.session(config))

    async def abegin(self, state: MinionState, config: RunnableConfig) -> MinionState:
        """Like `begin`, without blocking the event loop."""
        return await asyncio.to_thread(self.begin, state, config)

    def jobs(self, state: MinionState, config: RunnableConfig) -> list[Send] | str:
        """Send each pending sub-question to each stretch of each document."""
        if state["stage"] != "search":
            return "answer"
        jobs = self._jobs(state, self._nodes.session(config))
        return [Send("search", job) for job in jobs[:MAX_JOBS]] or "gather"

    def search(self, job: Job, config: RunnableConfig) -> MinionState:
        """Do one job; what goes wrong in it is noted, the others go on."""
        session = self._nodes.session(config)
        spans, verdict = self._nodes.reader.read(job, session)
        found: dict[str, Any] = {"sub": job["sub"]["id"], "spans": spans, "calls": verdict.calls}
        return {"found": [{**found, "note": verdict.note}]}

    async def asearch(self, job: Job, config: RunnableConfig) -> MinionState:
        """Like `search`, without blocking the event loop."""
        return await asyncio.to_thread(self.search, job, config)

    def gather(self, state: MinionState, config: RunnableConfig) -> MinionState:
        """Merge what the jobs found: the best passages of each sub-question, each once."""
        best: list[Span] = []
        for sub in [Sub.model_validate(sub) for sub in state["pending"]]:
            found: list[Span] = []
            for item in state["found"]:
                found += item["spans"] if item["sub"] == sub.id else []
            ranked = sorted(found, key=lambda span: (span["holds"] is False, -span["score"]))
            most = (
                WINDOWS
                if any("units" in span for span in ranked)
                else 5
                if sub.expect in MANY
                else 4
            )
            best += once(ranked, lambda span: span["quote"] or place(span))[:most]
        calls = [call for item in state["found"] for call in item["calls"]]
        notes = [item["note"] for item in state["found"] if item["note"]]
        if len(self._jobs(state, self._nodes.session(config))) > MAX_JOBS:
            notes.append("stretches_left_out")
        return self._nodes.gathered(state, best, calls, notes)

    async def agather(self, state: MinionState, config: RunnableConfig) -> MinionState:
        """Like `gather`, without blocking the event loop."""
        return await asyncio.to_thread(self.gather, state, config)

    def _jobs(self, state: MinionState, session: MaskingSession) -> list[Job]:
        documents = session.vault.documents
        return [
            job_of(state, sub, ref, start, end)
            for sub in state["pending"]
            for ref in state["documents"]
            for start, end in self._stretches(documents.get(ref))
        ]

    def _stretches(self, text: str) -> Iterator[tuple[int, int]]:
        """Cut a text at line breaks into stretches of about the same length."""
        start = 0
        while start < len(text):
            end = start + self._size
            if end < len(text):
                end = text.rfind("\n", start + self._size // 2, end) + 1 or end
            yield start, min(end, len(text))
            start = end


class _MinionEdge(PrivateGraph):
    """What is special about the edge of a Minion graph: documents become references."""

    _nodes: MinionNodes

    def mask_input(self, run: EdgeRun, x: Any) -> Any:
        """Put the documents into the session's room, then mask the task."""
        if x is None or isinstance(x, Command):
            return run.mask(x)
        if not isinstance(x, dict) or not isinstance(x.get("task"), str) or "documents" not in x:
            msg = 'A Minion graph takes {"task": "a question", "documents": [...]}.'
            raise ConfigurationError(msg)
        documents = x["documents"]
        if run.inside and isinstance(documents, Sequence) and not isinstance(documents, str):
            # Inside another private graph its state has masked them; this is where they are read.
            documents = [run.session.restore(d) if isinstance(d, str) else d for d in documents]
        # First the documents: a name that only they give away is then known in the task, too.
        refs = self._nodes.keep(documents, run.session)
        return {"task": run.mask(well_formed(x["task"])), "documents": refs}

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


def _quote_verbatim(part: dict[str, Any], run: EdgeRun) -> None:
    room = run.session.vault.documents
    report = part.get("report")
    for passages in (part.get("evidence"), report and report.get("closest")):
        for passage in passages or ():
            passage["quote"] = room.get(passage["doc"])[passage["start"] : passage["end"]]
