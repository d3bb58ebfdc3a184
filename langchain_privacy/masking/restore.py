"""Putting values back, in one pass.

The same engine restores whole texts and streams, so that a stream cannot differ from the text: it
works on what has arrived, stops where the rest may still become a placeholder or a particle, and
goes on from there. A value is never read again, so one that looks like a placeholder stays.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from langchain_privacy.masking.link_targets import LinkScanner
from langchain_privacy.masking.particles import (
    LONGEST,
    Final,
    agreeing,
    may_become_particle,
    particle_at,
)
from langchain_privacy.masking.particles import final as ending_of
from langchain_privacy.masking.tolerant import Forms, Lookup, Sighting
from langchain_privacy.vault import LITERAL, VaultEntry

Replacement = tuple[int, int, str]
"""Start, end and text of something else that is restored in the same pass."""

CLOSING_MARKS = re.compile(r"[*_`~\"'”’」』》〉)\]]{1,3}")
"""What may stand between a word and its particle: **민수**는."""

_NO_PARTICLE = frozenset(" \n,.;:")
"""What after a word says at once that no particle follows."""

_CONTEXT = 128
_ESCAPE = re.compile(r"\\(?:[nrtbf]|u[0-9a-fA-F]{4})\Z")


def json_escaped(value: str) -> str:
    """Return a value as it stands inside a JSON string."""
    lone = any("\ud800" <= c <= "\udfff" for c in value)
    return json.dumps(value, ensure_ascii=lone)[1:-1]


@dataclass(slots=True, repr=False)
class Restoring:
    """The restoring of one text, whole or in pieces.

    Attributes:
        forms: Returns what recognises the session's placeholders in a text, `None` when it issued
            none.
        lookup: Resolves a type and a code in the session.
        in_links: Whether values may be put inside URLs.
        as_json: Whether the text is JSON source, so that values are escaped.
        verbatim: Whether values that stood in escapes come back in them.
        links: Knows where a URL is open, also at the beginning of the text.
    """

    forms: Callable[[str], Forms | None]
    lookup: Lookup
    in_links: bool = False
    as_json: bool = False
    verbatim: bool = False
    links: LinkScanner = field(default_factory=LinkScanner)
    _context: str = ""
    _word: str = ""
    _marks: int = 0

    def run(self, text: str, *, final: bool, others: Sequence[Replacement] = ()) -> tuple[str, str]:
        """Restore what can be settled.

        Args:
            text: What has arrived and was not settled before.
            final: Whether nothing follows.
            others: Further replacements by offset in `text`.

        Returns:
            The restored text, and the unsettled rest to put before the next piece.
        """
        forms = self.forms(text)
        if forms is None and not others:
            self.read(text)
            return text, ""
        base = len(self._context)
        whole = self._context + text
        found: list[Sighting] = []
        hold = len(whole)
        if forms:
            plain = forms.plain(text)
            found = [] if plain else forms.sightings(whole, self.lookup, base)
            hold = hold if final else forms.hold_from(whole, base, found, plain=plain)
            for start, end, _ in others:
                if base + start < hold < base + end:
                    hold = base + start
        out: list[str] = []
        at = base
        for item in self._in_order(found, others, base):
            if item.start >= hold:
                break
            at = self._after_word(whole, at, item.start, out, final=True)
            self._pass(whole[at : item.start], out)
            out.append(self._place(item, whole[item.start : item.end]))
            at = item.end
        if self._word and at < hold:
            at = self._after_word(whole, at, hold, out, final=final)
            if self._word and not final and _may_grow(whole[at:]):
                hold = at
        self._pass(whole[at:hold], out)
        settled = whole[:hold]
        for sighting in reversed(found):
            if sighting.bracketed and sighting.end <= hold:
                # what is settled counts as a bracket, as it does within one text
                settled = "]" + whole[sighting.end : hold]
                break
        self._context = settled[-_CONTEXT:]
        return "".join(out), whole[hold:]

    def read(self, text: str) -> None:
        """Take note of text that passed by without any grammar in it."""
        self._word = ""
        self.links.read(text)
        self._context = (self._context + text)[-_CONTEXT:]

    def place(self, before: str, entry: VaultEntry, written: str) -> str:
        """Restore a placeholder that stands as issued.

        Args:
            before: Text without any grammar that passed by since the last call.
            entry: What the placeholder stands for.
            written: The placeholder.
        """
        self.links.read(before)
        self._context = "]"
        return self._place(_Item(0, 0, self._said(entry), entry.entity_type), written)

    def end_word(self) -> None:
        """Take note that no particle follows the value just restored."""
        self._word = ""

    @property
    def after_word(self) -> bool:
        """Whether a particle may follow the value just restored."""
        return bool(self._word)

    @property
    def last(self) -> str:
        """The last character so far, `""` before the first and after a JSON escape."""
        escaped = _ESCAPE.search(self._context, len(self._context) - 8)
        return "" if escaped else self._context[-1:]

    def _after_word(self, whole: str, at: int, limit: int, out: list[str], *, final: bool) -> int:
        """Make the particle after a restored word agree; closing marks may stand between."""
        if not self._word or at >= limit:
            return at
        if whole[at] in _NO_PARTICLE:
            self._word = ""
            return at
        if ending_of(self._word) is Final.UNKNOWN:
            self._word = ""
            return at
        if marks := CLOSING_MARKS.match(whole, at, min(limit, at + 3 - self._marks)):
            self._marks += len(marks[0])
            self.links.read(marks[0])
            out.append(marks[0])
            at = marks.end()
        particle = particle_at(whole, at)
        if particle and at + len(particle) <= limit and (final or not _may_grow(whole[at:])):
            self.links.read(particle)
            out.append(agreeing(self._word, particle))
            self._word = ""
            at += len(particle)
        return at

    def _pass(self, text: str, out: list[str]) -> None:
        if text:
            self._word = ""
            self.links.read(text)
            out.append(text)

    def _place(self, item: "_Item", written: str) -> str:
        """Return the value of one placeholder, or the placeholder where a value may not stand."""
        entry_type = item.entity_type
        if self.links.inside and not self.in_links and entry_type not in {LITERAL, None}:
            self._word = ""
            self.links.read(written)
            return written
        value = item.value
        if entry_type == LITERAL:
            self.links.read(value)
        else:
            self.links.skip(len(written))
        suffix = item.suffix
        if suffix and particle_at(suffix) == suffix:
            suffix = agreeing(item.spoken or value, suffix)
        # LITERAL text is as it was typed, and so is the particle after it
        self._word = (item.spoken or value) if not suffix and entry_type != LITERAL else ""
        self._marks = 0
        return (json_escaped(value) if self.as_json and entry_type else value) + suffix

    def _item(self, s: Sighting) -> "_Item":
        entry = s.entry
        return _Item(s.start, s.end, self._said(entry), entry.entity_type, s.suffix, entry.plain)

    def _said(self, entry: VaultEntry) -> str:
        return entry.value if self.verbatim or not entry.plain else entry.plain

    def _in_order(
        self, found: Sequence[Sighting], others: Sequence[Replacement], base: int
    ) -> Iterator["_Item"]:
        """Merge two kinds of replacement; where they overlap the others win: they are longer."""
        if not others:
            return map(self._item, found)
        items = [_Item(base + start, base + end, value) for start, end, value in others]
        taken = [(item.start, item.end) for item in items]
        items += [
            self._item(s) for s in found if not any(a < s.end and s.start < b for a, b in taken)
        ]
        items.sort(key=lambda item: item.start)
        return iter(items)


class _Item(NamedTuple):
    start: int
    end: int
    value: str
    entity_type: str | None = None
    suffix: str = ""
    spoken: str = ""


def _may_grow(rest: str) -> bool:
    """Say whether more text could decide otherwise about the particle that begins `rest`."""
    return len(rest) <= LONGEST and may_become_particle(rest)
