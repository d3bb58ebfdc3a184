"""The crossings: what is asked of the remote model, and reading what it says."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig

from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import DialectName
from langchain_privacy.sql.plan import QueryPlan, read_plan
from langchain_privacy.sql.prompts import Language, prompt
from langchain_privacy.sql.slots import Slot

DIALECT_WORDS = {
    "sqlite": "SQLite",
    "postgres": "PostgreSQL",
    "duckdb": "DuckDB",
    "mysql": "MySQL",
}


@dataclass(frozen=True, slots=True)
class Crossing:
    """What one call showed the remote model.

    Attributes:
        purpose: `plan` or `narrate`.
        characters: Length of all messages.
        sha256: Digest of them.
    """

    purpose: str
    characters: int
    sha256: str


class RemotePlanner:
    """Asks the remote model for a plan.

    Args:
        remote: Any chat model; one without structured output answers in JSON text.
        card: What it may know.
        dialect: What it writes.
        context: Words of yours about the domain.
    """

    def __init__(
        self, remote: BaseChatModel, card: SchemaCard, dialect: DialectName, context: str
    ) -> None:
        self._remote = remote
        self._card = card
        self._dialect = dialect
        self._context = context
        self._structured = _structured(remote)

    def public(self) -> str:
        """Return all text that crosses with any question."""
        return "\n".join([self._system("ko"), self._system("en")])

    def _system(self, language: Language) -> str:
        return prompt("plan", language).substitute(
            dialect_name=DIALECT_WORDS[self._dialect],
            schemas=self._card.render(),
            context=f"\n{self._context}\n" if self._context else "",
        )

    def messages(
        self,
        question: str,
        slots: Sequence[Slot],
        language: Language,
        codes: Sequence[str] = (),
        labels: Sequence[str] = (),
    ) -> list[BaseMessage]:
        """Write the messages of a crossing; `codes` say what was wrong with the last answer."""
        listed = "\n".join(slot.describe() for slot in slots) or "none"
        asked = f"question: {question}\nslots:\n{listed}\nanswer:"
        messages: list[BaseMessage] = [SystemMessage(self._system(language)), HumanMessage(asked)]
        if codes:
            known = f"labels: {', '.join(labels)}" if labels else ""
            repair = prompt("repair", language).substitute(codes=", ".join(codes), labels=known)
            messages.append(HumanMessage(repair))
        return messages

    def plan(self, messages: list[BaseMessage], config: RunnableConfig | None = None) -> QueryPlan:
        """Ask for a plan.

        Raises:
            ProtocolError: The answer is none.
        """
        return read_plan(self._structured.invoke(messages, config))

    async def aplan(
        self, messages: list[BaseMessage], config: RunnableConfig | None = None
    ) -> QueryPlan:
        """Like `plan`."""
        return read_plan(await self._structured.ainvoke(messages, config))


def _structured(remote: BaseChatModel) -> Runnable[Any, Any]:
    if type(remote).bind_tools is BaseChatModel.bind_tools and (
        type(remote).with_structured_output is BaseChatModel.with_structured_output
    ):
        return remote
    return remote.with_structured_output(QueryPlan, include_raw=True)


def narration_messages(
    question: str,
    sql: str,
    data: str,
    dialect: DialectName,
    language: Language,
    codes: Sequence[str] = (),
) -> list[BaseMessage]:
    """Write the messages of the second crossing: the statement with slots, rows as tokens."""
    text = prompt("narrate", language).substitute(
        sql=sql, data=data, dialect_name=DIALECT_WORDS[dialect]
    )
    messages: list[BaseMessage] = [
        SystemMessage(text),
        HumanMessage(f"question: {question}\nanswer:"),
    ]
    if codes:
        repair = prompt("repair", language).substitute(codes=", ".join(codes), labels="")
        messages.append(HumanMessage(repair))
    return messages


def crossing(purpose: str, messages: Sequence[BaseMessage]) -> Crossing:
    """Describe a crossing for the report."""
    text = "\n".join(message.text for message in messages)
    return Crossing(purpose, len(text), hashlib.sha256(text.encode()).hexdigest())
