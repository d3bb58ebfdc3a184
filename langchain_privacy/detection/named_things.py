r"""Names of firms, schools, bands, pets and the like, by what they are made of or stand beside.

A capital letter and a word for a kind of thing tell what no list has: "the band Tuesday Furniture",
"a shop called Lost Bubble", "our dog Pickles", "Umlazi Ridge Secondary School".

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "I own a shop called Lost Bubble near Tharnby College. Our dog Pickles guards it."
    >>> [text[f.start : f.end] for f in find_named_things(fold(text))]
    ['Lost Bubble', 'Pickles', 'Tharnby College']
"""

import re
from collections.abc import Iterable, Iterator

from langchain_privacy.detection.anchors import Anchored
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import UPPER, FoldedText
from langchain_privacy.detection.rules import finding, span
from langchain_privacy.detection.vocabulary.cues import called_in_small
from langchain_privacy.words import has_unusual_word, load

_WORD = rf"[{UPPER}][\w'’.-]*[\w'’]|[{UPPER}]"
_SMALL = r"(?:of|the|and|&|de|la|du|des|da|do|van|von|der|y)"
_RUN = rf"(?:{_WORD})(?: (?:{_SMALL} ){{0,2}}(?:{_WORD})){{0,6}}"
_THINGS = "|".join(sorted(map(re.escape, load("named_things")), key=len, reverse=True))
_PETS = "dog|cat|kitten|puppy|pet|horse|pony|rabbit|hamster|parrot|tortoise|budgie"
_KINDS = frozenset(re.findall(r"(?:^|\|)(\w+)", f"{_THINGS}|{_PETS}"))
"""Their first words."""
_RELATIONS = "|".join(word for word in load("close_roles") if word.isalpha() and len(word) > 4)
_OWNER = r"(?:[Mm]y|[Oo]ur|[Hh]is|[Hh]er|[Tt]heir|[Tt]he|[Aa]n?|[Tt]his)"
_KIND = rf"{_OWNER} (?:[a-z'-]+ ){{0,2}}(?:{_THINGS}|{_PETS})"
_OWNERS = ("my", "our", "his", "her", "their")
_FORMS = (
    Anchored(
        rf"\b(?:called|named|titled|nicknamed)(?: it| him| her| them)? [\"“']?(?P<name>{_RUN})",
        ["called", "named", "titled", "nicknamed"],
    ),
    Anchored(
        rf"\b{_KIND}(?: is|,)? [\"“']?(?P<name>{_RUN})",
        [*_OWNERS, "the", "a", "an", "this"],
        needs=_KINDS,
    ),
    Anchored(rf"\b(?:{_THINGS}|{_PETS}|library) \((?P<name>{_RUN})\)", [*_KINDS, "library"]),
    # Behind a label or a role: School is Little Acorns, a tariff for customer Polmlek Trans.
    Anchored(rf"(?:^|(?<=[.!?;\n] )|(?<=\n))(?i:{_THINGS})(?: is|:) (?P<name>{_RUN})", _KINDS),
    Anchored(
        rf"\b(?:customer|client|supplier|vendor|employer) (?P<name>(?:{_WORD}) {_RUN})",
        ["customer", "client", "supplier", "vendor", "employer"],
    ),
    # "the Harbor project", "our K7 team"
    Anchored(
        rf"\b(?:[Tt]he|[Oo]ur|[Mm]y|for|of) (?P<name>(?:{_WORD}|[A-Z]\d{{1,3}})(?: {_WORD})?)"
        rf"(?= (?:{_THINGS}|class|module|account|campaign|estate)\b)",
        ["the", "our", "my", "for", "of"],
        needs=[*_KINDS, "class", "module", "account", "campaign", "estate"],
    ),
    # project Bluebird, with a colon or none
    Anchored(rf"\b[Pp]roject(?: name)?:? [\"“]?(?P<name>{_RUN})", ["project"]),
    # "Our repo is called orgel-billing"
    Anchored(
        r"\b(?:repo|repository|branch|bucket|database|cluster)(?: is)?(?: called| named|:)? "
        r"[\"'`“]?(?P<name>[a-z][\w.]*(?:[-_/][\w.]+)+)",
        ["repo", "repository", "branch", "bucket", "database", "cluster"],
    ),
)
# "at the Button Museum"
_MUSEUMS = ("Museum", "School", "Hospital", "Clinic", "Church", "Hotel", "Cafe", "Café",
            "Kindergarten", "Academy", "Gallery", "Bakery", "Pub", "Arms", "Inn", "Tavern",
            "Shelter")  # fmt: skip
_MUSEUM = re.compile(
    rf"\b[a-z]+ the (?P<name>(?:{_WORD})(?: {_WORD}){{0,2}} (?:{'|'.join(_MUSEUMS)}))\b"
)
_SOME_MUSEUM = frozenset(map(str.lower, _MUSEUMS))
# "a party at Jump Zone", "from Moss & Thimble"
_AT = Anchored(rf"(?<=[a-z] )at (?P<name>(?:{_WORD})(?: {_WORD}){{1,3}})(?! ?&)", ["at"])
_SMALL_WORD_BEFORE = re.compile(r"\b[a-z]+ \Z")
_PAIR = re.compile(
    rf"\b(?:at|from|of|for|by|with|in|to) "
    rf"(?P<name>(?:{_WORD})(?: {_WORD})? & (?:{_WORD})(?: {_WORD})?)"
)
# "University of the Free State", "Institute for Snow and Avalanche Studies"
_OF = Anchored(
    rf"\b(?:University|College|Institute) (?:of|for)(?: the)? {_RUN}",
    ["university", "college", "institute"],
)
# "the Okonkwos"
_FAMILY = Anchored(
    rf"\b(?:[Tt]he|with|[Oo]ur neighbou?rs,?) (?P<name>[{UPPER}][a-zß-ɏ]{{2,}}s)\b",
    ["the", "with", "our"],
)
# In small letters: "i study at covenant university".
_IN_SMALL = Anchored(
    r"\b(?:at|from|in|to) (?P<name>(?:[a-z]{3,} ){1,2}"
    r"(?:university|college|hospital|clinic|academy))\b",
    ["at", "from", "in", "to"],
    needs=["university", "college", "hospital", "clinic", "academy"],
)
# "our son Dale": a word as well, but not behind a relation.
_RELATED = Anchored(
    rf"\b(?:[Mm]y|[Oo]ur|[Hh]is|[Hh]er|[Tt]heir) (?:[a-z]+ )?(?:{_RELATIONS}|son|aunt),? "
    rf"(?P<name>{_WORD})\b(?! [A-Z])",
    _OWNERS,
)
# In a text without capitals: "our dog biscuit will", "a kitten (waffles)", "his girlfriend tiff".
_PET = Anchored(
    rf"\b(?:my|our|his|her|their|a) (?:[a-z]+ )?(?:{_PETS}|{_RELATIONS})"
    r"(?: \((?P<name>[a-z]{3,})\)|,? (?P<called>[a-z]{3,})(?<!ing)(?<!ly)(?<![^s]s)(?<!ed)"
    r"(?= (?:will|is|was|has|had|who|just|died)\b|[,.]? *$))",
    [*_OWNERS, "a"],
    flags=re.MULTILINE,
)
_CLOSE = frozenset([*_PETS.split("|"), *_RELATIONS.split("|"), "son", "aunt"])
_PET_WORDS = frozenset({"food", "litter", "bed", "toys", "hair", "sitter", "owner", "lover", "who"})
_INSTITUTIONS = load("organisation_words") - load("words_of_papers")
_CAPITALS = re.compile(_RUN)
_NOT_FIRST = load("english_function")
_ROLES = load("roles") | load("public_proper") | load("public_it") | load("public_peoples")
_COMMON = load("common_words")
_NAMES = load("given_names") | load("surnames")
_SCORE = 0.5


def find_named_things(text: FoldedText) -> Iterator[Finding]:
    """Find names behind a word for a kind of thing, and institutions named by such a word."""
    t = text.text
    for match in _behind_things(text):
        name = match["name"].lower()
        if name not in _ROLES and name.partition(" ")[0] not in _NOT_FIRST:
            yield _finding(t, *match.span("name"))
    yield from _by_small_words(text)
    if not text.words.isdisjoint(_CLOSE):
        for match in _RELATED.find(text.said):
            if match["name"].lower() not in _NOT_FIRST:
                yield finding(*match.span("name"), "PERSON", _SCORE, "named_things")
        for match in _PET.find(text.said):
            group = "name" if match["name"] else "called"
            if match[group] not in _PET_WORDS and match[group] not in _NOT_FIRST:
                yield finding(*match.span(group), "PERSON", _SCORE, "named_things")
    if not text.words.isdisjoint(_INSTITUTIONS):
        yield from _institutions(text)
        for match in _IN_SMALL.find(text.said):
            words = match["name"].split()
            if not (_NOT_FIRST | load("kinds_of_institution")).intersection(words[:-1]):
                yield finding(*match.span("name"), "ORGANIZATION", _SCORE, "named_things")


def _behind_things(text: FoldedText) -> Iterator[re.Match[str]]:
    for form in _FORMS:
        yield from form.find(text.said)
    if not text.words.isdisjoint(_SOME_MUSEUM):
        yield from _MUSEUM.finditer(text.text)


def _at(text: FoldedText) -> Iterator[re.Match[str]]:
    done = 0
    for match in _AT.find(text.said):
        first = max(done, match.start() - _LONGEST)
        if _SMALL_WORD_BEFORE.search(text.text, first, match.start()):
            done = match.end()
            yield match


_LONGEST = 40


def _by_small_words(text: FoldedText) -> Iterator[Finding]:
    """Find what stands behind "at", what an ampersand joins, and families: "the Okonkwos"."""
    t = text.text
    pairs: Iterable[re.Match[str]] = _PAIR.finditer(t) if " & " in t else ()
    for match in (*_OF.find(text.said), *_at(text), *pairs):
        start, end = match.span(match.lastgroup or 0)
        if not match[0].isupper() and not _ROLES.issuperset(text.lower[start:end].split()):
            yield _finding(t, start, end)
    for match in _FAMILY.find(text.said):
        name = match["name"].lower()
        if name[:-1] in _NAMES and not {name, name[:-1]} & _COMMON:
            yield span(match, "PERSON", _SCORE, "named_things", "name")
    for start, end in called_in_small(t):
        yield finding(start, end, "ORGANIZATION", _SCORE, "named_things")


def _institutions(text: FoldedText) -> Iterator[Finding]:
    for match in _CAPITALS.finditer(text.text):
        start = match.start()
        while (word := text.lower[start : match.end()].partition(" ")[0]) in _NOT_FIRST:
            start += len(word) + 1
            if start >= match.end():
                break
        words = text.lower[start : match.end()].split()
        if len(words) < 2 or match[0].isupper():
            continue
        named_so = words[-1].rstrip(".") in _INSTITUTIONS or (
            words[0] in _INSTITUTIONS and words[1:2] == ["of"]
        )
        if named_so and has_unusual_word(text.text[start : match.end()]):
            yield _finding(text.text, start, match.end())


def _finding(text: str, start: int, end: int) -> Finding:
    """Build a finding without the small word or the possessive that a run may end in."""
    value = text[start:end]
    end -= 2 if value.endswith(("'s", "’s")) else 0
    return finding(start, end, "ORGANIZATION", _SCORE, "named_things")
