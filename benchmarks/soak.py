"""Mixed traffic for a while: does memory stay flat, do descriptors, and is every error ours?

    python benchmarks/soak.py --minutes 30 [--warm-up 5] [--every 15] [--trace]

One process does what a service does (`soak_traffic.py`): agents with tools and threads, questions
to a database, an attested model, a local proxy, the door. Every lane goes on at once when it is
done, so that the process is at capacity. The gateway and the proxy are processes of their own. Each
of the three says what it holds after a collection and after freed memory was given back, so that
what grows is held by somebody and is no fragmentation. Ends with 1 when memory after the warm-up
grows by more than 5 %, when descriptors, threads or tasks grow, or at an error that is not ours.
`--trace` prints where in Python the memory of the service was taken that it did not give back.
"""

import argparse
import ctypes
import gc
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import traceback
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `benchmarks`, from anywhere

import httpx

from benchmarks.measured.record import run
from benchmarks.measured.tables import Plot, Table
from benchmarks.secure import process
from benchmarks.soak_traffic import SIMULATED, TOKEN, Lane, Places, Traffic, model_answers
from langchain_privacy.errors import PrivacyError
from langchain_privacy.secure import SimulatedTee, UnsafePolicyWarning, create_gateway
from langchain_privacy.secure.proxy import LocalProxy
from langchain_privacy.testing import OpenAIServer

warnings.simplefilter("ignore", UnsafePolicyWarning)
HELD = "/held"
GROWTH = 0.05
"""By how much memory may grow after the warm-up."""
SERVICE = "service"


def held() -> dict[str, float]:
    """Say what this process holds: MB after a collection, descriptors, threads."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    (resident,) = (int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return {
        "MB": resident / 1024,
        "descriptors": len(list(Path("/proc/self/fd").iterdir())) - 1,
        "threads": threading.active_count(),
        "tasks": 0,
    }


def telling(app: Any) -> Any:
    """Return the application, which also says at `HELD` what its process holds."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") != HELD:
            await app(scope, receive, send)
            return
        body = json.dumps(held()).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return asgi


def gateway_app() -> Any:
    return telling(create_gateway(os.environ["UPSTREAM"], SimulatedTee()))


def proxy_app() -> Any:
    return telling(LocalProxy(f"{os.environ['UPSTREAM']}/v1", SIMULATED, token=TOKEN))


def serve_model() -> None:
    """Be the model's server: print where, and go on until killed."""
    with OpenAIServer() as model:

        def answer(request: dict[str, Any]) -> Any:
            model.requests.clear()  # it records them for tests
            return model_answers(request)

        model.answers(answer)
        print(model.url, flush=True)
        threading.Event().wait()


@contextmanager
def servers() -> Iterator[Places]:
    """Start the model's server, the gateway and the proxy, each in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--serve-model"]
    model = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert model.stdout is not None
        url = model.stdout.readline().strip()
        with (
            process("soak:gateway_app", UPSTREAM=url) as gateway,
            process("soak:proxy_app", UPSTREAM=gateway) as proxy,
        ):
            yield Places(url, gateway, proxy)
    finally:
        model.kill()
        model.communicate()


@dataclass
class Samples:
    """What was counted, in order."""

    at: list[float] = field(default_factory=list)
    of: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def series(self, who: str, what: str, since: float = 0.0) -> list[float]:
        pairs = zip(self.at, self.of[who], strict=True)
        return [sample[what] for at, sample in pairs if at >= since]


@dataclass
class Done:
    """What a soak did."""

    turns: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str, bool]] = field(default_factory=Counter)
    """By lane and class, and whether it is ours."""
    samples: Samples = field(default_factory=Samples)
    growing: list[str] = field(default_factory=list)

    @property
    def foreign(self) -> int:
        return sum(count for (*_, ours), count in self.errors.items() if not ours)


class Soak:
    """Lanes that go on, and a look at what the processes hold."""

    def __init__(self, traffic: Traffic, done: Done) -> None:
        self._traffic, self.done = traffic, done
        self._began = time.monotonic()
        self._clients = {
            name: httpx.Client(base_url=url, timeout=600)
            for name, url in (
                ("gateway", traffic.places.gateway),
                ("proxy", traffic.places.proxy),
            )
        }

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def piece(self, lane: Lane, number: int) -> None:
        """Do one piece of a lane's work, and count how it ended."""
        try:
            lane.turn(number)
        except Exception as error:  # noqa: BLE001  every class is counted
            ours = isinstance(error, PrivacyError)
            key = (lane.name, type(error).__name__, ours)
            if not self.done.errors[key]:
                traceback.print_exception(error)
            self.done.errors[key] += 1
        self.done.turns[lane.name] += 1

    def look(self) -> None:
        """Take a sample of each process."""
        done = self.done.samples
        done.at.append(time.monotonic() - self._began)
        here = held() | {"tasks": self._traffic.tasks()}
        done.of.setdefault(SERVICE, []).append(here)
        for name, client in self._clients.items():
            done.of.setdefault(name, []).append(client.get(HELD).json())

    def for_seconds(self, seconds: float, every: float) -> None:
        """Keep every lane busy, and look now and then."""
        stop = threading.Event()

        def work(lane: Lane) -> None:
            while not stop.is_set():
                self.piece(lane, self.done.turns[lane.name])

        threads = [threading.Thread(target=work, args=(lane,)) for lane in self._traffic.lanes]
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            stop.wait(min(every, left))
            self.look()
        stop.set()
        for thread in threads:
            thread.join()

    def rounds(self, count: int) -> None:
        """Do so many pieces of every lane, all lanes at once, and look when all are done."""

        def work(lane: Lane) -> None:
            for _ in range(count):
                self.piece(lane, self.done.turns[lane.name])

        threads = [threading.Thread(target=work, args=(lane,)) for lane in self._traffic.lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.look()


def grown(series: Sequence[float]) -> float:
    """Return by how much the last third of a series is above the first, as a share."""
    third = max(1, len(series) // 3)
    first, last = statistics.median(series[:third]), statistics.median(series[-third:])
    return (last - first) / first if first else last


def judge(done: Done, since: float) -> None:
    """Write down what grows after the warm-up."""
    for who in done.samples.of:
        share = grown(done.samples.series(who, "MB", since))
        if share > GROWTH:
            done.growing.append(f"memory of {who} by {share:.1%}")
        for what in ("descriptors", "threads", "tasks"):
            series = done.samples.series(who, what, since)
            third = max(1, len(series) // 3)
            # What is open in the middle of a piece comes and goes; what leaks, stays.
            if min(series[-third:]) > max(series[:third]):
                done.growing.append(f"{what} of {who}")


def tables(done: Done, minutes: float, warm_up: float) -> list[Table]:
    since = warm_up * 60
    rows = []
    for who in done.samples.of:
        memory = done.samples.series(who, "MB", since)
        row = [who, f"{memory[0]:.0f} MB", f"{memory[-1]:.0f} MB", f"{grown(memory):+.1%}"]
        for what in ("descriptors", "threads", "tasks"):
            series = done.samples.series(who, what, since)
            row.append(f"{min(series):.0f}-{max(series):.0f}")
        rows.append(row)
    total = done.turns.total()
    names = ", ".join(f"{lane} {count:,}" for lane, count in done.turns.items())
    kinds = Counter[str]()
    for (_, kind, _), count in done.errors.items():
        kinds[kind] += count
    said = ", ".join(f"{kind} {count:,}" for kind, count in kinds.items()) or "none"
    worst = max(grown(done.samples.series(who, "MB", since)) for who in done.samples.of)
    plot = Plot(
        kind="lines",
        title="Memory in a soak",
        x="minutes",
        y="MB",
        series={
            who: [
                (at / 60, sample["MB"]) for at, sample in zip(done.samples.at, samples, strict=True)
            ]
            for who, samples in done.samples.of.items()
        },
    )
    return [
        Table(
            name="soak",
            title=f"A soak of {minutes:.0f} minutes at capacity",
            columns=[
                "process", "memory after the warm-up", "at the end", "grown",
                "descriptors", "threads", "tasks",
            ],
            rows=rows,
            ratio=f"{total:,} turns in {minutes:.0f} minutes; memory after the warm-up grows by "
            f"{max(worst, 0):.1%} at most (bound 5 %), errors that are not ours {done.foreign}.",
            how=f"One process works on all lanes at once ({names} turns), each as fast as it can; "
            f"gateway and proxy are processes of their own. Warm-up {warm_up:.0f} minutes, in "
            "which the sessions that a process keeps fill up. Memory is what is resident after a "
            "collection and after freed memory was given back; “grown” compares the medians of "
            "the first and the last third. Some 300 MB of the service are the model of Korean "
            "morphemes, loaded when a text first needs it. Part of the traffic, and no errors, are "
            "crossings that are refused, questions for a denied column and streams that their "
            "reader leaves. "
            f"Errors: {said}.",
            not_measured="days; models for names; PostgreSQL and Redis; a real model.",
            plot=plot,
        )
    ]  # fmt: skip


def soak(work: Callable[[Soak], None]) -> Done:
    """Start everything, do the work, and return what was counted."""
    done = Done()
    with servers() as places, TemporaryDirectory() as folder:
        os.environ.setdefault("LANGCHAIN_PRIVACY_HOME", folder)
        with Traffic(Path(folder), places) as traffic:
            soaking = Soak(traffic, done)
            try:
                work(soaking)
            finally:
                soaking.close()
    return done


def measure(arguments: argparse.Namespace) -> list[Table]:
    def work(soaking: Soak) -> None:
        if not arguments.trace:
            soaking.for_seconds(arguments.minutes * 60, arguments.every)
            return
        soaking.for_seconds(arguments.warm_up * 60, arguments.every)
        tracemalloc.start(12)
        soaking.for_seconds(60, arguments.every)
        before = tracemalloc.take_snapshot()
        soaking.for_seconds((arguments.minutes - arguments.warm_up) * 60 - 60, arguments.every)
        gc.collect()
        after = tracemalloc.take_snapshot()
        for each in after.compare_to(before, "traceback")[:12]:
            print(f"{each.size_diff / 1024:+.0f} kB, {each.count_diff:+} blocks")
            print("\n".join(each.traceback.format()))

    done = soak(work)
    judge(done, arguments.warm_up * 60)
    for (lane, kind, ours), count in done.errors.items():
        print(f"{lane}: {kind} {count:,} times{'' if ours else ', NOT OURS'}")
    arguments.failed = bool(done.growing or done.foreign)
    print("; ".join([f"growing: {what}" for what in done.growing]) or "nothing grows")
    return tables(done, arguments.minutes, arguments.warm_up)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--warm-up", type=float, default=5.0, help="minutes of them")
    parser.add_argument("--every", type=float, default=15.0, help="seconds between two looks")
    parser.add_argument("--serve-model", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--trace", action="store_true", help="say where memory was taken")
    if "--serve-model" in sys.argv:
        serve_model()
    outcome = argparse.Namespace(failed=False)

    def measured(arguments: argparse.Namespace) -> list[Table]:
        found = measure(arguments)
        outcome.failed = arguments.failed
        return found

    run(measured, parser)
    sys.exit(1 if outcome.failed else 0)
