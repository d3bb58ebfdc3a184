"""A crossing is held open in one way, and its receipt says once how it ended."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda

from langchain_privacy import EgressGuard, EgressLedger, Masker
from langchain_privacy.egress import CrossingRequest, EgressPolicy
from langchain_privacy.egress.payload import of_value
from langchain_privacy.errors import EgressBlockedError
from tests.support.http import RecordingServer, Reply
from tests.support.scripted import ScriptedChatModel

SECRET = "Jane Doe"
WHERE: Any = {"destination": "api.example.org", "model": "m", "purpose": "p"}


@pytest.fixture
def guard() -> EgressGuard:
    masker = Masker()
    masker.session("t").vault.issue("PERSON", SECRET)
    return EgressGuard(masker)


def outcomes(guard: EgressGuard) -> list[str | None]:
    return [c.outcome for c in guard.ledger]


def receipts(guard: EgressGuard) -> int:
    return sum(row["kind"] == "receipt" for row in guard.ledger.rows())


# ---- the context manager itself


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_refusal_that_a_client_wraps_comes_out_as_it_was(
    guard: EgressGuard, asynchronous: bool
) -> None:
    """OpenAI's and Anthropic's clients make a failed connection of whatever a transport raises."""

    def send() -> None:
        try:
            with guard.open(of_value(SECRET), **WHERE):
                pytest.fail("sent")
        except EgressBlockedError as refusal:
            raise ConnectionError("tried three times") from refusal

    def hold() -> None:
        with guard.open(of_value("hello"), **WHERE):
            send()

    async def ahold() -> None:
        async with await guard.aopen(of_value("hello"), **WHERE):
            send()

    with pytest.raises(EgressBlockedError) as caught:
        asyncio.run(ahold()) if asynchronous else hold()
    assert caught.value.rule.startswith("vault_value")
    assert caught.value.__suppress_context__
    assert [(c.decision, c.outcome) for c in guard.ledger] == [
        ("allowed", "failed"),
        ("blocked", None),
    ]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "answered"),
        (ConnectionError(), "failed"),
        (KeyboardInterrupt(), "failed"),
        (GeneratorExit(), "abandoned"),
        (asyncio.CancelledError(), "abandoned"),
    ],
)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_what_ends_the_block_says_the_outcome(
    guard: EgressGuard, error: BaseException | None, outcome: str, asynchronous: bool
) -> None:
    def act() -> None:
        if error is not None:
            raise error

    def hold() -> None:
        with guard.open(of_value("hello"), **WHERE) as crossing:
            assert outcomes(guard) == [None]
            crossing.received("answer")
            act()

    async def ahold() -> None:
        async with await guard.aopen(of_value("hello"), **WHERE) as crossing:
            crossing.received("answer")
            try:
                act()
            except KeyboardInterrupt:  # asyncio.run has a meaning of its own for it
                raise ConnectionError from None

    raised: BaseException | None = None
    try:
        asyncio.run(ahold()) if asynchronous else hold()
    except BaseException as caught:
        raised = caught
    assert (raised is None) is (error is None)
    (crossing,) = guard.ledger.crossings()
    assert (crossing.outcome, crossing.bytes_in) == (outcome, 6)


def test_the_receipt_is_written_once(guard: EgressGuard) -> None:
    with guard.open(of_value("hello"), **WHERE) as crossing:
        crossing.close("abandoned")
    crossing.close("failed")
    asyncio.run(crossing.aclose("failed"))
    assert outcomes(guard) == ["abandoned"]
    assert receipts(guard) == 1


def test_closing_never_raises(
    guard: EgressGuard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    crossing = guard.open(of_value("hello"), **WHERE)

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(guard.ledger, "append", broken)
    with caplog.at_level(logging.ERROR), crossing:
        pass
    assert "not recorded: RuntimeError" in caplog.text
    assert SECRET not in caplog.text


def test_an_answer_that_json_cannot_hold_is_the_callers_all_the_same(guard: EgressGuard) -> None:
    odd: Any = {(1, 2): "x"}
    assert guard.wrap_runnable(RunnableLambda(lambda _: odd)).invoke("hello") is odd
    (crossing,) = guard.ledger.crossings()
    assert crossing.outcome == "answered"
    assert crossing.bytes_in


# ---- what is refused is not even begun


def test_a_stream_is_not_begun_before_it_was_examined(guard: EgressGuard) -> None:
    """A `_stream` need not be a generator: it may send when it is called."""
    sent: list[Any] = []

    class Eager(ScriptedChatModel):
        def _stream(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            sent.append(messages)
            return iter([ChatGenerationChunk(message=AIMessageChunk("fine"))])

        def _astream(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            sent.append(messages)
            return super()._astream(messages, *args, **kwargs)

    model = guard.wrap(Eager(responses=["fine"]))

    async def collect() -> list[Any]:
        return [chunk async for chunk in model.astream(SECRET)]

    with pytest.raises(EgressBlockedError):
        list(model.stream(SECRET))
    with pytest.raises(EgressBlockedError):
        asyncio.run(collect())
    assert sent == []
    assert "".join(chunk.text for chunk in model.stream("hello")) == "fine"


# ---- streams that nobody reads to their end


class Slow(Embeddings):
    """Waits inside its call until it is cancelled."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[0.0] for _ in texts]

    def embed_query(self, text: str) -> list[float]:
        return [0.0]

    async def aembed_query(self, text: str) -> list[float]:
        reached.set()
        await asyncio.Event().wait()
        return [0.0]


class Waiting(ScriptedChatModel):
    """Waits inside its call, and after the first chunk of a stream, until it is cancelled."""

    async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
        reached.set()
        await asyncio.Event().wait()

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        yield ChatGenerationChunk(message=AIMessageChunk("one"))
        reached.set()
        await asyncio.Event().wait()


reached = threading.Event()


async def _parts(inner: AsyncIterator[Any]) -> AsyncIterator[Any]:
    yield "one"
    reached.set()
    await asyncio.Event().wait()


@pytest.mark.parametrize("kind", ["invoke", "stream", "embeddings", "runnable", "runnable stream"])
def test_a_cancelled_call_is_abandoned(guard: EgressGuard, kind: str) -> None:
    chat = guard.wrap(Waiting(responses=[]))
    embeddings = guard.wrap_embeddings(Slow())
    runnable = guard.wrap_runnable(RunnableGenerator(_parts))

    async def drain(stream: AsyncIterator[Any]) -> None:
        async for _ in stream:
            pass

    async def call() -> None:
        match kind:
            case "invoke":
                await chat.ainvoke("hello")
            case "stream":
                await drain(chat.astream("hello"))
            case "embeddings":
                await embeddings.aembed_query("hello")
            case "runnable":
                await runnable.ainvoke("hello")
            case _:
                await drain(runnable.astream("hello"))

    async def run() -> None:
        reached.clear()
        task = asyncio.create_task(call())
        await asyncio.to_thread(reached.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert outcomes(guard) == ["abandoned"]
    assert receipts(guard) == 1


def test_a_call_that_is_cancelled_while_it_is_examined_is_abandoned() -> None:
    asking, answered = threading.Event(), threading.Event()

    class Asking(EgressPolicy):
        def check(self, request: CrossingRequest) -> None:
            asking.set()
            answered.wait()

    guard = EgressGuard(Masker(), policy=Asking())
    inner = ScriptedChatModel(responses=["fine"])

    async def run() -> None:
        task = asyncio.create_task(guard.wrap_runnable(inner).ainvoke("hello"))
        await asyncio.to_thread(asking.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        answered.set()
        arriving = guard.ledger.subscribe(after=0, poll=0.01)
        opened, ended = await asyncio.to_thread(lambda: (next(arriving), next(arriving)))
        assert (opened.outcome, ended.outcome) == (None, "abandoned")

    asyncio.run(run())
    assert inner.seen == []


@pytest.mark.parametrize("kind", ["chat", "runnable"])
@pytest.mark.parametrize("way", ["closed", "dropped"])
def test_a_stream_that_nobody_reads_to_its_end_is_abandoned(
    guard: EgressGuard, kind: str, way: str
) -> None:
    ended: list[str] = []

    class Telling(ScriptedChatModel):
        def _stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from super()._stream(*args, **kwargs)
            finally:
                ended.append("closed")

        async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            try:
                for chunk in super()._stream(*args, **kwargs):
                    yield chunk
            finally:
                ended.append("closed")

    model: Runnable[Any, Any] = Telling(responses=["one two three four"])
    guarded = guard.wrap(model) if kind == "chat" else guard.wrap_runnable(model)

    stream: Any = guarded.stream("hello")
    next(stream)
    if way == "closed":
        stream.close()
    del stream
    assert (outcomes(guard), ended) == (["abandoned"], ["closed"])

    async def read_one() -> None:
        stream: Any = guarded.astream("hello")
        await anext(stream)
        if way == "closed":
            await stream.aclose()

    asyncio.run(read_one())
    assert (outcomes(guard), ended) == (["abandoned"] * 2, ["closed"] * 2)


def test_each_chunk_may_be_read_in_another_context(guard: EgressGuard) -> None:
    """As LangChain does when it reads a synchronous stream for an asynchronous caller."""
    stream = guard.wrap(ScriptedChatModel(responses=["one two three four"])).stream("hello")
    texts = []
    while (chunk := contextvars.Context().run(next, stream, None)) is not None:
        texts.append(chunk.text)
    assert "".join(texts) == "one two three four"
    assert outcomes(guard) == ["answered"]


# ---- HTTP


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_answer_over_http_that_is_not_read_is_abandoned_once(
    guard: EgressGuard, asynchronous: bool
) -> None:
    async def run(url: str) -> None:
        async with guard.async_http_client("httpx") as client, client.stream("GET", url) as answer:
            await answer.aclose()

    with RecordingServer(lambda _: Reply(body=b"x" * 100_000)) as server:
        if asynchronous:
            asyncio.run(run(server.url))
        else:
            with guard.http_client("httpx") as client, client.stream("GET", server.url) as answer:
                answer.close()
    assert outcomes(guard) == ["abandoned"]
    assert receipts(guard) == 1


def test_a_transport_inside_of_a_transport_examines_with_its_own_guard() -> None:
    masker = Masker()
    masker.session("t").vault.issue("PERSON", SECRET)
    strict, lax = EgressGuard(masker), EgressGuard(Masker())
    with RecordingServer(lambda _: Reply()) as server:
        inner = strict.transport("httpx")
        with httpx.Client(transport=lax.transport("httpx", inner)) as client:
            with pytest.raises(EgressBlockedError):
                client.post(server.url, content=SECRET)
            client.post(server.url, content="hello")
        assert len(server.requests) == 1
    assert outcomes(lax) == ["failed", "answered"]
    assert outcomes(strict) == [None, "answered"]


# ---- the guarded model


def test_the_last_guard_that_wraps_a_model_is_its_guard(guard: EgressGuard) -> None:
    # A masker that finds nothing by itself: its vault alone decides.
    other = EgressGuard(Masker([]), ledger=EgressLedger("sqlite://"))
    once = guard.wrap(ScriptedChatModel(responses=["fine"]))
    twice = other.wrap(once)
    assert type(twice) is type(once)
    twice.invoke(f"{SECRET} is no secret of the other guard's")
    with pytest.raises(EgressBlockedError):
        once.invoke(SECRET)
    assert outcomes(other) == ["answered"]
    embeddings = other.wrap_embeddings(guard.wrap_embeddings(Slow()))
    assert embeddings.embed_query(SECRET) == [0.0]
    assert outcomes(other) == ["answered"] * 2


def test_a_model_that_takes_no_run_manager(guard: EgressGuard) -> None:
    """LangChain asks by the signature whether it may pass one."""

    class Old(ScriptedChatModel):
        def _generate(self, messages: Any, stop: Any = None) -> Any:  # type: ignore[override]
            return super()._generate(messages, stop)

    assert guard.wrap(Old(responses=[AIMessage("fine")])).invoke("hello").content == "fine"
