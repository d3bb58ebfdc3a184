"""The node that crosses: it asks the remote model for a query and an answer template.

The remote model sees the masked question, what is known about its slots, and, when its last answer
could not be used, the codes of what was wrong.
"""

from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from langchain_privacy.edge.run import session_of
from langchain_privacy.errors import ProtocolError
from langchain_privacy.sql.nodes.state import Parts, SQLState, crossed, noted
from langchain_privacy.sql.remote import QueryPlan
from langchain_privacy.sql.slots import Slot

_MOST_WANTED = 30
"""Tables of a large schema that a remote model may ask to see for one question."""


class PlanNode:
    """Asks, and takes prose for an answer that cannot be used."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def run(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Ask the remote model for a query and an answer template."""
        messages = self._messages(state, config)
        try:
            plan = self._parts.planner.plan(messages, config)
        except ProtocolError:
            return self._planned(state, messages, None)
        return self._planned(state, messages, plan)

    async def arun(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Like `run`."""
        messages = self._messages(state, config)
        try:
            plan = await self._parts.planner.aplan(messages, config)
        except ProtocolError:
            return self._planned(state, messages, None)
        return self._planned(state, messages, plan)

    def _messages(self, state: SQLState, config: RunnableConfig) -> list[BaseMessage]:
        slots = [Slot(**slot, value=None) for slot in state["slots"]]
        messages = self._parts.planner.messages(
            state["masked_question"],
            slots,
            state["language"],
            state["codes"],
            state["labels"],
            tables=_needed(state),
            learned=self._learned(state),
        )
        session_of(self._parts.masker, config).vouch(*(message.text for message in messages))
        return messages

    def _learned(self, state: SQLState) -> str:
        memory = self._parts.memory
        return memory.recall(state["masked_question"], state["slots"]) if memory else ""

    def _planned(
        self, state: SQLState, messages: list[BaseMessage], plan: QueryPlan | None
    ) -> dict[str, Any]:
        report = crossed(state["report"], "plan", messages)
        shown = state["wanted"]
        if plan and len(shown) < _MOST_WANTED and (more := self._parts.planner.wanted(plan, shown)):
            # It asks to see more of the schema before it writes a query: that is no failed try.
            return {"plan": None, "wanted": [*shown, *more], "codes": [], "report": report}
        if plan and not plan.prepared_sql.strip():
            plan = None
        codes = [] if plan else ["no_plan"]
        return {
            "plan": plan.model_dump() if plan else None,
            "attempts": state["attempts"] + 1,
            "codes": codes,
            "labels": [],
            "report": noted(report, codes),
        }

    def after(self, state: SQLState) -> str:
        """Go on with a plan, ask again without one, or give up."""
        if state["plan"] is not None:
            return "query"
        if not state["codes"]:
            return "plan"
        return "plan" if self._parts.may_repair(state) else "answer"


def _needed(state: SQLState) -> list[str]:
    """List the tables that must be shown: those asked for, and those of a statement to repair."""
    plan = state["plan"] or {}
    return list(dict.fromkeys([*state["wanted"], *plan.get("tables", ())]))
