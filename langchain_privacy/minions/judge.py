"""Read documents for one sub-question: rank their sentences, judge the best, mask the quotes.

`Reader` is the local side's eyes, for the nodes: it sees real text and gives back offsets and
masked quotes. What it shows the local model, and what it makes of the reply, is for a `Judge`. A
model of a few hundred million parameters must score, not write: asked for an answer it invents
one; asked for `yes` or `no` behind a sentence, its probabilities tell (`docs/minions.md`). A larger
model picks numbered lines: what it picks is a span by construction, so that it cannot misquote. A
judge of your own is passed as `create_minion_graph(..., judge=...)`.
"""

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel, BeforeValidator, Field

from langchain_privacy.errors import LocalModelError
from langchain_privacy.local import yes_no_score
from langchain_privacy.masking import MaskingSession
from langchain_privacy.minions.asking import LocalAsker, local_call
from langchain_privacy.minions.evidence import quote, whole_values
from langchain_privacy.minions.prompting import render
from langchain_privacy.minions.schema import Sub
from langchain_privacy.minions.search import MANY, Hit, Index, best_hits, query_of, words
from langchain_privacy.minions.state import Budget, Call, Job, Span
from langchain_privacy.words import Language

YES_WEIGHT = 0.5
"""Points of BM25 that one unit of log-probability between yes and no is worth.

Picked together with the thresholds by `benchmarks/minion_thresholds.py`, on 72 questions about 12
documents that nothing else is measured on: the most honest answers with at most 4 wrong ones.
"""

THRESHOLD = 6.5
"""Score of the ranking alone from which a sentence counts as the answer."""

JUDGED_THRESHOLD = 6.25
"""The same with the judge's points added, which are mostly negative."""

UNAVAILABLE = "local_unavailable"
"""Note of a question that the local model was not there for; `:` and the kind of fault follow."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Judged candidates, best first.

    Attributes:
        hits: The candidates with their final scores.
        holds: For each, whether it answers; `None` where no model was asked.
        calls: Local calls that it took.
        note: What went wrong on the way, if anything: a code, never text.
    """

    hits: list[Hit]
    holds: list[bool | None]
    calls: list[Call] = field(default_factory=list)
    note: str | None = None


class Judge(ABC):
    """Says which candidates answer a question."""

    name: str
    candidates: int

    @abstractmethod
    def judge(self, question: str, hits: Sequence[Hit], language: Language) -> Verdict:
        """Judge the candidates of one question; raises `LocalModelError` when it cannot."""


class RankOnly(Judge):
    """No model: the ranking decides, and the report says so."""

    name = "bm25"
    candidates = 3

    def judge(self, question: str, hits: Sequence[Hit], language: Language) -> Verdict:  # noqa: ARG002
        """Take the scores as they are."""
        return Verdict(hits=list(hits), holds=[_stands_out(hit, THRESHOLD) for hit in hits])


class YesNo(Judge):
    """A model of any size says yes or no behind each candidate; its probabilities are the score.

    Needs log-probabilities: the embedded model, and OpenAI-compatible servers that give them.
    """

    name = "yes_no"
    candidates = 3

    def __init__(
        self, model: BaseChatModel, *, timeout: float, allowed_networks: Sequence[str] = ()
    ) -> None:
        self._model = model
        self._timeout = timeout
        self._networks = allowed_networks
        self._picker: LinePicker | None = None

    def judge(self, question: str, hits: Sequence[Hit], language: Language) -> Verdict:
        """Judge by probabilities; a model that gives none picks lines from then on."""
        if self._picker is None:
            try:
                return self._scored(question, hits, language)
            except LocalModelError as error:
                if error.kind != "no_scores":
                    raise
            self._picker = LinePicker(
                self._model, timeout=self._timeout, allowed_networks=self._networks
            )
            self.name, self.candidates = self._picker.name, self._picker.candidates
        return self._picker.judge(question, hits, language)

    def _scored(self, question: str, hits: Sequence[Hit], language: Language) -> Verdict:
        """Add the model's leaning to each score; raises `LocalModelError`."""
        scored: list[Hit] = []
        calls: list[Call] = []
        for hit in hits:
            sentence = " ".join(hit.text.split())
            prompt = render("yes_no", language, sentence=sentence, question=question)
            began = time.monotonic()
            leaning = yes_no_score(
                self._model, prompt, timeout=self._timeout, allowed_networks=self._networks
            )
            scored.append(hit._replace(score=hit.score + YES_WEIGHT * leaning))
            calls.append(
                local_call(self._model, [HumanMessage(prompt)], AIMessage("x"), began, "search")
            )
        scored.sort(key=lambda hit: -hit.score)
        return Verdict(
            hits=scored, holds=[_stands_out(hit, JUDGED_THRESHOLD) for hit in scored], calls=calls
        )


def _as_list(value: object) -> object:
    """Read `5` and `"2, 5"` as the lists that they mean."""
    if isinstance(value, str) and re.search(r"\d", value):
        return [int(number) for number in re.findall(r"\d{1,3}", value)[:40]]
    return [value] if isinstance(value, int) else value


class _Picked(BaseModel):
    """What a larger local model replies."""

    lines: Annotated[list[int], BeforeValidator(_as_list), Field(max_length=40)]


class LinePicker(Judge):
    """A larger model picks among numbered lines."""

    name = "lines"
    candidates = 12

    def __init__(
        self, model: BaseChatModel, *, timeout: float, allowed_networks: Sequence[str] = ()
    ) -> None:
        self._asker = LocalAsker(model, timeout=timeout, allowed_networks=allowed_networks)

    def judge(self, question: str, hits: Sequence[Hit], language: Language) -> Verdict:
        """Ask, and once more; a reply that is not the JSON asked for counts as no reply."""
        lines = "\n".join(f"{n}. {' '.join(hit.text.split())}" for n, hit in enumerate(hits, 1))
        prompt = render("select", language, lines=lines, question=question)
        said, calls = self._asker.ask(
            prompt, _Picked, repair=lambda fault: render("repair", language, reason=fault)
        )
        if said is None:
            ranked = RankOnly().judge(question, hits, language)
            return replace(ranked, calls=calls, note="local_reply_unusable")
        picked = [n for n in dict.fromkeys(said.lines) if 0 < n <= len(hits)]
        order = [n - 1 for n in picked[:3]]
        order += [row for row in range(len(hits)) if row not in order]
        return Verdict(
            hits=[hits[row] for row in order],
            holds=[row + 1 in picked[:3] for row in order],
            calls=calls,
        )


def judge_for(
    local: BaseChatModel | None, *, timeout: float, allowed_networks: Sequence[str] = ()
) -> Judge:
    """Choose how a model is used: scoring where it gives log-probabilities, else picking lines."""
    if local is None:
        return RankOnly()
    if "logprobs" in type(local).model_fields and hasattr(local, "openai_api_base"):
        return YesNo(local, timeout=timeout, allowed_networks=allowed_networks)
    return LinePicker(local, timeout=timeout, allowed_networks=allowed_networks)


class Reader:
    """The local side's eyes: sees real text, gives back offsets and masked quotes.

    Args:
        judge: What the local model is used for.
        budget: For the wall clock.
    """

    def __init__(self, judge: Judge, budget: Budget) -> None:
        self.judge = judge
        self._budget = budget

    def read(self, job: Job, session: MaskingSession) -> tuple[list[Span], Verdict]:
        """Search one stretch of one document for one sub-question."""
        sub = Sub.model_validate(job["sub"])
        return self.pick(sub, self.hits(sub, job, session), job, session)

    def hits(self, sub: Sub, job: Job, session: MaskingSession) -> list[Hit]:
        """Rank the sentences of a stretch; outlines it when a summary is wanted of it."""
        question, terms = self._query(sub, job, session)
        text = session.vault.documents.get(job["doc"])
        index = Index(job["doc"], text, start=job["start"], end=job["end"])
        hits = index.search(question, terms, self._wanted(sub))
        outline = sub.expect in MANY and len(hits) <= 1
        return index.outline(self._wanted(sub)) if outline else hits

    def _wanted(self, sub: Sub) -> int:
        """Return how many candidates a sub-question is worth."""
        return max(self.judge.candidates, 5 if sub.expect in MANY else 0)

    @staticmethod
    def _query(sub: Sub, job: Job, session: MaskingSession) -> tuple[str, list[str]]:
        question, terms = query_of(sub, job["task"], alone=job["alone"])
        if not words(question):  # the question was nothing but hidden values
            question = str(session.restore(job["task"] if job["alone"] else sub.question))
        return question, terms

    def pick(
        self, sub: Sub, hits: Sequence[Hit], job: Job, session: MaskingSession
    ) -> tuple[list[Span], Verdict]:
        """Have the local model judge the best hits of one sub-question."""
        many = sub.expect in MANY
        best = best_hits(hits, self._wanted(sub))
        question, _ = self._query(sub, job, session)
        language = job["language"]
        if many or not best:
            verdict = Verdict(hits=best, holds=[True] * len(best))
        elif time.time() - job["started"] > self._budget.seconds:
            verdict = replace(RankOnly().judge(question, best, language), note="out_of_time")
        else:
            try:
                verdict = self.judge.judge(question, best, language)
            except LocalModelError as error:
                ranked = RankOnly().judge(question, best, language)
                verdict = replace(ranked, note=f"{UNAVAILABLE}:{error.kind}")
        spans = []
        for hit, holds in list(zip(verdict.hits, verdict.holds, strict=True))[: 5 if many else 3]:
            start, end = whole_values(hit.doc, hit.start, hit.end, session.vault)
            spans.append(
                Span(
                    doc=hit.doc,
                    start=start,
                    end=end,
                    sub=sub.id,
                    score=round(hit.score, 3),
                    holds=holds,
                    quote=quote(hit.doc, start, end, session),
                )
            )
        return spans, verdict


def _stands_out(hit: Hit, threshold: float) -> bool:
    """Short questions cannot score high, so having all their words counts as much."""
    return hit.covers or hit.score >= threshold
