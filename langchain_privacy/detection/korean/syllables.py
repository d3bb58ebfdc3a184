"""Names among syllables: what the model reads of them, and what it finds, without Kiwi.

Each syllable of Hangul is a piece of the model (`sequence`), as is a run of Latin letters or of
digits; other marks end a stretch. `names` puts what it finds among the findings.

    >>> text = "어제 배우 정재영이 왔다."
    >>> [text[start:end] for start, end, kind in names_in(text) if kind == "PERSON"]
    ['정재영']
"""

import re
from collections.abc import Iterator, Sequence

from langchain_privacy.detection.korean.sequence import load_model
from langchain_privacy.words import load
from langchain_privacy.words.korean import PARTICLES, is_title

_FAMILY = load("korean_surnames")
_FIRST = load("korean_given_first")
_LAST = load("korean_given_last")
_FOREIGN = load("korean_foreign_names")
_NOT_NAMES = load("korean_not_names")
_ROLES = load("korean_roles")
_PLACES = load("korean_regions") | load("korean_public_places")
_WORD = re.compile(r"(?P<hangul>[가-힣]+)|(?P<latin>[A-Za-z\u00c0-\u024f]+)|(?P<digits>[0-9]+)|\S")
# Marks that stand within a name: "B.J. 업튼", "피터 드래커(Drucker)" is cut at the bracket.
_INNER = frozenset(".·-'")
_EDGE = "^"

Piece = tuple[int, int, list[str]]


def names_in(text: str, *, eager: int = 0) -> Iterator[tuple[int, int, str]]:
    """Find names among the syllables of a text.

    Args:
        text: Any text.
        eager: See `SequenceModel.spans`.

    Yields:
        `(start, end, kind)`, in order.
    """
    model = load_model("syllables")
    for stretch in stretches(text):
        for first, last, kind in model.spans([piece[2] for piece in stretch], eager=eager):
            yield stretch[first][0], stretch[last - 1][1], kind


def stretches(text: str) -> Iterator[list[Piece]]:
    """Yield the stretches of pieces: start, end and features of each."""
    words = list(_WORD.finditer(text))
    keys = [_EDGE, _EDGE, *map(_key, words), _EDGE, _EDGE]
    stretch: list[Piece] = []
    for index, word in enumerate(words):
        if word.lastgroup == "hangul":
            gaps = (
                index > 0 and words[index - 1].end() < word.start(),
                index + 1 < len(words) and words[index + 1].start() > word.end(),
            )
            stretch += _syllables(word[0], word.start(), keys[index : index + 5], gaps)
        elif word.lastgroup or word[0] in _INNER:
            before, key, after = keys[index + 1 : index + 4]
            features = [f"k{key}", f"kp{before[-2:]}{key}", f"kn{key}{after[:2]}"]
            stretch.append((word.start(), word.end(), features))
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _key(word: re.Match[str]) -> str:
    """Return a word in Hangul, or what kind of word it is."""
    if word.lastgroup == "digits":
        return f"#{min(len(word[0]), 4)}"
    if word.lastgroup == "latin":
        return ("L" if len(word[0]) == 1 else "U") if word[0].isupper() else "l"
    return word[0]


def _syllables(
    word: str, start: int, around: Sequence[str], gaps: tuple[bool, bool]
) -> Iterator[Piece]:
    """Describe each syllable by those around it, by the word and by the words beside it."""
    far_before, before, _, after, far_after = around
    left, right = ("_" if gap else "" for gap in gaps)
    size = len(word)
    titled = is_title(after)
    role = before in _ROLES or (before[-1] in "은는이가인의" and before[:-1] in _ROLES)
    family = word[0] in _FAMILY or word[:2] in _FAMILY
    listed = next((n for n in range(min(size, 7), 1, -1) if word[:n] in _FOREIGN), 0)
    known = word in _PLACES
    always = f"{family:d}{word in _NOT_NAMES or word[:3] in _NOT_NAMES:d}"
    padded = f"__{word}__"
    for at, char in enumerate(word):
        two, one, right_one, right_two = padded[at], padded[at + 1], padded[at + 3], padded[at + 4]
        stem, rest = word[: at + 1], word[at + 1 :]
        particle = rest in PARTICLES
        place, left_over = min(at, 5), min(size - at - 1, 4)
        shape = (
            f"{place}{char in _FIRST:d}{char in _LAST:d}{particle:d}"
            f"{bool(rest) and is_title(rest):d}{always}"
        )
        features = [
            f"0{char}",
            f"1{one}{char}",
            f"2{char}{right_one}",
            f"3{one}{char}{right_one}",
            f"4{two}{one}{char}",
            f"5{char}{right_one}{right_two}",
            f"8{place}{left_over}",
            f"m{shape}",
            f"M{shape}{titled:d}{role:d}",
            f"p{place}{left}{before[-2:]}",
            f"n{left_over}{particle:d}{right}{after[:2]}",
            f"P{min(place, 3)}{before}",
            f"N{left_over}{after}",
            f"q{place}{far_before[-2:]}{left}{before[-1]}",
            f"o{left_over}{right}{after[0]}{far_after[:2]}",
        ]
        if at < 6:
            features.append(f"w{stem}{'|' if particle else ''}")
            if len(rest) < 6:
                features.append(f"9{place}{rest}")
        if particle:
            features.append(f"S{stem[-2:]}{after[:2]}")
        if listed:
            features.append(f"f{place - listed}")
        if known:
            features.append("r")
        if size < 8:
            features.append(f"x{at}{word}")
        yield start + at, start + at + 1, features
