"""Names by what they are not: words with a capital letter that no English vocabulary has.

Lists know frequent names, and models what stands in a sentence like a name. A word that begins with
a capital letter and is in no dictionary, in no list of technologies, drugs or peoples, and is no
form of such a word, is a name, whosever: "Greenfork", "Quortax", "Inverurie". It gets the type of
the finding beside it, else `WORD`. In strict mode the whole vocabulary is asked, see `vocabulary`.

    >>> text = "They flew to Inverurie on Monday, for the Kubernetes course of Mr Bose."
    >>> [text[f.start : f.end] for f in UnlistedDetector().detect(text, language="en")]
    ['Inverurie', 'Bose']
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Detector, Finding
from langchain_privacy.detection.folded import UPPER, fold
from langchain_privacy.detection.language import detection_language
from langchain_privacy.detection.vocabulary.declared import PublicWords
from langchain_privacy.detection.vocabulary.lexicon import is_public
from langchain_privacy.values.spelling import WORD
from langchain_privacy.words import load

_SCORE = 0.5
# Not in an identifier, a path or an address: `Frobnicate(`, `x.Frobnicate`, `/Frobnicate`.
_CAPITALISED = re.compile(
    rf"(?<![\w.@/\\#$<&'’-])[{UPPER}][a-z\u00df-\u00f6\u00f8-\u00ff]{{2,}}"
    r"(?![\w(\[@/\\=]|[.:][\w/]|['’-]\w{2})"
)
# A word that the text writes in small letters as well is no name: "Per Diem", "a per diem".
_SMALL = re.compile(r"(?<![^\W_])[a-z\u00df-\u00f6\u00f8-\u00ff]{3,}")
_IS_PUBLISHED = re.compile(r",? et al\b")
_BEFORE = 12
_BEGINS = re.compile(r"(?:[.!?:\n]|\A)[\s\"'“‘*_(\[#>-]*\Z")


class UnlistedDetector(Detector):
    """Finds words with a capital letter that no vocabulary has, in English texts."""

    name = "unlisted"
    names_in = frozenset({"en"})

    def __init__(self, public: PublicWords | None = None) -> None:
        """Take what the application declares public."""
        self.public = public if public is not None else PublicWords()

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Find them; in a text in another or in an unsure language nothing."""
        if (detection_language(text) if language is None else language) != "en":
            return []
        folded = fold(text)
        return [
            folded.to_original(
                Finding(start=a, end=b, entity_type=WORD, score=_SCORE, detector=self.name)
            )
            for a, b in self._unlisted(folded.text)
        ]

    def _unlisted(self, text: str) -> Iterator[tuple[int, int]]:
        small: frozenset[str] | None = None
        for match in _CAPITALISED.finditer(text):
            word = match[0].lower()
            if is_public(word) or word in load("places") or word in self.public.words:
                continue
            if _says_nothing(text, match):
                continue
            if small is None:
                small = frozenset(_SMALL.findall(text))
            if word not in small:
                yield match.span()


def _says_nothing(text: str, word: re.Match[str]) -> bool:
    """Say whether the capital letter of a word says nothing, or nothing private."""
    start, end = word.span()
    before = max(0, start - _BEFORE)
    if _BEGINS.search(text, before, start) or _IS_PUBLISHED.match(text, end):
        return True
    # the Beatles; families whose names lists have ("the Okonkwos") are found as such
    return text[end - 1] == "s" and text.endswith(("the ", "The "), before, start)
