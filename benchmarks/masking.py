"""What masking costs: detecting once, restoring, streaming; against rescanning, Presidio, piighost.

`python benchmarks/masking.py [--presidio]`. The detectors are the
rules, unless asked otherwise. Times are CPU seconds of this process, so that other work on the
machine counts little. Ratios are what matters. Peers that are not installed are
skipped by name.
"""

import argparse
import importlib.util
import random
import statistics
import time
from collections.abc import Callable
from functools import partial

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from langchain_privacy import Masker
from langchain_privacy.detection import Detector, Finding, detect_all, high_confidence_detectors

WORDS = [
    "the",
    "invoice",
    "for",
    "March",
    "was",
    "sent",
    "to",
    "accounting",
    "and",
    "nobody",
    "has",
    "answered",
    "yet",
    "so",
    "please",
    "look",
    "into",
    "it",
    "before",
    "the",
    "meeting",
    "on",
    "the",
    "second",
    "floor",
    "where",
    "the",
    "new",
    "plan",
    "for",
    "the",
    "garden",
    "is",
    "discussed",
]
TURNS = 50


def cpu(work: Callable[[], object], repeat: int = 5) -> float:
    """Return the least CPU seconds of some runs."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


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
    """Runs detectors and adds up what they cost."""

    name = "timed"

    def __init__(self, detectors: list[Detector]) -> None:
        self._detectors = detectors
        self.seconds = 0.0

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        start = time.process_time()
        found = detect_all(text, self._detectors, language=language)
        self.seconds += time.process_time() - start
        return found


def single_text(detectors: list[Detector]) -> None:
    text = prose(random.Random(1), 50_000)
    masker = Masker(detectors)
    masker.session().mask(text[:100])
    whole = own = float("inf")
    for _ in range(3):
        timed = Timed(detectors)
        session = Masker([timed]).session()
        total = cpu(lambda s=session: s.mask(text), repeat=1)
        whole, own = min(whole, total), min(own, total - timed.seconds)
    session = masker.session()
    masked = session.mask(text)
    assert session.restore(masked) == text
    restore = cpu(lambda: session.restore(masked))
    k, placeholders = len(text) / 1000, masked.count("[")
    print(f"one text of {k:.0f}k characters, {placeholders} placeholders")
    print(f"  mask            {whole / k * 1000:7.3f} ms per 1,000 characters")
    print(
        f"  of that our own {own / k * 1000:7.3f} ms = {own / (whole - own):.1%} of the detectors'"
    )
    print(f"  restore         {restore / k * 1000:7.3f} ms per 1,000 characters")


def conversation(name: str, detectors: list[Detector], *, slow: bool = False) -> None:
    """Mask the whole history before each turn, as an agent's model call does."""
    rng = random.Random(2)
    masker = Masker(detectors)
    masker.session().mask(prose(rng, 500))
    session = masker.session()
    history: list[BaseMessage] = []
    raw: list[str] = []
    ours, rescans = [], []
    for turn in range(TURNS):
        question, answer = prose(rng, 400), prose(rng, 600)
        raw += [question, answer]

        def one_turn(question: str = question, answer: str = answer) -> None:
            nonlocal history
            history = session.mask([*history, HumanMessage(question)])
            history = session.mask([*history, AIMessage(answer)])

        ours.append(cpu(one_turn, repeat=1))
        rescan_all = partial(list, (detect_all(t, detectors) for t in raw))
        if slow and turn < TURNS - 1:
            continue
        rescans.append(cpu(rescan_all, repeat=1))
    # one turn alone is noise: the median of turns 2-6 stands for turn 2, of 46-50 for turn 50
    early, late = statistics.median(ours[1:6]), statistics.median(ours[-5:])
    rescan = (
        sum(rescans) if len(rescans) == TURNS else rescans[-1] / TURNS * sum(range(1, TURNS + 1))
    )
    print(f"{TURNS} turns of 1,000 characters, {name}")
    print(
        f"  turns 2-6    {early * 1000:8.2f} ms; 46-50 {late * 1000:8.2f} ms: x{late / early:.2f}"
    )
    print(
        f"  whole        {sum(ours):8.3f} s; rescan {rescan:.3f} s: x{rescan / sum(ours):.1f} less"
    )


def streaming() -> None:
    text = prose(random.Random(3), 40_000)
    session = Masker(list(high_confidence_detectors())).session()
    masked = session.mask(text)
    chunks = [masked[i : i + 4] for i in range(0, len(masked), 4)]

    def ours() -> str:
        restorer = session.restorer()
        return "".join(map(restorer.feed, chunks)) + restorer.flush()

    assert ours() == text
    our_rate = len(masked) / cpu(ours, repeat=3)
    print(f"streaming, chunks of 4 characters\n  ours     {our_rate / 1e6:6.2f} M characters/s")
    if importlib.util.find_spec("piighost") is None:
        print("  piighost is not installed: skipped (pip install piighost==2.1.1)")
        return
    from piighost.components.placeholder.streaming import (
        PlaceholderStreamDecoder,
    )

    values = {f"<<{e.entity_type}:{e.code}>>": e.value for e in session.vault.entries()}
    theirs_text = masked
    for token in values:
        kind, code = token[2:-2].split(":")
        theirs_text = theirs_text.replace(f"[{kind}_{code}]", token)
    their_chunks = [theirs_text[i : i + 4] for i in range(0, len(theirs_text), 4)]

    def theirs() -> str:
        decoder = PlaceholderStreamDecoder(lambda token: values.get(token, token))
        return "".join(map(decoder.feed, their_chunks)) + decoder.flush()

    assert theirs() == text
    their_rate = len(theirs_text) / cpu(theirs, repeat=3)
    print(f"  piighost {their_rate / 1e6:6.2f} M characters/s: ours x{our_rate / their_rate:.2f}")
    print("  (piighost restores exact placeholders only; ours sees through decoration as well)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presidio", action="store_true", help="also with Presidio as detector")
    arguments = parser.parse_args()
    single_text(list(high_confidence_detectors()))
    streaming()
    conversation("rules", list(high_confidence_detectors()))
    if arguments.presidio:
        if importlib.util.find_spec("presidio_analyzer") is None:
            print("Presidio is not installed: skipped (pip install 'langchain-privacy[presidio]')")
            return
        from langchain_privacy.detection.presidio import PresidioDetector

        conversation("plain Presidio as the detector", [PresidioDetector()], slow=True)


if __name__ == "__main__":
    main()
