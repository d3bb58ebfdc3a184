"""Names that only the words around them tell: "a band called lost bubble", "at tharnby college".

They are written like everyday words, so neither a dictionary nor a capital letter shows them.

    >>> text = "i play in a band called lost bubble, dm me @quiet_tuba"
    >>> [text[start:end] for start, end in sorted(named_by_words_around(text))]
    ['lost bubble', '@quiet_tuba']
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.anchors import Anchored, Words, words_of
from langchain_privacy.detection.dates import HOLIDAYS, MONTHS, WEEKDAYS
from langchain_privacy.detection.vocabulary.lexicon import is_public
from langchain_privacy.words import load

Span = tuple[int, int]


def _any_of(name: str) -> str:
    return "|".join(sorted(map(re.escape, load(name)), key=len, reverse=True))


_STOP = (
    r"(?=[.,;:!?()\n]|\Z| (?:that|which|who|and|is|was|has|in|at|for|on|from|to|with|where|as)\b)"
)
_CALLED = Anchored(
    rf"\b(?:{_any_of('named_things')})s? (?:called|named) (?P<name>(?:[a-z'-]+ ?){{1,4}}?){_STOP}",
    [thing.partition("-")[0] + plural for thing in load("named_things") for plural in ("", "s")],
    needs=["called", "named"],
)
# Whatever is "named" so, but for names of programs: "a greyhound named sputnik".
_OF_PROGRAMS = (
    *("file", "folder", "table", "view", "index", "column", "field", "type", "class"),
    *("function", "method", "variable", "parameter", "argument", "branch", "module"),
)
_NAMED = Anchored(
    rf"\b{''.join(f'(?<!{thing} )' for thing in _OF_PROGRAMS)}"
    rf"named (?P<name>(?!(?:{_any_of('english_function')}|entity|entities|best|one)\b)"
    rf"(?:[a-z'-]+ ?){{1,3}}?){_STOP}",
    ["named"],
)
_KINDS = (
    *("university", "college", "hospital", "clinic", "academy", "institute", "bank", "school"),
    *("hotel", "bakery", "pharmacy", "restaurant", "inc", "ltd", "llc", "corp"),
)
_INSTITUTION = Anchored(
    rf"\b(?:at|from|for|of|by|to|near|in|with|via|about|against|join|joined) "
    rf"(?P<name>(?!(?:{_any_of('english_function')}|{_any_of('kinds_of_institution')})\b)"
    rf"[a-z]{{2,}}(?: [a-z]{{2,}}){{0,2}} "
    rf"(?:{'|'.join(_KINDS)}))\b",
    ["at", "from", "for", "of", "by", "to", "near", "in", "with", "via", "about", "against",
     "join", "joined"],
    needs=_KINDS,
    in_lower=True,
)  # fmt: skip
_HANDLE = re.compile(r"(?<![\w.@/])@[^\W_](?:[\w.]*\w)?(?![\w@]|\.\w+[/(])")
# A line of a chat.
_SPEAKER = re.compile(r"^(?=\w*[._\d])[^\W_][\w.]*(?=: )", re.MULTILINE)
_KNOWN_AS = Anchored(
    r"\b(?:stream as|username|user name|log ?in as|play as|handle is|called|known as|tester:) "
    r"(?P<name>(?=\w*[._\d])[^\W_][\w.]*\w)",
    ["stream", "username", "user", "log", "login", "play", "handle", "called", "known", "tester"],
)
# Initials, but not U.S. or p.m.
_INITIALS = re.compile(
    # One class first: the engine looks for nothing else.
    r"[A-Z](?<![^\W_].)(?<!U(?=\.[SK]\.))(?<!D(?=\.C\.))(?<![AP](?=\.M\.))(?<![AB](?=\.[DC]\.))"
    r"(?<!E(?=\.[GU]\.))(?<!I(?=\.E\.))(?<!R(?=\.I\.P\.))\.(?:\s?[A-Z]\.)+"
)
_LATER_INITIAL = re.compile(r"\.\s?[A-Z]\.")  # in a text without one are no initials
_TITLED_INITIAL = Anchored(
    r"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Sir|Madam|Herr|Frau)\.? (?P<name>[A-Z])\b(?!['’])",
    ["mr", "mrs", "ms", "miss", "dr", "prof", "sir", "madam", "herr", "frau"],
)
# A month that an event is tied to ("may" and "march" are words as well), a holiday, and a day of
# the week that is no part of a plan: "every Friday", "Monday to Friday".
_OF_A_CALENDAR = MONTHS.union(HOLIDAYS)
_CALENDAR = Anchored(
    r"\b(?i:in|since|until|till|last|next|from|by|this|the|on|of|to|around|at) "
    r"(?P<name>(?:[Jj]an(?:uary)?|[Ff]eb(?:ruary)?|Mar(?:ch)?|[Aa]pr(?:il)?|May|[Jj]une?|[Jj]uly?"
    r"|[Aa]ug(?:ust)?|[Ss]ept?(?:ember)?|[Oo]ct(?:ober)?|[Nn]ov(?:ember)?|[Dd]ec(?:ember)?"
    rf"|{'|'.join(map(str.title, HOLIDAYS))}))(?![\w'’-])",
    ["in", "since", "until", "till", "last", "next", "from", "by", "this", "the", "on", "of", "to",
     "around", "at"],
    needs=_OF_A_CALENDAR,
    then=_OF_A_CALENDAR,
)  # fmt: skip
_WEEKDAY = rf"(?:{'|'.join(WEEKDAYS)})"
_DAY_OF_A_WEEK = Anchored(
    rf"\b(?<!every )(?<!each )(?<!any )(?<!to )(?<!through )(?<![-–])(?P<name>{_WEEKDAY})"
    rf"(?![\w'’])(?! ?(?:to|through|until|till|and|or|[-–])[ -]?{_WEEKDAY})",
    WEEKDAYS,
    in_lower=True,
)
# The same in Korean, but 매주 월요일 and 월요일마다.
_KOREAN_DAY = re.compile(
    r"(?P<name>(?:지난|이번|다음|저번)\s?주(?:\s?[월화수목금토일]요일)?"
    r"|(?<![가-힣])(?<!매주 )[월화수목금토일]요일(?=까지|부터|에\b|날))"
)
# Where somebody lives, comes from or works, in small letters: "im from baton rouge", "work at ...".
_HERE = (
    r"(?:home|work|scratch|there|here|abroad|town|bed|school|uni|university|a|an|all|least|night"
    r"|once)"
)
_LIVES = Anchored(
    r"\b(?:i'?m|i am|he'?s|she'?s|we'?re|they'?re|originally|come|comes|came|\d{1,3},"
    r"|(?:live|lives|lived|living|based|born|grew up|moved)(?: here)?) (?:from|in|to) "
    rf"(?P<name>(?!(?:{_any_of('english_function')}|{_HERE})\b)[a-z]{{3,}}(?: [a-z]{{3,}})?)"
    r"(?=[,.;:!?)\n]|\Z| (?:and|but|with|now|since|so|rn)\b)",
    ["i", "im", "he", "hes", "she", "shes", "we", "were", "they", "theyre", "originally", "come",
     "comes", "came", "live", "lives", "lived", "living", "based", "born", "grew", "moved"],
    needs=["from", "in", "to"],
    then=["m", "am", "s", "re", "up", "here", "from", "in", "to"],
    numbers=True,
)  # fmt: skip
WORKS = Anchored(
    r"\b(?:(?:work|works|worked|working|job|shift|shifts|intern|employed|tech|nurse|cashier|barista|manager|study"
    r"|studying|studied) (?:[a-z]+ ){0,4}?at|on (?:the|my) way to) "
    rf"(?P<name>(?:the |our |st )?(?!(?:{_HERE}|my|his|her|their|this|that|minimum|least|most)\b)"
    r"[a-z][a-z'’]{2,}(?: [a-z'’]{2,}){0,4}?)"
    r"(?=[,.;:!?)\n]|\Z| (?:and|but|with|as|since|so|where|because|if|for|in|on|from"
    r"|is|was|were|are|has|had|will|ended|starts?|started|sucks?|today|tonight|yesterday|tomorrow"
    r"|until|till|when)\b)",
    ["work", "works", "worked", "working", "job", "shift", "shifts", "intern", "employed", "tech",
     "nurse", "cashier", "barista", "manager", "study", "studied", "studying", "on"],
    needs=["at", "way"],
)  # fmt: skip
# "Left at the Lights": a title in quotation marks, whatever its words.
_QUOTED = re.compile(
    r"[\"“](?P<name>[A-Z][\w'’-]*"
    r"(?: (?:[A-Z][\w'’-]*|of|the|a|an|in|at|on|and|to|for|&)){0,6} [A-Z][\w'’-]*)[\"”]"
)
# What somebody is by origin or faith.
_PEOPLES = "|".join(sorted(load("public_peoples"), key=len, reverse=True))
_PEOPLES_BEGIN = [people.partition("-")[0] for people in load("public_peoples")]
_ORIGIN = Anchored(
    rf"\b(?:i am|i'?m|i was|he is|he'?s|she is|she'?s|he was|she was|they are|we are|who is|who's)"
    rf" (?:an? |half |originally |born |a practi[sc]ing |a devout )*(?P<name>{_PEOPLES})\b"
    rf"|\b(?:my|his|her) (?P<whose>{_PEOPLES})"
    r" (?:husband|wife|mother|father|parents|family|partner|roots)\b",
    ["i", "im", "he", "hes", "she", "shes", "they", "we", "who", "my", "his", "her"],
    needs=_PEOPLES_BEGIN,
    then=[
        *_PEOPLES_BEGIN,
        "am",
        "m",
        "was",
        "is",
        "s",
        "are",
        "a",
        "an",
        "half",
        "originally",
        "born",
    ],
    in_lower=True,
)

# What somebody does for a living, told with a word before it: "I am a bagpipe teacher", "Joy, 29,
# dental hygienist from Kitwe", "my new job as harbour pilot". "A teacher" alone is nobody.
_TRADE = (
    r"(?:[a-z]{2,}(?:er|or|ist|ian|eer|man|woman)(?<!ever)(?<!ther)(?<!umber)|nurse|pilot|clerk|cook"
    r"|chef|guard|guide|maid|nanny|coach|judge|monk|nun|priest|imam|smith|accountant|assistant"
    r"|attendant|consultant|agent|apprentice|intern|lecturer|professor|vet|dean|principal"
    r"|architect|mechanic|paramedic|analyst|secretary|surgeon|trainee|representative)"
)
_FURTHER_THAN = (
    *("older", "younger", "better", "bigger", "smaller", "later", "longer", "shorter", "taller"),
    *("stronger", "weaker", "closer", "lower", "higher", "harder", "easier", "faster", "over"),
    *("under", "after", "together", "rather", "computer", "paper", "letter", "matter", "order"),
    *("error", "water", "weather", "winter", "summer", "dinner", "power", "answer", "floor"),
    *("door", "color", "favor", "minor", "major", "human", "cancer", "fever", "sister", "brother"),
    # what somebody is without living from it
    *("customer", "user", "member", "lover", "speaker", "buyer", "beginner", "believer", "owner"),
    *("listener", "learner", "player", "smoker", "supporter", "survivor", "winner", "loser"),
    *("stranger", "foreigner", "teenager", "thinker", "follower", "voter", "reader", "visitor"),
)
# Of whom it is said what kind of one somebody is: "a good cook", "a hard worker".
_HOW_GOOD = (
    *("good", "great", "best", "bad", "better", "hard", "big", "real", "true", "nice", "fast"),
    *("slow", "quick", "happy", "proud", "lucky", "only", "first", "native", "excellent", "decent"),
    *("terrible", "perfect", "talented", "experienced", "typical", "average", "certain"),
)
_A_WORD = (
    rf"(?!(?:{_any_of('english_function')}|{'|'.join(_HOW_GOOD)}|more|less|getting|becoming)\b)"
    r"[a-z-]{2,}"
)
_OCCUPATION = (
    rf" (?P<name>(?:{_A_WORD} ){{1,2}}(?!(?:{'|'.join(_FURTHER_THAN)})\b){_TRADE})"
    r"(?=[.,;:!?)\n]|\Z| (?:from|in|at|for|with|and|of|to|by|on|who|since|but|based|near|here|there"
    r"|as|now|until|when|because|where|starts?|started)\b)"
)
_DOES = Anchored(
    r"\b(?:(?:i am|i'?m|i was|i have been|i'?ve been|he is|he'?s|he was|she is|she'?s|she was"
    rf"|who is|who was|(?:my|his|her|our|their) (?:{_any_of('close_roles')}) (?:is|was))(?: an?)?"
    r"|(?:works?|worked|working|job|employed|hired|trained|career|position|role|retired) as"
    r"(?: an?| the)?"
    r"|appl(?:y|ied|ying) for(?: (?:the|a) (?:post|job|position|role) (?:of|as))?(?: an?)?)"
    + _OCCUPATION,
    ["i", "im", "ive", "he", "hes", "she", "shes", "who", "my", "his", "her", "our", "their",
     "work", "works", "worked", "working", "job", "employed", "hired", "trained", "career",
     "position", "role", "retired", "apply", "applied", "applying"],
    in_lower=True,
)  # fmt: skip
_DOES_AT_AN_AGE = Anchored(r"(?<!\d)\d{1,2},(?: an?)?" + _OCCUPATION, numbers=True, in_lower=True)
# What stands behind "at" and is no place of work: "at the same time".
_NO_PLACE = frozenset(
    ("your", "same", "end", "start", "beginning", "top", "bottom", "front", "back", "side", "time",
     "moment", "weekend", "weekends", "night", "nights", "age", "rate", "price", "request", "day",
     "level", "risk", "different", "various", "several", "one", "two", "both", "other", "another",
     "any", "some", "local", "least", "very", "last", "first", "once", "about", "around")
)  # fmt: skip


_BEHIND_WORDS = (_CALLED, _NAMED, _ORIGIN, _DAY_OF_A_WEEK, _INSTITUTION, _TITLED_INITIAL, _CALENDAR,
                 _LIVES, WORKS, _KNOWN_AS)  # fmt: skip
_SIGNS = frozenset().union(*(anchored.signs for anchored in _BEHIND_WORDS))


def named_by_words_around(text: str) -> list[Span]:
    """Return the spans of names in lower case, of handles and of initials, in no order."""
    words = words_of(text)
    signs = words.known & _SIGNS
    found = [
        match
        for anchored in _BEHIND_WORDS
        if not anchored.signs.isdisjoint(signs)
        for match in anchored.find(words)
    ]
    found += _occupied(words)
    if _LATER_INITIAL.search(text):
        found += _INITIALS.finditer(text)
    if "@" in text:
        found += _HANDLE.finditer(text)
    if ": " in text:
        found += _SPEAKER.finditer(text)
    if '"' in text or "“" in text:
        found += _QUOTED.finditer(text)
    if not text.isascii() and ("요일" in text or "주" in text):
        found += _KOREAN_DAY.finditer(text)
    return [_span_of_name(match) for match in found]


def occupations(text: str) -> Iterator[Span]:
    """Yield what somebody does for a living: "I am a bagpipe teacher", "Joy, 29, tax inspector"."""
    return map(_span_of_name, _occupied(words_of(text)))


def _occupied(words: Words) -> Iterator[re.Match[str]]:
    yield from _DOES.find(words)
    if words.numbers:
        yield from _DOES_AT_AN_AGE.find(words)


def workplaces_in_small(text: str) -> Iterator[Span]:
    """Yield where somebody works or learns, in lower case: "my shift at pizza planet ended late".

    By one everyday word ("at the office"), by its kind or by when it is ("at the same time")
    nobody is told.
    """
    kinds = load("organisation_words") | load("kinds_of_institution") | load("units")
    for match in WORKS.find(words_of(text)):
        words = match["name"].split()
        words = words[1:] if words[0] in ("the", "our") else words
        if not words or words[0] in _NO_PLACE or words[-1] in kinds:
            continue
        if len(words) > 1 or not is_public(words[0]):
            yield _span_of_name(match)


def called_in_small(text: str) -> Iterator[Span]:
    """Yield the names in lower case behind a kind of thing: "a band called lost bubble"."""
    return map(_span_of_name, _CALLED.find(words_of(text)))


def _span_of_name(match: re.Match[str]) -> Span:
    start, end = match.span(match.lastgroup or 0)
    return start, end - (match.string[end - 1] == " ")
