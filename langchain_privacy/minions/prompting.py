"""The prompts: plain text files in English and Korean, loaded once.

What the remote model may read is exactly these files with the masked task and the masked evidence
put in; a snapshot of every rendered remote prompt is kept under `tests/vectors/minions`.
"""

import functools
import re
from collections.abc import Iterable
from importlib import resources
from typing import Literal

Language = Literal["en", "ko"]

_HANGUL = re.compile(r"[가-힣]")
_LETTER = re.compile(r"[^\W\d_]")
_SLOT = re.compile(r"\{(task|evidence|reason|sentence|question|lines)\}")


def language_of(texts: Iterable[str]) -> Language:
    """Return `"ko"` when a fifth of the letters are Hangul, else `"en"`."""
    hangul = letters = 0
    for text in texts:
        sample = text[:20_000]
        hangul += len(_HANGUL.findall(sample))
        letters += len(_LETTER.findall(sample))
    return "ko" if hangul * 5 > letters else "en"


def render(name: str, language: Language, **slots: str) -> str:
    """Put texts into a prompt, in one pass: a slot inside a text stays as it is."""
    return _SLOT.sub(lambda slot: slots.get(slot[1], slot[0]), _template(name, language))


@functools.cache
def _template(name: str, language: Language) -> str:
    file = resources.files(__package__) / "prompts" / f"{name}.{language}.txt"
    return file.read_text(encoding="utf-8").strip()
