"""The detectors that work with nothing but the base install."""

import re
from collections.abc import Sequence

from langchain_privacy.detection.finding import Detector, Finding


class _EmailDetector(Detector):
    name = "email"
    _pattern = re.compile(r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+")

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:  # noqa: ARG002
        return [
            Finding(start=m.start(), end=m.end(), entity_type="EMAIL", score=1.0, detector="email")
            for m in self._pattern.finditer(text)
        ]


def default_detectors(languages: Sequence[str] = ("en", "ko")) -> list[Detector]:  # noqa: ARG001
    """Return the detectors for `languages`."""
    return [_EmailDetector()]
