"""Names in Korean text: the rules of `people`, and a model that has read annotated sentences.

With the extra `korean` the model reads Kiwi's morphemes (`morphemes`); persons, places and
organisations are found. Without it, it reads syllables (`syllables`); persons are found. What the
rules only suppose, because of its syllables alone, the model decides; what a title, a role, a label
or an age says is kept. `defaults` puts the rule into a detector.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "가수 거미는 어제 양희종과 노래했다. 담당자: 홍길동"
    >>> [text[f.start : f.end] for f in find_korean_names(fold(text))]
    ['홍길동', '거미', '양희종']
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from operator import attrgetter

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import HANGUL, FoldedText
from langchain_privacy.detection.korean import morphemes, syllables
from langchain_privacy.detection.korean.everyday import is_common_token, term_at
from langchain_privacy.detection.korean.people import people_in
from langchain_privacy.detection.korean.tokens import (
    SENTENCES,
    is_kiwi_installed,
    korean_tokens,
    pieces,
    read_together,
    sentences,
)
from langchain_privacy.detection.once import remembered
from langchain_privacy.detection.people import is_listed_person
from langchain_privacy.detection.rules import announced_by, finding, span
from langchain_privacy.detection.vocabulary.lexicon import is_public
from langchain_privacy.words.korean import PARTICLES, SYLLABLE
from langchain_privacy.words.labels import kind_of_label

# Of the rules: what the words around a name say, and not its syllables alone.
_SAID = 0.6
_MODEL = "korean_names"
_PERSON = 0.6
_OTHER = 0.5
# How much more readily syllables are taken for a name: they say less than morphemes.
_EAGER_SYLLABLES = 8
_WORDS = re.compile(r"[A-Za-z]+")
_NEXT_KEY = re.compile(r"(?<=[가-힣]) [a-z_]+\Z")
_LABEL_MARK = re.compile(r"[ ]?[:：=|\t]")
# The same name behind it in Hanja: "김민수(金民秀)", "유카와 하루나(湯川遙菜·42)".
_IN_BRACKETS = re.compile(r"[ ]?\((?P<hanja>[\u4e00-\u9fff\uf900-\ufaff]{2,6})(?=[),·])")
# Of the rules: what a label says.
_LABELLED = 0.8
# A word that is none of address.
_WORD_BEHIND = re.compile(r"[ ](?![가-힣]{0,6}(?:씨|님))[가-힣]")
_ENDINGS = frozenset(["JKS", "JKC", "JKG", "JKO", "JKB", "JX", "JC", "VCP", "ETM", "EC", "EF"])
_start_of = attrgetter("start")
# See `Token.id`: rarer words are often names as well.
_KNOWN = 30_000


_Named = tuple[int, int, str]
_Name = tuple[int, int, str, float, str]
"""Where a name stands in a sentence, its type and score, and who says so."""


@announced_by(HANGUL)
def find_korean_names(text: FoldedText) -> Iterator[Finding]:
    """Find Korean names, and foreign ones in Korean spelling."""
    if not text.hangul:
        return
    kiwi = is_kiwi_installed()
    by_rules: list[Finding] = []
    by_model: list[Finding] = []
    read = [(at, s) for at, s in sentences(text.text) if not kiwi or SYLLABLE.search(s)]
    if kiwi:
        new = (sentence for _, sentence in read if not _with_kiwi.knows(sentence))
        read_together([p for s in new for _, p in pieces(s) if SYLLABLE.search(p)])
    for at, sentence in read:
        for start, end, kind, score, rule in (_with_kiwi if kiwi else _without)(sentence):
            found = finding(at + start, at + end, kind, score, rule)
            (by_model if rule == _MODEL else by_rules).append(found)
    for name in (*by_rules, *by_model):
        yield name
        if name.entity_type == "PERSON" and (match := _IN_BRACKETS.match(text.text, name.end)):
            yield span(match, "PERSON", _PERSON, _MODEL, "hanja")


@remembered(SENTENCES)
def _with_kiwi(sentence: str) -> tuple[_Name, ...]:
    by_rules = (name for name in _by_rules(sentence) if not _is_inflected(sentence, name))
    return (*by_rules, *_by_model(sentence, _in_morphemes))


@remembered(SENTENCES)
def _without(sentence: str) -> tuple[_Name, ...]:
    return (*_by_rules(sentence), *_by_model(sentence, _in_syllables))


def _by_rules(sentence: str) -> Iterator[_Name]:
    for f in people_in(sentence):
        if f.score >= _SAID and not _heads(sentence, f):
            yield f.start, f.end, f.entity_type, f.score, f.detector


def _is_inflected(sentence: str, name: _Name) -> bool:
    """Say whether what words around it make a name is a noun with a particle or with 이다.

    고객 성함이, 예정인 환자: Kiwi knows 이상인 and takes an unknown name for one noun. What a label
    says, and 씨 or 님 behind it, says more.
    """
    start, end, _, score, _ = name
    if score >= _LABELLED or not _WORD_BEHIND.match(sentence, end):
        return False
    at, piece = next(p for p in pieces(sentence) if p[0] + len(p[1]) > start)
    tokens = korean_tokens(piece)
    first = bisect_left(tokens, start - at, key=_start_of)
    last = bisect_left(tokens, end - at, key=_start_of)
    noun = next((i for i in range(first, last) if tokens[i].tag in _ENDINGS), first)
    return (
        first < noun
        and tokens[first].start == start - at
        and all(token.tag in _ENDINGS for token in tokens[noun:last])
        and (tokens.tags[first:noun] in (["NNG"], ["MM", "NNB"]))
        and all(not token.oov and token.id < _KNOWN for token in tokens[first:noun])
    )


def _by_model(sentence: str, read: Callable[[str], Iterator[_Named]]) -> Iterator[_Name]:
    for at, piece in pieces(sentence):
        for start, end, kind in read(piece):
            if key := _NEXT_KEY.search(piece, start, end):
                end = key.start()  # "이름=강하늬 ip=..." in a log
            if _is_english(piece[start:end]) or _are_terms(piece[start:end]):
                continue  # the model has read news only
            if kind != "PERSON" and is_listed_person(piece[start:end]):
                kind = "PERSON"  # the model has read few names in Latin letters: "Kevin Lee가"
            yield at + start, at + end, kind, _PERSON if kind == "PERSON" else _OTHER, _MODEL


def _heads(sentence: str, found: Finding) -> bool:
    """Say whether what was found is the name of a field: 생년월일 at the head of a table."""
    return (
        _LABEL_MARK.match(sentence, found.end) is not None
        and kind_of_label(sentence[found.start : found.end]) != ""
    )


def _is_english(name: str) -> bool:
    """Say whether all of a name is words of English, or names of files and fields."""
    return name.isascii() and (
        name.islower() or all(is_public(word.lower()) for word in _WORDS.findall(name))
    )


def _are_terms(name: str) -> bool:
    """Say whether all of a name is terms, with particles or without: "캐시도 프롬프트"."""
    words = ((word, term_at(word, 0, len(word))) for word in name.split())
    return all(end > 0 and word[end:] in PARTICLES for word, end in words)


def _in_syllables(piece: str) -> Iterator[_Named]:
    for name in syllables.names_in(piece, eager=_EAGER_SYLLABLES):
        if name[2] == "PERSON":
            yield name


def _in_morphemes(piece: str) -> Iterator[_Named]:
    if not SYLLABLE.search(piece):
        return
    tokens = korean_tokens(piece)
    for first, last, kind in morphemes.names_in(tokens):
        start, end = tokens[first].start, tokens[last - 1].end
        if last - first == 1 and is_common_token(tokens[first]):
            continue
        if not (_LABEL_MARK.match(piece, end) and _is_label(piece[start:end])):
            yield start, end, kind


def _is_label(word: str) -> bool:
    """Say whether a word before a colon or bar begins with a common noun: "변동일: ", "변동사유 |".

    Beside such marks Kiwi does not see that it is a noun; before a particle it does.
    """
    noun = korean_tokens(f"{word}에 대하여")[0]
    return noun.tag == "NNG" and not noun.oov and len(noun.form) > 1 and noun.id < _KNOWN
