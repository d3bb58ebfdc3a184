"""Random conversations: no value outside, no placeholder for a person, nobody's value mixed up.

The long test makes `LANGCHAIN_PRIVACY_TEST_CONVERSATIONS` of them (10,000), beginning with the seed
`LANGCHAIN_PRIVACY_TEST_SEED`, so that several processes can share them.
"""

import asyncio
import os
import traceback
from collections import Counter
from collections.abc import Iterator
from time import process_time

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration_tests.conversations.house import House
from tests.integration_tests.conversations.machine import Conversations

WANTED = int(os.environ.get("LANGCHAIN_PRIVACY_TEST_CONVERSATIONS", "10000"))
EXAMPLES = 8
FIRST = int(os.environ.get("LANGCHAIN_PRIVACY_TEST_SEED", "0"))
USUAL = settings(
    deadline=None,
    database=None,
    stateful_step_count=14,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)
OFTEN = ("ends", "errors", "local calls")
RARE = (
    *OFTEN, "at the same time", "decisions", "forget", "remote calls", "restart", "rotate"
)  # fmt: skip
"""What must have happened, or a test says little."""
WRONG = ("real values found", "placeholders shown", "mix-ups", "other faults")


@pytest.fixture
def machine() -> Iterator[type[Conversations]]:
    with House() as house, asyncio.Runner() as runner:
        places = {"house": house, "runner": runner, "happened": Counter()}
        yield type("Conversations", (Conversations,), places)


def test_a_few(machine: type[Conversations]) -> None:
    chosen = settings(USUAL, max_examples=EXAMPLES, derandomize=True)
    run_state_machine_as_test(machine, settings=chosen)
    assert not [name for name in OFTEN if not machine.happened[name]]
    assert machine.happened["conversations"] >= 7
    assert machine.happened["copies read"] >= 100


@pytest.mark.slow
def test_many(machine: type[Conversations]) -> None:
    """A fault ends the examples of its seed and not the test, which counts what it finds."""
    number, faults = FIRST, []
    while machine.happened["conversations"] < WANTED:
        chosen = settings(USUAL, max_examples=50, phases=[Phase.generate])
        try:
            run_state_machine_as_test(seed(number)(machine), settings=chosen)
        except (Exception, BaseExceptionGroup):
            faults.append(f"seed {number}: {traceback.format_exc()}")
            print(faults[-1], flush=True)
        number += 1
        print(f"next seed {number}, {process_time():.0f} s: {dict(machine.happened)}", flush=True)
    assert not faults, "\n".join(faults)
    assert not [name for name in WRONG if machine.happened[name]]
    assert not [name for name in RARE if not machine.happened[name]]
