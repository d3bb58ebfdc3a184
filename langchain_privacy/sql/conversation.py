"""The conversation so far: questions, statements and slots of a session, never rows.

"그 중에서 가장 최근 거래는?" means something only after the question before it. `remember` keeps
what crossed of a question that was answered, in the session's document room; `earlier` returns the
last of them, and `RemotePlanner` shows them again. It is the session that has the conversation: a
graph, with a checkpointer or without, and a tool in an agent see it by the thread.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_privacy.sql.question import Slot, bound_values
from langchain_privacy.vault import VaultSession

KIND = "sql_turn"

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
    number = answered(vault, graph) + 1
    body = {"number": number, "question": question, "sql": sql, "slots": list(slots)}
    about = {"kind": KIND, "graph": graph, "slots": slots_ref}
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
        slots = (
            Slot(**{**slot, "columns": tuple(slot["columns"])}, value=values[slot["name"]])
            for slot in body["slots"]
        )
        turns.append(Turn(body["question"], body["sql"], tuple(slots)))
    return turns


def _refs(vault: VaultSession, graph: str) -> list[str]:
    documents = vault.documents
    found = []
    for ref in documents.refs():
        about = documents.metadata(ref)
        if about.get("kind") == KIND and about.get("graph") == graph:
            found.append(ref)
    return found
