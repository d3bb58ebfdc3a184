"""Masking one text of a session, once.

What is private in a text is settled here: what detectors find in it and in what it says once it is
decoded, and what the session knows already, however it is written. `masker` walks over structures
and calls this for each text.
"""

import hashlib
import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, TypeVar

from langchain_privacy.detection import DECODED, UNTYPED, Finding
from langchain_privacy.masking.link_targets import LinkScanner, may_link
from langchain_privacy.masking.particles import agreeing, particle_at
from langchain_privacy.masking.restore import CLOSING_MARKS
from langchain_privacy.masking.scalars import kind_of
from langchain_privacy.masking.tolerant import Forms, forms_of
from langchain_privacy.placeholder import write
from langchain_privacy.values.decoding import Reading, unescaped
from langchain_privacy.values.fold import HARD, Skeleton
from langchain_privacy.values.index import Hit, outermost
from langchain_privacy.values.spelling import Rule, is_person, pairs_in, rule_of
from langchain_privacy.values.view import Places, View
from langchain_privacy.vault import LITERAL, PART_SUFFIX, PLACEHOLDER, VaultEntry, VaultSession
from langchain_privacy.vault.base import LiveValues

T = TypeVar("T")

Span = tuple[int, int, str]
"""Start, end and entity type."""

Hits = dict[tuple[int, int], Hit[VaultEntry]]
"""Values that the session knows, by where they stand."""

Detect = Callable[[Reading, Sequence[tuple[int, int]], str | None], list[Finding]]
"""Finds what is private in a reading, but for some spans; takes the language where it is known."""

_REMEMBERED = 16_384
_AROUND = 120
"""Characters that are read beside the paragraphs in which something is new."""
_SHORTEST_PIECE = 2 * _AROUND
"""Characters of a masked text that is worth to be known in a longer one."""
_LINE = re.compile(r"[^\n]{8,}")
"""A line that tells which text it may be of."""
_LOOKS = 32
"""How often the characters of a text are compared with those of known ones at the most."""
_KNOWN = "vault"
"""Detector of the findings of values that a session knows."""


@dataclass(slots=True)
class _Seen:
    """What became of a text: its findings, and its masked form after `count` entries."""

    findings: list[Finding]
    count: int
    masked: str | None


class _Piece(NamedTuple):
    """A masked text, to be known by one of its lines in a longer text."""

    before: int
    """Characters before that line."""
    size: int
    digest: bytes


@dataclass
class _Look:
    """What is private in a text: findings without overlaps, and what is known of their places."""

    findings: list[Finding]
    hits: Hits
    escaped: list[tuple[int, int]] = field(default_factory=list)
    """Places of what stands in escapes."""
    issued: dict[Span, VaultEntry] = field(default_factory=dict)
    """Entries of findings that are issued already."""

    @cached_property
    def escapes(self) -> Places:
        """`escaped`, to be asked."""
        return Places(self.escaped)


class TextMasker:
    """Masks the texts of one session and remembers, by digest, which it has seen.

    A text is detected once. When the session learns a value later, texts seen before are only
    searched for that value. Nothing here holds a text: the memory maps keyed digests to offsets
    and masked texts.

    A value that was found once is private wherever it stands, however it is written (see
    `values.index`): `mira_solheim.pdf` after `Mira Solheim`. Parts and other spellings of a name
    get placeholders of its family.
    """

    def __init__(
        self,
        vault: VaultSession,
        live_values: LiveValues,
        detect: Detect,
        allow: frozenset[str],
    ) -> None:
        self._vault = vault
        self._live_values = live_values
        self._detect = detect
        self._allow = frozenset(value.casefold().strip() for value in allow)
        self._key = secrets.token_bytes(16)
        self._seen: OrderedDict[bytes, _Seen] = OrderedDict()
        self._looked: OrderedDict[bytes, list[Finding]] = OrderedDict()
        self._verbatim: OrderedDict[bytes, None] = OrderedDict()
        self._bare: OrderedDict[bytes, int] = OrderedDict()
        self._pieces: OrderedDict[bytes, _Piece] = OrderedDict()
        self._forms: tuple[int, Forms | None] = (0, None)
        self._types: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"<TextMasker that has seen {len(self._seen)} texts>"

    def forms(self, text: str = "") -> Forms | None:
        """Return what recognises the session's placeholders, `None` when it has issued none.

        Args:
            text: A text that will be restored. Another process may have issued a placeholder in it
                since this one looked, of a type that it does not know.
        """
        if "[" in text:
            for match in PLACEHOLDER.finditer(text):
                if match[1] not in self._types:
                    self._vault.lookup(match[1], match[2])
        known, forms = self._forms
        count = self._vault.version
        if count != known:
            entries = self._vault.entries(known if count > known else 0)
            self._types |= {entry.entity_type for entry in entries}
            longest = max(len(entry.code) for entry in entries) if entries else 0
            longest = max(longest, forms.longest_code if forms else 4)
            forms = forms_of(self._types, longest) if count else None
            self._forms = count, forms
        return forms

    def mask(
        self,
        text: str,
        *,
        untrusted: bool = False,
        parts: Sequence[Span] = (),
        language: str | None = None,
    ) -> str:
        """Replace private values by placeholders.

        Args:
            text: Any text.
            untrusted: Whether issued placeholders in it are literal text too.
            parts: Further spans to mask: fragments of values that other texts continue, and values
                of fields that only their names tell.
            language: ISO 639-1 code of the text; guessed when `None`.
        """
        if not text or text.isspace():
            return text
        person = b"untrusted" if untrusted else b""
        key = self._digest(text, person=person, parts=parts, language=language)
        seen = self._seen.get(key)
        count = self._vault.version
        if seen:
            if seen.count == count or not self._vault.index().news(seen.count).may_be_in(text):
                seen.count = count
                return text if seen.masked is None else seen.masked
            seen = _Seen(seen.findings, -1, None)
        skip, literal = self._grammar_in(text, untrusted=untrusted)
        hidden = [*skip, *literal]
        reading = Reading(text)
        findings = seen.findings if seen else self._detect(reading, hidden, language)
        look = self._settled(reading, findings, hidden, parts)
        spans = [(f.start, f.end, f.entity_type) for f in look.findings]
        spans = _with_literals(_whole_links(text, spans, skip) if spans else spans, literal)
        masked = self._written(text, spans, skip, look) if spans else text
        _keep(self._seen, key, _Seen(findings, count, None if masked == text else masked))
        own = self._digest(masked)
        if masked != text:
            _keep(self._seen, own, _Seen([], self._vault.version, None))
        if len(masked) >= _SHORTEST_PIECE and (masked != text or not (parts or language)):
            self._keep_piece(masked, own)
        return masked

    def find(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Find what is private in a text, known values included, placeholders excluded."""
        reading = Reading(text)
        found = self.detected(text, reading, language=language)
        return self._with_known(reading, found, self.grammar_in(text)).findings

    def detected(
        self, text: str, reading: Reading | None = None, *, language: str | None = None
    ) -> list[Finding]:
        """Return what detectors find in a text; a text is read once."""
        key = self._digest(text, language=language)
        seen = self._seen.get(key)
        findings = seen.findings if seen else self._looked.get(key)
        if findings is None:
            reading = reading or Reading(text)
            findings = self._detect(reading, self.grammar_in(text), language)
            _keep(self._looked, key, findings)
        return findings

    def findings_in(self, view: View, language: str | None = None) -> dict[int, list[Span]]:
        """Return what detectors find in a view, by the leaves that it was made of."""
        found: dict[int, list[Span]] = {}
        for finding in self.detected(view.text, language=language):
            for leaf, start, end in view.places(finding.start, finding.end):
                found.setdefault(leaf, []).append((start, end, finding.entity_type))
        return found

    def known_in(self, text: str | Skeleton, but: Sequence[Finding] = ()) -> list[Hit[VaultEntry]]:
        """Return where values stand that the session knows, except inside of some findings."""
        hits = self._vault.index().find(text, [(f.start, f.end) for f in but])
        if self._allow:
            plain = text if isinstance(text, str) else text.text
            hits = [h for h in hits if plain[h.start : h.end].casefold() not in self._allow]
        if but:  # what overlaps a finding stands back, as it does where both are found at once
            hits += [Hit(f.start, f.end, "", "", ()) for f in but]
            return [hit for hit in outermost(hits) if hit.owners]
        return outermost(hits)

    def holds_known(self, name: str) -> bool:
        """Say whether a name that a machine made holds a value that the session knows.

        A name is searched once; later for what was learned since.
        """
        key, count = self._digest(name, person=b"name"), self._vault.version
        searched = self._bare.get(key)
        if searched == count:
            return False
        new = searched is None or self._vault.index().news(searched).may_be_in(name)
        if new and self.known_in(name):
            return True
        _keep(self._bare, key, count)
        return False

    def has_masked(self, text: str) -> bool:
        """Say whether a text is what `mask` returned, or what it let pass as it was."""
        for person in (b"", b"untrusted"):
            seen = self._seen.get(self._digest(text, person=person))
            if seen is not None and seen.masked is None:
                return True
        return False

    def new_in(self, text: str) -> str:
        """Return the parts of a text that are new beside what `mask` returned.

        A prompt is made of masked texts and of some words around them. What has to be read are
        these words, and each seam, with what detectors need to understand them: the paragraphs
        in which they stand, and the lines next to those. A text without such pieces is all new.
        """
        known, left = [(0, 0)], _LOOKS * len(text)
        for line in _LINE.finditer(text) if self._pieces else ():
            piece = self._pieces.get(self._digest(line[0]))
            if piece is None:
                continue
            start = line.start() - piece.before
            end = start + piece.size
            if start >= 0 and known[-1][1] < end <= len(text) and piece.size <= left:
                left -= piece.size  # a line may come a thousand times, and be of a long text
                if self._digest(text[start:end]) == piece.digest:
                    known.append((start, end))
        new: list[tuple[int, int]] = []
        for (_, end), (start, _) in pairwise([*known, (len(text), len(text))]):
            first, last = min(start, end), max(start, end)
            if first == last and first in (0, len(text)):
                continue
            first = max(0, text.rfind("\n\n", 0, first) - _AROUND)
            first = text.rfind("\n", 0, first) + 1
            last = (text.find("\n\n", last) + 1 or len(text)) + _AROUND
            last = text.find("\n", last) + 1 or len(text)
            if new and first <= new[-1][1]:
                first = new.pop()[0]
            new.append((first, last))
        return "\n\n".join(text[first:last] for first, last in new)

    def _keep_piece(self, masked: str, digest: bytes) -> None:
        """Take note of a text to be known in a longer one, by a line that no other one has.

        Not by its first or last one: in a longer text something may stand beside them.
        """
        piece, key = _Piece(0, len(masked), digest), b""
        lines = [(m.end() - m.start(), m.start()) for m in _LINE.finditer(masked)]
        inner = [(size, start) for size, start in lines if 0 < start < len(masked) - size]
        for size, start in sorted(inner or lines, reverse=True):
            key, piece = self._digest(masked[start : start + size]), piece._replace(before=start)
            other = self._pieces.get(key)
            if other is None or other.digest == piece.digest:
                break
        if key:
            _keep(self._pieces, key, piece)

    def grammar_in(self, text: str) -> list[tuple[int, int]]:
        """Return where placeholders stand, as models write them too, and what looks like one."""
        issued, literal = self._grammar_in(text, untrusted=False)
        return [*issued, *literal]

    def vouch(self, text: str) -> None:
        """Remember a text that was written of masked pieces and of public ones."""
        _keep(self._seen, self._digest(text), _Seen([], self._vault.version, None))

    def is_verbatim(self, text: str) -> bool:
        r"""Say whether a text was written by `mask` with escapes in it.

        Restored it has its escapes again. Everywhere else what they say is restored: an answer
        says 김민수, not \uae40\ubbfc\uc218.
        """
        return bool(self._verbatim) and self._digest(text) in self._verbatim

    def _digest(
        self,
        text: str,
        *,
        person: bytes = b"",
        parts: Sequence[Span] = (),
        language: str | None = None,
    ) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        if parts or language:
            data += b"\0" + repr((parts, language)).encode()
        return hashlib.blake2b(data, digest_size=16, key=self._key, person=person).digest()

    def _grammar_in(
        self, text: str, *, untrusted: bool
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return the spans of issued placeholders, and of text that only looks like one."""
        forms = self.forms(text)
        seen = forms.sightings(text, self._vault.lookup) if forms else []
        issued = [(s.start, s.end) for s in seen]
        taken = set(issued)
        literal = [m.span() for m in PLACEHOLDER.finditer(text) if m.span() not in taken]
        if issued and literal:
            places = Places(issued)
            literal = [(start, end) for start, end in literal if not places.touch(start, end)]
        return ([], sorted([*literal, *issued])) if untrusted else (issued, literal)

    # ---- what is private in a text

    def _with_known(
        self,
        reading: Reading,
        findings: Sequence[Finding],
        hidden: Sequence[tuple[int, int]],
        before: _Look | None = None,
    ) -> _Look:
        """Add what the session knows; after a look `before`, what it has learned since."""
        settled = [f for f in before.findings if _is_settled(reading.text, f)] if before else ()
        hits: Hits = {(hit.start, hit.end): hit for hit in self.known_in(reading.folded, settled)}
        escaped: list[tuple[int, int]] = []
        for view, folded in reading.views:
            for hit in self.known_in(folded):
                for _, start, end in view.places(hit.start, hit.end):
                    hits.setdefault((start, end), hit._replace(start=start, end=end))
                    escaped.append((start, end))
        spans = [(start, end, _kind_of(hit)) for (start, end), hit in hits.items()]
        for start, end, folded in reading.encoded:
            spans += [(start, end, hit.owners[0].kind) for hit in self.known_in(folded)[:1]]
        if before is None:
            spans += self._live_values.of_others(reading.folded, self._vault.id)
        taken = {(f.start, f.end) for f in findings}
        covered = Places(hidden)
        known = [
            _finding(start, end, kind)
            for start, end, kind in spans
            if (start, end) not in taken and not covered.touch(start, end)
        ]
        escaped += [(f.start, f.end) for f in findings if f.detector.endswith(DECODED)]
        united = _united([*findings, *known]) if known or escaped else list(findings)
        # What was glued to a finding is a word of its own once a placeholder stands there.
        for _ in range(_ROUNDS):
            bare = _without_glued(reading.text, united)
            more = self.known_in(bare) if bare else []
            inside = Places((f.start, f.end) for f in united) if more else covered
            more = [
                hit
                for hit in more
                if not (inside.hold(hit.start, hit.end) or covered.touch(hit.start, hit.end))
            ]
            if not more:
                break
            hits |= {(hit.start, hit.end): hit for hit in more}
            united = _united([*united, *(_finding(h.start, h.end, _kind_of(h)) for h in more)])
        if before is None:
            return _Look(united, hits, escaped)
        return _Look(united, before.hits | hits, [*before.escaped, *escaped], before.issued)

    def _settled(
        self,
        reading: Reading,
        findings: Sequence[Finding],
        hidden: Sequence[tuple[int, int]],
        parts: Sequence[Span],
    ) -> _Look:
        """Settle what is private in a text, and issue it."""
        covered = Places(hidden)
        shares = [
            Finding(start=a, end=b, entity_type=kind, score=1.0, detector="parts")
            for a, b, kind in parts
            if not covered.touch(a, b)
        ]
        text, count = reading.text, self._vault.version
        findings = _united([*findings, *shares]) if shares else findings
        look = self._with_known(reading, findings, hidden)
        whole = [f for f in look.findings if not f.entity_type.endswith(PART_SUFFIX)]
        # Names before their parts, so that the parts are of their family.
        for finding in sorted(whole, key=lambda f: f.start - f.end):
            self._issue(text, (finding.start, finding.end, finding.entity_type), look)
        people = [(f.start, f.end) for f in whole if is_person(f.entity_type)]
        for (start, end), hanja in pairs_in(text, people):
            entry = self._issue(text, (start, end, "PERSON"), look)
            self._vault.issue(entry.kind, text[slice(*hanja)], like=entry)
        if whole and self._vault.version != count:
            # once more: what was found in one place is private in every place
            look = self._with_known(reading, look.findings, hidden, look)
        return look

    def _issue(self, text: str, span: Span, look: _Look) -> VaultEntry:
        """Return the entry of a span, of the family that it belongs to."""
        start, end, kind = span
        value = text[start:end]
        if kind == LITERAL or kind.endswith(PART_SUFFIX):
            return self._vault.issue(kind, value)
        plain = ""
        if kind != "URL" and look.escapes.lie_in(start, end):
            plain = _said(value)
        if not plain and not is_person(kind) and (entry := look.issued.get(span)):
            return entry
        entry = look.issued[span] = self._of_family(value, kind, plain, look.hits.get((start, end)))
        return entry

    def _of_family(
        self, value: str, kind: str, plain: str, hit: Hit[VaultEntry] | None
    ) -> VaultEntry:
        hit = hit or self._hit_in(plain or value, kind)
        if hit is None or not hit.owners:
            return self._vault.issue(kind, value, plain=plain)
        same = [e for e in hit.owners if e.value == value and not plain and not kind_of(e.kind)]
        families = {entry.family for entry in hit.owners if entry not in same}
        families = families or {entry.family for entry in same}
        if len(families) > 1:  # a name that several persons share stands for itself
            own = [entry for entry in same if not entry.of]
            return own[0] if own else self._vault.issue(kind, value, plain=plain)
        if same:
            return same[0]
        like = hit.owners[0]
        kind = like.kind.removesuffix(kind_of(like.kind))
        role = f"_{hit.role}" if hit.role else ""
        if kind != like.kind:  # it is a number there, and text here
            return self._vault.issue(kind + role, value, plain=plain)
        return self._vault.issue(kind + role, value, like=like, plain=plain)

    def _hit_in(self, value: str, kind: str) -> Hit[VaultEntry] | None:
        """Return what a new value is of: a value that it holds, such as a part of a new name."""
        hits = outermost(self._vault.index().find(value))
        if len(hits) != 1 or not is_person(kind):
            return hits[0] if len(hits) == 1 and hits[0][:2] == (0, len(value)) else None
        [hit] = hits
        if hit[:2] == (0, len(value)):
            return hit
        # `Mira Solheim` after `Solheim` alone; but Jonas Solheim is not Mira Solheim.
        alone = all(entry.value == value[hit.start : hit.end] for entry in hit.owners)
        rest = value[: hit.start] + value[hit.end :]
        return hit._replace(role="" if alone else hit.role) if alone or _no_name(rest) else None

    # ---- writing

    def _written(
        self, text: str, spans: list[Span], issued: Sequence[tuple[int, int]], look: _Look
    ) -> str:
        """Write a text with placeholders in the places of spans.

        What is left of the text must not read as grammar beside them: pieces that would are
        written as literals, and a particle that disagrees with its word stays as it was typed.
        """
        while True:
            draft = _Draft(text)
            for index, span in enumerate(spans):
                start, end, kind = span
                entry = self._issue(text, span, look)
                draft.put(start, end, entry)
                value = entry.plain or entry.value
                following = spans[index + 1][0] if index + 1 < len(spans) else None
                if kind != LITERAL and (odd := _odd_particle(text, end, following, value)):
                    draft.put(*odd, self._vault.issue(LITERAL, text[slice(*odd)]))
            draft.copy_up_to(len(text))
            strays = self._strays(text, draft, issued)
            more = _with_literals(spans, strays)
            if more == spans:
                masked = draft.text()
                if draft.escapes:
                    _keep(self._verbatim, self._digest(masked), None)
                return masked
            spans = more

    def _strays(
        self, text: str, draft: "_Draft", issued: Sequence[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        """Return the spans of the text that read as a placeholder in the draft by accident."""
        forms = self.forms()
        if forms is None or forms.plain("".join(text[a:b] for a, b, _ in draft.gaps)):
            return []
        seen = forms.sightings(draft.text(), self._vault.lookup)
        strays = []
        for start, end in {(s.start, s.end) for s in seen} - draft.written:
            for begin, stop, offset in draft.gaps:
                a, b = max(start, offset), min(end, offset + stop - begin)
                span = (begin + a - offset, begin + b - offset)
                if a < b and span not in issued:
                    strays.append(span)
        return strays


def _keep(kept: OrderedDict[bytes, T], key: bytes, what: T) -> None:
    """Remember something; when there is too much, the oldest goes."""
    kept[key] = what
    if len(kept) > _REMEMBERED:
        kept.popitem(last=False)


class _Draft:
    """A masked text while it is written, and where its pieces come from."""

    def __init__(self, text: str) -> None:
        self._source = text
        self._at = 0
        self._pieces: list[str] = []
        self._length = 0
        self.gaps: list[tuple[int, int, int]] = []
        self.written: set[tuple[int, int]] = set()
        self.escapes = False

    def text(self) -> str:
        return "".join(self._pieces)

    def copy_up_to(self, end: int) -> None:
        self.gaps.append((self._at, end, self._length))
        self._pieces.append(self._source[self._at : end])
        self._length += end - self._at
        self._at = end

    def put(self, start: int, end: int, entry: VaultEntry) -> None:
        """Write a placeholder for a span."""
        self.copy_up_to(start)
        placeholder = write(entry.entity_type, entry.code)
        self._pieces.append(placeholder)
        self.written.add((self._length, self._length + len(placeholder)))
        self._length += len(placeholder)
        self.escapes = self.escapes or bool(entry.plain)
        self._at = end


def _kind_of(hit: Hit[VaultEntry]) -> str:
    kind = hit.owners[0].kind if hit.owners else "ENCODED"
    return kind.removesuffix(kind_of(kind))


def _is_settled(text: str, finding: Finding) -> bool:
    """Say whether nothing can be learned about a finding once it is issued.

    A name may turn out to be somebody else's too, and a short value need not be one at its place.
    """
    value = text[finding.start : finding.end]
    return not is_person(finding.entity_type) and rule_of(value) is Rule.VALUE


_ROUNDS = 4


def _finding(start: int, end: int, kind: str) -> Finding:
    return Finding(start=start, end=end, entity_type=kind, score=1.0, detector=_KNOWN)


def _without_glued(text: str, findings: Sequence[Finding]) -> str:
    """Return a text without the findings that touch a word, `""` where there are none."""
    glued = [f for f in findings if _is_glued(text, f)]
    pieces, at = [], 0
    for finding in glued:
        pieces += [text[at : finding.start], HARD * (finding.end - finding.start)]
        at = finding.end
    return "".join([*pieces, text[at:]]) if glued else ""


def _is_glued(text: str, finding: Finding) -> bool:
    """Say whether a finding touches a word, or is in one number with a digit: `1985 125만`."""
    start, end = finding.start, finding.end
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if before[-1:].isalnum() or after[:1].isalnum():
        return True
    return (text[start].isdecimal() and before[:1].isdecimal()) or (
        text[end - 1].isdecimal() and after[1:].isdecimal()
    )


def _said(value: str) -> str:
    """Return what escaped text says, `""` where it says itself."""
    try:
        said = str(json.loads(f'"{value}"', strict=False))
    except ValueError:
        said = value
    view = unescaped(said)  # JSON in JSON escapes twice
    said = view.text if view else said
    return "" if said == value else said


def _no_name(rest: str) -> bool:
    """Say whether what is left of a name says nothing: titles, marks, a genitive."""
    return len(rest.strip(" .'’s")) < 2


def _united(findings: Sequence[Finding]) -> list[Finding]:
    """Unite findings that overlap; the longest gives its type.

    A known value inside a longer one does not cut it in two, and what only one of two
    overlapping findings covers stays covered.
    """
    united: list[tuple[Finding, int]] = []
    for finding in sorted(findings, key=lambda f: (f.start, -f.end)):
        length = finding.end - finding.start
        if not united or finding.start >= united[-1][0].end:
            united.append((finding, length))
            continue
        last, longest = united[-1]
        kind = finding.entity_type if length > longest else last.entity_type
        if kind in UNTYPED:  # a name that is known tells more than "not public"
            kind = next(
                (t for t in (last.entity_type, finding.entity_type) if t not in UNTYPED), kind
            )
        wider = replace(last, end=max(last.end, finding.end), entity_type=kind)
        united[-1] = (wider, max(longest, length))
    return [finding for finding, _ in united]


def _whole_links(text: str, spans: list[Span], issued: Sequence[tuple[int, int]]) -> list[Span]:
    """Widen what stands inside a URL to the whole URL.

    Values are not restored inside URLs, so a URL that holds one is a private value itself.
    """
    if not may_link(text):
        return spans
    opaque = sorted([*spans, *((a, b, "") for a, b in issued)])
    scanner, at = LinkScanner(), 0
    done: list[Span] = []
    for index, (start, end, kind) in enumerate(opaque):
        if start < at:
            continue
        scanner.read(text[at:start])
        at = end
        if kind and scanner.inside:
            at = _end_of_link(text, scanner, end, opaque, index + 1)
            while done and done[-1][1] > scanner.begin:
                done.pop()
            done.append((scanner.begin, at, "URL"))
        elif kind:
            done.append((start, end, kind))
        scanner.skip(at - start)
    return done


def _end_of_link(
    text: str, scanner: LinkScanner, at: int, opaque: Sequence[Span], index: int
) -> int:
    """Return where the open URL ends; what ends it does not stand inside another span."""
    while True:
        until = opaque[index][0] if index < len(opaque) else len(text)
        stop = scanner.end(text, at, until) if until >= at else None
        if stop is not None:
            return stop
        if index == len(opaque):
            return len(text)
        at = max(at, opaque[index][1])
        index += 1


def _odd_particle(text: str, end: int, following: int | None, value: str) -> tuple[int, int] | None:
    """Return the span of a particle after a value that restoring would correct."""
    limit = len(text) if following is None else following
    marks = CLOSING_MARKS.match(text, end, min(limit, end + 3))
    at = marks.end() if marks else end
    if not (at < limit and ("가" <= text[at] <= "힣" or text[at] == "(")):
        return None
    ahead = text[at : at + 24] if following is None else text[at:limit][:24] + "["
    particle = particle_at(ahead)
    if particle and at + len(particle) <= limit and agreeing(value, particle) != particle:
        return at, at + len(particle)
    return None


def _with_literals(spans: Sequence[Span], strays: Sequence[tuple[int, int]]) -> list[Span]:
    covered = Places((start, end) for start, end, _ in spans)
    clear = [(a, b, LITERAL) for a, b in strays if not covered.touch(a, b)]
    return sorted([*spans, *clear])
