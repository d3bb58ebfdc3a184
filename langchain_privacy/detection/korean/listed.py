r"""Names in a list most of whose items are names: a class, who was there, who plays what.

Names that are everyday words, or that no list has, are known by the names beside them.

    >>> text = "1. 이도윤 - 축구부\n2. 봄 - 리더십\n3. 박서준 - 고집"
    >>> [text[start:end] for start, end in listed_beside(text, [(3, 6), (27, 30)])]
    ['봄']
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from langchain_privacy.detection.korean.everyday import is_nobody
from langchain_privacy.detection.korean.tokens import korean_tokens

Span = tuple[int, int]

_NOUNS = frozenset({"NNG", "NNP", "NNB", "NR", "MM", "MAG", "XPN", "XSN", "XR"})
_FEWEST = 2
# One below the other, with what is said of each behind a mark, or nothing.
_LINE = re.compile(
    r"(?m)^[ \t>]{0,8}(?P<mark>\d{1,3}[.)]|\(\d{1,3}\)|[-*•·])?[ \t]{0,2}"
    r"(?P<item>[가-힣]{1,4}(?:[ ][가-힣]{1,4})?)[ ]?(?:[-–—:：,(|/\t]|$)"
)
# In a row. A possessive count: no item is tried shorter, so the search is linear.
_ROW = re.compile(r"(?<![가-힣])[가-힣]{1,4}+(?:[ ]?[,·/、][ ]?[가-힣]{1,4}+(?![가-힣])){2,}")
_ITEM = re.compile("[가-힣]+")


def listed_beside(text: str, names: Sequence[Span]) -> Iterator[Span]:
    """Find the other items of lists, at least half of them names.

    Args:
        text: Any text.
        names: Where names were found in it.
    """
    if len(names) < _FEWEST:
        return
    names = sorted(names)
    column: list[Span] = []
    marked, line_end = False, -1
    for match in _LINE.finditer(text):
        if match.start() != line_end or (match["mark"] is not None) != marked:
            yield from _others(text, column, names, 2)
            column = []
        column.append(match.span("item"))
        marked = match["mark"] is not None
        line_end = text.find("\n", match.end("item")) + 1
    yield from _others(text, column, names, 2)
    for row in _ROW.finditer(text):
        items = [item.span() for item in _ITEM.finditer(text, *row.span())]
        for start, end in _others(text, items, names, 1.5):
            if _NOUNS.issuperset(korean_tokens(text[start:end]).tags):
                yield start, end  # no verb with which a clause ends: "놀랐고, 이종석, 진세연"


def _others(
    text: str, items: Sequence[Span], names: Sequence[Span], share: float
) -> Iterator[Span]:
    known = {item for item in items if _is_among(item, names)}
    if len(known) >= _FEWEST and share * len(known) >= len(items):
        for start, end in items:
            if (start, end) not in known and not is_nobody(text[start:end]):
                yield start, end


def _is_among(item: Span, names: Sequence[Span]) -> bool:
    """Say whether a name begins where an item does and takes most of it."""
    at = bisect_left(names, (item[0], 0))
    return at < len(names) and names[at][0] == item[0] and names[at][1] >= item[1] - 1
