"""Take the values out of the question."""

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
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.prompts import language_of
from langchain_privacy.sql.steps.state import FRESH, Parts, SQLState, asealed, sealed
from langchain_privacy.sql.values import ValueIndex, keep_slots, link

_INDEX_SECONDS = 300.0
"""How long the local index of values is used before it is read again."""


class LinkStep:
    """Finds the question's values in the local index and leaves placeholders."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._index: ValueIndex | None = None
        self._indexed = 0.0
        self._lock = threading.Lock()

    @sealed
    def run(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Take the values out of the question."""
        index = self._fresh_index()
        if index is None:
            index = self._keep_index(
                [
                    (t, c, _texts(self._parts.database.run(self._distinct(t, c))))
                    for t, c in self._parts.card.linkable()
                ]
            )
        return self._link(state, config, index)

    @asealed
    async def arun(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Like `run`."""
        index = self._fresh_index()
        if index is None:
            columns = [
                (t, c, _texts(await self._parts.database.arun(self._distinct(t, c))))
                for t, c in self._parts.card.linkable()
            ]
            index = await asyncio.to_thread(self._keep_index, columns)
        return await asyncio.to_thread(self._link, state, config, index)

    def _distinct(self, table: Any, column: Any) -> str:
        quote = "`" if self._parts.database.dialect == "mysql" else '"'
        name, of = (part.replace(quote, quote * 2) for part in (column.name, table.name))
        # Names of the card, quoted, and through the guard like everything else.
        sql = f"SELECT DISTINCT {quote}{name}{quote} AS v FROM {quote}{of}{quote}"  # noqa: S608
        policy = SQLPolicy(row_limit=self._parts.policy.link_values)
        return check_sql(sql, self._parts.card, policy, self._parts.database.dialect).sql

    def _fresh_index(self) -> ValueIndex | None:
        fresh = time.monotonic() - self._indexed < _INDEX_SECONDS
        return self._index if fresh else None

    def _keep_index(self, columns: list[Any]) -> ValueIndex:
        index = ValueIndex(
            columns, fuzzy=self._parts.policy.fuzzy, public=self._parts.planner.public()
        )
        with self._lock:
            self._index, self._indexed = index, time.monotonic()
        return index

    def _link(self, state: SQLState, config: RunnableConfig, index: ValueIndex) -> dict[str, Any]:
        session = session_of(self._parts.masker, config)
        ref = state["question"].removeprefix("[question ").removesuffix("]")
        question = session.vault.documents.get(ref)
        asking = self._parts.policy.ambiguous == "ask" and _can_ask(config)

        def choose(word: str, choices: tuple[str, ...]) -> str | None:
            return _ask(session, word, choices) if asking else None

        linked = link(question, session, index, choose, public=self._parts.planner.public())
        return {
            **FRESH,
            "masked_question": linked.text,
            "language": language_of(question),
            "slots": [
                {k: v for k, v in asdict(slot).items() if k != "value"} for slot in linked.slots
            ],
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
