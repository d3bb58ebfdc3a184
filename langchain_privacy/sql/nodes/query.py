"""The node that checks the query, runs it, and keeps its rows in the session's room.

What the guard or the check of the template finds goes back to the remote model as codes, while
there are repairs left. Rows never enter the state: it gets the reference of the document that holds
them.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer

from langchain_privacy.edge.run import session_of
from langchain_privacy.errors import QueryError, UnsafeSQLError
from langchain_privacy.masking import MaskingSession
from langchain_privacy.masking.cells import KIND, results, write_result
from langchain_privacy.sql.chart import asks_for_chart
from langchain_privacy.sql.execute import Rows
from langchain_privacy.sql.execute.database import query_error
from langchain_privacy.sql.faults import fault, refused
from langchain_privacy.sql.guard import GuardedQuery
from langchain_privacy.sql.k_anonymity import LargeGroups, persons_of, record, shown, with_groups_of
from langchain_privacy.sql.mending import comparisons, in_vain, misuses
from langchain_privacy.sql.nodes.state import (
    Parts,
    SQLState,
    answer_check,
    asealed,
    noted,
    planned_sql,
    sealed,
)
from langchain_privacy.sql.question import Slot, bound_values, remember
from langchain_privacy.sql.remote import AnswerTemplate

_PROGRESS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Ready:
    """A statement that may run.

    Attributes:
        guarded: The checked statement.
        large: What runs instead where small groups are left out.
        bound: The values that it runs with.
        usable: Whether the plan's template may be filled with its rows.
        doubts: Notes about slots that it may not use as they were meant.
    """

    guarded: GuardedQuery
    large: LargeGroups | None
    bound: dict[str, Any]
    usable: bool
    doubts: list[dict[str, str]]

    @property
    def statements(self) -> list[str]:
        """What runs: the statement, and what finds the groups that it leaves out."""
        if self.large is None:
            return [self.guarded.sql]
        return [self.large.sql, *self.large.small]


class QueryNode:
    """Runs what the guard lets through."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._persons = persons_of(parts.card, parts.policy.persons)

    @sealed
    def run(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Check the query and run it."""
        session = session_of(self._parts.masker, config)
        ready = self._ready(state, session)
        if not isinstance(ready, _Ready):
            return ready
        try:
            with ThreadPoolExecutor(1) as pool:
                job = pool.submit(self._run, ready)
                started = time.monotonic()
                while True:
                    try:
                        rows = job.result(_PROGRESS_SECONDS)
                        break
                    except NotYet:
                        if job.done():
                            raise query_error("timeout") from None
                        _progress(started)
        except QueryError as error:
            return self._failed(state, ready, error)
        return self._kept(state, session, ready, rows)

    @asealed
    async def arun(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Like `run`."""
        session = session_of(self._parts.masker, config)
        ready = await asyncio.to_thread(self._ready, state, session)
        if not isinstance(ready, _Ready):
            return ready
        job = asyncio.ensure_future(self._arun(ready))
        started = time.monotonic()
        try:
            while not (await asyncio.wait([job], timeout=_PROGRESS_SECONDS))[0]:
                _progress(started)
            rows = job.result()
        except QueryError as error:
            return self._failed(state, ready, error)
        except asyncio.CancelledError:
            job.cancel()
            await asyncio.wait([job])
            raise
        return await asyncio.to_thread(self._kept, state, session, ready, rows)

    def _run(self, ready: _Ready) -> list[Rows]:
        return [self._parts.database.run(sql, ready.bound) for sql in ready.statements]

    async def _arun(self, ready: _Ready) -> list[Rows]:
        return [await self._parts.database.arun(sql, ready.bound) for sql in ready.statements]

    def _ready(self, state: SQLState, session: MaskingSession) -> _Ready | dict[str, Any]:
        """Check the plan; what is wrong with it goes back as codes."""
        policy, plan, report = self._parts.policy, state["plan"], state["report"]
        assert plan is not None
        k, large = policy.smallest_group, None
        try:
            guarded = self._parts.check(state)
            if k > 1 and guarded.aggregates:
                large = with_groups_of(guarded, k, self._persons)
            if policy.aggregates_only and not _only_aggregates(guarded):
                raise refused("not_aggregate")
        except UnsafeSQLError as error:
            codes = [f"sql:{error.code}"]
            faults = [fault(codes[0], planned_sql(state), error.position)]
            report = noted(report, codes, refusal=error.code)
            return {"codes": codes, "faults": faults, "report": report}
        slots = [*map(Slot.of_state, state["slots"])]
        card, dialect = self._parts.card, self._parts.dialect
        compared = comparisons(planned_sql(state), card, dialect) if slots else []
        wrong = misuses(slots, guarded.slots, compared, card)
        fresh = [code for code in wrong if code not in report["issues"]]
        if fresh and self._parts.may_repair(state):
            by_name = {slot.name: slot for slot in slots}
            faults = [
                fault(code, more="; ".join(by_name[name].describe() for name in wrong[code]))
                for code in fresh
            ]
            return {"codes": fresh, "faults": faults, "report": noted(report, fresh)}
        usable = False
        if self._parts.narration == "template":
            template = AnswerTemplate.model_validate(plan["template"])
            codes = answer_check(state, guarded).template(template)
            usable = not codes
            # A template is asked for again once; a plan or statement may have been before.
            asked = any(":" not in code and code != "no_plan" for code in report["issues"])
            if codes and not asked and self._parts.may_repair(state):
                labels = list(guarded.labels)
                faults = [fault(code) for code in codes]
                report = noted(report, codes)
                return {"codes": codes, "faults": faults, "labels": labels, "report": report}
        values = bound_values(session.vault, state["slots_ref"])
        bound = {name: values[name] for name in guarded.slots}
        placeholders = {slot.name: slot.placeholder for slot in slots}
        doubts = [
            {"remark": code, "said": placeholders[name], "meant": ""}
            for code, names in wrong.items()
            for name in names
        ]
        real = [replace(slot, value=values[slot.name]) for slot in slots]
        vain = in_vain(real, compared)
        doubts += [{"remark": "not_found", "said": placeholders[n], "meant": ""} for n in vain]
        return _Ready(guarded, large, bound, usable, doubts)

    def _failed(self, state: SQLState, ready: _Ready, error: QueryError) -> dict[str, Any]:
        again = self._parts.policy.feedback == "runtime" and self._parts.may_repair(state)
        codes = [f"run:{error.code}"]
        return {
            "sql": self._recorded(state, ready.guarded),
            "codes": codes if again else [],
            "faults": [fault(codes[0])],
            "report": noted(state["report"], codes, error=error.code),
        }

    def _kept(
        self, state: SQLState, session: MaskingSession, ready: _Ready, found: list[Rows]
    ) -> dict[str, Any]:
        rows, *small = found
        kept, withheld = rows.rows, 0
        if ready.large is not None:
            kept, withheld = shown(kept, ready.large, sum(len(s.rows) for s in small))
        guarded, vault = ready.guarded, session.vault
        number = max(results(vault), default=0) + 1
        about = {
            "kind": KIND,
            "number": number,
            "truncated": rows.truncated,
            "computed": list(guarded.computed),
            "chart": asks_for_chart(state["masked_question"]),
            "withheld": withheld,
            "withheld_within": ready.large is not None and ready.large.inner,
            "withheld_persons": ready.large is not None and ready.large.persons,
            "sql": guarded.sql,
        }
        ref = vault.documents.put(write_result(number, guarded.labels, kept), about)
        report = {
            **state["report"],
            "refusal": None,
            "number": number,
            "tables": [self._shown(table) for table in guarded.tables],
            "columns": [self._shown(*pair) for pair in guarded.columns],
            "compare_with": record(vault, guarded, number, ready.bound),
        }
        about_slots = [*state["known"], *state["slots"]]
        remember(
            vault,
            self._parts.name,
            state["masked_question"],
            planned_sql(state),
            [slot for slot in about_slots if slot["name"] in guarded.slots],
            state["slots_ref"],
        )
        follows_up = any(slot["name"] in guarded.slots for slot in state["known"])
        if self._parts.memory is not None and not follows_up:
            slots = state["slots"]
            self._parts.memory.passed(state["masked_question"], planned_sql(state), slots)
        return {
            "sql": self._recorded(state, guarded),
            "rows": ref,
            "usable": ready.usable,
            "codes": [],
            "notes": [*state["notes"], *ready.doubts],
            "report": report,
        }

    def _recorded(self, state: SQLState, guarded: GuardedQuery) -> str:
        """Return what of the statement may be recorded: names under an alias are private."""
        tables = [self._parts.card.table(name) for name in guarded.tables]
        if any(t and (t.alias or any(c.alias for c in t.columns)) for t in tables):
            return planned_sql(state)
        return guarded.sql

    def _shown(self, table: str, column: str | None = None) -> str:
        """Return a name of the card as it crosses."""
        card = self._parts.card.table(table)
        assert card is not None
        if column is None:
            return card.shown
        found = card.column(column)
        assert found is not None
        return f"{card.shown}.{found.shown}"

    def after(self, state: SQLState) -> str:
        """Answer, or ask for another plan while there are repairs left."""
        again = bool(state["codes"]) and self._parts.may_repair(state)
        return "plan" if again else "answer"


def _only_aggregates(guarded: GuardedQuery) -> bool:
    """Whether every output column is computed over rows, or names their groups."""
    columns = enumerate(guarded.computed)
    return guarded.aggregates and all(made or at in guarded.group_by for at, made in columns)


def _progress(started: float) -> None:
    get_stream_writer()({"progress": "query", "seconds": round(time.monotonic() - started)})
