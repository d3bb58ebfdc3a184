r"""Names of machines in a network, and house numbers that only the words around tell.

A host names a firm ("db-02.marlowedental.example"); so does the folder of an image in a registry.
`defaults` puts the rules into a detector.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "psql: no route to host db.umhlanga.example"
    >>> [text[f.start : f.end] for f in find_hosts(fold(text))]
    ['db.umhlanga.example']
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.anchors import Anchored
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.rules import announced_by, span
from langchain_privacy.words import load

# The last label: generic top-level domains that code and files do not end in, and names that are
# reserved for private networks (RFC 2606, RFC 6762, RFC 8375).
_TOP_WORDS = (
    *("com", "net", "org", "edu", "gov", "co", "example", "internal", "intranet", "intra", "local"),
    *("lan", "corp", "home"),
)
_MORE = {"co": r"co\.[a-z]{2}", "home": r"home\.arpa"}
_TOP = rf"(?:{'|'.join(_MORE.get(word, word) for word in _TOP_WORDS)})"
_HOST = re.compile(
    rf"(?<![\w.@/:-])(?:[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?\.){{1,6}}{_TOP}"
    r"(?P<path>(?:/[\w.-]*\w)+)?(?![\w(@-]|\.\w)"
)
# What begins with a sign of its own is searched many times faster.
_SOME_HOST = re.compile(rf"\.{_TOP}")
_PUBLIC = load("public_it") | load("public_proper") | {"example", "localhost"}


@announced_by(*_TOP_WORDS)
def find_hosts(text: FoldedText) -> Iterator[Finding]:
    """Find names of hosts with a subdomain, but those of services that everybody knows."""
    if not _SOME_HOST.search(text.text):
        return
    for match in _HOST.finditer(text.text):
        labels = match[0].partition("/")[0].split(".")
        if len(labels) > 2 and _PUBLIC.isdisjoint(labels[:-1]):
            yield span(match, "URL", 0.6, "host")


# "my neighbour at number 31", "we live at 12"
_HOUSE_NUMBER = Anchored(
    r"\b(?:liv(?:e|es|ing|ed)|neighbou?rs?|house|home|door)(?: [a-z']+){0,2}"
    r" (?:at|number|no\.)(?: (?:number|no\.?))? (?P<number>(?!(?:19|20)\d\d)\d{1,4}[a-z]?)"
    r"(?=[,;!?\n]|\.(?!\d)|\s*\Z| (?:and|but|who|has|is|plays|keeps|with)\b)",
    ["live", "lives", "living", "lived", "neighbour", "neighbours", "neighbor", "neighbors",
     "house", "home", "door"],
    needs=["at", "number", "no"],
)  # fmt: skip


@announced_by(_HOUSE_NUMBER)
def find_house_numbers(text: FoldedText) -> Iterator[Finding]:
    """Find the numbers of houses that people live in, without their street."""
    for match in _HOUSE_NUMBER.find(text.said):
        yield span(match, "ADDRESS", 0.5, "house_number", "number")
