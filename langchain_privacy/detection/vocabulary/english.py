"""Which words of an English text are not public, by its vocabulary and their places.

A word in lower case is public when a dictionary has it in lower case. A capital letter says more: a
word that a dictionary has only with a capital is a name, and so is, in the middle of a sentence, a
run of capital words ("Lost Bubble"), a word that is a person's name as well ("Rose"), and what
stands behind "at" or "called".

    >>> text = "We met Rose Okonkwo of Lost Bubble at the market."
    >>> [text[a:b] for a, b in private_words(text)]
    ['Rose Okonkwo of Lost Bubble']

What a word is by itself says `lexicon`; what the words around it tell, `cues`.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from enum import Enum

from langchain_privacy.detection.vocabulary.cues import named_by_words_around
from langchain_privacy.detection.vocabulary.lexicon import (
    is_public,
    is_rare,
    names,
    proper_words,
    public_words,
)
from langchain_privacy.detection.vocabulary.others import OtherLanguages
from langchain_privacy.words import load

Span = tuple[int, int]

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff'’]+")


class _Kind(Enum):
    """What a word says by itself."""

    PUBLIC = "public wherever it stands"
    CAPITAL = "public in lower case; written with a capital letter"
    UNKNOWN = "in no vocabulary"


def private_words(
    text: str, declared: Collection[str] = frozenset(), others: OtherLanguages | None = None
) -> Iterator[Span]:
    """Yield the spans of words that are not public, in order.

    Args:
        text: Normal form (see `values.fold.normal`); only words in Latin letters are judged.
        declared: Further public words, as they are written or in lower case.
        others: Vocabularies of other languages in Latin letters that the text may be in.
    """
    yield from named_by_words_around(text)
    public = public_words()
    function = load("english_function")
    run: list[re.Match[str]] = []
    kinds: list[_Kind] = []
    # Most words are public: they are passed at C speed.
    for match in [m for m in _TOKEN.finditer(text) if m[0] not in public]:
        word = match[0]
        if word in declared or "가" <= word[0] <= "힣":
            continue
        if not run and word.lower() in function:
            continue  # no name begins with one
        kind = _kind_of(word, text, match, declared, others)
        if kind is _Kind.PUBLIC and not word[0].isupper():
            continue
        if run and not _goes_on(text, run, match):
            yield from _Run(text, run, kinds).private()
            run, kinds = [], []
        run.append(match)
        kinds.append(kind)
    if run:
        yield from _Run(text, run, kinds).private()


# ---- one word

_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LITERALS = frozenset({"True", "False", "None", "Null", "NaN"})  # of programming languages
_CODE_BEHIND = re.compile(r"[(\[<]|\.[a-z]\w*\(|\s?(?:=(?!=)|->|::)")
_CODE_BEFORE = re.compile(
    r"(?:[.@<(=!_]|^\s*(?:export |public |abstract )?(?:class|def|struct|interface|enum) )$",
    re.MULTILINE,
)


def _kind_of(
    word: str,
    text: str,
    match: re.Match[str],
    declared: Collection[str],
    others: OtherLanguages | None,
) -> _Kind:
    if not _LATIN.fullmatch(word):
        return _Kind.PUBLIC  # judged by `numbers`, or by the rules of its script
    lower = word.lower().replace("’", "'")
    known = lower in declared or is_public(lower) or (others is not None and others.has(lower))
    if word.islower():
        return _Kind.PUBLIC if known else _Kind.UNKNOWN
    if word.isupper():
        return _Kind.PUBLIC if known or len(word) == 1 else _Kind.UNKNOWN
    if word.startswith(("I'", "I’")) or word in _LITERALS:
        return _Kind.PUBLIC
    if word[1:].islower() or (known and word[0].isupper()):
        if lower in declared or (known and lower in proper_words()):
            return _Kind.PUBLIC
        if others is not None and others.is_named(text[max(0, match.start() - 12) : match.start()]):
            return _Kind.UNKNOWN
        if others is not None and others.has_noun(word):
            return _Kind.PUBLIC
        if known and is_rare(lower):
            return _Kind.UNKNOWN  # a name that is written like a rare word
        return _Kind.CAPITAL if known else _Kind.UNKNOWN
    parts = [part.lower() for part in _CAMEL.findall(word)]
    if known or all(len(p) < 2 or p in public_words() or p in declared for p in parts):
        is_code = word[0].islower() or _in_code(text, match)
        return _Kind.PUBLIC if is_code or known else _Kind.UNKNOWN
    return _Kind.UNKNOWN


def _in_code(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - 30) : match.start()]
    return bool(_CODE_BEHIND.match(text, match.end()) or _CODE_BEFORE.search(before))


# ---- a run of words

_GAP = re.compile(
    r"[ \u00a0]|[-–/]|'| ?& ?|, (?=(?:Inc|LLC|Ltd|Jr|Sr|Co)\b)"
    r"| (?:of|de|la|del|da|dos|du|van|von|der|den|di|al|el|bin|ibn|y|of the) "
)
_LONG_GAP = re.compile(r" (?:and|for|for the|and the) ")
_START = re.compile(r"(?:[.!?:;\n\r\t•*#>|=({\[“\"‘`–—]|--|^|\n\s*[-\d]+[.)]?)[\s\"'“‘*_(\[]*$")
_ABBREVIATED = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|Rev|Hon|Capt|Lt|Col|Gen|Sgt|Mt|Ft|vs|No)|\b[A-Z])\.\s$"
)
_ENCLOSED = re.compile(r"[\"“‘'(«]\Z")
_CLOSING = re.compile(r"[\"”’')»]")
_END_OF_VALUE = re.compile(r"[,;\n]|\Z")
_VERB = re.compile(
    r" (?:is|was|has|had|will|would|can|could|said|says|and|also|\w+ed|\w+s) "
    r"|'s |, | [-–] |:|\n|\Z| \d"
)
_DETERMINED = re.compile(
    r"\b(?:the|a|an|this|that|our|your|my|his|her|their|its|each|any) \Z", re.IGNORECASE
)
_NOUN_BEHIND = re.compile(r" ([a-z]{3,})(?<!ed)(?<!ing)(?<![^s]s)(?![\w'’])")
_LONG_ENOUGH = 4


def _goes_on(text: str, run: Sequence[re.Match[str]], following: re.Match[str]) -> bool:
    """Say whether a word goes on with a run: beside it, or behind a small word."""
    last = run[-1]
    gap = text[last.end() : following.start()]
    if gap == " ":
        return True
    if not last[0][0].isupper() or not following[0][0].isupper():
        return gap in ("-", "'")
    if gap == ". ":
        return len(last[0]) == 1 or last[0].lower() in load("titles")
    if _LONG_GAP.fullmatch(gap):
        return _is_institution(run)
    return _GAP.fullmatch(gap) is not None


def _is_institution(words: Sequence[re.Match[str]]) -> bool:
    return any(word[0].lower() in load("organisation_words") for word in words)


class _Run:
    """Words beside each other that are not plainly public."""

    def __init__(self, text: str, words: Sequence[re.Match[str]], kinds: Sequence[_Kind]) -> None:
        self.text = text
        self.words, self.kinds = list(words), list(kinds)

    def private(self) -> Iterator[Span]:
        """Yield what of the run is not public."""
        self._trim()
        if not self.words:
            return
        unknown = [i for i, kind in enumerate(self.kinds) if kind is _Kind.UNKNOWN]
        capitals = [i for i, kind in enumerate(self.kinds) if kind is _Kind.CAPITAL]
        if unknown:
            first, last = self._around(unknown)
            yield self.words[first].start(), self.words[last].end()
        elif len(capitals) > 1 and self._is_name():
            yield self.words[capitals[0]].start(), self.words[capitals[-1]].end()
        elif len(capitals) == 1 and self._is_single_name(self.words[capitals[0]]):
            yield self.words[capitals[0]].span()

    def _trim(self) -> None:
        function, titles = load("english_function"), load("titles")
        while self.words and self.words[0][0].lower() in function:
            del self.words[0], self.kinds[0]
        while self.words and self.words[-1][0].lower() in function:
            del self.words[-1], self.kinds[-1]
        while self.words and self.words[0][0].lower() in titles and self.words[0][0][0].isupper():
            del self.words[0], self.kinds[0]

    def _around(self, unknown: Sequence[int]) -> tuple[int, int]:
        """Widen a run of unknown words by the capital words beside them."""
        first, last = unknown[0], unknown[-1]
        while first and self.kinds[first - 1] is _Kind.CAPITAL:
            word = self.words[first - 1]
            if self._starts(word) and word[0].lower() not in names():
                break
            first -= 1
        while last + 1 < len(self.words) and self._belongs(last + 1):
            last += 1
        return first, last

    def _belongs(self, index: int) -> bool:
        word = self.words[index][0]
        if self.kinds[index] is _Kind.CAPITAL:
            return True
        return word.isupper() and len(word) == 1 and word != "I"

    def _is_name(self) -> bool:
        return _is_institution(self.words) or not self._is_heading()

    def _is_single_name(self, word: re.Match[str]) -> bool:
        lower = word[0].lower()
        if lower in load("english_function"):
            return False
        if self._starts(word):
            return lower in load("given_names") and _VERB.match(self.text, word.end()) is not None
        before = self.text[max(0, word.start() - 8) : word.start()]
        if before[-1:] == "-" and before[-2:-1].isdigit():
            return False  # what stands behind a number: 555-0143-Office
        if _DETERMINED.search(before) and lower not in names() and not self._is_attribute(word):
            return False  # the Tenant, our Marketing: a role or a defined term
        return not self._is_heading()

    def _is_attribute(self, word: re.Match[str]) -> bool:
        """Say whether a noun follows that the word gives a name to: the Harbor project."""
        if word[0].lower() in load("roles") | load("words_of_papers"):
            return False
        noun = _NOUN_BEHIND.match(self.text, word.end())
        return noun is not None and noun[1] not in load("english_function")

    def _starts(self, word: re.Match[str]) -> bool:
        before = self.text[max(0, word.start() - 12) : word.start()]
        if _ENCLOSED.search(before) and _CLOSING.match(self.text, self.words[-1].end()):
            return False  # a name in quotation marks or brackets
        if before.endswith(": ") and _END_OF_VALUE.match(self.text, self.words[-1].end()):
            return False  # the value of a label
        return _START.search(before) is not None and not _ABBREVIATED.search(before)

    def _is_heading(self) -> bool:
        start = self.text.rfind("\n", 0, self.words[0].start()) + 1
        end = self.text.find("\n", start)
        line = self.text[start : end if end >= 0 else len(self.text)][:200]
        words = [w for w in re.findall(r"[^\W\d_]+", line) if len(w) >= _LONG_ENOUGH]
        return len(words) > 1 and sum(w[0].isupper() for w in words) >= 0.7 * len(words)
