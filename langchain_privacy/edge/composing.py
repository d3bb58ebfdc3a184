"""What is composed of a private object stays private.

`with_retry`, `with_fallbacks`, `map`, `assign`, `pick` and `as_tool` put a Runnable around the one
that they are called on, and its run would record what goes in before the edge inside masks it. So
the methods of private graphs and Runnables put an edge around the composition: what is inside finds
its session there.

```python
agent = private(graph, masker).with_retry(stop_after_attempt=2)  # an edge around the retries
```
"""

from collections.abc import Callable
from typing import Any, cast

from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import PrivateAttr

from langchain_privacy.edge.run import EdgeRun, off_loop, open_run
from langchain_privacy.masking import Masker
from langchain_privacy.subclassing import recast, subclass_maker


class Composing(Runnable[Any, Any]):
    """The methods that compose; a private class comes with this before its base.

    Attributes:
        edge: Puts an edge around a Runnable: `private`, with the masker and the guard.
    """

    _masker: Masker
    _guard: Any
    _session: Any

    def edge(self, x: Any) -> Any:
        """Put an edge around a Runnable."""
        raise NotImplementedError

    def with_retry(self, **kwargs: Any) -> Any:
        """Retry behind the edge; see `Runnable.with_retry`."""
        return self.edge(super().with_retry(**kwargs))

    def with_fallbacks(self, *args: Any, **kwargs: Any) -> Any:
        """Fall back behind the edge; see `Runnable.with_fallbacks`."""
        return self.edge(super().with_fallbacks(*args, **kwargs))

    def map(self) -> Any:
        """Take a list behind the edge; see `Runnable.map`."""
        return self.edge(super().map())

    def assign(self, **kwargs: Any) -> Any:
        """Assign behind the edge, to masked values; see `Runnable.assign`."""
        return self.edge(super().assign(**kwargs))

    def pick(self, keys: Any) -> Any:
        """Pick behind the edge; see `Runnable.pick`."""
        return self.edge(super().pick(keys))

    def as_tool(self, *args: Any, **kwargs: Any) -> BaseTool:
        """Make a tool that masks before its run starts; see `Runnable.as_tool`."""
        made: Any = super().as_tool(*args, **kwargs)
        recast(made, _behind_edge(type(made)))
        made._edge_of = self  # noqa: SLF001
        return cast("BaseTool", made)


class _EdgeTool(BaseTool):
    """Marks the tools that have an edge of their own."""

    _edge_of: Any = PrivateAttr(default=None)


def _entered(tool: Any, given: Any, kwargs: dict[str, Any]) -> tuple[EdgeRun, Any, dict[str, Any]]:
    of = tool._edge_of  # noqa: SLF001
    run = open_run(of._masker, kwargs.get("config"), guard=of._guard, session=of._session)  # noqa: SLF001
    recorded = {name: run.mask(kwargs[name]) for name in _RECORDED if kwargs.get(name)}
    return run, run.mask(given), {**kwargs, **recorded, "config": run.config}


_RECORDED = ("tags", "metadata", "run_name")


@subclass_maker(_EdgeTool, prefix="Private")
def _behind_edge(base: Any) -> dict[str, Callable[..., Any]]:
    """A tool's class that masks its input before its run starts and restores its result after."""

    def run(self: Any, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
        edge, masked, settings = _entered(self, tool_input, kwargs)
        with edge.scope():
            result = base.run(self, masked, *args, **settings)
        return edge.restore(result)

    async def arun(self: Any, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
        edge, masked, settings = _entered(self, tool_input, kwargs)
        with edge.scope():
            result = await base.arun(self, masked, *args, **settings)
        return await off_loop(edge.session, edge.restore, result)

    return {"run": run, "arun": arun}
