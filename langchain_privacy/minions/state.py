"""What a Minion run keeps: masked text, offsets and counts, never a private value.

All of it is JSON, because all of it is checkpointed, traced and streamed.
"""

import operator
import time
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypedDict

Stage = Literal["plan", "search", "reason", "answer", "done"]


class Span(TypedDict):
    """A passage of a document by its offsets; `quote` is its masked text.

    Attributes:
        doc: Reference of the document in the session's room.
        start: First character, 0-based.
        end: One past the last character.
        sub: Id of the sub-question that it was found for.
        score: How well it matches; comparable within a run.
        holds: What the local model says: it answers, it does not, or it was not asked (`None`).
        quote: The passage with its private values masked.
    """

    doc: str
    start: int
    end: int
    sub: str
    score: float
    holds: bool | None
    quote: str


def place(span: Span) -> tuple[str, int, int]:
    """Return where a passage stands; the same passage may answer several sub-questions."""
    return span["doc"], span["start"], span["end"]


class Call(TypedDict):
    """One call of a model, for the report; failed attempts that were answered count too.

    Attributes:
        node: What it was for: `plan`, `reason`, `repair` or `search`.
        side: `remote` or `local`.
        source: `provider` when the counts come from the provider's usage, else `estimated`.
    """

    node: str
    side: Literal["remote", "local"]
    model: str
    input: int
    cached: int
    output: int
    reasoning: int
    seconds: float
    source: Literal["provider", "estimated"]


class MinionState(TypedDict, total=False):
    """State of a Minion graph, or a part of yours.

    Attributes:
        task: The person's question, masked.
        documents: References into the session's document room.
        answer: The answer, masked.
        evidence: The passages that the answer rests on.
        rounds: Searches that were made.
        report: Calls, tokens against the baseline, crossings, masked counts, errors.
        stage: What comes next.
        found: Where parallel searches put what they found.
    """

    task: str
    documents: list[str]
    answer: str
    evidence: list[dict[str, Any]]
    rounds: int
    report: dict[str, Any]
    stage: Stage
    asked: str
    language: Literal["en", "ko"]
    plan: dict[str, Any]
    pending: list[dict[str, Any]]
    decision: dict[str, Any] | None
    spans: list[Span]
    found: Annotated[list[dict[str, Any]], operator.add]
    sent: list[Span]
    calls: list[Call]
    notes: list[str]
    started: float


class MinionInput(TypedDict):
    """What `create_minion_graph(...)` takes.

    Attributes:
        task: The question, with whatever private values it has.
        documents: Texts, `Document`s or paths of text, Markdown, PDF and DOCX files.
    """

    task: str
    documents: list[Any]


class MinionOutput(TypedDict):
    """What it gives.

    Attributes:
        answer: The answer with the real values.
        evidence: `{doc, source, start, end, quote, score, sub}`: the passages it rests on, in
            characters of the document's text; empty when nothing was found.
        rounds: Searches that were made.
        report: See `langchain_privacy.minions.report`.
    """

    answer: str
    evidence: list[dict[str, Any]]
    rounds: int
    report: dict[str, Any]


class Job(TypedDict):
    """One search: a sub-question and a stretch of a document, by reference.

    Attributes:
        sub: The sub-question.
        doc: The document's reference.
        start: First character of the stretch.
        end: One past its last; `None` for the end of the document.
        task: The masked task.
        language: Of the prompts.
        started: When the models' time began to run, in seconds since the epoch.
        alone: Whether the plan has this part only.
    """

    sub: dict[str, Any]
    doc: str
    start: int
    end: int | None
    task: str
    language: Literal["en", "ko"]
    started: float
    alone: bool


def spent_seconds(calls: Iterable[Call]) -> float:
    """Return the time that models took; hours in which a person thinks do not count."""
    return sum(call["seconds"] for call in calls)


def job_of(
    state: MinionState, sub: dict[str, Any], doc: str, start: int = 0, end: int | None = None
) -> Job:
    """Write the job of searching one document for one sub-question."""
    return Job(
        sub=sub,
        doc=doc,
        start=start,
        end=end,
        task=state["task"],
        language=state["language"],
        started=time.time() - spent_seconds(state["calls"]),
        alone=len(state["plan"]["subs"]) == 1,
    )
