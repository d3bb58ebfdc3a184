"""Running an app as a person would, and keeping what the person reads and what is raised."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from langchain_core.runnables import Runnable

from langchain_privacy.testing.report import Shown, placeholders_in
from langchain_privacy.testing.texts import Text, texts


class Runs:
    """The half of a probe that runs an app.

    Attributes:
        reads: Says what of an answer a person reads; by default all of it.
    """

    def __init__(self) -> None:
        self.reads: Callable[[Any], Any] = lambda answer: answer
        self._errors: list[Text] = []
        self._shown: list[Shown] = []

    def _around(self, app: Any) -> AbstractContextManager[None]:
        """Make ready for an app."""
        raise NotImplementedError

    def invoke(self, app: Runnable[Any, Any], x: Any, config: Any = None, **kwargs: Any) -> Any:
        """Run an app; its answer is what the person reads, and its exception is examined."""
        with self._run(app):
            return self.show(app.invoke(x, config, **kwargs))

    async def ainvoke(
        self, app: Runnable[Any, Any], x: Any, config: Any = None, **kwargs: Any
    ) -> Any:
        """Run an app on the event loop."""
        with self._run(app):
            return self.show(await app.ainvoke(x, config, **kwargs))

    def stream(
        self, app: Runnable[Any, Any], x: Any, config: Any = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Stream an app; texts are examined in parts and as they add up."""
        lanes: dict[str, str] = {}
        try:
            with self._run(app):
                for part in app.stream(x, config, **kwargs):
                    _add(lanes, self.reads(part))
                    yield self.show(part, whole=False)
        finally:
            self._show_lanes(lanes)

    async def astream(
        self, app: Runnable[Any, Any], x: Any, config: Any = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Stream an app on the event loop."""
        lanes: dict[str, str] = {}
        try:
            with self._run(app):
                async for part in app.astream(x, config, **kwargs):
                    _add(lanes, self.reads(part))
                    yield self.show(part, whole=False)
        finally:
            self._show_lanes(lanes)

    @contextmanager
    def _run(self, app: Any) -> Iterator[None]:
        with self._around(app):
            try:
                yield
            except BaseException as error:
                self._errors += texts(error)
                raise

    def show(self, x: Any, *, whole: bool = True) -> Any:
        """Say that a person reads something, and return it: no placeholder may be left in it.

        Args:
            x: An answer, or a part of a stream.
            whole: Whether nothing comes after it; it may end with half a placeholder otherwise.
        """
        for place, text in texts(self.reads(x), "answer"):
            found = placeholders_in(text, place)
            self._shown += [s for s in found if whole or s.placeholder.endswith("]")]
        return x

    def _show_lanes(self, lanes: Mapping[str, str]) -> None:
        for place, text in lanes.items():
            self._shown += placeholders_in(text, f"{place}, added up")


def _add(lanes: dict[str, str], part: Any) -> None:
    for place, text in texts(part, "stream"):
        lanes[place] = lanes.get(place, "") + text
