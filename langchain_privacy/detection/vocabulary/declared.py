"""What an application declares public: what it wrote itself.

System prompts, templates, descriptions of tools and schemas hold no private value because a
programmer wrote them before any user came. `Masker` keeps one `PublicWords`; the middleware and the
Minion and SQL prompts declare their own texts in it.

    >>> public = PublicWords(["You help the customers of Larkfield Motors.", "Zephyrium"])
    >>> "larkfield" in public.words, public.holds("Larkfield Motors"), public.holds("Motors")
    (True, True, True)
"""

import json
import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from langchain_privacy.words import load
from langchain_privacy.words.korean import ends_a_korean_word, is_hangul
from langchain_privacy.words.signs import SIGNS, is_letter

KINDS: dict[str, str] = {
    "small": "whole numbers of one or two digits: 7, 42",
    "ordinal": "1st, 22nd",
    "percent": "5 %, 99.5%",
    "decimal": "a decimal fraction with at most two digits before the point: 3.14, 0.05",
    "round": "one digit and noughts, with marks, k or M: 500, 10,000, 20k",
    "time": "times of the day: 10:30, 5 pm",
    "quantity": "a small or round number before a unit or a counted thing: 350 words, 20 mg",
    "version": "numbers of versions: v2, 3.11, 1.2.0",
    "code": "a letter and at most two digits, a public word and at most three: B12, utf8",
    "decade": "ten years together: the 1990s, the 80s",
    "year": "1900 to 2099 that stands alone: 2021",
}
"""Kinds of public numbers, and what they are."""

PUBLIC_NUMBERS = frozenset(KINDS) - {"year"}
"""What is public unless the builder says otherwise."""

_WORD = re.compile(rf"(?:[^\W_]|[{SIGNS}])+(?:['’][^\W_]+)?")


class PublicWords:
    """Texts and words that an application wrote itself.

    A word of a declared text is public wherever it stands. A value that detectors find is public
    when it stands in a declared text as it is written. What `MaskingPolicy.private` names is
    private all the same.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Declare the first texts."""
        self.words: frozenset[str] = frozenset()
        self._texts: dict[str, None] = {}
        self._lock = threading.Lock()
        self.declare(*texts)

    def __repr__(self) -> str:
        return f"<PublicWords of {len(self._texts)} texts>"

    def __len__(self) -> int:
        return len(self._texts)

    def __getstate__(self) -> dict[str, Any]:
        return {"words": self.words, "_texts": self._texts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def declare(self, *texts: str) -> None:
        """Make texts public. What was declared before costs nothing.

        Raises:
            TypeError: One of them is no text.
        """
        new = [text for text in dict.fromkeys(texts) if text and text not in self._texts]
        self.learn(*new)
        if new:
            with self._lock:
                self._texts = self._texts | dict.fromkeys(new)  # anew: others may look through it

    def learn(self, *texts: str | type[BaseModel] | Mapping[str, Any]) -> None:
        """Make the words of prompts and schemas public in strict mode, and nothing more.

        Prompts, and the names, descriptions and choices in schemas of tools and answers, teach
        words. What detectors find in them is private all the same: a default may be an address.
        """
        for text in texts:
            if not isinstance(text, str):
                plain = text if isinstance(text, Mapping) else text.model_json_schema()
                text = json.dumps(plain, ensure_ascii=False, default=str)
            words = set(_WORD.findall(text))
            if not words <= self.words:
                with self._lock:
                    self.words = self.words | words | {word.lower() for word in words}

    def holds(self, value: str) -> bool:
        """Say whether a value stands in a declared text, as it is written, as whole words.

        Small words around it ("Call Larkfield Motors") do not count.
        """
        words = [m for m in _WORD.finditer(value) if m[0].lower() not in load("english_function")]
        value = value[words[0].start() : words[-1].end()] if words else value.strip()
        return bool(value) and any(_stands_in(text, value) for text in self._texts)


def _stands_in(text: str, value: str) -> bool:
    at = text.find(value)
    while at >= 0:
        end = at + len(value)
        begins = at == 0 or not is_letter(text[at - 1])
        # after a Korean word a particle may follow: 문자열은
        ends = not is_letter(text[end : end + 1]) or (
            is_hangul(value[-1]) and ends_a_korean_word(text, end)
        )
        if begins and ends:
            return True
        at = text.find(value, at + 1)
    return False
