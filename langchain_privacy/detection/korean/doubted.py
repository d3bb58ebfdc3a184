"""What Kiwi says of the names that the rules of `people` found in a sentence.

The rules read words by their syllables and by what stands around them; Kiwi knows which of them are
everyday words, alone or with a particle. What a label says, and 씨 or 님, says more than Kiwi.

    >>> text = "환자는 교과서를 읽었다."
    >>> is_believed(text, 4, 7, 0.65)
    False
"""

import re
from collections.abc import Sequence

from langchain_privacy.detection.korean.tokens import (
    EVERYDAY,
    KNOWN,
    Token,
    korean_tokens,
    pieces,
)
from langchain_privacy.words import load
from langchain_privacy.words.korean import CASE_BEHIND

_FAMILY = load("korean_surnames")
_GIVEN = load("korean_given_whole") | load("korean_given_words_as_well")
# Of the rules: what the words around a name say, what a role before it says, and what a label does.
SAID = 0.6
_BY_ROLE = 0.65
_LABELLED = 0.8
# A word that is none of address.
_WORD_BEHIND = re.compile(r"[ ](?![가-힣]{0,6}(?:씨|님))[가-힣]")
_ENDINGS = frozenset(["JKS", "JKC", "JKG", "JKO", "JKB", "JX", "JC", "VCP", "ETM", "EC", "EF"])
_PIECES = frozenset({"NNG", "NNP", "NNB", "NR", "MM", "MAG", "XPN", "XR", "SH"})
# "환자는 교과서를", and what a mark makes the head of a column or a line.
_SUBJECT = re.compile(r"(?<=[가-힣][은는이가]) \Z")
_LABELS = re.compile(r"[ ]?[:：=|\t]")
_FULL = 3


def is_believed(sentence: str, start: int, end: int, score: float) -> bool:
    """Say whether what Kiwi reads leaves a name that the rules found with some score."""
    if CASE_BEHIND.match(sentence, end):
        return False
    if score >= _LABELLED:
        return True
    at, piece = next(p for p in pieces(sentence) if p[0] + len(p[1]) > start)
    tokens = korean_tokens(piece)
    first, last = tokens.at(start - at), tokens.at(end - at)
    if first == last or tokens[first].start != start - at:
        return score >= SAID
    found = tokens[first:last]
    if end - start == 1 and found[0].end > end - at and not found[0].oov:
        return found[0].tag != "NNG"  # 선교사님: no 교사 of the family 선
    whole = found[-1].end == end - at
    if score < SAID:
        alone = whole and end - start >= _FULL and not _LABELS.match(sentence, end)
        return alone and _is_cut_name(found)
    if (
        score <= _BY_ROLE
        and whole
        and _SUBJECT.search(sentence, start - 1, start)
        and _is_word(found)
    ):
        return False
    if whole and last < len(tokens) and _is_counted(found, tokens[last]):
        return False
    return _WORD_BEHIND.match(sentence, end) is None or not _is_inflected(found)


def _is_cut_name(found: Sequence[Token]) -> bool:
    """Say whether Kiwi reads a word as a name it does not know: one word, or a name in pieces."""
    tags = [token.tag for token in found]
    if found[0].form[0] not in _FAMILY or not _PIECES.issuperset(tags):
        return False
    if tags[0] == "NNP":
        return found[0].oov or found[0].id > KNOWN or len(found[0].form) == 1
    if len(found) == 1:
        return False
    return all(len(token.form) == 1 or token.id > EVERYDAY for token in found)


def _is_word(found: Sequence[Token]) -> bool:
    """Say whether it is one everyday noun, with a prefix or without: 교과서, 신기능."""
    noun = found[-1]
    if noun.tag != "NNG" or noun.oov or noun.id >= KNOWN:
        return False
    if len(found) == 1:
        return True
    return (
        [token.tag for token in found] == ["XPN", "NNG"]
        and len(noun.form) > 1
        and noun.form not in _GIVEN
    )


def _is_counted(found: Sequence[Token], behind: Token) -> bool:
    """Say whether a noun is what a seed or a quantity is of: 호박 씨, 소금 양."""
    if len(found) > 1 or found[0].form in _GIVEN:
        return False
    return found[0].tag == behind.tag == "NNG" and behind.form in ("씨", "양")


def _is_inflected(found: Sequence[Token]) -> bool:
    """Say whether it is a noun with a particle or with 이다: 고객 성함이, 예정인 환자.

    Kiwi knows 이상인 and takes an unknown name for one noun.
    """
    noun = next((i for i, token in enumerate(found) if token.tag in _ENDINGS), 0)
    return (
        noun > 0
        and all(token.tag in _ENDINGS for token in found[noun:])
        and [token.tag for token in found[:noun]] in (["NNG"], ["MM", "NNB"])
        and all(not token.oov and token.id < KNOWN for token in found[:noun])
    )
