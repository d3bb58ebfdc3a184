r"""Korean names: family name, likely syllables, and the words around them.

A word is read first by itself: a family name of one or two syllables, a given name made of
syllables that names are made of, a particle or a title behind it ("서지훈은", "박의원"). What a
word may be does not depend on where it stands, so readings are kept. Then the words around it
decide: a title or an age behind it, a role or a label before it, names beside it.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "담당자는 노경아(02-555-0101)이다. 박 전 의원이 왔다. 정부는 말했다."
    >>> [text[f.start : f.end] for f in find_korean_people(fold(text))]
    ['노경아', '박']

`defaults` puts the rule into a detector. What may stand behind a name is in `words.korean`.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.rules import finding, span
from langchain_privacy.words import load
from langchain_privacy.words.korean import HEADLINE_HANJA, PARTICLES, TITLE_STARTS, TITLES, is_title

_FAMILY = load("korean_surnames")
ONE_SYLLABLE_FAMILY = "".join(s for s in _FAMILY if len(s) == 1)
"""Family names of one syllable, for a character class."""

_NOT_NAMES = load("korean_not_names")
_ROLES = load("korean_roles")

# What a word may be by itself

# Family names that are seldom anything else at the start of a word.
_SURE_FAMILY = load("korean_sure_surnames")
_RARE_FAMILY = load("korean_surnames_rare")
# Given names: their first and last syllables, and whole ones.
_FIRST = load("korean_given_first")
_LAST = load("korean_given_last")
_WHOLE = load("korean_given_whole")
_FOREIGN = load("korean_foreign_names")
_FOREIGN_STARTS = frozenset(name[:2] for name in _FOREIGN if len(name) > 1)
_PLACES = load("korean_regions")
_TITLES = frozenset(TITLES)
# Syllables that end a name less often than they are a particle or an ending.
_ENDINGS = frozenset("은이의도가인만과와을를는에로한하된될할적들다고며면지서나라자기시해요음중술")
# Of these the ones that do end a name, behind a sure family name.
_ENDINGS_OF_NAMES = frozenset("은이의인하지서자기시")
# What people write behind a name without a space, besides particles.
_STUCK = (
    "씨", "님", "때문", "때매", "땜", "역", "표", "출연", "연기", "주연", "형", "누나", "언니",
    "오빠", "엄마", "아빠", "말고", "덕", "보는", "나오", "사단", "스럽", "게임",
)  # fmt: skip
_REMEMBERED = 8192


class _Stem(NamedTuple):
    """What a word is without its particle.

    Attributes:
        length: How many syllables it has.
        plausible: It is made of syllables of names.
        likely: Besides, it has the usual length.
        alone: It is likely enough to count with no word beside it that says so.
    """

    length: int
    plausible: bool
    likely: bool
    alone: bool


class _Reading(NamedTuple):
    """One way to cut a word into a family name and the rest.

    Attributes:
        family: Syllables of the family name.
        titled: Length of the name in front of a title in the same word ("박의원"), or 0.
        given: Whether a given name may begin behind the family name.
        somebody: "윤모": a family name and the word for somebody.
        may_be: Whether it can be a name without a mark before it.
        likely: Whether a stem is likely a name.
        stems: The word without its particle, the longer first.
    """

    family: int
    titled: int
    given: bool
    somebody: bool
    may_be: bool
    likely: bool
    stems: tuple[_Stem, ...]


class _Word(NamedTuple):
    """A word, with all its readings.

    Attributes:
        never: No name, whatever stands around it, unless a mark before it says so.
        by_itself: It may be a name whatever follows it.
        excluded: No name even behind a mark.
        foreign: Length of the foreign name that it begins with, or 0.
        label: A role or a title, which a mark makes no name of.
    """

    never: bool
    by_itself: bool
    excluded: bool
    foreign: int
    label: bool
    readings: tuple[_Reading, ...]


_READ: dict[int, _Word] = {}
_NO_NAME = _Word(never=True, by_itself=False, excluded=True, foreign=0, label=True, readings=())


def _read(word: str) -> _Word:
    """Return what a word may be, from memory if it was read before.

    Most words of a text were in the texts before it. A word may be a name, so none is kept: the
    memory knows a word by its hash, which Python keys anew in each process, and a reading holds
    lengths only.
    """
    key = hash(word)
    known = _READ.get(key)
    if known is None:
        if len(_READ) >= _REMEMBERED:
            _READ.clear()
        known = _READ[key] = _read_anew(word)
    return known


def _read_anew(word: str) -> _Word:
    if word in _NOT_NAMES or word in _PLACES or word[:3] in _NOT_NAMES:
        return _NO_NAME
    readings = [
        reading
        for family in (2, 1)  # "선우경" may be 선우 경 or 선 우경
        if len(word) >= family
        and word[:family] in _FAMILY
        and (reading := _reading(word, family)) is not None
    ]
    foreign = _foreign(word)
    if not (readings or foreign):
        return _NO_NAME
    by_itself = (
        foreign > 0
        or word[1:2] in ("씨", "모")
        or any(r.likely or r.titled or r.somebody for r in readings)
    )
    never = not (by_itself or any(r.may_be for r in readings))
    label = word in _ROLES or is_title(word)
    return _Word(never, by_itself, False, foreign, label, tuple(readings))


def _reading(word: str, family: int) -> _Reading | None:
    """Return a word cut behind its family name; `None` if nothing around it makes that a name."""
    titled, title = 0, False
    for at in range(min(len(word) - 1, family + 2), family - 1, -1):
        if word[at] in TITLE_STARTS and is_title(word[at:]):
            title = True
            titled = titled or _before_title(word, at, family)
    stems = _stems(word, family)
    rest = word[family:]
    if not (stems or titled or rest == "모" or rest[:1] == "씨"):
        return None
    read = tuple(_stem(stem, family, word) for stem in stems)
    given = not rest or rest[0] in _FIRST or rest[:2] in _WHOLE
    may_be = title or any(stem.plausible or stem.length == family for stem in read)
    likely = any(stem.likely for stem in read)
    return _Reading(family, titled, given, rest == "모", may_be, likely, read)


def _stem(stem: str, family: int, word: str) -> _Stem:
    plausible = _plausible(stem, family)
    likely = plausible and len(stem) in (family + 2, 3) and (family == 2 or len(stem) == 3)
    return _Stem(len(stem), plausible, likely, likely and _alone(stem, family, word))


def _stems(word: str, family: int) -> list[str]:
    stems = []
    for length in (family + 2, family + 1):
        rest = word[length:]
        if len(word) >= length and (
            rest in PARTICLES or (rest.startswith(_STUCK) and len(rest) < 11)
        ):
            stems.append(word[:length])
    return [*stems, word] if len(word) == family else stems


def _plausible(stem: str, family: int) -> bool:
    given = stem[family:]
    listed = given in _WHOLE
    if not given or len(given) > 2:
        return False
    if not listed and (given[0] not in _FIRST or given[-1] not in _LAST):
        return False
    return not (stem in _NOT_NAMES or stem in _ROLES or stem in _PLACES or stem in _TITLES)


def _alone(stem: str, family: int, word: str) -> bool:
    if family == 2:
        return len(stem) > 3
    if stem[0] in _RARE_FAMILY:
        return False
    if stem[-1] in _ENDINGS and stem == word:
        return stem[0] in _SURE_FAMILY and stem[-1] in _ENDINGS_OF_NAMES and stem[:2] not in _TITLES
    return True


def _before_title(word: str, at: int, family: int) -> int:
    stem = word[:at]
    if len(stem) == family and word[at:][:1] in "씨모":
        return family
    return at if _plausible(stem, family) and len(stem) > family + 1 else 0


def _foreign(word: str) -> int:
    """Return the length of the foreign name that a word begins with, or 0."""
    if word[:2] in _FOREIGN_STARTS:
        for length in range(min(len(word), 7), 1, -1):
            rest = word[length:]
            if word[:length] in _FOREIGN and (rest in PARTICLES or rest.startswith(_STUCK)):
                return length
    return 0


# What stands around a name

_RANKS = ("총괄", "수석", "명예", "선임", "부")
_TITLE_OR_AGE_STARTS = TITLE_STARTS | {word[0] for word in (*_RANKS, "전", "현")} | {"("}
_NEXT_WORD = re.compile(r"[ ]?(?P<word>[가-힣]+)")
_OFFICE = re.compile(r"(?:[ ]?\([^()\n]{1,12}\))?[ ]?(?:[가-힣]{2,6}[ ])?(?P<word>[가-힣]+)")
_ROLE_BEFORE = re.compile(
    r"(?P<role>[가-힣]{1,8})(?P<particle>은|는|이|가|인|의|:|)"  # "담당자는"
    r"[ ]{0,2}(?P<mark>[:：=|(\[>-]?)[ \t\"'*]{0,3}\Z"  # "담당자: "
)
_SPEAKER = re.compile(rf"(?:^|[\s·-])[{ONE_SYLLABLE_FAMILY}][ ][가-힣]{{2,4}}\Z")
_NAME_BEFORE = re.compile(r"(?<![가-힣])(?P<name>[가-힣]{3,4})[ ]\Z")
_AGE = re.compile(r"[ ]?\((?:\d{1,3}(?:세|살)?|남|여|\d{2}년생|만[ ]?\d+세)[,)·]")
_SOMEBODY = re.compile(r"[ ]?(?:\([^()\n]{1,12}\)|씨|양|군|전 )")


def _may_title_follow(t: str, end: int) -> bool:
    """Say whether what follows begins as a title or an age does: a look before the long one."""
    first = end + t.startswith(" ", end)
    return t[first : first + 1] in _TITLE_OR_AGE_STARTS


def _title_near(t: str, end: int) -> bool:
    """Say whether the next word is a title: "서지훈 부장", "박 전 의원", "신 총괄회장"."""
    following = _NEXT_WORD.match(t, end)
    if following is None:
        return False
    word = following["word"]
    if word in ("전", "현") and (following := _NEXT_WORD.match(t, following.end())):
        word = following["word"]
    return is_title(word) or (
        word.startswith(_RANKS)
        and any(word.startswith(r) and is_title(word.removeprefix(r)) for r in _RANKS)
    )


def _title_after_office(t: str, end: int) -> bool:
    """Say whether an office and a title follow: "홍길동 영업 과장", "홍길동(통일) 의원"."""
    match = _OFFICE.match(t, end)
    return match is not None and is_title(match["word"])


class _Role(NamedTuple):
    """What the word before a name says.

    Attributes:
        known: It is a role.
        label: A mark makes it a label: "담당자: ".
        subject: A particle makes it the subject of a sentence, whose object may be next:
            "임차인이 차임을", "임차인이 설치한".
    """

    known: bool = False
    label: bool = False
    subject: bool = False


def _role_before(t: str, start: int) -> _Role:
    """Say what role stands before an offset."""
    match = _ROLE_BEFORE.search(t, max(0, start - 14), start)
    if match is None:
        return _Role()
    role, mark = match["role"], bool(match["mark"]) or match["particle"] == ":"
    known = (
        role in _ROLES
        or role.removesuffix("명") in _ROLES
        or (role.endswith(("성명", "이름", "인", "주치의", "담당자")) and role[-3:] in _ROLES)
    )
    subject = False
    if not known and len(role) > 1 and role[-1] in "은는이가인의":
        known = role[:-1] in _ROLES
        subject = role[-1] in "은는이가"
    if known and mark and _speaks(t, match.start(), match.end("role")):
        return _Role()  # "변 위원: 최근 3년": somebody's words follow, no name
    return _Role(known, known and mark and match["mark"] not in ("-", ">"), subject)


def _speaks(t: str, start: int, end: int) -> bool:
    """Say whether a name stands before a title, so that both say who speaks: "변 위원: "."""
    if _SPEAKER.search(t[max(0, start - 4) : end]):
        return True
    before = _NAME_BEFORE.search(t, max(0, start - 5), start)
    return (
        before is not None
        and t[start:end] in _TITLES
        and any(reading.likely for reading in _read(before["name"]).readings)
    )


# The rule

# Family names that, alone before a title, are more often a word: "전 대통령", "현 시장", "차 사장".
_WORDS_AS_WELL = load("korean_surnames_words_as_well")
# A family name and a title in one word: 도팀장님. Before one, some say what kind of person it is.
_HONOURED = re.compile(
    rf"(?<![가-힣])(?P<family>[{ONE_SYLLABLE_FAMILY}])(?P<title>[가-힣]{{2,5}})님"
)
_KINDS = _WORDS_AS_WELL | {"여", "남", "노", "명"}
# What follows the stem of a verb or of 이다, where a name ends with the same syllable.
_VERB_AFTER = {
    "하": "는고며지길다라여였면게던", "한": "다", "된": "다", "해": "야서도",
    "이": "다며고라지었나란므", "지": "는고며만다", "오": "는고며지다", "나": "는오온",
}  # fmt: skip
# Particles of place and time: people take 에게 and 한테, "옥수동에" is no person.
_OF_PLACES = frozenset({"에", "에서", "까지", "부터", "에서는", "에는", "에도", "에서도"})
_BETWEEN_NAMES = frozenset({"·", ", ", "/", ",", "・", "ㆍ"})
# Words that begin as a name may: the engine passes the others by. Some foreign names and family
# names of two syllables begin with a syllable that is no family name.
_MARKS = r"[:：=|(\[]"
_STARTS = "".join(sorted({name[0] for name in _FAMILY | _FOREIGN_STARTS}))
_LONG = _FOREIGN_STARTS | {name for name in _FAMILY if len(name) > 1}
_NEXT = _FIRST | {name[0] for name in _WHOLE} | {"씨", ""}
_SECOND = "".join(sorted(_NEXT.union(*(name[1] for name in _LONG))))
_WORD = re.compile(
    rf"[{_STARTS}](?<![가-힣].)(?:(?![가-힣])|(?=[{_SECOND}])"
    rf"|(?<={_MARKS}.)|(?<={_MARKS}[ \t\"'*].))[가-힣]*"  # any word behind a mark
)
# What goes on with a label: "성명(한자): ".
_LABEL_GOES_ON = re.compile(r"\)[ ]?[:：=|]")
# A name in Hangul and Hanja ("표秀蓮"), and Hanja where a form asks for them.
_HANJA = r"[\u4e00-\u9fff\uf900-\ufaff]"
_MIXED = re.compile(
    rf"(?<![가-힣])[{ONE_SYLLABLE_FAMILY}](?P<given>{_HANJA}{{2}})(?!{_HANJA})"
    rf"|한자(?:[ ]?(?:성명|이름))?\)?[ ]?[:：|\t][ |\t]{{0,3}}(?P<form>{_HANJA}{{2,4}})(?!{_HANJA})"
)
_HANJA_NAME = re.compile(rf"(?<!{_HANJA}){_HANJA}{{2,4}}(?!{_HANJA})")
_ANY_HANJA = re.compile(_HANJA)
# What can make a label of the word before it, up to the word behind it.
_MARK = re.compile(rf"{_MARKS}[ \t\"'*]?(?=[가-힣])")


def find_korean_people(text: FoldedText) -> Iterator[Finding]:
    """Find Korean names, and foreign ones in Korean spelling."""
    return people_in(text.text) if text.hangul else iter(())


def people_in(t: str) -> Iterator[Finding]:
    """Find Korean names in a sentence or a text, as `find_korean_people` does."""
    yield from _in_forms(t)
    yield from _writers(t)
    for match in _VIETNAMESE.finditer(t) if " 티 " in t or " 반 " in t else ():
        yield span(match, "PERSON", 0.8, "korean_people")
    for match in _HALF_HIDDEN.finditer(t) if _STAR.search(t) else ():
        yield span(match, "PERSON", 0.6, "korean_people")
    for match in _HONOURED.finditer(t) if "님" in t else ():
        family, title = match.group("family", "title")
        if title in _TITLES and family not in _KINDS and family + title not in _TITLES:
            yield span(match, "PERSON", 0.7, "korean_people", "family")
    hanja = _ANY_HANJA.search(t) is not None
    for match in _HANJA_NAME.finditer(t) if hanja else ():
        if not HEADLINE_HANJA.issuperset(match[0]) and _title_near(t, match.end()):
            yield span(match, "PERSON", 0.65, "korean_people")  # "田村 부장"
    for match in _MIXED.finditer(t) if hanja else ():
        if match["form"] or not HEADLINE_HANJA.issuperset(match["given"]):  # "한中日"
            yield span(match, "PERSON", 0.65, "korean_people", "form" if match["form"] else 0)
    marked = {match.end() for match in _MARK.finditer(t)}
    last = -9  # where the person before ended: "변아람·설지안·명노을"
    for match in _WORD.finditer(t):
        start, begins = match.start(), match[0][:2]
        if not (begins[1:] in _NEXT or begins in _LONG or start in marked):
            continue
        word = _read(match[0])
        listed = start - last in (1, 2) and t[last:start] in _BETWEEN_NAMES
        if not (word.by_itself or listed or start in marked) and (
            word.never or not _may_title_follow(t, match.end())
        ):
            continue
        found = _name_in(t, match, word, listed=listed, marked=start in marked)
        if found is not None:
            last, score = found
            yield finding(start, last, "PERSON", score, "korean_people")


def _name_in(
    t: str, match: re.Match[str], word: _Word, *, listed: bool, marked: bool
) -> tuple[int, float] | None:
    """Return where the name in a word ends and its score."""
    start, end = match.span()
    if word.excluded or (start and t[start - 1].isdecimal()):
        return None  # "3천여명"
    if marked and _LABEL_GOES_ON.match(t, end):
        return None
    if word.foreign:
        return start + word.foreign, 0.5
    for reading in word.readings:
        found = _with_family(t, start, end, word, reading, listed=listed, marked=marked)
        if found is not None:
            return start + found[0], found[1]
    return None


def _with_family(
    t: str, start: int, end: int, word: _Word, reading: _Reading, *, listed: bool, marked: bool
) -> tuple[int, float] | None:
    """Return the length of the name, if this reading is one, and its score."""
    family = reading.family
    if not (reading.given or marked):
        # No given name begins so: only a title can make this a person.
        return (family, 0.7) if t[start + family] == "씨" else None
    if reading.somebody and _SOMEBODY.match(t, end):
        return family, 0.6
    if reading.titled:
        return reading.titled, 0.7
    role = _role_before(t, start) if reading.likely or marked else _Role()
    if listed:
        role = role._replace(known=True, subject=False)
    if role.label and not word.label:
        for stem in reading.stems:
            length = stem.length
            if stem.plausible or (length == family + 2 and end - start - length < 3):
                return length, 0.8
    for stem in reading.stems:
        if score := _score(t, start, end, stem, family, role):
            return stem.length, score
    return None


def _score(t: str, start: int, end: int, stem: _Stem, family: int, role: _Role) -> float:
    """Say how likely a stem is a name, from what it is made of and what stands around it."""
    rest = start + stem.length
    whole = rest == end
    if whole and stem.plausible:
        if _AGE.match(t, end):
            return 0.75
        if _title_near(t, end):
            return 0.7
    elif whole and stem.length == family and _title_near(t, end):
        return 0.7 if t[start:rest] not in _WORDS_AS_WELL or t[end : end + 2] == " 씨" else 0.0
    if whole and stem.likely and _title_after_office(t, end):
        return 0.65
    if not whole and t[rest:end] in _OF_PLACES:
        return 0.0
    if not stem.likely or (
        not role.label and not whole and t[rest] in _VERB_AFTER.get(t[rest - 1], "")
    ):
        return 0.0
    if role.known:
        ends = whole and t[rest - 1] in _ENDINGS - _ENDINGS_OF_NAMES
        return 0.0 if role.subject and ends else 0.65
    return 0.5 if stem.alone else 0.0


# Where a form or a messenger says that a name stands

_PARTY = r"[ :'\")]"
_FORM_LABEL = re.compile(
    r"성[ ]{0,3}명|이[ ]{0,3}름|성함|예금주|환자명?|고객명?|영문명|작성자|의뢰인|근로자|내담자"
    r"|신청인|회원|임차인|임대인|피보험자|직원|사원"
    rf"|자\([갑을병]\)[ ]|갑{_PARTY}|을{_PARTY}|병{_PARTY}"
)
_FORM_NAME = re.compile(
    # a field for a name holds one, whatever its syllables: "성 명 | 쩐 티 마이 |"
    r"(?:성[ ]{0,3}명|이[ ]{0,2}름|성함|예금주명?|환자명|고객명|영문명)[ ]?(?:\([^()\n]{1,8}\))?"
    r"[ ]?[:|\t=][ \t|]{0,4}(?P<name>[가-힣]{1,6}(?:[ ][가-힣]{1,6}){1,3}|[가-힣]{2,6})"
    r"(?=[ ]{0,3}(?:[|\n\t(,/]|님|\Z))"
    # so does what follows the word for a party: "'갑' 홍길동 (", "작성자: 홍길동"
    # (after a syllable 을 is a particle: "평균을 높은 순서로")
    r"|(?:(?<![가-힣])[(]?[갑을병]['\")]{0,2}[ :]{1,3}"
    r"|(?<=[가-힣])자\([갑을병]\)[ ]|작성자[ :]{1,3})"
    r"(?P<party>[가-힣]{2,4}(?:[ ][가-힣]{1,5}){1,2}|[가-힣]{3})"
    r"(?=[는은와과]?[ ]{1,2}(?:주민|외국인|생년|\()|[ ]?\n|[는은]?[ ]다음|\Z)"
    # and what stands between a role and 님: "의뢰인 쯔엉 반 남 님에게"
    r"|(?:의뢰인|환자|고객|근로자|내담자|신청인|회원|임차인|임대인|피보험자|직원|사원)[ :]{1,2}"
    r"(?P<titled>[가-힣]{1,5}(?:[ ][가-힣]{1,5}){1,3})[ ]?(?:님|씨)"
    r"(?=[ \n(,.은는이가의을를과와께도에])"
)
# "유*진님", "김○○ 씨": half hidden by who wrote it.
_HALF_HIDDEN = re.compile(
    rf"(?<![가-힣*])[{ONE_SYLLABLE_FAMILY}](?:[*＊○●]{{1,2}}[가-힣]?|[가-힣][*＊○●])"
    r"(?=님|씨|[ )\],은는이가의을를]|\Z)"
)
# "[진아름] [오후 2:14]": who wrote a line, as messengers export it.
_WRITERS = re.compile(r"(?m)^\[(?P<name>[가-힣][가-힣 ]{0,11})\] \[오[전후] \d{1,2}:\d\d\]")
# A Vietnamese name by its family and its middle: "팜 티 하은", "응우옌 반 득".
_VIETNAMESE = re.compile(
    r"(?<![가-힣])(?:응우옌|응웬|쩐|팜|호앙|후인|부이|응오|즈엉|레|판)[ ](?:티|반)[ ]"
    r"(?:[가-힣][ ](?!씨|님|군|양)[가-힣]{1,3}?|[가-힣]{2,4}?|[가-힣])"
    r"(?=(?:님|씨|[은는이가을를의도와과]|에게|한테|이?고|이?라고|입니다|이?에요|예요)?(?![가-힣]))"
)
_STAR = re.compile(r"[*＊○●]")
_NOBODY = _NOT_NAMES | {"나", "회원님", "알 수 없음"}


def _in_forms(t: str) -> Iterator[Finding]:
    for label in _FORM_LABEL.finditer(t):
        match = _FORM_NAME.match(t, label.start())
        group = (match and match.lastgroup) or "name"
        if match and match[group] not in _NOT_NAMES and match[group] not in _ROLES:
            yield span(match, "PERSON", 0.7, "korean_people", group)


def _writers(t: str) -> Iterator[Finding]:
    for match in _WRITERS.finditer(t) if "] [오" in t else ():
        if match["name"] not in _NOBODY:
            yield span(match, "PERSON", 0.7, "korean_people", "name")
