r"""People whose name is an everyday word, an initial or unknown, by the words right beside it.

"Grace" and "Will" are in no list that tells; "my name is Joy", "Faith said yes", "Grant to chase
the invoice" and "Grace O.:" do. `defaults` puts the rules into a detector; titles, brackets and
sign-offs are read by `presented`.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "My name is Joy now. Faith said yes.\n- Grant to chase them\n- Grace O.: late again"
    >>> sorted(text[f.start : f.end] for f in find_cued_people(fold(text)))
    ['Faith', 'Grace O.', 'Grant', 'Joy']
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.anchors import Anchored
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import UPPER, FoldedText
from langchain_privacy.detection.rules import finding, occurrences, span
from langchain_privacy.detection.vocabulary.lexicon import is_public
from langchain_privacy.words import load

_FUNCTION = load("english_function")
_GIVEN = load("given_names")
_COMMON = load("common_words")
_WORD_NAMES = frozenset(name for name in _GIVEN & _COMMON if len(name) > 2)
# In no vocabulary in small letters, and no place: "Deb opens at seven".
_SURE = frozenset(name for name in _WORD_NAMES - load("places") if not is_public(name))
_KNOWN = _GIVEN | load("surnames")
_NOBODY = (
    load("organisation_words") | load("roles") | load("public_peoples") | load("public_proper")
)
_CAP = rf"[{UPPER}][^\W\d_]+(?:['’-][^\W\d_]+)*"
_SCORE = 0.55

# ---- what announces a name, ordinary word or not

_NAMED = Anchored(
    rf"\b(?i:(?:my|his|her|their) (?:first |middle |last )?name(?: is|['’]s)|call me|goes by)"
    rf" (?P<name>{_CAP})(?![\w'’])",
    ["my", "his", "her", "their", "call", "goes"],
    needs=["name", "call", "goes"],
)
# I'm Sky, 19; this is Will from the bank
_PRESENTED = Anchored(
    rf"\b(?i:i['’]?m|i am|this is|it['’]s|me is|here is) (?P<name>{_CAP})"
    r"(?:(?P<aged>,? \(?\d{1,2}(?:[,)]| and\b| from\b))"
    r"|(?=,| from\b| at\b| here\b| speaking\b|[.!]?\Z))",
    ["i", "im", "this", "it", "me", "here"],
)

# ---- what is said of people only

_SAYS = re.compile(
    r"(?: (?:said|says|asked|asks|told|tells|replied|replies|texted|emailed|phoned|wants|wanted"
    r"|thinks|thought|knows|knew|agreed|agrees|promised|insists|insisted)\b"
    r"|'s (?:wife|husband|son|daughter|mum|mom|dad|mother|father|birthday|phone|number)\b)"
)
# What a list of tasks or minutes say that somebody is to do: "Grant to chase the invoice".
_IS_TO = re.compile(
    r" (?:to (?:chase|check|send|ask|call|ring|email|review|update|write|draft|contact|confirm|book"
    r"|order|arrange|organi[sz]e|prepare|follow|bring|speak|talk|report|circulate|investigate"
    r"|finish|fix|buy|find|provide|share|look|get|make|take|meet|run|lead|approve|sign|invite)\b"
    r"|(?:is|was|will be) (?:off|late|away|sick|absent|ill)\b)"
)
_DOES = re.compile(
    r" (?:(?:will|can|must|has|had|is|was) [a-z]|[a-z]{2,}ed\b"
    r"|[a-z]{2,}s (?:the|an?|at|to|in|on|up|out|off|it|her|his|my|our|\d))"
)
_BEGINS = re.compile(r"(?:\A|[.!?:;\n])[\s\"'“‘*_(\[>•–—-]*(?:\d{1,3}[.)] ?)?\Z")
_DETERMINED = re.compile(
    r"\b(?:the|a|an|this|that|each|no|our|my|your|his|her|their) \Z", re.IGNORECASE
)
_BEFORE = 14
# With whom somebody speaks or whom somebody meets, in a sentence.
_CUES = frozenset(
    word for word in load("lower_case_cues") if word not in ("thanks", "thank", "love", "visit")
)
_WORD_BEFORE = re.compile(r"(?<![^\s(\"“])([A-Za-z]?[a-z]+) \Z")
# "hey rose,": in small letters only where nothing but a name can stand.
_HAILED = Anchored(
    r"\b(?:hey|hi|hello|dear)\.? (?P<name>[a-z]{3,12})(?=,(?! my\b)|\n)",
    ["hey", "hi", "hello", "dear"],
)
_PET_NAMES = frozenset({"angel", "precious", "sunshine", "princess", "man", "guy", "son", "else"})

# ---- an initial: "Grace O.:", "Szczepanik A., Ohara K."

# One class first: the engine looks for nothing else.
_INITIAL = re.compile(r"[A-Z](?![\w'’&+#/-])(?<=[^\W\dA-Z_] .)(?:\.(?!\w)|(?!\.))")
_CLOSES = re.compile(r"[ \t]*(?:[:;,)\]\"”\n]|\Z)")
_LINE_BEGINS = re.compile(r"(?:\A|[\n\"“(;:–—-]|, )[\s\"“*_>•-]*\Z")
_LONGEST = 32


def find_cued_people(text: FoldedText) -> Iterator[Finding]:
    """Find names that are everyday words beside a cue, and names with an initial."""
    t = text.text
    for match in _NAMED.find(text.said):
        name = match["name"].lower()
        if name in _GIVEN or not (name in _FUNCTION or match["name"].isupper()):
            yield span(match, "PERSON", _SCORE, "cued", "name")
    for match in _PRESENTED.find(text.said):
        name = match["name"].lower()
        known = name in _KNOWN or (match["aged"] is not None and name not in _NOBODY | _FUNCTION)
        if known and name not in _NOBODY and not match["name"].isupper():
            yield span(match, "PERSON", _SCORE, "cued", "name")
    for match in _HAILED.find(text.said):
        if match["name"] in _WORD_NAMES and match["name"] not in _PET_NAMES:
            yield span(match, "PERSON", _SCORE, "cued", "name")
    for name in _WORD_NAMES & text.words:
        capital = name.capitalize()
        for start, end in occurrences(t, capital) if capital in t else ():
            if t[start - 1 : start].isalnum() or t[end : end + 1].isalnum():
                continue
            if _acts(t, start, end, sure=name in _SURE):
                yield finding(start, end, "PERSON", _SCORE, "cued")
    yield from _with_initial(text)


# Trinh and Faith; Nikhil, Bee and two others
_WITH_NAME = re.compile(
    rf"(?:(?P<and>,? (?:and|&) )|, )(?P<name>{_CAP})(?=(?P<goes>,? (?:and|&) )|,|[^\w'’&-]|\Z)"
)


def named_beside(t: str, end: int) -> Iterator[tuple[int, int]]:
    """Yield the name that is a word as well and stands in a list behind a name.

    Args:
        t: Normal form of a text.
        end: Where the name ends.
    """
    match = _WITH_NAME.match(t, end)
    if (
        match is None
        or match["name"].isupper()
        or t[match.end() : match.end() + 2].strip()[:1].isupper()
    ):
        return
    name = match["name"].lower()
    joined = match["and"] is not None or match["goes"] is not None
    if joined and name in _WORD_NAMES and name not in _NOBODY:
        yield match.span("name")


def _acts(t: str, start: int, end: int, *, sure: bool) -> bool:
    """Say whether a name that is a word does or is told what only people do and are told."""
    before = max(0, start - _BEFORE)
    cue = _WORD_BEFORE.search(t, before, start)
    if cue is not None and cue[1].lower() in _CUES and not t[end : end + 2].strip()[:1].isupper():
        return True
    if _DETERMINED.search(t, before, start):
        return False
    if _SAYS.match(t, end):
        return True
    does = _IS_TO.match(t, end) or (sure and _DOES.match(t, end))
    return bool(does) and _BEGINS.search(t, before, start) is not None


def _with_initial(text: FoldedText) -> Iterator[Finding]:
    """Find a name that the first letter of another one follows."""
    t = text.text
    for match in _INITIAL.finditer(t):
        at, end = match.start(), match.end()
        word = (
            t[max(0, at - _LONGEST) : at - 1].replace("\n", " ").rpartition(" ")[2].lstrip('"“(*_')
        )
        if not word[:1].isupper() or word.isupper():
            continue
        lower, dot = word.lower(), t[end - 1] == "."
        start = at - 1 - len(word)
        unusual = not all(is_public(part) for part in lower.split("-")) and lower not in _NOBODY
        given = lower in _GIVEN
        closed = _CLOSES.match(t, end) is not None
        if t[at] == "I" and not (dot and closed):
            continue
        begins = _LINE_BEGINS.search(t, max(0, start - _BEFORE), start) is not None
        if (unusual and (closed or (dot and given))) or (given and closed and begins):
            yield finding(start, end, "PERSON", _SCORE, "cued")
