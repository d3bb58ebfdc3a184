"""Chunks of a message, cut anywhere, whatever their blocks look like."""

from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from langchain_privacy import Masker
from langchain_privacy.edge.streams import ChunkRestorer, restore_stream
from tests.unit_tests.edge.conftest import EMAIL


def in_text(piece: str) -> Any:
    return AIMessageChunk(piece, id="m")


def in_block(**more: Any) -> Any:
    return lambda piece: AIMessageChunk([{**more, "text": piece}], id="m")


def in_reasoning(piece: str) -> Any:
    return AIMessageChunk([{"type": "reasoning", "reasoning": piece, "index": 0}], id="m")


def in_arguments(piece: str) -> Any:
    call = {"name": None, "args": piece, "id": None, "index": 0}
    return AIMessageChunk("", id="m", tool_call_chunks=[call])


def in_extra(piece: str) -> Any:
    return AIMessageChunk("", id="m", additional_kwargs={"reasoning_content": piece})


@pytest.mark.parametrize(
    "chunk",
    [
        in_text,
        in_block(type="text", index=0),
        in_block(type="text", index="lc_0"),
        in_block(type=["text"], index=[0]),
        in_block(type={"a": 1}),
        in_block(),
        in_reasoning,
        in_arguments,
        in_extra,
    ],
)
def test_a_value_comes_back_wherever_the_text_is_cut(masker: Masker, chunk: Any) -> None:
    session = masker.session()
    masked = session.mask(f"Write to {EMAIL} today")
    for cut in range(1, len(masked)):
        pieces = [chunk(masked[:cut]), chunk(masked[cut:])]
        shown = [str(vars(piece)) for piece in restore_stream(session, iter(pieces))]
        restorer = ChunkRestorer(session)
        last = AIMessageChunk("", id="m", chunk_position="last")
        ended = [restorer.feed(piece) for piece in [*pieces, last]]
        assert not restorer.tails()
        for texts in (shown, [str(vars(piece)) for piece in ended]):
            assert "[EMAIL" not in str(texts)
            assert EMAIL in str(texts)
            assert sum(text.count(EMAIL) for text in texts) == str(vars(chunk(EMAIL))).count(EMAIL)
