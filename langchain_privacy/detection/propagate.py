"""A value found once is private wherever it stands in the text, and so are the parts of a name."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import ahocorasick

from langchain_privacy.detection.finding import Finding, merge_findings
from langchain_privacy.words import load
from langchain_privacy.words.korean import ends_a_korean_word, is_hangul, title_follows

_DIGITS = re.compile(r"\d(?:[ ./()-]{0,2}\d){6,30}")
_NO_DIGITS = re.compile(r"\D+")
_NAME_PART = re.compile(r"[^\W\d_](?:[^\W\d_]|['’-](?=[^\W\d_])){1,40}")
_KOREAN_NAME = re.compile(r"[가-힣]{2,4}")
_LEAST = 4
_TRUSTED = 0.5


def propagate(text: str, findings: Sequence[Finding]) -> list[Finding]:
    """Find the further occurrences of what was found.

    Whole values of any type, numbers also with other separators, and of a person's name each part:
    "Müller" after "Hans Müller"; after "서지훈" also "지훈 씨" and "서 부장".

    Args:
        text: The text that was searched.
        findings: What detectors found in it. Findings that score below 0.5 spread nothing.

    Returns:
        New findings only; they may overlap each other and the given ones.
    """
    automaton = ahocorasick.Automaton()
    numbers: dict[str, Finding] = {}
    for finding in merge_findings(f for f in findings if f.score >= _TRUSTED):
        value = text[finding.start : finding.end].strip()
        digits = _NO_DIGITS.sub("", value)
        if len(digits) >= 7 and len(digits) * 2 >= len(value):
            numbers.setdefault(digits, finding)
        for word, needs_title in _spellings(finding.entity_type, value):
            known = automaton.get(word, None)
            if known is None or (known[2] and not needs_title):
                automaton.add_word(word, (finding, len(word), needs_title))
    found: list[Finding] = []
    if len(automaton):
        automaton.make_automaton()
        done: dict[int, int] = {}
        for last, (source, length, needs_title) in automaton.iter(text):
            start, end = last - length + 1, last + 1
            if start < done.get(length, 0):
                continue  # a value that repeats itself overlaps itself
            if _word(text, start, end) and (not needs_title or title_follows(text, end)):
                found.append(_again(source, start, end))
                done[length] = end
    if numbers:
        for match in _DIGITS.finditer(text):
            same = numbers.get(_NO_DIGITS.sub("", match[0]))
            if same is not None:
                found.append(_again(same, *match.span()))
    given = {(f.start, f.end) for f in findings}
    return [f for f in found if (f.start, f.end) not in given]


def _again(source: Finding, start: int, end: int) -> Finding:
    return Finding(
        start=start,
        end=end,
        entity_type=source.entity_type,
        score=source.score,
        detector=f"{source.detector}+propagation",
    )


def _spellings(kind: str, value: str) -> Iterator[tuple[str, bool]]:
    """Yield the strings that stand for a value, and whether each needs a title behind it."""
    if len(value) >= _LEAST or (kind == "PERSON" and len(value) > 1):
        yield value, False
    if kind != "PERSON":
        return
    if _KOREAN_NAME.fullmatch(value) and len(value) > 2:
        family = 2 if value[:2] in load("korean_surnames") and len(value) > 3 else 1
        yield value, False
        yield f"{value[:family]} {value[family:]}", False
        yield value[family:], True
        yield value[:family], True
        return
    parts = [m[0] for m in _NAME_PART.finditer(value)]
    for part in parts if len(parts) > 1 else ():
        if part[0].isupper() and len(part) > 2 and part.lower() not in load("common_words"):
            yield part, False
    for first, second in pairwise(parts):
        if first[0].isupper() and second[0].isupper():
            yield f"{first} {second}", False


def _word(text: str, start: int, end: int) -> bool:
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    if is_hangul(text[end - 1]):
        return not is_hangul(before) and (not is_hangul(after) or ends_a_korean_word(text, end))
    if text[start].isalnum() and before.isalnum() and not is_hangul(before):
        return False
    return not (text[end - 1].isalnum() and after.isalnum() and not is_hangul(after))
