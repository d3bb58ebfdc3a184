"""Masking, restoring and streaming: ours beside Presidio, PIIMiddleware and piighost.

    python benchmarks/masking.py [--rounds 9]

All in one process, over the same texts. CPU time, medians of rounds in which who goes first
changes; the ratios are medians of what each round gave. Presidio is its analyzer with the
recognizers it comes with and its anonymizer (`encrypt`, the one that its deanonymizer can undo);
piighost, which brings a pipeline and asks for detectors, has ours; PIIMiddleware has its five kinds
of value.
"""

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `benchmarks`, from anywhere

from langchain.agents.middleware import PIIMiddleware
from langchain_core.messages import HumanMessage

from benchmarks import masking_peers as peers
from benchmarks.measured import turns
from benchmarks.measured.peers import versions
from benchmarks.measured.record import run
from benchmarks.measured.tables import Plot, Table
from langchain_privacy import Masker
from langchain_privacy.detection import (
    Detector,
    Finding,
    default_detectors,
    high_confidence_detectors,
)

SENTENCE = """the invoice for March was sent to accounting and nobody has answered yet so please
look into it before the meeting on the second floor where the new plan for the garden is discussed
"""
WORDS = SENTENCE.split()
KINDS = ("email", "credit_card", "ip", "mac_address", "url")


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


def own_share(detectors: list[Detector], text: str) -> float:
    """Return our own cost as a share of the detectors', the median of some runs."""
    shares = []
    for _ in range(5):
        timed = [Timed(detector) for detector in detectors]
        session = Masker(list(timed)).session()
        whole = turns.cpu(lambda s=session: s.mask(text))
        found = sum(detector.seconds for detector in timed)
        shares.append((whole - found) / found)
    return statistics.median(shares)


# ---- one text


def pii_middleware(text: str) -> str:
    """Redact as the middleware does before a model call, kind after kind."""
    state: Any = {"messages": [HumanMessage(text)]}
    for middleware in MIDDLEWARES:
        state = middleware.before_model(state, None) or state  # type: ignore[arg-type]
    return str(state["messages"][0].content)


MIDDLEWARES: list[Any] = [PIIMiddleware(kind) for kind in KINDS]  # type: ignore[arg-type]


def one_text(rounds: int) -> Table:
    text = prose(random.Random(1), 4_000)
    k = len(text) / 1e3
    rules, default = default_detectors(presidio=False), default_detectors()
    presidio, pipeline = peers.Presidio(), peers.piighost_pipeline(default)
    thread = iter(range(10**6))

    def piighost() -> Any:
        return asyncio.run(pipeline.anonymize(text, f"t{next(thread)}"))

    makers: dict[str, Callable[[], Any]] = {
        "ours, rules": lambda: Masker(rules).session().mask(text),
        "ours, default": lambda: Masker(default).session().mask(text),
        "Presidio": lambda: presidio.anonymize(text).text,
        "piighost, our detectors": lambda: piighost().text,
        "PIIMiddleware": lambda: pii_middleware(text),
    }
    masked = {name: make() for name, make in makers.items()}
    seconds = turns.in_turns(makers, rounds)
    held = {name: turns.memory(make) for name, make in makers.items()}
    planted = sum(word in text for word in set(text.split()) if "@" in word or "010-" in word)
    left = {
        name: sum(word in out for word in set(text.split()) if "@" in word or "010-" in word)
        for name, out in masked.items()
    }
    back = {"PIIMiddleware": "no"}
    default_times = seconds["ours, default"]
    rows = [
        [
            name,
            turns.ms(statistics.median(times) / k),
            f"{turns.paired(times, default_times):.2f}",
            turns.mb(held[name]),
            f"{left[name]} of {planted}",
            back.get(name, "yes"),
        ]
        for name, times in seconds.items()
    ]
    theirs = turns.paired(seconds["Presidio"], default_times)
    own = own_share(default, text)
    return Table(
        name="masking",
        title="Masking a text once",
        columns=[
            *("", "1,000 characters", "by ours, default", "peak memory"),
            *("planted addresses and numbers left", "comes back"),
        ],
        rows=rows,
        ratio=f"Presidio / ours with the default detectors, which have Presidio among them: "
        f"{theirs:.2f}. Of ours, {own:.1%} of the detectors' time is our own.",
        how=f"One English text of {len(text):,} characters with an e-mail address, a Korean phone "
        "number or a card number among 50 words; a new session each time.",
        not_measured="other languages, and how well names are found: "
        "[detection quality](detection-quality.md).",
        versions=versions("presidio-analyzer", "presidio-anonymizer", "piighost", "langchain"),
        plot=Plot(
            "bars", "Masking 1,000 characters once", "", "milliseconds of CPU time",
            {n: [(0.0, statistics.median(t) / k * 1e3)] for n, t in seconds.items()}, log=True,
        ),
    )  # fmt: skip


def restoring(rounds: int) -> Table:
    text = prose(random.Random(4), 20_000)
    session = Masker(high_confidence_detectors()).session()
    masked = session.mask(text)
    presidio, pipeline = peers.Presidio(), peers.piighost_pipeline(high_confidence_detectors())
    encrypted = presidio.anonymize(text)

    async def once() -> Any:
        return (await pipeline.anonymize(text, "t")).text

    tokens = asyncio.run(once())
    contestants: dict[str, Callable[[], str]] = {
        "ours": lambda: session.restore(masked),
        "Presidio, decrypt": lambda: presidio.restore(encrypted),
        "piighost": lambda: asyncio.run(pipeline.deanonymize(tokens, "t")),
    }
    whole = {name: restore() == text for name, restore in contestants.items()}
    seconds = turns.in_turns(contestants, rounds)
    k = len(text) / 1e3
    rows = [
        [
            name,
            turns.ms(statistics.median(times) / k),
            f"{turns.paired(times, seconds['ours']):.2f}",
            turns.mb(turns.memory(contestants[name])),
            "yes" if whole[name] else "no",
        ]
        for name, times in seconds.items()
    ]
    return Table(
        name="restoring",
        title="Restoring a text",
        columns=["", "1,000 characters", "by ours", "peak memory", "the text as it was"],
        rows=rows,
        ratio=f"Presidio / ours {turns.paired(seconds['Presidio, decrypt'], seconds['ours']):.2f}, "
        f"piighost / ours {turns.paired(seconds['piighost'], seconds['ours']):.2f}.",
        how=f"{masked.count('[')} placeholders in {len(text):,} characters. Ours looks for "
        "placeholders that a model wrote differently as well; Presidio decrypts at the places that "
        "its own result names, so the text must be the one it made; piighost replaces its exact "
        "tokens.",
        not_measured="texts that a real model rewrote: [spellings](spellings.md).",
        versions=versions("presidio-anonymizer", "piighost"),
    )


# ---- streams


def streaming(rounds: int) -> Table:
    text = prose(random.Random(3), 40_000)
    session = Masker(high_confidence_detectors()).session()
    masked = session.mask(text)
    assert session.restore(masked) == text
    decoder, tokens = peers.piighost_decoder(session.vault.entries())
    theirs_masked = masked
    for placeholder, token in tokens.items():
        theirs_masked = theirs_masked.replace(placeholder, token)
    rows, ratios = [], {}
    for size in (1, 4, 20):
        seconds = turns.in_turns(
            {
                "ours": lambda size=size: _fed(session.restorer(), masked, size),
                "theirs": lambda size=size: _fed(decoder(), theirs_masked, size),
            },
            rounds,
        )
        ours, theirs = (statistics.median(seconds[name]) for name in ("ours", "theirs"))
        ratios[size] = turns.paired(seconds["theirs"], seconds["ours"])
        rows.append(
            [
                f"{size}",
                f"{len(masked) / ours / 1e6:.2f} M/s",
                f"{len(theirs_masked) / theirs / 1e6:.2f} M/s",
                f"{ratios[size]:.2f}",
            ]
        )
    return Table(
        name="streaming",
        title="Restoring a stream",
        columns=["characters a piece", "ours, characters", "piighost, characters", "ours faster"],
        rows=rows,
        ratio=f"In pieces of 4 characters ours is {ratios[4]:.1f} times as fast (bound 3).",
        how=f"{masked.count('[')} placeholders in {len(text):,} characters. piighost knows exact "
        "tokens, ours decorated ones as well. PIIMiddleware and Presidio restore no streams.",
        not_measured="memory: both hold back one placeholder at most; the network.",
        versions=versions("piighost"),
    )


def _fed(restorer: Any, text: str, size: int) -> None:
    for at in range(0, len(text), size):
        restorer.feed(text[at : at + size])


def measure(arguments: argparse.Namespace) -> list[Table]:
    return [f(arguments.rounds) for f in (one_text, restoring, streaming)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    run(measure, parser)
