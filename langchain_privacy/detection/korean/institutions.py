r"""Schools, clinics and firms whose Korean name ends in what they are.

>>> from langchain_privacy.detection.folded import fold
>>> text = "솔빛초등학교 3학년 2반이고 해맑은소아과에 다녀요. 행복한책방 옆. 대학병원은 멀어요."
>>> [text[f.start : f.end] for f in find_korean_institutions(fold(text))]
['솔빛초등학교', '해맑은소아과', '행복한책방', '3학년 2반']
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import HANGUL, FoldedText
from langchain_privacy.detection.korean.tokens import (
    Morphemes,
    is_kiwi_installed,
    korean_tokens,
)
from langchain_privacy.detection.rules import announced_by, finding
from langchain_privacy.words import load
from langchain_privacy.words.korean import is_title

_HOUSES = load("korean_houses")
_SHOPS = load("korean_shops")
_TRADES = load("korean_trades") | _HOUSES | _SHOPS
_KINDS_OF_SHOPS = load("korean_kinds_of_shops")
_SIZES = sorted({len(kind) for kind in _TRADES}, reverse=True)
_BEGINS = frozenset(kind[: _SIZES[-1]] for kind in _TRADES)
_SHORTEST_NAME, _LONGEST_NAME = 2, 6
_FEWEST = 2
_WORD = re.compile(rf"[가-힣]{{{_SHORTEST_NAME + _SIZES[-1]},}}")
_BEHIND = re.compile(r"\Z|[은는이가을를의도와과로]|에서|에게|으로|까지|부터|이고|이에|에")
_CLASS = re.compile(r"(?<!\d)[1-6]학년\s?\d{1,2}반")
# 솔빛초 3학년, 한빛중 2학년 3반: what a school is called for short stands before a class
_SHORT_SCHOOL = re.compile(
    r"(?<![가-힣])(?P<school>[가-힣]{2,5}(?:초(?=\s?[1-6]학년)|[중고여](?=\s?[1-3]학년\s?\d{1,2}반)))"
)
# See `Token.id`: a word as frequent as this says what kind of school or clinic it is, and a
# quality as frequent as this what somebody thinks of it: 좋은병원.
_EVERYDAY = 20_000
_QUALITY = 1_000
_GIVEN = load("korean_given_whole") - load("korean_given_words_as_well")
_NOUNS = frozenset({"NNG", "NNP", "MM", "XPN", "NP", "MAG"})
_IN_A_NAME = frozenset({"NNG", "NNP", "XR", "MAG", "XPN"})


@announced_by(HANGUL)
def find_korean_institutions(text: FoldedText) -> Iterator[Finding]:
    """Find institutions by the kind at the end of their name, and school classes."""
    if not text.hangul:
        return
    for word in _WORD.finditer(text.text):
        if end := _named(word[0]):
            start = word.start()
            yield finding(start, start + end, "ORGANIZATION", 0.5, "institution")
    if "학년" not in text.text:
        return
    for match in _CLASS.finditer(text.text):
        yield finding(*match.span(), "ID", 0.5, "institution")
    for match in _SHORT_SCHOOL.finditer(text.text):
        if _is_school(match["school"]):
            yield finding(*match.span(), "ORGANIZATION", 0.5, "institution")


def _is_school(word: str) -> bool:
    """Say whether a word in front of a class is a school: no time (재학중), no verb (이고)."""
    if not is_kiwi_installed() or word.endswith(("학기초", "학년초")):
        return False
    stem = [token for token in korean_tokens(word) if token.start < len(word) - 1]
    if any(token.oov or token.tag == "NNP" for token in stem):
        return True
    # 솔빛초, 늘푸른고: a time is one noun (방학중), or a long one of several (학부모참여중)
    tags = {token.tag for token in stem}
    named = "ETM" in tags or tags <= _IN_A_SCHOOL
    return named and len(stem) > 1 and len(word) <= _LONGEST_SCHOOL


_IN_A_SCHOOL = _IN_A_NAME | {"MM"}
_LONGEST_SCHOOL = 4


def _named(word: str) -> int:
    """Return where the name of an institution ends with which a word begins, or 0."""
    shortest = _SIZES[-1]
    for at in range(_SHORTEST_NAME, min(len(word) - shortest, _LONGEST_NAME) + 1):
        # most begin no trade
        for size in _SIZES if word[at : at + shortest] in _BEGINS else ():
            kind = word[at : at + size]
            if len(kind) == size and kind in _TRADES and _BEHIND.match(word, at + size):
                if word[: at + size] in _TRADES:
                    return 0
                if kind in _SHOPS and _is_name_of_a_shop(word[:at], kind):
                    return at + size
                is_kind = _is_a_kind if kind in _HOUSES else _is_no_name
                return 0 if is_kind(word[:at]) else at + size
    return 0


def _is_name_of_a_shop(word: str, kind: str) -> bool:
    """Say whether everyday nouns before a place one goes to are its name: 미소치과, 달빛서점.

    They are where they say nothing of its kind (어린이치과, 중고서점).
    """
    if not is_kiwi_installed() or word in _TRADES:
        return False
    together, tokens = korean_tokens(word + kind), korean_tokens(word)
    if len(together) == 1 and not together[0].oov:
        return False  # a word of the dictionary
    if len(together) > 1 and len(word) not in (token.start for token in together):
        return False  # 동해안과: no 안과
    return all(
        token.tag in _IN_A_NAME and token.form not in _KINDS_OF_SHOPS and token.form not in _TRADES
        for token in tokens
    )


def _is_a_kind(word: str) -> bool:
    """Say whether a word is a frequent noun, as in 대학병원 and 종합병원, and no name."""
    if word in _GIVEN:
        return False  # 다온물류
    if not is_kiwi_installed():
        return True
    tokens = korean_tokens(word)
    if len(tokens) > 1 and tokens[-1].tag == "ETM":
        return tokens[0].id < _QUALITY
    return len(tokens) == 1 and tokens[0].tag in _NOUNS and tokens[0].id < _EVERYDAY


def _is_no_name(word: str) -> bool:
    """Say whether nothing in a word before a trade shows that it is a name.

    It is one where nothing else is written without a space: a quality (행복한책방, 달콤제과), or
    what stands in no dictionary.
    """
    if not is_kiwi_installed():
        return True
    tokens = korean_tokens(word)
    if tokens[-1].tag == "ETM":
        return tokens[0].id < _QUALITY
    return not any(token.oov or token.tag == "XR" for token in tokens)


def firm_in(tokens: Morphemes, first: int, last: int) -> int:
    """Return where the firm ends that a word begins with, or `first`: 미소세탁, 사랑치과.

    Each part is an everyday noun, so it may be a kind of shop too (영어학원): for strict mode.

    Args:
        tokens: What `korean_tokens` cut.
        first: Index of the first morpheme of the word.
        last: One past the index of its last.
    """
    end = first
    while end < last and tokens.tags[end] in _IN_A_NAME:
        end += 1
    if end - first < _FEWEST:
        return first
    name = "".join(token.form for token in tokens[first:end])
    for index in range(first + 1, end):
        kind = name[tokens[index].start - tokens[first].start :]
        if kind in _TRADES:
            long = len(name) - len(kind) >= _SHORTEST_NAME
            known = name in _TRADES or is_title(kind) or name[: -len(kind)] in _KINDS_OF_SHOPS
            return end if long and not known else first
    return first
