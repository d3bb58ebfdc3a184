"""The node that crosses: it asks the remote model for a query and an answer template.

The remote model sees the masked question, what is known about its slots, the conversation so far,
and, when its last answer could not be used, that answer and what was wrong with it.
"""

import json
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig

from langchain_privacy.edge.run import session_of
from langchain_privacy.egress.ask import read_json
from langchain_privacy.errors import ProtocolError
from langchain_privacy.local import split_reasoning
from langchain_privacy.masking import MaskingSession
from langchain_privacy.sql.faults import fault
from langchain_privacy.sql.memory import holds_known
from langchain_privacy.sql.mending import mended
from langchain_privacy.sql.nodes.state import Parts, SQLState, crossed, noted
from langchain_privacy.sql.question import Slot
from langchain_privacy.sql.remote import QueryPlan, is_cut_off

_MOST_WANTED = 30
"""Tables of a large schema that a remote model may ask to see for one question."""
_SHOWN_AGAIN = 4_000
"""Characters of an unusable reply that go back to the model that wrote it."""


class PlanNode:
    """Asks, and takes anything that is no plan for an answer that cannot be used."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def run(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Ask the remote model for a query and an answer template."""
        session = session_of(self._parts.masker, config)
        messages = self._messages(state, session)
        said = self._parts.planner.ask(messages, config)
        return self._planned(state, messages, said, session)

    async def arun(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Like `run`."""
        session = session_of(self._parts.masker, config)
        messages = self._messages(state, session)
        said = await self._parts.planner.aask(messages, config)
        return self._planned(state, messages, said, session)

    def _messages(self, state: SQLState, session: MaskingSession) -> list[BaseMessage]:
        # Shown are the tables that were asked for, and those of a statement to repair.
        tables = [*state["wanted"], *(state["plan"] or {}).get("tables", ())]
        messages = self._parts.planner.messages(
            state["masked_question"],
            [*map(Slot.of_state, state["slots"])],
            state["language"],
            state["faults"],
            state["labels"],
            tables=list(dict.fromkeys(tables)),
            learned=self._learned(state, session),
            turns=state["turns"],
            reply=state["reply"],
        )
        session.vouch(*(message.text for message in messages))
        return messages

    def _learned(self, state: SQLState, session: MaskingSession) -> str:
        memory, masker, vault = self._parts.memory, self._parts.masker, session.vault
        if memory is None:
            return ""
        return memory.recall(
            state["masked_question"],
            state["slots"],
            lambda text: not masker.unmasked(text, vault) and not holds_known(text, vault),
        )

    def _planned(
        self,
        state: SQLState,
        messages: list[BaseMessage],
        said: AIMessage,
        session: MaskingSession,
    ) -> dict[str, Any]:
        plan: dict[str, Any] | None = None
        codes: list[str] = []
        faults: list[str] = []
        report = crossed(state["report"], "plan", messages)
        shown = state["wanted"]
        try:
            read = read_json(said, QueryPlan)
            more = self._parts.planner.wanted(read, shown) if len(shown) < _MOST_WANTED else []
            if more:
                # It asks to see more of the schema before it writes a query: no failed try.
                return {"plan": None, "wanted": [*shown, *more], "codes": [], "report": report}
            if not (read.prepared_sql.strip() or read.unanswerable.strip()):
                msg = "neither prepared_sql nor unanswerable"
                raise ProtocolError(msg)
        except ProtocolError as error:
            codes = ["cut_off" if is_cut_off(said) else "no_plan"]
            faults = [fault(codes[0], more=str(error))]
            reply = split_reasoning(said).text[:_SHOWN_AGAIN]
        else:
            slots = [*map(Slot.of_state, (*state["known"], *state["slots"]))]
            read.prepared_sql = mended(read.prepared_sql, slots, self._parts.dialect)
            plan = read.model_dump()
            answered = {"prepared_sql": read.prepared_sql, "template": plan["template"]}
            reply = json.dumps(answered, ensure_ascii=False)[:_SHOWN_AGAIN]
        return {
            "plan": plan,
            "attempts": state["attempts"] + 1,
            "codes": codes,
            "faults": faults,
            # A model may guess a value that the session holds: that may not cross again. Its other
            # words are no values, whatever they look like; a word of the card that became one would
            # shut the door for the whole thread.
            "reply": session.mask(reply) if holds_known(reply, session.vault) else reply,
            "labels": [],
            "report": noted(report, codes),
        }

    def after(self, state: SQLState) -> str:
        """Go on with a plan, ask again without one, or give up."""
        if (plan := state["plan"]) is not None:
            return "query" if str(plan["prepared_sql"]).strip() else "answer"
        if not state["codes"]:
            return "plan"
        return "plan" if self._parts.may_repair(state) else "answer"
