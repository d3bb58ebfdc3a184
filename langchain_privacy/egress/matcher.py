"""Finds the values of a vault session in a text, also in disguise.

One pass of an Aho-Corasick automaton (Aho and Corasick, CACM 18(6), 1975) over the text's skeleton
finds every candidate whatever their number; each is then judged in the original text.
"""

import re
import threading
import unicodedata
from collections.abc import Iterator
from typing import Any, NamedTuple

import ahocorasick

from langchain_privacy.egress.encodings import decodings
from langchain_privacy.egress.fold import HARD, SOFT, compose, fold, positions
from langchain_privacy.egress.numerals import amounts, has_numerals, spelled_digits, value_of
from langchain_privacy.egress.strength import Strength, is_hangul, strength_of
from langchain_privacy.vault import VaultEntry, VaultSession

_DEPTH = 2
_INVISIBLE = ("Cf", "Mn", "Me", "Cn")
PLACEHOLDER = re.compile(r"\[([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)_([0-9A-HJKMNP-TV-Z]{4,})\]")


class Match(NamedTuple):
    """A vault value in a text: where, in what form, of what type. Never the value."""

    start: int
    end: int
    form: str
    entity_type: str


class _Key(NamedTuple):
    entry: VaultEntry
    length: int
    form: str


class VaultMatcher:
    """Looks for the values of one session; follows the session as it grows.

    Its `repr` shows nothing. Thread-safe.
    """

    def __init__(self, session: VaultSession) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._version = -1
        self._seen = 0
        self._codes: set[tuple[str, str]] = set()
        self._strong: dict[str, list[_Key]] = {}
        self._weak: dict[str, list[_Key]] = {}
        self._amounts: dict[int, _Key] = {}
        self._strong_automaton: Any = None
        self._weak_automaton: Any = None

    def __repr__(self) -> str:
        return f"<VaultMatcher of {self._session.id}>"

    def find(self, text: str) -> Iterator[Match]:
        """Yield the values that stand in `text`, plain forms first.

        Args:
            text: Composed text (NFC); `fold.SOFT` marks the seams of its pieces, and nothing is
                joined across `fold.HARD`.
        """
        with self._lock:
            self._follow()
            strong, weak = self._strong_automaton, self._weak_automaton
        if strong is None and weak is None:
            return
        text = self._without_placeholders(text)
        yield from self._scan(text, strong, weak)
        if has_numerals(text):
            yield from self._numerals(text, strong, weak)
        yield from self._decoded(text, strong, weak, _DEPTH, "")

    def issued(self, entity_type: str, code: str) -> bool:
        """Tell whether the session issued a placeholder; what it did once is known again."""
        name = (entity_type, code)
        if name in self._codes:
            return True
        if self._session.lookup(entity_type, code) is None:
            return False
        self._codes.add(name)
        return True

    def _without_placeholders(self, text: str) -> str:
        # Only what this session issued: a forged placeholder may carry a value.
        def blank(match: re.Match[str]) -> str:
            return HARD * len(match[0]) if self.issued(match[1], match[2]) else match[0]

        return PLACEHOLDER.sub(blank, text) if "[" in text else text

    def _decoded(
        self, text: str, strong: Any, weak: Any, depth: int, outer: str
    ) -> Iterator[Match]:
        # All decoded parts are scanned as one text; `owners` leads back to where each came from.
        parts, owners, at = [], [], 0
        for part in decodings(text):
            decoded = compose(part.text.replace(HARD, " "))
            owners.append((at, at + len(decoded), part))
            parts.append(decoded)
            at += len(decoded) + 1
        if not parts:
            return
        joined = HARD.join(parts)
        found = [*self._scan(joined, strong, weak)]
        if has_numerals(joined):
            found += self._numerals(joined, strong, weak)
        if depth > 1:
            found += self._decoded(joined, strong, weak, depth - 1, outer)
        for match in found:
            for start, end, part in owners:
                if start <= match.start < end:
                    form = part.form if match.form == "plain" else f"{part.form}+{match.form}"
                    yield Match(part.start, part.end, form, match.entity_type)
                    break

    def _numerals(self, text: str, strong: Any, weak: Any) -> Iterator[Match]:
        for start, end, value in amounts(text):
            if key := self._amounts.get(value):
                yield Match(start, end, "numeral", key.entry.entity_type)
        for start, end, digits in spelled_digits(text):
            for match in self._scan(digits, strong, weak):
                yield Match(start, end, "numeral", match.entity_type)

    def _scan(self, text: str, strong: Any, weak: Any) -> Iterator[Match]:
        if strong is not None:
            folded, at = fold(text), None
            for last, keys in strong.iter(folded):
                at = at or positions(text)
                for key in keys:
                    start, end = at[last - key.length + 1], at[last] + 1
                    if form := _judge(text, start, end, key):
                        yield Match(start, end, form, key.entry.entity_type)
        if weak is not None:
            for last, keys in weak.iter(text):
                for key in keys:
                    start, end = last - key.length + 1, last + 1
                    if is_whole_word(text, start, end):
                        yield Match(start, end, key.form, key.entry.entity_type)

    def _follow(self) -> None:
        """Take in what the session issued since the last look."""
        version = self._session.version
        if version == self._version:
            return
        entries = self._session.entries(self._seen)
        for entry in entries:
            self._codes.add((entry.entity_type, entry.code))
            if entry.is_private:
                self._add(entry)
        self._strong_automaton = _automaton(self._strong)
        self._weak_automaton = _automaton(self._weak)
        self._seen, self._version = self._seen + len(entries), version

    def _add(self, entry: VaultEntry) -> None:
        value = compose(entry.value)
        folded = fold(value)
        strength = strength_of(value, folded)
        if strength is Strength.STRONG:
            self._put(self._strong, folded, entry, "plain")
            backwards = folded[::-1]
            if backwards != folded:
                self._put(self._strong, backwards, entry, "reversed")
            digits = fold("".join(c for c in value if c.isdecimal()))
            if 5 <= len(digits) < len(folded) <= len(digits) + 3:
                self._put(self._strong, digits, entry, "separators")
            # The same telephone with and without its country code or leading zero.
            if "PHONE" in entry.entity_type and len(digits) >= 9:
                self._put(self._strong, digits[-9:], entry, "separators")
        elif strength is Strength.WEAK:
            for form, variant in (("plain", value), ("case", value.upper())):
                self._put(self._weak, variant, entry, form)
        amount = value_of(value)
        if amount is not None and amount >= 10_000 and len(str(amount).rstrip("0")) >= 2:
            self._amounts.setdefault(amount, _Key(entry, len(folded), "numeral"))
            self._put(self._strong, fold(str(amount)), entry, "numeral")

    @staticmethod
    def _put(keys: dict[str, list[_Key]], text: str, entry: VaultEntry, form: str) -> None:
        keys.setdefault(text, []).append(_Key(entry, len(text), form))


def _automaton(keys: dict[str, list[_Key]]) -> Any:
    if not keys:
        return None
    automaton = ahocorasick.Automaton()
    for text, owners in keys.items():
        automaton.add_word(text, tuple(owners))
    automaton.make_automaton()
    return automaton


def _alnum(character: str) -> bool:
    return character.isalnum() and character != HARD


def is_whole_word(text: str, start: int, end: int) -> bool:
    """Tell whether `text[start:end]` is a word of its own, a Korean particle aside."""
    first, last = text[start], text[end - 1]
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    left = not _alnum(before) or not _same_kind(before, first)
    right = not _alnum(after) or not _same_kind(last, after) or is_hangul(last)
    if last.isdecimal() and after in ".,-" and text[end + 1 : end + 2].isdecimal():
        right = False
    if first.isdecimal() and before in ".,-" and text[max(0, start - 2) : start - 1].isdecimal():
        left = False
    return left and right


def _same_kind(a: str, b: str) -> bool:
    return _kind(a) == _kind(b)


def _kind(character: str) -> int:
    if character.isdecimal():
        return 0
    return 2 if ord(character) > 0x2E80 else 1


def _gaps(text: str) -> list[str]:
    """Return what stands between the letters and digits of a text; invisible characters do not."""
    visible = "".join(c for c in text if c.isascii() or unicodedata.category(c) not in _INVISIBLE)
    return [gap for gap in re.split(r"[^\W_]+", visible)[1:-1] if gap]


def _judge(text: str, start: int, end: int, key: _Key) -> str | None:
    """Name the form in which a candidate is the value, or `None` when it is there by chance."""
    found, value = text[start:end], key.entry.value
    gaps, own = _gaps(found), len(_gaps(value))
    # Two words with their capitals, or a Korean name of three syllables, are no chance find even
    # when something is glued to them.
    exact = found == value and (own > 0 or _kind(value[0]) == 2)
    long = exact or key.length >= 12 or (key.length >= 9 and found.replace(" ", "").isdecimal())
    if not long and not is_whole_word(text, start, end):
        return None
    spaced = len(gaps) > own and len(gaps) >= key.length - 1
    if len(gaps) > own:
        # Pieces far apart, or different gaps between few characters, are there by chance.
        widest = 9 if spaced and key.length >= 7 else 3  # letter-spaced words stand further apart
        if any(len(g) > widest and SOFT not in g for g in gaps):
            return None
        if key.length < 9 and len({g for g in gaps if SOFT not in g}) > 1 + spaced:
            return None
        if not is_whole_word(text, start, end):
            return None
    if key.form == "reversed":
        return "reversed"
    if found == value:
        return "plain"
    if SOFT in found:
        return "split"
    if found.casefold() == value.casefold():
        return "case"
    if spaced:
        return "spaced"
    bare = "".join(c for c in found if c.isalnum()).casefold()
    if bare == "".join(c for c in value if c.isalnum()).casefold():
        printable = all(c.isprintable() or c.isspace() for c in found)
        return "separators" if printable else "unicode"
    return "unicode" if key.form == "plain" else key.form
