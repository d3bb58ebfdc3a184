"""Many conversations in several processes, and the sum of what happened in them.

    python -m tests.integration_tests.conversations.many --conversations 10000 --processes 4

Prints the counts as one line of JSON for every seed that is done, and in the end their sum and one
sentence of it: how many conversations, turns and steps there were, how many values were looked for
in how many places, and what was found. Ends with 1 when something was found. `--seed` says where to
begin, and `--seconds` after how many seconds no further seed is begun.

With `--done FILE` each seed is kept with its counts and the commit, and is not run again at that
commit: the same command goes on where it was ended, until there are enough conversations.
"""

import argparse
import asyncio
import json
import multiprocessing
import shutil
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration_tests.conversations.house import House
from tests.integration_tests.conversations.machine import Conversations

USUAL = settings(
    deadline=None,
    database=None,
    stateful_step_count=14,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)
OF_A_SEED = 20
"""Examples that one seed gives, each with one to three persons."""
WRONG = ("real values found", "placeholders shown", "mix-ups", "other faults")


@contextmanager
def machines() -> Iterator[type[Conversations]]:
    """Open the places once for any number of examples."""
    with House() as house, asyncio.Runner() as runner:
        places = {"house": house, "runner": runner, "happened": Counter[str]()}
        yield type("Conversations", (Conversations,), places)


def talk(machine: type[Conversations], number: int) -> str | None:
    """Run the examples of a seed; returns the fault that ended them."""
    chosen = settings(USUAL, max_examples=OF_A_SEED, phases=[Phase.generate])
    try:
        run_state_machine_as_test(seed(number)(machine), settings=chosen)
    except (Exception, BaseExceptionGroup):
        return f"seed {number}: {traceback.format_exc()}"
    return None


def _process(numbers: "Left", enough: Event, told: "multiprocessing.Queue[Any]") -> None:
    """Run seeds until it is enough; tells the counts of each."""
    warnings.simplefilter("ignore")
    with machines() as machine:
        for number in numbers:
            if enough.is_set():
                break
            start = time.process_time()
            fault = talk(machine, number)
            counts = Counter(machine.happened)
            machine.happened.clear()
            counts["CPU milliseconds"] = round((time.process_time() - start) * 1000)
            told.put(Done(number, dict(counts), fault))
    told.put(None)


class Done(NamedTuple):
    """A seed that was run, what happened in it, and the fault that ended it."""

    seed: int
    counts: dict[str, int]
    fault: str | None


class Kept:
    """The seeds that are done at a commit, in a file with a line of JSON for each.

    Lines of other commits are left as they are and not counted.

    Args:
        path: The file; `None` to keep nothing.
        commit: Which.
    """

    def __init__(self, path: Path | None, commit: str) -> None:
        self._path, self._commit = path, commit

    def read(self) -> list[Done]:
        """Return what is done, each seed once."""
        if self._path is None or not self._path.exists():
            return []
        here = {}
        for text in self._path.read_text("utf-8").splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue  # half of one, of a process that was killed
            if line["commit"] == self._commit:
                here[line["seed"]] = line
        return [Done(line["seed"], line["counts"], line["fault"]) for line in here.values()]

    def add(self, done: Done) -> None:
        """Write a line."""
        if self._path is None:
            return
        line = json.dumps({"commit": self._commit, **done._asdict()}, ensure_ascii=False)
        with self._path.open("a+", encoding="utf-8") as file:
            file.seek(max(file.tell() - 1, 0))
            begun = file.read() not in {"", "\n"}
            file.write("\n" * begun + f"{line}\n")


def run(
    wanted: int,
    *,
    processes: int,
    first: int = 0,
    seconds: float = float("inf"),
    kept: Kept | None = None,
) -> tuple[Counter[str], list[str]]:
    """Run many conversations.

    Args:
        wanted: How many at least, with those that are done.
        processes: In how many processes.
        first: The first seed.
        seconds: After how many seconds no further seed is begun.
        kept: What is done, and where more of it is kept.

    Returns:
        What happened how often, and the faults.
    """
    kept = kept or Kept(None, "")
    all_done = [each for each in kept.read() if each.seed >= first]
    total, faults = Counter[str](), list[str]()

    def had(done: Done) -> None:
        total.update(done.counts)
        total["seeds"] += 1
        if done.fault is not None:
            faults.append(done.fault)

    for each in all_done:
        had(each)
    if total["conversations"] >= wanted:
        return total, faults
    spawn: Any = multiprocessing.get_context("spawn")
    told, enough = spawn.Queue(), spawn.Event()
    clock = threading.Timer(seconds, enough.set) if seconds < float("inf") else None
    seen = frozenset(each.seed for each in all_done)
    started = [
        spawn.Process(target=_process, args=(Left(first + at, processes, seen), enough, told))
        for at in range(processes)
    ]
    for process in started:
        process.start()
    if clock is not None:
        clock.start()
    running = processes
    while running:
        done = told.get()
        if done is None:
            running -= 1
            continue
        kept.add(done)
        had(done)
        if total["conversations"] >= wanted:
            enough.set()
        print(json.dumps({"seed": done.seed} | done.counts), flush=True)
        if done.fault is not None:
            print(done.fault, file=sys.stderr, flush=True)
    for process in started:
        process.join()
    if clock is not None:
        clock.cancel()
    return total, faults


class Left:
    """The seeds of one process that are not done, without an end; it can be sent to a process."""

    def __init__(self, first: int, step: int, done: frozenset[int]) -> None:
        self._next, self._step, self._done = first, step, done

    def __iter__(self) -> "Left":
        return self

    def __next__(self) -> int:
        while self._next in self._done:
            self._next += self._step
        found, self._next = self._next, self._next + self._step
        return found


def summary(total: Counter[str], faults: Sequence[str], commit: str) -> str:
    """Return what can be published, in one line."""
    n = defaultdict(lambda: "0", {name: f"{count:,}" for name, count in total.items()})
    return (
        f"commit {commit}: {n['conversations']} conversations in {n['seeds']} seeds, "
        f"{n['turns']} turns, {n['steps']} steps ({', '.join(_times(total))}): "
        f"{n['real values found']} of {n['private values']} private values found in "
        f"{', '.join(_places(total))}; {n['placeholders shown']} placeholders shown in "
        f"{n['copies read']} copies that persons and local tools read ({n['local calls']} local "
        f"calls), {n['mix-ups']} mix-ups, {n['other faults']} other faults; "
        f"{len(faults)} seeds ended with a fault; "
        f"{total['CPU milliseconds'] / 1000:,.0f} CPU seconds"
    )


def _times(total: Counter[str]) -> Iterator[str]:
    """Yield how often the app was disturbed."""
    for name, written in DISTURBED.items():
        yield f"{total[name]:,} {written}"


def _places(total: Counter[str]) -> Iterator[str]:
    """Yield how much of each place was searched."""
    for name, count in sorted(total.items()):
        if name.endswith(SEARCHED):
            yield f"{count:,} {name.removesuffix(SEARCHED)}"


DISTURBED = {
    "at the same time": "turns of two at once",
    "decisions": "decisions of a person",
    "errors": "errors",
    "ends": "cancellations",
    "restart": "restarts",
    "rotate": "new keys",
    "forget": "erasures",
}
SEARCHED = " searched"


def _commit() -> str:
    """Return the commit of the tree, with a word where the tree has changes."""
    here = Path(__file__).parent
    git: list[str] = [shutil.which("git") or "git", "-C", str(here)]
    named = subprocess.run(
        [*git, "describe", "--always", "--dirty", "--exclude=*", "--abbrev=10"],
        capture_output=True,
        text=True,
        check=True,
    )
    return named.stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--done", type=Path)
    given = parser.parse_args()
    commit = _commit()
    if given.done is not None and commit.endswith("-dirty"):
        parser.error("--done keeps what is done at a commit, and this tree has changes")
    total, faults = run(
        given.conversations,
        processes=given.processes,
        first=given.seed,
        seconds=given.seconds,
        kept=Kept(given.done, commit),
    )
    print(json.dumps({"faults": len(faults)} | dict(sorted(total.items())), indent=2))
    print(summary(total, faults, commit))
    return 1 if faults or any(total[name] for name in WRONG) else 0


if __name__ == "__main__":
    sys.exit(main())
