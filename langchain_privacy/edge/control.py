"""Control data: words that a program decides by, written by its builder. They are never private.

Names of nodes, agents and tools, the values of `Literal`s and enums in a state, and what a router
returns must arrive as they are: a graph that routes by `"alice"` takes the other branch when it
reads `[PERSON_7K2Q]`. What a person wrote is control data only where it is such a word and nothing
else, as one value of the state; in a sentence it is masked like any other.

`private()` reads them off a graph when it wraps it, and the middleware off an agent's tools.

Example:
    ```python
    session = session.keeping(control_words(graph))
    session.mask({"route": "alice", "text": "I am alice"})  # {"route": "alice", "text": "I am […]"}
    ```
"""

import enum
import functools
import re
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from langgraph.pregel import Pregel

from langchain_privacy.masking.masker import MaskingSession

_DEEPEST = 6
"""Levels of types within types that are looked through."""


def control_words(graph: Any) -> frozenset[str]:
    """Return the words that a compiled graph and its subgraphs decide by."""
    return frozenset(word for word in _words(graph) if isinstance(word, str))


def _words(graph: Any) -> Iterator[Any]:
    if not isinstance(graph, Pregel):
        return
    yield graph.name
    for name, node in graph.nodes.items():
        yield name
        yield from getattr(getattr(node, "bound", None), "tools_by_name", ())
    for _, inner in graph.get_subgraphs():
        yield from _words(inner)
    builder = getattr(graph, "builder", None)
    for branches in getattr(builder, "branches", {}).values():
        for branch in branches.values():
            for said, node in (branch.ends or {}).items():
                yield from (said, node)
    for schema in ("state_schema", "input_schema", "output_schema"):
        yield from _of_type(getattr(builder, schema, None), _DEEPEST)


def _of_type(kind: Any, levels: int) -> Iterable[Any]:
    """Return the values of literals and enums that a type is made of."""
    if kind is None or levels == 0:
        return ()
    try:
        return _read(kind, levels)
    except TypeError:  # a type with something in it that has no hash
        return tuple(_inside(kind, levels))


@functools.lru_cache(maxsize=512)
def _read(kind: Any, levels: int) -> tuple[Any, ...]:
    # Those of messages are the same for every graph, and reading them takes most of private().
    return tuple(_inside(kind, levels))


def _inside(kind: Any, levels: int) -> Iterator[Any]:
    if typing.get_origin(kind) is typing.Literal:
        for value in typing.get_args(kind):
            yield value.value if isinstance(value, enum.Enum) else value
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        yield from (member.value for member in kind)
    elif parts := typing.get_args(kind):
        for part in parts:
            yield from _of_type(part, levels - 1)
    elif isinstance(kind, type):
        for part in _fields(kind):
            yield from _of_type(part, levels - 1)


def _fields(kind: type) -> Iterable[Any]:
    if kind.__module__ == "builtins" or not hasattr(kind, "__annotations__"):
        return ()
    try:
        return typing.get_type_hints(kind).values()
    except Exception:  # noqa: BLE001 - a name that only a type checker can find: nothing is known
        return ()


# ---- Tools: described in words, called by names.

_WRITTEN = frozenset({
    "tools", "functions", "tool_choice", "function_call", "response_format", "response_schema",
    "output_format", "output_config", "json_schema", "format", "ls_structured_output_format",
})  # fmt: skip
"""Settings of a model call that a programmer wrote: tools and the form of an answer."""

_HOLDERS = frozenset({"function", "json_schema", "schema"})
"""Where their forms hold the name: OpenAI's, and what LangChain tells of them to callbacks."""

_CALLED = ("name", "title")
"""What a form is called. A schema has its class's name as a title, and LangChain makes it the name
that crosses."""

_NAMES = frozenset({"name", "type", "format", "pattern", "$ref", "required"})
_CHOICES = frozenset({"const", "enum"})
_DATA = frozenset({"default", "example", "examples"})
"""Keys of a schema that hold names, values to choose from, and data."""

_WORD = re.compile(r"[^\W\d][\w\-]*|\W*|#/.*")
"""What can be a name. A list of customers' addresses as an enum is none."""


def masked_settings(mask: Callable[[Any], Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Mask the settings of a model call; tools and the form of an answer keep their names.

    Args:
        mask: Masks a structure.
        settings: As the model's `bind` takes them.
    """
    masked = mask(settings)
    return {name: with_names(name, settings.get(name), value) for name, value in masked.items()}


def with_names(setting: str, value: Any, masked: Any) -> Any:
    """Put the names of tools and schemas back into a masked setting of a model call.

    A tool is chosen by its name, and a provider refuses a schema whose name has brackets in it.
    All else stays masked: what a schema lists may be private.

    Args:
        setting: Its name, such as `tool_choice` or `response_format`.
        value: As it was given.
        masked: The same masked.
    """
    if setting not in _WRITTEN:
        return masked
    if isinstance(value, str) and setting == "tool_choice" and _WORD.fullmatch(value):
        return value
    if isinstance(value, list):
        return [_renamed(a, b) for a, b in zip(value, masked, strict=True)]
    return _renamed(value, masked)


def _renamed(value: Any, masked: Any) -> Any:
    if not isinstance(value, dict) or value is masked:
        return masked
    called = {key: value[key] for key in _CALLED if isinstance(value.get(key), str)}
    own = {key: name for key, name in called.items() if _WORD.fullmatch(name)}
    inner = {
        key: _renamed(value[key], masked[key]) for key in _HOLDERS & value.keys() & masked.keys()
    }
    return {**masked, **inner, **own}


def masked_tool(session: MaskingSession, described: dict[str, Any]) -> dict[str, Any]:
    """Mask the descriptions in a tool's schema; names and types stay.

    A word to choose from stays too, unless it is known to be private: named as such, or masked in
    this session before. The model then chooses the placeholder, and the tool gets the word.

    Args:
        session: Masks, and knows what is private.
        described: A tool as a provider takes it.
    """
    masked = {key: _masked_part(session, key, value) for key, value in described.items()}
    return described if masked == described else masked


def _masked_part(session: MaskingSession, key: str, value: Any) -> Any:
    if key in _DATA:
        return session.mask(value)
    if isinstance(value, dict):
        return masked_tool(session, value)
    if isinstance(value, list):
        return [_masked_part(session, key, each) for each in value]
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        return session.mask(value)
    stays = key in _NAMES or (key in _CHOICES and not session.knows(value))
    return value if stays else session.mask(value)
