"""What a detector says, what a detector is, and which of two findings wins where they overlap.

Write a detector by subclassing `Detector`; `detect` runs detectors and settles their findings.

    >>> class Badges(Detector):
    ...     name = "badges"
    ...     def detect(self, text, *, language=None):
    ...         return [
    ...             Finding(start=m.start(), end=m.end(), entity_type="ID", score=0.9, detector="b")
    ...             for m in re.finditer(r"B-[0-9]{5}", text)
    ...         ]
"""

import asyncio
from abc import ABC, abstractmethod
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

HIGH_CONFIDENCE = 0.85
"""From this score on a finding is checked: a refusal at the door may rest on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A private span of a text. It never holds the text itself.

    Attributes:
        start: First character, 0-based.
        end: One past the last character.
        entity_type: Upper-case type in Presidio's spelling, e.g. `"EMAIL"`, `"PERSON"`, `"KR_RRN"`.
        score: Confidence, 0.0 to 1.0.
        detector: Name of the detector that found it.
    """

    start: int
    end: int
    entity_type: str
    score: float
    detector: str


class Detector(ABC):
    """Finds private spans in a text. One kind of value, one detector, one file.

    A detector never reaches the network and never returns "nothing" because it failed: it raises
    `DetectionError`, and nothing is sent.

    Attributes:
        name: What its findings are signed with.
        names_in: Languages that it finds names of people in, ISO 639-1; `None` is all of them. A
            text in a language that no detector reads is said once.
    """

    name: str
    names_in: frozenset[str] | None = frozenset()

    @abstractmethod
    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Find private spans.

        Args:
            text: Any Unicode text.
            language: ISO 639-1 code of the text, or `None` when it is unknown or mixed.

        Returns:
            Findings in any order; they may overlap (`merge_findings` resolves that).

        Raises:
            DetectionError: The detector could not do its work.
        """

    async def adetect(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Like `detect`, without blocking the event loop."""
        return await asyncio.to_thread(self.detect, text, language=language)


class LateDetector(Detector):
    """A costly detector, that runs after the others and looks where they left something open."""

    @abstractmethod
    def detect_rest(
        self, text: str, found: Sequence[Finding], *, language: str | None = None
    ) -> list[Finding]:
        """Like `detect`, with what the other detectors have found."""


class Reviewer(ABC):
    """A detector that knows better than others what they have found."""

    @abstractmethod
    def review(
        self, text: str, found: Sequence[Finding], *, language: str | None = None
    ) -> Sequence[Finding]:
        """Return what other detectors have found without what is nobody's."""


def merge_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Resolve overlaps: checked findings win, then the longer, the surer, the earlier one.

    Checked is what scores `HIGH_CONFIDENCE` or more: an IBAN inside what looks like an address
    stays an IBAN. What a loser has outside the winners stays a finding of its own: no character
    that a detector found becomes clear because another detector found its neighbour.

    Returns:
        Findings that do not overlap, in order of position.
    """
    merged: list[Finding] = []
    cluster: list[Finding] = []  # what overlaps, one with the next
    end = 0
    for finding in sorted([f for f in findings if f.start < f.end], key=_start):
        if finding.start < end:
            cluster.append(finding)
            end = max(end, finding.end)
        else:
            merged += cluster if len(cluster) < 2 else _resolved(cluster, end)
            cluster, end = [finding], finding.end
    return merged + (cluster if len(cluster) < 2 else _resolved(cluster, end))


def _resolved(cluster: list[Finding], end: int) -> list[Finding]:
    ranked = sorted(cluster, key=_rank)
    if ranked[0].start == cluster[0].start and ranked[0].end == end:
        return ranked[:1]  # as most do, it covers the others
    chosen: list[Finding] = []
    for finding in ranked:
        for piece in list(_outside(finding, chosen)):
            insort(chosen, piece, key=_start)
    return chosen


def _rank(f: Finding) -> tuple[bool, int, float, int, str]:
    return f.score < HIGH_CONFIDENCE, f.start - f.end, -f.score, f.start, f.entity_type


_start = attrgetter("start")


def _outside(finding: Finding, chosen: list[Finding]) -> Iterator[Finding]:
    """Yield the parts of a finding that no chosen one covers."""
    at = finding.start
    index = bisect_right(chosen, at, key=_start)
    if index and chosen[index - 1].end > at:
        at = chosen[index - 1].end
    while at < finding.end:
        end = chosen[index].start if index < len(chosen) else finding.end
        end = min(end, finding.end)
        if end > at:
            whole = (at, end) == (finding.start, finding.end)
            yield finding if whole else replace(finding, start=at, end=end)
        if index >= len(chosen) or chosen[index].start >= finding.end:
            return
        at = chosen[index].end
        index += 1
