"""Names by what they are not: words with a capital letter that no vocabulary of the language has.

Lists know frequent names, and models what stands in a sentence like a name. A word that begins with
a capital letter and is in no dictionary, in no list of technologies, drugs or peoples, and is no
form of such a word, is a name, whosever: "Greenfork", "Quortax", "Inverurie". It gets the type of
the finding beside it, else `WORD`. In strict mode the whole vocabulary is asked, see `vocabulary`.

English has its own lists. German, French, Spanish and the like are read with the dictionaries of
the extra `languages`, where the application says that its texts are in them, and of the most
frequent ones also where it says nothing and a text is in one for sure; of German, where every noun
has a capital letter, compounds are looked up by their parts.

    >>> text = "They flew to Inverurie on Monday, for the Kubernetes course of Mr Bose."
    >>> [text[f.start : f.end] for f in UnlistedDetector().detect(text, language="en")]
    ['Inverurie', 'Bose']
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from langchain_privacy.detection.beside import lines_with, names_beside, numbers_beside
from langchain_privacy.detection.finding import Finding, LateDetector, Reviewer
from langchain_privacy.detection.folded import UPPER, FoldedText, fold
from langchain_privacy.detection.language import detection_language
from langchain_privacy.detection.rules import Cues
from langchain_privacy.detection.vocabulary.cues import occupations
from langchain_privacy.detection.vocabulary.declared import PublicWords
from langchain_privacy.detection.vocabulary.dictionaries import (
    CAPITAL_NOUNS,
    has_dictionaries,
    is_noun,
    is_readable,
    is_word,
)
from langchain_privacy.detection.vocabulary.lexicon import (
    is_misspelt,
    is_public,
    is_rare,
    is_swapped,
    names,
)
from langchain_privacy.detection.vocabulary.ordinary import (
    language_among,
    language_without_doubt,
    may_be_reviewed,
    reviewed,
)
from langchain_privacy.values.spelling import WORD
from langchain_privacy.words import is_medical, load, load_by_kind

_SCORE = 0.5
_BESIDE = 0.45  # spreads nothing: a number or an everyday word may stand elsewhere by itself
# Not in an identifier, a path or an address: `Frobnicate(`, `x.Frobnicate`, `/Frobnicate`.
_CAPITALISED = re.compile(
    # One class first: the engine looks for nothing else.
    rf"[{UPPER}](?<![\w.@/\\#$<&'’-].)[a-z\u00df-\u00f6\u00f8-\u00ff]{{2,}}"
    r"(?![\w(\[@/\\=]|[.:][\w/]|['’-]\w{2})"
)
# The same where all words around have capitals only: AT THE TINSLEY DEPOT. One class first: the
# engine looks for nothing else.
_SHOUTED = re.compile(
    r"[A-Z](?<![\w.@/\\#$<&'’-].)[A-Z]{5,23}(?![\w(\[@/\\=_]|[.:][\w/]|['’-]\w{2})"
)
_AROUND = 32
# Statements of SQL have none of these.
_IN_PROSE = frozenset(
    ("THE", "A", "AN", "MY", "OUR", "YOUR", "HIS", "HER", "THEIR", "THIS", "I", "WE", "YOU", "HE",
     "SHE", "THEY", "PLEASE")
)  # fmt: skip
# A word that the text writes in small letters as well is no name: "Per Diem", "a per diem".
_SMALL = re.compile(r"(?<![^\W_])[a-z\u00df-\u00f6\u00f8-\u00ff]{3,}")
# In other languages also behind an article, and each half of a double name: "d'Aubagne".
_LETTERS = r"[a-z\u00df-\u00f6\u00f8-\u024f]"
_ELSEWHERE = re.compile(
    rf"(?<![\w.@/\\#$<&-])(?<![^dlnmstDLNMST]['’])[{UPPER}]{_LETTERS}{{2,}}"
    rf"(?:-[{UPPER}]?{_LETTERS}{{2,}}){{0,3}}(?![\w(\[@/\\=-]|[.:][\w/]|['’]\w{{2}})"
)
# "sa femme nadège": in a careless note a name may be in small letters.
_RELATED = Cues(load_by_kind("relations"))
_SMALL_NAME = re.compile(rf",? ({_LETTERS}{{3,}})(?![\w'’-])")
_SMALL_ELSEWHERE = re.compile(rf"(?<![^\W_]){_LETTERS}{{3,}}")
_IS_PUBLISHED = re.compile(r",? et al\b")
_BEFORE = 12
_SHORTEST_STRANGE = 6
# What is said goes on behind it: no title, no word of a list.
_GOES_ON = re.compile(r",? [a-z]|['’]s [a-z]|[\"”] [a-z]")
_BEGINS = re.compile(r"(?:[.!?:\n]|\A)[\s\"'“‘*_(\[#>-]*\Z")


class UnlistedDetector(LateDetector, Reviewer):
    """Finds words with a capital letter that no vocabulary has.

    Attributes:
        public: What the application declares public.
        languages: ISO 639-1 codes of the languages that texts are in, of those that can be read.
        where_sure: Those of a text that is in one of them for sure, which nobody named.
    """

    name = "unlisted"

    def __init__(
        self,
        public: PublicWords | None = None,
        languages: Iterable[str] = ("en",),
        where_sure: Iterable[str] = (),
    ) -> None:
        """Take what the application declares public, and which languages its texts are in.

        Args:
            public: What the application wrote.
            languages: ISO 639-1 codes. Beside English those are read that a dictionary is installed
                for (extra `languages`).
            where_sure: Further ones with a dictionary, of which a text is read that is in one of
                them for sure. No dictionary is loaded before such a text comes.
        """
        self.public = public if public is not None else PublicWords()
        self.languages = frozenset(c for c in languages if c == "en" or is_readable(c))
        self._named = self.languages - {"en"}
        self.where_sure = frozenset(where_sure if has_dictionaries() else ()) - self.languages
        self.names_in = self.languages | self.where_sure

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Find them; in a text in another or in an unsure language nothing.

        What is too short to be in a language for sure is taken for one of `languages` where it
        most likely is in that and has no English word.
        """
        return self._findings(fold(text), self._read_in(text, language))

    def detect_rest(
        self, text: str, found: Sequence[Finding], *, language: str | None = None
    ) -> list[Finding]:
        """Find them, and what is not public beside what other detectors found (see `beside`)."""
        folded, language = fold(text), self._read_in(text, language)
        findings = self._findings(folded, language)
        if found:
            lines = lines_with(folded, found)
            spans = list(numbers_beside(folded, lines, self.public))
            if language == "en":
                spans += names_beside(folded, lines, self.public)
                # Who writes is spoken of in every line.
                spans += [(a, b, WORD) for a, b in occupations(folded.text)]
            findings += [
                folded.to_original(
                    Finding(start=a, end=b, entity_type=kind, score=_BESIDE, detector=self.name)
                )
                for a, b, kind in spans
            ]
        return findings

    def _read_in(self, text: str, language: str | None) -> str | None:
        """Return the language that a text is read in, `None` where it is not read."""
        language = detection_language(text) if language is None else language
        if language is None and self._named:
            language = language_among(text, self._named)
        return language if language in self.languages else self._further(text, language)

    def _findings(self, folded: FoldedText, language: str | None) -> list[Finding]:
        if language is None:
            return []
        here = language == "en"
        spans = self._unlisted(folded.text) if here else self._elsewhere(folded, language)
        return [
            folded.to_original(
                Finding(start=a, end=b, entity_type=WORD, score=_SCORE, detector=self.name)
            )
            for a, b in spans
        ]

    def review(
        self, text: str, found: Sequence[Finding], *, language: str | None = None
    ) -> Sequence[Finding]:
        """Take the words off that the dictionary of another language than English explains."""
        further = self._further(text, language) if may_be_reviewed(found) else None
        if further is not None:
            return reviewed(text, found, further, {further})
        return reviewed(text, found, language, self._named)

    def _further(self, text: str, language: str | None) -> str | None:
        """Return the language of a text that nobody named and that is read all the same."""
        if language is None and self.where_sure:
            return language_without_doubt(text, self.where_sure)
        return language if language in self.where_sure and is_readable(language) else None

    def _shouted(self, text: str) -> Iterator[tuple[int, int]]:
        for match in _SHOUTED.finditer(text):
            word = match[0].lower()
            if is_public(word) or word in load("places") or word in self.public.words:
                continue
            before = text[max(0, match.start() - _AROUND) : match.start()].rpartition("\n")[2]
            behind = text[match.end() : match.end() + _AROUND].partition("\n")[0]
            around = before + behind
            words = around.split()
            prose = around.isupper() and len(words) > 3 and not _IN_PROSE.isdisjoint(words)
            if prose and not is_swapped(word):
                yield match.span()

    def _unlisted(self, text: str) -> Iterator[tuple[int, int]]:
        yield from self._shouted(text)
        small: frozenset[str] | None = None
        places = load("places")
        for match in _CAPITALISED.finditer(text):
            word = match[0].lower()
            if is_public(word) or word in places or word in self.public.words:
                continue
            if _says_nothing(text, match):
                continue
            if small is None:
                small = frozenset(_SMALL.findall(text))
            if word not in small:
                yield match.span()

    def _elsewhere(self, folded: FoldedText, code: str) -> Iterator[tuple[int, int]]:
        text = folded.text
        for _, end in _RELATED.find(folded):
            name = _SMALL_NAME.match(text, end)
            if name and not is_word(name[1], code) and not is_public(name[1]):
                yield name.span(1)
        small: frozenset[str] | None = None
        for match in _ELSEWHERE.finditer(text):
            if _BEGINS.search(text, max(0, match.start() - _BEFORE), match.start()):
                continue
            if all(self._is_public(part, code) for part in match[0].split("-")):
                continue
            if small is None:
                small = frozenset(_SMALL_ELSEWHERE.findall(text))
            if match[0].lower() not in small:
                yield match.span()

    def _is_public(self, word: str, code: str) -> bool:
        """Say whether a word of another language than English is in a vocabulary."""
        lower = word.lower()
        if lower in self.public.words or lower in load("places") or lower in load("titles"):
            return True
        if code in CAPITAL_NOUNS:
            known = is_noun(word, code, sure=lower in load("given_names"))
        else:
            known = is_word(lower, code) and lower not in load("given_names")
        return (
            known
            or is_medical(lower)
            or (is_public(lower) and lower not in names() and not is_rare(lower))
        )


def _says_nothing(text: str, word: re.Match[str]) -> bool:
    """Say whether the capital letter of a word says nothing, or nothing private."""
    start, end = word.span()
    before = max(0, start - _BEFORE)
    if _IS_PUBLISHED.match(text, end):
        return True
    if _BEGINS.search(text, before, start) and not _is_strange(text, start, end):
        return True
    # the Beatles; families whose names lists have ("the Okonkwos") are found as such
    return text[end - 1] == "s" and text.endswith(("the ", "The "), before, start)


def _is_strange(text: str, start: int, end: int) -> bool:
    """Say whether a word is a name at the beginning of a sentence as well, as Tresmond is.

    A short one may be an abbreviation there, one with a colon a label, and one a letter from an
    everyday word a slip.
    """
    word = text[start:end]
    return (
        len(word) >= _SHORTEST_STRANGE
        and word.lower() not in load("common_words")
        and _GOES_ON.match(text, end) is not None
        and not is_misspelt(word.lower())
    )
