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
from collections.abc import Iterable, Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import HANGUL, FoldedText
from langchain_privacy.detection.korean import morphemes, syllables
from langchain_privacy.detection.korean.everyday import is_common_token
from langchain_privacy.detection.korean.people import find_korean_people
from langchain_privacy.detection.korean.tokens import (
    SENTENCES,
    is_kiwi_installed,
    korean_tokens,
    parts,
)
from langchain_privacy.detection.once import remembered
from langchain_privacy.detection.people import is_listed_person
from langchain_privacy.detection.rules import announced_by, finding, span
from langchain_privacy.detection.vocabulary.lexicon import is_public
from langchain_privacy.words.labels import kind_of_label

# Of the rules: what the words around a name say, and not its syllables alone.
_SAID = 0.6
_PERSON = 0.6
_OTHER = 0.5
# How much more readily syllables are taken for a name: they say less than morphemes.
_EAGER_SYLLABLES = 8
_WORDS = re.compile(r"[A-Za-z]+")
_NEXT_KEY = re.compile(r"(?<=[가-힣]) [a-z_]+\Z")
_LABEL_MARK = re.compile(r"[ ]?[:：=|\t]")
# The same name behind it in Hanja: "김민수(金民秀)", "유카와 하루나(湯川遙菜·42)".
_IN_BRACKETS = re.compile(r"[ ]?\((?P<hanja>[\u4e00-\u9fff\uf900-\ufaff]{2,6})(?=[),·])")
# See `Token.id`: rarer words are often names as well.
_KNOWN = 30_000
_READ = re.compile("[가-힣]")


@announced_by(HANGUL)
def find_korean_names(text: FoldedText) -> Iterator[Finding]:
    """Find Korean names, and foreign ones in Korean spelling."""
    if not text.hangul:
        return
    found = [f for f in find_korean_people(text) if f.score >= _SAID and not _heads(text, f)]
    for at, part in parts(text.text):
        for start, end, kind in _named(part):
            if key := _NEXT_KEY.search(part, start, end):
                end = key.start()  # "이름=강하늬 ip=..." in a log
            if _is_english(part[start:end]):
                continue  # the model has read Korean sentences only
            if kind != "PERSON" and is_listed_person(part[start:end]):
                kind = "PERSON"  # the model has read few names in Latin letters: "Kevin Lee가"
            score = _PERSON if kind == "PERSON" else _OTHER
            found.append(finding(at + start, at + end, kind, score, "korean_names"))
    for name in found:
        yield name
        if name.entity_type == "PERSON" and (match := _IN_BRACKETS.match(text.text, name.end)):
            yield span(match, "PERSON", _PERSON, "korean_names", "hanja")


def _heads(text: FoldedText, found: Finding) -> bool:
    """Say whether what was found is the name of a field: 생년월일 at the head of a table."""
    at = _LABEL_MARK.match(text.text, found.end)
    return at is not None and kind_of_label(text.text[found.start : found.end]) != ""


def _is_english(name: str) -> bool:
    """Say whether all of a name is words of English, or names of files and fields."""
    return name.isascii() and (
        name.islower() or all(is_public(word.lower()) for word in _WORDS.findall(name))
    )


_Named = tuple[int, int, str]


def _named(text: str) -> Iterable[_Named]:
    if is_kiwi_installed():
        return _named_by_morphemes(text) if _READ.search(text) else ()
    return _named_by_syllables(text)


@remembered(SENTENCES)
def _named_by_syllables(text: str) -> tuple[_Named, ...]:
    found = syllables.names_in(text, eager=_EAGER_SYLLABLES)
    return tuple(name for name in found if name[2] == "PERSON")


@remembered(SENTENCES)
def _named_by_morphemes(text: str) -> tuple[_Named, ...]:
    return tuple(_in_morphemes(text))


def _in_morphemes(text: str) -> Iterator[_Named]:
    tokens = korean_tokens(text)
    for first, last, kind in morphemes.names_in(tokens):
        start, end = tokens[first].start, tokens[last - 1].end
        if last - first == 1 and is_common_token(tokens[first]):
            continue
        if not (_LABEL_MARK.match(text, end) and _is_label(text[start:end])):
            yield start, end, kind


def _is_label(word: str) -> bool:
    """Say whether a word before a colon or bar begins with a common noun: "변동일: ", "변동사유 |".

    Beside such marks Kiwi does not see that it is a noun; before a particle it does.
    """
    noun = korean_tokens(f"{word}에 대하여")[0]
    return noun.tag == "NNG" and not noun.oov and len(noun.form) > 1 and noun.id < _KNOWN
