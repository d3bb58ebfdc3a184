"""People in a database: which columns hold their names, and how a name may be spelled in Latin.

A person's name binds exactly or not at all, so a column of names is known by its values, not by a
word for it alone:

    >>> holds_people("t.c3", ["김민수", "이서연", "박도윤", "최은영"])
    True
    >>> holds_people("t.동", ["신사동", "서초동", "정자동", "방배동"])
    False
    >>> names = LatinNames(["김민수"])
    >>> [bool(names.find(written)) for written in ("Kim Min-su", "Minsoo Kim", "Kim Minho")]
    [True, True, False]
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

from langchain_privacy.words import load, without_accents
from langchain_privacy.words.labels import kind_of_label

_SAMPLE = 400
_HANGUL_NAME = re.compile(r"[가-힣]{2,5}")
# Letters, joined by nothing or by one mark; a run of letters can be read in one way only, or a long
# text of a column would be tried for ever.
_LATIN_WORD = r"[^\W\d_]+(?:['’.-][^\W\d_]+)*\.?"
_LATIN_NAME = re.compile(rf"{_LATIN_WORD}(?: {_LATIN_WORD}){{0,3}}")
_MOSTLY, _HALF, _SOME = 0.75, 0.5, 0.3
_ENDINGS_OF_PLACES = frozenset("동구시군읍면리로길역가")


def holds_people(column: str, values: Sequence[str]) -> bool:
    """Say whether a column holds names of people.

    Args:
        column: Its name; one that says so needs fewer values that look like names.
        values: Its distinct values.
    """
    sample = [value.strip() for value in values[:_SAMPLE] if value.strip()]
    kind = kind_of_label(column.rpartition(".")[2])
    names = [value for value in sample if _looks_like_a_name(value, alone=kind == "PERSON")]
    if not names:
        return False
    share = len(names) / len(sample)
    if kind == "PERSON":
        return share >= _SOME
    ending, count = Counter(name[-1] for name in names).most_common(1)[0]
    # 신사동, 서초동: places begin like names do.
    places = ending in _ENDINGS_OF_PLACES and count > len(names) / 2
    return not places and share >= (_HALF if kind == "MAYBE_NAME" else _MOSTLY)


def _looks_like_a_name(value: str, *, alone: bool) -> bool:
    """Say whether a value looks like a name; one Latin word is none, unless a label says so."""
    compact = value.replace(" ", "")
    if _HANGUL_NAME.fullmatch(compact):
        family = family_of(compact)
        return (
            family > 0
            and 0 < len(compact) - family <= 3
            and compact not in load("korean_not_names")
        )
    if not _LATIN_NAME.fullmatch(value) or value.lower() in load("places"):
        return False
    words = [without_accents(word).lower().strip(".") for word in value.split()]
    if len(words) == 1:
        return alone
    return words[0] in load("given_names") or (alone and words[-1] in load("surnames"))


def family_of(name: str) -> int:
    """Return how many syllables of a Korean name are the family's, 0 when it begins with none."""
    families = load("korean_surnames")
    if len(name) > 3 and name[:2] in families:
        return 2
    return 1 if name[:1] in families else 0


def given_name(name: str) -> str:
    """Return the given name of a Korean name, `""` when there is none of two syllables."""
    compact = name.replace(" ", "")
    if not _HANGUL_NAME.fullmatch(compact):
        return ""
    given = compact[family_of(compact) or 1 :]
    return given if len(given) == 2 else ""


# ---- Korean names in Latin letters: every usual spelling of a syllable, not one standard

_INITIALS = dict(
    zip(
        "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ",
        [
            "g,k",
            "kk,gg,k,g",
            "n",
            "d,t",
            "tt,dd,t",
            "r,l",
            "m",
            "b,p",
            "pp,bb,p",
            "s,sh",
            "ss,s",
            ",y",
            "j,ch,z",
            "jj,tch,ch,j",
            "ch,c",
            "k,kh",
            "t,th",
            "p,ph,f",
            "h",
        ],
        strict=True,
    )
)
_MEDIALS = dict(
    zip(
        "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ",
        [
            "a,ah",
            "ae,ai,ay,e",
            "ya,yah",
            "yae",
            "eo,u,uh,o,ou",
            "e,eh",
            "yeo,you,yu,yo,eo,u,yuh",
            "ye,yeh,ey,e",
            "o,oh",
            "wa,oa",
            "wae",
            "oe,oi,we",
            "yo,yoh",
            "u,oo,woo,ou,wu",
            "wo,weo,wuh",
            "we",
            "wi,wee,ui,uie",
            "yu,yoo,you,ew",
            "eu,u,oo",
            "ui,eui,ee,i,hee",
            "i,ee,yi,y,ie",
        ],
        strict=True,
    )
)
_FINALS = {
    "": ",h", "ㄱ": "k,g,c,ck", "ㄴ": "n", "ㄷ": "t,d", "ㄹ": "l,r,ll", "ㅁ": "m", "ㅂ": "p,b",
    "ㅅ": "t,s", "ㅇ": "ng", "ㅈ": "t", "ㅊ": "t", "ㅎ": "t,h", "ㄲ": "k", "ㅆ": "t,s",
}  # fmt: skip
# Families that are written in a way of their own.
_FAMILIES = {
    "이": "lee yi rhee rhie ri li", "박": "park pak bak bark", "임": "lim im rim yim",
    "최": "choi choe choy", "유": "yoo yu you ryu ryoo", "류": "ryu ryoo yoo yu",
    "노": "noh roh no", "나": "na ra nah", "양": "yang ryang",
    "오": "oh o", "우": "woo wu", "서": "seo suh so",
    "석": "seok suk sok", "엄": "um eom uhm", "염": "yeom yum", "여": "yeo yo", "예": "ye",
    "육": "yook yuk", "용": "yong", "원": "won", "왕": "wang", "위": "wi wee", "안": "ahn an",
}  # fmt: skip


@cache
def _spellings(syllable: str) -> frozenset[str]:
    """Return the usual spellings of a syllable in Latin letters."""
    jamo = unicodedata.normalize("NFKD", syllable)
    code = [ord(c) for c in jamo]
    initial = list(_INITIALS.values())[code[0] - 0x1100]
    medial = list(_MEDIALS.values())[code[1] - 0x1161]
    final = ""
    if len(code) > 2:
        final = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"[code[2] - 0x11A8]
    finals = _FINALS.get(final, "t,k,p").split(",")
    return frozenset(
        i + m + f for i in initial.split(",") for m in medial.split(",") for f in finals
    )


@cache
def _ways(name: str) -> tuple[tuple[frozenset[str], ...], tuple[frozenset[str], ...]]:
    """Return the spellings of the family's syllables and of the given name's."""
    family = family_of(name) or 1
    parts = [_spellings(syllable) for syllable in name]
    own = frozenset(_FAMILIES.get(name[:1], "").split())
    parts[0] = parts[0] | own if family == 1 else parts[0]
    return tuple(parts[:family]), tuple(parts[family:])


@dataclass(slots=True)
class _Syllable:
    """A place in the tree of names: what may follow, by its spellings, and whose name ends here."""

    next: dict[frozenset[str], "_Syllable"] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)


class LatinNames:
    """Korean names, to be found by their usual spellings in Latin letters, in either order.

    Names share their syllables, so that a tree of them is gone through once for all.

    Args:
        names: The names; what is no Korean name is left out.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._root = _Syllable()
        for name in names:
            compact = name.replace(" ", "")
            if not _HANGUL_NAME.fullmatch(compact):
                continue
            family, given = _ways(compact)
            for order in ((*family, *given), (*given, *family)):
                place = self._root
                for spellings in order:
                    place = place.next.setdefault(spellings, _Syllable())
                place.names[name] = None

    def __repr__(self) -> str:
        return "<LatinNames>"

    def find(self, written: str) -> list[str]:
        """Return the names that words are a usual spelling of, each once."""
        letters = re.sub(r"[^a-z]", "", written.lower())
        found: dict[str, None] = {}
        steps = [(self._root, 0)]
        while steps:
            place, at = steps.pop()
            if at == len(letters):
                found |= place.names
                continue
            for spellings, after in place.next.items():
                steps += [
                    (after, at + len(spelling))
                    for spelling in spellings
                    if spelling and letters.startswith(spelling, at)
                ]
        return list(found)
