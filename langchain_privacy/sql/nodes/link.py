"""The node that takes the values out of the question, first of all.

It reads the distinct values of the linkable columns (and again every five minutes), and has
`linking.link_values` replace what stands of them in the question. Where a word fits several values,
or a name several people, it asks the person by an interrupt; where nobody can be asked, the answer
is the question which one is meant.
"""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

from langchain_privacy.edge.run import session_of
from langchain_privacy.errors import ProtocolError
from langchain_privacy.masking import MaskingSession
from langchain_privacy.sql.dialects import DIALECTS
from langchain_privacy.sql.execute import Rows
from langchain_privacy.sql.guard import check_sql
from langchain_privacy.sql.linking import Choice, Namesakes, issued, link_values, match_of
from langchain_privacy.sql.nodes.state import FRESH, Parts, SQLState, asealed, sealed
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.prompts import language_of
from langchain_privacy.sql.question import (
    Question,
    answered,
    beside,
    earlier,
    keep_slots,
    kept,
)
from langchain_privacy.sql.tables import ColumnCard, TableCard
from langchain_privacy.sql.values import ColumnValues, Match

_FRESH_SECONDS = 300.0
"""How long the values of the columns are used before they are read again."""

_MOST_NAMESAKES = 8
_OF_ONE_EACH = 0.8
"""Share of different names from which on each row of a table is taken for a person."""
_FEWEST_PEOPLE = 5
_FACTS = 3


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A question to the database about a name: how its table is made, and who has it."""

    column: str
    value: str
    table: TableCard
    of_names: ColumnCard
    shape: str
    rows: str


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
        database = self._parts.database
        columns = self._fresh()
        if columns is None:
            columns = self._read()
        question, found = self._asked(columns, state, config)
        namesakes: dict[tuple[str, str], Namesakes] = {}
        for lookup in self._lookups(columns, question, found):
            shape = database.run(lookup.shape)
            if _each_row_is_a_person(shape):
                rows = database.run(lookup.rows, {"v1": lookup.value})
                namesakes |= _apart(lookup, rows)
        return self._link(config, columns, question, found, namesakes)

    @asealed
    async def arun(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Like `run`."""
        database = self._parts.database
        columns = self._fresh()
        if columns is None:
            columns = await asyncio.to_thread(self._read)
        question, found = await asyncio.to_thread(self._asked, columns, state, config)
        namesakes: dict[tuple[str, str], Namesakes] = {}
        lookups = await asyncio.to_thread(list, self._lookups(columns, question, found))
        for lookup in lookups:
            shape = await database.arun(lookup.shape)
            if _each_row_is_a_person(shape):
                rows = await database.arun(lookup.rows, {"v1": lookup.value})
                namesakes |= _apart(lookup, rows)
        about = (config, columns, question, found, namesakes)
        return await asyncio.to_thread(self._link, *about)

    def _asked(
        self, columns: ColumnValues, state: SQLState, config: RunnableConfig
    ) -> tuple[Question, list[Match]]:
        """Return the question, and what the columns know of its text."""
        session = session_of(self._parts.masker, config)
        ref = state["question"].removeprefix("[question ").removesuffix("]")
        question = kept(session.vault, ref)
        return question, columns.find(question.text)

    def _checked(self, sql: str, limit: int) -> str:
        # Names of the card, quoted, and through the guard like everything else.
        policy, parts = SQLPolicy(row_limit=limit), self._parts
        return check_sql(sql, parts.card, policy, parts.dialect, slots=frozenset({"v1"})).sql

    def _lookups(
        self, columns: ColumnValues, question: Question, found: Sequence[Match]
    ) -> Iterator[_Lookup]:
        """Yield what has to be known about the names in a question."""
        given = [match for each in question.given if (match := match_of(each, columns))]
        quoted = DIALECTS[self._parts.dialect].quoted
        places = {f"{t.shown}.{c.shown}": (t, c) for t, c in self._parts.card.linkable()}
        named = {
            (column, value)
            for match in [*found, *given]
            if match.person and match.sure != "several"
            for value in match.values
            for column in match.columns
        }
        for column, value in sorted(named):
            table, of_names = places[column]
            if not self._may_list_people(table, of_names):
                continue  # trades by their buyers, visits by their patients
            name = quoted(of_names.name)
            # Its schema says which of two tables of one name it is.
            of = ".".join(quoted(part) for part in (table.schema, table.name) if part)
            shape = f"SELECT COUNT(*) AS n, COUNT(DISTINCT {name}) AS d FROM {of}"  # noqa: S608
            read = ", ".join(quoted(c.name) for c in table.columns)
            rows = f"SELECT {read} FROM {of} WHERE {name} = :v1"  # noqa: S608
            yield _Lookup(
                column,
                value,
                table,
                of_names,
                self._checked(shape, 1),
                self._checked(rows, _MOST_NAMESAKES + 1),
            )

    def _may_list_people(self, table: TableCard, of_names: ColumnCard) -> bool:
        """Whether rows of a table may be people: a name comes first, or tables refer to it."""
        texts = [c for c in table.columns if c.type in ("text", "")]
        plain = [c for c in texts if c.name.casefold() not in table.key]
        referred = {to for other in self._parts.card.tables for _, to, _ in other.foreign_keys}
        return plain[:1] == [of_names] or table.name in referred

    def _fresh(self) -> ColumnValues | None:
        return self._columns if time.monotonic() - self._read_at < _FRESH_SECONDS else None

    def _read(self) -> ColumnValues:
        fuzzy, public = self._parts.policy.fuzzy, self._parts.planner.public
        columns = ColumnValues(self._parts.reader.read(), fuzzy=fuzzy, public=public)
        with self._lock:
            self._columns, self._read_at = columns, time.monotonic()
        return columns

    def _link(
        self,
        config: RunnableConfig,
        columns: ColumnValues,
        question: Question,
        found: Sequence[Match],
        namesakes: Mapping[tuple[str, str], Namesakes],
    ) -> dict[str, Any]:
        session = session_of(self._parts.masker, config)
        # Nobody can be asked where no checkpointer keeps the run while it waits.
        checkpointer = (config.get("configurable") or {}).get("__pregel_checkpointer")
        asking = self._parts.policy.ambiguous == "ask" and checkpointer is not None

        def choose(choice: Choice) -> int | None:
            return _ask(session, choice) if asking else None

        policy, name = self._parts.policy, self._parts.name
        linked = link_values(question, session, columns, choose, namesakes, found=found)
        turns = beside(earlier(session.vault, name, policy.history), linked.slots)
        known = {slot.name: slot for turn in turns for slot in turn.slots}
        for slot in linked.slots:
            known.pop(slot.name, None)
        open_ = None if linked.open is None else _shown(session, linked.open)
        if policy.questions is not None and answered(session.vault, name) >= policy.questions:
            open_ = {"budget": policy.questions}
        return {
            **FRESH,
            "turns": [turn.shown() for turn in turns],
            "known": [slot.for_state() for slot in known.values()],
            "masked_question": linked.text,
            "language": language_of(question.text),
            "slots": [slot.for_state() for slot in linked.slots],
            "slots_ref": keep_slots(session.vault, [*known.values(), *linked.slots]),
            "notes": linked.notes,
            "open": open_,
            "report": {"crossings": [], "issues": [], "narration": self._parts.narration},
        }

    def after(self, state: SQLState) -> str:
        """Ask for a plan, or ask back first."""
        return "answer" if state["open"] else "plan"


def _each_row_is_a_person(shape: Rows) -> bool:
    count, different = shape.rows[0]
    return bool(count >= _FEWEST_PEOPLE and different >= count * _OF_ONE_EACH)


def _apart(lookup: _Lookup, rows: Rows) -> dict[tuple[str, str], Namesakes]:
    """Say what tells the rows of one name apart; nothing where there is only one."""
    if len(rows.rows) < 2:
        return {}
    columns = lookup.table.columns
    key = [at for at, c in enumerate(columns) if c.name.casefold() in lookup.table.key]
    differing = [
        at
        for at, column in enumerate(columns)
        if at not in key and column != lookup.of_names and len({row[at] for row in rows.rows}) > 1
    ]
    # First what tells each from each other one.
    differing.sort(
        key=lambda at: (
            columns[at].type not in ("text", "date"),
            -len({row[at] for row in rows.rows}),
        )
    )
    told = sorted(differing[:_FACTS]) or key
    usable = len(key) == 1 and len(rows.rows) <= _MOST_NAMESAKES and told
    options = (
        f"{lookup.value} ({', '.join(f'{columns[at].name}: {row[at]}' for at in told)})"
        for row in rows.rows
    )
    return {
        (lookup.column, lookup.value): Namesakes(
            f"{lookup.table.shown}.{columns[key[0]].shown}" if usable else "",
            tuple(row[key[0]] for row in rows.rows) if usable else (),
            tuple(options),
            tuple(frozenset(str(value).casefold() for value in row) for row in rows.rows),
        )
    }


def _shown(session: MaskingSession, choice: Choice) -> dict[str, Any]:
    """Write a choice as LangChain sees it: placeholders."""
    return {
        "word": issued(session, "VALUE", choice.word),
        "options": [issued(session, "CHOICE", option) for option in choice.options],
        "person": choice.person,
    }


def _ask(session: MaskingSession, choice: Choice) -> int:
    """Ask the person which value is meant; LangChain sees placeholders of the choices."""
    shown = _shown(session, choice)
    said = interrupt({"ask": "which_value", "word": shown["word"], "choices": shown["options"]})
    if isinstance(said, int) and 1 <= said <= len(choice.options):
        return said - 1
    real = session.restore(str(said))
    if real.isdecimal() and 1 <= int(real) <= len(choice.options):
        return int(real) - 1
    if real in choice.options:
        return choice.options.index(real)
    msg = "Resume with one of the choices, or with its number from 1."
    raise ProtocolError(msg)
