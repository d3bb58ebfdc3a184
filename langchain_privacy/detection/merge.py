"""The overlap rule, stated once."""

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import replace

from langchain_privacy.detection.finding import HIGH_CONFIDENCE, Finding


def merge_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Resolve overlaps: checked findings win, then the longer, the surer, the earlier one.

    Checked is what scores `HIGH_CONFIDENCE` or more: an IBAN inside what looks like an address
    stays an IBAN. What a loser has outside the winners stays a finding of its own: no character
    that a detector found becomes clear because another detector found its neighbour.

    Returns:
        Findings that do not overlap, in order of position.
    """
    ranked = sorted(findings, key=_rank)
    chosen: list[Finding] = []
    for finding in ranked:
        for piece in list(_outside(finding, chosen)):
            insort(chosen, piece, key=_start)
    return chosen


def _rank(f: Finding) -> tuple[bool, int, float, int, str]:
    return f.score < HIGH_CONFIDENCE, f.start - f.end, -f.score, f.start, f.entity_type


def _start(finding: Finding) -> int:
    return finding.start


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
            yield (
                finding
                if end - at == finding.end - finding.start
                else replace(finding, start=at, end=end)
            )
        if index >= len(chosen) or chosen[index].start >= finding.end:
            return
        at = chosen[index].end
        index += 1
