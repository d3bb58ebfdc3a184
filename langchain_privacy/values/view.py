r"""A text for detectors to read, made of others: fields beside their labels, escapes decoded.

The masker and the guard look at the same view, so that neither knows less than the other. A tool
that returns `json.dumps(record)` writes Korean as escapes; a form in a state is a mapping, whose
numbers say nothing without their keys. A view is a text for detectors to read, with the way back
from its offsets to the places that hold what they found.

    >>> view = fields([("passport_number", "M12345678"), ("note", "fine")])
    >>> view.text
    'passport number: M12345678\nnote: fine\n'
    >>> view.places(17, 26)  # leaf 0, characters 0 to 9
    [(0, 0, 9)]

`decoding` makes views of what is escaped, `tables` of what stands in tables and forms.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate

from langchain_privacy.words.labels import words_of


class Places:
    """Places of a text, asked what touches them: a text may have as many as it has words.

    >>> places = Places([(4, 9), (0, 2)])
    >>> places.touch(8, 12), places.touch(2, 4), places.lie_in(3, 9), places.hold(5, 9)
    (True, False, True, True)
    """

    def __init__(self, places: Iterable[tuple[int, int]]) -> None:
        self._places = sorted(set(places))
        self._starts = [start for start, _ in self._places]
        self._furthest = list(accumulate((end for _, end in self._places), max))

    def touch(self, start: int, end: int) -> bool:
        """Say whether one of them has a character of a span."""
        at = bisect_left(self._starts, end)
        return at > 0 and self._furthest[at - 1] > start

    def hold(self, start: int, end: int) -> bool:
        """Say whether one of them has all characters of a span."""
        at = bisect_right(self._starts, start)
        return at > 0 and self._furthest[at - 1] >= end

    def lie_in(self, start: int, end: int) -> bool:
        """Say whether a span has all characters of one of them."""
        at = bisect_left(self._starts, start)
        while at < len(self._places) and self._starts[at] <= end:
            if self._places[at][1] <= end:
                return True
            at += 1
        return False


_MOST_READINGS = 4
"""How many pieces of a view may say the same characters."""


class View:
    """A text for detectors to read, made of pieces of others."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._starts: list[int] = []
        self.origins: list[tuple[int, int, int]] = []
        self._size = 0
        self._of_first: tuple[int, list[int], list[int]] | None = None

    def __repr__(self) -> str:
        return f"<View of {self._size} characters>"

    @property
    def text(self) -> str:
        """What it says."""
        return "".join(self.pieces)

    def label(self, text: str) -> None:
        """Add text that stands nowhere, such as the name of a field."""
        self._add(text, -1, 0, 0)

    def copy(self, text: str, leaf: int, start: int) -> None:
        """Add text that stands so at `start` of a leaf."""
        if text:
            self._add(text, leaf, start, 0)

    def decoded(self, text: str, leaf: int, start: int, end: int) -> None:
        """Add text that the characters `start` to `end` of a leaf say together."""
        if text:
            self._add(text, leaf, start, end)

    def _add(self, text: str, leaf: int, start: int, end: int) -> None:
        self.pieces.append(text)
        self._starts.append(self._size)
        self.origins.append((leaf, start, end))
        self._size += len(text)

    def copy_to(self, other: "View", start: int, end: int) -> None:
        """Add `text[start:end]` to another view, with its places."""
        at = bisect_right(self._starts, start) - 1
        while at < len(self._starts) and self._starts[at] < end:
            begin, piece = self._starts[at], self.pieces[at]
            leaf, first, last = self.origins[at]
            a, b = max(start - begin, 0), min(end - begin, len(piece))
            if last:
                other.decoded(piece[a:b], leaf, first, last)
            else:
                other.copy(piece[a:b], leaf, first + a)
            at += 1

    def places(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """Return `(leaf, start, end)` of what stands at `text[start:end]`, one a leaf."""
        found: dict[int, tuple[int, int]] = {}
        at = bisect_right(self._starts, start) - 1
        while at < len(self._starts) and self._starts[at] < end:
            leaf, first, last = self.origins[at]
            begin = self._starts[at]
            if leaf >= 0:
                if not last:  # a copy, character by character
                    length = len(self.pieces[at])
                    last = first + min(end - begin, length)
                    first += max(start - begin, 0)
                known = found.get(leaf, (first, last))
                found[leaf] = min(known[0], first), max(known[1], last)
            at += 1
        return [(leaf, *span) for leaf, span in found.items()]

    def where(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return where in `text` stands what `start` to `end` of the first leaf says."""
        if self._of_first is None or self._of_first[0] != len(self.pieces):
            own = [i for i, origin in enumerate(self.origins) if origin[0] == 0]
            own.sort(key=lambda i: self.origins[i][1])
            self._of_first = len(self.pieces), own, [self.origins[i][1] for i in own]
        _, own, places = self._of_first
        found = []
        # What begins before a span may reach into it: a line, and the cells of that line.
        before = bisect_right(places, start) - _MOST_READINGS
        for index in range(max(0, before), bisect_left(places, end)):
            at = own[index]
            begin, piece, (_, first, last) = self._starts[at], self.pieces[at], self.origins[at]
            a, b = (first, last) if last else (max(first, start), min(first + len(piece), end))
            if last and start < b and a < end:
                found.append((begin, begin + len(piece)))
            elif not last and a < b:
                found.append((begin + a - first, begin + b - first))
        return found


# ---- fields beside their labels


def fields(items: Iterable[tuple[str, str]]) -> View:
    """Write fields as lines `name: value`; leaf n is the value of item n."""
    view = View()
    for leaf, (name, value) in enumerate(items):
        view.label(f"{words_of(name)}: ")
        view.copy(value, leaf, 0)
        view.label("\n")
    return view


_JSON_TOKEN = re.compile(
    r'"(?P<s>(?:[^"\\]|\\.)*)"|(?P<n>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<p>[{}\[\]:,])', re.DOTALL
)
_JSON_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.", re.DOTALL)


def json_fields(text: str) -> View | None:
    """Write the fields of a JSON document as lines `name: value`.

    A name comes after that of what holds it: `passport number`.

    Returns:
        A view whose only leaf is the document, or `None` when it is no JSON object or array.
    """
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    view = View()
    names: list[str] = []
    holds: list[bool] = []  # whether each open container is an object
    name, is_key = "", False
    for match in _JSON_TOKEN.finditer(text):
        sign = match["p"]
        if sign in ("{", "["):
            names.append(name)
            holds.append(sign == "{")
            name, is_key = "", sign == "{"
        elif sign in ("}", "]"):
            name = names.pop()
            holds.pop()
        elif sign == ",":
            is_key = bool(holds) and holds[-1]
        elif sign == ":":
            is_key = False
        elif is_key:
            name = words_of(json.loads(match[0], strict=False))
        else:
            path = " ".join(dict.fromkeys(filter(None, [*names[-2:], name])))
            view.label(f"{path}: " if path else "")
            start, end = match.span("s" if match["s"] is not None else "n")
            _json_string(view, text, start, end)
            view.label("\n")
    return view


def _json_string(view: View, text: str, start: int, end: int) -> None:
    at = start
    for match in _JSON_ESCAPE.finditer(text, start, end):
        view.copy(text[at : match.start()], 0, at)
        view.decoded(json.loads(f'"{match[0]}"', strict=False), 0, *match.span())
        at = match.end()
    view.copy(text[at:end], 0, at)
