"""The prompts, as text files beside this one; `$name` is filled in, everything else is literal."""

from functools import cache
from pathlib import Path
from string import Template
from typing import Literal

Language = Literal["en", "ko"]
Name = Literal["plan", "narrate", "repair"]


def language_of(text: str) -> Language:
    """Tell which of the two languages a question is in."""
    return "ko" if any("가" <= ch <= "힣" for ch in text) else "en"


@cache
def prompt(name: Name, language: Language) -> Template:
    """Return a prompt."""
    file = Path(__file__).with_name(f"{name}.{language}.txt")
    return Template(file.read_text(encoding="utf-8").rstrip("\n"))
