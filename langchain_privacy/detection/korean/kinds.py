r"""Names beside a word for what they are: "동생 미르", "식당 메콩집", "하노이 출신".

Beside such a word a name is what strict mode would not let pass; what belongs to animals (고양이
사료) and to shops (카페 메뉴) is everyday words. An animal is known by what is said of it, too.

    >>> text = "제 동생 미르 말로는 식당 메콩집을 연대요. 우리 강아지 두부 13살이에요. 고양이 사료."
    >>> [(text[start:end], kind) for start, end, kind in beside_kinds(text)]
    [('미르', 'PERSON'), ('메콩집', 'ORGANIZATION'), ('두부', 'PERSON')]

`names` puts them among the findings, with the extra `korean`.
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.korean.everyday import NOBODY, is_term
from langchain_privacy.detection.korean.labelled import THINGS, Named
from langchain_privacy.detection.korean.tokens import Morphemes, korean_tokens
from langchain_privacy.detection.vocabulary.korean import private_words
from langchain_privacy.words import load, load_by_kind
from langchain_privacy.words.korean import PARTICLES, is_title
from langchain_privacy.words.labels import kind_of_label

_PERSON, _THING, _PLACE = "PERSON", "ORGANIZATION", "LOCATION"
_RELATIONS = (
    "아들 딸 형 누나 언니 오빠 동생 남동생 여동생 남편 아내 와이프 친구 남친 여친 남자친구 여자친구"
    " 첫째 둘째 셋째 막내 조카 사촌 손자 손녀 할머니 할아버지 이모 고모 삼촌 절친 룸메 짝꿍 후배"
    " 선배"
)
_PEOPLE = {word for word in load("korean_roles") if len(word) > 1} | {*_RELATIONS.split()}
_ANIMALS = frozenset(
    word for word, kind in load_by_kind("korean_named_things").items() if kind == _PERSON
)
_NOTHING = load("field_no_values")
_OF_WORKS = (
    "웹소설|소설|시집|에세이|동화|웹툰|만화|시나리오|희곡|연극|뮤지컬|단편|장편|앨범|싱글|자작곡|노래"
    "|논문|그림책|전시|게임"
)
# As in English, of one's own: 제가 쓰는 웹소설 "…", 첫 앨범 『…』.
_WORK = re.compile(
    r"(?:(?:^|[\s(])(?:제|내|저희|우리)(?:가[ ][가-힣]{1,4})?|첫|데뷔|신작|자작|졸업)"
    rf"[ ]?(?:[가-힣]{{1,4}}[ ]){{0,2}}(?:{_OF_WORKS})[은는이인]?[ ]?"
    r"[\"'“‘「『《<](?P<name>[^\"'“”‘’「」『』《》<>\n]{1,40})[\"'”’」』》>]"
)
_WORD = re.compile("[가-힣]+")
_BEHIND = re.compile(r"(?:[ ]|[ ]?[:：][ ]?)['\"‘“]?(?P<word>[가-힣]{2,8})")
_AGED = re.compile(
    r"[이가은는]?(?:[ ]?[(,]|[ ])[ ]?(?:지금|올해|이제|벌써|만)?[ ]?"
    r"(?:\d{1,2}|[한두세네열]|다섯|여섯|일곱|여덟|아홉)[ ]?(?:살|개월|세)"
)
_KEPT = re.compile(r"[ ](?:집사|누나|언니|형아?|오빠|엄마|아빠|견주|보호자)|['\"’”]?\)")
_OF_BEINGS = re.compile(r"(?:이?(?:한테|랑)|에게)\Z")
_SUBJECT = re.compile(r"[은는이가]\Z")
# Where somebody lives may be a place that everybody knows; where somebody is from says who it is.
_PUBLIC = load("korean_public_places")
_FROM = re.compile(
    r"(?<![가-힣])(?P<place>[가-힣]{2,6}?)[ ]?(?:(?P<origin>출신)"
    r"|에(?:서)?[ ](?:살|태어|자라|자랐|나고|거주|이사|사는|산다))"
)


def beside_kinds(sentence: str) -> Iterator[Named]:
    """Find names beside a word for what they are, and the type of each."""
    for match in _WORK.finditer(sentence):
        yield *match.span("name"), _THING
    tokens: Morphemes | None = None
    for cue in _WORD.finditer(sentence):
        kind, animal = _kind(cue[0])
        behind = _BEHIND.match(sentence, cue.end()) if kind else None
        if behind is None:
            continue
        tokens = korean_tokens(sentence) if tokens is None else tokens
        start, end = behind.span("word")
        stop = _name(sentence, tokens, start, end, animal=animal)
        if stop > start:
            yield start, stop, kind
    for match in _FROM.finditer(sentence):
        tokens = korean_tokens(sentence) if tokens is None else tokens
        start, end = match.span("place")
        at = tokens.at(start)
        named = at < len(tokens) and tokens[at].tag == "NNP"
        told = match["origin"] is not None or match["place"] not in _PUBLIC
        if named and told and (tokens[at].start, tokens[at].end) == (start, end):
            yield start, end, _PLACE


def _kind(word: str) -> tuple[str, bool]:
    """Return what the name behind a word is of, `""` for nothing, and whether of an animal."""
    if word in _ANIMALS:
        return _PERSON, True
    if word in _PEOPLE or is_title(word):
        return _PERSON, False
    if word[-1:] == "꾼" and len(word) > 1:
        return _PERSON, False
    for first in range(max(0, len(word) - 6), len(word)):
        if word[first:] in THINGS:
            return THINGS[word[first:]], False
    return "", False


def _name(sentence: str, tokens: Morphemes, start: int, end: int, *, animal: bool) -> int:
    """Return where the name ends that a word is or begins with; `start` if it is none."""
    word = sentence[start:end]
    if word in _ANIMALS or word in THINGS:
        return start
    if word in NOBODY or word in _NOTHING or is_title(word) or is_term(word) or kind_of_label(word):
        return start
    if animal:
        bare = _OF_BEINGS.search(word)
        if bare and bare.start() > 1:
            return start + bare.start()
        if _AGED.match(sentence, end) or _KEPT.match(sentence, end):
            return end
        stem = _SUBJECT.search(word)
        if stem and stem.start() > 1 and _AGED.match(sentence, start + stem.start()):
            return start + stem.start()
    at = tokens.at(start)
    if at >= len(tokens) or tokens[at].start != start:
        return start
    first = tokens[at]
    if first.tag == "NNG" and not first.oov and first.end - start > 1:
        return start  # everyday words, alone or together
    for begin, stop in private_words(sentence, _never):
        if begin == start and (stop >= end or sentence[stop:end] in PARTICLES):
            return stop
    return start


def _never(_word: str) -> bool:
    return False
