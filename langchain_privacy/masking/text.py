"""Masking one text of a session, once."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_privacy.detection import Detector, Finding, detect_all
from langchain_privacy.masking.grammar import PLACEHOLDER, write
from langchain_privacy.masking.known import Known
from langchain_privacy.masking.links import LinkScanner, may_link
from langchain_privacy.masking.particles import agreeing, particle_at
from langchain_privacy.masking.policy import MaskingPolicy
from langchain_privacy.masking.restore import CLOSING_MARKS
from langchain_privacy.masking.scalars import kind_of
from langchain_privacy.vault import LITERAL, VaultSession

Span = tuple[int, int, str]
"""Start, end and entity type."""

_REMEMBERED = 16_384


@dataclass(slots=True)
class _Seen:
    """What became of a text: its findings, and its masked form after `count` entries."""

    findings: list[Finding]
    count: int
    masked: str | None


class TextMasker:
    """Masks the texts of one session and remembers, by digest, which it has seen.

    A text is detected once. When the session learns a value later, texts seen before are only
    searched for that value. Nothing here holds a text: the memory maps keyed digests to offsets
    and masked texts.
    """

    def __init__(
        self,
        vault: VaultSession,
        known: Known,
        detectors: Sequence[Detector],
        policy: MaskingPolicy,
    ) -> None:
        self._vault = vault
        self._known = known
        self._detectors = detectors
        self._allow = policy.allow
        self._thresholds = {"*": policy.threshold, **policy.thresholds}
        self._key = secrets.token_bytes(16)
        self._seen: OrderedDict[bytes, _Seen] = OrderedDict()

    def __repr__(self) -> str:
        return f"<TextMasker that has seen {len(self._seen)} texts>"

    def mask(self, text: str, *, untrusted: bool = False, parts: Sequence[Span] = ()) -> str:
        """Replace private values by placeholders.

        Args:
            text: Any text.
            untrusted: Whether issued placeholders in it are literal text too.
            parts: Further spans to mask: fragments of values that other texts continue.
        """
        if not text or text.isspace():
            return text
        key = self._digest(text, untrusted=untrusted)
        seen = self._seen.get(key)
        count = self._known.count()
        if seen and not parts:
            if seen.count != count and self._known.appears_since(seen.count, text):
                seen = _Seen(seen.findings, -1, None)
            else:
                seen.count = count
                return text if seen.masked is None else seen.masked
        skip, literal = self._grammar_in(text, untrusted=untrusted)
        findings = seen.findings if seen else self._detect(text, [*skip, *literal])
        spans = self._spans(text, findings, skip, literal, parts)
        spans = _with_literals(spans, literal)
        masked = text
        if spans:
            masked = self._written(text, spans, skip)
        self._remember(key, _Seen(findings, count, None if masked == text else masked))
        if masked != text:
            after = _Seen([], self._known.count(), None)
            self._remember(self._digest(masked, untrusted=False), after)
        return masked

    def find(self, text: str) -> list[Finding]:
        """Find what is private in a text, known values included, placeholders excluded."""
        skip, literal = self._grammar_in(text, untrusted=False)
        hidden = [*skip, *literal]
        return self._with_known(text, self._detect(text, hidden), hidden)

    def _digest(self, text: str, *, untrusted: bool) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        person = b"untrusted" if untrusted else b""
        return hashlib.blake2b(data, digest_size=16, key=self._key, person=person).digest()

    def _remember(self, key: bytes, seen: _Seen) -> None:
        self._seen[key] = seen
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def _detect(self, text: str, hidden: Sequence[tuple[int, int]]) -> list[Finding]:
        return detect_all(
            text, self._detectors, skip=hidden, allow=self._allow, thresholds=self._thresholds
        )

    def _grammar_in(
        self, text: str, *, untrusted: bool
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return the spans of issued placeholders, and of text that only looks like one."""
        forms = self._known.forms()
        seen = forms.sightings(text, self._vault.lookup) if forms else []
        issued = [(s.start, s.end) for s in seen]
        taken = set(issued)
        literal = [m.span() for m in PLACEHOLDER.finditer(text) if m.span() not in taken]
        if issued:
            literal = [
                (start, end)
                for start, end in literal
                if all(end <= a or b <= start for a, b in issued)
            ]
        return ([], sorted([*literal, *issued])) if untrusted else (issued, literal)

    def _with_known(
        self, text: str, findings: Sequence[Finding], hidden: Sequence[tuple[int, int]]
    ) -> list[Finding]:
        taken = {(f.start, f.end) for f in findings}
        known = [
            Finding(
                start=k.start,
                end=k.end,
                entity_type=k.entity_type.removesuffix(kind_of(k.entity_type)),
                score=1.0,
                detector="vault",
            )
            for k in self._known.find(text)
            if (k.start, k.end) not in taken
            and all(k.end <= start or end <= k.start for start, end in hidden)
        ]
        return _united([*findings, *known]) if known else list(findings)

    def _spans(
        self,
        text: str,
        findings: Sequence[Finding],
        issued: Sequence[tuple[int, int]],
        literal: Sequence[tuple[int, int]],
        parts: Sequence[Span],
    ) -> list[Span]:
        hidden = [*issued, *literal]
        count = self._known.count()
        first = self._with_known(text, findings, hidden)
        for finding in first:
            self._vault.issue(finding.entity_type, text[finding.start : finding.end])
        if first and self._known.count() != count:
            # once more: what was found in one place is private in every place
            first = self._with_known(text, first, hidden)
        if parts:
            shares = [
                Finding(start=a, end=b, entity_type=kind, score=1.0, detector="parts")
                for a, b, kind in parts
            ]
            first = _united([*first, *shares])
        spans = [(f.start, f.end, f.entity_type) for f in first]
        return _whole_links(text, spans, issued) if spans else spans

    def _written(self, text: str, spans: list[Span], issued: Sequence[tuple[int, int]]) -> str:
        """Write a text with placeholders in the places of spans.

        What is left of the text must not read as grammar beside them: pieces that would are
        written as literals, and a particle that disagrees with its word stays as it was typed.
        """
        while True:
            draft = _Draft(self._vault, text)
            for index, (start, end, kind) in enumerate(spans):
                value = draft.replace(start, end, kind)
                following = spans[index + 1][0] if index + 1 < len(spans) else None
                if kind != LITERAL and (odd := _odd_particle(text, end, following, value)):
                    draft.replace(*odd, LITERAL)
            draft.copy_up_to(len(text))
            strays = self._strays(text, draft, issued)
            more = _with_literals(spans, strays)
            if more == spans:
                return draft.text()
            spans = more

    def _strays(
        self, text: str, draft: "_Draft", issued: Sequence[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        """Return the spans of the text that read as a placeholder in the draft by accident."""
        forms = self._known.forms()
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


class _Draft:
    """A masked text while it is written, and where its pieces come from."""

    def __init__(self, vault: VaultSession, text: str) -> None:
        self._vault = vault
        self._source = text
        self._at = 0
        self._pieces: list[str] = []
        self._length = 0
        self.gaps: list[tuple[int, int, int]] = []
        self.written: set[tuple[int, int]] = set()

    def text(self) -> str:
        return "".join(self._pieces)

    def copy_up_to(self, end: int) -> None:
        self.gaps.append((self._at, end, self._length))
        self._emit(self._source[self._at : end])
        self._at = end

    def replace(self, start: int, end: int, kind: str) -> str:
        """Write a placeholder for a span and return the value it stands for."""
        self.copy_up_to(start)
        entry = self._vault.issue(kind, self._source[start:end])
        begin = self._length
        self._emit(write(entry.entity_type, entry.code))
        self.written.add((begin, self._length))
        self._at = end
        return entry.value

    def _emit(self, piece: str) -> None:
        self._pieces.append(piece)
        self._length += len(piece)


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
    stop = scanner.end(text, at)
    while index < len(opaque) and opaque[index][0] <= stop:
        if opaque[index][1] > stop:
            stop = scanner.end(text, opaque[index][1])
        index += 1
    return stop


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
    clear = [
        (a, b, LITERAL) for a, b in strays if all(b <= start or end <= a for start, end, _ in spans)
    ]
    return sorted([*spans, *clear])
