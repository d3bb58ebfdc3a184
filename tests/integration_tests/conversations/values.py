"""Private values of many kinds, made by number: two numbers never share a value or a part of one.

Each says in which sentence a detector finds it, how else it may be written later in the same
conversation, and which texts nobody outside may hold then.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_CONSONANTS, _VOWELS = "bdfgklmnprtvz", "aeiou"
_KO_FAMILY = "김박최윤임"
_KO_FIRST, _KO_SECOND = "도서지예민태현규채", "람진온훈준율빈혁결"
_ENDS = 5 * len(_CONSONANTS)
_RRN_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
SPREAD = 7919
"""A prime: neighbouring numbers give values that look nothing alike."""
KOREAN_NAMES = len(_KO_FIRST) * len(_KO_SECOND)
"""How many Korean given names there are."""


@dataclass(frozen=True)
class Value:
    """A private value.

    Attributes:
        kind: Which of `KINDS`.
        text: The value.
        said: A sentence in which a detector finds it.
        spellings: How else it may be written once it was found.
        needles: What may stand nowhere outside, in lower case.
    """

    kind: str
    text: str
    said: str
    spellings: Sequence[str]
    needles: Sequence[str]


def word(number: int) -> str:
    """Return a word of three syllables that no language has."""
    rest, letters = number * SPREAD % _ENDS**2 * _ENDS, []
    rest += number % _ENDS
    for _ in range(3):
        rest, at = divmod(rest, _ENDS)
        letters.append(_CONSONANTS[at // 5] + _VOWELS[at % 5])
    return "".join(letters)


def _person(number: int) -> Value:
    given, family = f"{word(number)}l".capitalize(), f"{word(number + 31)}nd".capitalize()
    return Value(
        kind="person",
        text=f"{given} {family}",
        said=f"My name is {given} {family}.",
        spellings=(
            family,
            given,
            f"{given} {family}".upper(),
            f"{family}, {given}",
            f"{given[0]}. {family}",
            f"{given}  {family}",
            f"the {family}s",
        ),
        needles=(given.lower(), family.lower()),
    )


def _korean_person(number: int) -> Value:
    first, second = divmod(number * 7 % KOREAN_NAMES, len(_KO_SECOND))
    given = _KO_FIRST[first] + _KO_SECOND[second]
    family = _KO_FAMILY[number % len(_KO_FAMILY)]
    name = family + given
    return Value(
        kind="korean person",
        text=name,
        said=f"제 이름은 {name}입니다.",
        spellings=(f"{family} {given}", f"{given} 씨", f"{name}님", f"{name}에게"),
        needles=(given,),
    )


def _email(number: int) -> Value:
    local = f"{word(number)}.{word(number + 77)}{number % 100}"
    address = f"{local}@{word(number + 5)}.example"
    return Value(
        kind="e-mail",
        text=address,
        said=f"Write to {address} please.",
        spellings=(address.upper(), f"({address})", f"mailto:{address}"),
        needles=(local,),
    )


def _korean_phone(number: int) -> Value:
    digits = f"{number * SPREAD % 100_000_000:08d}"
    a, b = f"5{digits[1:4]}", digits[4:]
    return Value(
        kind="korean phone",
        text=f"010-{a}-{b}",
        said=f"휴대폰 번호는 010-{a}-{b} 입니다.",
        spellings=(f"010.{a}.{b}", f"010{a}{b}", f"+82 10 {a} {b}", f"010 {a} {b}"),
        needles=(f"{a}-{b}", f"{a}.{b}", f"10{a}{b}", f"{a} {b}"),
    )


def _phone(number: int) -> Value:
    digits = f"4{number * SPREAD % 1_000_000:06d}"
    return Value(
        kind="phone",
        text=f"+49 30 {digits}",
        said=f"My phone number is +49 30 {digits}.",
        spellings=(f"+4930{digits}", f"+49-30-{digits}", f"0049 30 {digits}"),
        needles=(f"30 {digits}", f"30{digits}", f"30-{digits}"),
    )


def _card(number: int) -> Value:
    body = [4, 5, 3, 9, *map(int, f"{number * SPREAD * 104_729 % 10**11:011d}")]
    doubled = [2 * d if at % 2 == 0 else d for at, d in enumerate(body)]
    check = -sum(d - 9 if d > 9 else d for d in doubled) % 10  # ISO/IEC 7812-1, annex B
    whole = "".join(map(str, [*body, check]))
    groups = [whole[at : at + 4] for at in range(0, 16, 4)]
    return Value(
        kind="card",
        text=" ".join(groups),
        said=f"My card number is {' '.join(groups)}.",
        spellings=(whole, "-".join(groups)),
        needles=(whole, " ".join(groups[1:]), "-".join(groups[1:])),
    )


def _resident_number(number: int) -> Value:
    digits = [
        8,
        7,
        1,
        1,
        number % 3,
        1 + number % 9,
        1,
        *map(int, f"{number * SPREAD % 10**5:05d}"),
    ]
    total = sum(d * w for d, w in zip(digits, _RRN_WEIGHTS, strict=True))
    birth = "".join(map(str, digits[:6]))
    rest = "".join(map(str, digits[6:])) + str((11 - total % 11) % 10)
    return Value(
        kind="resident number",
        text=f"{birth}-{rest}",
        said=f"주민등록번호는 {birth}-{rest} 입니다.",
        spellings=(f"{birth}{rest}", f"{birth} {rest}"),
        needles=(f"{birth}-{rest}", f"{birth}{rest}", f"{birth} {rest}"),
    )


def _iban(number: int) -> Value:
    account = f"{3704_0044:08d}{number * SPREAD % 10**10:010d}"
    check = 98 - int(f"{account}131400") % 97  # ISO 13616: D is 13, E is 14
    whole = f"DE{check:02d}{account}"
    return Value(
        kind="iban",
        text=whole,
        said=f"My account is {whole}.",
        spellings=(" ".join(whole[at : at + 4] for at in range(0, 22, 4)), whole.lower()),
        needles=(account, whole.lower()),
    )


def _birthday(number: int) -> Value:
    year, month, day = 1931 + number % 60, 1 + number // 60 % 12, 1 + number // 720 % 28
    names = "January February March April May June July August September October November December"
    written = f"{day} {names.split()[month - 1]} {year}"
    return Value(
        kind="birthday",
        text=f"{year}-{month:02d}-{day:02d}",
        said=f"My date of birth is {year}-{month:02d}-{day:02d}",
        spellings=(written, f"{year}년 {month}월 {day}일", f"{year}.{month:02d}.{day:02d}"),
        needles=(f"{year}-{month:02d}-{day:02d}", written.lower(), f"{year}년 {month}월 {day}일"),
    )


def _customer(number: int) -> Value:
    code = f"C-{number * SPREAD % 10**7:07d}"
    return Value(
        kind="customer number",
        text=code,
        said=f"My customer id is {code}.",
        spellings=(code.lower(),),
        needles=(code.lower(),),
    )


def _amount(number: int) -> Value:
    digits = f"{4 + number % 5}{number * SPREAD % 10**8:08d}"
    written = f"{int(digits):,}"
    return Value(
        kind="amount",
        text=f"{written}원",
        said=f"금액은 {written}원 입니다.",
        spellings=(f"{digits}원", f"{written} 원"),
        needles=(written, f"{digits}원"),
    )


def _key(number: int) -> Value:
    key = f"sk-proj-{word(number)}{number * SPREAD:09d}{word(number + 3)}Qz7"
    return Value(
        kind="key",
        text=key,
        said=f"The API key is {key} here.",
        spellings=(f"Bearer {key}",),
        needles=(key.lower(),),
    )


KINDS: Mapping[str, Callable[[int], Value]] = {
    "person": _person,
    "korean person": _korean_person,
    "e-mail": _email,
    "korean phone": _korean_phone,
    "phone": _phone,
    "card": _card,
    "resident number": _resident_number,
    "iban": _iban,
    "birthday": _birthday,
    "customer number": _customer,
    "amount": _amount,
    "key": _key,
}
"""By name, what makes a value of a number."""
