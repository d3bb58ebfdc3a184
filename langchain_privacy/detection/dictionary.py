"""Values that the caller names."""

import re
from collections.abc import Iterable, Mapping

from langchain_privacy.detection.finding import Detector, Finding


class DictionaryDetector(Detector):
    """Finds the values that somebody named as private, wherever they stand."""

    name = "dictionary"

    def __init__(self, values: Mapping[str, Iterable[str]]) -> None:
        """Take `{entity_type: values}`; matching ignores case."""
        self._types = {v.casefold(): kind for kind, vs in values.items() for v in vs if v.strip()}
        ranked = sorted(self._types, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ranked)), re.IGNORECASE)

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:  # noqa: ARG002
        """Find every occurrence."""
        if not self._types:
            return []
        return [
            Finding(
                start=m.start(),
                end=m.end(),
                entity_type=self._types.get(m.group().casefold(), "PRIVATE"),
                score=1.0,
                detector=self.name,
            )
            for m in self._pattern.finditer(text)
        ]
