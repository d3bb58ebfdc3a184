"""The prompts, as text files beside this one; `$name` is filled in, everything else is literal.

`remote.py` writes every message that crosses with them:
`prompt("repair", "en").substitute(codes="row_mixed", labels="")`.
"""

from functools import cache
from pathlib import Path
from string import Template
from typing import Literal

from langchain_privacy.words import Language, guess_language

Name = Literal["plan", "more", "learned", "narrate", "repair"]

LANGUAGES: tuple[Language, ...] = ("ko", "en")


def language_of(text: str) -> Language:
    """Tell in which of the two languages a question is answered: Korean, or else English."""
    return guess_language(text) or "en"


# Read at the import: a graph may be made where nothing may wait, such as in an event loop.
_WRITTEN = {
    file.stem: file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("*.txt")
}


def prompts() -> list[str]:
    """Return all prompts as they are written: what this package says to a remote model."""
    return list(_WRITTEN.values())


@cache
def prompt(name: Name, language: Language) -> Template:
    """Return a prompt."""
    return Template(_WRITTEN[f"{name}.{language}"].rstrip("\n"))
