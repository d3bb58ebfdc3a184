"""CPU time and memory of contestants that take turns, so that a busy machine meets all of them."""

import ctypes
import gc
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Work = Callable[[], object]


def cpu(work: Work) -> float:
    """Return the CPU seconds that this process takes for it, all threads together."""
    start = time.process_time()
    work()
    return time.process_time() - start


def in_turns(contestants: Mapping[str, Work], rounds: int) -> dict[str, list[float]]:
    """Return the CPU seconds of each in each round; who goes first changes from round to round."""
    names = list(contestants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for at in range(rounds):
        first = at % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(cpu(contestants[name]))
    return seconds


def paired(theirs: list[float], ours: list[float]) -> float:
    """Return the median, over the rounds, of their figure by ours."""
    return statistics.median(t / o for t, o in zip(theirs, ours, strict=True))


def memory(work: Work) -> float | None:
    """Return by how many MB the peak of the resident set rises, `None` where Linux does not say.

    Measured in a process that has imported everything and done the work once, after freed memory
    was given back, so that it counts what the work holds and needs at once.
    """
    if sys.platform != "linux":
        return None
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak begins anew
    before = _status("VmRSS")
    kept = work()
    rise = (_status("VmHWM") - before) / 1024
    del kept
    return max(0.0, rise)


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def mb(found: float | None) -> str:
    """Write MB, or that they are not known."""
    return "–" if found is None else f"{found:.1f} MB"


def ms(seconds: float) -> str:
    """Write milliseconds."""
    return f"{seconds * 1e3:.{2 if seconds < 0.01 else 1}f} ms"


def median_ms(seconds: list[float]) -> str:
    """Write the median of some runs, in milliseconds."""
    return ms(statistics.median(seconds))


def result_of(work: Callable[[], Any], into: list[Any]) -> Work:
    """Return the same work with its result kept, for what is to be checked afterwards."""

    def kept() -> None:
        into[:] = [work()]

    return kept
