"""Words that Kiwi takes for proper although they only say what something is.

Kiwi's dictionary has the titles of an encyclopaedia among its proper nouns: 근로계약서, 등록기준지.
Cut without that entry such a word shows itself to be made of everyday nouns; the name of a firm
does not (삼성 + 전자), and short words are not asked about: 강하늘 is an actor. Labels of forms are
those of `words.labels`.

    >>> from langchain_privacy.detection.korean.tokens import korean_tokens
    >>> words = ["근로계약서", "배송지", "삼성전자", "강하늘"]
    >>> [is_common_token(korean_tokens(f"{word}에 대하여")[0]) for word in words]
    [True, True, False, False]

The names that are found (`names`) and strict mode (`detection.vocabulary.korean`) ask.
"""

from functools import lru_cache

from langchain_privacy.detection.korean.tokens import Token, tokens_without
from langchain_privacy.words.labels import kind_of_label

# See `Token.id`: parts that are rarer may be names; words that are more frequent stand in news and
# books, as names of firms, places and people do.
_EVERYDAY = 20_000
_OF_AN_ENCYCLOPAEDIA = 100_000
_SHORTEST = 4
_PART = 2


def is_common_token(token: Token) -> bool:
    """Say whether a proper noun of Kiwi's dictionary is a label or made of everyday nouns."""
    if token.tag != "NNP" or token.oov:
        return False
    return kind_of_label(token.form) != "" or (
        token.id > _OF_AN_ENCYCLOPAEDIA and _is_compound(token.form)
    )


@lru_cache(maxsize=8192)
def _is_compound(word: str) -> bool:
    """Say whether everyday nouns make up a word; only the last of them may be one syllable."""
    if len(word) < _SHORTEST:
        return False
    parts = tokens_without(word)
    return (
        len(parts) > 1
        and all(len(part.form) >= _PART for part in parts[:-1])
        and all(part.tag == "NNG" and not part.oov and part.id < _EVERYDAY for part in parts)
    )
