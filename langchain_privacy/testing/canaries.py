"""Values that nobody has, made anew for each test, to be planted into an input.

They are what the rules of `detection` find in English and Korean text without any list of yours.
"""

import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from langchain_core.messages import BaseMessage

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
