"""Texts whose private values are marked by hand, and what detectors leave of them.

`tests/vectors/detection/*.txt` hold them: `=== kind`, then a text in which ⟪⟫ stands around what is
private and ⟦⟧ around what only strict mode promises: firms, days, sums.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from langchain_privacy.detection import Detector, detect_all

_FOLDER = Path(__file__).parents[1] / "vectors" / "detection"
_MARKED = re.compile("[⟪⟦](.*?)[⟫⟧]", re.DOTALL)


class Marked(NamedTuple):
    """A text, and the spans in it that are private."""

    kind: str
    text: str
    spans: list[tuple[int, int]]


def marked_texts(name: str) -> list[Marked]:
    """Read the texts of `tests/vectors/detection/<name>.txt`."""
    texts = []
    for part in (_FOLDER / f"{name}.txt").read_text("utf-8").split("=== ")[1:]:
        kind, _, body = part.rstrip("\n").partition("\n")
        text, spans, at = "", [], 0
        for match in _MARKED.finditer(body):
            text += body[at : match.start()]
            spans.append((len(text), len(text) + len(match[1])))
            text += match[1]
            at = match.end()
        texts.append(Marked(kind, text + body[at:], spans))
    return texts


def shares(
    texts: Sequence[Marked], detectors: Sequence[Detector], change: Callable[[str], str] = str
) -> tuple[float, float]:
    """Return the share of private characters left and of benign ones masked, letters and digits."""
    private = left = benign = over = 0
    for _, text, spans in texts:
        changed = change(text)
        assert len(changed) == len(text)
        marked = {at for start, end in spans for at in range(start, end)}
        found = detect_all(changed, detectors)
        masked = {at for f in found for at in range(f.start, f.end)}
        for at, char in enumerate(changed):
            if char.isalnum() and at in marked:
                private += 1
                left += at not in masked
            elif char.isalnum():
                benign += 1
                over += at in masked
    return left / max(private, 1), over / max(benign, 1)
