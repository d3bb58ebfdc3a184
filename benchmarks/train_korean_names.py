"""Learn the weights of the Korean names model, or measure it on sentences that it did not learn.

    pip install python-crfsuite
    python benchmarks/train_korean_names.py [--data FOLDER] [--folds 5] [--write]

Without `--write` each fold of the sentences is read by weights learned from the others, and what
was found is compared with the annotation, as `benchmarks/detection.py` does; with `--write` the
weights are learned from all of them and written to `langchain_privacy/detection/korean/weights`.

The sentences are the first half of KLUE-NER's development set (see docs/detection-quality.md).
"""

import argparse
import gzip
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pycrfsuite

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))  # from anywhere, installed or not

from benchmarks.detection_corpora import Labelled, klue
from langchain_privacy.detection.korean import morphemes, syllables
from langchain_privacy.detection.korean.sequence import KINDS, SequenceModel
from langchain_privacy.detection.korean.tokens import korean_tokens
from langchain_privacy.words.korean import HONORIFICS_AND_TITLES

SCALE = 16
Stretch = list[tuple[int, int, list[str]]]


def stretches(text: str, model: str) -> Iterator[Stretch]:
    if model == "syllables":
        yield from syllables.stretches(text)
        return
    tokens = korean_tokens(text)
    for first, pieces in morphemes.stretches(tokens):
        yield [(tokens[first + i].start, tokens[first + i].end, p) for i, p in enumerate(pieces)]


def labels(stretch: Stretch, spans: Sequence[tuple[int, int, str]]) -> list[str]:
    found: list[str] = []
    last: tuple[int, int, str] | None = None
    for start, _, _ in stretch:
        span = next((s for s in spans if s[0] <= start < s[1]), None)
        found.append("O" if span is None else f"{'I' if span is last else 'B'}-{span[2]}")
        last = span
    return found


def without_titles(item: Labelled) -> list[tuple[int, int, str]]:
    """Leave "선수" out of "김 선수": a title is no name."""
    spans = []
    for start, end, kind in item.spans:
        name, space, title = item.text[start:end].rpartition(" ")
        short = kind == "PERSON" and space and title in HONORIFICS_AND_TITLES
        spans.append((start, start + len(name) if short else end, kind))
    return spans


def learn(items: Sequence[Labelled], model: str) -> list[str]:
    trainer = pycrfsuite.Trainer(verbose=False)
    trainer.set_params({
        "c1": 0.25, "c2": 0.01, "max_iterations": 100, "feature.possible_transitions": True,
    })  # fmt: skip
    for item in items:
        spans = without_titles(item)
        for stretch in stretches(item.text, model):
            trainer.append([piece[2] for piece in stretch], labels(stretch, spans))
    with tempfile.NamedTemporaryFile(suffix=".crf") as file:
        trainer.train(file.name)
        tagger = pycrfsuite.Tagger()
        tagger.open(file.name)
        info: Any = tagger.info()
    weights: dict[str, list[str]] = {}
    for (feature, label), weight in sorted(info.state_features.items()):
        if number := round(weight * SCALE):
            weights.setdefault(feature, []).append(f"{label}={number}")
    steps = [f"{a}>{b}={round(w * SCALE)}" for (a, b), w in sorted(info.transitions.items())]
    return ["\t" + " ".join(steps), *(f"{f}\t{' '.join(w)}" for f, w in sorted(weights.items()))]


def measure(items: Sequence[Labelled], model: str, folds: int, eagers: Sequence[int]) -> None:
    gold, found, hit, right = ({(e, k): 0 for e in eagers for k in KINDS} for _ in range(4))
    for fold in range(folds):
        weights = SequenceModel(learn([x for i, x in enumerate(items) if i % folds != fold], model))
        for item in items[fold::folds]:
            parts = list(stretches(item.text, model))
            for eager in eagers:
                names = [
                    (part[first][0], part[last - 1][1], kind)
                    for part in parts
                    for first, last, kind in weights.spans([p[2] for p in part], eager=eager)
                ]
                for kind in KINDS:
                    ours = [n for n in names if n[2] == kind]
                    real = [s for s in item.spans if s[2] == kind]
                    key = eager, kind
                    gold[key] += len(real)
                    found[key] += len(ours)
                    hit[key] += sum(any(a < e and s < b for a, b, _ in ours) for s, e, _ in real)
                    right[key] += sum(any(a < e and s < b for s, e, _ in real) for a, b, _ in ours)
    for eager, kind in gold:
        key = eager, kind
        print(f"  {model}, eager {eager:2}, {kind:12} recall {hit[key] / gold[key]:.3f}, "
              f"precision {right[key] / max(found[key], 1):.3f}", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only", default="morphemes,syllables")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    items = klue(options.data, kinds={"PS": "PERSON", "LC": "LOCATION", "OG": "ORGANIZATION"})
    for model in options.only.split(","):
        start = time.monotonic()
        if options.write:
            lines = learn(items, model)
            folder = REPOSITORY / "langchain_privacy/detection/korean/weights"
            path = folder / f"{model}.tsv.gz"
            path.write_bytes(gzip.compress("\n".join(lines).encode("utf-8"), mtime=0))
            print(
                f"{path}: {len(lines) - 1} features, {path.stat().st_size / 1024:.0f} KiB", end=""
            )
        else:
            print(f"{model}, {options.folds} folds of {len(items)} sentences")
            measure(items, model, options.folds, (0, 8, 16))
        print(f" ({time.monotonic() - start:.0f} s)")


if __name__ == "__main__":
    main()
