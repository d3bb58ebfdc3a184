"""Checks of policy fields at construction: a policy that cannot hold is refused before use."""

import re
from collections.abc import Iterable
from typing import Any

from langchain_privacy.errors import ConfigurationError


def is_hex(value: Any, size: int) -> bool:
    """Whether this is lowercase hex of `size` bytes."""
    return isinstance(value, str) and re.fullmatch(rf"[0-9a-f]{{{2 * size}}}", value) is not None


def hex_set(policy: Any, name: str, size: int, *, empty: bool = True) -> None:
    """Replace a field by a frozen set of lowercase hex strings of `size` bytes.

    Args:
        policy: A frozen dataclass under construction.
        name: Name of the field.
        size: Bytes of each value.
        empty: Whether an empty list is allowed; one that stands for "any" never is.

    Raises:
        ConfigurationError: If a value has another form, or the list is empty and must not be.
    """
    values = text_set(policy, name, empty=empty)
    if not all(is_hex(value, size) for value in values):
        msg = f"{type(policy).__name__}.{name} takes {size}-byte values in lowercase hex"
        raise ConfigurationError(msg)


def text_set(policy: Any, name: str, *, empty: bool = True) -> frozenset[str]:
    """Replace a field by a frozen set of strings."""
    given: Iterable[str] = getattr(policy, name)
    values = frozenset((given,) if isinstance(given, str) else given)
    if not empty and not values:
        msg = f"{type(policy).__name__}.{name} is empty; it never means 'any': list what you accept"
        raise ConfigurationError(msg)
    if not all(isinstance(value, str) for value in values):
        msg = f"{type(policy).__name__}.{name} takes strings"
        raise ConfigurationError(msg)
    object.__setattr__(policy, name, values)
    return values
