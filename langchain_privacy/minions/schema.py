"""What a remote model may say: declarative, capped, never code.

Everything here comes from outside, so unknown fields are refused, lengths are capped, and terms are
words to look for, never patterns. Combining is done by `combine` on numbers parsed here.
"""

import json
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from langchain_privacy.errors import ProtocolError

# ---- Read a model's reply into a schema, tolerant of models without a JSON mode.

T = TypeVar("T", bound=BaseModel)

LONGEST_REPLY = 32_000
"""Characters; a plan or an answer is a hundredth of that, so more is a fault or an attack."""


def parse(text: str, schema: type[T]) -> T:
    """Read the last JSON object of a reply that fits a schema.

    Code fences and prose around the object are ignored; models put the answer last.

    Raises:
        ProtocolError: No object fits. The message names the fault by field, never by value.
    """
    if len(text) > LONGEST_REPLY:
        msg = f"reply longer than {LONGEST_REPLY} characters"
        raise ProtocolError(msg)
    fault = "no JSON object"
    for found in reversed(_objects(text)):
        try:
            return schema.model_validate(found)
        except ValidationError as error:
            fault = _describe(error)
    raise ProtocolError(fault)


def _objects(text: str) -> list[dict[str, object]]:
    """Return the outermost JSON objects of a text; braces inside strings do not count."""
    decoder, found, at, tries = json.JSONDecoder(), [], text.find("{"), 0
    while at >= 0 and tries < 200:
        tries += 1
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            found.append(value)
        at = text.find("{", end)
    return found


def _describe(error: ValidationError) -> str:
    """Name fields and rules only: pydantic's own text quotes the input, and so may we never."""
    names = {
        (".".join(str(part) for part in fault["loc"] if isinstance(part, int | str)), fault["type"])
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    }
    known = [f"{_safe(where)}: {rule}" for where, rule in sorted(names)]
    return "; ".join(known[:4]) or "wrong form"


def _safe(where: str) -> str:
    """A field's name comes from the reply when the field is unknown: keep only plain ones."""
    return where if len(where) <= 40 and where.replace(".", "").replace("_", "").isalnum() else "?"


MAX_SUBS = 6
MAX_TERMS = 12

Combine = Literal["single", "list", "sum", "difference", "ratio", "max", "min", "compare", "reason"]
Expect = Literal["span", "number", "date", "yesno", "list", "summary"]


def _first_terms(value: object) -> object:
    """Keep the first dozen: a planner that sends ten thousand is not worth a refusal."""
    return value[:MAX_TERMS] if isinstance(value, list) else value


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Term = Annotated[
    str, BeforeValidator(_as_text), StringConstraints(strip_whitespace=True, max_length=80)
]


class Strict(BaseModel):
    """A model that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sub(Strict):
    """One fact to look for.

    Attributes:
        id: Name of the fact, e.g. `"q1"`.
        question: The fact as a question, in the document's language.
        terms: Words likely to stand near the answer, synonyms included. Data, never patterns.
        expect: Form of the answer.
        unit: Unit of a number, e.g. `"days"`.
    """

    id: Annotated[
        str,
        BeforeValidator(_as_text),
        StringConstraints(strip_whitespace=True, pattern=r"^[\w-]{1,24}$"),
    ] = "q1"
    question: Short
    terms: Annotated[list[Term], BeforeValidator(_first_terms)] = []
    expect: Expect = "span"
    unit: Annotated[str, StringConstraints(max_length=24)] | None = None


class Plan(Strict):
    """What to look for, and how the findings make the answer."""

    subs: Annotated[list[Sub], Field(min_length=1, max_length=MAX_SUBS)]
    combine: Combine = "single"


class Next(Strict):
    """What the remote model makes of masked evidence.

    Attributes:
        decision: `answer`, `more` (with further `subs`) or `insufficient`.
        answer: The answer, with placeholders as they stand in the evidence; `{result}` stands for
            what `combine` gives.
        cite: Numbers of the evidence lines that it rests on, 1-based.
        combine: Arithmetic over `values`, done on this side on the real values.
        values: Pieces of the evidence, copied exactly, to combine.
        subs: What to look for next.
    """

    decision: Literal["answer", "more", "insufficient"]
    answer: Annotated[
        str,
        BeforeValidator(_as_text),
        StringConstraints(strip_whitespace=True, max_length=4000),
    ] = Field(default="", validation_alias=AliasChoices("answer", "answer_masked"))
    cite: Annotated[list[Annotated[int, Field(ge=1, le=999)]], Field(max_length=40)] = []
    combine: Combine = "reason"
    values: Annotated[list[Short], Field(max_length=24)] = []
    subs: Annotated[list[Sub], Field(max_length=MAX_SUBS)] = []
