"""Searches in parallel: one job a sub-question, document and stretch of it."""

import asyncio
from collections.abc import Iterator
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Send

from langchain_privacy.minions.nodes import MinionNodes
from langchain_privacy.minions.schema import Sub
from langchain_privacy.minions.search import MANY
from langchain_privacy.minions.state import Job, MinionState, Span, job_of

MAX_JOBS = 512
"""In one round; further stretches are left out and the report says so."""


class Fanout:
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
        session = self._nodes.session(config)
        jobs = [
            Send("search", job_of(state, sub, ref, start, end))
            for sub in state["pending"]
            for ref in state["documents"]
            for start, end in self._stretches(session.vault.documents.get(ref))
        ]
        return jobs[:MAX_JOBS] or "gather"

    def search(self, job: Job, config: RunnableConfig) -> MinionState:
        """Do one job; what goes wrong in it is noted, the others go on."""
        session = self._nodes.session(config)
        spans, verdict = self._nodes.reader.read(job, session)
        found: dict[str, Any] = {"sub": job["sub"]["id"], "spans": spans, "calls": verdict.calls}
        return {"found": [{**found, "note": verdict.note}]}

    async def asearch(self, job: Job, config: RunnableConfig) -> MinionState:
        """Like `search`, without blocking the event loop."""
        return await asyncio.to_thread(self.search, job, config)

    def gather(self, state: MinionState) -> MinionState:
        """Merge what the jobs found: the best passages of each sub-question, each once."""
        best: list[Span] = []
        for sub in [Sub.model_validate(sub) for sub in state["pending"]]:
            found: list[Span] = []
            for item in state["found"]:
                found += item["spans"] if item["sub"] == sub.id else []
            ranked = sorted(found, key=lambda span: (span["holds"] is False, -span["score"]))
            unique = {span["quote"]: span for span in reversed(ranked)}
            kept = [span for span in ranked if unique.get(span["quote"]) is span]
            best += kept[: 5 if sub.expect in MANY else 4]
        calls = [call for item in state["found"] for call in item["calls"]]
        notes = [item["note"] for item in state["found"] if item["note"]]
        return self._nodes.gathered(state, best, calls, notes)

    async def agather(self, state: MinionState) -> MinionState:
        """Like `gather`."""
        return self.gather(state)

    def _stretches(self, text: str) -> Iterator[tuple[int, int]]:
        """Cut a text at line breaks into stretches of about the same length."""
        start = 0
        while start < len(text):
            end = start + self._size
            if end < len(text):
                end = max(text.rfind("\n", start + self._size // 2, end) + 1, 0) or end
            yield start, min(end, len(text))
            start = end
