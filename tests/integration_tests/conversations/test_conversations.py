"""Random conversations: no value outside, no placeholder for a person, nobody's value mixed up.

The long test makes `LANGCHAIN_PRIVACY_TEST_CONVERSATIONS` of them (10,000), beginning with the seed
`LANGCHAIN_PRIVACY_TEST_SEED`, in `LANGCHAIN_PRIVACY_TEST_PROCESSES` processes; `many.py` is the
same as a program that prints what happened.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration_tests.conversations.machine import Conversations
from tests.integration_tests.conversations.many import USUAL, WRONG, machines, run

WANTED = int(os.environ.get("LANGCHAIN_PRIVACY_TEST_CONVERSATIONS", "10000"))
FIRST = int(os.environ.get("LANGCHAIN_PRIVACY_TEST_SEED", "0"))
PROCESSES = int(os.environ.get("LANGCHAIN_PRIVACY_TEST_PROCESSES", "1"))
EXAMPLES = 12
OFTEN = ("ends", "errors", "local calls")
RARE = (
    *OFTEN, "at the same time", "decisions", "forget", "remote calls", "restart", "rotate"
)  # fmt: skip
"""What must have happened, or a test says little."""


@pytest.fixture
def machine() -> Iterator[type[Conversations]]:
    with machines() as made:
        yield made


def test_a_few(machine: type[Conversations]) -> None:
    chosen = settings(USUAL, max_examples=EXAMPLES, derandomize=True)
    run_state_machine_as_test(machine, settings=chosen)
    assert not [name for name in OFTEN if not machine.happened[name]]
    assert machine.happened["conversations"] >= 7
    assert machine.happened["copies read"] >= 100


@pytest.mark.slow
def test_many() -> None:
    """A fault ends the examples of its seed and not the test, which counts what it finds."""
    happened, faults = run(WANTED, processes=PROCESSES, first=FIRST)
    assert not faults, "\n".join(faults)
    assert not [name for name in WRONG if happened[name]]
    assert not [name for name in RARE if not happened[name]]
