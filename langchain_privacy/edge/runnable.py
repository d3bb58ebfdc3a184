"""`private()` for any Runnable that is no graph: chains, models, retrievers, functions.

`edge.private` calls `PrivateRunnable`, which masks what goes in, with the arguments of the call and
those that were bound before, and restores what comes out, as one piece or as it streams, also as
the v3 events of a chat model.

Example:
    ```python
    chain = PrivateRunnable(prompt | model | StrOutputParser(), masker)
    for piece in chain.stream({"question": "Who is Jane Doe?"}, config):
        print(piece, end="")
    ```
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from langchain_core.language_models.chat_model_stream import (
    AsyncChatModelStream,
    ChatModelStream,
)
from langchain_core.runnables import Runnable, RunnableBinding, RunnableConfig
from langchain_core.runnables.utils import Input, Output

from langchain_privacy.edge.composing import Composing
from langchain_privacy.edge.control import masked_tool, with_names
from langchain_privacy.edge.run import (
    EdgeRun,
    SessionOf,
    all_off_loop,
    off_loop,
    open_run,
    scoped,
    scoped_async,
)
from langchain_privacy.edge.steps import prepared, with_parts
from langchain_privacy.edge.streams import (
    CallbackEventRestorer,
    ProtocolEventRestorer,
    arestore_stream,
    restore_stream,
)
from langchain_privacy.errors import ConfigurationError, InlineMediaError
from langchain_privacy.masking import Masker


class PrivateRunnable(Composing, Runnable[Input, Output]):
    """Masks before `inner` starts and restores after it ended.

    It opens no run, so that the first thing that callbacks see of a call is masked already.
    """

    def __init__(
        self,
        inner: Runnable[Input, Output],
        masker: Masker,
        guard: Any = None,
        session: SessionOf | None = None,
    ) -> None:
        self._session = session
        self._inner = inner
        self._masker = masker
        self._guard = guard
        self.name = getattr(inner, "name", None)  # a `RunnableLambda` of a lambda has none

    def __repr__(self) -> str:
        return f"<PrivateRunnable of {type(self._inner).__name__}>"

    def get_name(self, suffix: str | None = None, *, name: str | None = None) -> str:
        """Return the name of the wrapped Runnable."""
        return self._inner.get_name(suffix, name=name)

    def get_graph(self, config: RunnableConfig | None = None) -> Any:
        """Return the graph of the wrapped Runnable."""
        return self._inner.get_graph(config)

    @property
    def InputType(self) -> Any:  # noqa: N802
        """The type that the wrapped Runnable takes."""
        return self._inner.InputType

    @property
    def OutputType(self) -> Any:  # noqa: N802
        """The type that the wrapped Runnable gives."""
        return self._inner.OutputType

    def get_input_schema(self, config: RunnableConfig | None = None) -> Any:
        """Return the schema of what the wrapped Runnable takes."""
        return self._inner.get_input_schema(config)

    def get_output_schema(self, config: RunnableConfig | None = None) -> Any:
        """Return the schema of what the wrapped Runnable gives."""
        return self._inner.get_output_schema(config)

    @property
    def config_specs(self) -> Any:
        """The fields that may be configured."""
        return self._inner.config_specs

    def edge(self, x: Any) -> Any:
        """Put this edge around another Runnable."""
        return PrivateRunnable(x, self._masker, self._guard, self._session)

    def bind_tools(self, *args: Any, **kwargs: Any) -> Any:
        """Bind tools to the chat model behind the edge; their descriptions are masked."""
        return self.edge(self._inner.bind_tools(*args, **kwargs))  # type: ignore[attr-defined]

    def with_structured_output(self, *args: Any, **kwargs: Any) -> Any:
        """Have the chat model behind the edge answer by a schema; its parser sees real values."""
        return self.edge(self._inner.with_structured_output(*args, **kwargs))  # type: ignore[attr-defined]

    def _enter(
        self, config: RunnableConfig | None, x: Any, kwargs: dict[str, Any]
    ) -> tuple[EdgeRun, Any, Any, dict[str, Any]]:
        run = open_run(self._masker, config, guard=self._guard, session=self._session)
        inner = prepared(masked_bindings(run, self._inner), self._masker)
        return run, inner, run.mask(x), masked_arguments(run, kwargs)

    def invoke(self, input: Input, config: RunnableConfig | None = None, **kwargs: Any) -> Output:  # noqa: A002
        """Mask the input, invoke, restore the output."""
        run, inner, masked, kwargs = self._enter(config, input, kwargs)
        with run.scope():
            output = inner.invoke(masked, run.config, **kwargs)
        return run.restore(output)  # type: ignore[no-any-return]

    async def ainvoke(
        self,
        input: Input,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Output:
        """Like `invoke`, without blocking the event loop."""
        run, inner, masked, kwargs = await asyncio.to_thread(self._enter, config, input, kwargs)
        with run.scope():
            output = await inner.ainvoke(masked, run.config, **kwargs)
        return await off_loop(run.session, run.restore, output)

    def stream(
        self,
        input: Input,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Output]:
        """Mask the input and restore the output as it streams."""
        run, inner, masked, kwargs = self._enter(config, input, kwargs)
        pieces = scoped(run, inner.stream(masked, run.config, **kwargs))
        yield from pieces if run.inside else restore_stream(run.session, pieces)

    async def astream(
        self,
        input: Input,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any | None,
    ) -> AsyncIterator[Output]:
        """Like `stream`, without blocking the event loop."""
        run, inner, masked, kwargs = await asyncio.to_thread(self._enter, config, input, kwargs)
        pieces = scoped_async(run, inner.astream(masked, run.config, **kwargs))
        restored = pieces if run.inside else arestore_stream(run.session, pieces)
        async with aclosing(restored) as chunks:
            async for chunk in chunks:
                yield chunk

    def stream_events(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        *,
        version: str = "v2",
        **kwargs: Any,
    ) -> Any:
        """Stream the events of a chat model with real values; see `BaseChatModel.stream_events`.

        Raises:
            NotImplementedError: The version is not `v3`, or the wrapped Runnable has none.
        """
        if version != "v3":
            plain: Any = super().stream_events
            return plain(input, config, version=version, **kwargs)
        run, inner, masked, kwargs = self._enter(config, input, kwargs)
        with run.scope():
            given = inner.stream_events(masked, run.config, version="v3", **kwargs)
        return given if run.inside else restored_stream(run, given)

    def astream_events(  # type: ignore[override]
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        *,
        version: str = "v2",
        **kwargs: Any,
    ) -> AsyncIterator[Any] | Awaitable[Any]:
        """Stream events with real values; see `Runnable.astream_events`.

        Version `v3` is awaited and gives the stream of a chat model.
        """
        if version == "v3":
            return self._model_events(input, config, kwargs)
        return self._events(input, config, version, kwargs)

    async def _model_events(
        self, x: Any, config: RunnableConfig | None, kwargs: dict[str, Any]
    ) -> Any:
        run, inner, masked, kwargs = await asyncio.to_thread(self._enter, config, x, kwargs)
        with run.scope():
            given = await inner.astream_events(masked, run.config, version="v3", **kwargs)
        return given if run.inside else arestored_stream(run, given)

    async def _events(
        self, x: Any, config: RunnableConfig | None, version: str, kwargs: dict[str, Any]
    ) -> AsyncIterator[Any]:
        run, inner, masked, kwargs = await asyncio.to_thread(self._enter, config, x, kwargs)
        given = scoped_async(
            run, inner.astream_events(masked, run.config, version=version, **kwargs)
        )
        events = CallbackEventRestorer(run.session)
        async with aclosing(given):
            async for event in given:
                fed = [event] if run.inside else await off_loop(run.session, events.feed, event)
                for restored in fed:
                    yield restored


# ---- What goes to the wrapped Runnable beside its input: arguments of the call, and bound ones.


def masked_arguments(run: EdgeRun, arguments: dict[str, Any]) -> dict[str, Any]:
    """Mask the arguments of a call; what cannot be looked into, such as a class, stays.

    Headers that name a credential stay too: it is meant for the server that they go to.
    """
    return {name: _masked_argument(run, name, value) for name, value in arguments.items()}


_CREDENTIALS = re.compile(r"auth|key|token|cookie|secret", re.IGNORECASE)


def _masked_argument(run: EdgeRun, name: str, value: Any) -> Any:
    if name in ("headers", "extra_headers") and isinstance(value, Mapping):
        return {
            header: held if _CREDENTIALS.search(str(header)) else run.mask(held)
            for header, held in value.items()
        }
    if name == "tools" and isinstance(value, list):
        return [masked_tool(run.session, t) if isinstance(t, dict) else t for t in value]
    try:
        return with_names(name, value, run.mask(value))
    except InlineMediaError:
        raise
    except ConfigurationError:
        return value


def masked_bindings(run: EdgeRun, x: Any) -> Any:
    """Return a Runnable whose bound arguments are masked, wherever they are bound in a chain."""
    x = with_parts(x, lambda part: masked_bindings(run, part))
    bound = masked_arguments(run, dict(x.kwargs)) if isinstance(x, RunnableBinding) else {}
    return x if not bound or bound == x.kwargs else x.model_copy(update={"kwargs": bound})


# ---- The v3 stream of a chat model
#
# `stream_events(version="v3")` of a chat model returns a `ChatModelStream`, whose texts, reasoning,
# calls and final message are made of the events that it is given. Behind the edge a stream of the
# model itself runs, masked, as its callbacks see it; its events are restored and make a second one,
# which the caller gets.

_MESSAGE = "message"
"""There is one message in a stream."""


def restored_stream(run: EdgeRun, masked: ChatModelStream) -> ChatModelStream:
    """Return the stream of a model with real values; it runs as its events are asked for."""
    stream = ChatModelStream()
    restorer = ProtocolEventRestorer(run.session)
    events: list[Iterator[Any]] = []

    def pump() -> bool:
        try:
            with run.scope():
                if not events:
                    events.append(iter(masked))
                event = next(events[0], None)
            if event is None:
                return False
            for restored in restorer.feed(event, _MESSAGE):
                stream.dispatch(restored)
        except BaseException as error:  # noqa: BLE001 - the stream raises it where it is read
            stream.fail(error)
            return False
        return True

    stream.bind_pump(pump)
    return stream


def arestored_stream(run: EdgeRun, masked: AsyncChatModelStream) -> AsyncChatModelStream:
    """Like `restored_stream`; a task of its own reads the model's stream from the first reader on.

    Closing the stream closes the model's.
    """
    stream = AsyncChatModelStream()
    restorer = ProtocolEventRestorer(run.session)

    async def produce() -> None:
        try:
            with run.scope():
                async with aclosing(masked):
                    async for event in masked:
                        fed = await all_off_loop(run.session, restorer.feed, event, _MESSAGE)
                        for restored in fed:
                            stream.dispatch(restored)
        except asyncio.CancelledError as error:
            stream.fail(error)
            raise
        except BaseException as error:  # noqa: BLE001 - the stream raises it where it is read
            stream.fail(error)

    async def start() -> None:
        if stream._producer_task is None:  # noqa: SLF001 - what LangChain's own models set
            stream._producer_task = asyncio.create_task(produce())  # noqa: SLF001

    stream.set_start(start)
    return stream
