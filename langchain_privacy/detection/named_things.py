r"""Names of firms, schools, bands, pets and the like, by what they are made of or stand beside.

A capital letter and a word for a kind of thing tell what no list has: "the band Tuesday Furniture",
"a shop called Lost Bubble", "our dog Pickles", "Umlazi Ridge Secondary School".

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "I own a shop called Lost Bubble near Tharnby College. Our dog Pickles guards it."
    >>> [text[f.start : f.end] for f in find_named_things(fold(text))]
    ['Lost Bubble', 'Pickles', 'Tharnby College']
"""

import re
from collections.abc import Iterator

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
_RELATIONS = "|".join(word for word in load("close_roles") if word.isalpha() and len(word) > 4)
_OWNER = r"(?:[Mm]y|[Oo]ur|[Hh]is|[Hh]er|[Tt]heir|[Tt]he|[Aa]n?|[Tt]his)"
_KIND = rf"{_OWNER} (?:[a-z'-]+ ){{0,2}}(?:{_THINGS}|{_PETS})"
_FORMS = (
    re.compile(
        rf"\b(?:called|named|titled|nicknamed)(?: it| him| her| them)? [\"“']?(?P<name>{_RUN})"
    ),
    re.compile(rf"\b{_KIND}(?: is|,)? [\"“']?(?P<name>{_RUN})"),
    re.compile(rf"\b(?:{_THINGS}|{_PETS}|library) \((?P<name>{_RUN})\)"),
    # Behind a label or a role: School is Little Acorns, a tariff for customer Polmlek Trans.
    re.compile(rf"(?:^|(?<=[.!?;\n] )|(?<=\n))(?i:{_THINGS})(?: is|:) (?P<name>{_RUN})"),
    re.compile(rf"\b(?:customer|client|supplier|vendor|employer) (?P<name>(?:{_WORD}) {_RUN})"),
    # "the Harbor project", "our K7 team"
    re.compile(
        rf"\b(?:[Tt]he|[Oo]ur|[Mm]y|for|of) (?P<name>(?:{_WORD}|[A-Z]\d{{1,3}})(?: {_WORD})?)"
        rf"(?= (?:{_THINGS}|class|module|account|campaign|estate)\b)"
    ),
    # project Bluebird, with a colon or none
    re.compile(rf"\b[Pp]roject(?: name)?:? [\"“]?(?P<name>{_RUN})"),
    # "Our repo is called orgel-billing"
    re.compile(
        r"\b(?:repo|repository|branch|bucket|database|cluster)(?: is)?(?: called| named|:)? "
        r"[\"'`“]?(?P<name>[a-z][\w.]*(?:[-_/][\w.]+)+)"
    ),
    # "at the Button Museum"
    re.compile(
        rf"\b[a-z]+ the (?P<name>(?:{_WORD})(?: {_WORD}){{0,2}} (?:Museum|School|Hospital|Clinic"
        r"|Church|Hotel|Cafe|Café|Kindergarten|Academy|Gallery|Bakery|Pub|Arms|Inn|Tavern"
        r"|Shelter))\b"
    ),
)
# "a party at Jump Zone", "from Moss & Thimble"
_AT = re.compile(rf"\b[a-z]+ at (?P<name>(?:{_WORD})(?: {_WORD}){{1,3}})(?! ?&)")
_PAIR = re.compile(
    rf"\b(?:at|from|of|for|by|with|in|to) "
    rf"(?P<name>(?:{_WORD})(?: {_WORD})? & (?:{_WORD})(?: {_WORD})?)"
)
# "University of the Free State", "Institute for Snow and Avalanche Studies"
_OF = re.compile(rf"\b(?:University|College|Institute) (?:of|for)(?: the)? {_RUN}")
# "the Okonkwos"
_FAMILY = re.compile(
    rf"\b(?:[Tt]he|with|[Oo]ur neighbou?rs,?) (?P<name>[{UPPER}][a-zß-ɏ]{{2,}}s)\b"
)
# In small letters: "i study at covenant university".
_IN_SMALL = re.compile(
    r"\b(?:at|from|in|to) (?P<name>(?:[a-z]{3,} ){1,2}"
    r"(?:university|college|hospital|clinic|academy))\b"
)
# "our son Dale": a word as well, but not behind a relation.
_RELATED = re.compile(
    rf"\b(?:[Mm]y|[Oo]ur|[Hh]is|[Hh]er|[Tt]heir) (?:[a-z]+ )?(?:{_RELATIONS}|son|aunt),? "
    rf"(?P<name>{_WORD})\b(?! [A-Z])"
)
# In a text without capitals: "our dog biscuit will", "a kitten (waffles)", "his girlfriend tiff".
_PET = re.compile(
    rf"\b(?:my|our|his|her|their|a) (?:[a-z]+ )?(?:{_PETS}|{_RELATIONS})"
    r"(?: \((?P<name>[a-z]{3,})\)|,? (?P<called>[a-z]{3,})(?<!ing)(?<!ly)(?<![^s]s)(?<!ed)"
    r"(?= (?:will|is|was|has|had|who|just|died)\b|[,.]? *$))",
    re.MULTILINE,
)
_CLOSE = frozenset([*_PETS.split("|"), *_RELATIONS.split("|"), "son", "aunt"])
_ANNOUNCING = frozenset(
    [*_PETS.split("|"), *load("named_things"), "called", "named", "titled", "nicknamed", "library"]
)
_PET_WORDS = frozenset({"food", "litter", "bed", "toys", "hair", "sitter", "owner", "lover", "who"})
_ANNOUNCED_BY = frozenset(
    ("class", "module", "account", "campaign", "estate", "museum", "school", "hospital", "clinic",
     "church", "hotel", "cafe", "café", "kindergarten", "academy", "gallery", "bakery", "pub",
     "arms", "inn", "tavern", "shelter", "project", "repo", "repository", "branch", "bucket",
     "database", "cluster", "customer", "client", "supplier", "vendor", "employer")
)  # fmt: skip
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
    for form in () if text.words.isdisjoint(_ANNOUNCING | _ANNOUNCED_BY) else _FORMS:
        for match in form.finditer(t):
            name = match["name"].lower()
            if name not in _ROLES and name.partition(" ")[0] not in _NOT_FIRST:
                yield _finding(t, *match.span("name"))
    yield from _by_small_words(text)
    if not text.words.isdisjoint(_CLOSE):
        for match in _RELATED.finditer(t):
            if match["name"].lower() not in _NOT_FIRST:
                yield finding(*match.span("name"), "PERSON", _SCORE, "named_things")
        for match in _PET.finditer(t):
            group = "name" if match["name"] else "called"
            if match[group] not in _PET_WORDS and match[group] not in _NOT_FIRST:
                yield finding(*match.span(group), "PERSON", _SCORE, "named_things")
    if not text.words.isdisjoint(_INSTITUTIONS):
        yield from _institutions(text)
        for match in _IN_SMALL.finditer(t):
            words = match["name"].split()
            if not (_NOT_FIRST | load("kinds_of_institution")).intersection(words[:-1]):
                yield finding(*match.span("name"), "ORGANIZATION", _SCORE, "named_things")


def _by_small_words(text: FoldedText) -> Iterator[Finding]:
    """Find what stands behind "at", what an ampersand joins, and families: "the Okonkwos"."""
    t = text.text
    forms = [_OF] if " of " in t or " for " in t else []
    forms += [_AT] if " at " in t else []
    forms += [_PAIR] if " & " in t else []
    for form in forms:
        for match in form.finditer(t):
            start, end = match.span("name" if "name" in form.groupindex else 0)
            if not match[0].isupper() and not _ROLES.issuperset(text.lower[start:end].split()):
                yield _finding(t, start, end)
    for match in _FAMILY.finditer(t):
        name = match["name"].lower()
        if name[:-1] in _NAMES and not {name, name[:-1]} & _COMMON:
            yield span(match, "PERSON", _SCORE, "named_things", "name")
    if " called " in t or " named " in t:
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
