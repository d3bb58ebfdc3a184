"""What a vault keeps, and where it was found in a text."""

from dataclasses import dataclass, field

LITERAL = "LITERAL"
"""Type of text that only looks like a placeholder: kept so that it comes back, not private."""

PART_SUFFIX = "_PART"
"""End of the type of a fragment that lay in another text block than its value: too short to say
anything by itself, and too common to look for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultEntry:
    """One private value of a session and the code that stands for it."""

    entity_type: str
    code: str
    value: str = field(repr=False)

    @property
    def is_private(self) -> bool:
        """Whether the value must not leave; what is only kept to come back need not stay."""
        return self.entity_type != LITERAL and not self.entity_type.endswith(PART_SUFFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueMatch:
    """A value of the session at `text[start:end]`."""

    start: int
    end: int
    entry: VaultEntry
