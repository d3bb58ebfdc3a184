"""What each mode of detection leaves in clear and what it masks for nothing, and the time it takes.

    python benchmarks/modes.py [--data FOLDER] [--only prompts,marked,sentences,korean,speed]

Modes, from the least that is masked to the most: structured values only, rules, the default (rules
and every model that is installed), strict with rules, strict with everything. What plain Presidio
leaves of the prompts, where it is installed, tells how hard a set is; times are beside its own in
the same run. The prompts were
written and marked by others than the authors of the rules (`tests/vectors/prompts`), and so were
the sentences, posts and notes of `marked` (`tests/vectors/detection`); the other corpora are
described in docs/detection-quality.md and read from FOLDER.
"""

import argparse
import importlib.util
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from anywhere, installed or not

from benchmarks import detection_corpora as corpora
from langchain_privacy.detection import (
    Detector,
    RulesDetector,
    default_detectors,
    detect_all,
)
from langchain_privacy.detection.defaults import STRUCTURED
from tests.support.marked import Marked, marked_texts, shares

ROOT = Path(__file__).resolve().parents[1]
Spans = list[tuple[int, int]]
PARTS = "abcdefghijkl"
"""The sets of prompts; docs/detection-quality.md has what each left when it was first run."""
NOTES_ARE_IN = ("es", "fr", "de", "pt")


def modes(languages: Sequence[str] | None = None) -> dict[str, Sequence[Detector]]:
    rules = default_detectors(languages, presidio=False)
    return {
        "structured": [RulesDetector(STRUCTURED)],
        "rules": rules,
        "default": default_detectors(languages),
        "strict, rules": default_detectors(languages, presidio=False, strict=True),
        "strict, all": default_detectors(languages, strict=True),
    }


def covered(text: str, detectors: Sequence[Detector]) -> bytearray:
    return _mask(text, [(f.start, f.end) for f in detect_all(text, detectors)])


def _mask(text: str, spans: Spans) -> bytearray:
    mask = bytearray(len(text))
    for start, end in spans:
        mask[start:end] = b"\1" * (end - start)
    return mask


def presidio() -> Callable[[str], Spans] | None:
    """Return plain Presidio where it is installed: a ruler for how hard a set is."""
    if not (importlib.util.find_spec("presidio_analyzer") and importlib.util.find_spec("spacy")):
        return None
    from benchmarks.detection import plain_presidio_engine

    engine = plain_presidio_engine()
    return lambda text: [(f.start, f.end) for f in engine.analyze(text, language="en")]


def prompts(part: str) -> Iterator[tuple[str, list[Spans]]]:
    """Yield prompts, and the places of each private unit."""
    path = ROOT / "tests" / "vectors" / "prompts" / f"{part}.jsonl"
    for line in path.read_text("utf-8").splitlines():
        prompt = json.loads(line)
        text = prompt["text"]
        units = []
        for unit in prompt["private"]:
            places = [m.span() for m in re.finditer(rf"(?<!\w){re.escape(unit)}(?!\w)", text)]
            units.append(places or [(text.find(unit), text.find(unit) + len(unit))])
        yield text, units


def measure_prompts() -> None:
    print("\nPrompts: units left as they were / left in part; other words masked")
    masks: dict[str, Callable[[str], bytearray]] = {
        name: lambda text, use=detectors: covered(text, use) for name, detectors in modes().items()
    }
    if plain := presidio():
        masks["Presidio"] = lambda text: _mask(text, plain(text))
    for name, masked in masks.items():
        row = []
        for part in PARTS:
            units = clear = touched = words = over = 0
            for text, marked in prompts(part):
                mask, private = masked(text), bytearray(len(text))
                for places in marked:
                    left = [sum(_clear(text, mask, a, b)) for a, b in places]
                    size = [sum(map(str.isalnum, text[a:b])) for a, b in places]
                    units += 1
                    clear += any(one == all_ for one, all_ in zip(left, size, strict=True))
                    touched += any(left)
                    for a, b in places:
                        private[a:b] = b"\1" * (b - a)
                for word in re.finditer(r"\w+", text):
                    if not any(private[slice(*word.span())]):
                        words += 1
                        over += any(mask[slice(*word.span())])
            shown = f"{clear / units:6.1%} / {touched / units:6.1%}; {over / words:5.1%}"
            row.append(f"set {part.upper()} {shown}")
        print(f"  {name:14} {'   '.join(row)}")


def _clear(text: str, mask: bytearray, start: int, end: int) -> list[bool]:
    return [text[i].isalnum() and not mask[i] for i in range(start, end)]


def measure_marked() -> None:
    """Print the shares of sentences, posts, notes and Korean lines, marked by hand."""
    for title, languages, texts in _marked():
        print(f"\n{title}: private letters and digits left; others masked")
        for name, detectors in modes(languages).items():
            left, over = shares(texts, detectors)
            print(f"  {name:14} {left:6.2%}; {over:6.2%}")


def _marked() -> Iterator[tuple[str, Sequence[str] | None, Sequence[Marked]]]:
    here = None
    for name in ("sentences", "posts", "sentences_unseen", "sentences_second"):
        yield name, here, marked_texts(name)
    for name in ("notes", "notes_second"):
        for language in NOTES_ARE_IN:
            notes = [note for note in marked_texts(name) if note.kind == language]
            yield f"{name} in {language}, named", ("en", *NOTES_ARE_IN), notes
            yield f"{name} in {language}, not named", here, notes
    for name in ("korean_persons", "korean_persons_second"):
        yield name, here, marked_texts(name)
    for name in ("korean_sentences", "korean_sentences_second"):
        texts = marked_texts(name)
        nobody = [text for text in texts if text.kind == "nothing private"]
        yield name, here, [text for text in texts if text not in nobody]
        yield f"{name}, nothing private", here, nobody


def measure_labelled(items: Sequence[corpora.Labelled], title: str) -> None:
    print(f"\n{title}: private letters and digits left; others masked")
    for name, detectors in modes().items():
        total = left = benign = over = 0
        for item in items:
            mask, private = covered(item.text, detectors), bytearray(len(item.text))
            for start, end, _ in item.spans:
                private[start:end] = b"\1" * (end - start)
            for char, hidden, secret in zip(item.text, mask, private, strict=True):
                if char.isalnum():
                    total += secret
                    left += secret and not hidden
                    benign += not secret
                    over += hidden and not secret
        print(f"  {name:14} {left / total:6.2%}; {over / benign:6.2%}")


def measure_speed() -> None:
    print("\nMilliseconds of CPU time per 1,000 characters of prompts, in one run, taking turns")
    texts = [text for part in "ab" for text, _ in prompts(part)][:60]
    size = sum(map(len, texts)) / 1000
    best: dict[str, float] = {}
    contestants: dict[str, Callable[[str], object]] = {
        name: lambda text, use=detectors: detect_all(text, use)
        for name, detectors in modes().items()
    }
    if peer := presidio():
        contestants["Presidio"] = peer
    for detect in contestants.values():
        detect(texts[0])
    for _ in range(3):
        for name, detect in contestants.items():
            start = time.process_time()
            for text in texts:
                detect(text)
            taken = 1000 * (time.process_time() - start) / size
            best[name] = min(best.get(name, taken), taken)
    plain = best.get("Presidio")
    for name, taken in best.items():
        beside = f"   Presidio takes {plain / taken:6.1f} times as long" if plain else ""
        print(f"  {name:14} {taken:7.2f}{beside}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", default="prompts,marked,sentences,korean,speed")
    arguments = parser.parse_args()
    only = arguments.only.split(",")
    if "prompts" in only:
        measure_prompts()
    if "marked" in only:
        measure_marked()
    if "sentences" in only:
        measure_labelled(corpora.presidio_research(arguments.data), "Synthetic sentences")
    if "korean" in only:
        measure_labelled(corpora.klue(arguments.data), "Korean news, persons")
    if "speed" in only:
        measure_speed()


if __name__ == "__main__":
    main()
