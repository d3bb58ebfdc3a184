r"""Names of firms, schools, bands, pets and the like, by what they are made of or stand beside.

A capital letter and a word for a kind of thing tell what no list has: "the band Tuesday Furniture",
"a shop called Lost Bubble", "our dog Pickles", "Umlazi Ridge Secondary School".

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "I own a shop called Lost Bubble near Tharnby College. Our dog Pickles guards it."
    >>> found = [f for find in (find_named_things, find_institutions) for f in find(fold(text))]
    >>> sorted(text[f.start : f.end] for f in found)
    ['Lost Bubble', 'Pickles', 'Tharnby College']
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from langchain_privacy.detection.anchors import Anchored
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import UPPER, FoldedText
from langchain_privacy.detection.rules import Cues, announced_by, finding, occurrences, span
from langchain_privacy.detection.vocabulary.cues import (
    WORKS,
    called_in_small,
    workplaces_in_small,
)
from langchain_privacy.words import has_unusual_word, load

_WORD = rf"[{UPPER}][\w'’.-]*[\w'’]|[{UPPER}]"
_SMALL = r"(?:of|the|and|&|de|la|du|des|da|do|van|von|der|y)"
_RUN = rf"(?:{_WORD})(?: (?:{_SMALL} ){{0,2}}(?:{_WORD})){{0,6}}"
_NOT_FIRST = load("english_function")
_ROLES = load("roles") | load("public_proper") | load("public_it") | load("public_peoples")
_COMMON = load("common_words")
_GIVEN = load("given_names") - {"in", "my", "per"}
_NAMES = _GIVEN | load("surnames")
_SCORE = 0.5


# ---- what a word says that stands beside the name


def _names_a_thing(name: str) -> bool:
    name = name.lower()
    if name in _GIVEN:
        return True  # a boy named Will
    return name not in _ROLES and name.partition(" ")[0] not in _NOT_FIRST


def _names_a_place(name: str) -> bool:
    return not _ROLES.issuperset(name.lower().split())


def _names_somebody(name: str) -> bool:
    name = name.lower()
    return name in _GIVEN or not (name in _NOT_FIRST or name in load("public_proper"))


class _Form(NamedTuple):
    """A way to name something beside a word of a kind.

    Attributes:
        words: Any of these, in lower case, stands in each match; it is looked for first, because
            there are few of them in a text.
        pattern: Matches from that word on.
        before: What must stand before it, of at most `_REACH` characters. The group `name`, in it
            or in `pattern`, is what is found; all that `pattern` matches if there is none.
        takes: Says of a name whether it is one.
        entity_type: Of the finding.
    """

    words: Collection[str]
    pattern: re.Pattern[str]
    before: re.Pattern[str] | None = None
    takes: Callable[[str], bool] = _names_a_thing
    entity_type: str = "ORGANIZATION"

    def find(self, t: str, start: int) -> tuple[int, int] | None:
        """Return where a name stands beside the word that begins at an offset."""
        match = self.pattern.match(t, start)
        if match is None:
            return None
        if self.before is not None:
            if self.before.groups and not _is_capital(t, start):
                return None  # the name would stand before
            before = self.before.search(t, max(0, start - _REACH), start)
            if before is None:
                return None
            match = before if before.lastgroup else match
        group = match.lastgroup or 0
        return match.span(group) if self.takes(match[group]) else None


def _is_capital(t: str, start: int) -> bool:
    """Say whether the word before an offset begins with a capital letter."""
    at = t.rfind(" ", max(0, start - _REACH), max(0, start - 1))
    return at >= 0 and t[at + 1].isupper()


_REACH = 80

_THINGS = load("named_things")
_PETS = ("dog", "cat", "kitten", "puppy", "pet", "horse", "pony", "rabbit", "hamster", "parrot",
         "tortoise", "budgie")  # fmt: skip
_CLOSE = {word for word in load("close_roles") if word.isalpha() and len(word) > 4}
_RELATIONS = _CLOSE | {"son", "aunt", "wife", "baby", "mum", "mom", "gf", "bf", "gran", "boy"}
_PET_WORDS = frozenset({"food", "litter", "bed", "toys", "hair", "sitter", "owner", "lover", "who"})


_PROVIDERS = frozenset(
    ("insurance", "insurer", "bank", "employer", "gym", "clinic", "hospital", "landlord", "agency",
     "provider", "dentist", "pharmacy", "carrier", "airline", "school", "university", "college")
)  # fmt: skip
_WORKS = frozenset(
    ("play", "ep", "album", "song", "single", "novel", "poem", "book", "film", "zine", "comic",
     "memoir", "musical", "mixtape", "thesis", "exhibition", "tapestry", "painting", "podcast")
)  # fmt: skip
# Parts of names of machines that say what a machine is for, not whose it is.
_PURPOSES = frozenset(
    {"prod", "dev", "staging", "test", "tests", "qa", "uat", "app", "apps", "my", "your", "default"}
)


def _names_a_machine(name: str) -> bool:
    known = load("public_it") | load("public_code") | _COMMON | _PURPOSES
    return any(part.isalpha() and part not in known for part in name.split("-"))


def _any_of(words: Collection[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_FORMS = (
    _Form(
        words := {"called", "named", "titled", "nicknamed"},
        re.compile(rf"\b(?:{_any_of(words)})(?: it| him| her| them)? [\"“']?(?P<name>{_RUN})"),
    ),
    _Form(
        words := {*_THINGS, *_PETS},
        re.compile(rf"(?:{_any_of(words)})(?: is|,|:(?= [\"“]))? [\"“']?(?P<name>{_RUN})"),
        before=re.compile(
            r"\b(?:[Mm]y|[Oo]ur|[Hh]is|[Hh]er|[Tt]heir|[Tt]he|[Aa]n?|[Tt]his) (?:[a-z'-]+ ){0,2}\Z"
        ),
    ),
    _Form(
        words := {*_THINGS, *_PETS, "library"},
        re.compile(rf"\b(?:{_any_of(words)}) \((?P<name>{_RUN})\)"),
    ),
    # Behind a label or a role: School is Little Acorns, a tariff for customer Polmlek Trans.
    _Form(
        _THINGS,
        re.compile(
            rf"(?:^|(?<=[.!?;\n] )|(?<=\n))(?i:{_any_of(_THINGS)})(?: is|:) (?P<name>{_RUN})"
        ),
    ),
    _Form(
        words := {"customer", "client", "supplier", "vendor", "employer"},
        re.compile(rf"\b(?:{_any_of(words)}) (?P<name>(?:{_WORD}) {_RUN})"),
    ),
    # "the Harbor project", "our K7 team"
    _Form(
        words := {*_THINGS, "class", "module", "account", "campaign", "estate"},
        re.compile(rf"(?:{_any_of(words)})\b"),
        before=re.compile(
            r"\b(?:[Tt]he|[Oo]ur|[Mm]y|for|of) "
            rf"(?P<name>(?:{_WORD}|[A-Z]\d{{1,3}})(?: {_WORD})?) \Z"
        ),
    ),
    # project Bluebird, with a colon or none
    _Form(("project",), re.compile(rf"\b[Pp]roject(?: name)?:? [\"“]?(?P<name>{_RUN})")),
    # Project title: "A Goat Too Far"
    _Form(
        ("project",),
        re.compile(
            r"\b[Pp]roject(?: name| title)?(?: is)?:? "
            rf"[\"“](?P<name>[{UPPER}][^\"“”\n]{{1,60}})[\"”]"
        ),
        takes=lambda _name: True,
    ),
    # "Our repo is called orgel-billing"
    _Form(
        words := {"repo", "repository", "branch", "bucket", "database", "cluster"},
        re.compile(
            rf"\b(?i:{_any_of(words)})(?: is| was)?(?: called| named|:| =)? "
            r"[\"'`“]?(?P<name>[a-z][\w.]*(?:[-_/][\w.]+)+)"
        ),
    ),
    # `namespace: larkspur-prod`: what nobody has but whose it is
    _Form(
        words := {"namespace", "hostname", "identifier", "vhost", "tenant_id", "workspace"},
        re.compile(
            rf"\b(?i:{_any_of(words)})(?: is|:|[ \t]*=)?[ \t]{{1,24}}"
            r"[\"'`“]?(?P<name>[a-z][a-z0-9]*(?:-[a-z0-9]+)+)(?![\w.])"
        ),
        takes=_names_a_machine,
    ),
    # my insurance is Larkfield Mutual
    _Form(
        _PROVIDERS,
        re.compile(
            rf"\b(?i:{_any_of(_PROVIDERS)}) (?i:is|was) "
            rf"(?P<name>(?:{_WORD})(?: (?:{_WORD})){{0,2}})"
        ),
        before=re.compile(r"\b(?i:my|our|his|her|their) (?:[A-Za-z]+ )?\Z"),
    ),
    # my play "The Pear Year", our first EP "Soft Teeth"
    _Form(
        _WORKS,
        re.compile(rf"\b(?i:{_any_of(_WORKS)}),? [\"“](?P<name>[{UPPER}][^\"“”\n]{{1,60}})[\"”]"),
        before=re.compile(
            r"\b(?:[Mm]y|[Oo]ur|[Hh]is|[Hh]er|[Tt]heir|me|[Dd]ebut|[Nn]ew|[Ff]irst|1st|[Ss]econd|2nd"
            r"|[Ll]atest)[.,]? "
            r"(?:(?:own|new|first|1st|second|2nd|debut|latest|little|short|next|last) ){0,2}\Z"
        ),
        takes=lambda _name: True,
    ),
    # "a party at Jump Zone"
    _Form(
        ("at",),
        re.compile(rf"at (?P<name>(?:{_WORD})(?: {_WORD}){{1,3}})(?! ?&)"),
        before=re.compile(r"\b[a-z]+ \Z"),
        takes=_names_a_place,
    ),
    # "Hospital of the Good Shepherd"
    _Form(
        words := {"hospital", "church", "hospice", "convent", "priory", "monastery", "school"},
        re.compile(
            r"\b(?:Hospital|Church|Hospice|Convent|Priory|Monastery|School) of "
            rf"(?:the |Our |St\.? |Saint ){_RUN}"
        ),
        takes=_names_a_place,
    ),
    # "University of the Free State", "Institute for Snow and Avalanche Studies"
    _Form(
        ("university", "college", "institute"),
        re.compile(rf"\b(?:University|College|Institute) (?:of|for)(?: the)? {_RUN}"),
        takes=_names_a_place,
    ),
    # "our son Dale", "and baby Ash": a word as well, but not behind a relation.
    _Form(
        _RELATIONS,
        re.compile(rf"(?:{_any_of(_RELATIONS)}),? (?P<name>{_WORD})\b(?! [A-Z])"),
        before=re.compile(
            r"(?:\b(?:[Mm]y|[Oo]ur|[Yy]our|[Hh]is|[Hh]er|[Tt]heir) (?:[a-z]+ )?|\w['’]s "
            r"|(?:\A|[.,;:!?(–—\n]|\b(?:and|for|to|with|from|by)) ?)\Z"
        ),
        takes=_names_somebody,
        entity_type="PERSON",
    ),
    # In a text without capitals: "our dog biscuit will", "a kitten (waffles)".
    _Form(
        words := {*_PETS, *_CLOSE},
        re.compile(
            rf"(?:{_any_of(words)})"
            r"(?: \((?P<name>[a-z]{3,})\)|,? (?P<called>[a-z]{3,})(?<!ing)(?<!ly)(?<![^s]s)(?<!ed)"
            r"(?= (?:will|is|was|has|had|who|just|died)\b|[,.]? *$))",
            re.MULTILINE,
        ),
        before=re.compile(r"\b(?:my|our|his|her|their|a) (?:[a-z]+ )?\Z"),
        takes=lambda name: name not in _PET_WORDS and _names_somebody(name),
        entity_type="PERSON",
    ),
)
_FORMS_OF: dict[str, list[_Form]] = {}
for _form in _FORMS:
    for _word in _form.words:
        _FORMS_OF.setdefault(_word, []).append(_form)
_BESIDE = Cues(_FORMS_OF)
# "from Moss & Thimble"
_PAIR = re.compile(
    rf"\b(?:at|from|of|for|by|with|in|to) "
    rf"(?P<name>(?:{_WORD})(?: {_WORD})? & (?:{_WORD})(?: {_WORD})?)"
)


@announced_by(_BESIDE, parts=[" & "])
def find_named_things(text: FoldedText) -> Iterator[Finding]:
    """Find names beside a word for a kind of thing, and what an ampersand joins."""
    t = text.text
    for start, end in _BESIDE.find(text):
        for form in _FORMS_OF[text.lower[start:end]]:
            if found := form.find(t, start):
                yield _finding(t, *found, form.entity_type)
    for match in _PAIR.finditer(t) if " & " in t else ():
        if _names_a_place(match["name"]):
            yield _finding(t, *match.span("name"))
    for start, end in called_in_small(t):
        yield finding(start, end, "ORGANIZATION", _SCORE, "named_things")


@announced_by(WORKS)
def find_workplaces(text: FoldedText) -> Iterator[Finding]:
    """Find in small letters where somebody works or learns: "i work at the copper kettle"."""
    for start, end in workplaces_in_small(text.text):
        yield finding(start, end, "ORGANIZATION", _SCORE, "named_things")


# ---- institutions and families

_INSTITUTIONS = load("organisation_words") - load("words_of_papers")
# "at the Button Museum"
_MUSEUMS = ("Museum", "School", "Hospital", "Clinic", "Church", "Hotel", "Cafe", "Café",
            "Kindergarten", "Academy", "Gallery", "Bakery", "Pub", "Arms", "Inn", "Tavern",
            "Shelter")  # fmt: skip
_MUSEUM = re.compile(
    rf"\b[a-z]+ the (?P<name>(?:{_WORD})(?: {_WORD}){{0,2}} (?:{'|'.join(_MUSEUMS)}))\b"
)
_SOME_INSTITUTION = Cues([*_INSTITUTIONS, *map(str.lower, _MUSEUMS)])
_CAPITALS = re.compile(_RUN)
# In small letters: "i study at covenant university".
_IN_SMALL = Anchored(
    r"\b(?:at|from|in|to) (?P<name>(?:[a-z]{3,} ){1,2}"
    r"(?:university|college|hospital|clinic|academy))\b",
    ["at", "from", "in", "to"],
    needs=["university", "college", "hospital", "clinic", "academy"],
)


@announced_by(_SOME_INSTITUTION)
def find_institutions(text: FoldedText) -> Iterator[Finding]:
    """Find institutions that a word in their name tells: "Umlazi Ridge Secondary School"."""
    t = text.text
    told = [at for at, _ in _SOME_INSTITUTION.find(text) if t[at].isupper()]
    for first, last in _clauses(t, told):
        for match in _MUSEUM.finditer(t, first, last):
            if _names_a_thing(match["name"]):
                yield _finding(t, *match.span("name"))
        yield from _institutions(text, first, last)
    for match in _IN_SMALL.find(text.said):
        words = match["name"].split()
        if not (_NOT_FIRST | load("kinds_of_institution")).intersection(words[:-1]):
            yield span(match, "ORGANIZATION", _SCORE, "named_things", "name")


def _clauses(t: str, told: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the stretches around some offsets that no name of an institution goes beyond."""
    if not told:
        return
    ends = [-1, *(match.start() for match in _END.finditer(t)), len(t)]
    for index in sorted({bisect_left(ends, at) for at in told}):
        yield ends[index - 1] + 1, ends[index]


_END = re.compile(r"\n|[,.:?!] ")


def _institutions(text: FoldedText, first: int, last: int) -> Iterator[Finding]:
    for match in _CAPITALS.finditer(text.text, first, last):
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


# "the Okonkwos"
_FAMILIES = frozenset(f"{name}s" for name in _NAMES - _COMMON) - _COMMON
_FAMILY = re.compile(rf"[{UPPER}][a-zß-ɏ]{{2,}}s\b")
_BEFORE_FAMILY = re.compile(r"\b(?:[Tt]he|with|[Oo]ur neighbou?rs,?) \Z")


@announced_by(*_FAMILIES)
def find_families(text: FoldedText) -> Iterator[Finding]:
    """Find families by their name: "the Okonkwos"."""
    t = text.text
    for name in text.cued & _FAMILIES:
        for start, end in occurrences(text.lower, name):
            family = _FAMILY.match(t, start)
            if (
                family
                and family.end() == end
                and _BEFORE_FAMILY.search(t, max(0, start - _REACH), start)
            ):
                yield finding(start, end, "PERSON", _SCORE, "named_things")


def _finding(text: str, start: int, end: int, entity_type: str = "ORGANIZATION") -> Finding:
    """Build a finding without the small word or the possessive that a run may end in."""
    value = text[start:end]
    if entity_type == "ORGANIZATION" and value.endswith(("'s", "’s")):
        end -= 2
    return finding(start, end, entity_type, _SCORE, "named_things")
