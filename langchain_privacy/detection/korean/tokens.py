"""Kiwi, the Korean morphological analyser: words cut into stems, particles and endings.

Kiwi (`kiwipiepy`, Apache-2.0, extra `korean`) brings its model as a package and reads nothing from
the network. It is loaded with the first text and shared by the process: 1 s and 300 MB. Looking a
text up changes nothing in it, so threads may share it. Several sentences are cut at once by threads
of its own, which Python's lock does not hold up (`read_together`).

    >>> [(token.form, token.tag) for token in korean_tokens("김민수는 갔다")][:2]
    [('김민수', 'NNP'), ('는', 'JX')]

The tags are those of the Sejong corpus, listed at https://github.com/bab2min/kiwipiepy: `NNP` is a
proper noun, `NNG` a common one, `SH` Hanja, `J..` particles, `E..` endings. Offsets count
characters, as Python does. `morphemes` and `detection.vocabulary.korean`
read them.
"""

import ctypes
import importlib.util
import os
import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from operator import attrgetter
from typing import Any, Protocol

from langchain_privacy.detection.korean.sequence import Marks
from langchain_privacy.detection.once import answer_ahead, once
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.words.korean import PARTICLE_APART

_SURROGATES = re.compile("[\ud800-\udfff]")
# Kiwi's own default of 8 looks at more readings: a fifth slower, other tags in 2 % of sentences.
_CUTOFF = 5.0
# A sentence or a line is read at once; a longer one is cut where a word ends.
_LONGEST_PART = 2000
_END_OF_SENTENCE = re.compile(r"(?<=[가-힣)\]\"'”’][.!?…])\s+|\n\s*")
EVERYDAY = 10_000
"""See `Token.id`: a word as frequent as this is no part of a name that was cut."""
KNOWN = 30_000
"""See `Token.id`: rarer words are often names as well."""
SENTENCES = 8192
"""How many sentences are remembered (`detection.once.remembered`): some 5 MB."""
# Threads of Kiwi's own, and how many sentences are worth handing over to them.
_THREADS = min(4, os.cpu_count() or 1)
_SEVERAL = 4


class Token(Protocol):
    """What is used of Kiwi's tokens.

    Attributes:
        form: The morpheme; an ending may be a part of a syllable ("ᆫ").
        tag: Its part of speech.
        start: First character, counted from the beginning of the part.
        end: One past the last character.
        oov: It stands in no dictionary.
        id: Its number in the dictionary, by frequency: below 10,000 it is an everyday word.
        line_number: Number of the line that it stands on.
        word_position: Number of the word, between spaces, that it belongs to.
    """

    form: str
    tag: str
    start: int
    end: int
    oov: bool
    id: int
    line_number: int
    word_position: int


_start = attrgetter("start")


class Morphemes(list[Token]):
    """The morphemes of a text.

    Attributes:
        marks: What the model makes of each stretch with a noun (`morphemes`), once somebody asked.
    """

    marks: list[tuple[int, Marks]] | None = None

    def at(self, place: int) -> int:
        """Return the index of the first morpheme that begins at an offset or behind it."""
        return bisect_left(self, place, key=_start)

    @cached_property
    def tags(self) -> list[str]:
        """The part of speech of each: to ask Kiwi for them one by one costs more."""
        return [token.tag for token in self]


def is_kiwi_installed() -> bool:
    """Say whether the extra `korean` is there."""
    return importlib.util.find_spec("kiwipiepy") is not None


@once
def korean_tokens(text: str) -> Morphemes:
    """Cut a text of moderate length into morphemes.

    Raises:
        ConfigurationError: The extra `korean` is not installed.
    """
    kiwi, config = _PROCESS.kiwi()
    joined, apart = _joined(text)
    return _placed(kiwi.tokenize(joined, override_config=config), apart)


def read_together(texts: Sequence[str]) -> None:
    """Let `korean_tokens` have what several texts are cut into before it is asked for them.

    Raises:
        ConfigurationError: The extra `korean` is not installed.
    """
    if len(texts) >= _SEVERAL and _PROCESS.has_threads():
        answer_ahead(korean_tokens, texts, _all_tokens)


def _all_tokens(texts: Sequence[str]) -> Iterator[Morphemes]:
    kiwi, config = _PROCESS.kiwi()
    joined = [_joined(text) for text in texts]
    cut = kiwi.tokenize([text for text, _ in joined], override_config=config)
    return (_placed(tokens, apart) for tokens, (_, apart) in zip(cut, joined, strict=True))


def tokens_without(word: str) -> Sequence[Token]:
    """Cut a word as if it stood in no dictionary as a proper noun.

    Raises:
        ConfigurationError: The extra `korean` is not installed.
    """
    kiwi, config = _PROCESS.kiwi()
    behind = "에 대하여"
    cut = kiwi.tokenize(word + behind, blocklist=[(word, "NNP")], override_config=config)
    return [token for token in cut if token.start < len(word)]


def _joined(text: str) -> tuple[str, Sequence[int]]:
    """Return a text as Kiwi reads it, and where a space before a particle was taken out.

    Behind a space Kiwi takes a particle for a noun now and then: John Smith 가 사는.
    """
    text = _SURROGATES.sub("\ufffd", text)
    apart = [] if text.isascii() else [m.start() for m in PARTICLE_APART.finditer(text)]
    if apart:
        pieces = zip([-1, *apart], [*apart, len(text)], strict=True)
        text = "".join(text[before + 1 : at] for before, at in pieces)
    return text, apart


def _placed(tokens: list[Token], apart: Sequence[int]) -> Morphemes:
    return Morphemes(_moved(tokens, apart) if apart else tokens)


@dataclass(slots=True)
class _Moved:
    """A token by its place in a text that has more spaces, see `Token`."""

    form: str
    tag: str
    start: int
    end: int
    oov: bool
    id: int
    line_number: int
    word_position: int


def _moved(tokens: Iterable[Token], apart: Sequence[int]) -> Iterator[Token]:
    """Count the spaces at `apart` again, which the tokens' text has not."""
    gone = [at - before for before, at in enumerate(apart)]
    for t in tokens:
        start = t.start + bisect_right(gone, t.start)
        end = t.end + bisect_left(gone, t.end)
        yield _Moved(t.form, t.tag, start, end, t.oov, t.id, t.line_number, t.word_position)


def parts(text: str) -> Iterator[tuple[int, str]]:
    """Cut a text into sentences and lines for `korean_tokens`, with their offsets."""
    for at, sentence in sentences(text):
        for start, part in pieces(sentence):
            yield at + start, part


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Cut a text where a sentence or a line ends, with the offset of each."""
    at = 0
    for end in (*(match.end() for match in _END_OF_SENTENCE.finditer(text)), len(text)):
        if at < end:
            yield at, text[at:end]
        at = end


def pieces(sentence: str) -> Iterator[tuple[int, str]]:
    """Cut a sentence that is too long for `korean_tokens` where words end, with their offsets."""
    at = 0
    while len(sentence) - at > _LONGEST_PART:
        space = sentence.rfind(" ", at + 1, at + _LONGEST_PART)
        end = space + 1 if space > at else at + _LONGEST_PART
        yield at, sentence[at:end]
        at = end
    yield at, sentence[at:]


@cache
def _kiwi() -> tuple[Any, Any]:
    try:
        from kiwipiepy import Kiwi
    except ImportError:
        msg = (
            "Korean words are read with Kiwi, which is not installed: "
            "pip install 'langchain-privacy[korean]'"
        )
        raise ConfigurationError(msg) from None
    # No correction of typing errors, no phrases of several words.
    kiwi = Kiwi(num_workers=_THREADS, load_typo_dict=False, load_multi_dict=False)
    return kiwi, replace(kiwi.global_config, cutoff_threshold=_CUTOFF)


class _Process:
    """What a process has of Kiwi, one that was forked as well.

    A forked process shares the memory of the one before it, and has none of its threads.
    """

    def __init__(self) -> None:
        self._loading = threading.Lock()
        self._threads = _THREADS > 1
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def kiwi(self) -> tuple[Any, Any]:
        """Return Kiwi, loaded by the thread that asks first, and its settings."""
        with self._loading:
            return _kiwi()

    def has_threads(self) -> bool:
        """Say whether Kiwi's threads may be asked: not by one that may be ended while it waits.

        When the interpreter ends it ends daemon threads, and within Kiwi that aborts the process.
        """
        return self._threads and not threading.current_thread().daemon

    def _forked(self) -> None:
        self._loading = threading.Lock()  # the thread that held it is not here
        if _kiwi.cache_info().currsize:
            self._threads = False
            # never deleted, or the process would wait at its end for threads that it has not
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(_kiwi()[0]))


_PROCESS = _Process()
