"""Find passages: rank sentences by BM25, then let the local model judge the best ones.

A sentence's score is `0.6 x BM25(question) + BM25(question and terms of the plan)`; the judge
adds what it makes of it. Placeholders are taken out of the query: a name would pull up the
lines of the header that hold it (measured: 5 of 20 first hits instead of 15).
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from langchain_privacy.masking.grammar import PLACEHOLDER
from langchain_privacy.minions.ranking import BM25, words
from langchain_privacy.minions.schema import Sub
from langchain_privacy.minions.sentences import sentences

QUESTION_WEIGHT = 0.6
"""Of the question's own words beside the planner's terms (picked from 0.3, 0.6, 1.0)."""

CLOSE = 0.35
"""Share of the best score that a passage needs to be looked at.

On 60 answerable questions, 0.35 keeps the passage that answers in all of them, as 0.6 does.
"""

TITLE_WEIGHT = 0.5
"""Of a line that only names a subject: being short, it would outrank what it stands above."""

_PAGE_MARK = re.compile(r"\W*(?:page\s*)?\d+\s*쪽?\s*(?:(?:of|/)\s*\d+\s*쪽?)?\W*", re.IGNORECASE)

MANY = frozenset({"list", "summary"})
"""Forms of an answer that need more passages than one fact does."""


class Hit(NamedTuple):
    """A candidate passage of one document; `covers` when it has every word of the question."""

    doc: str
    start: int
    end: int
    text: str
    score: float
    covers: bool = False


class Index:
    """The sentences of one document, ready to be ranked. Repeated sentences count once."""

    def __init__(self, doc: str, text: str, *, start: int = 0, end: int | None = None) -> None:
        unique: dict[str, tuple[int, int]] = {}
        for first, last in sentences(text[start:end]):
            if _PAGE_MARK.fullmatch(text[start + first : start + last]):
                continue
            unique.setdefault(text[start + first : start + last], (start + first, start + last))
        self.doc = doc
        self._texts = list(unique)
        self._offsets = list(unique.values())
        self._ranking = BM25(self._texts)

    def search(self, question: str, terms: Sequence[str], k: int) -> list[Hit]:
        """Return the `k` best sentences that hold any word of the query, best first."""
        asked = self._ranking.scores(question)
        sought = self._ranking.scores([*terms, question])
        scores = [
            (QUESTION_WEIGHT * a + b) * (TITLE_WEIGHT if _is_title(text) else 1.0)
            for a, b, text in zip(asked, sought, self._texts, strict=True)
        ]
        best = sorted(range(len(scores)), key=lambda row: -scores[row])[:k]
        asked_for = set(words(question))
        return [
            self._hit(row, scores[row])._replace(covers=asked_for <= set(words(self._texts[row])))
            for row in best
            if scores[row] > 0
        ]

    def outline(self, k: int) -> list[Hit]:
        """Return the `k` sentences that state most figures, in the order of the document.

        For a task that names nothing to look for, such as "summarise this".
        """
        rows = sorted(range(len(self._texts)), key=lambda row: -_figures(self._texts[row]))[:k]
        return [self._hit(row, 0.0) for row in sorted(rows)]

    def _hit(self, row: int, score: float) -> Hit:
        return Hit(self.doc, *self._offsets[row], self._texts[row], score)


def _is_title(text: str) -> bool:
    return len(text.split()) <= 4 and ":" not in text and not any(c.isdigit() for c in text)


def _figures(text: str) -> float:
    """Rate a sentence by its digits; one that is nothing but digits is a row of a table."""
    digits = sum(character.isdigit() for character in text)
    letters = sum(character.isalpha() for character in text)
    return min(digits, 12) * min(letters, 80)


def without_placeholders(text: str) -> str:
    """Take hidden values out of a query, and the empty address around them."""
    return " ".join(PLACEHOLDER.sub(" ", text).split())


def query_of(sub: Sub, task: str, *, alone: bool) -> tuple[str, list[str]]:
    """Return the question and the terms to look for, without hidden values.

    Args:
        sub: What the plan asks for.
        task: The masked task. It is the better question when the plan has a single part, because
            no planner can spoil it.
        alone: Whether the plan has a single part.
    """
    question = without_placeholders(task if alone else sub.question) or sub.question
    terms = [term for term in map(without_placeholders, sub.terms) if term]
    return question, terms


def best_hits(found: Sequence[Hit], k: int) -> list[Hit]:
    """Return the `k` best of several documents' hits, best first, same texts once.

    What scores far below the best is left out: it costs tokens and shows more than is needed.
    """
    ranked: dict[str, Hit] = {}
    for hit in sorted(found, key=lambda hit: -hit.score):
        ranked.setdefault(hit.text, hit)
    best = list(ranked.values())[:k]
    return [hit for hit in best if hit.score >= CLOSE * best[0].score]


def as_dict(hit: Hit, sub: str, holds: bool | None) -> dict[str, Any]:
    """Write a hit without its text: what may stand in state."""
    return {
        "doc": hit.doc,
        "start": hit.start,
        "end": hit.end,
        "sub": sub,
        "score": round(hit.score, 3),
        "holds": holds,
    }
