"""Names in Korean text: the rules of `people`, and a model that has read annotated sentences.

With the extra `korean` the model reads Kiwi's morphemes (`morphemes`); persons, places and
organisations are found. Without it, it reads syllables (`syllables`); persons are found. What the
rules only suppose, because of its syllables alone, the model decides; what a title, a role, a label
or an age says is kept. `defaults` puts the rule into a detector.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "가수 거미는 어제 양희종과 노래했다. 담당자: 홍길동"
    >>> sorted({text[f.start : f.end] for f in find_korean_names(fold(text))})
    ['거미', '양희종', '홍길동']
"""

import re
from collections.abc import Callable, Iterator, Sequence

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import HANGUL, FoldedText
from langchain_privacy.detection.korean import morphemes, syllables
from langchain_privacy.detection.korean.doubted import SAID, is_believed
from langchain_privacy.detection.korean.everyday import is_common_token, term_at
from langchain_privacy.detection.korean.given import given_names_in
from langchain_privacy.detection.korean.kinds import beside_kinds
from langchain_privacy.detection.korean.labelled import LABELS, labelled_in
from langchain_privacy.detection.korean.listed import listed_beside
from langchain_privacy.detection.korean.people import people_in
from langchain_privacy.detection.korean.tokens import (
    KNOWN,
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
    persons = [(f.start, f.end) for f in (*by_rules, *by_model) if f.entity_type == "PERSON"]
    listed = listed_beside(text.text, persons) if kiwi else ()
    beside = (finding(*item, "PERSON", _PERSON, "korean_listed") for item in listed)
    for name in (*by_rules, *by_model, *beside):
        yield name
        if name.entity_type == "PERSON" and (match := _IN_BRACKETS.match(text.text, name.end)):
            yield span(match, "PERSON", _PERSON, _MODEL, "hanja")


@remembered(SENTENCES)
def _with_kiwi(sentence: str) -> tuple[_Name, ...]:
    by_rules = (
        (f.start, f.end, f.entity_type, max(f.score, SAID), f.detector)
        for f in people_in(sentence)
        if is_believed(sentence, f.start, f.end, f.score) and not _heads(sentence, f)
    )
    found = (*by_rules, *_by_model(sentence, _in_morphemes), *_by_given_name(sentence))
    return (*found, *_by_kind(sentence, found))


def _by_given_name(sentence: str) -> Iterator[_Name]:
    for at, piece in pieces(sentence):
        for start, end in given_names_in(piece):
            yield at + start, at + end, "PERSON", _PERSON, "korean_given"
        for start, end, kind in labelled_in(piece):
            yield at + start, at + end, kind, _PERSON, "korean_labelled"


def _by_kind(sentence: str, others: Sequence[_Name]) -> Iterator[_Name]:
    """Yield names beside what they are; what the others found has their type."""
    taken = bytearray(len(sentence))
    for start, end, *_ in others:
        taken[start:end] = b"\1" * (end - start)
    for at, piece in pieces(sentence):
        for start, end, kind in beside_kinds(piece, bytes(taken[at : at + len(piece)])):
            if 1 not in taken[at + start : at + end]:
                yield at + start, at + end, kind, _OTHER, "korean_kinds"


@remembered(SENTENCES)
def _without(sentence: str) -> tuple[_Name, ...]:
    by_rules = (
        (f.start, f.end, f.entity_type, f.score, f.detector)
        for f in people_in(sentence)
        if f.score >= SAID and not _heads(sentence, f)
    )
    return (*by_rules, *_by_model(sentence, _in_syllables))


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
        if piece[start:end] in LABELS:
            continue
        if not (_LABEL_MARK.match(piece, end) and _is_label(piece[start:end])):
            yield start, end, kind


def _is_label(word: str) -> bool:
    """Say whether a word before a colon or bar begins with a common noun: "변동일: ", "변동사유 |".

    Beside such marks Kiwi does not see that it is a noun; before a particle it does.
    """
    noun = korean_tokens(f"{word}에 대하여")[0]
    return noun.tag == "NNG" and not noun.oov and len(noun.form) > 1 and noun.id < KNOWN
