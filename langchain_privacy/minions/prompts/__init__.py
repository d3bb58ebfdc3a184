"""The prompts: text files beside this one in English and Korean, loaded once.

    text = render("plan", language_of([task, *documents]), task=task)

What the remote model may read is exactly these files with the masked task and the masked evidence
put in; a snapshot of every rendered remote prompt is kept under `tests/vectors/minions`.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from langchain_privacy.words import Language, guess_language

_SAMPLE = 4_000
"""Characters; a guess looks at no more."""

_SLOT = re.compile(r"\{(task|evidence|reason|sentence|question|lines|card)\}")


def language_of(texts: Sequence[str]) -> Language:
    """Return the language of the prompts for a task and its documents, English where in doubt.

    Each of them has an equal share in the sample that is guessed from, so that a long document
    does not decide alone.
    """
    share = _SAMPLE // max(1, len(texts))
    return guess_language("\n".join(text[:share] for text in texts)) or "en"


# Read at the import: a graph may be made where nothing may wait, such as in an event loop.
_WRITTEN = {
    file.name: file.read_text(encoding="utf-8").strip()
    for file in Path(__file__).parent.glob("*.txt")
}


def prompts() -> list[str]:
    """Return all prompts as they are written: what this package says to a remote model."""
    return list(_WRITTEN.values())


def render(name: str, language: Language, **slots: str) -> str:
    """Put texts into a prompt, in one pass: a slot inside a text stays as it is."""
    return _SLOT.sub(lambda slot: slots.get(slot[1], slot[0]), _WRITTEN[f"{name}.{language}.txt"])
