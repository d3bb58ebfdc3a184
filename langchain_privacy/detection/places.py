"""Names of countries, states and cities, from a list."""

from collections.abc import Iterator
from functools import cache

import ahocorasick

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.gazetteer import load
from langchain_privacy.detection.rules import finding

# Places that are words or names as well: only with a capital letter, and never alone in lower case.
_ALSO_WORDS = load("common_words") | load("given_names") | load("surnames")


@cache
def _automaton() -> ahocorasick.Automaton:
    automaton = ahocorasick.Automaton()
    for place in load("places"):
        automaton.add_word(place, len(place))
    automaton.make_automaton()
    return automaton


def find_places(text: FoldedText) -> Iterator[Finding]:
    """Find places that the list knows, written with a capital letter or in all lower-case text."""
    lower = text.lower
    no_capitals = text.text == lower
    for last, length in _automaton().iter(lower):
        start, end = last - length + 1, last + 1
        if (start and lower[start - 1].isalnum()) or (end < len(lower) and lower[end].isalnum()):
            continue
        if text.text[start].isupper() or (no_capitals and lower[start:end] not in _ALSO_WORDS):
            yield finding(start, end, "LOCATION", 0.5, "place")
