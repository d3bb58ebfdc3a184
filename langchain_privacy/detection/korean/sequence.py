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
from operator import add

from langchain_privacy.errors import ConfigurationError

KINDS = ("PERSON", "LOCATION", "ORGANIZATION")
LABELS = ("O", *(f"{place}-{kind}" for kind in KINDS for place in "BI"))
"""Outside, and the begin and the inside of each kind: `B-PERSON` is odd, `I-PERSON` behind it."""

Marks = Sequence[Sequence[int]]
"""What each label weighs at each piece of a stretch; only differences between labels count."""

_INDEX = {label: index for index, label in enumerate(LABELS)}
_COUNT = len(LABELS)
_INSIDES = range(2, _COUNT, 2)
_OUT_OR_BEGIN = (0, *range(1, _COUNT, 2))
_NEVER = -(10**9)
# The weights of a feature for all labels are one number, in lanes of 16 bits, so that Python adds
# them up at once. What is added to each lane in the end keeps them from borrowing.
_LANE = 16
_BIAS = sum(1 << (_LANE * label + 14) for label in range(_COUNT))
_BYTES = _COUNT * _LANE // 8
_unpack = struct.Struct(f"<{_COUNT}H").unpack


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
        self._into = list(zip(*self._next, strict=True))
        # What the steps into a name, on to the next, further inside and out of it gain at best over
        # a step outside.
        least = self._next[0][0]
        names = self._next[1:]
        self._enter = max(self._next[0][1::2]) - least
        self._again = max(max(row[1::2]) for row in names) - least
        self._inside = max(self._next[b][i] for i in _INSIDES for b in (i - 1, i)) - least
        self._leave = max(row[0] for row in names) - least

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
        return self.marks_of(sum(map(weight, features, zeros)) for features in pieces)

    def table(self, begin: str) -> dict[str, int]:
        """Return what features that begin so weigh, by the rest of their text, for `marks_of`."""
        return {f.removeprefix(begin): w for f, w in self._weights.items() if f.startswith(begin)}

    @staticmethod
    def marks_of(weights: Iterable[int]) -> Marks:
        """Return what each label weighs at pieces whose features weigh so much together."""
        return [_unpack((weight + _BIAS).to_bytes(_BYTES, "little")) for weight in weights]

    def spans_of(self, marks: Marks, *, eager: int = 0) -> list[tuple[int, int, str]]:
        """Like `spans`, by the marks of the pieces."""
        if self._is_outside(marks, eager):
            return []
        return _spans(self._best(marks, eager))

    def _is_outside(self, marks: Marks, eager: int) -> bool:
        """Say whether no name can outweigh none at all, as in most stretches: one quick look."""
        again, further, leave = self._again, self._inside, self._leave
        gain = _NEVER  # of the best name up to a piece
        enter = 0  # a stretch may begin with a name
        # compared by hand: `max` takes twice as long
        for outside, begin, inside, b2, i2, b3, i3 in marks:
            if gain + leave > 0:
                return False
            if b2 > begin:
                begin = b2
            if b3 > begin:
                begin = b3
            if i2 > inside:
                inside = i2
            if i3 > inside:
                inside = i3
            best = gain + again
            if enter > best:
                best = enter
            best += begin
            inside += gain + further
            if inside > best:
                best = inside
            gain = best + eager - outside
            enter = self._enter
        return gain <= 0

    def _best(self, marks: Marks, eager: int) -> list[int]:
        scores = list(marks[0])
        scores[0] -= eager
        scores[2::2] = [_NEVER] * len(KINDS)
        steps: list[list[int]] = []
        for mark in marks[1:]:
            step, reached = [0] * _COUNT, [0] * _COUNT
            for label in _OUT_OR_BEGIN:
                ways = list(map(add, scores, self._into[label]))
                best = max(ways)
                step[label], reached[label] = ways.index(best), best + mark[label]
            for label in _INSIDES:  # only behind its own begin or inside
                begun = scores[label - 1] + self._next[label - 1][label]
                best = scores[label] + self._next[label][label]
                step[label] = label
                if begun >= best:
                    step[label], best = label - 1, begun
                reached[label] = best + mark[label]
            reached[0] -= eager
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
