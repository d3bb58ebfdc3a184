"""What a Minion run takes, keeps and gives, and how much of it: masked text, offsets and counts.

All of it is JSON, because all of it is checkpointed, traced and streamed; none of it is a private
value. `MinionState` is the state of the graphs; put it, or a part of yours that has its members,
into a graph of your own. `Budget` limits what a run spends and shows:

    create_minion_graph(local, remote, budget=Budget(remote_calls=4, share_of_document=0.2))
"""

import operator
import re
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, NotRequired

from typing_extensions import TypedDict

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.local import model_name
from langchain_privacy.words import Language
from langchain_privacy.words.korean import SYLLABLE

LONG = 24_000
"""Characters of all documents, about eight pages, from which they are read by windows."""

FIRST_LOOK = 0.8
"""Of a run's evidence, in its first crossing; what is asked for after that gets the rest."""

_LEAST_OF_PAGES = 1_200
_LEAST_OF_LONG = 2_400
_OF_PROMPTS = 700
"""Tokens of a plan, a question and their replies, beside the evidence."""

Stage = Literal["plan", "search", "reason", "answer", "done"]

_WIDE = re.compile(r"[^\x00-\x7f]")


class Span(TypedDict):
    """A passage of a document by its offsets: a sentence or a row, or a window of several.

    Attributes:
        doc: Reference of the document in the session's room.
        start: First character, 0-based.
        end: One past the last character.
        sub: Id of the sub-question that it was found for.
        score: How well it matches; comparable within a run.
        holds: What the local model says: it answers, it does not, or it was not asked (`None`).
        quote: The passage with its private values masked; empty of a window, whose text is written
            when it crosses.
        units: Of a window, the offsets of its sentences or rows.
        above: Of a window or a unit of one, the offsets of what stands above it.
        marks: Of a window, which of its units the local side took for the answer, from 0.
    """

    doc: str
    start: int
    end: int
    sub: str
    score: float
    holds: bool | None
    quote: str
    units: NotRequired[list[list[int]]]
    above: NotRequired[list[list[int]]]
    marks: NotRequired[list[int]]


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


class MinionInput(TypedDict):
    """What `create_minion_graph(...)` takes.

    Attributes:
        task: The question, with whatever private values it has.
        documents: Texts, `Document`s or paths, see `langchain_privacy.local.load_document`;
            when left out, those of the thread.
    """

    task: str
    documents: NotRequired[list[Any]]


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
        characters: Of all documents together; long ones are read by windows.
        kept: Where the passages stand that the remote model wants to see again.
        found: Where jobs put what they found.
        earlier: The masked questions before this one in the thread, the last one last.
        jobs: The questions of a plan for many documents.
        wave: Which jobs are under way.
        computed: What was reckoned from their values.
    """

    task: str
    documents: list[str]
    answer: str
    evidence: list[dict[str, Any]]
    rounds: int
    report: dict[str, Any]
    stage: Stage
    asked: str
    language: Language
    plan: dict[str, Any]
    pending: list[dict[str, Any]]
    decision: dict[str, Any] | None
    spans: list[Span]
    found: Annotated[list[dict[str, Any]], operator.add]
    earlier: list[str]
    jobs: list[dict[str, Any]]
    wave: dict[str, Any]
    computed: dict[str, Any] | None
    sent: list[Span]
    calls: list[Call]
    notes: list[str]
    started: float
    characters: int
    kept: list[list[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Limits of one run. When one is reached, the answer is made from what is there.

    Attributes:
        remote_calls: Calls of the remote model, repairs included.
        remote_tokens: Cap on its tokens, in and out; also capped at `share_of_tokens` of what
            sending the documents whole would cost, but never below `least_tokens`, so that a
            one-page document still gets its plan.
        share_of_tokens: See above.
        least_tokens: See above.
        evidence_characters: Masked evidence in one crossing, in characters. `None`: as much as the
            documents' length allows, see `evidence`.
        evidence_tokens: The most evidence of a run, however long the documents are.
        share_of_evidence: Part of the documents that their evidence may be; prompts and replies
            are taken off it.
        share_of_document: Part of any one document that may cross in the whole run.
        reply_tokens: Cap on one reply, thoughts included.
        seconds: Time of all models in the run; what a person takes to approve does not count.
        call_seconds: Time limit of one model call.

    Raises:
        ConfigurationError: A limit is negative, or `share_of_document` is more than 1.
    """

    remote_calls: int = 6
    remote_tokens: int = 20_000
    share_of_tokens: float = 0.8
    least_tokens: int = 1_500
    evidence_characters: int | None = None
    evidence_tokens: int = 6_000
    share_of_evidence: float = 1 / 30
    share_of_document: float = 0.4
    reply_tokens: int = 2_048
    seconds: float = 600.0
    call_seconds: float = 120.0

    def __post_init__(self) -> None:
        """Refuse limits that limit nothing: 40 for 40 % would let whole documents cross."""
        for limit in fields(self):
            given = getattr(self, limit.name)
            if given is not None and not given >= 0:  # NaN, too
                msg = f"Budget({limit.name}=...) must not be negative."
                raise ConfigurationError(msg)
        if self.share_of_document > 1:
            msg = "Budget(share_of_document=...) is a share, 0 to 1: 0.4 for 40 %."
            raise ConfigurationError(msg)

    def evidence(self, characters: int, tokens: int, *, last: bool) -> int:
        """Return how many characters of evidence one crossing may hold.

        Of documents of a few pages 1,200 characters. Of long ones as much as is left of
        `share_of_evidence`, at most `evidence_tokens`, when prompts and replies are taken off: four
        fifths of it while another look is possible, the rest in that.

        Args:
            characters: Of the documents.
            tokens: Of the documents.
            last: Whether no other crossing can follow.
        """
        if self.evidence_characters is not None:
            return self.evidence_characters
        if characters < LONG:
            return _LEAST_OF_PAGES
        whole = min(self.evidence_tokens, tokens * self.share_of_evidence) - _OF_PROMPTS
        share = 1.0 if last else FIRST_LOOK
        return max(_LEAST_OF_LONG, round(share * whole * characters / max(1, tokens)))

    def tokens(self, baseline: int) -> int:
        """Return the cap on remote tokens for documents of `baseline` tokens."""
        return min(
            self.remote_tokens, max(self.least_tokens, round(self.share_of_tokens * baseline))
        )


def place(span: Span) -> tuple[str, int, int]:
    """Return where a passage stands; the same passage may answer several sub-questions."""
    return span["doc"], span["start"], span["end"]


def once(spans: Iterable[Span], key: Callable[[Span], Hashable]) -> list[Span]:
    """Return passages in order, of those with the same key the first."""
    first: dict[Hashable, Span] = {}
    for span in spans:
        first.setdefault(key(span), span)
    return list(first.values())


def name_of(model: object) -> str:
    """Return the name of a model as it goes into the report."""
    return model_name(model) or type(model).__name__


def estimate_tokens(text: str) -> int:
    """Estimate tokens: four ASCII characters, or about two of Hangul, make one.

    A tokenizer's own count would need its vocabulary from the network. These ratios are those of
    o200k on prose, rounded; what a provider reports is used instead wherever it reports it.
    """
    hangul = len(SYLLABLE.findall(text))
    wide = len(_WIDE.findall(text)) - hangul
    return round((len(text) - hangul - wide) / 4 + hangul * 0.55 + wide * 0.6) + 1


def spent_seconds(calls: Iterable[Call]) -> float:
    """Return the time that models took; hours in which a person thinks do not count."""
    return sum(call["seconds"] for call in calls)


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
        long: Whether the documents are read by windows, not by sentences.
    """

    sub: dict[str, Any]
    doc: str
    start: int
    end: int | None
    task: str
    language: Language
    started: float
    alone: bool
    long: NotRequired[bool]


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
        # A follow-up such as "And the deposit?" is no question without the one before it.
        alone=len(state["plan"]["subs"]) == 1 and not state.get("earlier"),
        long=state.get("characters", 0) >= LONG,
    )
