"""The one walk over everything that carries text.

`Walk` goes over plain data, LangChain's messages, documents and content blocks, pydantic models,
dataclasses and LangGraph's own types. It never changes what it walks over: where nothing in an
object changed it returns that object, else a copy of the same class. What becomes of a text is for
a `Leaves` object to say: masking and restoring have one each, and so have the guard and tracing.

Example:
    ```python
    class Shouted(Leaves):
        def text(self, text: str) -> str:
            return text.upper()


    Walk(Shouted())({"to": ["Jane"], "message": HumanMessage("hello")})
    # {"TO": ["JANE"], "MESSAGE": HumanMessage("HELLO")}
    ```
"""

# ruff: noqa: SLF001 - the tables of methods stand outside of the class

import copy
import dataclasses
import datetime as dt
import enum
import functools
import re
import types
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from langchain_core.messages import BaseMessage
from pydantic import BaseModel, SecretBytes, SecretStr

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.values.provider_fields import (
    BY_MACHINE,
    IDENTIFIERS,
    JSON_KEYS,
    PROVIDER_NAMES,
    is_media,
    is_token_list,
    text_of,
    with_token,
)

DEEPEST = 128
"""Levels of nesting that are walked."""

SCALARS = (int, float, Decimal, dt.datetime, dt.date, uuid.UUID)
"""Classes of numbers, dates and the like, which may be values themselves."""

_KEYS = (str, *SCALARS)
_OPAQUE = (
    complex, dt.time, dt.timedelta, dt.tzinfo, type, range, slice, re.Pattern, types.FunctionType,
    types.BuiltinFunctionType, types.MethodType, types.ModuleType, functools.partial,
    type(Ellipsis), types.GenericAlias,
)  # fmt: skip
"""Classes of what stays as it is: what a programmer wrote, times without a day."""


class Leaves:
    """What happens to what a walk comes to. By default nothing: override what is needed.

    Most methods fall back on another one, so that `text` alone is enough to treat all texts.

    Attributes:
        path: `None`, or a list, when the leaves want to know where the walk stands: the walk then
            keeps the keys of dicts and the names of fields in it that lead to the present leaf,
            from the outside in. Elements of a list have the key of the list.
    """

    path: list[Any] | None = None

    def text(self, text: str) -> str:
        """Treat a text: one that is walked over by itself, or one of a message."""
        return text

    def texts(self, texts: list[str]) -> list[str]:
        """Treat neighbouring texts of one message, which may share a value."""
        return [self.text(text) for text in texts]

    def leaf(self, text: str) -> object:
        """Treat a text that is an element of a structure; it may have been a number."""
        return self.text(text)

    def identifier(self, text: str) -> str:
        """Treat a name that a machine or a programmer made: an id, a role, a type."""
        return self.text(text)

    def key(self, key: Any) -> object:
        """Treat a key of a mapping: a text, which may have been a number, or a scalar."""
        return self.identifier(key) if isinstance(key, str) else self.scalar(key)

    def json(self, text: str) -> str:
        """Treat a text under a key that says that it is JSON source."""
        return self.text(text)

    def json_piece(self, text: str) -> str:
        """Treat a piece of JSON source, cut anywhere."""
        return self.json(text)

    def scalar(self, x: Any) -> object:
        """Treat a number, a date or a UUID."""
        return x

    def opaque(self, x: object) -> object:
        """Treat a function, a class, a time or the like, none of which a value is."""
        return x

    def unknown(self, x: object) -> object:
        """Treat an object that cannot be looked into."""
        return x

    def media(self, block: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Return the block that goes on in place of inline media, `None` to walk over it."""
        return None

    def container(
        self,
        x: object,  # noqa: ARG002
        items: list[tuple[Any, Any]],  # noqa: ARG002
    ) -> Mapping[Any, Any] | None:
        """Look at a whole dict, model, dataclass or named tuple before its parts are walked.

        It is called from the outside in, and not for messages, nor for the content blocks of a
        message; it is for what a message's tool calls and blocks carry.

        Args:
            x: The object.
            items: Its keys, or names of fields, with their values, in order.

        Returns:
            What goes on in place of some of the values, by key; these are not walked. The other
            values are, and the keys always are.
        """
        return None

    def rebuilt(self, x: BaseModel) -> BaseModel:
        """Return what goes on in place of a pydantic model whose fields were changed."""
        return x

    def known(self, x: Any) -> Any:  # noqa: ARG002
        """Return what the walk over a container gives where that is known, else `None`.

        It is called for dicts, lists, messages and everything else that has parts.
        """
        return None

    def learn(self, x: BaseMessage, walked: BaseMessage) -> None:
        """Take note of what the walk over a message gave: the message itself, or a copy."""


class Walk:
    """One walk over one structure."""

    def __init__(self, leaves: Leaves) -> None:
        self._leaves = leaves
        self._path: list[Any] = [] if leaves.path is None else leaves.path
        self._asks_known = type(leaves).known is not Leaves.known
        self._asks_container = type(leaves).container is not Leaves.container
        self._open: set[int] = set()

    def __call__(self, x: Any) -> Any:
        """Return `x` with its leaves treated."""
        if isinstance(x, str) and not isinstance(x, enum.Enum):
            return self._leaves.text(x)
        above = len(self._path)
        try:
            return self._any(x)
        finally:
            del self._path[above:]  # after a fault, what led to it is there still

    def _any(self, x: Any, method: "_Method | None" = None) -> Any:
        """Walk over anything; `method` says how where its class does not.

        One frame a level, and one for the kind of container: a message is four levels deep.
        """
        if type(x) is str:
            return self._leaves.leaf(x)
        if method is None:
            method, is_container = _method_for(type(x))  # type: ignore[arg-type]  # it is hashable
            if not is_container:
                return method(self, x)
            if self._asks_known and (known := self._leaves.known(x)) is not None:
                return known
        if id(x) in self._open or len(self._open) >= DEEPEST:
            why = "contains itself" if id(x) in self._open else f"is nested over {DEEPEST} levels"
            msg = f"A {type(x).__name__} {why}; hand over a plain structure."
            raise ConfigurationError(msg)
        self._open.add(id(x))
        try:
            return method(self, x)
        finally:
            self._open.discard(id(x))

    def _member(self, x: enum.Enum) -> Any:
        """Walk a member of an enumeration; one whose value is private goes on as that, treated."""
        value = x.value
        walked = self._leaves.leaf(value) if isinstance(value, str) else self._any(value)
        return x if walked == value else walked

    def _secret(self, x: SecretStr) -> SecretStr:
        value = x.get_secret_value()
        walked = self._leaves.text(value)
        return x if walked is value else SecretStr(walked)

    # ---- Containers

    def _under(self, key: Any, value: Any) -> Any:
        """Walk over what stands under a key or in a field."""
        self._path.append(key)
        walked = self._any(value)
        self._path.pop()
        return walked

    def _replaced(self, x: Any, items: Iterable[tuple[Any, Any]]) -> Mapping[Any, Any]:
        """Return what the leaves put in place of some values, having seen the whole."""
        return (self._leaves.container(x, list(items)) or {}) if self._asks_container else {}

    def _list(self, x: list[Any]) -> list[Any]:
        items = self._tokens(x) if is_token_list(x) else [self._any(item) for item in x]
        if same(x, items):
            return x
        if type(x) is list:
            return items
        twin = copy.copy(x)
        twin[:] = items
        return twin

    def _tuple(self, x: tuple[Any, ...]) -> Any:
        names = getattr(x, "_fields", None)
        if names is None:
            items = self._items(x)
            return x if items is None else type(x)(items)
        pairs = list(zip(names, x, strict=True))
        given = self._replaced(x, pairs)
        new = [given[k] if k in given else self._under(k, v) for k, v in pairs]
        return x if same(x, new) else type(x)._make(new)  # type: ignore[attr-defined]

    def _set(self, x: Any) -> Any:
        items = self._items(x)
        return x if items is None else type(x)(items)

    def _deque(self, x: deque[Any]) -> deque[Any]:
        items = self._items(x)
        return x if items is None else deque(items, x.maxlen)

    def _items(self, x: Iterable[Any]) -> list[Any] | None:
        """Walk over elements; returns `None` where nothing changed."""
        old = list(x)
        new = [self._any(item) for item in old]
        return None if same(old, new) else new

    def _tokens(self, x: list[dict[str, Any]]) -> list[Any]:
        """Walk over the tokens of a text, which are read together."""
        tokens = self._leaves.texts([element["token"] for element in x])
        return [
            with_token(element, token) if token != element["token"] else self._token(element)
            for element, token in zip(x, tokens, strict=True)
        ]

    def _token(self, x: dict[str, Any]) -> dict[str, Any]:
        """Walk over what else is said of a token; what could have stood there is no text."""
        new = dict(x)
        for key, value in x.items():
            if is_token_list(value):
                new[key] = self._items(value) or value
            elif key != "token":
                new[key] = self._under(key, value)
        return x if same(x.values(), new.values()) else new

    def _mapping_proxy(self, x: types.MappingProxyType[Any, Any]) -> Any:
        plain = dict(x)
        walked = self._dict(plain)
        return x if walked is plain else types.MappingProxyType(walked)

    def _dict(self, x: dict[Any, Any]) -> dict[Any, Any]:
        if is_media(x):
            replaced = self._leaves.media(x)
            if replaced is not None:
                return replaced
        given = self._replaced(x, x.items()) if self._asks_container else {}
        changed = False
        new: dict[Any, Any] = {}
        for key, value in x.items():
            walked_key = self._leaves.key(key) if type(key) is str else self._key(key)
            self._path.append(key)
            if key in given:
                walked: Any = given[key]
            elif key in JSON_KEYS and isinstance(value, str) and not isinstance(value, enum.Enum):
                walked = self._leaves.json(value)
            elif type(value) is str:  # most of all rows
                walked = self._leaves.leaf(value)
            else:
                walked = self._any(value)
            self._path.pop()
            changed = changed or walked_key is not key or walked is not value
            new[walked_key] = walked
        if not changed:
            return x
        if type(x) is dict:
            return new
        twin = copy.copy(x)
        twin.clear()
        twin.update(new)
        return twin

    def _key(self, key: Any) -> Any:
        if isinstance(key, enum.Enum):
            walked = self._key(key.value)
            return key if walked == key.value else walked
        return self._leaves.key(key) if isinstance(key, _KEYS) else self._any(key)

    def _model(self, x: BaseModel) -> BaseModel:
        fields = _fields_of_model(x)
        given = self._replaced(x, fields)
        changed = _changed_model(x, self._changes(fields, given))
        return x if changed is x else self._leaves.rebuilt(changed)

    def _old_model(self, x: Any) -> Any:
        """Walk over a model of `pydantic.v1`, which LangChain still takes as a schema."""
        fields = list(x.__dict__.items())
        changes = self._changes(fields, self._replaced(x, fields))
        return x.copy(update=changes) if changes else x

    def _dataclass(self, x: Any) -> Any:
        fields = [(spec.name, getattr(x, spec.name, None)) for spec in dataclasses.fields(x)]
        known = x.__dataclass_fields__
        fields += [(k, v) for k, v in getattr(x, "__dict__", {}).items() if k not in known]
        changes = self._changes(fields, self._replaced(x, fields))
        if not changes:
            return x
        twin = copy.copy(x)
        for name, value in changes.items():
            object.__setattr__(twin, name, value)
        return twin

    def _changes(self, fields: list[tuple[str, Any]], given: Mapping[Any, Any]) -> dict[str, Any]:
        """Walk over named fields and return those that changed."""
        changes = {}
        for name, value in fields:
            self._path.append(name)
            walked = given[name] if name in given else self._any(value)
            self._path.pop()
            if walked is not value:
                changes[name] = walked
        return changes

    # ---- LangGraph's own types. Names of nodes, ids of interrupts and configs stay.

    def _command(self, x: Any) -> Any:
        # a node's name stays, and what a `Send` carries to a node is walked over
        goto = x.goto
        if isinstance(goto, (list, tuple)):
            steps = [step if isinstance(step, str) else self._any(step) for step in goto]
            goto = goto if same(goto, steps) else steps
        elif not isinstance(goto, str):
            goto = self._any(goto)
        update, resume = self._any(x.update), self._any(x.resume)
        return _with(x, {"update": update, "resume": resume, "goto": goto})

    def _send(self, x: Any) -> Any:
        arg = self._any(x.arg)
        return x if arg is x.arg else type(x)(x.node, arg, timeout=x.timeout)

    def _interrupt(self, x: Any) -> Any:
        value = self._any(x.value)
        if value is x.value:
            return x
        # its `__init__` has no field order to rely on
        return type(x)(value, x.id, response_schema=x.response_schema)

    def _task(self, x: Any) -> Any:
        # a dict is the config of a subgraph, which has to find its checkpoint again
        names = ("interrupts", "result") + (() if isinstance(x.state, dict) else ("state",))
        return self._carried(x, *names)

    def _carried(self, x: Any, *names: str) -> Any:
        """Walk over what some fields carry."""
        return _with(x, {name: self._any(getattr(x, name)) for name in names})

    # ---- Messages: what a field is for decides how its text is treated.

    def _message(self, x: BaseMessage) -> BaseMessage:
        changes = {}
        for name, value in _fields_of_model(x):
            self._path.append(name)
            walked = self._message_field(name, value)
            self._path.pop()
            if walked is not value:
                changes[name] = walked
        walked_message: Any = _changed_model(x, changes)
        self._leaves.learn(x, walked_message)
        return walked_message  # type: ignore[no-any-return]

    def _message_field(self, name: str, value: Any) -> Any:
        if not value or name == "usage_metadata":
            return value
        if isinstance(value, str):
            return self._block_text(name, value)
        if name == "content":
            return self._any(value, Walk._blocks)
        if name in {"tool_calls", "invalid_tool_calls", "tool_call_chunks"}:
            return self._calls(name, value)
        if name == "response_metadata":
            return self._told_by_provider(value)
        return self._any(value)

    def _told_by_provider(self, told: dict[str, Any]) -> dict[str, Any]:
        """Walk what a provider says of its answer; the names that it made are no texts."""
        made = {
            key: self._leaves.identifier(value)
            for key, value in told.items()
            if key in PROVIDER_NAMES and isinstance(value, str) and BY_MACHINE.fullmatch(value)
        }
        others = {key: value for key, value in told.items() if key not in made}
        walked = self._any(others)
        if walked is others and all(told[key] == value for key, value in made.items()):
            return told
        return {**walked, **made}

    def _block_text(self, name: str, value: str) -> str:
        if name in IDENTIFIERS and BY_MACHINE.fullmatch(value):
            return self._leaves.identifier(value)
        if name in JSON_KEYS:
            return self._leaves.json(value)
        if name == "name":  # of a tool: a word that a program decides by
            return str(self._leaves.leaf(value))
        return self._leaves.text(value)

    def _block_value(self, key: str, value: Any) -> Any:
        """Walk what is no text; a number says at which place of a stream a piece belongs."""
        if key == "index" and isinstance(value, int):
            return value
        return self._under(key, value)

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
                    walked[key] = self._block_value(key, value)
            new.append(call if same(call.values(), walked.values()) else walked)
        return calls if same(calls, new) else new

    def _blocks(self, blocks: list[Any]) -> list[Any]:
        """Walk the content blocks of a message; texts that follow each other are read together."""
        new: list[Any] = [
            self._block(block, joined=text_of(block) is not None)
            if isinstance(block, dict)
            else (block if isinstance(block, str) else self._any(block))
            for block in blocks
        ]
        at = 0
        while at < len(blocks):
            run = at
            while run < len(blocks) and text_of(blocks[run]) is not None:
                run += 1
            texts = [str(text_of(block)) for block in blocks[at:run]]
            for index, text in enumerate(self._leaves.texts(texts) if texts else [], at):
                if isinstance(blocks[index], str):
                    new[index] = text
                elif text is not texts[index - at]:
                    new[index] = {**new[index], "text": text}
            at = run + 1
        return blocks if same(blocks, new) else new

    def _block(self, block: dict[Any, Any], *, joined: bool = False) -> dict[Any, Any]:
        """Walk a content block; its text is left to `_blocks` where it is `joined` with others."""
        if is_media(block):
            replaced = self._leaves.media(block)
            if replaced is not None:
                return replaced
        new: dict[str, Any] = {}
        for key, value in block.items():
            if joined and key == "text":
                new[key] = value
            elif key == "args" and isinstance(value, str):
                new[key] = self._leaves.json(value)
            elif isinstance(value, str):
                new[key] = self._block_text(key, value)
            elif isinstance(value, list):
                new[key] = self._any(value, Walk._blocks)
            elif isinstance(value, dict) and key not in {"args", "input"}:
                new[key] = self._any(value, Walk._block)
            else:
                new[key] = self._block_value(key, value)
        named = {self._key(key): value for key, value in new.items()}
        unchanged = same(block, named) and same(block.values(), new.values())
        return block if unchanged else named


_Method = Callable[[Walk, Any], Any]

_LEAVES: list[tuple[Any, _Method]] = [
    (enum.Enum, Walk._member),
    (str, lambda walk, x: walk._leaves.leaf(x)),
    ((bool, type(None)), lambda _, x: x),
    (_OPAQUE, lambda walk, x: walk._leaves.opaque(x)),
    (SCALARS, lambda walk, x: walk._leaves.scalar(x)),
]
_CONTAINERS: list[tuple[Any, _Method]] = [
    (dict, Walk._dict),
    (list, Walk._list),
    (BaseMessage, Walk._message),
    (BaseModel, Walk._model),
    (tuple, Walk._tuple),
    ((set, frozenset), Walk._set),
    (deque, Walk._deque),
    (types.MappingProxyType, Walk._mapping_proxy),
    (SecretStr, Walk._secret),
]
"""Methods by class; the first that fits counts."""

_BY_NAME: dict[tuple[str, str], _Method] = {
    ("langgraph.types", "Command"): Walk._command,
    ("langgraph.types", "GraphOutput"): lambda walk, x: walk._carried(x, "value", "interrupts"),
    ("langgraph.types", "Interrupt"): Walk._interrupt,
    ("langgraph.types", "Overwrite"): lambda walk, x: walk._carried(x, "value"),
    ("langgraph.types", "PregelTask"): Walk._task,
    ("langgraph.types", "Send"): Walk._send,
    ("langgraph.types", "StateSnapshot"): lambda walk, x: walk._carried(
        x, "values", "tasks", "interrupts", "metadata"
    ),
    ("langgraph.types", "StateUpdate"): lambda walk, x: walk._carried(x, "values"),
    ("pydantic.v1.main", "BaseModel"): Walk._old_model,
}
"""Methods by module and name: to import LangGraph's types takes a second, and this room does not;
pydantic's old models do not import on every Python."""


@functools.lru_cache(maxsize=1024)
def _method_for(cls: type) -> tuple[_Method, bool]:
    """Return the method that walks over instances of a class, and whether it goes a level down."""
    for classes, method in _LEAVES:
        if issubclass(cls, classes):
            return method, False
    for base in cls.__mro__:
        if named := _BY_NAME.get((base.__module__, base.__name__)):
            return named, True
    for classes, method in _CONTAINERS:
        if issubclass(cls, classes):
            return method, True
    if dataclasses.is_dataclass(cls) and not issubclass(cls, SecretBytes):
        return Walk._dataclass, True
    return (lambda walk, x: walk._leaves.unknown(x)), False


def is_container(cls: type) -> bool:
    """Say whether a walk looks into the objects of a class."""
    return _method_for(cls)[1]


# ---- Copies of the same class, with other contents


def same(old: Iterable[Any], new: Iterable[Any]) -> bool:
    """Say whether the elements of one are the very objects of the other."""
    return all(a is b for a, b in zip(old, new, strict=True))


def _with(x: Any, new: Mapping[str, Any]) -> Any:
    """Return a dataclass or named tuple with other fields, itself where they are the same."""
    if all(getattr(x, name) is value for name, value in new.items()):
        return x
    if isinstance(x, tuple):
        return x._replace(**new)  # type: ignore[attr-defined]  # it has names
    return dataclasses.replace(x, **new)


def _fields_of_model(x: BaseModel) -> list[tuple[str, Any]]:
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
