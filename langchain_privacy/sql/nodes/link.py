"""The node that takes the values out of the question, first of all.

It reads the distinct values of the linkable columns (and again every five minutes), and has
`values.link_values` replace what stands of them in the question. Where a word fits several values
it asks the person, by an interrupt.
"""

import asyncio
import threading
import time
from dataclasses import asdict
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

from langchain_privacy.edge.run import session_of
from langchain_privacy.errors import ProtocolError
from langchain_privacy.masking import MaskingSession
from langchain_privacy.masking.placeholder import write
from langchain_privacy.sql.execute import Rows
from langchain_privacy.sql.guard import check_sql
from langchain_privacy.sql.nodes.state import FRESH, Parts, SQLState, asealed, sealed
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.prompts import language_of
from langchain_privacy.sql.tables import ColumnCard, TableCard
from langchain_privacy.sql.values import ColumnValues, keep_slots, link_values

_FRESH_SECONDS = 300.0
"""How long the values of the columns are used before they are read again."""


class LinkNode:
    """Finds the question's values and leaves placeholders."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._columns: ColumnValues | None = None
        self._read_at = 0.0
        self._lock = threading.Lock()

    @sealed
    def run(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Take the values out of the question."""
        columns = self._fresh()
        if columns is None:
            found = [
                (table, column, _texts(self._parts.database.run(self._distinct(table, column))))
                for table, column in self._parts.card.linkable()
            ]
            columns = self._keep(found)
        return self._link(state, config, columns)

    @asealed
    async def arun(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Like `run`."""
        columns = self._fresh()
        if columns is None:
            database = self._parts.database
            found = [
                (table, column, _texts(await database.arun(self._distinct(table, column))))
                for table, column in self._parts.card.linkable()
            ]
            columns = await asyncio.to_thread(self._keep, found)
        return await asyncio.to_thread(self._link, state, config, columns)

    def _distinct(self, table: TableCard, column: ColumnCard) -> str:
        dialect = self._parts.database.dialect
        quote = "`" if dialect == "mysql" else '"'
        name, of = (part.name.replace(quote, quote * 2) for part in (column, table))
        # Names of the card, quoted, and through the guard like everything else.
        sql = f"SELECT DISTINCT {quote}{name}{quote} AS v FROM {quote}{of}{quote}"  # noqa: S608
        policy = SQLPolicy(row_limit=self._parts.policy.link_values)
        return check_sql(sql, self._parts.card, policy, dialect).sql

    def _fresh(self) -> ColumnValues | None:
        return self._columns if time.monotonic() - self._read_at < _FRESH_SECONDS else None

    def _keep(self, found: list[tuple[TableCard, ColumnCard, list[str]]]) -> ColumnValues:
        fuzzy, public = self._parts.policy.fuzzy, self._parts.planner.public
        columns = ColumnValues(found, fuzzy=fuzzy, public=public)
        with self._lock:
            self._columns, self._read_at = columns, time.monotonic()
        return columns

    def _link(
        self, state: SQLState, config: RunnableConfig, columns: ColumnValues
    ) -> dict[str, Any]:
        session = session_of(self._parts.masker, config)
        ref = state["question"].removeprefix("[question ").removesuffix("]")
        question = session.vault.documents.get(ref)
        asking = self._parts.policy.ambiguous == "ask" and _can_ask(config)

        def choose(word: str, choices: tuple[str, ...]) -> str | None:
            return _ask(session, word, choices) if asking else None

        linked = link_values(question, session, columns, choose)
        described = [asdict(slot) for slot in linked.slots]
        for slot in described:
            del slot["value"]
        return {
            **FRESH,
            "masked_question": linked.text,
            "language": language_of(question),
            "slots": described,
            "slots_ref": keep_slots(session.vault, linked.slots),
            "report": {"crossings": [], "issues": [], "narration": self._parts.narration},
        }


def _texts(rows: Rows) -> list[str]:
    return [row[0] for row in rows.rows if isinstance(row[0], str)]


def _can_ask(config: RunnableConfig) -> bool:
    return (config.get("configurable") or {}).get("__pregel_checkpointer") is not None


def _ask(session: MaskingSession, word: str, choices: tuple[str, ...]) -> str:
    """Ask the person which value is meant; LangChain sees placeholders of the choices."""

    def shown(kind: str, value: str) -> str:
        entry = session.vault.issue(kind, value)
        return write(entry.entity_type, entry.code)

    said = interrupt(
        {
            "ask": "which_value",
            "word": shown("VALUE", word),
            "choices": [shown("CHOICE", choice) for choice in choices],
        }
    )
    if isinstance(said, int) and 1 <= said <= len(choices):
        return choices[said - 1]
    real = session.restore(str(said))
    if real in choices:
        return real
    msg = "Resume with one of the choices, or with its number from 1."
    raise ProtocolError(msg)
