"""Walking everything that may carry text, with one rule for each kind.

The walk never changes what it walks over: it returns the same object when nothing in it changed,
else a copy of the same class. What it cannot look into is the leaves' decision.
"""

import copy
import dataclasses
import datetime as dt
import enum
import functools
import re
import types
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.types import (
    Command,
    GraphOutput,
    Interrupt,
    Overwrite,
    PregelTask,
    Send,
    StateSnapshot,
    StateUpdate,
)
from pydantic import BaseModel, SecretBytes, SecretStr

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking.scalars import SCALARS

# ---- Which content blocks carry media that cannot be read: images, audio, video, files.

_MEDIA = frozenset({
    "image", "image_url", "input_image", "audio", "input_audio", "video", "video_url", "file",
    "input_file", "media", "document", "document_url",
})  # fmt: skip
_DATA_KEYS = ("base64", "data", "file_data", "image_data")
_URL_KEYS = ("url", "image_url", "video_url", "file_url", "document_url", "uri", "file_uri")
_ALWAYS = ("base64", "b64_json", "inline_data", "file_data", "image_data")
"""Keys of inline data in blocks of any kind, also of kinds that are not known yet."""
_NESTED = ("source", "image_url", "video_url", "input_audio", "file", "image", "audio", "video")
_TELLS_SOMETHING = re.compile(r"^\s*data:|[?#]|//[^/]*@", re.IGNORECASE)


def is_media(block: Mapping[Any, Any]) -> bool:
    """Say whether a mapping is a content block whose media would cross unread.

    That is inline data (also a `data:` URL, or bytes), or a URL that carries a query, a fragment
    or credentials. A reference by file id or plain URL is text like any other, and so is the text
    of a text document.
    """
    kind = block.get("type")
    if isinstance(kind, str) and kind in _MEDIA:
        return _carries(block, 0)
    if kind is None:
        inner = block.get("inline_data")  # Gemini's own form
        return isinstance(inner, Mapping) and bool(inner.get("data"))
    return isinstance(kind, str) and any(block.get(key) for key in _ALWAYS)


def _carries(block: Mapping[Any, Any], depth: int) -> bool:
    if block.get("type") == "text" or (
        isinstance(kind := block.get("source_type"), str) and kind == "text"
    ):
        return False
    for key in _DATA_KEYS:
        if isinstance(value := block.get(key), (str, bytes, bytearray)) and value:
            return True
    for key in _URL_KEYS:
        if isinstance(value := block.get(key), str) and _TELLS_SOMETHING.search(value):
            return True
    return depth < 3 and any(
        isinstance(inner := block.get(key), Mapping) and _carries(inner, depth + 1)
        for key in _NESTED
    )


DEEPEST = 128
"""Levels of nesting that are walked."""

_PLAIN = (
    bool, type(None), complex, dt.time, dt.timedelta, dt.tzinfo, type, range, slice, re.Pattern,
    types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType,
    functools.partial, type(Ellipsis), types.GenericAlias,
)  # fmt: skip

_IDENTIFIERS = frozenset({
    "id", "type", "index", "role", "status", "mime_type", "media_type", "format", "detail",
    "encoding", "file_id", "call_id", "tool_call_id", "tool_use_id", "chunk_position", "signature",
    "thought_signature", "encrypted_content", "encrypted_index", "source_type",
})  # fmt: skip
"""Keys of messages and content blocks whose values a provider or the framework made."""

_JSON_KEYS = frozenset(("arguments", "partial_json"))
_MACHINE = re.compile(r"[A-Za-z0-9_.:/+=\-]*")


class Leaves(ABC):
    """What happens to the leaves of a walk."""

    @abstractmethod
    def text(self, text: str) -> str:
        """Treat one text."""

    @abstractmethod
    def texts(self, texts: list[str]) -> list[str]:
        """Treat neighbouring texts of one message, which may share a value."""

    @abstractmethod
    def identifier(self, text: str) -> str:
        """Treat a machine-made name."""

    def key(self, text: str) -> object:
        """Treat a key of a mapping; it may have been a number."""
        return self.identifier(text)

    @abstractmethod
    def json(self, text: str) -> str:
        """Treat JSON source."""

    @abstractmethod
    def json_piece(self, text: str) -> str:
        """Treat a piece of JSON source, cut anywhere."""

    @abstractmethod
    def leaf(self, text: str) -> object:
        """Treat a text that is an element of a structure; it may have been a number."""

    @abstractmethod
    def scalar(self, x: Any) -> object:
        """Treat a number, a date or a UUID."""

    @abstractmethod
    def media(self, block: dict[str, Any]) -> dict[str, Any] | None:
        """Return the block that goes on in place of inline media, `None` to walk over it."""

    @abstractmethod
    def unknown(self, x: object) -> object:
        """Treat an object that cannot be looked into."""

    def settled(self, x: object) -> bool:  # noqa: ARG002
        """Say whether it is known that the walk over `x` changes nothing."""
        return False

    def settle(self, x: BaseMessage) -> None:  # noqa: B027
        """Take note of a message in which nothing changed."""


class Walk:
    """One walk over one structure."""

    def __init__(self, leaves: Leaves) -> None:
        self._leaves = leaves
        self._path: set[int] = set()

    def __call__(self, x: Any) -> Any:
        """Return `x` with its leaves treated."""
        if isinstance(x, str) and not isinstance(x, enum.Enum):
            return self._leaves.text(x)
        return self._any(x)

    def _any(self, x: Any) -> Any:
        if isinstance(x, enum.Enum):
            return self._member(x)
        if isinstance(x, str):
            return self._leaves.leaf(x)
        if isinstance(x, _PLAIN):
            return x
        if isinstance(x, SCALARS):
            return self._leaves.scalar(x)
        return self._within(x, self._inside)

    def _member(self, x: enum.Enum) -> Any:
        """Walk a member of an enumeration; one whose value is private goes on as its text."""
        value = x.value
        if not isinstance(value, str):
            return x
        walked = self._leaves.text(value)
        return x if walked == value else walked

    def _within(self, x: Any, walk: Callable[[Any], Any]) -> Any:
        """Go one level down."""
        if id(x) in self._path or len(self._path) >= DEEPEST:
            why = "contains itself" if id(x) in self._path else f"is nested over {DEEPEST} levels"
            msg = f"A {type(x).__name__} {why}; hand over a plain structure."
            raise ConfigurationError(msg)
        self._path.add(id(x))
        try:
            return walk(x)
        finally:
            self._path.discard(id(x))

    def _inside(self, x: Any) -> Any:
        if isinstance(x, dict):
            return self._dict(x)
        if isinstance(x, list):
            return self._sequence(x, lambda items: _like(x, items))
        if isinstance(x, BaseMessage):
            return self._message(x)
        if isinstance(x, BaseModel):
            return self._model(x)
        if isinstance(x, tuple):
            make = getattr(type(x), "_make", type(x))
            return self._sequence(x, make)
        if isinstance(x, (set, frozenset, deque)):
            rebuild: Callable[[list[Any]], Any] = (
                (lambda items: deque(items, x.maxlen)) if isinstance(x, deque) else type(x)
            )
            return self._sequence(x, rebuild)
        if isinstance(x, types.MappingProxyType):
            plain = dict(x)
            walked = self._dict(plain)
            return x if walked is plain else types.MappingProxyType(walked)
        if isinstance(x, Send):
            arg = self._any(x.arg)
            return x if arg is x.arg else Send(x.node, arg, timeout=x.timeout)
        if isinstance(x, SecretStr):
            secret = self._leaves.text(x.get_secret_value())
            return x if secret is x.get_secret_value() else SecretStr(secret)
        if dataclasses.is_dataclass(x) and not isinstance(x, SecretBytes):
            return self._dataclass(x)
        return self._leaves.unknown(x)

    def _sequence(self, x: Any, rebuild: Callable[[list[Any]], Any]) -> Any:
        old = list(x)
        settled = self._leaves.settled
        new = [item if settled(item) else self._any(item) for item in old]
        return x if _same(old, new) else rebuild(new)

    def _dict(self, x: dict[Any, Any]) -> dict[Any, Any]:
        if is_media(x):
            replaced = self._leaves.media(x)
            if replaced is not None:
                return replaced
        changed = False
        new: dict[Any, Any] = {}
        for key, value in x.items():
            walked_key = self._key(key)
            if isinstance(value, str) and key in _JSON_KEYS and not isinstance(value, enum.Enum):
                walked: Any = self._leaves.json(value)
            else:
                walked = self._any(value)
            changed = changed or walked_key is not key or walked is not value
            new[walked_key] = walked
        return _refilled(x, new) if changed else x

    def _key(self, key: Any) -> Any:
        if isinstance(key, str) and not isinstance(key, enum.Enum):
            return self._leaves.key(key)
        return self._any(key)

    def _model(self, x: BaseModel) -> BaseModel:
        if isinstance(x, BaseMessage):
            return self._message(x)
        changes = {}
        for name, value in _fields(x):
            walked = self._field(value)
            if walked is not value:
                changes[name] = walked
        return _changed_model(x, changes)

    def _field(self, value: Any) -> Any:
        if isinstance(value, str) and not isinstance(value, enum.Enum):
            return self._leaves.leaf(value)
        return self._any(value)

    def _message(self, x: BaseMessage) -> BaseMessage:
        changes = {}
        for name, value in _fields(x):
            walked = self._message_field(name, value)
            if walked is not value:
                changes[name] = walked
        if not changes:
            self._leaves.settle(x)
        return _changed_model(x, changes)  # type: ignore[return-value]

    def _message_field(self, name: str, value: Any) -> Any:
        if not value or name == "usage_metadata":
            return value
        if isinstance(value, str):
            return self._block_text(name, value)
        if name == "content":
            return self._within(value, self._blocks)
        if name in {"tool_calls", "invalid_tool_calls", "tool_call_chunks"}:
            return self._calls(name, value)
        return self._any(value)

    def _block_text(self, name: str, value: str) -> str:
        if name in _IDENTIFIERS and _MACHINE.fullmatch(value):
            return self._leaves.identifier(value)
        if name in _JSON_KEYS:
            return self._leaves.json(value)
        return self._leaves.text(value)

    def _calls(self, kind: str, calls: list[Any]) -> list[Any]:
        new = []
        for call in calls:
            walked: dict[str, Any] = {}
            for key, value in call.items():
                if isinstance(value, str) and key == "args":
                    treat = self._leaves.json_piece if "chunk" in kind else self._leaves.json
                    walked[key] = treat(value)
                elif isinstance(value, str):
                    walked[key] = self._block_text(key, value)
                else:
                    walked[key] = value if key == "index" else self._any(value)
            new.append(call if _same(list(call.values()), list(walked.values())) else walked)
        return calls if _same(calls, new) else new

    def _blocks(self, blocks: list[Any]) -> list[Any]:
        """Walk the content blocks of a message; texts that follow each other are read together."""
        new: list[Any] = [
            self._block(block)
            if isinstance(block, dict)
            else (block if isinstance(block, str) else self._any(block))
            for block in blocks
        ]
        at = 0
        while at < len(blocks):
            run = at
            while run < len(blocks) and _text_of(blocks[run]) is not None:
                run += 1
            texts = [str(_text_of(block)) for block in blocks[at:run]]
            for index, text in enumerate(self._leaves.texts(texts) if texts else [], at):
                if isinstance(blocks[index], str):
                    new[index] = text
                elif text is not texts[index - at]:
                    new[index] = {**new[index], "text": text}
            at = run + 1
        return blocks if _same(blocks, new) else new

    def _block(self, block: dict[Any, Any]) -> dict[Any, Any]:
        if is_media(block):
            replaced = self._leaves.media(block)
            if replaced is not None:
                return replaced
        joined = _text_of(block) is not None
        new: dict[str, Any] = {}
        for key, value in block.items():
            if isinstance(value, str) and not (joined and key == "text"):
                new[key] = self._block_text(key, value)
            elif key == "args" and isinstance(value, str):
                new[key] = self._leaves.json(value)
            elif key in {"index", "text"} and not isinstance(value, (dict, list)):
                new[key] = value
            elif isinstance(value, list):
                new[key] = self._within(value, self._blocks)
            elif isinstance(value, dict) and key not in {"args", "input"}:
                new[key] = self._within(value, self._block)
            else:
                new[key] = self._any(value)
        named = {self._key(key): value for key, value in new.items()}
        unchanged = _same(list(block), list(named)) and _same(
            list(block.values()), list(new.values())
        )
        return block if unchanged else named

    def _dataclass(self, x: Any) -> Any:
        changes = {}
        for spec in dataclasses.fields(x):
            value = getattr(x, spec.name, None)
            walked = self._field(value)
            if walked is not value:
                changes[spec.name] = walked
        for name, value in getattr(x, "__dict__", {}).items():
            if name not in changes and name not in x.__dataclass_fields__:
                walked = self._field(value)
                if walked is not value:
                    changes[name] = walked
        if not changes:
            return x
        twin = copy.copy(x)
        for name, value in changes.items():
            object.__setattr__(twin, name, value)
        return twin


def _fields(x: BaseModel) -> list[tuple[str, Any]]:
    known = type(x).model_fields
    own = [(name, value) for name, value in x.__dict__.items() if name in known]
    return own + list((x.__pydantic_extra__ or {}).items())


def _changed_model(x: BaseModel, changes: Mapping[str, Any]) -> BaseModel:
    if not changes:
        return x
    twin = x.model_copy(update=changes)
    known = type(x).model_fields
    for name in [n for n in twin.__dict__ if n not in known and n not in changes]:
        del twin.__dict__[name]  # a cached property was computed from the real values
    return twin


def _same(old: list[Any], new: list[Any]) -> bool:
    return all(a is b for a, b in zip(old, new, strict=True))


def _like(x: list[Any], items: list[Any]) -> list[Any]:
    if type(x) is list:
        return items
    twin = copy.copy(x)
    twin[:] = items
    return twin


def _refilled(x: dict[Any, Any], new: dict[Any, Any]) -> dict[Any, Any]:
    if type(x) is dict:
        return new
    twin = copy.copy(x)
    twin.clear()
    twin.update(new)
    return twin


def _text_of(block: Any) -> str | None:
    """Return the text of a plain text block, `None` for any other block."""
    if isinstance(block, str):
        return block
    if isinstance(block, dict) and block.get("type") in {"text", "input_text", "output_text"}:
        text = block.get("text")
        return text if isinstance(text, str) else None
    return None


# ---- LangGraph's own types, taken apart so that a session can mask or restore what they carry.

Change = Callable[[Any], Any]

_OURS = (
    Command,
    GraphOutput,
    Interrupt,
    Overwrite,
    PregelTask,
    Send,
    StateSnapshot,
    StateUpdate,
)


def through(x: Any, change: Change, *, approvals: bool = True) -> Any:
    """Apply `change` to everything private that `x` may carry; returns the same shape.

    `change` gets the largest parts that hold no LangGraph type, so that it sees a whole state or
    a whole list of messages at once. Names of nodes, ids of interrupts and checkpoints stay.

    Args:
        x: Anything that enters or leaves a graph.
        change: Masks or restores.
        approvals: Whether to change interrupts that say `"masked": True` in their payload: a
            person approves a crossing as it would leave.
    """
    if isinstance(x, _OURS):
        if isinstance(x, Interrupt) and not approvals and _is_approval(x.value):
            return x
        return _own(x, functools.partial(through, change=change, approvals=approvals), change)
    if not approvals and _is_written_approval(x):
        return x
    if not _holds_own(x):
        return change(x)
    if isinstance(x, dict):
        return {
            change(key): through(value, change, approvals=approvals) for key, value in x.items()
        }
    parts = [through(value, change, approvals=approvals) for value in x]
    return parts if isinstance(x, list) else tuple(parts)


def _is_approval(value: Any) -> bool:
    return isinstance(value, dict) and value.get("masked") is True


def _is_written_approval(x: Any) -> bool:
    """Whether `x` is an approval's interrupt as the streams `tasks` and `debug` write it."""
    return isinstance(x, dict) and "id" in x and _is_approval(x.get("value"))


def _holds_own(x: Any) -> bool:
    """Whether a plain container holds a LangGraph type, or an approval, at any depth."""
    if _is_written_approval(x):
        return True
    if isinstance(x, dict):
        return any(_holds_own(value) for value in x.values())
    if type(x) in {list, tuple}:
        return any(_holds_own(value) for value in x)
    return isinstance(x, _OURS)


def _own(x: Any, inner: Change, change: Change) -> Any:
    match x:
        case Command():
            goto = x.goto
            goto = inner(goto) if isinstance(goto, Send) else goto
            if isinstance(goto, (list, tuple)):
                goto = [inner(step) if isinstance(step, Send) else step for step in goto]
            update, resume = inner(x.update), inner(x.resume)
            return replace(x, update=update, resume=resume, goto=goto)
        case Send():
            return Send(x.node, inner(x.arg), timeout=x.timeout)
        case Interrupt():
            return replace_interrupt(x, inner(x.value))
        case Overwrite():
            return replace(x, value=inner(x.value))
        case GraphOutput():
            value = inner(x.value)
            return replace(x, value=value, interrupts=inner(x.interrupts))
        case StateUpdate():
            return x._replace(values=inner(x.values))
        case PregelTask():
            state = x.state if isinstance(x.state, dict) else inner(x.state)
            interrupts, result = inner(x.interrupts), inner(x.result)
            return x._replace(interrupts=interrupts, result=result, state=state)
        case _:
            return x._replace(
                values=inner(x.values),
                tasks=tuple(inner(task) for task in x.tasks),
                interrupts=tuple(inner(each) for each in x.interrupts),
                metadata=change(x.metadata),
            )


def replace_interrupt(interrupt: Interrupt, value: Any) -> Interrupt:
    """Return the interrupt with another value; its `__init__` has no field order to rely on."""
    return Interrupt(value, interrupt.id, response_schema=interrupt.response_schema)
