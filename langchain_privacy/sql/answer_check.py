"""Whether an answer may be shown: every value is a cell, every number and claim has a ground.

What is found has a code; codes, and nothing else, go back to the model that wrote the answer.
"""

import re
from collections.abc import Mapping, Sequence

from langchain_privacy.masking.cells import Result, cell_spans, may_hold_cells
from langchain_privacy.masking.placeholder import PLACEHOLDER
from langchain_privacy.sql.guard import GuardedQuery

MEANINGS = {
    "unresolved_token": "a hidden value that does not exist: wrong row, column or spelling",
    "invented_number": "a number that is neither a cell nor in the question",
    "row_mixed": "values of different rows in one line",
    "unsupported_claim": "a comparison, average, total or trend that the SQL does not compute",
    "markup": "a link, image or HTML",
    "empty_answer": "no text for this case",
    "no_plan": "the answer was not the JSON object that was asked for",
}
"""Every code of an answer that cannot be used, with its meaning."""

_MARKUP = re.compile(r"!\[|\]\(|\]\[|\w+://|www\.|<[A-Za-z/!]|javascript:|data:\w+/", re.IGNORECASE)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_LIST_NUMBER = re.compile(r"^\s*\d{1,3}[.)]\s", re.MULTILINE)
_RANK = re.compile(r"\d{1,3}\s?(?:위|등|번째|번|(?:st|nd|rd|th)\b)")
_FIXED = re.compile(r"hidden\W{0,3}_?value\W{0,3}_?(?:q\d+\W{0,3})?\d", re.IGNORECASE)
_ROW = re.compile(r"(hidden_?value_)\{row\}", re.IGNORECASE)
_SUPERLATIVE = re.compile(
    r"가장|제일|최고|최저|최대|최소|최다|상위|하위"
    r"|\b(?:most|least|highest|lowest|largest|smallest|top|best|worst|cheapest|oldest|newest)\b",
    re.IGNORECASE,
)
_AVERAGE = re.compile(r"평균|\b(?:average|mean)\b", re.IGNORECASE)
_TOTAL = re.compile(r"합계|총합|\b(?:total|sum)\b", re.IGNORECASE)
_TREND = re.compile(
    r"증가|감소|상승|하락|늘었|줄었|\b(?:increas|decreas|grew|grown|rose|risen|fell|fallen|declin)",
    re.IGNORECASE,
)
_TIMES = re.compile(r"두 배|세 배|절반|\b(?:twice|double|half|triple)\b", re.IGNORECASE)


def check_template(
    text: str, guarded: GuardedQuery, question: str, *, rows: int | None = None
) -> list[str]:
    """Check one text of a template against the statement alone; the data is not asked.

    Args:
        text: The text, `{row}` standing for the row.
        guarded: The statement that it is about.
        question: The question as it crossed.
        rows: How many rows it is for; without it as many as the statement's LIMIT allows.

    Returns:
        Codes of what is wrong, without repetition.
    """
    most = min(guarded.limit or 1, 1_000) if rows is None else rows
    probe = Result(1, guarded.labels, [("",) * len(guarded.labels)] * most)
    if any("{row}" in line and _FIXED.search(line) for line in text.splitlines()):
        return ["row_mixed"]
    # Elsewhere {row} is the row's rank, which we write.
    filled = _ROW.sub(r"\g<1>1", text).replace("{row}", "")
    return check_text(filled, guarded, question, {1: probe} if most else {})


def check_text(
    text: str, guarded: GuardedQuery, question: str, opened: Mapping[int, Result]
) -> list[str]:
    """Check a text with tokens.

    Args:
        text: The text, cells as tokens.
        guarded: The statement that it is about.
        question: The question as it crossed.
        opened: The results whose cells may be named.

    Returns:
        Codes of what is wrong, without repetition.
    """
    codes: list[str] = []
    spans = cell_spans(text, opened)
    plain, at = [], 0
    for span in spans:
        plain.append(text[at : span.start])
        at = span.end
    rest = " ".join([*plain, text[at:]])
    outside = PLACEHOLDER.sub(" ", rest)
    if any(span.cell is None for span in spans) or may_hold_cells(outside) or "{row}" in outside:
        codes.append("unresolved_token")
    if _MARKUP.search(rest):
        codes.append("markup")
    if _numbers(outside) - _allowed_numbers(guarded, question):
        codes.append("invented_number")
    if _mixed(text, spans):
        codes.append("row_mixed")
    if not _grounded(outside, guarded):
        codes.append("unsupported_claim")
    return codes


def _numbers(text: str) -> set[str]:
    text = _RANK.sub(" ", _LIST_NUMBER.sub(" ", text))
    return {_plain(found) for found in _NUMBER.findall(text)}


def _allowed_numbers(guarded: GuardedQuery, question: str) -> set[str]:
    from sqlglot import exp

    known = {_plain(found) for found in _NUMBER.findall(PLACEHOLDER.sub(" ", question))}
    for literal in guarded.tree.find_all(exp.Literal):
        known |= {_plain(found) for found in _NUMBER.findall(literal.name)}
    for label in guarded.labels:
        known |= {_plain(found) for found in _NUMBER.findall(label)}
    return known


def _plain(number: str) -> str:
    return number.replace(",", "").rstrip(".")


def _mixed(text: str, spans: Sequence[object]) -> bool:
    lines: dict[int, set[tuple[int, int]]] = {}
    for span in spans:
        start, cell = span.start, span.cell  # type: ignore[attr-defined]
        if cell is not None and cell[1] > 0:
            lines.setdefault(text.count("\n", 0, start), set()).add(cell[:2])
    listed = text.splitlines()
    return any(
        len(rows) > 1 and re.match(r"\s*(?:[-*•]|\d{1,3}[.)]|\|)", listed[line])
        for line, rows in lines.items()
    )


def _grounded(text: str, guarded: GuardedQuery) -> bool:
    from sqlglot import exp

    tree = guarded.tree
    calls = {str(call.this).casefold() for call in tree.find_all(exp.Anonymous)}
    ordered = tree.find(exp.Order) is not None
    if _SUPERLATIVE.search(text) and not (ordered or calls & {"max", "min", "max_by", "min_by"}):
        return False
    if _AVERAGE.search(text) and not calls & {"avg", "median", "sum"}:
        return False
    if _TOTAL.search(text) and not calls & {"sum", "total", "count"}:
        return False
    computed = tree.find(exp.Sub, exp.Div) is not None
    if _TREND.search(text) and not (computed or calls & {"lag", "lead"} or ordered):
        return False
    return not (_TIMES.search(text) and tree.find(exp.Div) is None)
