"""Word lists: public facts such as frequent names and the names of places."""

from functools import cache
from importlib.resources import files


@cache
def load(name: str) -> frozenset[str]:
    """Return the words of `gazetteers/<name>.txt`: separated by white space, `#` to the line's end
    is a comment, `_` stands for a space inside a name.
    """  # noqa: D205
    text = (files("langchain_privacy.detection") / "gazetteers" / f"{name}.txt").read_text("utf-8")
    lines = (line.partition("#")[0] for line in text.splitlines())
    return frozenset(word.replace("_", " ") for line in lines for word in line.split())


# Names of substances, diseases and procedures end in a stem of their class.
_MEDICAL = tuple(load("medical_endings"))
_LETTERS_BEFORE = 2


def is_medical(word: str) -> bool:
    """Say whether a lower-case word is a substance, a disease or a procedure by its ending."""
    return word.isalpha() and word.endswith(_MEDICAL, _LETTERS_BEFORE)
