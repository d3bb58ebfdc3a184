"""What the guard, the ledger and the trace guard cost; guarded, plain and a peer in one run.

    python benchmarks/egress.py [--rounds 200] [--turns 50] [--runs 20]

The crossing: 8,000 characters of new text to a model that answers at once, 500 values in the
vault, the ledger a SQLite file that is synchronised to the disk at every record. The traced run: a
conversation of 50 turns of 1,000 characters through a LangGraph agent, traced by LangSmith's client
to a server in this process; with a scripted model that answers at once (the strict figure: next to
nothing but LangGraph and the tracer is left to compare with) and with one that takes 20 ms a call.
Four agents take ten turns each in rotation until their traces are sent, so that what else the
machine does falls on all: one traced by a guarded client, one by LangSmith's own anonymizer with
three regular expressions, and two by plain ones; the second plain one, the control, shows how much
the rest of the machine is. What is added is the sum, over the five blocks, of the median
difference, ± its standard error. The vault gets a value in every turn. CPU is the whole process's.
"""

import argparse
import gc
import math
import random
import statistics
import string
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `tests.support`, from anywhere

from benchmarks.measured.peers import versions
from benchmarks.measured.record import run
from benchmarks.measured.tables import Table
from benchmarks.measured.turns import mb, memory

CHARACTERS, VALUES = 8_000, 500
QUESTION, ANSWER = 400, 600
MODEL_SECONDS = 0.02
BLOCK = 10
PATTERNS = [
    {"pattern": r"[\w.+-]+@[\w-]+\.[\w.]+", "replace": "<email>"},
    {"pattern": r"\+?\d[\d -]{7,}\d", "replace": "<number>"},
    {"pattern": r"\b\d{3}-\d{2}-\d{4}\b", "replace": "<ssn>"},
]
"""What LangSmith's guide gives its anonymizer, and phone numbers."""


def words(chance: random.Random, size: int) -> str:
    vocabulary = [
        "".join(chance.choices(string.ascii_lowercase, k=chance.randint(2, 11)))
        for _ in range(3000)
    ]
    return " ".join(chance.choices(vocabulary, k=size // 5))[:size]


def values(chance: random.Random) -> list[tuple[str, str]]:
    def name(size: int) -> str:
        return "".join(chance.choices(string.ascii_lowercase, k=size)).title()

    made = []
    for i in range(VALUES // 4):
        made += [
            ("PERSON", f"{name(6)} {name(8)}"),
            ("EMAIL", f"{name(7).lower()}.{i}@example.org"),
            ("PHONE", f"+1 415 {chance.randint(200, 999)} {chance.randint(1000, 9999)}"),
            ("ADDRESS", f"{chance.randint(10, 999)} {name(9)} Street"),
        ]
    return made


def error_of_median(found: list[float]) -> float:
    """Return the standard error of a median, from the spread of the middle half."""
    lower, _, upper = statistics.quantiles(found, n=4)
    return 1.253 * (upper - lower) / 1.349 / math.sqrt(len(found))


def crossing(rounds: int) -> Table:
    from langchain_core.messages import HumanMessage

    from langchain_privacy import EgressGuard, EgressLedger, Masker
    from langchain_privacy.vault import session_scope
    from tests.support.scripted import ScriptedChatModel

    chance = random.Random(8)
    masker = Masker()
    session = masker.session("bench").vault
    for entity_type, value in values(chance):
        session.issue(entity_type, value)
    with tempfile.TemporaryDirectory() as folder:
        ledger = EgressLedger(Path(folder) / "ledger.sqlite")
        plain = ScriptedChatModel(responses=["ok"])
        guarded = EgressGuard(masker, ledger=ledger).wrap(ScriptedChatModel(responses=["ok"]))
        # Masked, as it is when it gets to the guard: random words look like names to a detector.
        masking = masker.session("bench")
        texts = [masking.mask(words(chance, CHARACTERS)) for _ in range(rounds + 10)]
        # And again: a word of one may be a name that the masker learnt from a later one.
        texts = [masking.mask(text) for text in texts]
        times: dict[str, list[float]] = {"plain": [], "guarded": []}
        cpu: dict[str, list[float]] = {"plain": [], "guarded": []}
        with session_scope(session):
            for i, text in enumerate(texts):
                # In turn, each first as often as second.
                order = [("plain", plain), ("guarded", guarded)]
                for label, model in order if i % 2 else reversed(order):
                    message = [HumanMessage(text)]
                    start, busy = time.perf_counter(), time.thread_time()
                    model.invoke(message)
                    if i >= 10:
                        times[label].append(time.perf_counter() - start)
                        cpu[label].append(time.thread_time() - busy)
            held = {
                label: mb(memory(lambda m=model: [m.invoke([HumanMessage(t)]) for t in texts[:20]]))
                for label, model in (("plain", plain), ("guarded", guarded))
            }
        added = sorted((g - p) * 1e3 for g, p in zip(times["guarded"], times["plain"], strict=True))
        report = ledger.verify()
    p95 = added[int(len(added) * 0.95)]
    busy = (statistics.median(cpu["guarded"]) - statistics.median(cpu["plain"])) * 1e3
    rows = [
        [label, f"{statistics.median(found) * 1e3:.3f} ms", held[label]]
        for label, found in times.items()
    ]
    rows += [
        ["added, median", f"{statistics.median(added):.3f} ms", "–"],
        ["added, 95 of 100 within", f"{p95:.3f} ms", "–"],
        ["of the median: CPU", f"{busy:.3f} ms", "–"],
    ]
    ratio = statistics.median(times["guarded"]) / statistics.median(times["plain"])
    return Table(
        name="egress",
        title="A crossing: examined, decided, recorded",
        columns=["a call of a model that answers at once", "clock", "peak memory"],
        rows=rows,
        ratio=f"A guarded call adds {busy:.2f} ms of CPU; guarded / plain {ratio:.1f} with a model "
        "that takes no time, which no real one does.",
        how=f"{CHARACTERS:,} characters of masked text, {VALUES} values in the vault, a ledger in "
        f"a SQLite file that is synchronised to the disk at every record; {rounds} pairs, the "
        f"ledger of {report.records} records verified.",
        not_measured="a peer: none of those read here looks at what leaves a second time, or keeps "
        "a ledger.",
    )


def traced(turns: int, rounds: int, seconds: float) -> Table:
    import langsmith
    from langchain.agents import create_agent
    from langchain_core.messages import HumanMessage
    from langchain_core.tracers.langchain import LangChainTracer
    from langgraph.checkpoint.memory import InMemorySaver
    from langsmith.anonymizer import create_anonymizer

    from langchain_privacy import Masker, install_tracing_guard
    from tests.support.http import LangSmithServer
    from tests.support.scripted import ScriptedChatModel

    chance = random.Random(9)
    masker = Masker()
    session = masker.session("bench").vault
    for entity_type, value in values(chance):
        session.issue(entity_type, value)

    def answer(text: str) -> Any:
        def respond(_: Any) -> str:
            time.sleep(seconds)
            return text

        return respond if seconds else text

    labels = ("plain", "guarded", "anonymizer", "control")
    # Of each block of turns, every time that it took.
    blocks = [range(at, min(at + BLOCK, turns)) for at in range(0, turns, BLOCK)]
    wall: dict[str, list[list[float]]] = {label: [[] for _ in blocks] for label in labels}
    cpu: dict[str, list[list[float]]] = {label: [[] for _ in blocks] for label in labels}
    with LangSmithServer() as server:
        clients = {
            label: langsmith.Client(
                api_url=server.url,
                api_key="k",
                anonymizer=create_anonymizer(PATTERNS) if label == "anonymizer" else None,
            )
            for label in labels
        }
        start = time.thread_time()
        guard = install_tracing_guard(masker, client=clients["guarded"])
        guard.scrubber.holds("")
        reading = time.thread_time() - start
        for i in range(rounds + 1):
            questions = [words(chance, QUESTION) for _ in range(turns)]
            answers = [words(chance, ANSWER) for _ in range(turns)]
            agents = {
                label: create_agent(
                    ScriptedChatModel(responses=[answer(text) for text in answers]),
                    tools=[],
                    checkpointer=InMemorySaver(),
                )
                for label in labels
            }
            for block, each in enumerate(blocks):
                first = (block + i) % len(labels)
                for label in labels[first:] + labels[:first]:
                    config: Any = {
                        "configurable": {"thread_id": "t"},
                        "callbacks": [LangChainTracer(client=clients[label])],
                    }
                    gc.collect()
                    start, busy = time.perf_counter(), time.process_time()
                    for turn in each:
                        session.issue("PERSON", f"{label.title()}{i} Issued{turn}")
                        agents[label].invoke({"messages": [HumanMessage(questions[turn])]}, config)
                    clients[label].flush()
                    if i:  # the first round warms up
                        cpu[label][block].append(time.process_time() - busy)
                        wall[label][block].append(time.perf_counter() - start)
            server.requests.clear()
        guard.remove()
    shown: dict[str, dict[str, tuple[float, float]]] = {}
    for name, times in (("CPU", cpu), ("clock", wall)):
        base = sum(map(statistics.median, times["plain"]))
        shown[name] = {"plain": (base, 1.0)}
        for label in labels[1:]:
            blocks_added = [
                [other - one for one, other in zip(*pair, strict=True)]
                for pair in zip(times["plain"], times[label], strict=True)
            ]
            added = sum(map(statistics.median, blocks_added))
            error = math.hypot(*map(error_of_median, blocks_added)) / base
            shown[name][label] = (base + added, 1 + added / base)
            shown[name][f"± {label}"] = (error, error)
    rows = [
        [
            label,
            *(
                cell
                for name in ("CPU", "clock")
                for cell in (
                    f"{shown[name][label][0] * 1e3:.0f} ms",
                    f"{shown[name][label][1]:.3f}"
                    + (f" ± {shown[name][f'± {label}'][0]:.3f}" if label != "plain" else ""),
                )
            ),
        ]
        for label in labels
    ]
    model = f"a model of {seconds * 1e3:.0f} ms a call" if seconds else "a model that takes no time"
    return Table(
        name="tracing" if seconds else "tracing-strict",
        title=f"The trace guard: {turns} traced turns with {model}",
        columns=["traced by", "CPU", "by plain", "clock", "by plain"],
        rows=rows,
        ratio=f"CPU with the trace guard / without {shown['CPU']['guarded'][1]:.3f}, with "
        f"LangSmith's anonymizer {shown['CPU']['anonymizer'][1]:.3f}, control "
        f"{shown['CPU']['control'][1]:.3f}.",
        how=f"{VALUES} values in the vault and one more a turn; {rounds} runs of each, {BLOCK} "
        "turns in rotation until the traces are sent. The anonymizer has three regular expressions "
        f"and knows no names. Once, {reading * 1e3:.0f} ms to install and to read the vault's "
        "values.",
        not_measured="memory; the network to a real LangSmith.",
        versions=versions("langsmith"),
    )


def measure(arguments: argparse.Namespace) -> list[Table]:
    tables = [crossing(arguments.rounds)]
    return tables + [
        traced(arguments.turns, arguments.runs, seconds) for seconds in (0.0, MODEL_SECONDS)
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--turns", type=int, default=50)
    parser.add_argument("--runs", type=int, default=20)
    run(measure, parser)
