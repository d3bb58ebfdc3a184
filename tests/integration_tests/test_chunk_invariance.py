"""Our streams under the `chunk-invariance` package: whatever the cuts, what the whole text gives.

Hypothesis draws texts and cuts in `tests/unit_tests/masking/test_stream.py`; here every cut of a
few texts is tried, by somebody else's rule, on each kind of stream that a reader of ours may get.
"""

import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import pytest
from chunk_invariance import assert_chunk_invariant, assert_chunk_invariant_async
from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import RunnableGenerator

from langchain_privacy import Masker, private
from langchain_privacy.detection import DictionaryDetector
from langchain_privacy.edge.streams import restore_stream
from langchain_privacy.secure.channel import ehbp, sealed
from langchain_privacy.secure.channel.hpke import X25519PrivateKey, XWingPrivateKey

MASKER = Masker([DictionaryDetector({"PERSON": ["민수"], "EMAIL": ["k@x.kr"]})])
SESSION = MASKER.session("t")
NAME, EMAIL = SESSION.mask("민수"), SESSION.mask("k@x.kr")
ANSWER = f"{NAME}은 **{EMAIL}**, {NAME[1:-1].lower()} [PER"
MANGLED = f"\\[{EMAIL[1:-1]}\\] &lt;{NAME[1:-1]}&gt; %5B{EMAIL[1:-1]}%5D"


def texts(chunks: Iterable[str]) -> Iterator[str]:
    restorer = SESSION.restorer()
    yield from map(restorer.feed, chunks)
    yield restorer.flush()


@pytest.mark.parametrize("answer", [ANSWER, MANGLED], ids=["as issued", "mangled"])
def test_text_in_three_parts(answer: str) -> None:
    assert assert_chunk_invariant(texts, SESSION.restore, answer, splits=3) > 1000
    assert SESSION.restore(answer) != answer


def test_a_placeholder_in_five_parts() -> None:
    assert SESSION.restore(EMAIL) == "k@x.kr"
    assert len(EMAIL) < 13
    assert_chunk_invariant(texts, SESSION.restore, EMAIL, splits=5)


def test_json_source() -> None:
    source = json.dumps({"to": f"{NAME} <{EMAIL}>", "cc": None}, ensure_ascii=False)

    def arguments(chunks: Iterable[str]) -> Iterator[str]:
        restorer = SESSION.restorer(json=True)
        yield from map(restorer.feed, chunks)
        yield restorer.flush()

    assert_chunk_invariant(arguments, SESSION.restore_json, source, splits=3)


Chunk = Callable[[str], AIMessageChunk]


def _in_arguments(piece: str) -> AIMessageChunk:
    call = {"name": None, "args": piece, "id": None, "index": 0}
    return AIMessageChunk("", id="m", tool_call_chunks=[call])


@pytest.mark.parametrize(
    ("chunk", "read"),
    [
        (lambda piece: AIMessageChunk(piece, id="m"), lambda m: m.text),
        (
            lambda piece: AIMessageChunk([{"type": "text", "text": piece, "index": 0}], id="m"),
            lambda m: m.text,
        ),
        (
            lambda piece: AIMessageChunk(
                [{"type": "reasoning", "reasoning": piece, "index": 0}], id="m"
            ),
            lambda m: "".join(b["reasoning"] for b in m.content if b["type"] == "reasoning"),
        ),
    ],
    ids=["text", "block", "reasoning"],
)
def test_message_chunks(chunk: Chunk, read: Callable[[Any], str]) -> None:
    def messages(pieces: Iterable[str]) -> Iterator[str]:
        yield from map(read, restore_stream(SESSION, map(chunk, pieces)))

    assert_chunk_invariant(messages, SESSION.restore, ANSWER)


def test_arguments_of_a_tool_call() -> None:
    source = json.dumps({"to": EMAIL})

    def messages(pieces: Iterable[str]) -> Iterator[str]:
        for message in restore_stream(SESSION, map(_in_arguments, pieces)):
            yield from (call["args"] or "" for call in message.tool_call_chunks)

    assert_chunk_invariant(messages, SESSION.restore_json, source)


async def test_a_private_chain() -> None:
    """Through `private()`: what a chain yields is cut as its model cut it."""

    async def stream(chunks: AsyncIterable[str]) -> AsyncIterator[str]:
        async def said(_: AsyncIterator[str]) -> AsyncIterator[str]:
            async for chunk in chunks:
                yield chunk

        def unused(_: Iterator[str]) -> Iterator[str]:
            yield from ()

        edge = private(RunnableGenerator(unused, said), MASKER)
        async for piece in edge.astream("go", {"configurable": {"thread_id": "t"}}):
            yield piece

    await assert_chunk_invariant_async(stream, SESSION.restore, ANSWER)


def _opened(opener: Any, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        yield from opener.feed(chunk)
    opener.finish()


def test_sealed_frames() -> None:
    key = XWingPrivateKey()
    client = sealed.RequestSealer(key.public_bytes)
    [entry], nonce = sealed.read_prefix(client.prefix)
    server = sealed.RequestOpener(sealed.open_session(key, entry.enc), nonce).sealer()
    body = server.seal(b"data: one\n\n") + server.seal(b"", final=True)

    def opened(chunks: Iterable[bytes]) -> Iterator[bytes]:
        return _opened(client.opener(server.nonce), chunks)

    assert_chunk_invariant(opened, lambda _: b"data: one\n\n", body)


def test_ehbp_frames() -> None:
    key = X25519PrivateKey()
    client = ehbp.RequestSealer(key.public_bytes)
    body = b"".join(client.seal(b'{"messages": []}'))

    def opened(chunks: Iterable[bytes]) -> Iterator[bytes]:
        return _opened(ehbp.RequestOpener(key, client.enc), chunks)

    assert_chunk_invariant(opened, lambda _: b'{"messages": []}', body)
