r"""People in scripts without capital letters, by what stands before their name.

A title or what says a name announces one in Arabic, Persian, Urdu, Hebrew, Hindi and other
languages of India (`words/announced_without_capitals.txt`); nothing else tells a name from a word
there. Chinese, Japanese and Korean have files of their own.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "رسالة إلى الدكتورة هالة المنصوري في بغداد. मेरा नाम कविता बरूआ है।"
    >>> found = find_people_without_capitals(fold(text))
    >>> [text[f.start : f.end] for f in found]
    ['هالة المنصوري', 'कविता बरूआ']
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import NOT_ASCII, FoldedText
from langchain_privacy.detection.rules import announced_by, finding
from langchain_privacy.words import load_by_kind
from langchain_privacy.words.signs import SIGNS

_HERE = re.compile(r"[\u0590-\u06ff\u0900-\u0c7f]")
_KIND_OF = load_by_kind("announced_without_capitals")
_CUES = sorted(
    (word for word, kind in _KIND_OF.items() if kind in ("TITLE", "SAYS")), key=len, reverse=True
)
_LETTER = rf"(?:[^\W\d_]|[{SIGNS}])"
_CUE = re.compile(
    rf"(?<![\w{SIGNS}\"'])[ولبفكה]?(?P<cue>{'|'.join(map(re.escape, _CUES))})[.:]?"
    rf"[ ](?P<words>{_LETTER}+(?:[ ]{_LETTER}+){{0,2}})"
)
_MOST_WORDS, _FEWEST_LETTERS = 2, 2


@announced_by(NOT_ASCII)
def find_people_without_capitals(text: FoldedText) -> Iterator[Finding]:
    """Find them; texts without these scripts cost nothing."""
    if text.text.isascii() or not _HERE.search(text.text):
        return
    for match in _CUE.finditer(text.text):
        start = end = match.start("words")
        for word in match["words"].split(" ")[:_MOST_WORDS]:
            if _KIND_OF.get(word) is not None or len(word) < _FEWEST_LETTERS:
                break
            end += len(word) + (end > start)
        if end > start:
            yield finding(start, end, "PERSON", 0.6, "without_capitals")
