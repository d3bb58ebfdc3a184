r"""Which Korean words are public: the Korean half of strict mode.

A Korean word is a noun with particles and endings behind it, and only the noun can say who somebody
is. So particles, endings, verbs, adverbs and pronouns are public, and common nouns that Kiwi knows.
What is masked:

- proper nouns, except countries, capitals, Korea's provinces and metropolitan cities, languages,
  religions and holidays (`words/korean_public_places.txt`); organisations and brands are masked;
- Hanja, except the single characters of headlines (美, 前);
- nouns that stand in no dictionary: rare names, foreign names, words that were typed wrong;
- a family name and the syllables behind it, and a syllable that was cut off a proper noun: Kiwi
  takes 양희종 for three nouns of one syllable;
- everyday nouns that call a firm together, the last of them its trade: 미소세탁;
- a noun before 씨, and what the model of `korean.morphemes` takes for a name when it is made eager:
  names that are words, such as 거미 in 가수 거미.

    >>> text = "양희종 씨와 김민수는 서울에서 계약서를 썼다."
    >>> [text[start:end] for start, end in private_words(text, lambda word: False)]
    ['양희종', '김민수']

Without Kiwi there is no strict mode for Korean: a `ConfigurationError` names the extra.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from langchain_privacy.detection.korean.everyday import is_common_token, is_paper, term_at
from langchain_privacy.detection.korean.institutions import firm_in
from langchain_privacy.detection.korean.morphemes import names_in
from langchain_privacy.detection.korean.tokens import (
    EVERYDAY,
    SENTENCES,
    Morphemes,
    Token,
    korean_tokens,
    parts,
    read_together,
)
from langchain_privacy.detection.once import remembered
from langchain_privacy.values.fold import normal
from langchain_privacy.words import load
from langchain_privacy.words.korean import HEADLINE_HANJA, PARTICLES, SYLLABLE

Span = tuple[int, int]

_FAMILY = load("korean_surnames")
_FIRST = load("korean_given_first")
_LAST = load("korean_given_last")
_PLACES = load("korean_public_places")
_HANGUL_WORD = re.compile("[가-힣]+")
_READ = re.compile("[가-힣一-鿿㐀-䶿豈-﫿\U00020000-\U0003ffff]")

# Parts of speech that never name anybody: pronouns, numerals, verbs, particles, endings, marks.
_TAGS = (
    "NNB NP NR VV VA VX VCP VCN MM MAG MAJ IC XPN XSN XSV XSA XSM"
    " JKS JKC JKG JKO JKB JKV JKQ JX JC EP EF EC ETN ETM"
    " SF SP SS SSO SSC SE SO SW SB SN SL Z_CODA Z_SIOT"
)
_PUBLIC_TAGS = frozenset(_TAGS.split())
_COMMON = frozenset({"NNG", "XR"})
# See `SequenceModel.spans`: 8 costs one benign character in 250, 24 three times as many.
_EAGER = 8
# See `Token.id`: words that are public wherever they stand alone.
_PUBLIC = 1_000
# What a name is cut into when Kiwi does not know it.
_PIECES = frozenset({"NNG", "NNP", "NNB", "NR", "NP", "MM", "MAG", "IC", "XPN", "XSN", "XR", "SH"})
_GLUED = frozenset({"NNG", "NNB", "NR", "MM", "MAG", "XPN", "XR"})
_NUMBERS = frozenset({"SN", "NR"})
# Particles that stand behind people and not behind things.
_OF_PEOPLE = frozenset({"랑", "이랑", "한테", "한테서", "에게", "께"})
# What stands behind a name without a space, and is no part of it.
_BEHIND = frozenset("씨님군양모옹측등급때전들적")


def private_words(text: str, is_public: Callable[[str], bool]) -> Iterator[Span]:
    """Find the Korean words of a text that are not public.

    Args:
        text: Any text; words in Latin letters and numbers are left to others.
        is_public: Says of a word whether the application declared it public.

    Yields:
        `(start, end)` of each word that is not public, without its particles and titles, in order.

    Raises:
        ConfigurationError: There is Korean to read, and the extra `korean` is not installed.
    """
    form = normal(text)
    read = [(at, part) for at, part in parts(form.text) if _READ.search(part)]
    read_together([part for _, part in read if not _private_in.knows(part)])
    for at, part in read:
        for start, end in _in_part(part, is_public):
            yield form.span(at + start, at + end)


def _in_part(text: str, is_public: Callable[[str], bool]) -> Iterator[Span]:
    pieces, covered = _private_in(text)
    start = end = -1  # the span that is being joined
    for begin, stop, behind in pieces:
        if is_public(text[begin:stop]):
            continue
        if begin > end:
            if end > start and not is_public(text[start:end]):
                yield start, end
            start = begin
        end = max(end, behind)
    if end > start and not is_public(text[start:end]):
        yield start, end
    if SYLLABLE.search(text, covered):
        yield covered, len(text)


@remembered(SENTENCES)
def _private_in(text: str) -> tuple[tuple[tuple[int, int, int], ...], int]:
    """Find the morphemes that are not public.

    Returns:
        Start and end of each, and where a name ends that the particle behind it belongs to; and how
        far Kiwi has read.
    """
    tokens = korean_tokens(text)
    tags = tokens.tags
    private = [
        tag not in _PUBLIC_TAGS and _is_private(text, tokens, index)
        for index, tag in enumerate(tags)
    ]
    words = list(_words(tokens))
    for first, last in words:
        if last - first > 1 and tags[first] in _PIECES and tags[first + 1] in _PIECES:
            name = _name(text, tokens, private, first, last)
            name = max(name, firm_in(tokens, first, last))
            private[first:name] = [True] * (name - first)
        if True in private[first : last - 1]:
            _glue(tokens, private, first, last)
    _supposed(tokens, private)
    for first, last in words if True in private else ():
        if True in private[first:last]:
            _clear_terms(text, tokens, private, first, last)
    pieces = []
    covered = 0
    for token, hidden in zip(tokens, private, strict=True):
        begin = token.start
        end = token.end
        if begin > covered and SYLLABLE.search(text, covered, begin):
            begin, hidden = covered, True  # nobody read this
        covered = max(covered, end)
        if hidden:
            pieces.append((begin, end, end + _ends_in_particle(text, token)))
    return tuple(pieces), covered


def _is_private(text: str, tokens: Morphemes, index: int) -> bool:
    """Say whether a morpheme is private by itself, or by a title behind it."""
    token, tag = tokens[index], tokens.tags[index]
    if tag in _COMMON and not (token.oov or _is_addressed(tokens, index)):
        return False  # most are
    word = text[token.start : token.end]
    if tag == "SH":
        return word not in HEADLINE_HANJA
    if not SYLLABLE.search(word):
        return False
    if tag in _COMMON:
        return True
    if is_common_token(token):
        return _is_called(tokens, index)
    return tag.partition("-")[0] not in _PUBLIC_TAGS and word not in _PLACES  # "VV-I": irregular


def _is_addressed(tokens: Sequence[Token], index: int) -> bool:
    """Say whether 씨 follows."""
    following = tokens[index + 1] if index + 1 < len(tokens) else None
    return following is not None and following.tag == "NNB" and following.form == "씨"


def _is_called(tokens: Sequence[Token], index: int) -> bool:
    """Say whether 씨 or 님 follows, which things do not have."""
    return index + 1 < len(tokens) and tokens[index + 1].form in ("씨", "님")


def _words(tokens: Sequence[Token]) -> Iterator[Span]:
    """Yield the tokens between two spaces or marks, as indices."""
    first, position, end = 0, -1, 0
    for index, token in enumerate(tokens):
        if token.word_position != position or token.start > end:
            if index:
                yield first, index
            first, position = index, token.word_position
        end = token.end
    if tokens:
        yield first, len(tokens)


def _name(
    text: str, tokens: Sequence[Token], private: Sequence[bool], first: int, last: int
) -> int:
    """Return where a name ends that a word begins with, as an index; `first` if there is none."""
    end = first
    while end < last and tokens[end].tag in _PIECES:
        if end > first and tokens[end].form in _BEHIND:
            break
        end += 1
    length = tokens[end - 1].end - tokens[first].start
    family = tokens[first].end - tokens[first].start
    if end - first < 2 or not 2 <= length <= 4 or family > 2:
        return first
    if length == 2 and end < last and tokens[end].form in _OF_PEOPLE:
        syllables = [text[tokens[index].start] for index in (first, end - 1)]
        if syllables[0] in _FIRST and syllables[1] in _LAST:
            return end  # a given name that was cut in two before a particle: 지 + 아 + 랑
    if text[tokens[first].start] not in _FAMILY:
        # A family name so rare that it is in no list: 빙 + 소 + 희.
        syllables = [text[tokens[index].start] for index in range(first, end)]
        given = end - first == length == 3 and {tokens[first + 1].tag, tokens[first + 2].tag}
        return (
            end if given == {"NNG"} and syllables[1] in _FIRST and syllables[2] in _LAST else first
        )
    if private[first] and tokens[first].tag == "NNP":
        return end
    if length != 3 or tokens[first].tag == "XPN":
        return first
    if family == 2:
        return end if tokens[first].tag == "NNG" and tokens[first].id > EVERYDAY else first
    return end if end - first == 3 or tokens[end - 1].tag in ("NNG", "SH") else first


def _ends_in_particle(text: str, token: Token) -> bool:
    """Say whether the last syllable of a name was read as a particle: 금보 + 라는, 배두 + 나."""
    word = _HANGUL_WORD.match(text, token.end)
    return (
        word is not None
        and token.end - token.start == 2
        and text[token.start] in _FAMILY
        and word[0][0] in "라나"
        and word[0][1:] in PARTICLES
    )


def _supposed(tokens: Morphemes, private: list[bool]) -> None:
    """Add the nouns that the model takes for a name, other than numbers: 제12조, 3층."""
    for first, last, _ in names_in(tokens, eager=_EAGER):
        first += tokens[first].form in HEADLINE_HANJA  # "前 정부"
        found = tokens[first:last]
        if any(token.tag in _NUMBERS for token in found) or (
            len(found) == 1 and (found[0].form in _PLACES or found[0].id <= _PUBLIC)
        ):
            continue
        if is_paper(found) or (len(found) == 1 and is_common_token(found[0])):
            continue
        for index, token in enumerate(found, first):
            private[index] = private[index] or SYLLABLE.search(token.form) is not None


def _clear_terms(
    text: str, tokens: Sequence[Token], private: list[bool], first: int, last: int
) -> None:
    """Leave the terms of a word in clear, other than before 씨 or 님: 캐시 + 서버, 도커에서."""
    end = tokens[last - 1].end
    index = first
    while index < last:
        start = tokens[index].start
        stop = term_at(text, start, end)
        behind = next((i for i in range(index, last) if tokens[i].start >= stop), last)
        index += 1
        if stop == start or _is_called(tokens, behind - 1):
            continue
        if tokens[behind - 1].end == stop or text[stop:end] in PARTICLES:
            private[index - 1 : behind] = [False] * (behind - index + 1)
            index = behind


def _glue(tokens: Sequence[Token], private: list[bool], first: int, last: int) -> None:
    """Add a syllable that was cut off a proper noun: 정윤 + 희."""
    for index in range(first + 1, last):
        token, before = tokens[index], tokens[index - 1]
        if (
            private[index - 1]
            and token.end - token.start == 1
            and token.tag in _GLUED
            and token.form not in _BEHIND
            and (before.tag != "NNP" or before.end - before.start < 3)
        ):
            private[index] = True
