"""What is masked, and what happens to content that has no text."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskingPolicy:
    """Settings of a `Masker`.

    Attributes:
        threshold: Findings below this score are ignored, 0.0 to 1.0.
        thresholds: The same by entity type.
        allow: Values that are never masked, compared without case.
        private: Values that always are, by entity type: `{"PERSON": ["Jane Doe"]}`.
    """

    threshold: float = 0.4
    thresholds: Mapping[str, float] = field(default_factory=dict)
    allow: frozenset[str] = frozenset()
    private: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
