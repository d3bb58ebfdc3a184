r"""People whom a title, brackets, quotation marks, a sign-off or a chat presents.

Names that are ordinary words as well ("Mr Ash", "cheers, Sunny") are in no list that tells; where
they stand does. `defaults` puts the rules into a detector; signatures on a line of their own are
found by `layout`.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "Mr Ash asked the client (\"Robin\") twice. Cheers, Pip"
    >>> [text[f.start : f.end] for f in find_presented_people(fold(text))]
    ['Ash', 'Robin', 'Pip']
"""

import re
from collections import Counter
from collections.abc import Iterator

from langchain_privacy.detection.anchors import Anchored
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import UPPER, FoldedText
from langchain_privacy.detection.rules import finding, lines_of, span
from langchain_privacy.detection.vocabulary.lexicon import is_public
from langchain_privacy.words import has_unusual_word, load
from langchain_privacy.words.korean import SYLLABLE

_FUNCTION = load("english_function")
_COMMON = load("common_words")
_EVERYDAY = load("english_everyday") | _FUNCTION
_KNOWN = load("given_names") | load("surnames")
_NOBODY = load("organisation_words") | load("roles") | load("named_things") | load("close_roles")
_NEITHER = _FUNCTION | _NOBODY
_CAP = rf"[{UPPER}][^\W\d_]+(?:['’-][^\W\d_]+)*"
_SCORE = 0.55

# ---- titles: what follows is a name, ordinary word or not

_TITLE = r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Dame|Uncle|Aunt|Auntie|Aunty)"
_TITLED = Anchored(
    # Mrs. Adeyemi, Dr. J. Vance; of records and cases, Mr. K. and Mrs. D.W.
    rf"\b{_TITLE}\.? (?:(?:[A-Z]\. ?)?(?P<name>{_CAP})"
    r"|(?P<initials>[A-Z]\.(?:[ -]?[A-Z]\.){0,2}))",
    re.findall(r"\w+", _TITLE.lower()),
)
_TITLED_SMALL = Anchored(
    r"\b(?:mr|mrs|ms|dr|prof)\.? (?P<name>[a-zß-ɏ]{2,}(?:-[a-zß-ɏ]{2,})?)(?![\w'’-])",
    ["mr", "mrs", "ms", "dr", "prof"],
)
_WITH = re.compile(r"\b(?:by|with|from|to|see|saw|and) \Z")

# ---- brackets and quotation marks behind a person

# The mark comes first and the role is looked up: a pattern of all roles is tried at every word.
_ROLES = load("close_roles") | load("roles") | {"one", "partner", "ex", "hr", "me", "us"}
_BRACKETED = re.compile(
    # One class first: the engine looks for nothing else.
    rf"[(\[\"“](?<= .)(?:(?<=[(\[])[\"“])?(?P<name>{_CAP})"
    # (Elif, 3 years old)
    r"(?:(?P<aged>,? (?:aged? )?\d{1,2}(?: (?:years|months|weeks)(?: old)?)?\))|(?=[)\],\"”]))"
)

# Arturo "Sparky" Bellini
_NICKNAMED = re.compile(
    # One class first: the engine looks for nothing else.
    rf"[\"“](?<= .)(?P<name>{_CAP})[\"”](?= [{UPPER}][^\W\d_])"
)

# ---- a sign-off within a line: "Kind regards, T. Vance"

_CLOSING = ("regards", "wishes", "sincerely", "faithfully", "truly", "cheers", "thanks", "thx",
            "love", "best", "xoxo")  # fmt: skip
_SIGN_OFF = re.compile(
    r"(?i:(?:kind(?:est)?|best|warm(?:est)?|with(?: best| kind)?|many|yours|lots of|all my) )?"
    rf"(?i:{'|'.join(_CLOSING)})"
    rf"[,!.]? {{1,2}}(?P<name>(?:[A-Z]\.? ){{0,2}}{_CAP}(?: {_CAP})?|[a-zß-ɏ]{{3,16}})"
    r"(?=[,.]?\s*(?:[\"”]|\Z|\n)| \(\d|, [A-Z])"
)
_SIGN_OFF_BEGINS = frozenset(
    ["kind", "kindest", "warm", "warmest", "with", "many", "yours", "lots", "all", *_CLOSING]
)
_BEFORE_SIGN_OFF = re.compile(r"(?:^|[.!?\"”:] )[ \t>]{0,8}\Z", re.MULTILINE)
_ALL = frozenset({"all", "everyone", "everybody", "team", "folks", "guys", "again", "you", "both"})

# ---- lines of a chat

_SPEAKER = re.compile(
    r"[ \t>]{0,4}"
    r"(?P<time>\[?(?:\d{4}-\d\d-\d\d[ T,]{1,2})?\d{1,2}:\d\d(?::\d\d)?(?: ?[AaPp][Mm])?\]?"
    r"[ ,-]{1,3})?<?(?P<name>[^\W\d_][\w.'-]{1,19}(?: [^\W\d_][\w.'-]{1,19})?)>?:[ ](?=\S)"
)
_FEWEST_LINES = 3
# A line of a log begins with a time, too, and then with a severity (RFC 5424).
_SEVERITIES = frozenset(
    ("TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERR", "ERROR", "CRIT", "CRITICAL",
     "ALERT", "FATAL", "SEVERE", "PANIC")
)  # fmt: skip


def find_presented_people(text: FoldedText) -> Iterator[Finding]:
    """Find people behind a title, in brackets behind a role, in a sign-off and in chats."""
    t = text.text
    for match in _TITLED.find(text.said):
        group = match.lastgroup or ""
        if match[group].lower() not in _FUNCTION:
            yield span(match, "PERSON", _SCORE, "presented", group)
    for match in _TITLED_SMALL.find(text.said):
        name = match["name"]
        with_ = _WITH.search(t, max(0, match.start() - 6), match.start())
        if name not in _EVERYDAY or (with_ and name in _KNOWN):
            yield span(match, "PERSON", _SCORE, "presented", "name")
    for match in _BRACKETED.finditer(t) if "(" in t or '"' in t or "“" in t else ():
        name = match["name"]
        words = text.lower[max(0, match.start() - 24) : match.start()].rstrip(" ,").split(" ")
        if match["aged"] is None and words[-1].rpartition("\n")[2] not in _ROLES:
            continue
        if name.lower() not in _NEITHER and not (name.isupper() and len(name) < 6):
            yield span(match, "PERSON", _SCORE, "presented", "name")
    for match in _NICKNAMED.finditer(t) if '"' in t or "“" in t else ():
        before = t[max(0, match.start() - 24) : match.start() - 1].rpartition(" ")[2].lower()
        if before in _KNOWN or (before.isalpha() and not is_public(before)):
            yield span(match, "PERSON", _SCORE, "presented", "name")
    for match in _signed_off(text):
        words = match["name"].lower().split()
        if _ALL.isdisjoint(words) and _NOBODY.isdisjoint(words) and _FUNCTION.isdisjoint(words):
            yield span(match, "PERSON", _SCORE, "presented", "name")
    if t.count(": ") > 1:
        yield from _speakers(text)


def _signed_off(text: FoldedText) -> Iterator[re.Match[str]]:
    done = 0
    for at in () if text.words.isdisjoint(_CLOSING) else text.said.places(_SIGN_OFF_BEGINS):
        if (
            at >= done
            and _BEFORE_SIGN_OFF.search(text.text, max(0, at - 10), at)
            and (match := _SIGN_OFF.match(text.text, at))
        ):
            done = match.end()
            yield match


def _speakers(text: FoldedText) -> Iterator[Finding]:
    """Find who speaks: labels of lines that come again, or stand behind a time of the day."""
    lines = [match for at in lines_of(text.text) if (match := _SPEAKER.match(text.text, at))]
    if len(lines) < 2:
        return
    often = Counter(match["name"] for match in lines)
    taken = [match for match in lines if _may_speak(match["name"])]
    # A conversation: more lines than speakers, and one of them is called like nothing else. A form
    # for two parties has labels that come again as well, and Korean ones look like names (전화).
    talk = (
        len(lines) >= _FEWEST_LINES
        and len(often) < len(lines)
        and any(often[match["name"]] > 1 and _is_a_name(match["name"]) for match in taken)
    )
    for match in taken:
        timed = match["time"] is not None
        if timed or (talk and not SYLLABLE.search(match["name"])):
            first, last = match.span("name")
            yield finding(first, last, "PERSON", 0.5, "presented")


def _may_speak(name: str) -> bool:
    if name.split()[0] in _SEVERITIES:
        return False
    words = name.lower().split()
    if any(_does_something(word) for word in words):
        return False  # INTERVIEWER, witness, moderator
    return _NOBODY.isdisjoint(words) and (
        not _COMMON.issuperset(words) or not _KNOWN.isdisjoint(words)
    )


def _does_something(word: str) -> bool:
    """Say whether a word is a noun of the dictionary for who does something, and no name."""
    ends = word.endswith(("er", "or", "ist", "ee", "ant", "man", "ness", "person"))
    return ends and len(word) > 5 and word not in _KNOWN and is_public(word)


def _is_a_name(name: str) -> bool:
    if SYLLABLE.search(name):
        return False
    return name.lower() in _KNOWN or has_unusual_word(name)
