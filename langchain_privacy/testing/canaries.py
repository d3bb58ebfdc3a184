"""Values that nobody has, made anew for each test, to be planted into an input and looked for.

They are what the rules of `detection` find in English and Korean text without any list of yours.
Tests plant them; the probe (`probe`) looks for them in everything that its channels held.
"""

import random
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from langchain_core.messages import BaseMessage

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.testing.texts import Text
from langchain_privacy.values.disguise import find_disguised
from langchain_privacy.values.fold import HARD, compose
from langchain_privacy.values.index import Hit, ValueIndex

T = TypeVar("T")

_GIVEN = ("Johanna", "Benedict", "Cordelia", "Matthias", "Philippa", "Leopold")
_FAMILY = ("Quillfeather", "Ashdownley", "Brackenbury", "Thistlewood", "Wolverhampton")
_KO_FAMILY = ("김", "박", "최", "정", "윤", "임")
_KO_GIVEN = ("하람", "도현", "서진", "가온", "지훈", "예준")
_RRN_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)


class Canaries:
    """A set of canaries.

    Attributes:
        values: The canaries by type; `KO_PERSON` is a Korean name.
    """

    def __init__(self) -> None:
        chosen = random.SystemRandom()
        given, family = chosen.choice(_GIVEN), chosen.choice(_FAMILY)
        digits = [chosen.randrange(10) for _ in range(20)]
        self.values: Mapping[str, str] = MappingProxyType(
            {
                "PERSON": f"{given} {family}",
                "EMAIL": f"{given}.{family}{_written(digits[:4])}@canary.example".lower(),
                "PHONE": f"+49 30 {_written([4, *digits[:6]])}",
                "CREDIT_CARD": _card([4, 5, 3, 9, *digits[:11]]),
                "KO_PERSON": chosen.choice(_KO_FAMILY) + chosen.choice(_KO_GIVEN),
                "KR_PHONE": f"010-{_written([5, *digits[4:7]])}-{_written(digits[7:11])}",
                "KR_RRN": _rrn(
                    [8, 7, 1, 1, chosen.randrange(3), chosen.randrange(1, 9)], digits[:5]
                ),
            }
        )

    @property
    def text(self) -> str:
        """Two sentences, in English and in Korean, that hold all of them."""
        values = self.values
        return (
            f"My name is {values['PERSON']}, my e-mail is {values['EMAIL']}, my phone number is "
            f"{values['PHONE']} and my card number is {values['CREDIT_CARD']}. "
            f"제 이름은 {values['KO_PERSON']}이고 휴대폰 번호는 {values['KR_PHONE']}, "
            f"주민등록번호는 {values['KR_RRN']}입니다."
        )

    def plant(self, x: T) -> T:
        """Return an input with the sentences after its last message, or after each of its texts.

        Args:
            x: A text, a message in any form that LangChain takes, a list of messages, or a dict;
                of a dict with `messages`, only these.
        """
        planted: T = self._planted(x)
        return planted

    def _planted(self, x: Any) -> Any:
        if isinstance(x, str):
            return f"{x} {self.text}"
        if isinstance(x, BaseMessage):
            return x.model_copy(update={"content": self._in_content(x.content)})
        if isinstance(x, tuple) and len(x) == 2:
            return (x[0], self._planted(x[1]))
        if isinstance(x, list) and x:
            return [*x[:-1], self._planted(x[-1])]
        if isinstance(x, dict) and "role" in x and "content" in x:
            return {**x, "content": self._in_content(x["content"])}
        if isinstance(x, dict) and "messages" in x:
            return {**x, "messages": self._planted(x["messages"])}
        if isinstance(x, dict):
            return {k: self._planted(v) if isinstance(v, str) else v for k, v in x.items()}
        return x

    def _in_content(self, content: Any) -> Any:
        if isinstance(content, str):
            return self._planted(content)
        return [*content, {"type": "text", "text": self.text}]


def _written(digits: list[int]) -> str:
    return "".join(map(str, digits))


def _card(digits: list[int]) -> str:
    """Add the check digit (ISO/IEC 7812-1, annex B)."""
    doubled = [2 * d if at % 2 == 0 else d for at, d in enumerate(digits)]
    check = -sum(d - 9 if d > 9 else d for d in doubled) % 10
    whole = _written([*digits, check])
    return " ".join(whole[at : at + 4] for at in range(0, 16, 4))


def _rrn(birth: list[int], rest: list[int]) -> str:
    """Add the century and the check digit of a resident registration number."""
    digits = [*birth, 1, *rest]
    total = sum(d * w for d, w in zip(digits, _RRN_WEIGHTS, strict=True))
    return f"{_written(birth)}-{_written(digits[6:])}{(11 - total % 11) % 10}"


# ---- Looking for values in what the channels held
#
# The index is that of the masker and the guard, so the forms are those that they know.


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
