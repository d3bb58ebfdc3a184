"""Whether an answer may be shown: every value is a cell, every number and claim has a ground.

`nodes/query.py` checks the template of a plan before the query runs, `nodes/answer.py` a text that
a model wrote about tokens. What is found has a code; codes, and nothing else, go back to the model
that wrote the answer. Over `SELECT name, price FROM trade ORDER BY price DESC LIMIT 3`:

    {row}. [[hidden_value_{row}_name]]: [[hidden_value_{row}_price]]      nothing is wrong
    The average is [[hidden_value_1_price]]                              unsupported_claim
    {row}. [[hidden_value_{row}_phone]]                                  unresolved_token
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from sqlglot import exp

from langchain_privacy.masking.cells import CellSpan, Result, cell_spans, may_hold_cells
from langchain_privacy.sql.guard import GuardedQuery
from langchain_privacy.sql.remote import AnswerTemplate
from langchain_privacy.vault import PLACEHOLDER

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

_MOST_PROBED_ROWS = 1_000
_USUAL_ROWS = 20
"""Rows that a text may write out where the statement has no LIMIT; lines of others are left out."""

_MARKUP = re.compile(r"!\[|\]\(|\]\[|\w+://|www\.|<[A-Za-z/!]|javascript:|data:\w+/", re.IGNORECASE)

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
# Numbers that we count ourselves: of a list's items, of ranks.
_LIST_NUMBER = re.compile(r"^\s*\d{1,3}[.)]\s", re.MULTILINE)
_RANK = re.compile(
    r"\d{1,3}\s?(?:위|등|번째|번|순위|(?:st|nd|rd|th)\b)"
    r"|(?:\b(?:rank|place|no\.|number)|#|순위|제)\s?\d{1,3}(?!\d)",
    re.IGNORECASE,
)

# A line of a list or table.
_ITEM = re.compile(r"\s*(?:[-*•]|\d{1,3}[.)]|\|)")
# A token whose row is written out, and one whose row is left open.
_FIXED_ROW = re.compile(r"hidden\W{0,3}_?value\W{0,3}_?(?:q\d+\W{0,3})?\d", re.IGNORECASE)
_OPEN_ROW = re.compile(r"(hidden_?value_)\{row\}", re.IGNORECASE)

# Claims, and the functions that give them ground.
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


_RANKING = {"rank", "dense_rank", "row_number", "ntile"}


class AnswerCheck:
    """Checks texts that answer one question; the data is not asked.

    Args:
        guarded: The statement that the texts are about.
        question: The question as it crossed.
        placeholders: The placeholders that stand in it; no other may stand in an answer.
    """

    def __init__(self, guarded: GuardedQuery, question: str, placeholders: Iterable[str]) -> None:
        self._guarded = guarded
        self._placeholders = frozenset(placeholders)
        written = [PLACEHOLDER.sub(" ", question), *guarded.labels]
        self._calls: set[str] = set()
        kinds: set[type[object]] = set()
        for node in guarded.tree.walk():
            kinds.add(type(node))
            if isinstance(node, exp.Literal):
                written.append(node.name)
            elif isinstance(node, exp.Anonymous):
                self._calls.add(str(node.this).casefold())
        self._numbers = {number for text in written for number in _numbers(text)}
        if self._calls & _RANKING:
            self._numbers |= {str(rank) for rank in range(1, _USUAL_ROWS + 1)}
        self._named = " ".join([*guarded.labels, *(c for pair in guarded.columns for c in pair)])
        self._ordered = exp.Order in kinds
        self._divided = exp.Div in kinds
        self._computed = self._divided or exp.Sub in kinds

    def template(self, template: AnswerTemplate) -> list[str]:
        """Check the texts of a template; return codes of what is wrong, without repetition."""
        codes: list[str] = []
        if not (template.full + template.single).strip():
            codes.append("empty_answer")
        several = min(self._guarded.limit or _USUAL_ROWS, _MOST_PROBED_ROWS)
        labels = self._guarded.labels
        for text, rows in ((template.full, several), (template.single, 1), (template.empty, 0)):
            if any("{row}" in line and _FIXED_ROW.search(line) for line in text.splitlines()):
                codes.append("row_mixed")
            else:
                # Elsewhere {row} is the row's rank, which we write.
                filled = _OPEN_ROW.sub(r"\g<1>1", text).replace("{row}", "")
                probe = Result(1, labels, [("",) * len(labels)] * rows)
                codes += self._text(filled, {1: probe} if rows else {})
            codes += self._foreign(text)
        return list(dict.fromkeys(codes))

    def answer(self, text: str, result: Result) -> list[str]:
        """Check a whole answer, cells of the result as tokens; return codes like `template`."""
        if not text.strip():
            return ["empty_answer"]
        codes = self._text(text, {result.number: result})
        return list(dict.fromkeys([*codes, *self._foreign(text)]))

    def _foreign(self, text: str) -> list[str]:
        """Find a placeholder that is none of the question's."""
        foreign = any(found[0] not in self._placeholders for found in PLACEHOLDER.finditer(text))
        return ["unresolved_token"] if foreign else []

    def _text(self, text: str, opened: Mapping[int, Result]) -> list[str]:
        """Check a text, cells of the opened results as tokens."""
        codes: list[str] = []
        spans = cell_spans(text, opened)
        plain, at = [], 0
        for span in spans:
            plain.append(text[at : span.start])
            at = span.end
        rest = " ".join([*plain, text[at:]])
        outside = PLACEHOLDER.sub(" ", rest)
        unresolved = any(span.cell is None for span in spans)
        if unresolved or may_hold_cells(outside) or "{row}" in outside:
            codes.append("unresolved_token")
        if _MARKUP.search(rest):
            codes.append("markup")
        counted = _RANK.sub(" ", _LIST_NUMBER.sub(" ", outside))
        if not self._numbers.issuperset(_numbers(counted)):
            codes.append("invented_number")
        if _mixed(text, spans):
            codes.append("row_mixed")
        if not self._grounded(outside):
            codes.append("unsupported_claim")
        return codes

    def _grounded(self, text: str) -> bool:
        """Whether the statement computes what a text claims."""
        calls, ordered = self._calls, self._ordered
        grounds = (
            (_SUPERLATIVE, ordered or calls & {"max", "min", "max_by", "min_by"}),
            (_AVERAGE, calls & {"avg", "median", "sum"}),
            (_TOTAL, calls & {"sum", "total", "count"}),
            (_TREND, ordered or self._computed or calls & {"lag", "lead"}),
            (_TIMES, self._divided),
        )
        named = self._named.casefold()
        return all(
            # 평균가 and 최고가 are what a column is called, and so may its values be.
            ground or all(found[0].casefold() in named for found in claim.finditer(text))
            for claim, ground in grounds
        )


def has_markup(text: str) -> bool:
    """Whether a text holds a link, an image or HTML."""
    return _MARKUP.search(text) is not None


def _numbers(text: str) -> list[str]:
    return [found.replace(",", "").rstrip(".") for found in _NUMBER.findall(text)]


def _mixed(text: str, spans: Sequence[CellSpan]) -> bool:
    """Whether one line of a list or table holds cells of several rows that do not belong together.

    Two rows may stand beside each other when the line says the same of both: the columns of one are
    those of the other.
    """
    lines: dict[int, dict[tuple[int, int], set[int]]] = {}
    for span in spans:
        if span.cell is not None and span.cell[1] > 0:
            number, row, column = span.cell
            line = lines.setdefault(text.count("\n", 0, span.start), {})
            line.setdefault((number, row), set()).add(column)
    listed = text.splitlines()
    return any(
        len({frozenset(columns) for columns in rows.values()}) > 1 and _ITEM.match(listed[line])
        for line, rows in lines.items()
    )
