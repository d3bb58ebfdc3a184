"""A run of a scenario: a thread that tells events, and whoever listens to them.

```python
run = Run(lambda run: run.tell("text", delta="Hello"))
run.start()
async for event in run.follow(after=0):
    print(event)  # {"id": 1, "event": "text", "delta": "Hello"}, then "end"
```

Events are kept until the run is forgotten, so that a page which lost its connection goes on where
it was, and a second page sees the same.
"""

import asyncio
import itertools
import queue
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from langchain_privacy.errors import PrivacyError
from langchain_privacy.locale import Language, said_again

Event = dict[str, Any]
Body = Callable[["Run"], None]


class StoppedError(Exception):
    """The person stopped the run."""


class Run:
    """One run.

    Args:
        body: What it does; it tells events by `tell` and looks at `check` between its steps.
        language: The reader's, for errors.
    """

    def __init__(self, body: Body, language: Language = "en") -> None:
        self._body, self._language = body, language
        self._events: list[Event] = []
        self._lock = threading.Lock()
        self._listening: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._stopped = threading.Event()
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True, name="scenario")

    @property
    def ended(self) -> bool:
        """Whether the last event has been told."""
        return bool(self._events) and self._events[-1]["event"] == "end"

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the run to end; it does so after the step that it is in."""
        self._stopped.set()
        self._said.put("")

    def join(self, seconds: float) -> None:
        """Wait for the end."""
        self._thread.join(seconds)

    # ---- for the body

    def tell(self, event: str, **about: Any) -> None:
        """Tell an event to whoever listens, now or later."""
        with self._lock:
            self._events.append({"id": len(self._events) + 1, "event": event, **about})
            listening = list(self._listening)
        for loop, woken in listening:
            loop.call_soon_threadsafe(woken.set)

    def check(self) -> None:
        """Raise where the person has stopped the run.

        Raises:
            StoppedError: It was stopped.
        """
        if self._stopped.is_set():
            raise StoppedError

    def ask(self, **about: Any) -> str:
        """Ask the person, and wait for `say`.

        Returns:
            `"approve"` or `"reject"`.

        Raises:
            StoppedError: The run was stopped while it waited.
        """
        self.tell("ask", **about)
        said = self._said.get()
        self.check()
        self.tell("decided", decision=said)
        return said

    def say(self, decision: str) -> None:
        """Answer what `ask` asked."""
        self._said.put(decision)

    def _run(self) -> None:
        outcome = "done"
        try:
            self._body(self)
        except StoppedError:
            outcome = "stopped"
        except PrivacyError as error:  # ours hold no private value
            outcome = "failed"
            said = said_again(str(error), self._language)
            self.tell("error", kind=type(error).__name__, message=said)
        except Exception as error:  # noqa: BLE001 the text of a foreign one may hold anything
            outcome = "failed"
            self.tell("error", kind=type(error).__name__, message="")
        self.tell("end", outcome=outcome)

    # ---- for the page

    async def follow(self, after: int = 0) -> AsyncIterator[Event]:
        """Yield the events after a number, as they are told, to the end of the run."""
        me = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._listening.add(me)
        try:
            while True:
                me[1].clear()
                for event in itertools.islice(self._events, after, len(self._events)):
                    after = event["id"]
                    yield event
                    if event["event"] == "end":
                        return
                if after == len(self._events):
                    await me[1].wait()
        finally:
            with self._lock:
                self._listening.discard(me)
