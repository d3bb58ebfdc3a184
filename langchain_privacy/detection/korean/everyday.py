"""Words that Kiwi takes for proper although they only say what something is.

Kiwi's dictionary has the titles of an encyclopaedia among its proper nouns: 근로계약서, 등록기준지.
Cut without that entry such a word shows itself to be made of everyday nouns; the name of a firm
does not (삼성 + 전자), and short words are not asked about: 강하늘 is an actor. A title that Kiwi
knows as a common noun as well (아메리카노) is one. Labels of forms are those of `words.labels`.

What computing, offices and clinics call things, Kiwi has among its names (캐시, 와이파이) or
not at all (쿠버네티스): such terms are listed, as English ones are.

    >>> from langchain_privacy.detection.korean.tokens import korean_tokens
    >>> words = ["근로계약서", "배송지", "삼성전자", "강하늘"]
    >>> [is_common_token(korean_tokens(f"{word}에 대하여")[0]) for word in words]
    [True, True, False, False]

The names that are found (`names`) and strict mode (`detection.vocabulary.korean`) ask.
"""

from collections.abc import Sequence

from langchain_privacy.detection.korean.tokens import KNOWN, Token, tokens_without
from langchain_privacy.detection.once import remembered
from langchain_privacy.words import load
from langchain_privacy.words.korean import is_title
from langchain_privacy.words.labels import kind_of_label

# See `Token.id`: parts that are rarer may be names; words that are more frequent stand in news and
# books, as names of firms, places and people do.
_EVERYDAY = 20_000
_OF_AN_ENCYCLOPAEDIA = 100_000
_SHORTEST, _SHORTEST_COMMON = 4, 3
_PART = 2
NOBODY = (
    load("korean_not_names")
    | load("korean_regions")
    | load("korean_public_places")
    | load("korean_roles")
)
"""Words that are nobody's name."""
_PAPERS = tuple(load("korean_papers"))
DOMAINS = ("it", "business", "medicine")
"""The lists `korean_public_<domain>.txt`: terms that Kiwi's dictionary lacks, or has as names."""
_TERMS = frozenset().union(*(load(f"korean_public_{domain}") for domain in DOMAINS))
_SUBSTANCES = tuple(load("korean_medical_endings"))
_LONGEST_TERM = max(map(len, _TERMS))
_BEFORE_ENDING = 2


def is_nobody(word: str) -> bool:
    """Say whether a word, or several, is or has a role, a title, a place, a term or a label."""
    words = word.split()
    return (
        not NOBODY.isdisjoint(words)
        or is_title(words[-1])
        or is_term(word)
        or kind_of_label(word) != ""
    )


def is_paper(tokens: Sequence[Token]) -> bool:
    """Say whether everyday nouns name a paper together: 건강보험자격득실확인서, 등기부등본.

    What else they name together may be a firm or an office (문화체육관광부).
    """
    return len(tokens) > 1 and (
        "".join(token.form for token in tokens).endswith(_PAPERS)
        and all(t.tag == "NNG" and not t.oov and t.id < KNOWN for t in tokens)
    )


def is_term(word: str) -> bool:
    """Say whether a word is a term of computing, of offices or of clinics."""
    return word in _TERMS or word.endswith(_SUBSTANCES, _BEFORE_ENDING)


def term_at(text: str, start: int, end: int) -> int:
    """Return where the longest term at the start of a word ends; `start` if there is none."""
    for stop in range(min(end, start + _LONGEST_TERM), start + 1, -1):
        if is_term(text[start:stop]):
            return stop
    return start


def is_common_token(token: Token) -> bool:
    """Say whether a proper noun of Kiwi's dictionary is a label, a term, or everyday nouns."""
    if token.tag != "NNP" or token.oov:
        return False
    return (
        is_term(token.form)
        or kind_of_label(token.form) != ""
        or (token.id > _OF_AN_ENCYCLOPAEDIA and _is_common(token.form))
    )


@remembered(8192)
def _is_common(word: str) -> bool:
    """Say whether a word is a common noun as well, or made of everyday nouns.

    Only the last of these may be one syllable.
    """
    if len(word) < _SHORTEST_COMMON:
        return False
    parts = tokens_without(word)
    if len(parts) == 1:
        return parts[0].tag == "NNG" and not parts[0].oov and parts[0].form == word
    return (
        len(word) >= _SHORTEST
        and all(len(part.form) >= _PART for part in parts[:-1])
        and all(part.tag == "NNG" and not part.oov and part.id < _EVERYDAY for part in parts)
    )
