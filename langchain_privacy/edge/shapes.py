"""LangGraph's own types, taken apart so that a session can mask or restore what they carry."""

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


def through(x: Any, change: Change) -> Any:
    """Apply `change` to everything private that `x` may carry; returns the same shape.

    `change` gets the largest parts that hold no LangGraph type, so that it sees a whole state or
    a whole list of messages at once. Names of nodes, ids of interrupts and checkpoints stay.
    """
    if isinstance(x, _OURS):
        return _own(x, change)
    if not _holds_own(x):
        return change(x)
    if isinstance(x, dict):
        return {change(key): through(value, change) for key, value in x.items()}
    parts = [through(value, change) for value in x]
    return parts if isinstance(x, list) else tuple(parts)


def _holds_own(x: Any) -> bool:
    """Whether a plain container holds a LangGraph type at any depth."""
    if isinstance(x, dict):
        return any(_holds_own(value) for value in x.values())
    if type(x) in {list, tuple}:
        return any(_holds_own(value) for value in x)
    return isinstance(x, _OURS)


def _own(x: Any, change: Change) -> Any:
    match x:
        case Command():
            goto = x.goto
            goto = through(goto, change) if isinstance(goto, Send) else goto
            if isinstance(goto, (list, tuple)):
                goto = [through(step, change) if isinstance(step, Send) else step for step in goto]
            update, resume = through(x.update, change), through(x.resume, change)
            return replace(x, update=update, resume=resume, goto=goto)
        case Send():
            return Send(x.node, through(x.arg, change), timeout=x.timeout)
        case Interrupt():
            return replace_interrupt(x, through(x.value, change))
        case Overwrite():
            return replace(x, value=through(x.value, change))
        case GraphOutput():
            value = through(x.value, change)
            return replace(x, value=value, interrupts=through(x.interrupts, change))
        case StateUpdate():
            return x._replace(values=through(x.values, change))
        case PregelTask():
            state = x.state if isinstance(x.state, dict) else through(x.state, change)
            interrupts, result = through(x.interrupts, change), through(x.result, change)
            return x._replace(interrupts=interrupts, result=result, state=state)
        case _:
            return x._replace(
                values=through(x.values, change),
                tasks=tuple(through(task, change) for task in x.tasks),
                interrupts=tuple(through(each, change) for each in x.interrupts),
                metadata=change(x.metadata),
            )


def replace_interrupt(interrupt: Interrupt, value: Any) -> Interrupt:
    """Return the interrupt with another value; its `__init__` has no field order to rely on."""
    return Interrupt(value, interrupt.id, response_schema=interrupt.response_schema)
