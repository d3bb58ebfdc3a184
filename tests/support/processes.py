"""Processes to kill, to starve and to start anew, in a moment instead of ten seconds of imports.

Each is forked from a server that has imported everything and started nothing: nothing of the test's
own process is in it. `target` is a function at the top of a module; what it returns is sent back.

    process = Process(work, folder, "store")
    process.kill()
    assert Process(work, folder, "store").result() == "done"
"""

import multiprocessing
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

_context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
if sys.platform != "win32":
    _context.set_forkserver_preload(["tests.support.warm"])


class Process:
    """A process that calls a function."""

    def __init__(self, target: Callable[..., Any], *args: Any) -> None:
        self._result, end = _context.Pipe(duplex=False)
        self._process = _context.Process(target=_call, args=(end, target, args), daemon=True)
        self._process.start()
        end.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def result(self) -> Any:
        """Wait for what the function returns, or for the process to die: then an `EOFError`."""
        try:
            return self._result.recv()
        finally:
            self._process.join()

    def reaches(self, event: threading.Event) -> bool:
        """Wait until the process has brought an event about, or has died before."""
        while not event.wait(0.05) and self.alive:
            pass
        return event.is_set()


def _call(end: Connection, target: Callable[..., Any], args: tuple[Any, ...]) -> None:
    end.send(target(*args))
