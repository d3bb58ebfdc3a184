"""What strict mode leaves in clear and masks for nothing, beside the default and the peers.

    python benchmarks/strict.py [--prompts 60]

The prompts were written and marked by others than the authors of the rules
(`tests/vectors/prompts`); all modes over all corpora: `benchmarks/modes.py`. Times are CPU time,
taken turn by turn over the same prompts.
"""

import argparse
import re
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `benchmarks`, from anywhere

from benchmarks import masking_peers as peers
from benchmarks.masking import KINDS
from benchmarks.measured import turns
from benchmarks.measured.peers import versions
from benchmarks.measured.record import run
from benchmarks.measured.tables import Plot, Table
from benchmarks.modes import Spans, modes, prompts
from langchain_privacy.detection import detect_all

Detect = Callable[[str], Spans]


def presidio() -> Detect:
    engine = peers.Presidio()
    return lambda text: [(f.start, f.end) for f in engine.found(text)]


def pii_middleware() -> Detect:
    from langchain.agents.middleware import PIIMiddleware

    detectors = [PIIMiddleware(kind).detector for kind in KINDS]  # type: ignore[arg-type]
    return lambda text: [(m["start"], m["end"]) for detect in detectors for m in detect(text)]


def contestants() -> dict[str, Detect]:
    found: dict[str, Detect] = {
        f"ours: {name}": lambda text, use=detectors: [
            (f.start, f.end) for f in detect_all(text, use)
        ]
        for name, detectors in modes().items()
    }
    return {"PIIMiddleware": pii_middleware(), "Presidio": presidio(), **found}


def left_and_over(detect: Detect, marked: list[tuple[str, list[Spans]]]) -> tuple[float, float]:
    """Return the shares of private units left as they were, and of other words masked."""
    units = clear = words = over = 0
    for text, private in marked:
        mask, secret = bytearray(len(text)), bytearray(len(text))
        for start, end in detect(text):
            mask[start:end] = b"\1" * (end - start)
        for places in private:
            units += 1
            clear += any(
                not any(mask[i] for i in range(a, b) if text[i].isalnum()) for a, b in places
            )
            for a, b in places:
                secret[a:b] = b"\1" * (b - a)
        for word in re.finditer(r"\w+", text):
            if not any(secret[slice(*word.span())]):
                words += 1
                over += any(mask[slice(*word.span())])
    return clear / units, over / words


def strictness(many: int) -> Table:
    sets = {part: list(islice(prompts(part), many)) for part in "abc"}
    texts = [text for text, _ in sets["a"]][:15]
    k = sum(map(len, texts)) / 1e3
    found = contestants()

    def over(detect: Detect) -> Callable[[], None]:
        return lambda: [detect(text) for text in texts] and None

    for detect in found.values():
        detect(texts[0])
    work = {name: over(detect) for name, detect in found.items()}
    seconds = turns.in_turns(work, 3)
    held = {name: turns.memory(each) for name, each in work.items()}
    rows, clear = [], {}
    for name, detect in found.items():
        rates = [left_and_over(detect, marked) for marked in sets.values()]
        clear[name] = sum(rate[0] for rate in rates) / len(rates)
        shares = [f"{left:.1%} / {masked:.1%}" for left, masked in rates]
        time = f"{sorted(seconds[name])[1] / k * 1e3:.2f} ms"
        rows.append([name, *shares, time, turns.mb(held[name])])
    ratio = clear["Presidio"] / max(clear["ours: strict, all"], 0.001)
    return Table(
        name="strict",
        title="Strict mode: what is left, and what is masked for nothing",
        columns=["", "set A", "set B", "set C", "1,000 characters", "peak memory"],
        rows=rows,
        ratio=f"Private units left by Presidio / by strict mode: {ratio:.0f}; by the default: "
        f"{clear['Presidio'] / max(clear['ours: default'], 0.001):.1f} (means of the sets).",
        how=f"The first {many} prompts of each set, as people write them to a cloud model: private "
        "units left as they were, and other words masked. [All modes](modes.md).",
        not_measured="languages other than the prompts'; usefulness of what strict mode masks.",
        versions=versions("presidio-analyzer", "langchain"),
        plot=Plot(
            "bars", "Private units left in clear, mean of three sets", "", "per cent, 0 is best",
            {name: [(0.0, share * 100)] for name, share in clear.items()},
        ),
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=60)
    run(lambda arguments: [strictness(arguments.prompts)], parser)
