"""The language of the person who reads: what a command says, and where an error points.

    print(say("{count} crossed", count=3))  # "3건 나감" under LANGCHAIN_PRIVACY_LANG=ko

A sentence is written in English where it is said. `commands.ko.json` has its Korean form under the
English one, with the same fields; a sentence that is not there is said in English.
"""

import json
import os
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

Language = Literal["en", "ko"]

_FIELD = re.compile(r"\\\{(\d+)\\\}")


def language_of(environment: Mapping[str, str]) -> Language:
    """Return the language of a person: `LANGCHAIN_PRIVACY_LANG`, else that of the locale."""
    names = ("LANGCHAIN_PRIVACY_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    named = next((value for name in names if (value := environment.get(name))), "")
    return "ko" if named.lower().startswith("ko") else "en"


def say(sentence: str, /, **values: object) -> str:
    """Return a sentence in the person's language.

    Args:
        sentence: The English one, with fields as `str.format` reads them.
        **values: What its fields stand for.
    """
    spoken = sentence if language_of(os.environ) == "en" else catalogue().get(sentence, sentence)
    return spoken.format(**values) if values else spoken


def said_again(message: str) -> str:
    """Return a message that was made in English, such as an error's, in the person's language.

    Its English form is the one of the catalogue that it fits, with `{0}`, `{1}` for what differs:
    who raises an error writes it in English and need not know who reads it.
    """
    if language_of(os.environ) == "en":
        return message
    if message in catalogue():
        return catalogue()[message]
    for pattern, spoken in _patterns():
        if found := pattern.fullmatch(message):
            return spoken.format(*found.groups())
    return message


@cache
def catalogue() -> Mapping[str, str]:
    """Return the Korean form of each English sentence."""
    source = resources.files(__package__).joinpath("commands.ko.json")
    spoken: dict[str, str] = json.loads(source.read_text("utf-8"))
    return spoken


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Return what matches the messages with numbered fields, those with most words first."""
    numbered = [(en, ko) for en, ko in catalogue().items() if "{0}" in en]
    numbered.sort(key=lambda pair: -len(pair[0]))
    return [(re.compile(_pattern(en), re.DOTALL), ko) for en, ko in numbered]


def _pattern(sentence: str) -> str:
    """Return what a message matches that says this sentence.

    What begins with a field would end many sentences: there it is one word, such as a name.
    """
    escaped = re.escape(sentence)
    return _FIELD.sub("(.+?)", re.sub(r"^\\\{0\\\}", r"(\\S+)", escaped))
