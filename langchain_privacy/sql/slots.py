"""The slots of a question: each hidden value, how it is bound, and what crosses about it.

    옥수동의 거래는?  →  [VALUE_7K2Q]의 거래는?   :v1 = "서울특별시 성동구 옥수동"

`linking.py` makes them. The remote model sees the placeholder and `Slot.describe`, the database
gets the value as a bound parameter, so neither the question's word nor the column's value crosses.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_privacy.masking.cells import read_result, write_result
from langchain_privacy.vault import VaultSession

KIND = "sql_slots"
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


def keep_slots(session: VaultSession, slots: Sequence[Slot]) -> str:
    """Put the values of slots into the session's document room and return their reference."""
    names, values = [slot.name for slot in slots], [slot.value for slot in slots]
    return session.documents.put(write_result(0, names, [values]), {"kind": KIND})


def bound_values(session: VaultSession, ref: str) -> dict[str, Any]:
    """Return the values to bind, by parameter name."""
    kept = read_result(session.documents.get(ref))
    return dict(zip(kept.labels, kept.rows[0], strict=True))
