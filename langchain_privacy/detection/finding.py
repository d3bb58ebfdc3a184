"""What a detector says, and what a detector is."""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass

HIGH_CONFIDENCE = 0.85
"""From this score on a finding is checked: a refusal at the door may rest on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A private span of a text. It never holds the text itself.

    Attributes:
        start: First character, 0-based.
        end: One past the last character.
        entity_type: Upper-case type in Presidio's spelling, e.g. `"EMAIL"`, `"PERSON"`, `"KR_RRN"`.
        score: Confidence, 0.0 to 1.0.
        detector: Name of the detector that found it.
    """

    start: int
    end: int
    entity_type: str
    score: float
    detector: str


class Detector(ABC):
    """Finds private spans in a text. One kind of value, one detector, one file.

    A detector never reaches the network and never returns "nothing" because it failed: it raises
    `DetectionError`, and nothing is sent.
    """

    name: str

    @abstractmethod
    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Find private spans.

        Args:
            text: Any Unicode text.
            language: ISO 639-1 code of the text, or `None` when it is unknown or mixed.

        Returns:
            Findings in any order; they may overlap (the masker resolves that, see `merge`).

        Raises:
            DetectionError: The detector could not do its work.
        """

    async def adetect(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Like `detect`, without blocking the event loop."""
        return await asyncio.to_thread(self.detect, text, language=language)
