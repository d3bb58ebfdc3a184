"""Names of countries, states and cities, from a list."""

from collections.abc import Iterator

from langchain_privacy.detection.cues import Cues
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.gazetteer import load
from langchain_privacy.detection.korean_words import ends_a_korean_word, is_hangul
from langchain_privacy.detection.rules import finding

# Places that are words or names as well: only with a capital letter, and never alone in lower case.
_ALSO_WORDS = load("common_words") | load("given_names") | load("surnames")
_PLACES = Cues(load("places"))


def find_places(text: FoldedText) -> Iterator[Finding]:
    """Find places that the list knows, written with a capital letter or in all lower-case text."""
    lower = text.lower
    no_capitals = text.text == lower
    for start, end in _PLACES.find(text):
        if (start and is_hangul(lower[start - 1])) or not ends_a_korean_word(lower, end):
            continue  # "USA투데이", but "London에서"
        if text.text[start].isupper() or (no_capitals and lower[start:end] not in _ALSO_WORDS):
            yield finding(start, end, "LOCATION", 0.5, "place")
