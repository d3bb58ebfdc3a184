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
            state["masked_question"], slots, state["language"], state["codes"], state["labels"]
        )
        session_of(self._parts.masker, config).vouch(*(message.text for message in messages))
        return messages

    def _planned(
        self, state: SQLState, messages: list[BaseMessage], plan: QueryPlan | None
    ) -> dict[str, Any]:
        report = crossed(state["report"], "plan", messages)
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
        return "plan" if self._parts.may_repair(state) else "answer"
