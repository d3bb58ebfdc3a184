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
