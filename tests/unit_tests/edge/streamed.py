"""What a remote side streams, drawn: messages of any provider's shape, cut anywhere, in any order.

A *lane* is one text of a message, at one path: its text, a thought, the arguments of a call. What
it says is written when it is sent, so that it may quote what the session has learned since the
stream began. `test_stream_machine.py` streams it.
"""

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.runnables.utils import AddableDict
from langchain_core.utils.json import parse_partial_json

Path = tuple[Any, ...]
Quotes = Callable[[int], str]
"""Chooses one of the placeholders that the remote side may know by now."""

# ---- What a lane says


@dataclass(frozen=True)
class Quote:
    """A placeholder as the model writes it.

    Attributes:
        pick: Which one, counted back from the newest; a negative one is another session's.
        dress: How it is written: a key of `DRESSES`.
    """

    pick: int
    dress: str = "as issued"


DRESSES: dict[str, Callable[[str], str]] = {
    "as issued": lambda issued: issued,
    "bold": lambda issued: f"**{issued}**",
    "in small letters": str.lower,
    "escaped": lambda issued: f"\\[{issued[1:-1]}\\]",
    "bare": lambda issued: f" {issued[1:-1]} ",
    "in full width": lambda issued: f"［{issued[1:-1]}］",
    "in code": lambda issued: f"`{issued}`",
}
SAID = [
    *["은 ", "을", "'s", " wrote to ", "an e", "p", "[E", "[", "] ", "EMAIL", "per", "사람 "],
    *["{", "}}", '"', "\\", "\n", "고객 ", ", and ", "https://x.example/?q=", "**", " "],
]
PARTS = st.lists(
    st.one_of(
        st.sampled_from(SAID),
        st.builds(Quote, st.integers(-1, 4), st.sampled_from(list(DRESSES))),
        st.builds(Quote, st.integers(0, 2)),
    ),
    min_size=1,
    max_size=7,
)
SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=5)


@dataclass
class Lane:
    """One text that streams.

    Attributes:
        message: Of which message.
        shape: At which place of it: a key of `SHAPES`.
        parts: What it says.
        sizes: How many characters each piece has, over and over.
        closed: Whether its JSON is written to the end.
        said: What was sent so far.
        owed: What was written and not sent.
    """

    message: str
    shape: str
    parts: list[str | Quote]
    sizes: Sequence[int]
    closed: bool = True
    said: str = ""
    owed: str = ""
    pieces: int = 0

    @property
    def key(self) -> tuple[str, Path]:
        return self.message, SHAPES[self.shape].path

    @property
    def is_json(self) -> bool:
        return SHAPES[self.shape].is_json

    def begin(self) -> None:
        """Write the source of JSON around what is said."""
        if self.is_json:
            self.owed = '{"n": [1, 2.5], "to": "'
            self.parts = [*self.parts, *(['"} '] if self.closed else [])]

    def next(self, quotes: Quotes) -> str:
        """Return the next piece; `""` after the last."""
        size = self.sizes[self.pieces % len(self.sizes)]
        self.pieces += 1
        while len(self.owed) < size and self.parts:
            self.owed += self._written(self.parts.pop(0), quotes)
        piece, self.owed = self.owed[:size], self.owed[size:]
        self.said += piece
        return piece

    def whole(self, quotes: Quotes) -> str:
        """Return what it would have said by its end; nothing of it is sent."""
        return self.said + self.owed + "".join(self._written(part, quotes) for part in self.parts)

    def _written(self, part: str | Quote, quotes: Quotes) -> str:
        if isinstance(part, Quote):
            part = DRESSES[part.dress](quotes(part.pick))
        elif self.is_json and part == '"} ':
            return part
        return json.dumps(part, ensure_ascii=False)[1:-1] if self.is_json else part


# ---- Where it says it


@dataclass(frozen=True)
class Shape:
    """A place in a message.

    Attributes:
        chunk: Makes a chunk's fields of a piece.
        path: Where `texts_of` finds the piece.
        is_json: Whether the texts are JSON source.
    """

    chunk: Callable[[str], dict[str, Any]]
    path: Path
    is_json: bool = False


def _block(index: int | None, kind: str, **held: Any) -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    return {"content": [{"type": kind, **place, **held}]}


def _call(index: int, piece: str) -> dict[str, Any]:
    call = tool_call_chunk(name=None, args=piece, id=None, index=index)
    return {"content": "", "tool_call_chunks": [call]}


def _extra(**held: Any) -> dict[str, Any]:
    return {"content": "", "additional_kwargs": held}


_THOUGHT = {"type": "text"}
_SUMMARY = {"type": "summary_text", "index": 0}
SHAPES = {
    "text": Shape(lambda p: {"content": p}, ("content",)),
    "block": Shape(lambda p: _block(1, "text", text=p), ("content", 1, "text")),
    "block by type": Shape(lambda p: _block(None, "text", text=p), ("content", "text", "text")),
    "reasoning": Shape(lambda p: _block(2, "reasoning", reasoning=p), ("content", 2, "reasoning")),
    "thinking": Shape(
        lambda p: _block(3, "thinking", thinking=[{**_THOUGHT, "text": p}]),
        ("content", 3, "thinking", "text", "text"),
    ),
    "summary": Shape(
        lambda p: _block(4, "reasoning", summary=[{**_SUMMARY, "text": p}]),
        ("content", 4, "summary", 0, "text"),
    ),
    "code": Shape(lambda p: _block(5, "code", deep={"er": p}), ("content", 5, "deep", "er")),
    "input": Shape(
        lambda p: _block(6, "input_json_delta", partial_json=p),
        ("content", 6, "partial_json"),
        True,
    ),
    "call": Shape(lambda p: _call(0, p), ("tool_call_chunks", 0, "args"), True),
    "another call": Shape(lambda p: _call(1, p), ("tool_call_chunks", 1, "args"), True),
    "function call": Shape(
        lambda p: _extra(function_call={"arguments": p}),
        ("additional_kwargs", "function_call", "arguments"),
        True,
    ),
    "thought": Shape(
        lambda p: _extra(reasoning_content=p), ("additional_kwargs", "reasoning_content")
    ),
    "transcript": Shape(
        lambda p: _extra(audio={"transcript": p}), ("additional_kwargs", "audio", "transcript")
    ),
}


def texts_of(chunk: AIMessageChunk) -> Iterator[tuple[Path, str]]:
    """Yield the texts of a message with their paths: elements by index, else by type."""

    def look(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            for key, each in value.items():
                yield from look((*path, key), each)
        elif isinstance(value, list):
            for each in value:
                if isinstance(each, dict):
                    yield from look((*path, each.get("index", each.get("type"))), each)
                else:  # a text beside blocks
                    yield from look(path, each)

    for name in ("content", "tool_call_chunks", "additional_kwargs"):
        yield from look((name,), getattr(chunk, name))


# ---- A whole stream


@dataclass
class Script:
    """What the remote side streams.

    Attributes:
        lanes: All texts.
        order: Whose piece comes next, over and over.
        ends: Messages that say which chunk is their last.
        fails: After how many pieces it raises; `None` for never.
    """

    lanes: list[Lane]
    order: Sequence[int]
    ends: frozenset[str]
    fails: int | None
    sent: int = 0
    latest: str = ""
    _open: list[Lane] = field(init=False)

    def __post_init__(self) -> None:
        self._open = list(self.lanes)
        for lane in self.lanes:
            lane.begin()

    def next(self, quotes: Quotes) -> tuple[Lane, str] | None:
        """Return the next piece and whose it is; `None` at the end.

        Raises:
            RemoteError: It was to fail here.
        """
        if self.sent == self.fails:
            raise RemoteError(f"Lost at {quotes(0)}")
        while self._open:
            lane = self._open[self.order[self.sent % len(self.order)] % len(self._open)]
            if piece := lane.next(quotes):
                self.sent += 1
                self.latest = lane.message
                return lane, piece
            self._open.remove(lane)
        return None

    def broke_off(self, message: str) -> bool:
        """Say whether a message did not say its end, and another one came after it."""
        return message not in self.ends and message != self.latest

    def chunks(self, quotes: Quotes) -> Iterator[AIMessageChunk]:
        """Yield its chunks; a message that says its end does so behind its last piece."""
        while (found := self.next(quotes)) is not None:
            lane, piece = found
            fields = SHAPES[lane.shape].chunk(piece)
            yield AIMessageChunk(id=lane.message, **fields)
            rest = [each for each in self._open if each.message == lane.message]
            if lane.message in self.ends and not any(e.owed or e.parts for e in rest):
                yield AIMessageChunk(content="", id=lane.message, chunk_position="last")


class RemoteError(Exception):
    """What the remote side fails with; as those of providers, it quotes what was sent."""


# ---- The ways that it can come


@dataclass(frozen=True)
class Way:
    """What a stream is made of.

    Attributes:
        pieces: Streams a script.
        key: Where `put_together` finds a lane.
        shapes: Which shapes its lanes may have.
    """

    pieces: Callable[[Script, Quotes], Iterator[Any]]
    key: Callable[[Lane], tuple[str, Path]]
    shapes: Sequence[str] = tuple(SHAPES)

    def scripts(self) -> st.SearchStrategy[Script]:
        """Draw what a remote side streams in this way."""
        lane = st.builds(
            Lane, st.sampled_from(MESSAGES), st.sampled_from(self.shapes), PARTS, SIZES,
            st.sampled_from([True, True, False]),
        )  # fmt: skip
        return st.builds(
            Script,
            st.lists(lane, min_size=1, max_size=4, unique_by=self.key),
            st.lists(st.integers(0, 3), min_size=1, max_size=5),
            st.frozensets(st.sampled_from(MESSAGES)),
            st.sampled_from([*[None] * 5, 0, 2, 7]),
        )


MESSAGES = ("m1", "m2", "m3")
_NO_JSON = tuple(name for name, shape in SHAPES.items() if not shape.is_json)


def _texts(script: Script, quotes: Quotes) -> Iterator[Any]:
    while (found := script.next(quotes)) is not None:
        yield found[1]


def _dicts(script: Script, quotes: Quotes) -> Iterator[Any]:
    while (found := script.next(quotes)) is not None:
        lane, piece = found
        yield AddableDict({lane.message: AddableDict({lane.shape: piece})})


def _dicts_of_chunks(script: Script, quotes: Quotes) -> Iterator[Any]:
    for chunk in script.chunks(quotes):
        yield AddableDict({f"of {chunk.id}": chunk})


def _so_far(script: Script, quotes: Quotes) -> Iterator[Any]:
    [lane] = script.lanes
    while script.next(quotes) is not None:
        with contextlib.suppress(ValueError):
            yield parse_partial_json(lane.said)


WAYS = {
    "message chunks": Way(Script.chunks, lambda lane: lane.key),
    "texts": Way(_texts, lambda _: ("", ()), _NO_JSON),
    "dicts that are added up": Way(_dicts, lambda lane: (lane.message, (lane.shape,)), _NO_JSON),
    "dicts of message chunks": Way(_dicts_of_chunks, lambda lane: lane.key),
    "dicts so far": Way(_so_far, lambda _: ("", ()), ("call",)),
}


def put_together(pieces: Sequence[Any]) -> dict[tuple[str, Path], str]:
    """Add up what was shown, each text by its message and path."""
    found: dict[tuple[str, Path], str] = defaultdict(str)

    def look(piece: Any, path: Path) -> None:
        if isinstance(piece, AIMessageChunk):
            for place, text in texts_of(piece):
                found[str(piece.id), place] += text
        elif isinstance(piece, dict):
            for key, each in piece.items():
                look(each, (*path, key))
        else:
            found[path[0] if path else "", path[1:]] += piece

    for piece in pieces:
        look(piece, ())
    return dict(found)
