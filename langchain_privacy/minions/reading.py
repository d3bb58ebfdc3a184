"""Read documents for one sub-question: rank, judge, mask what may be quoted."""

import time
from collections.abc import Sequence
from dataclasses import replace

from langchain_privacy.errors import LocalModelError
from langchain_privacy.masking import MaskingSession
from langchain_privacy.minions.budget import Budget
from langchain_privacy.minions.evidence import quote, whole_values
from langchain_privacy.minions.judge import Judge, RankOnly, Verdict
from langchain_privacy.minions.ranking import words
from langchain_privacy.minions.schema import Sub
from langchain_privacy.minions.search import MANY, Hit, Index, best_hits, query_of
from langchain_privacy.minions.state import Job, Span


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
        count = max(self.judge.candidates, 5 if sub.expect in MANY else 0)
        hits = index.search(question, terms, count)
        return hits if len(hits) > 1 or sub.expect not in MANY else index.outline(count)

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
        best = best_hits(hits, max(self.judge.candidates, 5 if many else 0))
        question, _ = self._query(sub, job, session)
        language = job["language"]
        if many or not best:
            verdict = Verdict(hits=best, holds=[True] * len(best))
        elif time.time() - job["started"] > self._budget.seconds:
            verdict = replace(RankOnly().judge(question, best, language), note="out_of_time")
        else:
            try:
                verdict = self.judge.judge(question, best, language)
            except LocalModelError:
                ranked = RankOnly().judge(question, best, language)
                verdict = replace(ranked, note="local_unavailable")
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
