"""What a remote model may say: declarative, capped, never code.

The planner asks for a `Plan` and then for a `Next`, and reads them with `egress.ask`:

    {"subs": [{"question": "How much is the rent?", "terms": ["rent", "monthly"]}]}

Everything here comes from outside, so unknown fields are refused, lengths are capped, and terms are
words to look for, never patterns. Combining is done by `combine` on numbers parsed here.
"""

from typing import Annotated, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

MAX_SUBS = 6
MAX_TERMS = 12

Combine = Literal["single", "list", "sum", "difference", "ratio", "max", "min", "compare", "reason"]
Expect = Literal["span", "text", "number", "money", "date", "yesno", "list", "summary"]
Aggregate = Literal[
    "best", "collect", "vote", "count", "sum", "average", "min", "max", "sort", "table",
    "timeline", "contradictions",
]  # fmt: skip


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


class JobSpec(Sub):
    """A question that is put to each document by itself, and what becomes of the answers.

    Attributes:
        documents: Words of the titles of those that are meant; all documents when empty.
        sections: Words of the headings of the sections that are meant.
        where: Id of a job of yes or no: only documents that said yes to it count.
        aggregate: How the values are put together, here; `"best"` looks for the one that answers.
    """

    documents: Annotated[list[Term], BeforeValidator(_first_terms)] = []
    sections: Annotated[list[Term], BeforeValidator(_first_terms)] = []
    where: Annotated[str, BeforeValidator(_as_text), StringConstraints(max_length=24)] | None = None
    aggregate: Aggregate = "best"

    @property
    def many(self) -> bool:
        """Whether a document may have more than one value."""
        return self.expect == "list" or self.aggregate == "timeline"

    def as_sub(self) -> Sub:
        """Return the question without what becomes of its answers."""
        return Sub.model_validate(self.model_dump(include=set(Sub.model_fields)))


class JobPlan(Strict):
    """Questions for each of many documents, and how their results make the answer."""

    jobs: Annotated[list[JobSpec], Field(min_length=1, max_length=MAX_SUBS)] = Field(
        validation_alias=AliasChoices("jobs", "subs")
    )
    combine: Combine = "single"


Lines = Annotated[list[Annotated[int, Field(ge=1, le=999)]], Field(max_length=400)]


class Verdicts(Strict):
    """Which of numbered lines say yes to a question, and which say no."""

    yes: Lines = []
    no: Lines = []


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
