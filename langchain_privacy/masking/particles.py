"""Korean particles that agree with the word before them.

A model that sees a placeholder cannot know whether the hidden word ends in a consonant, so it
guesses between 은 and 는, 으로 and 로. These functions choose the form that Korean orthography asks
for (한글 맞춤법; 표준국어대사전 for the forms). They are pure and know nothing of placeholders.
"""

import re
from enum import Enum

_PAIRS = [
    (pair.split("/")[0], pair.split("/")[1])
    for pair in [
        "은/는",
        "이/가",
        "을/를",
        "과/와",
        "아/야",
        "으로/로",
        "으로는/로는",
        "으로도/로도",
        "으로만/로만",
        "으로서/로서",
        "으로써/로써",
        "으로부터/로부터",
        "으로의/로의",
        "으로서의/로서의",
        "으로서는/로서는",
        "과는/와는",
        "과도/와도",
        "과의/와의",
        "과만/와만",
        "이나/나",
        "이나마/나마",
        "이랑/랑",
        "이며/며",
        "이고/고",
        "이라/라",
        "이라는/라는",
        "이라고/라고",
        "이라도/라도",
        "이라면/라면",
        "이라서/라서",
        "이라며/라며",
        "이란/란",
        "이지만/지만",
        "이든/든",
        "이든지/든지",
        "이던/던",
        "이면/면",
        "이야말로/야말로",
        "이다/다",
        "이었다/였다",
        "이었고/였고",
        "이었으며/였으며",
        "이었지만/였지만",
        "이었습니다/였습니다",
        "이었던/였던",
        "이었/였",
        "이에요/예요",
        "이어서/여서",
        "이므로/므로",
    ]
]
"""The form after a consonant and the form after a vowel."""
_FORM: dict[str, tuple[str, str]] = {form: pair for pair in _PAIRS for form in pair}
_DOUBLE = {
    written: pair
    for pair, double in {
        ("은", "는"): ("은(는)", "는(은)", "은/는", "는/은"),
        ("이", "가"): ("이(가)", "가(이)", "이/가", "가/이"),
        ("을", "를"): ("을(를)", "를(을)", "을/를", "를/을"),
        ("과", "와"): ("과(와)", "와(과)", "과/와", "와/과"),
        ("아", "야"): ("아(야)", "야(아)"),
        ("으로", "로"): ("(으)로", "으로(로)", "로(으로)"),
        ("으로는", "로는"): ("(으)로는",),
        ("으로부터", "로부터"): ("(으)로부터",),
        ("으로서", "로서"): ("(으)로서",),
        ("으로써", "로써"): ("(으)로써",),
        ("이나", "나"): ("(이)나",),
        ("이랑", "랑"): ("(이)랑",),
        ("이며", "며"): ("(이)며",),
        ("이고", "고"): ("(이)고",),
        ("이라", "라"): ("(이)라",),
        ("이라는", "라는"): ("(이)라는",),
        ("이라고", "라고"): ("(이)라고",),
        ("이라도", "라도"): ("(이)라도",),
        ("이란", "란"): ("(이)란",),
        ("이다", "다"): ("(이)다",),
    }.items()
    for written in double
}
_ALL = _FORM | _DOUBLE
_HANGUL = "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"
_AHEAD = re.compile(
    f"(?:{'|'.join(map(re.escape, sorted(_ALL, key=len, reverse=True)))})(?![{_HANGUL}])"
)
_PREFIXES = frozenset(form[:n] for form in _ALL for n in range(1, len(form) + 1))
LONGEST = max(map(len, _ALL))


class Final(Enum):
    """How the reading of a word ends, as far as particles care."""

    VOWEL = "vowel"
    RIEUL = "rieul"
    CONSONANT = "consonant"
    UNKNOWN = "unknown"


_V, _R, _C = Final.VOWEL, Final.RIEUL, Final.CONSONANT
_DIGITS = dict(zip("0123456789", (_C, _R, _V, _C, _V, _V, _C, _R, _R, _V), strict=True))
_ZEROS = {1: _C, 2: _C, 3: _C, **dict.fromkeys(range(4, 8), _C), **dict.fromkeys(range(8, 12), _C),
          **dict.fromkeys(range(12, 16), _V), **dict.fromkeys(range(16, 20), _C)}  # fmt: skip
_SYMBOLS = {"%": _V, "㎡": _V, "℃": _V, "°": _V, "㎞": _V, "㎏": _C, "㎝": _V, "㎜": _V}
_LETTERS = {"L": _R, "M": _C, "N": _C, "R": Final.UNKNOWN}
_UNITS = {"kg": _C, "g": _C, "mg": _C, "km": _V, "m": _V, "cm": _V, "mm": _V, "m²": _V, "m2": _V}
_TRAILING = " \t\"'”’*_`」』》〉"
_BRACKETED = re.compile(r"(?<=\S)\s*(?:\([^()]*\)|\[[^\[\]]*\]|（[^（）]*）)\Z")
_NUMBER = re.compile(r"(?:\d[\d,]*)(?:\.\d+)?\Z", re.ASCII)
_LATIN = re.compile(r"[A-Za-z]+\Z")
_UNIT = re.compile(r"(?<=\d)\s?(kg|mg|g|km|cm|mm|m²|m2|m)\Z")


def final(word: str) -> Final:
    """Say how the reading of a word ends.

    Hangul by its final consonant, numbers by their Sino-Korean reading, acronyms in capitals by
    the names of their letters; a bracketed note at the end is passed over. Other scripts are
    `Final.UNKNOWN`: nobody guesses how `iPhone` is read.
    """
    word = word.rstrip(_TRAILING)
    shortened = _BRACKETED.sub("", word).rstrip(_TRAILING)
    word = shortened or word
    if not word:
        return Final.UNKNOWN
    last = word[-1]
    if "가" <= last <= "힣":
        jong = (ord(last) - 0xAC00) % 28
        return _V if jong == 0 else _R if jong == 8 else _C
    if last in _SYMBOLS:
        return _SYMBOLS[last]
    if unit := _UNIT.search(word):
        return _UNITS[unit[1]]
    if number := _NUMBER.search(word):
        return _final_of_number(number[0])
    latin = _LATIN.search(word)
    if latin and latin[0].isupper() and not word[: latin.start()].endswith(("@", ".", "-", "_")):
        return _LETTERS.get(last, _V)
    return Final.UNKNOWN


def _final_of_number(written: str) -> Final:
    digits = written.replace(",", "")
    if "." in digits or digits[-1] != "0" or not digits.strip("0"):
        return _DIGITS[digits[-1]]
    zeros = len(digits) - len(digits.rstrip("0"))
    return _ZEROS.get(zeros, Final.UNKNOWN)


def particle_at(text: str, pos: int = 0) -> str:
    """Return the particle that stands at a position, `""` when there is none.

    Longest form first, double forms such as `은(는)` and `(으)로` included, and only when no Hangul
    follows: 은행 and 로비 are words, not particles.
    """
    match = _AHEAD.match(text, pos)
    return match[0] if match else ""


def may_become_particle(text: str) -> bool:
    """Say whether a text that is not finished yet may turn out to be a particle."""
    return text in _PREFIXES


def agreeing(word: str, particle: str) -> str:
    """Return the form of a particle that agrees with the word before it.

    Args:
        word: The word, or a phrase that ends in it.
        particle: A form that `particle_at` returned.

    Returns:
        The agreeing form; the particle as it was when the word's ending is not known.
    """
    pair = _ALL.get(particle)
    ending = final(word)
    if pair is None or ending is Final.UNKNOWN:
        return particle
    with_consonant, without = pair
    if ending is Final.VOWEL or (ending is Final.RIEUL and with_consonant.startswith("으로")):
        return without
    return with_consonant
