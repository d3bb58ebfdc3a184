"""Names that only the words around them tell: "a band called lost bubble", "at tharnby college".

They are written like everyday words, so neither a dictionary nor a capital letter shows them.

    >>> text = "i play in a band called lost bubble, dm me @quiet_tuba"
    >>> [text[start:end] for start, end in sorted(named_by_words_around(text))]
    ['lost bubble', '@quiet_tuba']
"""

import re
from collections.abc import Iterator

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
    rf"\b(?:at|from|for|of|by|to|near|in|with|via|join|joined) "
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


def named_by_words_around(text: str) -> Iterator[Span]:
    """Yield the spans of names in lower case, of handles and of initials, in no order."""
    patterns = [_HANDLE, _INITIALS]
    if " called " in text or " named " in text:
        patterns.append(_CALLED)
    if any(kind in text for kind in _KINDS):  # much cheaper than the pattern
        patterns.append(_INSTITUTION)
    for pattern in patterns:
        for match in pattern.finditer(text):
            start, end = match.span("name" if match["name"] else 0)
            yield start, end - (text[end - 1] == " ")
