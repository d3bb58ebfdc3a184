"""From detectors to the spans that are masked.

`detect_all` runs detectors over a text and settles what they found: thresholds, allowed values,
further occurrences, overlaps, placeholders that nobody may touch. Masking, the guard and `scan`
call it.

    >>> from langchain_privacy.detection.defaults import default_detectors
    >>> text = "Tenant: Hans Oberhuber, ada@example.org. Oberhuber pays."
    >>> found = detect_all(text, default_detectors(presidio=False))
    >>> [(f.entity_type, text[f.start : f.end]) for f in found]
    [('PERSON', 'Hans Oberhuber'), ('EMAIL', 'ada@example.org'), ('PERSON', 'Oberhuber')]
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from langchain_privacy.detection.finding import (
    HIGH_CONFIDENCE,
    Detector,
    Finding,
    LateDetector,
    Reviewer,
    merge_findings,
)
from langchain_privacy.detection.language import detection_language, say_unread
from langchain_privacy.detection.once import one_reading
from langchain_privacy.detection.pieces import LONGEST, pieces
from langchain_privacy.detection.vocabulary.merging import with_types
from langchain_privacy.errors import DetectionError, PrivacyError
from langchain_privacy.values.decoding import Reading
from langchain_privacy.values.fold import HARD, Skeleton, skeleton
from langchain_privacy.values.index import ValueIndex, stands_once, stands_within
from langchain_privacy.values.spelling import UNTYPED
from langchain_privacy.values.view import View
from langchain_privacy.words.korean import PARTICLE_BEHIND_LATIN, SYLLABLE

_QUOTES = ('"', "'", "`")


class Particles:
    r"""The Korean particles behind Latin words and numbers of a text; false where it has none.

    Python's `\b` and `\w` know one kind of letter, so `10.20.30.41이고` ends in the middle of a
    word, and "all but white space" takes `이고` into a password. So detectors look at a text with a
    space before each of these particles; no rule and no model has to know.

    >>> particles = Particles("메일은 ada@example.org로 주세요.")
    >>> particles.apart().text
    '메일은 ada@example.org 로 주세요.'
    >>> particles.end_without(4, 20)  # of "ada@example.org로"
    19
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: dict[int, int] = {}
        if not text.isascii() and SYLLABLE.search(text):
            found = PARTICLE_BEHIND_LATIN.finditer(text)
            self._starts = {match.end(): match.start() for match in found}

    def __bool__(self) -> bool:
        return bool(self._starts)

    def apart(self) -> View:
        """Return the text with a space before each of them."""
        view, at = View(), 0
        for start in self._starts.values():
            view.copy(self._text[at:start], 0, at)
            view.label(" ")
            at = start
        view.copy(self._text[at:], 0, at)
        return view

    def end_without(self, start: int, end: int) -> int:
        """Return where a span of the text ends without the particle that it ends with.

        What stands alone between two quotes is kept whole: a password may end like a word.
        """
        if (
            start
            and self._text[start - 1] in _QUOTES
            and self._text[start - 1] == self._text[end : end + 1]
        ):
            return end
        return self._starts.get(end, end)


Span = tuple[int, int]

# Stands in for what a detector must not see. The object replacement character is neither letter,
# digit nor space: no rule takes it for part of a value, no tokenizer for a word.
_BLANK = "\ufffc"


def detect_all(
    text: str | Reading,
    detectors: Sequence[Detector],
    *,
    language: str | None = None,
    skip: Sequence[Span] = (),
    allow: Iterable[str] = (),
    thresholds: Mapping[str, float] | None = None,
    everywhere: bool = True,
    expected: Sequence[str] = (),
) -> list[Finding]:
    """Run detectors over a text and settle what is private in it.

    What the text says decoded is read as well (see `values.decoding`): escapes, fields of a JSON
    document beside their names, base64.

    Args:
        text: Any Unicode text, or its reading where that is there already.
        detectors: Run one after the other on the text, a long one piece by piece (`pieces`); a
            `LateDetector` after the others, where they left something open.
        language: ISO 639-1 code; guessed when `None` (see `detection.language`).
        skip: `(start, end)` spans that no detector sees and no finding touches: placeholders.
        allow: Values that are not private, compared without regard to case.
        thresholds: Least score by entity type; `"*"` is the one of all other types, 0.0 if absent.
        everywhere: Whether to look for further occurrences of what was found.
        expected: ISO 639-1 codes of the languages that texts are in, for guessing.

    Returns:
        Findings that do not overlap each other or `skip`, in order of position, with every further
        occurrence of what was found (see `propagate`).

    Raises:
        DetectionError: A detector failed; there is no partial result.
    """
    with one_reading():
        reading = Reading(_blanked(text, skip)) if isinstance(text, str) else text
        language = detection_language(reading.text, expected) if language is None else language
        say_unread(language, detectors)
        early, late, reviewers = _by_turn(detectors)

        def read(part: str) -> list[Finding]:
            here = [f for detector in early for f in _run(detector, part, language)]
            return _with_late(late, reviewers, part, here, language, thresholds)

        looks = list(_looks(reading, skip))
        for look in looks:
            seen = _blanked(look.text, look.skip)
            found = read(seen) if len(seen) <= LONGEST else _read_in_pieces(seen, read)
            look.settle(seen, found, allow, thresholds, everywhere=everywhere)
        return _united(reading.text, looks, skip)


def _read_in_pieces(text: str, read: Callable[[str], list[Finding]]) -> list[Finding]:
    """Return what is found in a long text; what is remembered of a piece is forgotten behind it."""
    found: list[Finding] = []
    for piece in pieces(text):
        with one_reading():
            here = read(text[piece.start : piece.stop])
        piece.add_to(found, here)
    return found


async def adetect_all(
    text: str,
    detectors: Sequence[Detector],
    *,
    language: str | None = None,
    skip: Sequence[Span] = (),
    allow: Iterable[str] = (),
    thresholds: Mapping[str, float] | None = None,
    expected: Sequence[str] = (),
) -> list[Finding]:
    """Like `detect_all`, without blocking the event loop; detectors run at the same time."""
    language = detection_language(text, expected) if language is None else language
    say_unread(language, detectors)
    early, late, reviewers = _by_turn(detectors)
    reading = Reading(text)
    looks = list(_looks(reading, skip))
    for look in looks:
        seen = _blanked(look.text, look.skip)
        found: list[Finding] = []
        for piece in pieces(seen):
            with one_reading():
                read = seen[piece.start : piece.stop]
                results = await asyncio.gather(*(_arun(d, read, language) for d in early))
                here = [finding for result in results for finding in result]
                here = await asyncio.to_thread(
                    _with_late, late, reviewers, read, here, language, thresholds
                )
            piece.add_to(found, here)
        await asyncio.to_thread(look.settle, seen, found, allow, thresholds)
    return _united(reading.text, looks, skip)


DECODED = "+decoded"
"""End of the name of a finding's detector that read escapes or encoded text."""


class _Look:
    """A text to be read, and the way from it to the original: itself, or what it says decoded."""

    def __init__(
        self,
        text: str,
        skip: Sequence[Span],
        view: View | None = None,
        whole: Span | None = None,
        *,
        particles: Particles,
        suffix: str = DECODED,
    ) -> None:
        self.text, self.skip = text, skip
        self._view, self._whole = view, whole
        self._particles, self._suffix = particles, suffix
        self.findings: list[Finding] = []

    def settle(
        self,
        seen: str,
        found: list[Finding],
        allow: Iterable[str],
        thresholds: Mapping[str, float] | None,
        *,
        everywhere: bool = True,
    ) -> None:
        """Take what detectors found, by offsets in the original."""
        allowed = frozenset(value.casefold().strip() for value in allow)
        kept = _wanted(seen, found, allowed, thresholds)
        if everywhere and kept:
            kept += _wanted(seen, propagate(seen, kept), allowed, None)
        whole = _without(_merged(seen, kept), sorted(self.skip))
        settled = [trimmed for f in whole if (trimmed := _trimmed(seen, f)) is not None]
        if self._whole is not None:
            places = [(f, self._whole) for f in settled[:1]]
        elif self._view is not None:
            view = self._view
            places = [(f, (a, b)) for f in settled for _, a, b in view.places(f.start, f.end)]
        else:
            self.findings = settled
            return
        self.findings = list(self._without_particles(places))

    def _without_particles(self, places: Iterable[tuple[Finding, Span]]) -> Iterator[Finding]:
        """Put findings where they stand in the original, each without a particle at its end."""
        for found, (start, end) in places:
            end = self._particles.end_without(start, end)
            if start < end:
                yield replace(found, start=start, end=end, detector=found.detector + self._suffix)


def _looks(reading: Reading, skip: Sequence[Span]) -> Iterator[_Look]:
    particles = Particles(reading.text)
    if particles:  # the text itself, each particle behind a Latin word or a number set apart
        view = particles.apart()
        apart = [s for span in skip for s in view.where(*span)]
        yield _Look(view.text, apart, view, particles=particles, suffix="")
    else:
        yield _Look(reading.text, skip, particles=particles)
    for view, folded in reading.views:
        inside = [s for span in skip for s in view.where(*span)]
        yield _Look(folded.text, inside, view, particles=particles)
    for start, end, folded in reading.encoded:
        # A placeholder is no encoded text, though one in forty reads like it: `MONEY_NGFV`.
        if not any(a <= start and end <= b for a, b in skip):
            yield _Look(folded.text, (), whole=(start, end), particles=particles)


def _united(text: str, looks: Sequence[_Look], skip: Sequence[Span]) -> list[Finding]:
    if len(looks) == 1:
        return looks[0].findings
    found = [finding for look in looks for finding in look.findings]
    return _without(_merged(text, found), sorted(skip))


def _merged(text: str, findings: list[Finding]) -> list[Finding]:
    """Resolve overlaps; what is only not public takes the type of what it touches."""
    untyped = [f for f in findings if f.entity_type in UNTYPED]
    if not untyped:
        return merge_findings(findings)
    typed = [f for f in findings if f.entity_type not in UNTYPED]
    return with_types(text, merge_findings(typed), untyped)


def _run(detector: Detector, text: str, language: str | None) -> list[Finding]:
    try:
        return _checked(detector.detect(text, language=language), text)
    except Exception as error:  # noqa: BLE001 - whatever broke, nothing may be sent
        raise _failure(detector, error) from None


async def _arun(detector: Detector, text: str, language: str | None) -> list[Finding]:
    try:
        return _checked(await detector.adetect(text, language=language), text)
    except Exception as error:  # noqa: BLE001 - whatever broke, nothing may be sent
        raise _failure(detector, error) from None


def _with_late(
    late: Iterable[LateDetector],
    reviewers: Sequence[Reviewer],
    text: str,
    found: list[Finding],
    language: str | None,
    thresholds: Mapping[str, float] | None,
) -> list[Finding]:
    """Return findings with what late detectors find in view of them, all as reviewers leave it.

    A value of a type that is switched off stays so: no late detector finds it as not public.
    """
    found = _reviewed(reviewers, text, found, language)
    for detector in late:
        counted = _wanted(text, found, (), thresholds)
        known = [f for f in counted if f.entity_type not in UNTYPED]  # what something is
        try:
            more = _checked(detector.detect_rest(text, known, language=language), text)
        except Exception as error:  # noqa: BLE001 - whatever broke, nothing may be sent
            raise _failure(detector, error) from None
        if refused := [f for f in found if f.score < (thresholds or {}).get(f.entity_type, 0.0)]:
            more = [f for f in more if f.entity_type not in UNTYPED or not _meets(f, refused)]
        found += _reviewed(reviewers, text, more, language)
    return found


def _meets(finding: Finding, others: Iterable[Finding]) -> bool:
    return any(f.start < finding.end and finding.start < f.end for f in others)


def _reviewed(
    reviewers: Iterable[Reviewer], text: str, found: list[Finding], language: str | None
) -> list[Finding]:
    """Return findings without what a reviewer knows to be nobody's."""
    for reviewer in reviewers if found else ():
        try:
            found = _checked(list(reviewer.review(text, found, language=language)), text)
        except Exception as error:  # noqa: BLE001 - whatever broke, nothing may be sent
            raise _failure(reviewer, error) from None
    return found


def _by_turn(
    detectors: Sequence[Detector],
) -> tuple[list[Detector], list[LateDetector], list[Reviewer]]:
    """Return what looks first, what looks then, and what judges the findings of both."""
    early: list[Detector] = []
    late: list[LateDetector] = []
    reviewers: list[Reviewer] = []
    for detector in detectors:
        if isinstance(detector, LateDetector):
            late.append(detector)
        else:
            early.append(detector)
        if isinstance(detector, Reviewer):
            reviewers.append(detector)
    return early, late, reviewers


def _checked(findings: list[Finding], text: str) -> list[Finding]:
    size = len(text)
    for f in findings:
        if not 0 <= f.start <= f.end <= size:
            msg = "offsets outside the text"
            raise DetectionError(msg)
    return findings


def _failure(detector: Detector | Reviewer, error: Exception) -> DetectionError:
    """Name the detector and the kind of failure; only the texts of our own errors are safe."""
    name = getattr(detector, "name", type(detector).__name__)
    why = str(error) if isinstance(error, PrivacyError) else type(error).__name__
    return DetectionError(f"detector {name!r} failed ({why}); nothing was masked and nothing sent")


def _blanked(text: str, skip: Sequence[Span]) -> str:
    if not skip:
        return text
    pieces, at = [], 0
    for start, end in sorted(skip):
        pieces += [text[at:start], _BLANK * (end - max(start, at))]
        at = max(at, end)
    return "".join([*pieces, text[at:]])


def _wanted(
    text: str,
    found: list[Finding],
    allowed: Collection[str],
    thresholds: Mapping[str, float] | None,
) -> list[Finding]:
    if not (thresholds or allowed):
        return [*found]
    thresholds = thresholds or {}
    default = thresholds.get("*", 0.0)
    return [
        f
        for f in found
        if f.score >= thresholds.get(f.entity_type, default)
        and not (allowed and text[f.start : f.end].casefold().strip() in allowed)
    ]


def _without(findings: list[Finding], spans: list[Span]) -> list[Finding]:
    """Cut spans out of findings; both are in order, and the findings do not overlap."""
    if not spans:
        return findings
    pieces: list[Finding] = []
    first = 0  # of the spans that a finding or one after it can meet
    for finding in findings:
        at = finding.start
        while first < len(spans) and spans[first][1] <= at:
            first += 1
        index = first
        while index < len(spans) and spans[index][0] < finding.end:
            start, end = spans[index]
            if end > at:
                if start > at:
                    pieces.append(replace(finding, start=at, end=start))
                at = end
            index += 1
        if at < finding.end:
            pieces.append(finding if at == finding.start else replace(finding, start=at))
    return pieces


def _trimmed(text: str, finding: Finding) -> Finding | None:
    """Drop white space at the ends; a piece without a letter or digit is nothing."""
    value = text[finding.start : finding.end]
    if not any(map(str.isalnum, value)):
        return None
    start = finding.end - len(value.lstrip())
    end = finding.start + len(value.rstrip())
    same = (start, end) == (finding.start, finding.end)
    return finding if same else replace(finding, start=start, end=end)


_TRUSTED = 0.5


def propagate(text: str, findings: Sequence[Finding]) -> list[Finding]:
    """Find the further occurrences of what was found, however they are written.

    "Müller" after "Hans Müller"; after "서지훈" also "지훈 씨" and "서 부장" (see `values.index`).

    Args:
        text: The text that was searched.
        findings: What detectors found in it. Findings that score below 0.5 spread nothing.

    Returns:
        New findings only; they may overlap each other and the given ones.
    """
    index: ValueIndex[Finding] | None = None
    folded = Skeleton(text)
    trusted = merge_findings(f for f in findings if f.score >= _TRUSTED)
    values: dict[tuple[str, str], Finding] = {}
    for finding in trusted:
        value = text[finding.start : finding.end].strip()
        values.setdefault((finding.entity_type, value), finding)
    few = len(values) * len(text) < _FEW
    known: dict[tuple[bool, bool], bytes] = {}
    for (kind, value), finding in values.items():
        if few:  # most values stand nowhere else, and to see that is cheaper than an index
            if stands_once(folded, value, kind):
                continue
            wins = kind in UNTYPED, finding.score >= HIGH_CONFIDENCE
            if wins not in known:
                known[wins] = _known(text, trusted, untyped=wins[0], checked=wins[1])
            if stands_within(folded, value, kind, known[wins]):
                continue
        index = ValueIndex() if index is None else index
        index.add(value, kind, finding)
    if index is None:
        return []
    given = {(f.start, f.end) for f in findings if f.entity_type not in UNTYPED}
    return [
        replace(source, start=start, end=end, detector=f"{source.detector}+propagation")
        for start, end, *_, (source, *_) in index.find(folded)
        if (start, end) not in given
    ]


def _known(text: str, findings: Sequence[Finding], *, untyped: bool, checked: bool) -> bytes:
    """Return the skeletons of what wins over each further occurrence in it, see `_merged`."""
    return HARD.encode().join(
        skeleton(text[f.start : f.end])
        for f in findings
        if (f.entity_type in UNTYPED) == untyped and (f.score >= HIGH_CONFIDENCE or not checked)
    )


_FEW = 2**22
"""Values times characters that are looked through value by value: less work than an index."""
