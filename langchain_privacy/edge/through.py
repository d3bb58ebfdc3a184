"""LangGraph's own types, taken apart so that a session can mask or restore what they carry."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

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
