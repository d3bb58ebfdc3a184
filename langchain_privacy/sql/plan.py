"""What the remote model returns in the one crossing: a query and the template of its answer."""

import json
import re
from typing import Any, Literal

from langchain_core.messages import AIMessage
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from langchain_privacy.errors import ProtocolError


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

    keywords: list[str] = Field(description="Key words of the question.")
    columns: list[str] = Field(description="Columns as table.column.")
    tables: list[str] = Field(description="Tables.")
    conditions: list[str] | None = Field(default=None, description="Conditions.")
    group: Group | None = Field(default=None, description="Grouping.")
    order_by: list[OrderKey] | None = Field(default=None, description="Order of rows.")
    prepared_sql: str = Field(description="One SELECT.")
    template: AnswerTemplate = Field(
        default_factory=AnswerTemplate, description="The answer template."
    )

    @field_validator("keywords", "columns", "tables", mode="before")
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


_FENCED = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL)


def read_plan(answer: Any) -> QueryPlan:
    """Read a plan from what a model returned: structured output, a tool call, or JSON in text.

    Raises:
        ProtocolError: There is no plan in it.
    """
    if isinstance(answer, dict) and "raw" in answer:
        parsed = answer.get("parsed")
        if isinstance(parsed, QueryPlan):
            return parsed
        answer = answer["raw"]
    candidates: list[Any] = []
    if isinstance(answer, AIMessage):
        candidates += [call["args"] for call in answer.tool_calls]
        text = answer.text
        fenced = _FENCED.search(text)
        start, end = text.find("{"), text.rfind("}")
        candidates += [fenced[1]] if fenced else []
        candidates += [text[start : end + 1]] if 0 <= start < end else []
    for candidate in candidates:
        try:
            data = json.loads(candidate) if isinstance(candidate, str) else candidate
            return QueryPlan.model_validate(data)
        except (ValidationError, ValueError):
            continue
    msg = "The remote model returned no query plan; it must answer in the JSON of the prompt."
    raise ProtocolError(msg) from None
