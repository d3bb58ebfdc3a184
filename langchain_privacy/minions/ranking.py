"""Okapi BM25 over sentences, for English and Korean, without a language's own tool kit.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009). Words are
compared by a light stem; Korean words without their particle and by their pairs of syllables,
because a Korean noun takes a new ending in almost every sentence.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

_WORD = re.compile(r"[a-z0-9]+(?:[.,/'-][0-9a-z]+)*|[가-힣]+|[぀-ヿ一-鿿]")
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
    """An index over one document's sentences.

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
