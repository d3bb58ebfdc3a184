"""Looking for values in what the channels held.

    >>> wanted = Wanted()
    >>> wanted.add({"PERSON": ["Mira Solheim"]})
    >>> for leak in wanted.leaks("logs", [Text("line 1", "solheim, mira called")]):
    ...     print(leak)
    logs: line 1 holds PERSON 1 (name)

The index is that of the masker and the guard, so the forms are those that they know.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.testing.texts import Text
from langchain_privacy.values.disguise import find_disguised
from langchain_privacy.values.fold import HARD, compose
from langchain_privacy.values.index import Hit, ValueIndex

_AT_ONCE = 1 << 18
"""Characters that are searched as one text."""


@dataclass(frozen=True, kw_only=True)
class Leak:
    """The first place in a channel where a value stood. It does not hold the value.

    Attributes:
        channel: Name of the channel.
        place: A path or a line; a value in the path itself is left out of it.
        value: Which value: its type and its number among the named ones, or `canary` and its type.
        form: `"plain"`, or how it was written: `"case"`, `"base64"`, `"escaped"`, ...
    """

    channel: str
    place: str
    value: str
    form: str

    def __str__(self) -> str:
        return f"{self.channel}: {self.place} holds {self.value} ({self.form})"


class Wanted:
    """The values that no channel may hold."""

    def __init__(self) -> None:
        self._index = ValueIndex[str]()
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._index)

    def add(self, values: Mapping[str, Sequence[str]] | Sequence[str]) -> None:
        """Take in values: a list, or lists by type; people's names have parts.

        Raises:
            ConfigurationError: A value is no text, or empty.
        """
        if isinstance(values, str):
            values = [values]
        by_type = values if isinstance(values, Mapping) else {"VALUE": values}
        for kind, listed in by_type.items():
            for value in [listed] if isinstance(listed, str) else listed:
                if not isinstance(value, str) or not value.strip():
                    msg = f"A value of type {kind} is no text, or empty. Name values as texts."
                    raise ConfigurationError(msg)
                self._numbers[kind] = number = self._numbers.get(kind, 0) + 1
                self._index.add(value, kind, f"{kind} {number}", named=True)

    def add_canary(self, kind: str, value: str) -> None:
        """Take in a canary."""
        self._index.add(value, kind, f"canary {kind}")

    def leaks(self, channel: str, texts: Iterable[Text]) -> list[Leak]:
        """Return the first place of each value that stands in some texts."""
        found: dict[str, Leak] = {}
        for batch in _batches(texts):
            for texts_there, hit in self._hits(batch):
                for owner in hit.owners:
                    if owner not in found:
                        where = self._without_values(self._place(owner, texts_there))
                        found[owner] = Leak(
                            channel=channel, place=where, value=owner, form=hit.form
                        )
        return list(found.values())

    def _place(self, owner: str, among: Sequence[Text]) -> str:
        """Return where a value stands; a hit in something decoded reaches over its neighbours."""
        for text in among if len(among) > 1 else ():
            if any(owner in hit.owners for _, hit in self._hits([text])):
                return text.place
        return among[0].place

    def _hits(self, batch: Sequence[Text]) -> Iterator[tuple[Sequence[Text], Hit[str]]]:
        said = [compose(text.text.replace(HARD, " ")) for text in batch]
        starts, at = [], 0
        for text in said:
            starts.append(at)
            at += len(text) + 1
        hits = [*find_disguised(self._index, HARD.join(said))]
        spans = [(bisect_right(starts, h.start) - 1, bisect_right(starts, h.end - 1)) for h in hits]
        found = sorted(
            zip(spans, hits, strict=True),
            key=lambda one: (one[0][0], one[1].form != "plain", one[1].start),
        )
        for (first, last), hit in found:
            yield batch[first:last], hit

    def _without_values(self, place: str) -> str:
        for hit in sorted(find_disguised(self._index, compose(place)), key=lambda h: -h.start):
            place = f"{place[: hit.start]}…{place[hit.end :]}"
        return place


def _batches(texts: Iterable[Text]) -> Iterator[list[Text]]:
    """Put texts together, each different one once."""
    known: set[str] = set()
    batch: list[Text] = []
    size = 0
    for text in texts:
        if text.text in known:
            continue
        known.add(text.text)
        batch.append(text)
        size += len(text.text)
        if size > _AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
