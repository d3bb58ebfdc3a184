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

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_MOST_TEXTS = 4096


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

    def __getstate__(self) -> list[str]:
        return list(self._texts)

    def __setstate__(self, texts: list[str]) -> None:
        self.__init__(texts)  # type: ignore[misc]

    def declare(self, *texts: str) -> None:
        """Make texts public. What was declared before costs nothing.

        Raises:
            TypeError: One of them is no text.
        """
        new = [text for text in dict.fromkeys(texts) if text and text not in self._texts]
        if not new:
            return
        words = {word for text in new for word in _WORD.findall(text)}
        with self._lock:
            self._texts |= dict.fromkeys(new)
            self.words = self.words | words | {word.lower() for word in words}

    def declare_schema(self, *schemas: type[BaseModel] | Mapping[str, Any]) -> None:
        """Make public what schemas of tools and answers say: names, descriptions, choices."""
        for schema in schemas:
            plain = schema if isinstance(schema, Mapping) else schema.model_json_schema()
            self.declare(json.dumps(plain, ensure_ascii=False, default=str))

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
        before, after = text[at - 1 : at] if at else "", text[at + len(value) : at + len(value) + 1]
        if not (before.isalnum() or after.isalnum()):
            return True
        at = text.find(value, at + 1)
    return False
