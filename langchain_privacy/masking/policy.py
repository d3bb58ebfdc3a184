"""What is masked, and what happens to content that has no text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

MediaRule = Literal["refuse", "pass"] | Callable[[dict[str, Any]], dict[str, Any]]
"""What to do with inline media: refuse, let pass, or a function of the content block."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskingPolicy:
    """Settings of a `Masker`.

    Attributes:
        threshold: Findings below this score are ignored, 0.0 to 1.0.
        thresholds: The same by entity type.
        allow: Values that are never masked, compared without case.
        private: Values that always are, by entity type: `{"PERSON": ["Jane Doe"]}`.
        media: What `mask` does with images, audio, video and files that carry their data or a URL
            with a query: `"refuse"` raises, `"pass"` leaves them, a function gets the content
            block and returns the one that goes on.
        unknown: What `mask` does with an object of a class it cannot look into: `"refuse"` raises,
            `"pass"` leaves it.
        restore_in_links: Whether `restore` puts values into URLs of links and images, where a chat
            window fetches them without a click.
    """

    threshold: float = 0.4
    thresholds: Mapping[str, float] = field(default_factory=dict)
    allow: frozenset[str] = frozenset()
    private: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    media: MediaRule = "refuse"
    unknown: Literal["refuse", "pass"] = "refuse"
    restore_in_links: bool = False
