"""Find passages: cut documents into pieces and rank them against a question.

`judge.Reader` searches each document for each sub-question of a plan, and has the local model judge
the best hits. Pages are searched by their sentences, long documents by windows:

    hits = Index(ref, text).search("When does the lease end?", ["term", "expires"], k=3)
    hits = WindowIndex(ref, text).search("What was FY2022 revenue?", ["net sales"], k=12)

A piece is a pair of offsets, so that whatever is quoted of it is verbatim by construction. Its
score is `0.6 x BM25(question) + BM25(question and terms of the plan)`; a word in what stands above
a window, or in the heads of a row of a short table, counts, too.
Placeholders are taken out of the query: a name would pull up the lines of the header that hold it
(measured: 5 of 20 first hits instead of 15).
"""

import functools
import itertools
import math
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from langchain_privacy.minions.meaning import fused
from langchain_privacy.minions.schema import Sub
from langchain_privacy.minions.sentences import is_page_mark, sentences
from langchain_privacy.minions.terms import YEAR, each_word, words
from langchain_privacy.minions.windows import Offsets, Outline, Window, heads_of_rows, outline
from langchain_privacy.vault import PLACEHOLDER, VaultSession

QUESTION_WEIGHT = 0.6
"""Of the question's own words beside the planner's terms (picked from 0.3, 0.6, 1.0)."""

TITLE_WEIGHT = 0.5
"""Of a line that only names a subject: being short, it would outrank what it stands above."""

CLOSE = 0.35
"""Share of the best score that a passage needs to be looked at.

On 60 answerable questions, 0.35 keeps the passage that answers in all of them, as 0.6 does.
"""

MANY = frozenset({"list", "summary"})
"""Forms of an answer that need more passages than one fact does."""


ABOVE_WEIGHT = 0.7
"""Of a word in the headings or the head of the table, beside one in the window itself."""

BODY_SHARE = 0.5
"""Of a word above a unit, beside one in the unit itself."""

UNIT_WEIGHT = 0.7
"""Of the best unit of a window, beside the window as a whole."""

LOOKED_INTO = 120
"""Windows whose units are looked at."""

FIGURE_WEIGHT = 1.3
"""Of a unit that has a figure, where one is asked for."""

LABEL_WEIGHT = 1.6
"""Of a row whose label has no word that is not asked for: "Inventories", not "Inventory turns"."""

_SAID_OTHERWISE = 1 / 3
"""Of the question's words, by weight, that neither a row nor its heads need to have."""

_UNIT_LENGTH = 14
"""Words of a usual unit."""

_ASKS_FIGURE = re.compile(
    r"\bhow\s+(?:many|much|long|large|high|big|old|far|often|tall|heavy)\b"
    r"|\b(?:number|amount|percent\w*|ratio|rate|total|sum|average|margin|price|cost|value|size)\b"
    r"|%|얼마|몇|비율|비중|금액|합계|평균|총|규모|가격",
    re.IGNORECASE,
)
# What a measure is asked with says nothing of whose measure it is.
_HOW = re.compile(
    r"\bhow\s+(?:long|large|high|big|old|far|often|tall|heavy|deep|wide|soon)\b", re.IGNORECASE
)
_ASKS_SHARE = re.compile(
    r"percent|%|\b(?:ratio|rate|share|margin|portion)\b|비율|비중|퍼센트|[율률]", re.IGNORECASE
)
_YEARS = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d|,)")
_YEARS_AND_SHARES = re.compile(rf"{_YEARS.pattern}|\d[\d.,]*\s?(?:%|percent|퍼센트)")
_FIGURE = re.compile(r"\d")
_CELLS = re.compile(r"\S(?:\t|\s?\|\s?| {3,})\S")


class Hit(NamedTuple):
    """A candidate passage of one document.

    Attributes:
        doc: Reference of the document.
        start: First character, 0-based.
        end: One past the last.
        text: What stands there.
        score: How well it matches.
        covers: Whether it has every word of the question.
        window: The window that it is, or is a unit of, in long documents.
        above: What stands above that window, as one line of text.
        share: Of a unit, the part of the question's words that it holds itself, by their weight.
        heads: Where the heads of a row stand, in short documents.
        columns: Whether it is the row that names the columns of a table.
    """

    doc: str
    start: int
    end: int
    text: str
    score: float
    covers: bool = False
    window: Window | None = None
    above: str = ""
    share: float = 0.0
    heads: tuple[Offsets, ...] = ()
    columns: bool = False


class Index:
    """The sentences of one document, ready to be ranked. Repeated sentences count once."""

    def __init__(self, doc: str, text: str, *, start: int = 0, end: int | None = None) -> None:
        unique: dict[str, tuple[int, int]] = {}
        for first, last in sentences(text[start:end]):
            if is_page_mark(text[start + first : start + last]):
                continue
            unique.setdefault(text[start + first : start + last], (start + first, start + last))
        self.doc = doc
        self._texts = list(unique)
        self._offsets = list(unique.values())
        of_rows = heads_of_rows(text[start:end])
        self._heads_of = [
            tuple((start + a, start + b) for a, b in of_rows.get(first - start, ()))
            for first, _ in self._offsets
        ]
        self._above = [" > ".join(_said(text, spans)) for spans in self._heads_of]
        heading = {text[a:b] for spans in self._heads_of for a, b in spans}
        self._heads = heading | {
            above
            for (above, row), (first, _) in zip(
                itertools.pairwise(self._texts), self._offsets[1:], strict=True
            )
            if of_rows.get(first - start) != ()  # nothing stands above the rows of a form
            and _CELLS.search(above)
            and _CELLS.search(row)
            and not _FIGURE.search(above)
            and _FIGURE.search(row)
        }
        self._ranking = BM25(self._texts, above=self._above)

    def search(self, question: str, terms: Sequence[str], k: int, *, named: str = "") -> list[Hit]:
        """Return the `k` best sentences that hold any word of the query, best first.

        Args:
            question: What is asked, without hidden values.
            terms: Words that the plan looks for.
            k: How many.
            named: The question with its hidden values. They count for rows of a table, which a
                name or a number is what tells apart; elsewhere a name pulls up what is addressed
                to it.
        """
        asked = self._ranking.scores(question)
        sought = self._ranking.scores([*terms, question])
        wanted = _asked_for(question)
        by_name = self._ranking.scores(set(words(named)) - wanted)
        scores = [
            (QUESTION_WEIGHT * a + b + (1 + QUESTION_WEIGHT) * (n if heads else 0.0))
            * (TITLE_WEIGHT if _is_title(text) and not heads else 1.0)
            for a, b, n, text, heads in zip(
                asked, sought, by_name, self._texts, self._heads_of, strict=True
            )
        ]
        best = sorted(range(len(scores)), key=lambda row: -scores[row])[:k]
        return [self._judged(row, scores[row], question, named) for row in best if scores[row] > 0]

    def _judged(self, row: int, score: float, question: str, named: str) -> Hit:
        hit = self._hit(row, score)
        wanted, own = _asked_for(question), set(words(hit.text))
        share = self._weight(wanted & own) / (self._weight(wanted) or 1.0)
        if hit.text in self._heads:
            # The head of a table has the words of a question and none of its answers.
            return hit._replace(columns=len(_CELLS.findall(hit.text)) > 1, share=share)
        if not hit.heads:
            return hit._replace(covers=wanted <= own, share=share)
        return hit._replace(covers=self._is_row_of(hit, wanted, named or question), share=share)

    def _is_row_of(self, hit: Hit, wanted: set[str], asked: str) -> bool:
        """Say whether a row is the one that is asked about, by its own words and its heads'.

        A name or a number says which row is meant; of other words a few may be said otherwise.
        """
        own = set(words(hit.text))
        above = set(words(hit.above))
        known = own | above
        itself = False
        missing = whole = 0.0
        for stem, *pairs in each_word(asked):
            if len(stem) == 1 and "가" <= stem <= "힣" and stem not in own:
                continue  # the particle of a number
            itself = itself or (stem in hit.text.lower() and stem not in above)
            weight = self._ranking.rarity(stem)
            whole += weight
            # By itself in a cell, a Korean word may have lost its end for a particle.
            if stem in known or (pairs and stem in f"{hit.text} {hit.above}"):
                continue
            if stem not in wanted or not stem.isalpha():
                return False
            missing += weight * (1 - sum(pair in known for pair in pairs) / max(1, len(pairs)))
        return itself and missing <= _SAID_OTHERWISE * whole

    def _weight(self, terms: Iterable[str]) -> float:
        return sum(map(self._ranking.rarity, terms))

    def outline(self, k: int) -> list[Hit]:
        """Return the `k` sentences that state most figures, in the order of the document.

        For a task that names nothing to look for, such as "summarise this".
        """
        rows = sorted(range(len(self._texts)), key=lambda row: -_figures(self._texts[row]))[:k]
        return [self._hit(row, 0.0) for row in sorted(rows)]

    def _hit(self, row: int, score: float) -> Hit:
        heads, above = self._heads_of[row], self._above[row]
        return Hit(self.doc, *self._offsets[row], self._texts[row], score, above=above, heads=heads)


class WindowIndex:
    """The windows of one document, ready to be ranked; made once for a document of a session."""

    def __init__(self, doc: str, text: str) -> None:
        self.doc = doc
        self.outline: Outline = outline(text)
        self._text = text
        windows = self.outline.windows
        bodies = [" ".join(text[a:b] for a, b in window.units) for window in windows]
        self._ranking = BM25(bodies, above=[self.above(window) for window in windows])

    def above(self, window: Window) -> str:
        """Return what stands above a window, as one line."""
        return " > ".join(_said(self._text, (*window.headings, *window.lead)))

    def search(
        self,
        question: str,
        terms: Sequence[str],
        k: int,
        *,
        start: int = 0,
        end: int | None = None,
        near: Sequence[float] = (),
    ) -> list[Hit]:
        """Return the `k` best windows of a stretch, best first.

        Args:
            question: What is asked.
            terms: Words that the plan looks for.
            k: How many.
            start: First character of the stretch.
            end: One past its last; the end of the document when `None`.
            near: How near the question each window is in meaning (`meaning.Meaning`): that order
                and the order of the words are put together. Without it, a window must hold a word
                of the query.
        """
        asked = self._ranking.scores(question)
        sought = self._ranking.scores([*terms, question])
        last = len(self._text) if end is None else end
        scores = {
            row: QUESTION_WEIGHT * asked[row] + sought[row]
            for row, window in enumerate(self.outline.windows)
            if start <= window.start < last and sought[row] > 0
        }
        best = sorted(scores, key=lambda row: -scores[row])[: max(k, LOOKED_INTO)]
        hits = [self._hit(self.outline.windows[row], scores[row]) for row in best]
        unit_scores: dict[int, float] = {}
        for unit in self.units(hits, question, terms):
            at = unit.window.start if unit.window else 0
            unit_scores[at] = max(unit_scores.get(at, 0.0), unit.score)
        hits = [h._replace(score=h.score + UNIT_WEIGHT * unit_scores[h.start]) for h in hits]
        hits.sort(key=lambda hit: -hit.score)
        return self._with_meaning(hits, near, start, last)[:k] if near else hits[:k]

    def _with_meaning(
        self, hits: Sequence[Hit], near: Sequence[float], start: int, end: int
    ) -> list[Hit]:
        windows = self.outline.windows
        rows = {window.start: row for row, window in enumerate(windows)}
        by_words = {rows[hit.start]: hit for hit in hits}
        within = [row for row, window in enumerate(windows) if start <= window.start < end]
        by_meaning = sorted(within, key=lambda row: -near[row])[:LOOKED_INTO]
        # On the scale of the words, so that what reads a score reads it as before.
        most = hits[0].score if hits else 1.0
        return [
            (by_words.get(row) or self._hit(windows[row], 0.0))._replace(score=most * points)
            for row, points in fused(list(by_words), by_meaning).items()
        ]

    def texts(self) -> list[str]:
        """Return what each window says, with what stands above it, for embeddings."""
        return [
            "\n".join(filter(None, [self.above(window), *_said(self._text, window.units)]))
            for window in self.outline.windows
        ]

    def units(self, hits: Sequence[Hit], question: str, terms: Sequence[str]) -> list[Hit]:
        """Return the units of windows, in the order of the windows, with scores of their own.

        A word in the unit itself counts by BM25, one above it half; where the question asks for a
        figure, a unit that has one counts more. `covers` looks at both, too.
        """
        wanted = _asked_for(question)
        figure = _ASKS_FIGURE.search(question) is not None
        beside = _YEARS if _ASKS_SHARE.search(question) else _YEARS_AND_SHARES
        queries = ((QUESTION_WEIGHT, {*wanted}), (1.0, {*wanted, *words(" ".join(terms))}))
        weights: dict[str, float] = {}
        for weight, query in queries:
            for term in query:
                weights[term] = weights.get(term, 0.0) + weight * self._ranking.rarity(term)
        whole = sum(map(self._ranking.rarity, wanted)) or 1.0
        found: list[Hit] = []
        for hit in hits:
            if hit.window is None:
                continue
            above = set(words(hit.above))
            for first, last in hit.window.units:
                said = self._text[first:last]
                own = words(said)
                short = 2.2 / (1 + 1.2 * (0.4 + 0.6 * len(own) / _UNIT_LENGTH))
                score = sum(
                    weight * (short if term in own else BODY_SHARE if term in above else 0.0)
                    for term, weight in weights.items()
                )
                if figure and _FIGURE.search(beside.sub(" ", said)):
                    score *= FIGURE_WEIGHT * (FIGURE_WEIGHT if _counted(own, weights) else 1)
                if hit.window.table and _names_row(own, weights):
                    score *= LABEL_WEIGHT
                known = {*own, *above}
                covers = not wanted.isdisjoint(own) and wanted <= known
                share = sum(self._ranking.rarity(term) for term in wanted.intersection(own)) / whole
                unit = Hit(self.doc, first, last, said, score, covers, hit.window, hit.above, share)
                found.append(unit)
        return found

    def overview(self, k: int, *, start: int = 0, end: int | None = None) -> list[Hit]:
        """Return `k` windows from all over a stretch: of each part the one that says most.

        Words that stand nowhere else and figures say more than what is repeated on every page.

        For a task that names nothing to look for, such as "summarise this".
        """
        last = len(self._text) if end is None else end
        windows = [w for w in self.outline.windows if start <= w.start < last]
        size = max(1, math.ceil(len(windows) / k))
        parts = [windows[at : at + size] for at in range(0, len(windows), size)]
        chosen = [max(part, key=self._salience) for part in parts]
        return [self._hit(window, 0.0) for window in chosen[:k]]

    def _salience(self, window: Window) -> float:
        terms = words(" ".join(_said(self._text, window.units)))
        rare = sum(map(self._ranking.rarity, set(terms))) / (len(terms) + _UNIT_LENGTH)
        return rare * (0.5 if window.table else 1.0)

    def _hit(self, window: Window, score: float) -> Hit:
        text = "\n".join(_said(self._text, window.units))
        return Hit(
            self.doc, window.start, window.end, text, score, window=window, above=self.above(window)
        )


def _counted(own: Sequence[str], asked: Mapping[str, float]) -> bool:
    """Say whether a number stands right beside a word that is asked for: "45,800 employees"."""
    numbers = [at for at, term in enumerate(own) if term[0].isdigit() and not YEAR.fullmatch(term)]
    return any(term in asked for at in numbers for term in own[max(0, at - 2) : at + 3])


def _names_row(own: Sequence[str], asked: Mapping[str, float]) -> bool:
    label = {term for term in own if not term[0].isdigit()}
    return bool(label) and all(term in asked for term in label)


# Weak: an index holds real text, and is gone with the session that the text belongs to.
_indexes: WeakKeyDictionary[VaultSession, dict[str, WindowIndex]] = WeakKeyDictionary()
_lock = threading.Lock()


def window_index(doc: str, vault: VaultSession) -> WindowIndex:
    """Return the index of a document of a session, made when it is first asked for."""
    with _lock:
        known = _indexes.setdefault(vault, {})
        found = known.get(doc)
    if found is None:
        found = WindowIndex(doc, vault.documents.get(doc))
        with _lock:
            known[doc] = found
    return found


def _said(text: str, spans: Iterable[Offsets]) -> list[str]:
    return [" ".join(text[start:end].split()) for start, end in spans]


def _asked_for(question: str) -> set[str]:
    """Return the words of a question that its answer must have."""
    return set(words(_HOW.sub(" ", question)))


def query_of(sub: Sub, task: str, *, alone: bool) -> tuple[str, list[str]]:
    """Return the question and the terms to look for, without hidden values.

    Args:
        sub: What the plan asks for.
        task: The masked task. It is the better question when the plan has a single part, because
            no planner can spoil it.
        alone: Whether the plan has a single part.
    """
    question = _without_placeholders(task if alone else sub.question) or sub.question
    terms = [term for term in map(_without_placeholders, sub.terms) if term]
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


def _without_placeholders(text: str) -> str:
    """Take hidden values out of a query, and the empty address around them."""
    return " ".join(PLACEHOLDER.sub(" ", text).split())


def _is_title(text: str) -> bool:
    return len(text.split()) <= 4 and ":" not in text and not any(c.isdigit() for c in text)


def _figures(text: str) -> float:
    """Rate a sentence by its digits; one that is nothing but digits is a row of a table."""
    digits = sum(character.isdigit() for character in text)
    letters = sum(character.isalpha() for character in text)
    return min(digits, 12) * min(letters, 80)


_K1 = 1.2
"""Saturation of a term's count."""
_B = 0.6
"""Weight of a sentence's length."""
_LEAST = 40
"""Sentences that the rarity of a term is reckoned against at the least.

A term that stands in one of two sentences is not common; in a short document a bare BM25 would
score every match near zero.
"""


class BM25:
    """Okapi BM25 over one document's sentences or windows.

    Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009).

    Args:
        texts: The pieces.
        above: What stands above each: its words count, with less weight, and add no length.
    """

    def __init__(self, texts: Sequence[str], *, above: Sequence[str] = ()) -> None:
        counts: list[dict[str, float]] = [{**Counter(words(text))} for text in texts]
        lengths = [sum(count.values()) for count in counts]
        heads = functools.lru_cache(4_096)(lambda text: frozenset(words(text)))
        for count, text in zip(counts, above, strict=False):
            for term in heads(text):
                count[term] = count.get(term, 0) + ABOVE_WEIGHT
        mean = sum(lengths) / max(1, len(lengths)) or 1.0
        self._norms = [_K1 * (1 - _B + _B * length / mean) for length in lengths]
        self._size = len(texts)
        self._where: dict[str, list[tuple[int, float]]] = {}
        for row, count in enumerate(counts):
            for term, times in count.items():
                self._where.setdefault(term, []).append((row, times))

    def scores(self, query: str | Iterable[str]) -> list[float]:
        """Return one score a sentence, 0.0 where no term of the query stands."""
        texts = [query] if isinstance(query, str) else list(query)
        total = [0.0] * self._size
        for word in dict.fromkeys(word for text in texts for word in each_word(text)):
            for row, points in self._of_word(word).items():
                total[row] += points
        return total

    def _of_word(self, word: tuple[str, ...]) -> dict[int, float]:
        """Count a word once: as it stands, or by the mean of its pairs where that is more.

        Added up, a verb of three syllables would outweigh the two nouns that a question is about.
        """
        stem, *pairs = word
        points = self._of_term(stem)
        by_pairs: dict[int, float] = {}
        for pair in pairs:
            for row, some in self._of_term(pair).items():
                by_pairs[row] = by_pairs.get(row, 0.0) + some / len(pairs)
        for row, some in by_pairs.items():
            points[row] = max(points.get(row, 0.0), some)
        return points

    def rarity(self, term: str) -> float:
        """Return the weight of a term: the fewer pieces hold it, the more it says."""
        rows = self._where.get(term, ())
        size = max(self._size, _LEAST)
        return math.log(1 + (size - len(rows) + 0.5) / (len(rows) + 0.5))

    def _of_term(self, term: str) -> dict[int, float]:
        rows = self._where.get(term, ())
        rarity = self.rarity(term)
        return {row: rarity * times * (_K1 + 1) / (times + self._norms[row]) for row, times in rows}
