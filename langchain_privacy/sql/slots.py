"""The values of a question, as they cross (a placeholder) and as they are bound (here)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from langchain_privacy.vault import VaultSession

KIND = "sql_slots"
How = Literal["equals", "part", "unknown", "number"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """One value of a question.

    Attributes:
        name: `v1`, `v2` …: the bound parameter `:v1` of the statement.
        placeholder: What stands in the question and in the answer, e.g. `[VALUE_7K2Q]`.
        how: The value `equals` one of its columns' values, is a `part` of such, is a `number`, or
            its column is `unknown`.
        columns: `table.column` names, as they cross.
        value: What is bound. It never leaves the vault.
    """

    name: str
    placeholder: str
    how: How
    columns: tuple[str, ...]
    value: Any = field(repr=False)

    def describe(self) -> str:
        """Write the line about it that crosses."""
        where = " or ".join(self.columns)
        text = {
            "equals": f"equals a value of {where}; compare with =",
            "part": f"is a part of values of {where}; compare with LIKE, '%' on both sides",
            "unknown": "is a text whose column is not known; choose it by the question",
            "number": "is a number",
        }[self.how]
        return f":{self.name} = {self.placeholder} {text}"


def keep_slots(session: VaultSession, slots: list[Slot]) -> str:
    """Put slots into the session's document room and return their reference."""
    return session.documents.put(json.dumps([asdict(s) for s in slots]), {"kind": KIND})


def bound_values(session: VaultSession, ref: str) -> Mapping[str, Any]:
    """Return the values to bind, by parameter name."""
    return {slot["name"]: slot["value"] for slot in json.loads(session.documents.get(ref))}
