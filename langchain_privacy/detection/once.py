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

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from hashlib import blake2b
from typing import Any, TypeVar

from langchain_privacy.scopes import scope

Given = TypeVar("Given", bound=Hashable)
Answer = TypeVar("Answer")

_READ: ContextVar[dict[Any, Any] | None] = ContextVar("texts_read", default=None)


@contextmanager
def one_reading() -> Iterator[None]:
    """Let all who ask the same of the same text within share the answer."""
    with scope(_READ, {}):
        yield


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


def remembered(most: int) -> Callable[[Callable[[str], Answer]], Callable[[str], Answer]]:
    """Let a function of a sentence remember its last answers, for all threads of the process.

    Args:
        most: How many are kept. The answer must hold none of the sentence: offsets and kinds only.
    """

    def decorate(function: Callable[[str], Answer]) -> Callable[[str], Answer]:
        key = os.urandom(16)
        lock = threading.Lock()
        kept: OrderedDict[bytes, Answer] = OrderedDict()

        @wraps(function)
        def asked(sentence: str) -> Answer:
            data = sentence.encode("utf-8", "surrogatepass")
            digest = blake2b(data, digest_size=16, key=key).digest()
            with lock:
                if digest in kept:
                    kept.move_to_end(digest)
                    return kept[digest]
            answer = function(sentence)
            with lock:
                kept[digest] = answer
                if len(kept) > most:
                    kept.popitem(last=False)
            return answer

        return asked

    return decorate
