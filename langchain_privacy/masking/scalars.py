"""Numbers, dates and other scalars that are private values, and how they come back as they were.

A phone number may be an `int`, an account a `Decimal`, a birthday a `date`. In a structure such a
value becomes a placeholder whose entity type ends in what it was, so that restoring gives it back.
"""

import datetime as dt
import enum
import uuid
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from langchain_privacy.placeholder import FLOATING, INTEGER

_KINDS: dict[type, tuple[str, Callable[[Any], str], Callable[[str], Any]]] = {
    int: (INTEGER, repr, int),
    float: (FLOATING, repr, float),
    Decimal: ("_AS_DECIMAL", str, Decimal),
    dt.datetime: ("_AS_DATETIME", dt.datetime.isoformat, dt.datetime.fromisoformat),
    dt.date: ("_AS_DATE", dt.date.isoformat, dt.date.fromisoformat),
    uuid.UUID: ("_AS_UUID", str, uuid.UUID),
}
_READERS = {suffix: read for suffix, _, read in _KINDS.values()}
_LEAST, _MOST = 10**6, 10**40


def searched(x: Any) -> str:
    """Return the text in which a scalar is looked for, `""` for a number that tells nothing."""
    if isinstance(x, (dt.date, uuid.UUID)):
        return _KINDS[type(x)][1](x) if type(x) in _KINDS else ""
    if isinstance(x, Decimal) and not x.is_finite():
        return ""
    # seven digits at least, and no fraction
    return str(int(x)) if _LEAST <= abs(x) < _MOST and x == int(x) else ""


def shown(x: Any) -> str:
    """Return a text or scalar as it is written beside the name of its field; `""` for a flag."""
    if isinstance(x, bool):
        return ""
    if isinstance(x, enum.Enum):
        return shown(x.value) if isinstance(x.value, str) else ""
    return x if isinstance(x, str) else written(x)[1]


def written(x: Any) -> tuple[str, str]:
    """Return the suffix of a scalar's entity type, and its value as text."""
    suffix, write, _ = next(kind for base, kind in _KINDS.items() if isinstance(x, base))
    return suffix, write(x)


@lru_cache(maxsize=1024)
def kind_of(entity_type: str) -> str:
    """Return the suffix that says which scalar an entity type stands for, `""` for text."""
    return next((suffix for suffix in _READERS if entity_type.endswith(suffix)), "")


def read(entity_type: str, value: str) -> Any:
    """Return the scalar that a value was."""
    return _READERS[kind_of(entity_type)](value)
