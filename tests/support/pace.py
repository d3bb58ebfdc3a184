"""A clock for time limits that are the thing under test, which a busy machine does not hurry."""

import threading
import time
from types import TracebackType
from typing import Self

TICK = 0.02


class Pace:
    """Counts the ticks of a thread that sleeps for one tick at a time.

    On a machine with nothing else to do that is the time that passed. On a busy one a thread that
    wants to run has to wait, this one as well as what is tested, so that fewer ticks are counted
    for the same work:

        with Pace() as pace:
            work()
        assert pace.seconds < 2
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._ticks = 0

    def _count(self) -> None:
        while not self._stop.is_set():
            time.sleep(TICK)
            self._ticks += 1

    @property
    def seconds(self) -> float:
        """Seconds that passed, by the ticks."""
        return self._ticks * TICK

    def restart(self) -> None:
        """Begin to count anew."""
        self._ticks = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
