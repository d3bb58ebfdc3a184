"""Streams in any order: several at once, cut anywhere, broken, left, while their session changes.

A remote side streams what `streamed.py` draws, through `private()`, and quotes placeholders that it
was shown. What persons read is compared with the whole text restored at once; what a stream that
ended early has shown is the beginning of it, and never half a placeholder.
"""

import asyncio
import contextlib
import gc
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableGenerator
from langchain_core.utils.json import parse_partial_json
from langgraph.graph import START, MessagesState, StateGraph

from langchain_privacy import Masker, private
from langchain_privacy.detection import DictionaryDetector
from langchain_privacy.errors import SessionError
from langchain_privacy.masking.stream import JsonRestorer, StreamRestorer
from langchain_privacy.vault import PLACEHOLDER
from tests.unit_tests.edge.streamed import WAYS, RemoteError, Script, put_together

VALUES = {
    "PERSON": ["김하늘", "Mira Solheim"],
    "PASSWORD": ['a"b\\c\n9921'],
    "EMAIL": ["jane.doe@corp-secret.example"],
}
ALL = [value for values in VALUES.values() for value in values]
THREADS = ("one", "other")
_END: Any = object()
HALF = re.compile(r"\[[A-Z0-9_]+")
"""What a message that broke off may have ended in, and nobody is shown."""


class RemoteModel(BaseChatModel):
    """A model on an event loop that says what `remote` yields of the last text."""

    remote: Any

    @property
    def _llm_type(self) -> str:
        return "remote"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        async def texts() -> AsyncIterator[str]:
            yield messages[-1].text

        async for chunk in self.remote(texts()):
            yield ChatGenerationChunk(message=chunk)


def graph_of(model: BaseChatModel) -> Any:
    """Return a graph with this model as its only node."""

    async def node(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile()


@dataclass
class Stream:
    """A stream under way.

    Attributes:
        thread: Whose session it has.
        script: What the remote side streams.
        way: A key of `WAYS`.
        pull: Returns the next piece, `_END` behind the last.
        close: Leaves it.
        task: Makes the coroutine of a pull, on an event loop.
        stalled: Whether the remote side is to send nothing any more.
        waits: Whether it does.
        begun: Whether the remote side was asked.
        shown: What the person has read.
        whole: What each lane would say, restored, since the session was forgotten.
    """

    thread: str
    script: Script
    way: str
    pull: Callable[[], Any]
    close: Callable[[], Any]
    task: Callable[[], Any] | None = None
    stalled: asyncio.Event = field(default_factory=asyncio.Event)
    waits: asyncio.Event = field(default_factory=asyncio.Event)
    shown: list[Any] = field(default_factory=list)
    whole: dict[Any, str] | None = None
    begun: bool = False
    over: bool = False


class Streams(RuleBasedStateMachine):
    """Persons of two sessions, who read some streams at once."""

    picks = st.integers(0, 5)
    threads = st.sampled_from(THREADS)
    values = st.integers(0, len(ALL) - 1)

    def __init__(self) -> None:
        super().__init__()
        self.masker = Masker([DictionaryDetector(VALUES)])
        self.runner = asyncio.Runner()
        self.known: dict[str, list[str]] = {thread: [] for thread in THREADS}
        self.private: dict[str, set[str]] = {thread: set() for thread in THREADS}
        self.streams: list[Stream] = []
        self.saw: list[str] = []

    # ---- what happens

    @initialize(values=st.lists(st.tuples(threads, values), min_size=1, max_size=4))
    def begin(self, values: list[tuple[str, int]]) -> None:
        """Persons have said something before."""
        for thread, value in values:
            self.learn(thread, value)

    @rule(thread=threads, value=values)
    def learn(self, thread: str, value: int) -> None:
        """The session learns a value, and the remote side its placeholder: of a tool, perhaps."""
        self._learned(thread, {ALL[value]}, self.masker.session(thread).mask(ALL[value]))

    @rule(
        data=st.data(),
        way=st.sampled_from(list(WAYS)),
        thread=threads,
        said=st.lists(values, max_size=2),
        by=st.sampled_from(["stream", "astream", "astream_events", "graph"]),
    )
    def ask(self, data: Any, way: str, thread: str, said: list[int], by: str) -> None:
        """A person asks, and an answer begins to stream."""
        script = data.draw(WAYS[way].scripts())
        asked = "Who is " + " or ".join(ALL[value] for value in said)
        stalled, waits = asyncio.Event(), asyncio.Event()

        def remote(texts: Iterator[str]) -> Iterator[Any]:
            for text in texts:
                new.begun = True
                self._arrives(thread, said, text)
            yield from WAYS[way].pieces(script, self._quotes(thread))

        async def remote_on_loop(texts: AsyncIterator[str]) -> AsyncIterator[Any]:
            async for text in texts:
                new.begun = True
                self._arrives(thread, said, text)
            for piece in WAYS[way].pieces(script, self._quotes(thread)):
                if stalled.is_set():
                    waits.set()
                    await asyncio.Event().wait()
                yield piece
            if by == "graph":
                script.latest = ""  # LangChain's own end of the call comes behind it

        chain = private(RunnableGenerator(remote, remote_on_loop), self.masker)
        config: Any = {"configurable": {"thread_id": thread}}
        if by == "graph" and way == "message chunks":
            graph = private(graph_of(RemoteModel(remote=remote_on_loop)), self.masker)
            later = graph.astream({"messages": [("user", asked)]}, config, stream_mode="messages")
        elif by != "stream":
            later = getattr(chain, "astream_events" if by == "astream_events" else "astream")(
                asked, config
            )
        if by == "stream":
            pieces: Any = chain.stream(asked, config)
            new = Stream(thread, script, way, lambda: next(pieces, _END), pieces.close)
        else:

            async def pull() -> Any:
                while (found := await anext(later, _END)) is not _END:
                    if by != "astream_events":
                        return found[0] if isinstance(found, tuple) else found
                    if (found["event"], found["name"]) == ("on_chain_stream", chain.name):
                        return found["data"]["chunk"]
                return _END

            new = Stream(
                thread, script, way,
                lambda: self.runner.run(pull()), lambda: self.runner.run(later.aclose()),
                pull, stalled, waits,
            )  # fmt: skip
        self.streams.append(new)

    @precondition(lambda self: self.streams)
    @rule(pick=picks, count=st.integers(1, 60))
    def read(self, pick: int, count: int) -> None:
        """A person reads on."""
        stream = self.streams[pick % len(self.streams)]
        for _ in range(count):
            if not stream.over:
                self._pulled(stream, stream.pull)

    @precondition(lambda self: len(self.streams) > 1)
    @rule(pick=picks, other=picks)
    def read_two_at_once(self, pick: int, other: int) -> None:
        """Two persons read on at the same time, or one reads two answers, to their ends."""
        chosen = {index % len(self.streams) for index in (pick, other)}
        both = [self.streams[index] for index in chosen]
        on_loop = [stream for stream in both if stream.task]
        alone = [stream for stream in both if not stream.task]

        async def read_on(stream: Stream) -> None:
            assert stream.task is not None
            while not stream.over:
                await self._pulled_later(stream, stream.task())

        async def all_on_loop() -> None:
            await asyncio.gather(*map(read_on, on_loop))

        with ThreadPoolExecutor(2) as pool:
            ends = [pool.submit(copy_context().run, self._to_the_end, stream) for stream in alone]
            self.runner.run(all_on_loop())
            for end in ends:
                end.result()

    @precondition(lambda self: len(self.streams) > 2)
    @rule(pick=picks)
    def leave(self, pick: int) -> None:
        """A person goes away."""
        stream = self.streams.pop(pick % len(self.streams))
        stream.close()
        self._ended(stream)

    @precondition(lambda self: sum(self.is_awaited(stream) for stream in self.streams) > 1)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        """A person's task is cancelled while it waits for the next piece."""
        able = [stream for stream in self.streams if self.is_awaited(stream)]
        stream = able[pick % len(able)]

        async def cancelled() -> None:
            assert stream.task is not None
            stream.stalled.set()
            task = asyncio.ensure_future(stream.task())
            waits = asyncio.ensure_future(stream.waits.wait())
            await asyncio.wait({task, waits}, return_when=asyncio.FIRST_COMPLETED)
            for each in (task, waits):
                each.cancel()
            await self._pulled_later(stream, task)

        self.runner.run(cancelled())
        stream.close()
        self.streams.remove(stream)
        self._ended(stream)

    @precondition(lambda self: len(self.streams) > 2)
    @rule(thread=threads)
    def forget(self, thread: str) -> None:
        """A session is erased in the middle of what it streams."""
        for stream in self.streams:
            if stream.thread == thread and stream.begun and stream.whole is None:
                stream.whole = self._expected(stream)
        self.masker.vault.forget(thread)
        self.known[thread].clear()

    # ---- what must be

    @invariant()
    def nothing_private_left(self) -> None:
        """The remote side sees no value."""
        assert not [value for text in self.saw for value in ALL if value in text]
        self.saw.clear()

    def teardown(self) -> None:
        """Read to the ends, and look at what is left in memory."""
        while self.streams:
            self._to_the_end(self.streams[-1])
            self.streams.pop()
        self.nothing_private_left()
        self.runner.close()
        gc.collect()
        left = [x for x in gc.get_objects() if isinstance(x, (StreamRestorer, JsonRestorer))]
        assert not left

    @staticmethod
    def is_awaited(stream: Stream) -> bool:
        return stream.task is not None and not stream.over

    def _learned(self, thread: str, values: set[str], masked: str) -> None:
        self.private[thread] |= values
        issued = [found[0] for found in PLACEHOLDER.finditer(masked)]
        self.known[thread] += [each for each in issued if each not in self.known[thread]]
        self.saw.append(masked)

    def _arrives(self, thread: str, said: list[int], text: str) -> None:
        self._learned(thread, {ALL[value] for value in said}, text)

    def _quotes(self, thread: str) -> Callable[[int], str]:
        def quoted(pick: int) -> str:
            if pick < 0:
                others = [p for name in THREADS if name != thread for p in self.known[name]]
                return next((p for p in others if p not in self.known[thread]), "[EMAIL_ZZZZZZ]")
            known = self.known[thread]
            return known[-1 - pick % len(known)] if known else "nobody"

        return quoted

    def _pulled(self, stream: Stream, pull: Callable[[], Any]) -> None:
        with self._failing(stream):
            self._shown(stream, pull())

    def _to_the_end(self, stream: Stream) -> None:
        while not stream.over:
            self._pulled(stream, stream.pull)

    async def _pulled_later(self, stream: Stream, piece: Any) -> None:
        with self._failing(stream):
            self._shown(stream, await piece)

    @contextlib.contextmanager
    def _failing(self, stream: Stream) -> Iterator[None]:
        """A stream fails as its remote side does, and where its session was forgotten."""
        try:
            yield
        except (RemoteError, SessionError, asyncio.CancelledError) as error:
            stream.over = True
            assert not isinstance(error, SessionError) or stream.whole is not None
            assert not [value for value in ALL if value in str(error)]

    def _shown(self, stream: Stream, piece: Any) -> None:
        if piece is _END:
            stream.over = True
            self._ended(stream, complete=stream.whole is None)
            return
        gone = stream.whole is not None and stream.way != "dicts so far"
        mine = set() if gone else self.private[stream.thread]
        assert not [value for value in ALL if value not in mine and value in str(piece)]
        stream.shown.append(piece)

    def _expected(self, stream: Stream) -> dict[Any, Any]:
        """Return what each lane says in the end, restored at once."""
        session = self.masker.session(stream.thread)
        quotes, way, found = self._quotes(stream.thread), WAYS[stream.way], {}
        for lane in stream.script.lanes:
            whole = lane.whole(quotes)
            if stream.way == "dicts so far":
                found[way.key(lane)] = session.restore(last_parsed(lane.said))
            elif lane.is_json:
                restored = found[way.key(lane)] = session.restore_json(whole)
                for end in ("", '"}'):  # of one that is not written to the end
                    with contextlib.suppress(ValueError):
                        assert json.loads(restored + end) == session.restore(
                            json.loads(whole + end)
                        )
            else:
                found[way.key(lane)] = session.restore(whole)
        return found

    def _ended(self, stream: Stream, *, complete: bool = False) -> None:
        """Compare what was shown with the whole restored at once."""
        expected = self._expected(stream) if stream.whole is None else stream.whole
        if stream.way == "dicts so far":
            [whole] = expected.values()
            assert all(grows(piece, whole) for piece in stream.shown)
            assert not complete or stream.shown[-1:] in ([whole], [])
            return
        shown = put_together(stream.shown)
        for lane, text in expected.items():
            said = shown.get(lane, "")
            assert text.startswith(said)
            left = text.removeprefix(said)
            broken = stream.way == "message chunks" and stream.script.broke_off(lane[0])
            assert not (complete and left) or (broken and HALF.fullmatch(left))


def last_parsed(source: str) -> Any:
    """Return what was made of the longest beginning of a JSON text that can be read."""
    for end in range(len(source), 0, -1):
        with contextlib.suppress(ValueError):
            return parse_partial_json(source[:end])
    return None


def grows(before: Any, after: Any) -> bool:
    """Say whether a structure may be what there was of another one."""
    if isinstance(before, str) and isinstance(after, str):
        return after.startswith(before)
    if isinstance(before, dict) and isinstance(after, dict):
        return all(key in after and grows(before[key], after[key]) for key in before)
    return True  # a number, a list of numbers: they grow as well


_EXAMPLES = (settings.default or settings()).max_examples
Streams.TestCase.settings = settings(
    max_examples=_EXAMPLES // 8, stateful_step_count=30, deadline=None
)
TestStreams = Streams.TestCase
