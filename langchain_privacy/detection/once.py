"""Work on a text that is needed again, done once.

Folding a text, cutting it into morphemes, looking for its numbers: the rules, the models and strict
mode all ask for it. Whatever is marked with `once` remembers its answers within `one_reading`, and
nothing is kept afterwards. What is costly and comes again with the next text (a sentence of a
conversation, a clause of a contract) is `remembered` beyond it: by a keyed digest of the sentence,
so that no word of a text stays in memory.

    >>> @once
    ... def words(text):
    ...     print("cut")
    ...     return text.split()
    >>> with one_reading():
    ...     words("two words") is words("two words")
    cut
    True
"""

import inspect
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextvars import ContextVar
from functools import update_wrapper, wraps
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from langchain_privacy.scopes import scope

Given = TypeVar("Given", bound=Hashable)
Answer = TypeVar("Answer")

_READ: ContextVar[dict[Any, Any] | None] = ContextVar("texts_read", default=None)


def one_reading() -> scope[dict[Any, Any] | None]:
    """Let all who ask the same of the same text within share the answer."""
    return scope(_READ, {})


def once_all(function: Callable[[Given], Iterable[Answer]]) -> Callable[[Given], Sequence[Answer]]:
    """Let a function of one text remember all that it yields, as `once` does."""
    return once(wraps(function)(lambda given: tuple(function(given))))


def once(function: Callable[[Given], Answer]) -> Callable[[Given], Answer]:
    """Let a function of one text remember its answers within `one_reading`; nobody changes them."""

    @wraps(function)
    def remembered(given: Given) -> Answer:
        read = _READ.get()
        if read is None:
            return function(given)
        key = (function, given)
        if key not in read:
            read[key] = function(given)
        answer: Answer = read[key]
        return answer

    return remembered


def answer_ahead(
    function: Callable[[Given], Answer],
    given: Iterable[Given],
    all_of: Callable[[Sequence[Given]], Iterable[Answer]],
) -> None:
    """Let a function that is marked with `once` have its answers before it is asked.

    Args:
        function: What is asked later, within this reading; outside of one nothing happens.
        given: What it will be asked about.
        all_of: Answers several at once, cheaper than one by one.
    """
    read = _READ.get()
    if read is not None:
        asked = inspect.unwrap(function)
        new = [each for each in dict.fromkeys(given) if (asked, each) not in read]
        for each, answer in zip(new, all_of(new), strict=True):
            read[asked, each] = answer


class Remembered(Generic[Answer]):
    """A function of a sentence that remembers its last answers, for all threads of the process."""

    def __init__(self, function: Callable[[str], Answer], most: int) -> None:
        """Take the function and how many answers are kept."""
        update_wrapper(self, function)
        self._function = function
        self._most = most
        self._key = os.urandom(16)
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Answer] = OrderedDict()

    def __call__(self, sentence: str) -> Answer:
        """Answer, from memory where the sentence was there before."""
        digest = self._digest(sentence)
        kept = self._kept
        with self._lock:
            if digest in kept:
                kept.move_to_end(digest)
                return kept[digest]
        answer = self._function(sentence)
        with self._lock:
            kept[digest] = answer
            if len(kept) > self._most:
                kept.popitem(last=False)
        return answer

    def knows(self, sentence: str) -> bool:
        """Say whether a sentence was there before and its answer is still kept."""
        return self._digest(sentence) in self._kept

    def _digest(self, sentence: str) -> bytes:
        data = sentence.encode("utf-8", "surrogatepass")
        return blake2b(data, digest_size=16, key=self._key).digest()


def remembered(most: int) -> Callable[[Callable[[str], Answer]], Remembered[Answer]]:
    """Let a function of a sentence remember its last answers, for all threads of the process.

    Args:
        most: How many are kept. The answer must hold none of the sentence: offsets and kinds only.
    """
    return lambda function: Remembered(function, most)
