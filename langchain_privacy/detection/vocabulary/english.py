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
_Word = tuple[str, int, int]
"""A word, where it begins, and where it ends."""

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff'’]+")


class _Kind(Enum):
    """What a word says by itself."""

    PUBLIC = "public wherever it stands"
    CAPITAL = "public in lower case; written with a capital letter"
    UNKNOWN = "in no vocabulary"


PUBLIC, CAPITAL, UNKNOWN = _Kind  # members of a class are slow to look up


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
    yield from words_not_public(text, declared, others)


def words_not_public(
    text: str, declared: Collection[str] = frozenset(), others: OtherLanguages | None = None
) -> Iterator[Span]:
    """Yield what `private_words` does, but for what only the words around it name."""
    function = load("english_function")
    if others is not None and others.latin:
        function |= load("function_elsewhere")
    run: list[_Word] = []
    kinds: list[_Kind] = []
    for word in _words_but(public_words(), text):
        said = word[0]
        if said[0].isdecimal():
            continue  # judged by `numbers`
        goes_on = bool(run) and _goes_on(text, run, word)
        if not goes_on and said.lower() in function:
            continue  # no name begins with one
        if said in declared or "가" <= said[0] <= "힣":
            continue
        kind = _kind_of(word, text, declared, others)
        if kind is PUBLIC and not said[0].isupper():
            continue
        if run and not goes_on:
            if private := _private_in(text, run, kinds):
                yield private
            run, kinds = [], []
        run.append(word)
        kinds.append(kind)
    if private := _private_in(text, run, kinds):
        yield private


# ---- one word

# ASCII letters and digits, the mark within a word, and what stands for all that is not ASCII.
_IN_WORDS = bytes(
    code if code > 127 or chr(code).isalnum() or code in b"'?" else ord(" ") for code in range(256)
)


def _words_but(passed: Collection[str], text: str) -> Iterator[_Word]:
    """Yield the words of a text but some: most are, and are passed without a search."""
    cut = text.encode("latin-1", "replace").translate(_IN_WORDS).decode("latin-1").split(" ")
    judged = {*cut}.difference(passed, ("",))
    at = 0
    for said in cut:
        if said in judged:
            if said.isascii() and said.isalnum():
                yield said, at, at + len(said)
            else:
                for match in _TOKEN.finditer(text, at, at + len(said)):
                    if match[0] not in passed:
                        yield match[0], match.start(), match.end()
        at += len(said) + 1


_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LITERALS = frozenset({"True", "False", "None", "Null", "NaN"})  # of programming languages
_CODE_BEHIND = re.compile(r"[(\[<]|\.[a-z]\w*\(|\s?(?:=(?!=)|->|::)")
_CODE_BEFORE = re.compile(
    r"(?:[.@<=!_]|\w\(|^\s*(?:export |public |abstract )?(?:class|def|struct|interface|enum) )$",
    re.MULTILINE,
)


def _kind_of(
    written: _Word, text: str, declared: Collection[str], others: OtherLanguages | None
) -> _Kind:
    word = written[0]
    lower = word.lower()
    if not (word.isascii() and word.isalpha()):
        if not _LATIN.fullmatch(word):
            return PUBLIC  # judged by `numbers`, or by the rules of its script
        lower = lower.replace("’", "'")
    known = is_public(lower) or lower in declared or (others is not None and others.has(lower))
    if word.islower():
        return PUBLIC if known else UNKNOWN
    if word.isupper():
        return PUBLIC if known or len(word) == 1 else UNKNOWN
    if word.startswith(("I'", "I’")) or word in _LITERALS:
        return PUBLIC
    if word[1:].islower() or (known and word[0].isupper()):
        if lower in declared or (known and lower in proper_words()):
            return PUBLIC
        if others is not None:
            if others.is_named(word, text[max(0, written[1] - 12) : written[1]]):
                return UNKNOWN
            if others.has_noun(word):
                return PUBLIC
        # What is written like a rare word is a name.
        return CAPITAL if known and not is_rare(lower) else UNKNOWN
    parts = [part.lower() for part in _CAMEL.findall(word)]
    if known or all(len(p) < 2 or p in public_words() or p in declared for p in parts):
        is_code = word[0].islower() or _in_code(text, written)
        return PUBLIC if is_code or known else UNKNOWN
    return UNKNOWN


def _in_code(text: str, word: _Word) -> bool:
    before = text[max(0, word[1] - 30) : word[1]]
    return bool(_CODE_BEHIND.match(text, word[2]) or _CODE_BEFORE.search(before))


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
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
_WIDEST = 9  # the longest gap: " and the "


def _goes_on(text: str, run: Sequence[_Word], following: _Word) -> bool:
    """Say whether a word goes on with a run: beside it, or behind a small word."""
    last = run[-1]
    if following[1] - last[2] > _WIDEST:
        return False
    gap = text[last[2] : following[1]]
    if gap == " ":
        return True
    if not last[0][0].isupper() or not following[0][0].isupper():
        return gap in ("-", "'")
    if gap == ". ":
        return len(last[0]) == 1 or last[0].lower() in load("titles")
    if _LONG_GAP.fullmatch(gap):
        return _is_institution(run)
    return _GAP.fullmatch(gap) is not None


def _is_institution(words: Sequence[_Word]) -> bool:
    return any(word[0].lower() in load("organisation_words") for word in words)


def _private_in(text: str, run: list[_Word], kinds: list[_Kind]) -> Span | None:
    """Return what is not public of words beside each other that are not plainly public."""
    if CAPITAL not in kinds and UNKNOWN not in kinds:
        return None
    words, kinds = _trimmed(run, kinds)
    if UNKNOWN in kinds:
        first, last = _around_unknown(text, words, kinds)
        return words[first][1], words[last][2]
    capitals = [word for word, kind in zip(words, kinds, strict=True) if kind is CAPITAL]
    if len(capitals) > 1:
        is_name = not _is_post(text, words) and (
            _is_institution(words) or not _is_heading(text, words)
        )
    else:
        is_name = bool(capitals) and _is_single_name(text, words, capitals[0])
    return (capitals[0][1], capitals[-1][2]) if is_name else None


_LONGEST_POST = 4


def _is_post(text: str, words: Sequence[_Word]) -> bool:
    """Say whether a role and what it is for are all there is: Head of Claims."""
    return (
        len(words) <= _LONGEST_POST
        and words[0][0].lower() in load("roles")
        and text.startswith(" of ", words[0][2])
        and all(word[0].lower() not in names() for word in words[1:])
    )


def _trimmed(words: list[_Word], kinds: list[_Kind]) -> tuple[list[_Word], list[_Kind]]:
    """Return a run without small words around it and without titles before it."""
    function, titles = load("english_function"), load("titles")
    first, last = 0, len(words)
    while last and words[last - 1][0].lower() in function:  # no run begins with one
        last -= 1
    while first < last and words[first][0].lower() in titles and words[first][0][0].isupper():
        first += 1
    return words[first:last], kinds[first:last]


def _around_unknown(text: str, words: Sequence[_Word], kinds: Sequence[_Kind]) -> tuple[int, int]:
    """Return the first and the last of the unknown words and of the capital words beside them."""
    first, last = kinds.index(UNKNOWN), len(kinds) - 1 - kinds[::-1].index(UNKNOWN)
    while first and kinds[first - 1] is CAPITAL:
        word = words[first - 1]
        if word[0].lower() not in names() and _starts(text, words, word):
            break
        first -= 1
    while last + 1 < len(words) and (kinds[last + 1] is CAPITAL or _is_initial(words[last + 1][0])):
        last += 1
    return first, last


def _is_initial(word: str) -> bool:
    return word.isupper() and len(word) == 1 and word != "I"


def _is_single_name(text: str, words: Sequence[_Word], word: _Word) -> bool:
    """Say whether the only word of a run with a capital letter is a name."""
    lower = word[0].lower()
    if lower in load("english_function"):
        return False
    if _starts(text, words, word):
        return lower in load("given_names") and _VERB.match(text, word[2]) is not None
    before = text[max(0, word[1] - 8) : word[1]]
    if before[-1:] == "-" and before[-2:-1].isdigit():
        return False  # what stands behind a number: 555-0143-Office
    if _DETERMINED.search(before) and lower not in names() and not _is_attribute(text, word):
        return False  # the Tenant, our Marketing: a role or a defined term
    return not _is_heading(text, words)


def _is_attribute(text: str, word: _Word) -> bool:
    """Say whether a noun follows that the word gives a name to: the Harbor project."""
    lower = word[0].lower()
    if lower in load("roles") or lower in load("words_of_papers"):
        return False
    noun = _NOUN_BEHIND.match(text, word[2])
    return noun is not None and noun[1] not in load("english_function")


def _starts(text: str, words: Sequence[_Word], word: _Word) -> bool:
    """Say whether a sentence, a line or the like begins with a word of a run."""
    before = text[max(0, word[1] - 12) : word[1]]
    if before[-1:] == " " and before[-2:-1].isalpha():
        return False  # plainly in a sentence
    if _ENCLOSED.search(before) and _CLOSING.match(text, words[-1][2]):
        return False  # a name in quotation marks or brackets
    if before.endswith(": ") and _END_OF_VALUE.match(text, words[-1][2]):
        return False  # the value of a label
    return _START.search(before) is not None and not _ABBREVIATED.search(before)


_SMALL_WORD = re.compile(r" [a-z]")


def _is_heading(text: str, words: Sequence[_Word]) -> bool:
    start = text.rfind("\n", 0, words[0][1]) + 1
    end = text.find("\n", start)
    line = text[start : end if end >= 0 else len(text)][:200]
    said = line.rstrip().rstrip("\"”')")
    if said.endswith((".", "!", "?")) and _SMALL_WORD.search(said, 0, len(said) - 1):
        return False  # a heading has no mark at its end: "Is Blue Gate Ferries open on Sunday?"
    long_words = _LONG_WORD.findall(line)
    capitals = sum(word[0].isupper() for word in long_words)
    return len(long_words) > 1 and capitals >= 0.7 * len(long_words)
