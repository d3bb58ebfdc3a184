"""Warnings of detectors: they point at the application's line, in the person's language.

warn_caller("Names are found by rules and word lists only, more are missed: ...")
"""

import inspect
import warnings

from langchain_privacy.locale import said_again

_OURS = __name__.partition(".")[0]


def warn_caller(message: str) -> None:
    """Warn with the line that called this package, whatever stands between.

    Args:
        message: What was seen and what to do about it; it holds no private value.
    """
    frame, level, ours = inspect.currentframe(), 0, 0
    while frame is not None:  # others may stand between two of ours: a decorator, LangGraph
        level += 1
        if _is_ours(frame.f_globals.get("__name__", "")):
            ours = level
        frame = frame.f_back
    warnings.warn(said_again(message), UserWarning, stacklevel=ours + 1)


def _is_ours(module: str) -> bool:
    return module == _OURS or module.startswith(f"{_OURS}.")
