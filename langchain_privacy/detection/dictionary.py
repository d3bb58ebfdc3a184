"""Values that the caller names."""

from collections.abc import Iterable, Mapping

from langchain_privacy.detection.finding import Detector, Finding
from langchain_privacy.values.index import ValueIndex, outermost


class DictionaryDetector(Detector):
    """Finds the values that somebody named as private, wherever they stand.

    Matching ignores case, width, Unicode composition and the separators inside a value
    ("010-1234-5678" finds "010 1234 5678", "서지훈" finds "서 지훈"), and takes whole words only;
    Korean particles and titles may follow ("서지훈은"). Parts of a person's name count as well, and
    dates and amounts in other formats (see `values.index`).
    """

    name = "dictionary"

    def __init__(self, values: Mapping[str, Iterable[str]]) -> None:
        """Take `{entity_type: values}`; empty values are ignored."""
        self._values = {kind: tuple(named) for kind, named in values.items()}
        self._index = ValueIndex[str]()
        for kind, named in self._values.items():
            for value in dict.fromkeys(filter(None, map(str.strip, named))):
                self._index.add(value, kind, kind, named=True)

    def __repr__(self) -> str:
        return f"<DictionaryDetector of {len(self._index)} values>"

    def __reduce__(self) -> tuple[type, tuple[Mapping[str, Iterable[str]]]]:
        return type(self), (self._values,)

    @property
    def index(self) -> ValueIndex[str]:
        """The named values; the guard looks for them in disguise as well."""
        return self._index

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:  # noqa: ARG002
        """Find every occurrence."""
        return [
            Finding(
                start=hit.start,
                end=hit.end,
                entity_type=hit.owners[0],
                score=1.0,
                detector=self.name,
            )
            for hit in outermost(self._index.find(text))
        ]
