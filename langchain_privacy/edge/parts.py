"""The parts of a compiled graph at which private values are looked at: tools, retrievers, schemas.

`private()` finds them in the nodes of a graph, of its subgraphs and of agents in it. Tools and
retrievers are made private as `private_tool` and `PrivateRetriever` do: they get placeholders, what
they return is masked before LangGraph records it. A tool that `PrivacyMiddleware` or `private_tool`
has made private keeps its policy. Chains that are nodes are prepared as private chains are
(`edge.steps`), states with a schema get objects that hold placeholders (`edge.states`), and so do
nodes that validate tool calls (`ValidationNode`, trustcall).

Source of the structure that is walked: `langgraph.pregel` (nodes and what they are bound to) and
`langgraph.prebuilt.ToolNode`.

What a function of a node calls by itself cannot be replaced there; `called_in_functions` names it.
"""

import copy
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from langchain_core.language_models import BaseLanguageModel
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableSequence, RunnableWithFallbacks
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.tools import BaseTool
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel

from langchain_privacy.edge.steps import prepared
from langchain_privacy.edge.retrieval import PrivateRetriever
from langchain_privacy.edge.states import lenient, validate_real_values
from langchain_privacy.edge.tools import provisional_tool
from langchain_privacy.masking import Masker
from langchain_privacy.subclassing import made_from


def private_nodes(nodes: Mapping[str, Any], masker: Masker) -> dict[str, Any]:
    """Return the nodes of a graph with their tools and retrievers made private.

    Args:
        nodes: Nodes by name, as a compiled graph holds them; they are not changed.
        masker: Finds private values and holds the vault.
    """
    return {name: _node(node, masker) for name, node in nodes.items()}


def private_graphs(chain: RunnableSequence[Any, Any], masker: Masker) -> Any:
    """Return a chain whose graphs have private nodes."""
    steps = [_part(step, masker) if isinstance(step, Pregel) else step for step in chain.steps]
    same = all(a is b for a, b in zip(steps, chain.steps, strict=True))
    return chain if same else RunnableSequence(*steps, name=chain.name)


def _node(node: Any, masker: Masker) -> Any:
    bound = prepared(_part(node.bound, masker), masker)
    mapper = lenient(node.mapper, masker)
    subgraphs = [_part(graph, masker) for graph in node.subgraphs or ()]
    same = all(a is b for a, b in zip(subgraphs, node.subgraphs or (), strict=True))
    if bound is node.bound and same and mapper is node.mapper:
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
        same = all(nodes[name] is node for name, node in part.nodes.items())
        return part if same else part.copy({"nodes": nodes})
    if isinstance(part, RunnableSequence):
        steps = [_part(step, masker) for step in part.steps]
        same = all(a is b for a, b in zip(steps, part.steps, strict=True))
        return part if same else RunnableSequence(*steps, name=part.name)
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
