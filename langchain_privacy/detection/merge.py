"""The overlap rule, stated once."""

from collections.abc import Iterable

from langchain_privacy.detection.finding import Finding


def merge_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Resolve overlaps: the longer finding wins, then the higher score, then the earlier one.

    Returns:
        Findings that do not overlap, in order of position.
    """
    chosen: list[Finding] = []
    ranked = sorted(findings, key=lambda f: (f.start - f.end, -f.score, f.start, f.entity_type))
    for finding in ranked:
        if finding.start < finding.end and all(
            finding.end <= other.start or other.end <= finding.start for other in chosen
        ):
            chosen.append(finding)
    return sorted(chosen, key=lambda f: f.start)
