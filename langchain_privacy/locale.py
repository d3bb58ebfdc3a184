"""The language of the person who reads: what the command says, and where an error points."""

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "ko"]


def language_of(environment: Mapping[str, str]) -> Language:
    """Return the language of a person: `LANGCHAIN_PRIVACY_LANG`, else that of the locale."""
    names = ("LANGCHAIN_PRIVACY_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    named = next((value for name in names if (value := environment.get(name))), "")
    return "ko" if named.lower().startswith("ko") else "en"
