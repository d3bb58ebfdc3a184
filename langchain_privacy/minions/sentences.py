"""Sentences of a text by offsets: where one ends and the next begins, in English and Korean.

`windows` puts them together; a short document is searched by them alone.

    [text[start:end] for start, end in sentences(text)]
"""

import re
from collections.abc import Iterator

LONGEST = 480
"""Characters; a longer sentence is cut at a clause, so that one quote stays small."""

_WRAPPED = 45
"""A line at least this long that ends nowhere was wrapped by a page, not ended by its writer."""

_HEADING = 32
"""Characters of the longest heading that stands before its text on the same line."""

_LONGEST_ABBREVIATION = 12
"""Characters before a stop that are looked at."""

# A stop, what closes behind it, white space, and what a sentence can begin with.
_ENDS = re.compile(r"[.!?…。][\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z0-9가-힣ㄱ-ㅎ一-鿿])")
# A stop that ends no sentence: after an initial or a shortened word.
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Z]|Dr|Mr|Mrs|Ms|Prof|Rev|Sr|Jr|St|No|Nos|Art|Sec|Fig|vs|approx|cf|Inc|Ltd"
    r"|Co|Corp|e\.g|i\.e|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)\.$"
)
# The number of an item: "1.", "a.", "가."
_NUMBERING = re.compile(r"\s*(?:\d{1,3}|[A-Za-z가-힣])\.$")
_CLAUSE = re.compile(r"[;:,]\s|\s")
# How a line ends that its writer ended: with a stop, or with a Korean final ending.
CLOSED = re.compile(r"[.!?:;。|]\s*$|[다요함음임됨]\s*$")
NUMBERED = re.compile(
    r"^(?:제\s*\d+\s*[조항장절호편관]"
    r"|(?:(?:Section|Sec\.|Article|Art\.|Clause|Chapter|Part|Paragraph|Item|Schedule|Annex|Exhibit"
    r"|Appendix|§)\s*(?:\d+(?:\.\d+)*|[A-Z]|[IVX]{1,5})|\(?\d+(?:\.\d+)*)(?:\([a-z\d]\))?[.,:)]?"
    r"(?:\s+[-–—]\s+|\s+|$))"
)
"""The number before a heading: "제3조", "Section 2.1 ", "Clause 4(b), ", "4. "."""

# What makes a short line a statement, not a heading.
_STATEMENT = re.compile(r"[!?\d]|[다요]\.")


# A line that only counts pages: "page 3 of 12", "- 3 -", "F-21", "3쪽".
_PAGE_MARK = re.compile(
    r"\W*+(?:page\s*+|[A-Z]{1,2}-)?\d{1,4}+\s*+쪽?+\s*+(?:(?:of|/)\s*+\d++\s*+쪽?+)?+\W*+",
    re.IGNORECASE,
)


def is_page_mark(line: str) -> bool:
    """Say whether a line only counts pages."""
    return _PAGE_MARK.fullmatch(line) is not None


def sentences(text: str) -> list[tuple[int, int]]:
    """Return `(start, end)` of each sentence, in order, without surrounding white space."""
    return [
        piece
        for start, end in _paragraphs(text)
        for sentence in _within(text, start, end)
        for piece in _pieces(text, *sentence)
    ]


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Join lines that were wrapped in the middle of a sentence; every other line stands alone."""
    start = 0
    for line in re.finditer(r"\n", text):
        at = line.start()
        before = text[max(start, text.rfind("\n", 0, at) + 1) : at]
        after = text[at + 1 : at + 2]
        soft = (
            len(before.strip()) >= _WRAPPED
            and not CLOSED.search(before)
            and (after.islower() or "가" <= after <= "힣")
        )
        if not soft:
            yield start, at
            start = at + 1
    yield start, len(text)


def _within(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for match in _ENDS.finditer(text, start, end):
        stop = match.start() + len(match[0].rstrip())
        last = text[max(begin, stop - _LONGEST_ABBREVIATION) : stop]
        if _ABBREVIATION.search(last) or _NUMBERING.match(text, begin, stop):
            continue
        if begin == start and _is_heading(text[begin:stop]):
            continue
        yield begin, stop
        begin = match.end()
    yield begin, end


def _is_heading(head: str) -> bool:
    """Say whether a line's first "sentence" only names what follows: it belongs to that."""
    head = NUMBERED.sub("", head.strip())
    return len(head) <= _HEADING and len(head.split()) <= 4 and not _STATEMENT.search(head)


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > LONGEST:
        cut = start + LONGEST
        for match in _CLAUSE.finditer(text, start + LONGEST // 2, start + LONGEST):
            if match[0].strip() or cut == start + LONGEST:
                cut = match.end()
        yield start, start + len(text[start:cut].rstrip())
        start = cut
    if end - start > 1:
        yield start, end
