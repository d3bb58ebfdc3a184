r"""Names of people and places in Latin script, by word lists and by the words around them.

A run of capitalised words is cut into words; the lists say of each whether it is a given name, a
family name, an ordinary word or none of these, and a role or a title in front ("Tenant", "Dr.")
counts as well. A place is what the list of places has.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "The tenant Osric Vandeleur pays monthly. He moved here from Portugal."
    >>> [text[f.start : f.end] for find in (find_people, find_places) for f in find(fold(text))]
    ['Osric Vandeleur', 'Portugal']

Names in Korean script have a file of their own; names that no list has are found by `presidio`.
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import UPPER, WORDS_AS_SIGNS, FoldedText
from langchain_privacy.detection.rules import Cues, announced_by, finding, occurrences, span
from langchain_privacy.words import is_medical, load, load_by_kind, without_accents
from langchain_privacy.words.korean import ends_a_korean_word, is_hangul
from langchain_privacy.words.labels import kind_elsewhere

_GIVEN = load("given_names")
_FAMILY = load("surnames")
_COMMON = load("common_words")
_PLACES = load("places")
_ORGANISATION = load("organisation_words")
# Where nouns are in small letters a capital behind "mi hija" is a name; not behind "meine Tochter".
_RELATIONS = {word for word, code in load_by_kind("relations").items() if code != "de"}
_ROLES = load("roles") | _RELATIONS
_ROLES_IN_A_RUN = load("roles") | (_RELATIONS - _GIVEN)  # "Dona Flor" may be a given name
_TITLES = load("titles")
# Relations and greetings: what follows them is a person even when no list knows the name.
_CLOSE = load("close_roles") | _RELATIONS
_NAMING = frozenset(
    {"name", "full name", "name is", "call me", "calls me", "surname", "first name", "last name"}
)
_SAYING = {"i'm": "call me", "i've": "", "i'd": "", "i'll": ""}
_INTRODUCING = _CLOSE | {"call me"}
_NOT_ALONE = (_COMMON - _GIVEN).union(_SAYING)
"""What a run of one word is passed over for: no name, and nothing before it makes it one."""
_PEOPLES = load("public_peoples")
_CAPITAL_PARTICLES = load("name_particles")
# No name begins with one, though all of a text may be in capitals; "I." is an initial.
_SMALL = load("english_function") - _GIVEN - _CAPITAL_PARTICLES - set("abcdefghijklmnopqrstuvwxyz")
_SUFFIXES = frozenset({"II", "III", "IV", "Jr.", "Sr.", "Jr", "Sr", "MD", "PhD"})
# Parts of Gaelic and other names that are written with a capital letter and stand between names.
_INNER = load("name_inner_parts")

# Places

_PLACE_CUES = Cues(_PLACES)
# Places that are words or names as well: only with a capital letter, and never alone in lower case.
_ALSO_WORDS = _COMMON | _GIVEN | _FAMILY


@announced_by(_PLACE_CUES)
def find_places(text: FoldedText) -> Iterator[Finding]:
    """Find places that the list knows, written with a capital letter or in all lower-case text."""
    lower = text.lower
    no_capitals = text.text == lower
    for start, end in _PLACE_CUES.find(text):
        if (start and is_hangul(lower[start - 1])) or not ends_a_korean_word(lower, end):
            continue  # "USA투데이", but "London에서"
        if text.text[start].isupper() or (no_capitals and lower[start:end] not in _ALSO_WORDS):
            yield finding(start, end, "LOCATION", 0.5, "place")


# People in runs of capitalised words

_PARTICLE = (
    r"(?:van|von|der|den|de|del|della|di|da|dos|das|du|la|le|bin|ibn|al|el|zu|ter|ten|op|af|av|y"
    r"|binti|bint|ben|abu|ap|ferch|zum|zur|vom)"
)
# A word of a run. Its capital letter comes first, once for all kinds of word: the engine looks for
# nothing else.
_LETTER = r"[^\W\d_가-힣]"
_TITLE = r"(?:(?<=[DMJS])r|(?<=M)r?s|(?<=P)rof|(?<=S)t|(?<=R)ev|(?<=H)on)\."
_ITEM = (
    rf"[{UPPER}](?:"
    r"(?<=[A-Z])\.(?:[A-Z]\.)?"  # "J.", "J.R."
    rf"|{_TITLE}"  # "Dr."
    rf"|{_LETTER}*(?:['-]{_LETTER}+)*)"  # "Smith", "O'Neill", "Jean-Luc", the "Kim" of "Kim님"
)
_RUN = re.compile(rf"{_ITEM}(?:[ ](?:{_PARTICLE}[ ]){{0,2}}{_ITEM}){{0,7}}")
_WORD = rf"[{UPPER}][^\W\d_]*(?:['-][^\W\d_]+)*"
# "Bakare, Ifeoma": where a mark or a line ends it, so that it is no list of three.
_REVERSED = re.compile(
    rf"({_WORD}), ({_WORD})(?: [A-Z]\.)?(?=[ ]?[(|\t\n;]|[ ]{{2}}|\Z| (?i:dob|born|aged|mrn|nhs)\b)"
)
# What follows people only: ", aged", " (born", "'s wife", an e-mail address.
_AFTER_NAME = re.compile(
    r",? (?:born|aged|residing|resident at|m\.?d\b|r\.?n\b|ph\.?d|esq|d\.?d\.?s|c\.?p\.?a|jr\b|sr\b"
    r"|iii?\b)"
    r"| \((?:born|d\.?o\.?b|ssn|aged|\d{2}\b|m\.?d\b)"
    r"|'s (?:wife|husband|son|daughter|mother|father|lawyer|account)"
    r"|,? [\w.+-]{1,40}@"
)
# What is said of people only, though nobody knows the name.
_AFTER_ONE = re.compile(
    r"(?:'s)? (?:lives|lived|resides|asked|replied|texted|emailed|phoned|was born"
    r"|is \d{1,3}\b|is an? \d{1,3}[ -]years?)"
    r"|'s (?:wife|husband|son|daughter|mum|mom|dad|mother|father|birthday)\b"
)

_INTRODUCTIONS = Cues(load("introductions"))
_INTRODUCED = re.compile(rf"[ \t]*[:=|]?[ \t]*(?P<name>{_RUN.pattern})")
# Behind a word in small letters: "hablé con Yaretzi Quispe", but not "La Dirección General".
_IN_A_SENTENCE = re.compile(r"(?<![^\W_])[a-z\u00df-\u024f][^\W_]*[,;]?[ ]['\"(«“]?\Z")
_WORD_IN_FRONT = 24
_BY_SHAPE = 0.5  # score of what no list and no word beside it says


class _Token:
    """A word of a run, and what the lists say about it.

    Attributes:
        common: An ordinary word; of a compound every part is one.
        strange: Neither an ordinary word nor a place: may be a name that no list has.
    """

    __slots__ = (
        *("start", "end", "text", "lower", "initial", "common", "particle", "given", "family"),
        "strange",
    )

    def __init__(self, start: int, end: int, text: str) -> None:
        self.start, self.end, self.text = start, end, text
        bare = text.rstrip(".")
        self.initial = len(bare) == 1
        lower = self.lower = bare.lower().removesuffix("'s")
        self.common = lower in _COMMON or ("-" in lower and _COMMON.issuperset(lower.split("-")))
        self.particle = text.islower() or (text.isupper() and lower in _CAPITAL_PARTICLES)
        given, family = lower in _GIVEN, lower in _FAMILY
        self.strange = not (
            self.initial or self.common or lower in _PLACES or is_medical(lower)
        ) and (len(text) > 5 or given or family or not text.isupper())
        if "-" in lower or not lower.isascii():  # "Hélène", "Anne-Sophie"
            plain = without_accents(lower)
            given = given or plain in _GIVEN or plain.partition("-")[0] in _GIVEN
            family = family or plain in _FAMILY or plain.rpartition("-")[2] in _FAMILY
        self.given, self.family = given, family


def _tokens(start: int, run: str) -> list[_Token]:
    tokens: list[_Token] = []
    for word in run.split(" "):
        tokens.append(_Token(start, start + len(word), word))
        start += len(word) + 1
    return tokens


def find_people(text: FoldedText) -> Iterator[Finding]:
    """Find people in runs of capitalised words, and in lines without any capital letter."""
    t = text.text
    named = -1  # where the last name ended
    for match in _RUN.finditer(t):
        start, end = match.span()
        run = text.lower[start:end]
        if end == start + 1 or run in _NOT_ALONE or kind_elsewhere(run):
            continue
        if t.startswith(", ", end):
            yield from _reversed(text, start, end)
        words = run.split(" ")
        beside = 0 <= start - named < 8 and words[0] in _GIVEN
        known = words[0] in _GIVEN and words[-1] in _FAMILY
        if not (known or beside) and _COMMON.issuperset(words):
            continue  # a heading, or the first word of a sentence
        if not _inside_word(t, start):
            tokens = _tokens(start, match[0])
            if not [token for token in tokens if token.strange or token.given]:
                continue
            for found in _people_in(text, tokens):
                named = found.end
                yield found
            if named < start and (first := _joined(text, tokens, named)):
                named = first.end
                yield first
    yield from _lower_case_people(text)


_AND = re.compile(r",? (?:and|&|und|et|y|e) ")
_AND_GIVEN = re.compile(rf" (?:and|&) (?P<given>{_WORD})|, (?P<listed>{_WORD})(?=,| and | & )")
_LIST_GOES_ON = re.compile(r",? (?:and|&) |, [A-Z]|\Z|[.\n]")


def _joined(text: FoldedText, tokens: list[_Token], named: int) -> Finding | None:
    """Return the first word of a run as a name where a name stands beside it: "Nadia and Theo"."""
    first = tokens[0]
    if not (first.strange or first.given) or first.initial or first.particle:
        return None
    if first.text.isupper() or any(t.lower in _ORGANISATION or t.lower in _SAYING for t in tokens):
        return None
    gap = text.text[named : first.start] if 0 <= named < first.start <= named + 8 else ""
    listed = gap == ", " and _LIST_GOES_ON.match(text.text, first.end)
    if not (_AND.fullmatch(gap) or listed):
        after = _AND_GIVEN.match(text.text, first.end) if len(tokens) == 1 else None
        given = (after["given"] or after["listed"]).lower() if after else ""
        if given not in _GIVEN or given in _COMMON or not first.strange:
            return None
    end = tokens[1] if len(tokens) == 2 and tokens[1].family and tokens[1].strange else first
    stop = end.end - (2 if end.text.endswith("'s") else 0)
    return finding(first.start, stop, "PERSON", 0.5, "people")


def is_listed_person(name: str) -> bool:
    """Say whether the lists have a given name and the family name at the end behind it."""
    words = name.lower().split()
    return len(words) > 1 and words[0] in _GIVEN and words[-1] in _FAMILY


def find_listed_people(text: FoldedText) -> Iterator[Finding]:
    """Find people whose name a list, a title or an introduction says, in languages but English.

    What rests on the shape of a run alone is left out: which words are ordinary ones is known of
    English only, and German writes every noun with a capital letter.
    """
    return _people_elsewhere(text, by_shape=False)


def find_people_by_capitals(text: FoldedText) -> Iterator[Finding]:
    """Find people as well by a run of capitals within a sentence, where nouns have no capital."""
    return _people_elsewhere(text, by_shape=True)


def _people_elsewhere(text: FoldedText, *, by_shape: bool) -> Iterator[Finding]:
    for found in find_people(text):
        before = text.text[max(0, found.start - _WORD_IN_FRONT) : found.start]
        if found.score > _BY_SHAPE or (by_shape and _IN_A_SENTENCE.search(before)):
            yield found
    for _, end in _INTRODUCTIONS.find(text):
        if match := _INTRODUCED.match(text.text, end):
            yield span(match, "PERSON", 0.7, "people", "name")


def _reversed(text: FoldedText, start: int, end: int) -> Iterator[Finding]:
    """Find a family name at the end of a run and the given name behind it."""
    t = text.text
    start = max(start, t.rfind(" ", start, end) + 1)
    match = (
        None if t.endswith(", ", 0, start) or _inside_word(t, start) else _REVERSED.match(t, start)
    )
    if match is None:
        return
    family, given = (_Token(*match.span(i), match[i]) for i in (1, 2))
    known = given.given or family.family or bool(_role_before(text, start)[0])
    if known and family.strange and given.strange:
        yield finding(*match.span(), "PERSON", 0.5, "people")


def _inside_word(text: str, at: int) -> bool:
    return at > 0 and (text[at - 1].isalnum() or text[at - 1] in "_'@#/\\")


def _people_in(text: FoldedText, tokens: list[_Token]) -> Iterator[Finding]:
    if not _ORGANISATION.isdisjoint([t.lower for t in tokens]):
        return  # "Halverstone Marine Ltd"
    role, colon = _role_before(text, tokens[0].start)
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.lower in _SAYING:  # "I'm Xochitl", "I've"
            role, colon = _SAYING[token.lower], False
            at += 1
            continue
        if token.lower in _SMALL and token.text.isupper():
            at += 1
            if token.lower != "is":  # MY NAME IS DWAYNE: the role goes on
                role, colon = "", False
            continue
        if token.lower in _TITLES or (token.lower in _ROLES_IN_A_RUN and at + 1 < len(tokens)):
            role, colon = token.lower, token.lower in _TITLES
            at += 1
            continue
        end, score = _name_at(text, tokens, at, role=role, colon=colon)
        if end > at:
            last = tokens[end - 1]
            stop = last.end - (2 if last.text.endswith("'s") else 0)
            yield finding(token.start, stop, "PERSON", score, "people")
            at = end
        else:
            at += 1
        role, colon = "", False


def _role_before(text: FoldedText, start: int) -> tuple[str, bool]:
    """Return the role that stands before an offset, and whether a mark makes it a label."""
    before = text.lower[max(0, start - 48) : start].rstrip(" \t\n\"'*_>")
    label = False
    if not before[-1:].isalnum():
        label = before.endswith((":", "=", "|"))
        if before.endswith(",") and before[:-1].rpartition(" ")[2] in _CLOSE:
            before = before[:-1]  # "her mother, Nélida, who"
        elif before.endswith(".."):
            label, before = True, before.rstrip(".")  # "Name ........ X"
        before = before.rstrip(":=|- ")
        if before.endswith(")"):
            before = before[: before.rfind("(")].rstrip()
    words = before.rsplit(None, 2)[-2:]
    if not words:
        return "", False
    last = words[-1].removesuffix("'s")
    pair = f"{words[-2]} {last}" if len(words) > 1 else last
    if pair in _ROLES:
        return pair, label or pair in _NAMING or pair.endswith("by")
    return (last, label) if last in _ROLES else ("", False)


def _name_at(
    text: FoldedText, tokens: list[_Token], at: int, *, role: str, colon: bool
) -> tuple[int, float]:
    """Return one past the last token of the name that starts at `at`, or `at`, and the score."""
    first = tokens[at]
    if first.particle or (first.initial and at + 1 >= len(tokens)):
        return at, 0.0
    end = at + 1
    while end < len(tokens) and end - at < 5 and _continues(tokens, end):
        end += 1
    while end > at + 1 and (tokens[end - 1].particle or tokens[end - 1].initial):
        end -= 1
    words = [t for t in tokens[at:end] if not t.particle and not t.initial]
    if len(words) > 2:
        words = [t for t in words if t in (words[0], words[-1]) or t.lower not in _INNER]
    strange = [t.strange for t in words].count(True)
    listed = len(words) > 1 and first.given and words[-1].family
    if not strange and not listed:
        return at, 0.0
    known = role and any(t.given or t.family for t in words)
    if role in _INTRODUCING and len(words) == 1 and strange and not first.text.isupper():
        return (at, 0.0) if first.lower in _PEOPLES else (end, 0.6)
    if first.initial and first.text.endswith(".") and len(words) == 1 and len(words[0].text) > 2:
        listed = text.text[max(0, first.start - 1) : first.start] in ("", "\n", "(")
        return (at, 0.0) if listed else (end, 0.5)
    if colon and (known or len(words) > 1 or role in _TITLES or role in _NAMING):
        return end, 0.8
    if role and (len(words) > 1 or known):
        return end, 0.7
    if (
        len(words) > 1
        and first.given
        and (words[-1].strange if not first.common else words[-1].family and words[-1].strange)
    ):
        return end, 0.7
    if len(words) > 1 and words[-1].family and strange == len(words):
        return end, 0.6
    if len(words) > 1 and _AFTER_NAME.match(text.lower, tokens[end - 1].end):
        return end, 0.6
    if len(words) in (2, 3, 4) and strange == len(words) and not first.text.isupper():
        return end, 0.5
    if len(words) == 1 == len(tokens) and strange and _AFTER_ONE.match(text.lower, first.end):
        return end, 0.5
    if listed and text.hangul and _beside_hangul(text.text, first.start, tokens[end - 1].end):
        return end, 0.5  # 담당자 John Smith: English prose is not around it
    alone = len(words) == 1 and len(tokens) == 1 and first.strange and first.lower in _GIVEN
    if alone and not first.text.isupper() and not _next_is_role(text, first.end):
        return end, 0.5
    return at, 0.0


_BETWEEN = " :：,·/()"


def _beside_hangul(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - 3) : start].rstrip(_BETWEEN)
    after = text[end : end + 3].lstrip(_BETWEEN)
    return is_hangul(before[-1:]) or is_hangul(after[:1])


def _next_is_role(text: FoldedText, end: int) -> bool:
    """Say whether a role follows: "Line manager" names nobody."""
    following = _LOWER_WORD.match(text.text, end + 1)
    return (
        following is not None
        and following[0] in _ROLES
        and following[0] not in ("and", "to", "by", "from", "is")
    )


def _continues(tokens: list[_Token], index: int) -> bool:
    token = tokens[index]
    if token.initial or token.particle or token.text in _SUFFIXES:
        return True
    if token.lower in _INNER and index + 1 < len(tokens):
        return tokens[index + 1].strange
    if tokens[index - 1].text.endswith("'s"):
        return False
    # A word that is a name as well ("Ivy", "Young") goes on a name that nothing common ended.
    return not token.common or (token.family and not tokens[index - 1].common)


# People in lower case

# Any part of a name that may be taken from lower case.
_IN_LOWER_CASE = frozenset(
    part for name in _GIVEN - _COMMON if len(name) > 3 for part in re.split("['-]", name)
)
WORDS_AS_SIGNS.update(_IN_LOWER_CASE)
_LOWER_LINE = re.compile(r"[^\n]{3,2000}")
_LOWER_WORD = re.compile(
    r"[a-z\u00df-\u024f\u0370-\u052f]+(?:['-][a-z\u00df-\u024f\u0370-\u052f]+)*"
)


_BEFORE_LOWER = _CLOSE | load("lower_case_cues")
_AFTER_LOWER = frozenset(
    {"said", "says", "told", "wants", "wanted", "asked", "thinks", "knows", "called", "texted"}
)
_WORD_BEFORE = re.compile(r"(?:\A|[^\w.])([A-Za-z']+) \Z")
_WORD_AFTER = re.compile(r" ([a-z]+)|'s\b")
_ENDS = re.compile(r"'s\b|[,;!?)]?(?:\s|\Z)|\.(?:\s|\Z)")
# "my name is brutus", "hi zorblat,": a word that is none, where only a name can stand.
_SAYING_A_NAME = Cues(load("saying_a_name"))
_SAID_NAME = re.compile(
    r"\.? (?P<name>(?P<first>[a-zß-ɏ]{3,20})(?P<more> [a-zß-ɏ]{3,20})?)"
    r"(?P<ends>(?=[,.!;\n]|\Z| and\b| i\b))?"
)


def _lower_case_people(text: FoldedText) -> Iterator[Finding]:
    """Find names in small letters: in lines without capitals by the lists, else beside a cue."""
    t = text.text
    names = [name for name in _IN_LOWER_CASE & text.cued if name in t]
    if names and ("\n" in t or t == text.lower or not t.isascii()):
        yield from _in_lines_without_capitals(text)
    for name in names:
        for start, end in occurrences(t, name):
            if (start and t[start - 1] not in " (\n") or not _ENDS.match(t, end):
                continue
            before = _WORD_BEFORE.search(t, max(0, start - 16), start)
            after = _WORD_AFTER.match(t, end, end + 16)
            cued = before is not None and before[1].lower() in _BEFORE_LOWER
            if cued or (after is not None and (after[1] is None or after[1] in _AFTER_LOWER)):
                yield finding(start, end, "PERSON", 0.5, "people")
    for _, end in _SAYING_A_NAME.find(text):
        match = _SAID_NAME.match(t, end)
        if match is None or match["first"] in _COMMON:
            continue
        if match["more"] and match["more"].strip() in _COMMON:
            yield span(match, "PERSON", 0.5, "people", "first")
        elif match["ends"] is not None:
            yield span(match, "PERSON", 0.5, "people", "name")


def _in_lines_without_capitals(text: FoldedText) -> Iterator[Finding]:
    """Find given names, with up to two words behind them, in lines without any capital letter."""
    for line in _LOWER_LINE.finditer(text.text):
        if line[0] != text.lower[line.start() : line.end()]:
            continue
        words = list(_LOWER_WORD.finditer(line[0]))
        skip = -1
        for index, word in enumerate(words):
            if index <= skip or word[0] in _COMMON or word[0] not in _GIVEN or len(word[0]) < 4:
                continue
            end = word.end()
            for following in words[index + 1 : index + 3]:
                name = following[0].removesuffix("'s")
                if (
                    following.start() != end + 1
                    or line[0][end] != " "
                    or name in _COMMON
                    or len(name) < 2
                ):
                    break
                end, skip = following.start() + len(name), index + 1
            at = line.start()
            yield finding(at + word.start(), at + end, "PERSON", 0.5, "people")
