"""Kiwi, the Korean morphological analyser: words cut into stems, particles and endings.

Kiwi (`kiwipiepy`, Apache-2.0, extra `korean`) brings its model as a package and reads nothing from
the network. It is loaded with the first text and shared by the process: 1 s and 300 MB. Looking a
text up changes nothing in it, so threads may share it.

    >>> [(token.form, token.tag) for token in korean_tokens("김민수는 갔다")][:2]
    [('김민수', 'NNP'), ('는', 'JX')]

The tags are those of the Sejong corpus, listed at https://github.com/bab2min/kiwipiepy: `NNP` is a
proper noun, `NNG` a common one, `SH` Hanja, `J..` particles, `E..` endings. Offsets count
characters, as Python does. `morphemes` and `detection.vocabulary.korean`
read them.
"""

import importlib.util
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from threading import Lock
from typing import Any, Protocol

from langchain_privacy.detection.korean.sequence import Marks
from langchain_privacy.detection.once import once
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.words.korean import PARTICLE_APART

_SURROGATES = re.compile("[\ud800-\udfff]")
# Kiwi's own default of 8 looks at more readings: a fifth slower, other tags in 2 % of sentences.
_CUTOFF = 5.0
# A sentence or a line is read at once; a longer one is cut where a word ends.
_LONGEST_PART = 2000
_END_OF_SENTENCE = re.compile(r"(?<=[가-힣)\]\"'”’][.!?…])\s+|\n\s*")
SENTENCES = 8192
"""How many sentences are remembered (`detection.once.remembered`): some 5 MB."""
_LOADING = Lock()


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


class Morphemes(list[Token]):
    """The morphemes of a text.

    Attributes:
        marks: What the model makes of each stretch with a noun (`morphemes`), once somebody asked.
    """

    marks: list[tuple[int, Marks]] | None = None

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
    with _LOADING:
        kiwi, config = _kiwi()
    text = _SURROGATES.sub("\ufffd", text)
    apart = [] if text.isascii() else [m.start() for m in PARTICLE_APART.finditer(text)]
    if not apart:
        return Morphemes(kiwi.tokenize(text, override_config=config))
    # Behind a space Kiwi takes a particle for a noun now and then: John Smith 가 사는.
    pieces = zip([-1, *apart], [*apart, len(text)], strict=True)
    joined = "".join(text[before + 1 : at] for before, at in pieces)
    return Morphemes(_moved(kiwi.tokenize(joined, override_config=config), apart))


def tokens_without(word: str) -> Sequence[Token]:
    """Cut a word as if it stood in no dictionary as a proper noun.

    Raises:
        ConfigurationError: The extra `korean` is not installed.
    """
    with _LOADING:
        kiwi, config = _kiwi()
    behind = "에 대하여"
    cut = kiwi.tokenize(word + behind, blocklist=[(word, "NNP")], override_config=config)
    return [token for token in cut if token.start < len(word)]


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
    # One text at a time, no correction of typing errors, no phrases of several words.
    kiwi = Kiwi(num_workers=1, load_typo_dict=False, load_multi_dict=False)
    return kiwi, replace(kiwi.global_config, cutoff_threshold=_CUTOFF)
