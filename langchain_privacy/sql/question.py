"""A question as it arrives: its text, what was hidden in it, its slots, and those before it.

A person or an agent may quote what an earlier answer showed: `Who else is [[hidden_value_1_age]]?`,
`and [PERSON_7K2Q]?`. The value takes the token's place on this side only; what stood there becomes
a slot whatever its value looks like, so that no cell crosses because nothing recognised it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from langchain_privacy.masking import MaskingSession
from langchain_privacy.masking.cells import (
    Opened,
    Result,
    cell_spans,
    may_hold_cells,
    read_result,
    write_result,
)
from langchain_privacy.vault import VaultSession

KIND = "sql_question"

_BRACKETED = re.compile(
    r"[\[［【〔{｛<＜⟦(]+[^\[\]［］【】〔〕{}｛｝<>＜＞⟦⟧()\n]{3,120}[\]］】〕}｝>＞⟧)]+"
)


@dataclass(frozen=True, slots=True)
class Given:
    """A stretch of a question that was hidden when it arrived.

    Attributes:
        start: First character, 0-based.
        end: One past the last character.
        label: Label of the answer's column that it is a cell of, `""` for another value.
        value: What stands there; a cell's own value, not its text.
    """

    start: int
    end: int
    label: str
    value: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """A question with real values, and the stretches of it that were hidden."""

    text: str = field(repr=False)
    given: tuple[Given, ...] = ()


def arrived(text: str, session: MaskingSession) -> Question:
    """Read a question in which tokens of a session may stand."""
    out = ""
    given: list[Given] = []
    at = 0
    for start, end, label, value, shown in _hidden(text, session):
        out += session.restore(text[at:start])
        given.append(Given(len(out), len(out) + len(shown), label, value))
        out += shown
        at = end
    return Question(out + session.restore(text[at:]), tuple(given))


def _hidden(text: str, session: MaskingSession) -> Iterator[tuple[int, int, str, Any, str]]:
    """Yield start, end, label, value and text of each token, in order."""
    opened = Opened(session.vault)
    cells = cell_spans(text, opened) if may_hold_cells(text) else []
    at = 0
    for cell in cells:
        yield from _placeholders(text, at, cell.start, session)
        at = cell.end
        if cell.cell is not None:
            number, row, column = cell.cell
            result: Result = opened[number]
            counted = row == 0
            label = "count" if counted else result.labels[column]
            value = len(result.rows) if counted else result.rows[row - 1][column]
            yield cell.start, cell.end, label, value, cell.value + cell.rest
    yield from _placeholders(text, at, len(text), session)


def _placeholders(
    text: str, start: int, end: int, session: MaskingSession
) -> Iterator[tuple[int, int, str, Any, str]]:
    for found in _BRACKETED.finditer(text, start, end):
        real = session.restore(found[0])
        if real != found[0]:
            yield found.start(), found.end(), "", real, real


def keep(question: Question, vault: VaultSession) -> str:
    """Put a question into a session's room and return its reference."""
    rows = [(question.text, 0, 0, "")]
    rows += [(given.value, given.start, given.end, given.label) for given in question.given]
    return vault.documents.put(
        write_result(0, ["value", "start", "end", "label"], rows), {"kind": KIND}
    )


def kept(vault: VaultSession, ref: str) -> Question:
    """Return the question that was kept."""
    (text, *_), *rows = read_result(vault.documents.get(ref)).rows
    given = tuple(Given(start, end, label, value) for value, start, end, label in rows)
    return Question(text, given)


# ---- The slots of a question: each hidden value, how it is bound, and what crosses about it
#
#     옥수동의 거래는?  →  [VALUE_7K2Q]의 거래는?   :v1 = "서울특별시 성동구 옥수동"
#
# `linking.py` makes them. The remote model sees the placeholder and `Slot.describe`, the database
# gets the value as a bound parameter, so neither the question's word nor the column's value
# crosses.


SLOTS = "sql_slots"
"""Kind of the documents in a session's room that hold slots."""

How = Literal["equals", "part", "person", "cell", "date", "unknown", "number"]

_SAID: dict[How, str] = {
    "equals": "equals a value of {where}; compare with =",
    "part": "is a part of values of {where}; compare with LIKE, '%' on both sides",
    # The same for somebody who is there and for somebody who is not.
    "person": "equals the name of a person in {where}; compare with =",
    "cell": "is a value of {where} in an earlier answer; compare with =",
    "date": "is a date, bound as a text YYYY-MM-DD; cast it where the column is a date",
    "unknown": "is a text whose column is not known; choose it by the question",
    "number": "is a number",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """One value of a question.

    Attributes:
        name: `v1`, `v2` …: the bound parameter `:v1` of the statement.
        placeholder: What stands in the question and in the answer, e.g. `[VALUE_7K2Q]`.
        how: The value `equals` one of its columns' values, is a `part` of such, is the name of a
            `person`, a `cell` of an earlier answer, a `date`, a `number`, or its column is
            `unknown`.
        columns: `table.column` names, as they cross; the label of the answer's column for a cell.
        value: What is bound. It never leaves the vault.
    """

    name: str
    placeholder: str
    how: How
    columns: tuple[str, ...]
    value: Any = field(repr=False)

    def describe(self) -> str:
        """Write the line about it that crosses."""
        where = " or ".join(self.columns) or "a column of names"
        return f":{self.name} = {self.placeholder} {_SAID[self.how].format(where=where)}"

    def for_state(self) -> dict[str, Any]:
        """Write it as the state and the conversation hold it: all but its value."""
        return {key: value for key, value in asdict(self).items() if key != "value"}

    @classmethod
    def of_state(cls, held: Mapping[str, Any], value: Any = None) -> "Slot":
        """Read what `for_state` wrote; the value is kept elsewhere."""
        return cls(**{**held, "columns": tuple(held["columns"])}, value=value)


def keep_slots(session: VaultSession, slots: Sequence[Slot]) -> str:
    """Put the values of slots into the session's document room and return their reference."""
    names, values = [slot.name for slot in slots], [slot.value for slot in slots]
    return session.documents.put(write_result(0, names, [values]), {"kind": SLOTS})


def bound_values(session: VaultSession, ref: str) -> dict[str, Any]:
    """Return the values to bind, by parameter name."""
    kept = read_result(session.documents.get(ref))
    return dict(zip(kept.labels, kept.rows[0], strict=True))


TURN = "sql_turn"

# ---- The conversation so far: questions, statements and slots of a session, never rows
#
# "그 중에서 가장 최근 거래는?" means something only after the question before it. `remember` keeps
# what crossed of a question that was answered, in the session's document room; `earlier` returns
# the last of them, and `RemotePlanner` shows them again. It is the session that has the
# conversation: a graph, with a checkpointer or without, and a tool in an agent see it by the
# thread.

_PARAMETER = re.compile(r"(?<![:\w]):([ev]\d+)(?!\w)")


@dataclass(frozen=True, slots=True)
class Turn:
    """A question that was answered.

    Attributes:
        question: As it crossed.
        sql: The statement, as the model wrote it.
        slots: What its placeholders stand for.
    """

    question: str
    sql: str
    slots: tuple[Slot, ...]

    def shown(self) -> dict[str, Any]:
        """Return what crosses of it, for the state."""
        described = [slot.describe() for slot in self.slots]
        return {"question": self.question, "sql": self.sql, "slots": described}

    def renamed(self, names: Mapping[str, str]) -> "Turn":
        """Return it with other names of its slots."""
        sql = _PARAMETER.sub(lambda found: f":{names.get(found[1], found[1])}", self.sql)
        slots = (replace(slot, name=names[slot.name]) for slot in self.slots)
        return Turn(self.question, sql, tuple(slots))


def beside(turns: Sequence[Turn], slots: Sequence[Slot]) -> list[Turn]:
    """Name the slots of earlier turns so that they stand beside a new question's.

    What is the same value keeps the new question's name for it; the others become `e1`, `e2` ….
    """
    names = {_same(slot): slot.name for slot in slots}
    count = 0
    out = []
    for turn in turns:
        own = {}
        for slot in turn.slots:
            if _same(slot) not in names:
                count += 1
                names[_same(slot)] = f"e{count}"
            own[slot.name] = names[_same(slot)]
        out.append(turn.renamed(own))
    return out


def _same(slot: Slot) -> tuple[Any, ...]:
    return slot.placeholder, slot.how, slot.columns, repr(slot.value)


def remember(
    vault: VaultSession,
    graph: str,
    question: str,
    sql: str,
    slots: Sequence[Mapping[str, Any]],
    slots_ref: str,
) -> None:
    """Keep a question that was answered; `slots` without their values, which `slots_ref` holds."""
    body = {"question": question, "sql": sql, "slots": list(slots)}
    about = {"kind": TURN, "graph": graph, "slots": slots_ref}
    vault.documents.put(json.dumps(body, ensure_ascii=False), about)


def answered(vault: VaultSession, graph: str) -> int:
    """Return how many questions of a session a graph has answered."""
    return len(_refs(vault, graph))


def earlier(vault: VaultSession, graph: str, most: int) -> list[Turn]:
    """Return the last questions of a session that were answered, the oldest first."""
    turns = []
    for ref in _refs(vault, graph)[-most:] if most else []:
        body = json.loads(vault.documents.get(ref))
        values = bound_values(vault, vault.documents.metadata(ref)["slots"])
        slots = (Slot.of_state(slot, values[slot["name"]]) for slot in body["slots"])
        turns.append(Turn(body["question"], body["sql"], tuple(slots)))
    return turns


def _refs(vault: VaultSession, graph: str) -> list[str]:
    documents = vault.documents
    found = []
    for ref in documents.refs():
        about = documents.metadata(ref)
        if about.get("kind") == TURN and about.get("graph") == graph:
            found.append(ref)
    return found
