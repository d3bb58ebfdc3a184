r"""A linear-chain model: which pieces of a sentence are a person, a place or an organisation.

A piece is a morpheme (`morphemes`) or a syllable (`syllables`), described by features: short texts
such as `"2길동"`. The model has learned a weight for a feature beside a label, and for one label
behind another; the best sequence of labels is found with Viterbi's algorithm. Learning is done by
`benchmarks/train_korean_names.py` (conditional random field, J. Lafferty et al., 2001); this file
needs nothing but Python.

    >>> model = SequenceModel(["\tB-PERSON>I-PERSON=9", "kim\tB-PERSON=5", "minsu\tI-PERSON=3"])
    >>> model.spans([["kim"], ["minsu"], ["went"]])
    [(0, 2, 'PERSON')]

The weights are in the folder `weights`, with their own licence.
"""

import gzip
import struct
import zlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from itertools import repeat

from langchain_privacy.errors import ConfigurationError

KINDS = ("PERSON", "LOCATION", "ORGANIZATION")
LABELS = ("O", *(f"{place}-{kind}" for kind in KINDS for place in "BI"))
"""Outside, and the begin and the inside of each kind: `B-PERSON` is odd, `I-PERSON` behind it."""

Marks = Sequence[Sequence[int]]
"""What each label weighs at each piece of a stretch; only differences between labels count."""

_INDEX = {label: index for index, label in enumerate(LABELS)}
_COUNT = len(LABELS)
_ALL, _INSIDES = range(_COUNT), range(2, _COUNT, 2)
_OUT_OR_BEGIN = (0, *range(1, _COUNT, 2))
_NEVER = -(10**9)
# The weights of a feature for all labels are one number, in lanes of 32 bits, so that Python adds
# them up at once. What is added to each lane in the end keeps them from borrowing.
_LANE = 32
_BIAS = sum(1 << (_LANE * label + 20) for label in range(_COUNT))
_BYTES = _COUNT * _LANE // 8
_unpack = struct.Struct(f"<{_COUNT}I").unpack


class SequenceModel:
    """Weights as whole numbers, in sixteenths of what was learned."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Read weights.

        Args:
            lines: `feature`, a tab, and `label=weight` for each label that has one. A line without
                a feature holds transitions: `label>label=weight`.
        """
        self._weights: dict[str, int] = {}
        self._next = [[0] * _COUNT for _ in LABELS]
        for line in lines:
            feature, _, rest = line.rstrip("\n").partition("\t")
            pairs = [(name, int(w)) for name, _, w in (p.rpartition("=") for p in rest.split())]
            if feature:
                self._weights[feature] = sum(w << (_LANE * _INDEX[name]) for name, w in pairs)
            else:
                for name, weight in pairs:
                    before, _, behind = name.partition(">")
                    self._next[_INDEX[before]][_INDEX[behind]] = weight
        # From which labels one may come: an inside only behind its own begin or inside.
        self._from = [
            [(before, self._next[before][label]) for before in range(_COUNT)]
            if label % 2 or not label
            else [(before, self._next[before][label]) for before in (label - 1, label)]
            for label in range(_COUNT)
        ]
        # What a step along other labels can gain over staying outside, both ends of it.
        self._gain = 2 * max(0, max(map(max, self._next)) - self._next[0][0])
        # Outside with so much more than any other label, one comes from outside to a begin, too.
        self._ahead = max(
            self._next[before][label] - self._next[0][label]
            for label in _OUT_OR_BEGIN
            for before in range(1, _COUNT)
        )

    def spans(
        self, pieces: Sequence[Iterable[str]], *, eager: int = 0
    ) -> list[tuple[int, int, str]]:
        """Find the names among the pieces of a stretch.

        Args:
            pieces: The features of each piece, in order.
            eager: How much less a piece outside of names counts: finds more, and more that is none.

        Returns:
            `(first, last, kind)` of each name: indices of pieces, `last` one past the end.
        """
        return self.spans_of(self.marks(pieces), eager=eager)

    def marks(self, pieces: Iterable[Iterable[str]]) -> Marks:
        """Add up what each label weighs at each piece; most of the work, done once a stretch."""
        weight, zeros = self._weights.get, repeat(0)
        return [
            _unpack(sum(map(weight, features, zeros), _BIAS).to_bytes(_BYTES, "little"))
            for features in pieces
        ]

    def spans_of(self, marks: Marks, *, eager: int = 0) -> list[tuple[int, int, str]]:
        """Like `spans`, by the marks of the pieces."""
        least = eager + self._gain
        if all(mark[0] - least > max(mark[1:]) for mark in marks):
            return []
        if eager:
            marks = [[mark[0] - eager, *mark[1:]] for mark in marks]
        return _spans(self._best(marks))

    def _best(self, marks: Marks) -> list[int]:
        first = marks[0]
        scores = [_NEVER if i and i % 2 == 0 else first[i] for i in range(_COUNT)]
        steps: list[list[int]] = []
        outside = self._next[0]
        for mark in marks[1:]:
            step, reached = [0] * _COUNT, [0] * _COUNT
            if scores[0] - self._ahead >= max(scores[1:]):  # as in most places
                for label in _OUT_OR_BEGIN:
                    reached[label] = scores[0] + outside[label] + mark[label]
                look = _INSIDES
            else:
                look = _ALL
            for label in look:
                best, chosen = 2 * _NEVER, 0
                for before, weight in self._from[label]:
                    if scores[before] + weight > best:
                        best, chosen = scores[before] + weight, before
                step[label] = chosen
                reached[label] = best + mark[label]
            scores = reached
            steps.append(step)
        label = max(range(_COUNT), key=scores.__getitem__)
        path = [label]
        for step in reversed(steps):
            label = step[label]
            path.append(label)
        return path[::-1]


def _spans(path: Sequence[int]) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    start = kind = -1
    for index, label in enumerate([*path, 0]):
        if start >= 0 and not (label and label % 2 == 0):
            found.append((start, index, KINDS[kind]))
            start = -1
        if label % 2:
            start, kind = index, label // 2
    return found


@cache
def load_model(name: str) -> SequenceModel:
    """Load `weights/<name>.tsv.gz`.

    Raises:
        ConfigurationError: The file is missing or damaged.
    """
    path = files("langchain_privacy.detection.korean") / "weights" / f"{name}.tsv.gz"
    try:
        return SequenceModel(gzip.decompress(path.read_bytes()).decode("utf-8").splitlines())
    except (OSError, EOFError, ValueError, KeyError, zlib.error):
        msg = (
            f"The weights {name}.tsv.gz of langchain_privacy are missing or damaged, so nothing "
            "was looked at and nothing sent. Install the package again."
        )
        raise ConfigurationError(msg) from None
