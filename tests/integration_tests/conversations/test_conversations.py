"""Random conversations: no value outside, no placeholder for a person, nobody's value mixed up.

The long test makes `LANGCHAIN_PRIVACY_TEST_CONVERSATIONS` of them (10,000), beginning with the seed
`LANGCHAIN_PRIVACY_TEST_SEED`, in `LANGCHAIN_PRIVACY_TEST_PROCESSES` processes; `many.py` is the
same as a program that prints what happened.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from langchain_privacy.vault import StoreVault
from tests.integration_tests.conversations.drawn import Way
from tests.integration_tests.conversations.machine import Conversations
from tests.integration_tests.conversations.many import (
    USUAL,
    WRONG,
    Done,
    Kept,
    Left,
    machines,
    run,
    summary,
)
from tests.integration_tests.conversations.model import Answer, Call, Quote
from tests.integration_tests.conversations.process import Shape

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


def test_what_is_done_is_kept_and_not_run_again(tmp_path: Path) -> None:
    kept, other = (Kept(tmp_path / "done", commit) for commit in ("a" * 10, "b" * 10))
    counts = {"conversations": 7, "turns": 20, "files searched": 3, "private values": 5}
    for each in (Done(3, counts, None), Done(4, counts, "seed 4: found")):
        kept.add(each)
    other.add(Done(5, counts, None))
    with (tmp_path / "done").open("a") as file:
        file.write('{"commit": "aaaaaaaaaa", "se')  # a process that was killed
    kept.add(Done(6, counts, None))
    assert [each.seed for each in kept.read()] == [3, 4, 6]
    assert [each.seed for each in other.read()] == [5]
    total, faults = run(20, processes=1, first=3, kept=kept)
    assert total["conversations"] == 21 and faults == ["seed 4: found"]
    assert "commit a: 21 conversations in 3 seeds, 60 turns" in summary(total, faults, "a")
    assert "0 of 15 private values found in 9 files" in summary(total, faults, "a")
    assert [seed for seed, _ in zip(Left(1, 2, frozenset({3, 7})), "abc", strict=False)] == [
        1,
        5,
        9,
    ]


READ = (Answer(("Here:",), (Call("look_up", ("about",)),)), Answer((Quote(2),)))


def _forgotten(machine: type[Conversations], *plans: Sequence[Answer]) -> None:
    """A person talks, is forgotten and goes on, with a record in the app's database."""
    talk = machine()
    try:
        mine, _ = talk.open(Shape(), 3, [False, False]).values
        talk.ask(mine, ["person"], [], ["korean phone"], plans[0], Way("invoke"))
        talk.nothing_is_wrong()
        talk.operate("forget", mine.number)
        talk.go_on(mine, [], plans[1], Way("invoke"))
        talk.nothing_is_wrong()
    finally:
        talk.teardown()


def test_a_record_that_is_first_read_after_forgetting_is_whole(
    machine: type[Conversations],
) -> None:
    before = machine.happened["copies read"]
    _forgotten(machine, (), READ)
    assert machine.happened["copies read"] - before >= 4


@pytest.mark.parametrize("plan", [(), READ], ids=["said", "said and looked up"])
def test_a_vault_that_forgets_nothing_is_found_out(
    machine: type[Conversations], plan: Sequence[Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoreVault, "forget", lambda *_, **__: 0)
    with pytest.raises(AssertionError, match="which was forgotten"):
        _forgotten(machine, plan, ())


@pytest.mark.slow
def test_many() -> None:
    """A fault ends the examples of its seed and not the test, which counts what it finds."""
    happened, faults = run(WANTED, processes=PROCESSES, first=FIRST)
    assert not faults, "\n".join(faults)
    assert not [name for name in WRONG if happened[name]]
    assert not [name for name in RARE if not happened[name]]
