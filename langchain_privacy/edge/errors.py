"""Errors of local functions, retold without private values.

LangGraph checkpoints the errors of nodes, tracers post them, and `ToolNode` shows them to the
model. What a function that saw real values raises is therefore replaced: the text is masked, and
nothing of the original hangs on `__cause__`, `__context__` or the traceback.

Example:
    ```python
    try:
        return function(*real)
    except BaseException as error:
        failure = masked_error(session, error)
    raise failure  # outside of the `except` block, or `error` would hang on it
    ```
"""

import traceback
from typing import Any

from langchain_core.tools import ToolException
from langgraph.errors import GraphBubbleUp, GraphInterrupt, ParentCommand
from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from langchain_privacy.errors import LocalFunctionError, PrivacyError
from langchain_privacy.masking import MaskingSession

_MARK = "_langgraph_"
_WITHHELD = "its text could not be masked and is withheld"


def masked_error(session: MaskingSession, error: BaseException) -> BaseException:
    """Return an error to raise instead of `error`; raise it outside of the `except` block.

    Built-in errors with plain arguments and every `ToolException` keep their class, so that retry
    policies and `handle_tool_error` go on working; others become `LocalFunctionError`. Interrupts
    keep their class and carry masked values. So does what is no `Exception`: `SystemExit`,
    `KeyboardInterrupt`, `CancelledError` end a run, and tracers post their text too.

    Args:
        session: Masks the text.
        error: What the function raised.
    """
    told = _told(session, error)
    for name, value in getattr(error, "__dict__", {}).items():
        # LangGraph's own marks, e.g. of an answer to an interrupt that can be given again.
        if name.startswith(_MARK) and isinstance(value, bool):
            setattr(told, name, value)
    return told


def _told(session: MaskingSession, error: BaseException) -> BaseException:
    if isinstance(error, GraphBubbleUp):
        return _masked_signal(session, error)
    if isinstance(error, ValidationError):
        return masked_validation_error(session, error)
    if isinstance(error, PrivacyError) and error.__cause__ is None:
        error.__context__ = None
        return error.with_traceback(None)
    if isinstance(error, ToolException):
        return _masked_copy(session, error) or ToolException(_masked(session, str(error)))
    kind = type(error)
    plain = all(isinstance(a, (str, int, float, bool, type(None))) for a in error.args)
    if plain and kind.__module__ == "builtins":
        arguments = [_masked(session, a) for a in error.args]
        try:
            return kind(*arguments)
        except Exception:  # noqa: BLE001, S110 - a class with rules of its own: told below
            pass
    text = _masked(session, str(error))
    told = LocalFunctionError(f"{kind.__name__}{_place(error)}: {text}", kind=kind.__name__)
    if isinstance(error, Exception):
        return told
    # Whoever waits for a signal must get one: asyncio and its like look at the class.
    return _masked_copy(session, error) or told


def _masked_copy(session: MaskingSession, error: BaseException) -> BaseException | None:
    """Return an error of the same class with masked arguments and attributes.

    `handle_tool_error` asks for them; the class's own `__init__` is not run. `None` where something
    in it cannot be masked: the text alone is told then.
    """
    try:
        copy = type(error).__new__(type(error))
        copy.args = session.mask(error.args)
        vars(copy).update(session.mask(vars(error)))
        str(copy)
    except Exception:  # noqa: BLE001 - whatever it was, it must not get out
        return None
    return copy


def _place(error: BaseException) -> str:
    """Name the line that raised; file names and numbers hold no private value."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    last = frames[-1]
    return f" in {last.name} ({last.filename.rpartition('/')[2]}:{last.lineno})"


def _masked(session: MaskingSession, x: Any, withheld: str = _WITHHELD) -> Any:
    try:
        return session.mask(x)
    except Exception:  # noqa: BLE001 - whatever it was, it must not get out
        return withheld


def _masked_signal(session: MaskingSession, signal: GraphBubbleUp) -> GraphBubbleUp:
    if isinstance(signal, GraphInterrupt):
        return type(signal)(session.mask(signal.args[0] if signal.args else ()))
    if isinstance(signal, ParentCommand):
        return ParentCommand(session.mask(signal.args[0]))
    return signal


def masked_validation_error(session: MaskingSession, error: ValidationError) -> ValidationError:
    """Return the same findings at the same places, with masked texts and inputs.

    Pydantic shortens long inputs in the middle, which would hide a value from an exact match, so
    the inputs are masked whole before pydantic writes them.
    """
    details = []
    for found in error.errors(include_url=False):
        message = _masked(session, found["msg"])
        place = tuple(_masked(session, p) if isinstance(p, str) else p for p in found["loc"])
        kind = PydanticCustomError(found["type"], "{message}", {"message": message})
        details.append(
            InitErrorDetails(type=kind, loc=place, input=_masked_input(session, found["input"]))
        )
    return ValidationError.from_exception_data(_masked(session, error.title), details)


def _masked_input(session: MaskingSession, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value if not isinstance(value, int) or isinstance(value, bool) else "<number>"
    if isinstance(value, (str, list, dict)):
        return _masked(session, value, "<withheld>")
    return f"<{type(value).__name__}>"
