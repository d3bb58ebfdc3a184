"""Names that only the words around them tell: "a band called lost bubble", "at tharnby college".

They are written like everyday words, so neither a dictionary nor a capital letter shows them.

    >>> text = "i play in a band called lost bubble, dm me @quiet_tuba"
    >>> [text[start:end] for start, end in sorted(named_by_words_around(text))]
    ['lost bubble', '@quiet_tuba']
"""

import re
from collections.abc import Iterator

from langchain_privacy.values.fold import lowered
from langchain_privacy.words import load

Span = tuple[int, int]


def _any_of(name: str) -> str:
    return "|".join(sorted(map(re.escape, load(name)), key=len, reverse=True))


_STOP = (
    r"(?=[.,;:!?()\n]|\Z| (?:that|which|who|and|is|was|has|in|at|for|on|from|to|with|where|as)\b)"
)
_CALLED = re.compile(
    rf"\b(?:{_any_of('named_things')})s? (?:called|named) (?P<name>(?:[a-z'-]+ ?){{1,4}}?){_STOP}"
)
_KINDS = (
    *("university", "college", "hospital", "clinic", "academy", "institute", "bank", "school"),
    *("hotel", "bakery", "pharmacy", "restaurant", "inc", "ltd", "llc", "corp"),
)
_INSTITUTION = re.compile(
    rf"\b(?:at|from|for|of|by|to|near|in|with|via|about|against|join|joined) "
    rf"(?P<name>(?!(?:{_any_of('english_function')}|{_any_of('kinds_of_institution')})\b)"
    rf"[a-z]{{2,}}(?: [a-z]{{2,}}){{0,2}} "
    rf"(?:{'|'.join(_KINDS)}))\b"
)
_HANDLE = re.compile(
    r"(?<![\w.@/])@[^\W_](?:[\w.]*\w)?(?![\w@]|\.\w+[/(])"
    # a line of a chat
    r"|^(?=\w*[._\d])[^\W_][\w.]*(?=: )"
    r"|\b(?:stream as|username|user name|log ?in as|play as|handle is|called|known as|tester:) "
    r"(?P<name>(?=\w*[._\d])[^\W_][\w.]*\w)",
    re.MULTILINE,
)
# Initials, but not U.S. or p.m.
_INITIALS = re.compile(
    r"(?<![^\W_])(?!(?:U\.[SK]|D\.C|[AP]\.M|[AB]\.[DC]|E\.[GU]|I\.E|R\.I\.P)\.)[A-Z]\.(?:\s?[A-Z]\.)+"
    r"|\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Sir|Madam|Herr|Frau)\.? (?P<name>[A-Z])\b(?!['’])"
)
# A month that an event is tied to ("may" and "march" are words as well), a holiday, and a day of
# the week that is no part of a plan: "every Friday", "Monday to Friday".
_CALENDAR = re.compile(
    r"\b(?i:in|since|until|till|last|next|from|by|this|the|on|of|to|around|at) "
    r"(?P<name>(?:[Jj]an(?:uary)?|[Ff]eb(?:ruary)?|Mar(?:ch)?|[Aa]pr(?:il)?|May|[Jj]une?|[Jj]uly?"
    r"|[Aa]ug(?:ust)?|[Ss]ept?(?:ember)?|[Oo]ct(?:ober)?|[Nn]ov(?:ember)?|[Dd]ec(?:ember)?"
    r"|Easter|Christmas|Ramadan|Eid|Diwali|Thanksgiving|Hanukkah|Passover|Pentecost))(?![\w'’-])"
)
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_DAY_OF_A_WEEK = re.compile(
    rf"\b(?<!every )(?<!each )(?<!any )(?<!to )(?<!through )(?<![-–])(?P<name>{_WEEKDAY})"
    rf"(?![\w'’])(?! ?(?:to|through|until|till|and|or|[-–])[ -]?{_WEEKDAY})"
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
_LIVES = re.compile(
    r"\b(?:i'?m|i am|he'?s|she'?s|we'?re|they'?re|originally|come|comes|came|\d{1,3},"
    r"|(?:live|lives|lived|living|based|born|grew up|moved)(?: here)?) (?:from|in|to) "
    rf"(?P<name>(?!(?:{_any_of('english_function')}|{_HERE})\b)[a-z]{{3,}}(?: [a-z]{{3,}})?)"
    r"(?=[,.;:!?)\n]|\Z| (?:and|but|with|now|since|so|rn)\b)"
)
_WORKS = re.compile(
    r"\b(?:(?:work|works|worked|working|job|shift|shifts|intern|employed|tech|nurse|cashier|barista|manager|study"
    r"|studying|studied) (?:[a-z]+ ){0,4}?at|on (?:the|my) way to) "
    rf"(?P<name>(?:the |our |st )?(?!(?:{_HERE}|my|his|her|their|this|that|minimum|least|most)\b)"
    r"[a-z][a-z'’]{2,}(?: [a-z'’]{2,}){0,4}?)"
    r"(?=[,.;:!?)\n]|\Z| (?:and|but|with|as|since|so|where|for|in|on)\b)"
)
# "Left at the Lights": a title in quotation marks, whatever its words.
_QUOTED = re.compile(
    r"[\"“](?P<name>[A-Z][\w'’-]*"
    r"(?: (?:[A-Z][\w'’-]*|of|the|a|an|in|at|on|and|to|for|&)){0,6} [A-Z][\w'’-]*)[\"”]"
)
# What somebody is by origin or faith.
_PEOPLES = "|".join(sorted(load("public_peoples"), key=len, reverse=True))
_ORIGIN = re.compile(
    rf"\b(?:i am|i'?m|i was|he is|he'?s|she is|she'?s|he was|she was|they are|we are|who is|who's)"
    rf" (?:an? |half |originally |born |a practi[sc]ing |a devout )*(?P<name>{_PEOPLES})\b"
    rf"|\b(?:my|his|her) (?P<whose>{_PEOPLES})"
    r" (?:husband|wife|mother|father|parents|family|partner|roots)\b"
)


def named_by_words_around(text: str) -> Iterator[Span]:
    """Yield the spans of names in lower case, of handles and of initials, in no order."""
    lower = lowered(text)
    patterns = [_HANDLE, _INITIALS, _CALENDAR, _QUOTED, _LIVES, _WORKS]
    for match in _ORIGIN.finditer(lower):
        yield match.span(match.lastgroup or 0)
    for match in _DAY_OF_A_WEEK.finditer(lower) if "day" in lower else ():
        yield match.span("name")
    if "요일" in text or "주" in text:
        patterns.append(_KOREAN_DAY)
    if any(kind in lower for kind in _KINDS):  # much cheaper than the pattern
        for match in _INSTITUTION.finditer(lower):
            yield match.span("name")
    if " called " in text or " named " in text:
        yield from called_in_small(text)
    for pattern in patterns:
        for match in pattern.finditer(text):
            start, end = match.span("name" if match["name"] else 0)
            yield start, end - (text[end - 1] == " ")


def called_in_small(text: str) -> Iterator[Span]:
    """Yield the names in lower case behind a kind of thing: "a band called lost bubble"."""
    for match in _CALLED.finditer(text):
        start, end = match.span("name")
        yield start, end - (text[end - 1] == " ")
