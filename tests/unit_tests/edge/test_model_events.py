"""The v3 stream of a private chat model: the model sees placeholders, the caller real values."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_model_stream import (
    AsyncChatModelStream,
    ChatModelStream,
)
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableLambda
from pydantic import PrivateAttr

from langchain_privacy import EgressGuard, EgressLedger, Masker, private
from tests.unit_tests.edge.conftest import EMAIL, masked

ASKED = f"Write to {EMAIL}"


class Echo(BaseChatModel):
    """Says what it was told, in pieces of three characters, and calls a tool with it."""

    fails: bool = False
    _asked: list[str] = PrivateAttr(default_factory=list)
    _closed: bool = PrivateAttr(default=False)

    @property
    def _llm_type(self) -> str:
        return "echo"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(messages[-1].text))])

    def _pieces(self, text: str) -> Iterator[ChatGenerationChunk]:
        self._asked.append(text)
        for at in range(0, len(text), 3):
            yield ChatGenerationChunk(message=AIMessageChunk(text[at : at + 3]))
            if self.fails and at > 9:
                msg = "the line is dead"
                raise ConnectionError(msg)
        source = f'{{"to": "{text[9:]}"}}'
        for at in range(0, len(source), 3):
            piece = source[at : at + 3]
            name = {} if at else {"name": "mail", "id": "call_1"}
            call = tool_call_chunk(args=piece, index=1, **name)
            yield ChatGenerationChunk(message=AIMessageChunk("", tool_call_chunks=[call]))

    def _stream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> Iterator[ChatGenerationChunk]:
        yield from self._pieces(messages[-1].text)

    async def _astream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        try:
            for piece in self._pieces(messages[-1].text):
                await asyncio.sleep(0)
                yield piece
        finally:
            self._closed = True


@pytest.fixture(params=["bare", "guarded"])
def guard(request: pytest.FixtureRequest, masker: Masker) -> EgressGuard | None:
    if request.param == "bare":
        return None
    return EgressGuard(masker, ledger=EgressLedger("sqlite://"))


def test_the_caller_sees_real_values(masker: Masker, guard: EgressGuard | None) -> None:
    model = Echo()
    stream = private(model, masker, guard=guard).stream_events(ASKED, version="v3")
    assert isinstance(stream, ChatModelStream)
    deltas = list(stream.text)
    assert "".join(deltas) == ASKED
    assert not masked(deltas)
    assert not masked(list(stream))
    assert stream.output.text == ASKED
    assert stream.output.tool_calls[0]["args"] == {"to": EMAIL}
    assert masked(model._asked)
    assert EMAIL not in str(model._asked)


async def test_the_caller_sees_real_values_on_a_loop(
    masker: Masker, guard: EgressGuard | None
) -> None:
    model = Echo()
    stream = await private(model, masker, guard=guard).astream_events(ASKED, version="v3")
    assert isinstance(stream, AsyncChatModelStream)
    deltas = [delta async for delta in stream.text]
    assert "".join(deltas) == ASKED
    message = await stream
    assert message.text == ASKED
    assert message.tool_calls[0]["args"] == {"to": EMAIL}
    assert not masked([event async for event in stream])
    assert masked(model._asked)
    assert EMAIL not in str(model._asked)


def test_a_failure_is_the_model_s(masker: Masker) -> None:
    stream = private(Echo(fails=True), masker).stream_events(ASKED, version="v3")
    with pytest.raises(ConnectionError, match="the line is dead"):
        _ = stream.output


async def test_a_failure_is_the_model_s_on_a_loop(masker: Masker) -> None:
    stream = await private(Echo(fails=True), masker).astream_events(ASKED, version="v3")
    with pytest.raises(ConnectionError, match="the line is dead"):
        await stream


async def test_closing_closes_the_model_s_stream(masker: Masker) -> None:
    model = Echo()
    stream = await private(model, masker).astream_events(ASKED, version="v3")
    async with stream:
        async for _ in stream.text:
            break
    assert model._closed


async def test_what_has_no_v3_stream_says_so_as_without_an_edge(masker: Masker) -> None:
    function: Any = private(RunnableLambda(lambda x: x), masker)
    with pytest.raises(NotImplementedError):
        function.stream_events(ASKED, version="v3")
    with pytest.raises(NotImplementedError):
        function.stream_events(ASKED, version="v2")
    with pytest.raises(NotImplementedError):
        await function.astream_events(ASKED, version="v3")
