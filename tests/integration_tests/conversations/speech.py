"""How values are marked in a text, so that every copy of one can be compared with what was said.

`<qbabx>Mira Solheim</qbabx>` is the slot `qbabx`; the model sees `<qbabx>[PERSON_7K2Q]</qbabx>`.
Whatever it makes of it is marked alike, for the person or for a tool.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from langchain_privacy.vault import PLACEHOLDER
from tests.integration_tests.conversations.values import word

_SLOT = re.compile(r"<(q[a-z]{6}x)>(.*?)</\1>", re.DOTALL)
_TURN = re.compile(r"<turn>(\w+)</turn>")
_ESCAPED = re.compile(r"\\+u([0-9a-fA-F]{4})")


class Slot(NamedTuple):
    """A slot as it stands in a text."""

    name: str
    text: str


def slot_name(number: int) -> str:
    return f"q{word(number)}x"


def marked(name: str, text: str) -> str:
    return f"<{name}>{text}</{name}>"


def slots_in(text: str) -> Iterator[Slot]:
    """Yield the slots of a text, also of JSON in a text."""
    for found in _SLOT.finditer(unescaped(text)):
        yield Slot(found[1], found[2])


def unescaped(text: str) -> str:
    r"""Undo `\u00e9`, which JSON writes inside of JSON too."""
    if "\\u" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def of_turn(name: str) -> str:
    return f"<turn>{name}</turn>"


def turn_of(text: str) -> str | None:
    found = _TURN.search(text)
    return found and found[1]


def placeholders(text: str) -> set[str]:
    return {found[0] for found in PLACEHOLDER.finditer(text)}


# ---- How a model writes a placeholder that it quotes. All of these mean the value.

DRESSES: dict[str, Callable[[str], str]] = {
    "as it is": lambda side: side,
    "bold": lambda side: f"**{side}**",
    "in small letters": lambda side: PLACEHOLDER.sub(lambda found: found[0].lower(), side),
    "escaped": lambda side: PLACEHOLDER.sub(lambda found: f"\\[{found[0][1:-1]}\\]", side),
    "with spaces": lambda side: PLACEHOLDER.sub(lambda found: f"[ {found[0][1:-1]} ]", side),
    "in full width": lambda side: PLACEHOLDER.sub(lambda found: f"［{found[0][1:-1]}］", side),
    "in code": lambda side: f"`{side}`",
}


def undressed(text: str) -> str:
    """Take off what was put around a value."""
    text = text.strip("*`")
    try:
        return str(json.loads(f'"{text}"')) if "\\" in text else text
    except ValueError:
        return text
