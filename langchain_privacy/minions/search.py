"""Find passages: cut documents into sentences and rank them against a question.

`judge.Reader` searches each document for each sub-question of a plan, and has the local model judge
the best hits:

    hits = Index(ref, text).search("When does the lease end?", ["term", "expires"], k=3)

A sentence is a pair of offsets, so that whatever is quoted of it is verbatim by construction. Its
score is `0.6 x BM25(question) + BM25(question and terms of the plan)`. Placeholders are taken out
of the query: a name would pull up the lines of the header that hold it (measured: 5 of 20 first
hits instead of 15).
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from langchain_privacy.minions.schema import Sub
from langchain_privacy.minions.sentences import is_page_mark, sentences
from langchain_privacy.vault import PLACEHOLDER

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
            if is_page_mark(text[start + first : start + last]):
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


# Words: how question and sentence are compared, in English and Korean, without a language's own
# tool kit. By a light stem; Korean words without their particle and by their pairs of syllables,
# because a Korean noun takes a new ending in almost every sentence.

# A Latin word or number with what joins its parts ("e-mail", "8,412.66"), a run of Hangul, or one
# Japanese or Chinese character.
_WORD = re.compile(r"[a-z0-9]+(?:[.,/'-][0-9a-z]+)*|[가-힣]+|[぀-ヿ一-鿿]")
# The particle or ending of a Korean word; longer ones first, since they end in shorter ones.
_PARTICLE = re.compile(
    r"(?:에서는|으로는|에게서|이라는|하였다|했는가|인가요|입니까|인가|한다|이다|에서|에게|으로|까지"
    r"|부터|마다|보다|처럼|은|는|이|가|을|를|의|에|로|와|과|도|만)$"
)
_FUNCTION_WORDS = """
the a an of is was were what which who whom whose when where why how much many to in on by for and
or did does do be been are with from at it its that this these those s there has have had he she
they their his her any as about please tell me patient
무엇 얼마 언제 어디 누구 어떤 어느 어떻게 며칠 몇 그 이 저 것 수 등 및
"""
_STOP = frozenset(_FUNCTION_WORDS.split())


def words(text: str) -> list[str]:
    """Return the terms of a text, comparable between question and document."""
    return [term for word in _words(text) for term in word]


def _words(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of a text: each by its stem, a longer Korean one by its pairs, too."""
    for word in _WORD.findall(text.lower()):
        if "가" <= word[0] <= "힣":
            stem = _PARTICLE.sub("", word) if len(word) > 2 else word
            stem = stem or word
            if stem not in _STOP:
                pairs = [stem[i : i + 2] for i in range(len(stem) - 1)]
                yield (stem, *pairs) if len(stem) > 2 else (stem,)
        elif word not in _STOP:
            yield (_stem(word),)


def _stem(word: str) -> str:
    if len(word) <= 4 or not word.isalpha():
        return word
    for ending, least in (("ies", 3), ("ing", 4), ("ed", 4), ("es", 4), ("s", 3), ("e", 4)):
        if word.endswith(ending) and not word.endswith("ss") and len(word) - len(ending) >= least:
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word


class BM25:
    """Okapi BM25 over one document's sentences.

    Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009).

    Args:
        texts: The sentences.
        k1: Saturation of a term's count.
        b: Weight of a sentence's length.
        least: Sentences that the rarity of a term is reckoned against at the least. A term that
            stands in one of two sentences is not common; in a short document a bare BM25 would
            score every match near zero.
    """

    def __init__(
        self, texts: Sequence[str], *, k1: float = 1.2, b: float = 0.6, least: int = 40
    ) -> None:
        counts = [Counter(words(text)) for text in texts]
        lengths = [sum(count.values()) for count in counts]
        mean = sum(lengths) / max(1, len(lengths)) or 1.0
        self._norms = [k1 * (1 - b + b * length / mean) for length in lengths]
        self._k1 = k1
        self._size = len(texts)
        self._least = least
        self._where: dict[str, list[tuple[int, int]]] = {}
        for row, count in enumerate(counts):
            for term, times in count.items():
                self._where.setdefault(term, []).append((row, times))

    def scores(self, query: str | Iterable[str]) -> list[float]:
        """Return one score a sentence, 0.0 where no term of the query stands."""
        texts = [query] if isinstance(query, str) else list(query)
        total = [0.0] * self._size
        for word in dict.fromkeys(word for text in texts for word in _words(text)):
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

    def _of_term(self, term: str) -> dict[int, float]:
        rows = self._where.get(term, ())
        size = max(self._size, self._least)
        rarity = math.log(1 + (size - len(rows) + 0.5) / (len(rows) + 0.5))
        return {
            row: rarity * times * (self._k1 + 1) / (times + self._norms[row]) for row, times in rows
        }
