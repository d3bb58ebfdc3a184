"""The crossings: what is asked of the remote model, and reading what it says.

One crossing a question: `RemotePlanner` shows the card and the question without its values, and
reads a `QueryPlan`, a query and the template of its answer. `nodes/plan.py` calls it. A second one
(`narration_messages`, for `narration="placeholders"`) shows rows as tokens. What a model answers:

```json
{"keywords": [], "columns": ["trade.name"], "tables": ["trade"],
 "prepared_sql": "SELECT name FROM trade WHERE district = :v1 ORDER BY price DESC LIMIT 1",
 "template": {"single": "[[hidden_value_1_name]]", "full": "", "empty": "No trade."}}
```
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from langchain_privacy.egress.ask import JsonAsker
from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.choosing import TableIndex, tokens_of
from langchain_privacy.sql.dates import periods
from langchain_privacy.sql.dialects import DIALECTS, DialectName
from langchain_privacy.sql.prompts import LANGUAGES, prompt
from langchain_privacy.sql.question import Slot
from langchain_privacy.words import Language

_USUAL = 2
"""How many times its length a prompt may be before a part of the card crosses."""
_LEAST_ROOM = 600
"""Tokens for a part of a large card at least, however long the rest of the prompt is."""

# What the remote model returns. Models write several forms of it; each validator takes one more.


class Aggregation(BaseModel):
    """One aggregation of a group."""

    column: str
    operation: str


class Group(BaseModel):
    """Group keys and aggregations."""

    group_by: list[str] = Field(default_factory=list)
    aggregations: list[Aggregation] = Field(default_factory=list)

    @field_validator("aggregations", mode="before")
    @classmethod
    def _from_mapping(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return [{"column": c, "operation": str(o)} for c, o in value.items()]
        return value or []


class OrderKey(BaseModel):
    """One key of the order of rows."""

    column: str
    direction: Literal["ASC", "DESC"] = "ASC"

    @field_validator("direction", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value


class AnswerTemplate(BaseModel):
    """The answer, written before anybody has seen the result."""

    full: str = Field(default="", description="Several rows; lines with {row} repeat for each.")
    single: str = Field(default="", description="The answer when there is exactly one row.")
    empty: str = Field(default="", description="The answer when there is no row.")

    def covers(self, rows: int) -> bool:
        """Whether there is a text for a result of so many rows."""
        return rows == 0 or bool(self.full.strip()) or (rows == 1 and bool(self.single.strip()))

    @model_validator(mode="before")
    @classmethod
    def _joined(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"full": value}
        if isinstance(value, dict) and "full" not in value:
            parts = [str(value[name]) for name in ("intro", "row") if value.get(name)]
            return {**value, "full": "\n".join(parts)}
        return value


class QueryPlan(BaseModel):
    """A query and the template of its answer."""

    model_config = ConfigDict(extra="ignore")

    keywords: list[str] = Field(default_factory=list, description="Key words of the question.")
    columns: list[str] = Field(default_factory=list, description="Columns as table.column.")
    tables: list[str] = Field(default_factory=list, description="Tables.")
    conditions: list[str] | None = Field(default=None, description="Conditions.")
    group: Group | None = Field(default=None, description="Grouping.")
    order_by: list[OrderKey] | None = Field(default=None, description="Order of rows.")
    prepared_sql: str = Field(default="", description="One SELECT.")
    unanswerable: str = Field(
        default="", description="Why the schema cannot answer, in words; empty when it can."
    )
    template: AnswerTemplate = Field(
        default_factory=AnswerTemplate, description="The answer template."
    )
    more_tables: list[str] = Field(
        default_factory=list, description="Tables to see first, where only a part was shown."
    )

    @field_validator("prepared_sql", "unanswerable", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return "" if value is None or value is False else value

    @model_validator(mode="after")
    def _says_something(self) -> "QueryPlan":
        if not (self.prepared_sql.strip() or self.unanswerable.strip() or self.more_tables):
            raise PydanticCustomError("missing", "prepared_sql")
        return self

    @field_validator("keywords", "columns", "tables", "more_tables", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value or []

    @field_validator("conditions", mode="before")
    @classmethod
    def _conditions(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("order_by", mode="before")
    @classmethod
    def _order(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return [{"column": c, "direction": d} for c, d in value.items()]
        return value


class RemotePlanner:
    """Asks the remote model for a plan.

    Args:
        remote: Any chat model; one without structured output answers in JSON text.
        card: What it may know.
        dialect: What it writes.
        context: Words of yours about the domain.
        prompt_tokens: About how long a prompt may be; of a larger card a part crosses.
    """

    def __init__(
        self,
        remote: BaseChatModel,
        card: SchemaCard,
        dialect: DialectName,
        context: str,
        prompt_tokens: int = 4_000,
    ) -> None:
        # Not the provider's own parsing: it raises where a reply is cut off, fenced or refused.
        self._asker = JsonAsker(remote)
        self._card, self._room = card, prompt_tokens
        self._told = {
            "dialect_name": DIALECTS[dialect].title,
            "context": f"\n{context}\n" if context else "",
        }
        self._system = {language: self._prompt(language, card.render()) for language in LANGUAGES}
        # A whole card serves better than a part, so one of a usual size crosses as it is.
        longest = max(tokens_of(text) for text in self._system.values())
        large = longest > _USUAL * prompt_tokens
        self._index = TableIndex(card) if large else None

    def _prompt(self, language: Language, schemas: str) -> str:
        return prompt("plan", language).substitute(self._told, schemas=schemas)

    @property
    def public(self) -> str:
        """All text that crosses with any question."""
        return "\n".join(self._system.values())

    def _schema_for(
        self, asked: str, slots: Sequence[Slot], language: Language, wanted: Sequence[str]
    ) -> str:
        """Write the system prompt with the card, or with the part of it that a question needs."""
        if self._index is None:
            return self._system[language]
        more = prompt("more", language).template
        rest = self._prompt(language, more)
        columns = [column for slot in slots for column in slot.columns]
        room = max(_LEAST_ROOM, self._room - tokens_of(rest) - tokens_of(asked))
        chosen = self._index.choose(asked, columns=columns, wanted=wanted, room=room)
        return self._prompt(language, f"{chosen.text}\n{more}" if chosen.left_out else chosen.text)

    def wanted(self, plan: QueryPlan, already: Sequence[str]) -> list[str]:
        """Return the tables of the card that a plan asks to see instead of a query."""
        if self._index is None or plan.prepared_sql.strip():
            return []
        found = [table.shown for name in plan.more_tables if (table := self._card.table(name))]
        return [name for name in dict.fromkeys(found) if name not in already]

    def messages(
        self,
        question: str,
        slots: Sequence[Slot],
        language: Language,
        faults: Sequence[str] = (),
        labels: Sequence[str] = (),
        today: date | None = None,
        tables: Sequence[str] = (),
        learned: str = "",
        turns: Sequence[Mapping[str, Any]] = (),
        reply: str = "",
    ) -> list[BaseMessage]:
        """Write the messages of a crossing.

        Args:
            question: As it crosses.
            slots: What its placeholders stand for.
            language: Of the prompt and the answer.
            faults: What was wrong with the last answer, a line each.
            labels: Labels of the last statement, where only its template was wrong.
            today: Today, where it is another day than the clock's.
            tables: Tables of a large card that must be shown.
            learned: Examples and corrections that are near the question.
            turns: Earlier questions of the conversation, as `Turn.shown` writes them.
            reply: The last answer.
        """
        listed = "\n".join(slot.describe() for slot in slots) or "none"
        day = today or date.today()  # noqa: DTZ011 (the person's own calendar)
        said = [period.describe() for period in periods(question, day)]
        dates = "\n".join([f"today = {day}", *said])
        asked = f"question: {question}\nslots:\n{listed}\ndates:\n{dates}\nanswer:"
        # Behind the prompt, which stays the same: providers remember how a request begins.
        before = f"\n\n[CONVERSATION]\n{''.join(map(_earlier, turns))}".rstrip() if turns else ""
        system = self._schema_for(asked + before, slots, language, tables)
        if learned:
            system = f"{system}\n{prompt('learned', language).substitute(learned=learned)}"
        first = [SystemMessage(system + before), HumanMessage(asked)]
        return [*first, *_repair(language, faults, labels, reply)]

    def ask(self, messages: list[BaseMessage], config: RunnableConfig | None = None) -> AIMessage:
        """Ask for a plan, once: the graph asks again, also where a plan is refused."""
        return self._asker.send(messages, QueryPlan, config)

    async def aask(
        self, messages: list[BaseMessage], config: RunnableConfig | None = None
    ) -> AIMessage:
        """Like `ask`."""
        return await self._asker.asend(messages, QueryPlan, config)


def is_cut_off(said: AIMessage) -> bool:
    """Say whether a reply ended at its length limit."""
    about = said.response_metadata
    ended = about.get("finish_reason") or about.get("stop_reason") or ""
    return str(ended).lower() in ("length", "max_tokens")


def _earlier(turn: Mapping[str, Any]) -> str:
    """Write an earlier question of the conversation."""
    slots = "\n".join(turn["slots"]) or "none"
    return f"earlier question: {turn['question']}\nslots:\n{slots}\nprepared_sql: {turn['sql']}\n"


def narration_messages(
    question: str,
    sql: str,
    data: str,
    dialect: DialectName,
    language: Language,
    faults: Sequence[str] = (),
) -> list[BaseMessage]:
    """Write the messages of the second crossing: the statement with slots, rows as tokens."""
    text = prompt("narrate", language).substitute(
        sql=sql, data=data, dialect_name=DIALECTS[dialect].title
    )
    first = [SystemMessage(text), HumanMessage(f"question: {question}\nanswer:")]
    return [*first, *_repair(language, faults)]


def _repair(
    language: Language, faults: Sequence[str], labels: Sequence[str] = (), reply: str = ""
) -> list[BaseMessage]:
    """Show the last answer, and say what was wrong with it."""
    if not faults:
        return []
    known = f"labels: {', '.join(labels)}" if labels else ""
    text = prompt("repair", language).substitute(codes="\n".join(faults), labels=known)
    return [*([AIMessage(reply)] if reply else []), HumanMessage(text)]
