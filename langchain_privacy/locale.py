"""The language of the person who reads: what a command says, and what an error says.

    print(say("{count} crossed", count=3))  # "3건 나감" under LANGCHAIN_PRIVACY_LANG=ko

A sentence is written in English where it is said. `commands.ko.json` and `errors.ko.json` have its
Korean form under the English one, with the same fields; what is not there is said in English.
"""

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from importlib import resources
from typing import Any, Literal

Language = Literal["en", "ko"]

_FIELD = re.compile(r"\\\{(\d+)\\\}")
_NUMBER = re.compile(r"\{(\d+)\}")
_NUMBERS = re.compile(r"\{\d+\}")
_SUBJECTS = 3
"""So many names may stand before a message: of a machine, of a piece of evidence."""


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


def said_again(message: str, language: Language | None = None) -> str:
    """Return a message that was made in English, such as an error's, in the person's language.

    Its English form is the one of the catalogues that it fits, with `{0}`, `{1}` for what differs:
    who raises an error writes it in English and need not know who reads it.

    Args:
        message: What was said in English.
        language: The reader's, where it is not that of the process: a page has its own.
    """
    if (language or language_of(os.environ)) == "en":
        return message
    about = ""
    for _ in range(_SUBJECTS):
        if (said := _found(message)) is not None:
            return about + said
        subject, colon, message = message.partition(": ")  # "sev-snp: the guest allows ..."
        about += subject + colon
    return about + message


def _found(message: str) -> str | None:
    """Return the Korean form of a whole message."""
    for sentences in (messages(), catalogue()):
        if message in sentences:
            return sentences[message]
    for parts, pattern, spoken in _patterns():
        if not (message.startswith(parts[0]) and message.endswith(parts[-1])):
            continue
        if fits := pattern().fullmatch(message):
            return _filled(spoken, fits.groups())
    return None


def _filled(spoken: str, fields: Sequence[str]) -> str:
    """Put what a message holds into its Korean form; what is a phrase itself is said in Korean."""
    said = [said_again(field, "ko") if " " in field else field for field in fields]
    return _NUMBER.sub(lambda number: said[int(number[1])], spoken)


@cache
def catalogue() -> Mapping[str, str]:
    """Return the Korean form of each English sentence that a command says."""
    return _read("commands.ko.json")


@cache
def kinds_of_errors() -> Mapping[str, str]:
    """Return what each class of errors means, in Korean."""
    spoken: dict[str, str] = _read("errors.ko.json")["kinds"]
    return spoken


@cache
def messages() -> Mapping[str, str]:
    """Return the Korean form of each message of an error."""
    spoken: dict[str, str] = _read("errors.ko.json")["messages"]
    return spoken


def _read(name: str) -> dict[str, Any]:
    source = resources.files(__package__).joinpath(name)
    spoken: dict[str, Any] = json.loads(source.read_text("utf-8"))
    return spoken


@cache
def _patterns() -> list[tuple[list[str], Callable[[], re.Pattern[str]], str]]:
    """Return what matches the messages with numbered fields, those with most words first.

    Of each the words between its fields, a way to its pattern, which few messages need, and the
    Korean form.
    """
    both = [*messages().items(), *catalogue().items()]
    numbered = [(en, ko) for en, ko in both if "{0}" in en]
    numbered.sort(key=lambda pair: -len(pair[0]))
    return [(_NUMBERS.split(en), partial(_pattern, en), ko) for en, ko in numbered]


@cache
def _pattern(sentence: str) -> re.Pattern[str]:
    """Return what matches the messages that say this sentence.

    What begins with a field would end many sentences: there it is one word, such as a name.
    """
    escaped = re.escape(sentence)
    fields = _FIELD.sub("(.+?)", re.sub(r"^\\\{0\\\}", r"(\\S+)", escaped))
    return re.compile(fields, re.DOTALL)
