"""Rules: pure functions over a folded text, run as one detector, and what they are built from.

A rule yields findings and keeps nothing. What makes rules fast is that none of them reads all of
the prose: numbers are searched in the stretches around digits (`numbers`), and what a word
announces is searched behind that word (`Cues`).

    >>> rooms = Cues(["room"])
    >>> def find_rooms(text):
    ...     for _, end in rooms.find(text):
    ...         if match := re.compile(r" (?P<door>[0-9]{3})").match(text.text, end):
    ...             yield span(match, "ROOM", 0.6, "rooms", "door")
    >>> RulesDetector([find_rooms]).detect("She lies in room 417.")[0].start
    17
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Generic, TypeVar

from langchain_privacy.detection.anchors import Anchored
from langchain_privacy.detection.finding import Detector, Finding
from langchain_privacy.detection.folded import (
    HANGUL,
    MEASURED,
    PARTS_AS_SIGNS,
    WORDS_AS_SIGNS,
    FoldedText,
    fold,
)
from langchain_privacy.errors import DetectionError, PrivacyError
from langchain_privacy.words.korean import is_hangul

Rule = Callable[[FoldedText], Iterable[Finding]]
"""Looks at a folded text; yields findings with offsets in it. Pure, and linear in its length."""

AnyRule = TypeVar("AnyRule", bound=Callable[..., object])


def announced_by(
    *signs: "str | Cues | Anchored", parts: Collection[str] = ()
) -> Callable[[AnyRule], AnyRule]:
    """Say of a rule that it finds nothing where a text has none of some signs.

    A rule without signs looks at every text; so must one some of whose findings have no sign.

    Args:
        signs: Whole words in lower case, `digits(9)`, `HANGUL` and the like of `folded`, or what
            the rule looks for with signs of its own.
        parts: What is a sign wherever it stands, in lower case.
    """
    words = frozenset(
        s for sign in signs for s in ([sign] if isinstance(sign, str) else sign.signs)
    )
    WORDS_AS_SIGNS.update(words - MEASURED)
    PARTS_AS_SIGNS.update(parts)
    many = words.union(parts)
    assert many, "what may stand anywhere has no signs"

    def marked(rule: AnyRule) -> AnyRule:
        rule.signs = many  # type: ignore[attr-defined]
        return rule

    return marked


_WITHOUT_CAPITALS = frozenset({"ko", "ja", "zh", "th", "hi", "ar", "fa", "he"})


class RulesDetector(Detector):
    """Runs rules over one folding of the text.

    Folding costs about as much as a rule, so the rules share it.
    """

    name = "rules"

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        min_score: float = 0.0,
        by_language: Mapping[str, Sequence[Rule]] | None = None,
        elsewhere: Mapping[str, Sequence[Rule]] | None = None,
    ) -> None:
        """Take the rules.

        Args:
            rules: Run on every text.
            min_score: The least score of a finding that is reported.
            by_language: Rules for prose, by ISO 639-1 code of the texts that they run on.
            elsewhere: Rules for prose in languages that have none of their own, by code too; those
                of `"*"` are for all others.
        """
        self.rules = tuple(rules)
        self.min_score = min_score
        own = by_language or {}
        self.names_in = frozenset(own)
        here = (*rules, *(rule for prose in own.values() for rule in prose))
        others = list((elsewhere or {}).values())
        in_each = [r for r in (others or [()])[0] if all(r in prose for prose in others)]
        self._own = BySign(here)
        self._all = BySign((*here, *(rule for rule in in_each if rule not in here)))
        self._elsewhere = {
            code: BySign((*rules, *prose)) for code, prose in {"*": (), **(elsewhere or {})}.items()
        }

    def _rules_for(self, language: str | None) -> "BySign[Rule]":
        """Return the rules that run on a text.

        A text that is unsure gets all of them. One in a script without capitals gets those that
        are for a language: it is full of names in Latin letters, and nothing else in it looks like
        one.
        """
        if self.names_in and language is None:
            return self._all
        if self.names_in and (language in _WITHOUT_CAPITALS or language in self.names_in):
            return self._own
        return self._elsewhere.get(language or "*", self._elsewhere["*"])

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Run the rules that are for a text in this language; all when it is `None`."""
        folded = fold(text)
        found: list[Finding] = []
        for rule in self._rules_for(language).announced(folded.signs):
            try:
                found += rule(folded)
            except PrivacyError as error:  # its text is ours: a list or a model is damaged
                raise DetectionError(str(error)) from None
            except Exception as error:  # noqa: BLE001 - whatever broke, nothing may be sent
                name = getattr(rule, "__name__", type(rule).__name__)
                msg = f"rule {name} failed with {type(error).__name__}; nothing was masked"
                raise DetectionError(msg) from None
        kept = [
            f
            for f in found
            if f.score >= self.min_score
            and f.start < f.end
            and (f.entity_type in _INSIDE or not is_inside_identifier(folded.text, f))
        ]
        return kept if folded.normal.origins is None else list(map(folded.to_original, kept))


class BySign(Generic[AnyRule]):
    """Rules by the signs that announce them: a text is asked once which can find anything."""

    def __init__(self, rules: Sequence[AnyRule]) -> None:
        self._rules = rules

    @cached_property
    def _bits(self) -> dict[str | None, int]:
        bits: dict[str | None, int] = {}
        for place, rule in enumerate(self._rules):
            for sign in getattr(rule, "signs", (None,)):
                bits[sign] = bits.get(sign, 0) | 1 << place
        return bits

    def announced(self, signs: Collection[str]) -> list[AnyRule]:
        """Return the rules that have no signs, or one of these, in order."""
        of = self._bits
        bits = of.get(None, 0)
        for sign in signs:
            if sign in of:
                bits |= of[sign]
        return [rule for place, rule in enumerate(self._rules) if bits >> place & 1]


# Identifiers that machines make: of their letters and digits some look like a card or a name.

_INSIDE = frozenset({"SECRET", "URL", "EMAIL"})  # what may be a part of such a word
_PART = re.compile(r"[A-Za-z0-9+/=_-]")
_LONGEST_IDENTIFIER = 128
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"(?:0x)?(?=[0-9-]*[a-f])[0-9a-f]{7,}(?:-[0-9a-f]{2,}){0,8}", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_]{20,}")
_SWITCH = re.compile(r"(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[a-z0-9]|(?<=\d)[A-Za-z]")


def is_inside_identifier(text: str, found: Finding) -> bool:
    """Say whether a finding is only a part of a UUID, a hash or the like."""
    start, end = found.start, found.end
    if not (_PART.match(text, start - 1 if start else len(text)) or _PART.match(text, end)):
        return False
    first = max(0, start - _LONGEST_IDENTIFIER)
    while start > first and _PART.match(text, start - 1):
        start -= 1
    last = min(len(text), end + _LONGEST_IDENTIFIER)
    while end < last and _PART.match(text, end):
        end += 1
    word = text[start:end].strip("=-_/+")
    if found.end - found.start >= len(word):
        return False
    if _UUID.fullmatch(word) or _HEX.fullmatch(word):
        return True
    # In base64 every other character is of another kind than the one before it; in a path few.
    return _BASE64.fullmatch(word) is not None and 3 * len(_SWITCH.findall(word)) > len(word)


class Cues:
    """Words or phrases that announce a value, looked up among the words of a text.

    An alternation of a hundred labels costs a regular expression a hundred tries at every
    character. A text is cut into words once, for all cues; a pattern is tried only behind a cue
    that is there.

    Attributes:
        signs: Of these a text has one at least if it has a cue, see `announced_by`.
    """

    def __init__(self, words: Iterable[str]) -> None:
        """Take words in lower case; those in Hangul count inside a word as well."""
        self._by_word: dict[str, list[str]] = {}  # the longest of a cue: fewest texts have it
        for cue in dict.fromkeys(words):
            latin = [] if any(map(is_hangul, cue)) else _LATIN_WORD.findall(cue)
            self._by_word.setdefault(max(latin, key=len, default=""), []).append(cue)
        hangul = sorted(map(re.escape, self._by_word.pop("", [])), key=len, reverse=True)
        self._hangul = re.compile("|".join(hangul)) if hangul else None
        self._words = frozenset(self._by_word)
        self.signs = self._words | ({HANGUL} if hangul else set())
        WORDS_AS_SIGNS.update(self._words)

    def find(self, text: FoldedText) -> Iterator[tuple[int, int]]:
        """Yield `(start, end)` of every cue, in no order; Latin ones only as whole words."""
        lower = text.lower
        for word in self._words & text.cued:
            for cue in self._by_word[word]:
                start = lower.find(cue)
                while start >= 0:
                    end = start + len(cue)
                    if not (
                        (lower[start - 1 : start].isalnum() and _INSIDE_WORD.match(lower, start))
                        or (lower[end : end + 1].isalnum() and _INSIDE_WORD.match(lower, end))
                    ):
                        yield start, end
                    start = lower.find(cue, start + 1)
        if self._hangul is not None and text.hangul:
            for match in self._hangul.finditer(lower):
                yield match.span()


_LATIN_WORD = re.compile(r"[a-z\u00df-\u024f\u0370-\u052f]+")
# Between two letters or digits that are not Hangul.
_INSIDE_WORD = re.compile(r"(?<=[^\W_가-힣])(?=[^\W_가-힣])")


def occurrences(text: str, cue: str) -> Iterator[tuple[int, int]]:
    """Yield where a string stands in another."""
    start = text.find(cue)
    while start >= 0:
        yield start, start + len(cue)
        start = text.find(cue, start + 1)


def lines_of(text: str) -> list[int]:
    """Return where the lines of a text begin."""
    return [0, *(end for _, end in occurrences(text, "\n"))]


def numbers(
    pattern: re.Pattern[str], text: FoldedText, *, digits: int = 1, letters: bool = False
) -> Iterator[re.Match[str]]:
    """Search a pattern only where enough digits for a match stand close together.

    Args:
        pattern: What is searched; no five characters may stand between two of its digits.
        text: Where.
        digits: The least number of digits in a match.
        letters: Whether a match has a letter, too, one that is not Hangul.
    """
    done = 0
    for start, end, count in text.islands[letters]:
        if count < digits:
            continue
        for match in pattern.finditer(text.text, max(start, done), end):
            done = match.end()
            yield match


def near(text: FoldedText, start: int, end: int, words: re.Pattern[str], *, reach: int) -> bool:
    """Say whether one of `words` stands within `reach` before a span, or half of it behind."""
    before = text.lower[max(0, start - reach) : start]
    after = text.lower[end : end + reach // 2]
    return words.search(before) is not None or words.search(after) is not None


def span(
    match: re.Match[str], entity_type: str, score: float, rule: str, group: int | str = 0
) -> Finding:
    """Build the finding of a match or of one of its groups."""
    start, end = match.span(group)
    return Finding(start=start, end=end, entity_type=entity_type, score=score, detector=rule)


def finding(start: int, end: int, entity_type: str, score: float, rule: str) -> Finding:
    """Build a finding of a rule."""
    return Finding(start=start, end=end, entity_type=entity_type, score=score, detector=rule)
