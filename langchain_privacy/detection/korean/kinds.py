r"""Names beside a word for what they are: "동생 미르", "식당 메콩집", "하노이 출신".

Beside such a word a name is what strict mode would not let pass; what belongs to animals (고양이
사료) and to shops (카페 메뉴) is everyday words. A word that a noun or a verb goes on behind is one
of a phrase (도시 '열섬' 현상, 피해자 코스프레 하는), and so is what is given, bought or worn where
a person or an animal would be named (강아지 하네스를). An animal is known by what is said of it.

    >>> text = "제 동생 미르 말로는 식당 메콩집을 연대요. 우리 강아지 두부 13살이에요. 고양이 사료."
    >>> [(text[start:end], kind) for start, end, kind in beside_kinds(text)]
    [('미르', 'PERSON'), ('메콩집', 'ORGANIZATION'), ('두부', 'PERSON')]

`names` puts them among the findings, with the extra `korean`.
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.korean.everyday import is_nobody
from langchain_privacy.detection.korean.labelled import RELATIONS, THINGS, Named
from langchain_privacy.detection.korean.tokens import Morphemes, Token, korean_tokens
from langchain_privacy.detection.vocabulary.korean import private_words
from langchain_privacy.words import load, load_by_kind
from langchain_privacy.words.korean import HONORIFICS_AND_TITLES, PARTICLES, is_title

_PERSON, _THING, _PLACE = "PERSON", "ORGANIZATION", "LOCATION"
_KIN = "손자 손녀 할머니 할아버지 이모 고모 삼촌 절친 룸메 짝꿍 후배 선배"
_CLOSE = RELATIONS.union(_KIN.split())
_PEOPLE = _CLOSE.union(word for word in load("korean_roles") if len(word) > 1)
_PARENTS = frozenset(
    ["엄마", "아빠", "어머니", "아버지", "부모", "부모님", "가족", "형제", "자매", "남매"]
)
_ANIMALS = frozenset(
    word for word, kind in load_by_kind("korean_named_things").items() if kind == _PERSON
)
_NOTHING = load("field_no_values")
_FAMILY = load("korean_surnames")
_FOREIGN = load("korean_foreign_names")
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
_CUE = re.compile(r"(?P<cue>[가-힣]+)(?P<mark>[ ]?[:：][ ]?|[ ])['\"‘“]?(?=(?P<word>[가-힣]{2,8}))")
# An age, and not how long something has lasted or from when on it is given.
_AGED = re.compile(
    r"[이가은는]?(?:[ ]?[(,]|[ ])[ ]?(?:지금|올해|이제|벌써|만)?[ ]?"
    r"(?:\d{1,2}|[한두세네열]|다섯|여섯|일곱|여덟|아홉)[ ]?(?:살|개월|세)"
    r"[ ]?(?:이(?![상하전후내면 ])|인|예요|된|됐|짜리|[,.)]|\Z)"
)
_KEPT = re.compile(r"[ ](?:집사|누나|언니|형아?|오빠|엄마|아빠)(?![가-힣]{3})")
_MOURNED = re.compile(r"(?:죽은|떠난|잃은|키우[는던]|기르[는던])[ ]\Z")
_CLOSED = re.compile(r"['\"’”]?\)")
_OF_BEINGS = re.compile(r"(?:한테|에게)\Z")
_SUBJECT = re.compile(r"[은는이가]\Z")
# What ends the names of illnesses, bones, operations and drugs, which animals have: 구내염, 슬개골.
_OF_BODIES = tuple("염증병암골술약제")
_PLACED = frozenset({"에", "에서", "으로", "로"})
_CHERISHED = re.compile(
    r"[을를][ ](?:잘[ ])?(?:키[우웠운울]|찾|잃|데[려리]|안[아았고]|보내|만[나났]|돌[보봤])"
)
_QUOTE_ENDS = re.compile(r"['\"’”]?[ ]")
# Where somebody lives may be a place that everybody knows; where somebody is from says who it is.
_PUBLIC = load("korean_public_places")
_FROM = re.compile(
    r"(?<![가-힣])(?P<place>[가-힣]{2,6}?)[ ]?(?:(?P<origin>출신)"
    r"|에(?:서)?[ ](?:살|태어|자라|자랐|나고|거주|이사|사는|산다))"
)
_LIVES = re.compile(r"출신|에(?:서)? [살태자나거이사산]")
_QUOTES = re.compile(r"[\"'“‘「『《<]")
_LONGEST = 6
_FULL = 3
_PERSONS = _PEOPLE.union(_ANIMALS, (word for word in HONORIFICS_AND_TITLES if len(word) > 1))
# The last letters of the words for what something is: most words end in none of them.
_TELLS = 2
_ENDS = frozenset(word[-_TELLS:] for word in (*_PERSONS, *THINGS))
_ONE = frozenset(word for word in (*_PERSONS, *THINGS, "꾼") if len(word) == 1)


def beside_kinds(sentence: str, taken: bytes = b"") -> Iterator[Named]:
    """Find names beside a word for what they are, and the type of each.

    Args:
        sentence: A sentence or a line.
        taken: A 1 for each character in which others found a name; what begins there is left to
            them.
    """
    for match in _WORK.finditer(sentence) if _QUOTES.search(sentence) else ():
        yield *match.span("name"), _THING
    last = -len(", ") - 1  # where the name before ended
    for cue in _CUE.finditer(sentence):
        kind = _kind(cue["cue"])
        if not kind or taken[cue.start("word") : cue.start("word") + 1] == b"\1":
            continue
        tokens = korean_tokens(sentence)
        if not _is_noun(tokens, cue.end("cue")):
            continue
        stop = _name(sentence, tokens, cue, kind, listed=last + len(", ") == cue.start())
        if stop > cue.start("word"):
            yield cue.start("word"), stop, kind
            last = stop
    for match in _FROM.finditer(sentence) if _LIVES.search(sentence) else ():
        tokens = korean_tokens(sentence)
        start, end = match.span("place")
        at = tokens.at(start)
        named = at < len(tokens) and tokens[at].tag == "NNP"
        told = match["origin"] is not None or match["place"] not in _PUBLIC
        if named and told and (tokens[at].start, tokens[at].end) == (start, end):
            yield start, end, _PLACE


def _kind(word: str) -> str:
    """Return what the name behind a word is of, `""` for nothing."""
    last = word[-_TELLS:]
    if last not in _ENDS and word[-1] not in _ONE and word[-1] != "님":
        return ""
    if word in _PERSONS or word.removesuffix("님") in _PERSONS:
        return _PERSON
    if word[-1] == "꾼" and len(word) > 1:
        return _PERSON
    for first in range(max(0, len(word) - _LONGEST), len(word)):
        if word[first:] in THINGS:
            return THINGS[word[first:]]
    return ""


def _is_noun(tokens: Morphemes, end: int) -> bool:
    """Say whether a word ends in a noun: no particle (씨가), no adverb (단지)."""
    at = tokens.at(end) - 1
    return at >= 0 and tokens[at].end == end and tokens[at].tag[0] in "NX"


def _name(sentence: str, tokens: Morphemes, cue: re.Match[str], kind: str, *, listed: bool) -> int:
    """Return where the name ends that a word is or begins with; where it begins if it is none."""
    start, end = cue.span("word")
    word = cue["word"]
    if _is_nobody(word):
        return start
    animal = cue["cue"] in _ANIMALS
    if animal:
        if word.endswith(_OF_BODIES):
            return start
        stop = _animal(sentence, cue, listed=listed)
        if stop > start:
            return stop
    at = tokens.at(start)
    if at >= len(tokens) or tokens[at].start != start:
        return start
    first = tokens[at]
    if first.tag == "NNG" and not first.oov and first.end - start > 1:
        return start  # everyday words, alone or together
    if not (animal or cue["cue"] in _CLOSE) and _is_well_known(first):
        return start
    private = list(private_words(sentence, _never))
    for begin, stop in private:
        if begin == start and (stop >= end or sentence[stop:end] in PARTICLES):
            told = cue["mark"] != " " or not _goes_on(sentence, tokens, stop, kind, cue["cue"])
            more = any(sentence[stop:other] == " " for other, _ in private)
            return stop if told or more else start
    return start


def _animal(sentence: str, cue: re.Match[str], *, listed: bool) -> int:
    """Return where the name of an animal ends of which something is said; where it begins if not.

    Any word is one that has an age, is spoken to or was mourned: 고양이 먹구름.
    """
    start, end = cue.span("word")
    word = cue["word"]
    bare = _OF_BEINGS.search(word)
    if bare and bare.start() > 1 and not _is_nobody(word[: bare.start()]):
        return start + bare.start()
    if _AGED.match(sentence, end) or _KEPT.match(sentence, end):
        return end
    if _CLOSED.match(sentence, end) and (listed or _MOURNED.search(sentence, 0, cue.start())):
        return end
    stem = _SUBJECT.search(word)
    if stem and stem.start() > 1 and not _is_nobody(word[: stem.start()]):
        stop = start + stem.start()
        return stop if _AGED.match(sentence, stop) else start
    return start


def _is_nobody(word: str) -> bool:
    """Say whether a word is one for somebody or something, and no name."""
    return (
        word in _PEOPLE or word in _PARENTS or word in THINGS or word in _NOTHING or is_nobody(word)
    )


def _is_well_known(token: Token) -> bool:
    """Say whether the dictionary has a word that is no name of a person: 코스프레, 페르소나."""
    word = token.form
    if token.tag != "NNP" or token.oov or len(word) < _FULL or word in _FOREIGN:
        return False
    return len(word) > _FULL or word[0] not in _FAMILY


def _goes_on(sentence: str, tokens: Morphemes, stop: int, kind: str, cue: str) -> bool:
    """Say whether what stands behind a word makes it a word of a phrase."""
    at = tokens.at(stop)
    behind = tokens[at] if at < len(tokens) else None
    if behind is None:
        return False
    if behind.start == stop and kind == _PERSON and behind.tag[0] == "J":
        if behind.tag == "JKO":
            return _CHERISHED.match(sentence, stop) is None
        return behind.tag == "JKB" and behind.form in _PLACED
    gap = _QUOTE_ENDS.match(sentence, stop)
    if gap is None or cue in _CLOSE:
        return False  # "동생 미르 말로는"
    at = tokens.at(gap.end())
    behind = tokens[at] if at < len(tokens) else None
    if behind is None or behind.start != gap.end():
        return False
    if behind.tag in ("VV", "VX", "XSV", "XSA"):
        return behind.form in ("하", "되")
    return behind.tag == "NNG" and not is_title(behind.form)


def _never(_word: str) -> bool:
    return False
