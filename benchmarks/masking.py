"""What masking costs: detecting once, restoring, streaming; against rescanning, Presidio, piighost.

    python benchmarks/masking.py

Each line names its bound. The detectors are the default ones, with Presidio where it is installed,
and the rules alone where the line says so; peers get the same detectors and run in the same
process. Times are CPU seconds of this process, the least of some runs, and what is compared is
measured in turns, since a busy machine makes both jump. Peers that are not installed are skipped
by name.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `benchmarks`, from anywhere

from benchmarks import masking_peers as peers
from langchain_privacy import Masker
from langchain_privacy.detection import (
    Detector,
    Finding,
    default_detectors,
    detect_all,
    high_confidence_detectors,
)

SENTENCE = """the invoice for March was sent to accounting and nobody has answered yet so please
look into it before the meeting on the second floor where the new plan for the garden is discussed
"""
WORDS = SENTENCE.split()
TURNS = 50
RUNS = 5


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds of a run."""
    start = time.process_time()
    work()
    return time.process_time() - start


def prose(rng: random.Random, characters: int) -> str:
    """Write words with an e-mail address, a phone number and a card now and then."""
    values = [
        lambda: f"{rng.choice(WORDS)}.{rng.randrange(999)}@example.com",
        lambda: f"010-{rng.randrange(1000, 9999)}-{rng.randrange(1000, 9999)}",
        lambda: "4111 1111 1111 1111",
    ]
    out = ""
    while len(out) < characters:
        out += (rng.choice(values)() if rng.random() < 0.02 else rng.choice(WORDS)) + " "
    return out


class Timed(Detector):
    """Adds up what a detector costs."""

    name = "timed"

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.seconds = 0.0

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        start = time.process_time()
        found = self._detector.detect(text, language=language)
        self.seconds += time.process_time() - start
        return found


def one_text(name: str, detectors: list[Detector], characters: int) -> None:
    text = prose(random.Random(1), characters)
    Masker(detectors).session().mask(text[:500])
    whole, own, restore = [], [], []
    for _ in range(RUNS):
        timed = [Timed(detector) for detector in detectors]
        session = Masker(list(timed)).session()
        whole.append(cpu(lambda s=session: s.mask(text)))
        own.append(whole[-1] - sum(detector.seconds for detector in timed))
        masked = session.mask(text)
        restore.append(cpu(lambda s=session, m=masked: s.restore(m)))
        assert session.restore(masked) == text
    k = len(text) / 1e6
    bound = " (bound 1)" if name == "rules" else ""
    print(f"one text of {characters:,} characters, {masked.count('[')} placeholders, {name}")
    print(f"  mask          {min(whole) / k:8.3f} ms per 1,000 characters{bound}")
    of = min(own) / (min(whole) - min(own))
    print(f"  of it our own {min(own) / k:8.3f} ms = {of:.1%} of the detectors' (bound 10%)")
    print(f"  restore       {min(restore) / k:8.3f} ms per 1,000 characters (bound 0.2)")


def conversation(name: str, detectors: list[Detector]) -> None:
    """Mask the whole history before each turn, as an agent's model call does."""
    rng = random.Random(2)
    turns = [(prose(rng, 400), prose(rng, 600)) for _ in range(TURNS)]
    texts = [text for turn in turns for text in turn]
    scan = [cpu(lambda t=text: detect_all(t, detectors)) for text in texts]
    ours = [float("inf")] * TURNS
    for _ in range(RUNS if len(detectors) > 1 else 4 * RUNS):
        session = Masker(detectors).session()
        history: list[BaseMessage] = []
        for number, (question, answer) in enumerate(turns):
            start = time.process_time()
            history = session.mask([*history, HumanMessage(question)])
            history = session.mask([*history, AIMessage(answer)])
            ours[number] = min(ours[number], time.process_time() - start)
    print(f"{TURNS} turns of 1,000 characters, {name}")
    _print_turns("ours", ours, " (bound 1.2)")
    print(f"  whole {sum(ours):.2f} s; in relation to it:")
    bound = "" if name == "rules" else " (bound 20)"
    print(f"    rescanning, same detectors x{_rescan(scan) / sum(ours):.1f}{bound}")
    if name != "rules" and (plain := peers.presidio()):
        plain(texts[0])
        times = [cpu(lambda t=text: plain(t)) for text in texts]
        print(f"    rescanning, plain Presidio x{_rescan(times) / sum(ours):.1f} (bound 20)")
    if peers.piighost_missing():
        return
    pipeline = peers.piighost_pipeline(detectors)
    theirs = []
    for number in range(1, TURNS + 1):
        so_far = texts[: 2 * number]
        theirs.append(cpu(lambda t=so_far: peers.piighost_history(pipeline, t)))
    print(f"    piighost, same detectors   x{sum(theirs) / sum(ours):.1f}")
    _print_turns("piighost", theirs)


def _rescan(scan: Sequence[float]) -> float:
    """Sum up what scanning the whole history in each turn costs, from one scan of each text."""
    return sum(sum(scan[: 2 * number]) for number in range(1, TURNS + 1))


def _print_turns(name: str, seconds: Sequence[float], bound: str = "") -> None:
    # one turn alone is noise: the median of turns 2-6 stands for turn 2, of 46-50 for turn 50
    early, late = statistics.median(seconds[1:6]), statistics.median(seconds[-5:])
    print(
        f"  {name:8} turns 2-6 {early * 1000:8.2f} ms, 46-50 {late * 1000:8.2f} ms: "
        f"x{late / early:.2f}{bound}"
    )


def streaming() -> None:
    text = prose(random.Random(3), 40_000)
    session = Masker(high_confidence_detectors()).session()
    masked = session.mask(text)
    assert session.restore(masked) == text
    absent = peers.piighost_missing()
    decoder, tokens = (None, {}) if absent else peers.piighost_decoder(session.vault.entries())
    theirs_masked = masked
    for placeholder, token in tokens.items():
        theirs_masked = theirs_masked.replace(placeholder, token)
    print(f"streaming, {masked.count('[')} placeholders in {len(text):,} characters")
    for size in (1, 4, 20):
        ours = theirs = [float("inf")] * len(text)
        for _ in range(8 * RUNS):  # in turns, so that a busy moment meets both
            ours = list(map(min, ours, _stretches(session.restorer(), masked, size)))
            if decoder:
                theirs = list(map(min, theirs, _stretches(decoder(), theirs_masked, size)))
        rate = len(masked) / sum(ours) / 1e6
        line = f"  chunks of {size:2} characters: ours {rate:5.2f} M characters/s"
        if decoder:
            their_rate = len(theirs_masked) / sum(theirs) / 1e6
            bound = " (bound 3)" if size == 4 else ""
            line += f", piighost {their_rate:5.2f}: x{rate / their_rate:.2f}{bound}"
        print(line)
    print("  (piighost restores exact placeholders only; ours sees through decoration as well)")


def _stretches(restorer: Any, text: str, size: int) -> list[float]:
    """Return the CPU seconds of each 200 pieces of a stream."""
    chunks = [text[i : i + size] for i in range(0, len(text), size)]
    seconds = []
    for at in range(0, len(chunks), 200):
        stretch = chunks[at : at + 200]
        start = time.process_time()
        for chunk in stretch:
            restorer.feed(chunk)
        seconds.append(time.process_time() - start)
    return seconds


def main() -> None:
    rules, default = default_detectors(presidio=False), default_detectors()
    one_text("rules", rules, 50_000)
    one_text("default detectors", default, 8_000)
    streaming()
    conversation("rules", rules)
    conversation("default detectors", default)


if __name__ == "__main__":
    main()
