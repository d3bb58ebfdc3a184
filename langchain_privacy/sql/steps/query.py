"""Check the query, run it, and keep its rows in the session's room."""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer

from langchain_privacy.edge.run import session_of
from langchain_privacy.errors import QueryError, UnsafeSQLError
from langchain_privacy.masking import MaskingSession
from langchain_privacy.masking.cells import KIND, results, write_result
from langchain_privacy.sql.execute import Rows
from langchain_privacy.sql.execute.database import query_error
from langchain_privacy.sql.guard import GuardedQuery
from langchain_privacy.sql.k_anonymity import Counted, counted, record, suppress
from langchain_privacy.sql.remote import QueryPlan
from langchain_privacy.sql.steps.state import (
    Parts,
    SQLState,
    asealed,
    noted,
    sealed,
    template_codes,
)
from langchain_privacy.sql.values import bound_values

_PROGRESS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Ready:
    """A statement that may run, with what it runs on."""

    guarded: GuardedQuery
    counted: Counted | None
    bound: Mapping[str, Any]


class QueryStep:
    """Runs what the guard lets through."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @sealed
    def run(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Check the query and run it."""
        session = session_of(self._parts.masker, config)
        ready = self._ready(state, session)
        if not isinstance(ready, _Ready):
            return ready
        try:
            with ThreadPoolExecutor(1) as pool:
                job = pool.submit(self._parts.database.run, _sql(ready), ready.bound)
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
        job = asyncio.ensure_future(self._parts.database.arun(_sql(ready), ready.bound))
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

    def _ready(self, state: SQLState, session: MaskingSession) -> "_Ready | dict[str, Any]":
        plan = QueryPlan.model_validate(state["plan"])
        try:
            guarded = self._parts.check(state)
            only = counted(guarded, self._parts.policy.k) if self._counts(guarded) else None
        except UnsafeSQLError as error:
            return {
                "codes": [f"sql:{error.code}"],
                "report": noted(state["report"], [f"sql:{error.code}"], refusal=error.code),
            }
        if self._parts.narration == "template":
            codes = template_codes(plan.template, guarded, state)
            asked = any(":" not in code and code != "no_plan" for code in state["report"]["issues"])
            if codes and not asked and self._parts.may_repair(state):
                return {
                    "codes": codes,
                    "labels": list(guarded.labels),
                    "report": noted(state["report"], codes),
                }
        bound = bound_values(session.vault, state["slots_ref"])
        return _Ready(guarded, only, {name: bound[name] for name in guarded.slots})

    def _counts(self, guarded: GuardedQuery) -> bool:
        return self._parts.policy.k > 1 and guarded.aggregates

    def _failed(self, state: SQLState, ready: _Ready, error: QueryError) -> dict[str, Any]:
        again = self._parts.policy.feedback == "runtime" and self._parts.may_repair(state)
        codes = [f"run:{error.code}"]
        report = noted(state["report"], codes, error=error.code)
        return {
            "sql": self._written(state, ready.guarded),
            "codes": codes if again else [],
            "report": report,
        }

    def _kept(
        self, state: SQLState, session: MaskingSession, ready: _Ready, rows: Rows
    ) -> dict[str, Any]:
        kept, suppressed = rows.rows, False
        if ready.counted is not None:
            kept, suppressed = suppress(kept, ready.counted.sizes, self._parts.policy.k)
        guarded, vault = ready.guarded, session.vault
        number = max(results(vault), default=0) + 1
        text = write_result(number, guarded.labels, kept)
        about = {
            "kind": KIND,
            "number": number,
            "truncated": rows.truncated,
            "suppressed": suppressed,
            "sql": guarded.sql,
        }
        ref = vault.documents.put(text, about)
        earlier = record(vault, guarded, number, dict(ready.bound))
        report = {
            **state["report"],
            "refusal": None,
            "number": number,
            "tables": [self._shown(table) for table in guarded.tables],
            "columns": [self._shown(*pair) for pair in guarded.columns],
            "compare_with": earlier,
        }
        return {"sql": self._written(state, guarded), "rows": ref, "codes": [], "report": report}

    def _written(self, state: SQLState, guarded: GuardedQuery) -> str:
        """Return what of the statement may be recorded: names under an alias are private."""
        tables = [self._parts.card.table(name) for name in guarded.tables]
        if any(t and (t.alias or any(c.alias for c in t.columns)) for t in tables):
            return QueryPlan.model_validate(state["plan"]).prepared_sql
        return guarded.sql

    def _shown(self, table: str, column: str | None = None) -> str:
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


def _sql(ready: _Ready) -> str:
    return ready.guarded.sql if ready.counted is None else ready.counted.sql


def _progress(started: float) -> None:
    get_stream_writer()({"progress": "query", "seconds": round(time.monotonic() - started)})
