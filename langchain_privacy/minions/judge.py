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
from typing import Annotated, NamedTuple

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel, BeforeValidator, Field

from langchain_privacy.errors import LocalModelError
from langchain_privacy.local import model_name, yes_no_score
from langchain_privacy.local.profiles import PICKS, READS, size_of
from langchain_privacy.masking import MaskingSession
from langchain_privacy.minions.answerable import can_answer
from langchain_privacy.minions.ask_local import LocalAsker, local_call
from langchain_privacy.minions.meaning import Meaning
from langchain_privacy.minions.prompts import render
from langchain_privacy.minions.quotes import quote, whole_values
from langchain_privacy.minions.schema import Sub
from langchain_privacy.minions.search import (
    MANY,
    Hit,
    Index,
    best_hits,
    query_of,
    window_index,
)
from langchain_privacy.minions.state import Budget, Call, Job, Span, estimate_tokens
from langchain_privacy.minions.terms import words
from langchain_privacy.minions.windows import SIZE
from langchain_privacy.words import Language

THRESHOLD = 6.5
"""Score of the ranking alone from which a sentence counts as the answer."""


class Leaning(NamedTuple):
    """What a model's yes and no count beside the ranking.

    Picked with `THRESHOLD` by `benchmarks/minion_thresholds.py`, on 72 questions about 12 documents
    that nothing else is measured on: the most honest answers with at most 4 wrong ones.

    Attributes:
        weight: Points of BM25 that one unit of log-probability between yes and no is worth.
        threshold: Score from which a sentence counts as the answer, these points added.
    """

    weight: float
    threshold: float


SMALL = Leaning(0.5, 6.25)
"""Of a model below one billion parameters, or whose name tells no size: mostly it says no."""

LARGE = Leaning(2.0, 6.0)
"""Of a larger one, which knows an answer when it sees one. Weights of 2 to 4 come to the same."""

SHARE = 0.8
"""Of the question's words, by weight, that a unit must hold itself to be certain by rank alone."""

CONFIRMED_SHARE = 0.5
"""The same where a small model says yes to it."""

_OWN_SHARE = 0.5
"""Of the question's words, by weight, that a row of a short table must hold itself."""

CLEAR = 1.5
"""Times that its score must be that of the best unit of any other window."""

MOST_MARKS = 12
"""Units that one call of the local model may take for the answer."""

BATCH = 2_200
"""Tokens of windows in one call: Ollama's usual context is 4,096."""

WINDOWS = 40
"""Windows of a document that may cross for one sub-question: about 24,000 characters."""

LOOKED_AT = 12
"""Windows that the local model reads for one sub-question."""

_SHOWN = 400
"""Characters of what stands above a window, as the local model sees it."""

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
    reads: bool = False
    """Whether it is shown whole windows of a long document; else the best units of them."""

    @abstractmethod
    def judge(self, question: str, hits: Sequence[Hit], language: Language) -> Verdict:
        """Judge the candidates of one question; raises `LocalModelError` when it cannot."""


class RankOnly(Judge):
    """No model: the ranking decides, and the report says so."""

    name = "bm25"
    candidates = 3

    def judge(self, question: str, hits: Sequence[Hit], language: Language) -> Verdict:  # noqa: ARG002
        """Take the scores as they are."""
        if hits and hits[0].window is not None:
            sure = certain(hits, question)
            return Verdict(hits=list(hits), holds=[True if hit is sure else None for hit in hits])
        stand_out = [_stands_out(hit, question, THRESHOLD) for hit in hits]
        return Verdict(hits=list(hits), holds=[*stand_out])


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
        size = size_of(model_name(model))
        self._leaning = LARGE if size is not None and size >= PICKS else SMALL
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
        calls: list[Call] = []
        if hits and hits[0].window is not None:  # a small model confirms, and finds nothing alone
            sure = certain(hits, question, share=CONFIRMED_SHARE)
            confirmed = sure is not None and self._lean(sure, question, language, calls) > 0
            holds: list[bool | None] = [(confirmed and hit is sure) or None for hit in hits]
            return Verdict(hits=list(hits), holds=holds, calls=calls)
        weight, threshold = self._leaning
        # Whatever it said of what cannot be the answer, that would not be one.
        asked = [hit for hit in hits if can_answer(question, hit.text)]
        scored = [
            hit._replace(score=hit.score + weight * self._lean(hit, question, language, calls))
            for hit in asked
        ]
        scored.sort(key=lambda hit: -hit.score)
        others = [hit for hit in hits if hit not in asked]
        if self._leaning is LARGE and scored and scored[0].score > 0:
            # What such a model says no to need not cross either.
            scored, others = best_hits(scored, len(scored)), []
        stand_out = [_stands_out(hit, question, threshold) for hit in scored]
        return Verdict(
            hits=[*scored, *others], holds=[*stand_out, *[False] * len(others)], calls=calls
        )

    def _lean(self, hit: Hit, question: str, language: Language, calls: list[Call]) -> float:
        """Ask about one candidate: above 0 for yes."""
        sentence = " ".join(f"{hit.above} {hit.text}".split())[-_SHOWN:]
        prompt = render("yes_no", language, sentence=sentence, question=question)
        began = time.monotonic()
        leaning = yes_no_score(
            self._model, prompt, timeout=self._timeout, allowed_networks=self._networks
        )
        calls.append(
            local_call(self._model, [HumanMessage(prompt)], AIMessage("x"), began, "search")
        )
        return leaning


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
    reads = True

    def __init__(
        self, model: BaseChatModel, *, timeout: float, allowed_networks: Sequence[str] = ()
    ) -> None:
        self._asker = LocalAsker(model, timeout=timeout, allowed_networks=allowed_networks)

    def judge(self, question: str, hits: Sequence[Hit], language: Language) -> Verdict:
        """Ask, and once more; a reply that is not the JSON asked for counts as no reply."""
        if hits and hits[0].window is not None:
            return self._read(question, hits, language)
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

    def _read(self, question: str, hits: Sequence[Hit], language: Language) -> Verdict:
        """Read windows, as many in a call as a small context holds."""
        picked: list[Hit] = []
        calls: list[Call] = []
        notes: list[str] = []
        for batch in _batches(hits):
            prompt = render("read", language, lines=_under_heads(batch), question=question)
            said, made = self._asker.ask(
                prompt, _Picked, repair=lambda fault: render("repair", language, reason=fault)
            )
            calls += made
            if said is None:
                notes.append("local_reply_unusable")
                continue
            numbers = [n for n in dict.fromkeys(said.lines) if 0 < n <= len(batch)]
            picked += [batch[n - 1] for n in numbers[:MOST_MARKS]]
        if notes and not picked:
            ranked = RankOnly().judge(question, hits, language)
            return replace(ranked, calls=calls, note=notes[0])
        rest = [hit for hit in hits if hit not in picked]
        holds: list[bool | None] = [*[True] * len(picked), *[False] * len(rest)]
        return Verdict(
            hits=[*picked, *rest], holds=holds, calls=calls, note=notes[0] if notes else None
        )


def _batches(hits: Sequence[Hit]) -> list[list[Hit]]:
    """Cut units into calls that a context of 4,096 tokens holds; a window stays whole."""
    batches: list[list[Hit]] = []
    spent = 0
    for at, hit in enumerate(hits):
        new = at == 0 or hit.window != hits[at - 1].window
        tokens = estimate_tokens(hit.text) + 4 + (estimate_tokens(hit.above) if new else 0)
        if not batches or (new and spent + tokens > BATCH):
            batches.append([])
            spent = 0
        batches[-1].append(hit)
        spent += tokens
    return batches


def _under_heads(hits: Sequence[Hit]) -> str:
    lines: list[str] = []
    before = ""
    for number, hit in enumerate(hits, 1):
        if hit.above and hit.above != before:
            lines.append(f"# {hit.above[:_SHOWN]}")
        before = hit.above
        lines.append(f"{number}. {' '.join(hit.text.split())}")
    return "\n".join(lines)


def certain(units: Sequence[Hit], question: str, *, share: float = SHARE) -> Hit | None:
    """Return the unit of a long document that must be the answer by its words, if there is one.

    Scores grow with the document and say nothing by themselves: there, it has every word of the
    question (with what stands above it), most of them itself, is of the kind that is asked for,
    and no other window comes near.
    """
    ranked = sorted(units, key=lambda unit: -unit.score)
    if not ranked or not ranked[0].covers or ranked[0].share < share:
        return None
    best = ranked[0]
    if not can_answer(question, best.text):
        return None
    others = [unit.score for unit in ranked[1:] if unit.window != best.window]
    return best if best.score >= CLEAR * max(others, default=0.0) else None


def judge_for(
    local: BaseChatModel | None, *, timeout: float, allowed_networks: Sequence[str] = ()
) -> Judge:
    """Choose how a model is used, by its size and by whether it gives log-probabilities.

    One that gives them scores below three billion parameters, or where its name tells no size; the
    others pick lines. Of nine questions a model of 1.5 billion answered nine by its probabilities
    and four by picking.
    """
    if local is None:
        return RankOnly()
    scores = "logprobs" in type(local).model_fields and hasattr(local, "openai_api_base")
    size = size_of(model_name(local))
    if scores and (size is None or size < READS):
        return YesNo(local, timeout=timeout, allowed_networks=allowed_networks)
    return LinePicker(local, timeout=timeout, allowed_networks=allowed_networks)


class Reader:
    """The local side's eyes: sees real text, gives back offsets and masked quotes.

    Args:
        judge: What the local model is used for.
        budget: For the wall clock.
        meaning: Ranks the windows of long documents by meaning as well, where there is one.
    """

    def __init__(self, judge: Judge, budget: Budget, meaning: Meaning | None = None) -> None:
        self.judge = judge
        self._budget = budget
        self._meaning = meaning

    def hits(self, sub: Sub, job: Job, session: MaskingSession) -> list[Hit]:
        """Rank the sentences of a stretch; outlines it when a summary is wanted of it."""
        question, terms = self._query(sub, job, session)
        if job.get("long"):
            whole = window_index(job["doc"], session.vault)
            start, end = job["start"], job["end"]
            near: list[float] = []
            if self._meaning is not None:
                asked = " ".join([question, *terms])
                near = self._meaning.near(job["doc"], whole.texts(), asked, session.vault)
            windows = whole.search(question, terms, WINDOWS, start=start, end=end, near=near)
            if sub.expect == "summary":  # what was asked for first, then from everywhere
                # No more than may cross, else only the beginning of the document would.
                text = session.vault.documents.get(job["doc"])
                limit = self._budget.evidence(len(text), estimate_tokens(text), last=False)
                room = min(WINDOWS, max(4, limit // SIZE))
                chosen = whole.overview(room - room // 2, start=start, end=end)
                windows = [*windows[: room // 2], *chosen]
            return windows
        text = session.vault.documents.get(job["doc"])
        index = Index(job["doc"], text, start=job["start"], end=job["end"])
        named = str(session.restore(job["task"] if job["alone"] else sub.question))
        hits = index.search(question, terms, self._wanted(sub), named=named)
        outline = sub.expect in MANY and len(hits) <= 1
        return index.outline(self._wanted(sub)) if outline else hits

    def _wanted(self, sub: Sub) -> int:
        """Return how many candidates a sub-question is worth."""
        return max(self.judge.candidates, 5 if sub.expect in MANY else 0)

    @staticmethod
    def _query(sub: Sub, job: Job, session: MaskingSession) -> tuple[str, list[str]]:
        if job.get("long"):
            # On this side the real words are searched for: in a long document a name is what the
            # question is about, and the window of the header one of many.
            real = session.restore([job["task"] if job["alone"] else sub.question, *sub.terms])
            return real[0], real[1:]
        question, terms = query_of(sub, job["task"], alone=job["alone"])
        if not words(question):  # the question was nothing but hidden values
            question = str(session.restore(job["task"] if job["alone"] else sub.question))
        return question, terms

    def pick(
        self, sub: Sub, hits: Sequence[Hit], job: Job, session: MaskingSession
    ) -> tuple[list[Span], Verdict]:
        """Have the local model judge the best hits of one sub-question."""
        if job.get("long"):
            return self._pick_windows(sub, hits, job, session)
        many = sub.expect in MANY
        best = best_hits(hits, self._wanted(sub))
        question, _ = self._query(sub, job, session)
        if many or not best:
            verdict = Verdict(hits=best, holds=[True] * len(best))
        else:
            verdict = self._judged(question, best, job)
        spans = []
        for hit, holds in list(zip(verdict.hits, verdict.holds, strict=True))[: 5 if many else 3]:
            start, end = whole_values(hit.doc, hit.start, hit.end, session.vault)
            span = Span(
                doc=hit.doc,
                start=start,
                end=end,
                sub=sub.id,
                score=round(hit.score, 3),
                holds=holds,
                quote=quote(hit.doc, start, end, session),
            )
            if hit.heads:
                span["above"] = [list(head) for head in hit.heads]
            spans.append(span)
        return spans, verdict

    def _judged(self, question: str, hits: Sequence[Hit], job: Job) -> Verdict:
        language = job["language"]
        if time.time() - job["started"] > self._budget.seconds:
            return replace(RankOnly().judge(question, hits, language), note="out_of_time")
        try:
            return self.judge.judge(question, hits, language)
        except LocalModelError as error:
            ranked = RankOnly().judge(question, hits, language)
            return replace(ranked, note=f"{UNAVAILABLE}:{error.kind}")

    def _pick_windows(
        self, sub: Sub, hits: Sequence[Hit], job: Job, session: MaskingSession
    ) -> tuple[list[Span], Verdict]:
        """Have the local model read the best windows of one sub-question and mark their units."""
        once = {(hit.doc, hit.start): hit for hit in sorted(hits, key=lambda hit: -hit.score)}
        windows = list(once.values())[: 2 * WINDOWS]
        question, terms = self._query(sub, job, session)
        units: list[Hit] = []
        for window in windows[:LOOKED_AT]:
            index = window_index(window.doc, session.vault)
            units += index.units([window], question, terms)
        if not self.judge.reads:
            units = sorted(units, key=lambda unit: -unit.score)[: self.judge.candidates]
        verdict = self._judged(question, units, job) if units else Verdict(hits=[], holds=[])
        if self._meaning is not None and self._meaning.fault and verdict.note is None:
            verdict = replace(verdict, note=f"embeddings_unavailable:{self._meaning.fault}")
        found: dict[tuple[str, int], list[tuple[int, bool | None]]] = {}
        for hit, holds in zip(verdict.hits, verdict.holds, strict=True):
            if hit.window is not None:
                number = hit.window.units.index((hit.start, hit.end))
                found.setdefault((hit.doc, hit.window.start), []).append((number, holds))
        spans = []
        for hit in windows:
            assert hit.window is not None
            judged = found.get((hit.doc, hit.start), [])
            marks = sorted(number for number, holds in judged if holds)
            if marks and _leads_in(hit, marks[-1]):
                marks += range(marks[-1] + 1, len(hit.window.units))
            answer = True if marks else None if any(h is None for _, h in judged) else False
            spans.append(
                Span(
                    doc=hit.doc,
                    start=hit.start,
                    end=hit.end,
                    sub=sub.id,
                    score=round(hit.score, 3),
                    holds=answer if judged else None,
                    quote="",
                    units=[list(unit) for unit in hit.window.units],
                    above=[list(span) for span in (*hit.window.headings, *hit.window.lead)],
                    marks=marks,
                )
            )
        return spans, verdict


def _leads_in(hit: Hit, number: int) -> bool:
    """Say whether a unit of a window leads in a list: its items are what it says."""
    return hit.text.split("\n")[number].endswith(
        (":", "：")
    )  # a line a unit, as the index writes it


def _stands_out(hit: Hit, question: str, threshold: float) -> bool:
    """Short questions cannot score high, so having all their words counts as much.

    What a table is about stands above every row of it and says of none that it is the one; the
    names of its columns answer nothing, nor does what is not of the kind that is asked for.
    """
    own = not hit.heads or hit.share >= _OWN_SHARE
    stands_out = hit.covers or (hit.score >= threshold and own and not hit.columns)
    return stands_out and can_answer(question, hit.text)
