"""Values in disguise: reversed, spelled out, encoded once or twice.

Only somebody who hides a value writes it so. The guard at the door looks for these forms; the
masker does not, because nobody who writes to a model in good faith uses them.

Written differently (`index`) is not disguise, and neither are the escapes and encodings that
programs write (`decoding`): those the masker reads too.
"""

from collections.abc import Iterator
from typing import TypeVar

from langchain_privacy.values.decoding import decodings
from langchain_privacy.values.fold import HARD, Skeleton, compose
from langchain_privacy.values.index import Hit, ValueIndex
from langchain_privacy.values.numbers import spelled_digits

Owner = TypeVar("Owner")

_DEPTH = 2


def find_disguised(index: ValueIndex[Owner], text: str | Skeleton) -> Iterator[Hit[Owner]]:
    """Yield the values that stand in `text`, plain forms first.

    Args:
        index: Whose values.
        text: Composed text (NFC), or its skeleton where that is there already; `fold.SOFT` marks
            the seams of its pieces, and nothing is joined across `fold.HARD`.
    """
    folded = Skeleton(text) if isinstance(text, str) else text
    yield from index.find(folded)
    yield from find_hidden(index, folded)


def find_hidden(index: ValueIndex[Owner], folded: Skeleton) -> Iterator[Hit[Owner]]:
    """Yield the values that stand in a text in disguise only."""
    if len(index):  # decoding a text takes longest of all, and is of no use where nothing is known
        yield from _hidden(index, folded)
        yield from _decoded(index, folded.text, _DEPTH)


def _hidden(index: ValueIndex[Owner], folded: Skeleton) -> Iterator[Hit[Owner]]:
    yield from index.reversed(folded)
    for start, end, digits in spelled_digits(folded.text):
        for hit in index.find(digits):
            yield hit._replace(start=start, end=end, form="numeral")


def _decoded(index: ValueIndex[Owner], text: str, depth: int) -> Iterator[Hit[Owner]]:
    # All decoded parts are searched as one text; `owners` leads back to where each came from.
    parts = list(decodings(text))
    if not parts:
        return
    texts = [part.text.replace(HARD, " ") for part in parts]
    joined = HARD.join(texts)
    if compose(joined) != joined:  # else so is each of them
        texts = [compose(said) for said in texts]
        joined = HARD.join(texts)
    owners, at = [], 0
    for part, said in zip(parts, texts, strict=True):
        owners.append((at, at + len(said), part))
        at += len(said) + 1
    folded = Skeleton(joined)
    found = [*index.find(folded), *_hidden(index, folded)]
    if depth > 1:
        found += _decoded(index, joined, depth - 1)
    for hit in found:
        for start, end, part in owners:
            if start <= hit.start < end:
                form = part.form if hit.form == "plain" else f"{part.form}+{hit.form}"
                yield hit._replace(start=part.start, end=part.end, form=form)
                break
