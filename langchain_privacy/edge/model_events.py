"""The v3 stream of a private chat model: events and what is put together of them, with real values.

`stream_events(version="v3")` of a chat model returns a `ChatModelStream`, whose texts, reasoning,
calls and final message are made of the events that it is given. Behind the edge a stream of the
model itself runs, masked, as its callbacks see it; its events are restored and make a second one,
which the caller gets.

```python
stream = private(model, masker).stream_events("Write to jane@example.org", version="v3")
for delta in stream.text:
    print(delta, end="")
stream.output  # the whole message
```
"""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

from langchain_core.language_models.chat_model_stream import (
    AsyncChatModelStream,
    ChatModelStream,
)

from langchain_privacy.edge.run import EdgeRun, all_off_loop
from langchain_privacy.edge.streams import ProtocolEventRestorer

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
