"""The parts of a compiled graph at which private values are looked at: tools, retrievers, schemas.

`private()` finds them in the nodes of a graph, of its subgraphs and of agents in it. Tools and
retrievers are made private as `private_tool` and `PrivateRetriever` do: they get placeholders, what
they return is masked before LangGraph records it. A tool that `PrivacyMiddleware` or `private_tool`
has made private keeps its policy. Chains that are nodes are prepared as private chains are
(`edge.steps`), states with a schema get objects that hold placeholders, and so do nodes that
validate tool calls (`ValidationNode`, trustcall).

Source of the structure that is walked: `langgraph.pregel` (nodes and what they are bound to) and
`langgraph.prebuilt.ToolNode`.

What a function of a node calls by itself cannot be replaced there; `called_in_functions` names it.
"""

import copy
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from langchain_core.language_models import BaseLanguageModel
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableSequence, RunnableWithFallbacks
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.tools import BaseTool
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel
from pydantic import BaseModel, ValidationError

from langchain_privacy.edge.errors import masked_validation_error
from langchain_privacy.edge.retrieval import PrivateRetriever
from langchain_privacy.edge.run import session_of, surrounding
from langchain_privacy.edge.schemas import overlaid
from langchain_privacy.edge.steps import prepared, with_parts
from langchain_privacy.edge.tools import provisional_tool
from langchain_privacy.masking import Masker, MaskingSession
from langchain_privacy.subclassing import made_from, subclass_maker
from langchain_privacy.values.walk import same


def private_nodes(nodes: Mapping[str, Any], masker: Masker) -> dict[str, Any]:
    """Return the nodes of a graph with their tools and retrievers made private.

    Args:
        nodes: Nodes by name, as a compiled graph holds them; they are not changed.
        masker: Finds private values and holds the vault.
    """
    return {name: _node(node, masker) for name, node in nodes.items()}


def private_graphs(chain: RunnableSequence[Any, Any], masker: Masker) -> Any:
    """Return a chain whose graphs have private nodes."""
    return with_parts(chain, lambda x: _part(x, masker) if isinstance(x, Pregel) else x)


def _node(node: Any, masker: Masker) -> Any:
    bound = prepared(_part(node.bound, masker), masker)
    mapper = lenient(node.mapper, masker)
    subgraphs = [_part(graph, masker) for graph in node.subgraphs or ()]
    if same([bound, mapper, *subgraphs], [node.bound, node.mapper, *(node.subgraphs or ())]):
        return node
    new = copy.copy(node)
    vars(new).pop("node", None)  # made of what it was bound to
    new.bound = bound
    new.mapper = mapper
    new.subgraphs = subgraphs
    return new


def _part(part: Any, masker: Masker) -> Any:
    if isinstance(part, ToolNode):
        return _tool_node(part, masker)
    if isinstance(getattr(part, "schemas_by_name", None), dict):
        validate_real_values(part.schemas_by_name)
    if isinstance(part, BaseRetriever) and not isinstance(part, PrivateRetriever):
        return PrivateRetriever(part, masker)
    if isinstance(part, Pregel) and not hasattr(part, "_masker"):
        nodes = private_nodes(part.nodes, masker)
        return part if same(nodes.values(), part.nodes.values()) else part.copy({"nodes": nodes})
    if isinstance(part, RunnableSequence):
        return with_parts(part, lambda step: _part(step, masker))
    return part


def _tool_node(node: ToolNode, masker: Masker) -> ToolNode:
    tools = {name: provisional_tool(t, masker) for name, t in node.tools_by_name.items()}
    new = copy.copy(node)
    # ToolNode has no way to replace tools, and holds its own methods bound to itself.
    new._tools_by_name = tools  # noqa: SLF001
    new.func, new.afunc = new._func, new._afunc  # noqa: SLF001
    return new


# ---- What functions call by themselves

_FRAMEWORKS = ("langchain_privacy.", "langchain.", "langchain_core.", "langgraph.")
"""Their functions call what this module has looked at, or what is theirs to answer for."""


def called_in_functions(nodes: Mapping[str, Any]) -> list[str]:
    """Name the models, tools and retrievers that functions of nodes hold and nobody has wrapped.

    Seen are the variables of a function, the attributes of the object that it is a method of, and
    what lists and dicts in these hold; not what it calls through another function.

    Args:
        nodes: Nodes by name, as a compiled graph holds them.

    Returns:
        Such as `"ChatOpenAI in node 'ask'"`, sorted.
    """
    return sorted(
        {
            f"{type(x).__name__} in node {name!r}"
            for name, node in nodes.items()
            for function in _functions(node.bound)
            for x in _plain(_held(function))
        }
    )


def _functions(part: Any) -> Iterator[Callable[..., Any]]:
    if isinstance(part, Pregel):
        for node in part.nodes.values():
            yield from _functions(node.bound)
    for step in getattr(part, "steps", ()):
        yield from _functions(step)
    function: Any = getattr(part, "func", None) or getattr(part, "afunc", None)
    function = getattr(function, "func", function)  # a partial
    module = getattr(function, "__globals__", {}).get("__name__", "")
    if module and not f"{module}.".startswith(_FRAMEWORKS):
        yield function


def _held(function: Any) -> Iterator[Any]:
    variables = [getattr(getattr(function, "__self__", None), "__dict__", {})]
    # A variable that a function closes over may have no value yet; then none of them can be read.
    with suppress(ValueError):
        found = inspect.getclosurevars(function)
        variables += [dict(found.globals), dict(found.nonlocals)]
    for held in variables:
        for x in held.values():
            yield x
            if type(x) in {list, tuple, dict}:
                yield from x.values() if isinstance(x, dict) else x


def _plain(held: Iterable[Any]) -> Iterator[Any]:
    for x in held:
        if isinstance(x, RunnableBindingBase):
            yield from _plain([x.bound])
        elif isinstance(x, RunnableWithFallbacks):
            yield from _plain(x.runnables)
        elif isinstance(x, RunnableSequence):
            yield from _plain(x.steps)
        elif isinstance(x, (BaseLanguageModel, BaseTool, BaseRetriever)) and not _is_ours(type(x)):
            yield x


def _is_ours(cls: type) -> bool:
    return cls.__module__.startswith("langchain_privacy.") or made_from(cls) is not cls


# ---- States with a schema of their own: pydantic models and dataclasses that validate
#
# LangGraph makes the state's object before each node, inside the run, where values are masked: an
# `EmailStr`, a pattern, a length or a date refuses a placeholder. So in a private graph a field
# that is refused is validated with its real value, and the node gets the object with the
# placeholder in it. A node that needs the value is a `local_node`.


def lenient(mapper: Any, masker: Masker) -> Any:
    """Return what makes the object of a node's state, for states that are masked.

    Args:
        mapper: The node's own; it is returned itself where it makes no object of a schema.
        masker: Finds private values and holds the vault.
    """
    return _LenientMapper(mapper, masker) if isinstance(mapper, partial) else mapper


class _LenientMapper:
    """Makes the object of a masked state."""

    def __init__(self, mapper: Callable[[Any], Any], masker: Masker) -> None:
        self._mapper = mapper
        self._masker = masker

    def __repr__(self) -> str:
        return "<mapper of masked states>"

    def __call__(self, state: Any) -> Any:
        try:
            return self._mapper(state)
        except ValidationError as error:
            if not isinstance(state, Mapping):
                raise
            refused = {found["loc"][0] if found["loc"] else None for found in error.errors()}
        names = [name for name in state if name in refused or None in refused]
        session = session_of(self._masker)
        try:
            real = self._mapper({**state, **{n: session.restore([state[n]])[0] for n in names}})
        except ValidationError as error:
            failure = masked_validation_error(session, error)
        else:
            made = copy.copy(real)
            for name in names:
                value = overlaid(session, getattr(real, name), state[name])
                object.__setattr__(made, name, value)
            return made
        raise failure


def validate_real_values(schemas: dict[str, Any]) -> None:
    """Have schemas by which a node validates tool calls see real values within an edge.

    They are replaced in the node's own dict, because what reads the answers out of its graph asks
    the same dict. Outside of an edge they are as they were.

    Args:
        schemas: Pydantic classes by name, `ValidationNode.schemas_by_name`.
    """
    for name, schema in schemas.items():
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            schemas[name] = _validating(schema)


@subclass_maker()
def _validating(base: Any) -> dict[str, Any]:
    def model_validate(cls: type[Any], /, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG001
        around = surrounding()
        if around is None or not isinstance(obj, Mapping):
            return base.model_validate(obj, **kwargs)
        try:
            real = base.model_validate(around.session.restore(obj), **kwargs)
        except ValidationError as error:
            failure = masked_validation_error(around.session, error)
        else:
            return _with_placeholders(around.session, real, obj)
        raise failure

    return {"model_validate": classmethod(model_validate)}


def _with_placeholders(session: MaskingSession, real: Any, given: Mapping[str, Any]) -> Any:
    """Return a copy of an object with the placeholders that its fields were given as."""
    made = copy.copy(real)
    fields = {field.alias or name: name for name, field in type(real).model_fields.items()}
    for key, value in given.items():
        if (name := fields.get(key)) is not None:
            object.__setattr__(made, name, overlaid(session, getattr(real, name), value))
    return made
