"""The soak's traffic for a moment: every lane is right, every error ours, nothing stays open.

`python benchmarks/soak.py` goes on for half an hour and looks at memory as well.
"""

import sys

import pytest

from benchmarks.soak import SERVICE, Done, Soak, judge, soak

LOOKS, EACH = 4, 6


@pytest.mark.skipif(sys.platform != "linux", reason="counts what /proc shows")
def test_mixed_traffic_leaves_nothing_open() -> None:
    def work(soaking: Soak) -> None:
        for _ in range(LOOKS):
            soaking.rounds(EACH)

    done = soak(work)
    assert set(done.turns.values()) == {EACH * LOOKS}
    assert len(done.turns) == 6
    assert done.foreign == 0, done.errors
    for who in done.samples.of:
        for what in ("descriptors", "threads", "tasks"):
            # The first look is after every lane has opened its connections. Clients close and open
            # some; what a lane leaves open at every turn would be three times this.
            series = done.samples.series(who, what)
            assert series[-1] - series[0] < EACH, (who, what, series)


def test_what_grows_is_said() -> None:
    done = Done()
    for minute in range(12):
        done.samples.at.append(minute * 60.0)
        held = {
            "MB": 100.0 + minute,
            "descriptors": 20.0 + minute % 3,
            "threads": 3.0,
            "tasks": 1.0,
        }
        done.samples.of.setdefault("flat", []).append({**held, "MB": 100.0 + minute % 2})
        done.samples.of.setdefault("gateway", []).append(held)
        done.samples.of.setdefault(SERVICE, []).append({**held, "descriptors": 20.0 + minute})
    judge(done, since=60.0)
    assert done.growing == [
        "memory of gateway by 7.8%", f"memory of {SERVICE} by 7.8%", f"descriptors of {SERVICE}"
    ]  # fmt: skip
