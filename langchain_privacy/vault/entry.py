"""What a vault keeps, and where it was found in a text."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultEntry:
    """One private value of a session and the code that stands for it."""

    entity_type: str
    code: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueMatch:
    """A value of the session at `text[start:end]`."""

    start: int
    end: int
    entry: VaultEntry
