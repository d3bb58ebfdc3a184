"""Many conversations in several processes, and the sum of what happened in them.

    python -m tests.integration_tests.conversations.many --conversations 10000 --processes 4

Prints the counts as one line of JSON for every seed that is done, and in the end their sum: how
many conversations, turns and steps there were, how many values were looked for in how many places,
and what was found. Ends with 1 when something was found. `--seed` says where to begin, and
`--seconds` after how many seconds no further seed is begun.
"""

import argparse
import asyncio
import json
import multiprocessing
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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


def _process(
    first: int, step: int, wanted: int, until: float, told: "multiprocessing.Queue[Any]"
) -> None:
    """Run every `step`th seed until enough were had; tells the counts of each seed."""
    warnings.simplefilter("ignore")
    with machines() as machine:
        number, had, start = first, 0, time.process_time()
        while had < wanted and time.monotonic() < until:
            fault = talk(machine, number)
            counts = Counter(machine.happened)
            had += counts["conversations"]
            machine.happened.clear()
            told.put((number, dict(counts), time.process_time() - start, fault))
            number, start = number + step, time.process_time()
    told.put(None)


def run(
    wanted: int, *, processes: int, first: int = 0, seconds: float = float("inf")
) -> tuple[Counter[str], list[str]]:
    """Run many conversations.

    Args:
        wanted: How many at least.
        processes: In how many processes.
        first: The first seed.
        seconds: After how many seconds no further seed is begun.

    Returns:
        What happened how often, and the faults.
    """
    until = time.monotonic() + seconds
    spawn: Any = multiprocessing.get_context("spawn")
    told = spawn.Queue()
    share = -(-wanted // processes)
    started = [
        spawn.Process(target=_process, args=(first + at, processes, share, until, told))
        for at in range(processes)
    ]
    for each in started:
        each.start()
    total, faults, running = Counter[str](), list[str](), processes
    while running:
        each = told.get()
        if each is None:
            running -= 1
            continue
        number, counts, spent, fault = each
        total.update(counts)
        total["CPU seconds"] += round(spent)
        total["seeds"] += 1
        faults += [] if fault is None else [fault]
        print(json.dumps({"seed": number, "CPU seconds": round(spent)} | counts), flush=True)
        if fault is not None:
            print(fault, file=sys.stderr, flush=True)
    for each in started:
        each.join()
    return total, faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    given = parser.parse_args()
    total, faults = run(
        given.conversations, processes=given.processes, first=given.seed, seconds=given.seconds
    )
    print(json.dumps({"faults": len(faults)} | dict(sorted(total.items())), indent=2))
    return 1 if faults or any(total[name] for name in WRONG) else 0


if __name__ == "__main__":
    sys.exit(main())
