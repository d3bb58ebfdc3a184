"""The soak's traffic for a moment: every lane is right, every error ours, nothing stays open.

`python benchmarks/soak.py` goes on for half an hour and looks at memory as well.
"""

import sys

import pytest

from benchmarks.soak import SERVICE, Soak, judge, soak

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts what /proc shows")
ROUNDS, EACH = 4, 6


def test_mixed_traffic_leaves_nothing_open() -> None:
    def work(soaking: Soak) -> None:
        soaking.rounds(EACH)  # every lane opens its connections
        soaking.done.samples.at.clear()
        soaking.done.samples.of.clear()
        for _ in range(ROUNDS):
            soaking.rounds(EACH)

    done = soak(work)
    assert set(done.turns.values()) == {EACH * (ROUNDS + 1)}
    assert len(done.turns) == 6
    assert done.foreign == 0
    judge(done, since=0.0, growth=1.0)  # of memory so few pieces say nothing
    assert done.growing == []
    assert done.samples.series(SERVICE, "tasks")[-1] <= 4
