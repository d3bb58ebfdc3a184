"""The documents that come with the demo: written for it, every person and number invented."""

import json
from dataclasses import dataclass, field
from importlib import resources


@dataclass(frozen=True, kw_only=True)
class Bundled:
    """A document, a question about it, and the private values that were planted in it."""

    name: str
    text: str = field(repr=False)
    question: str
    planted: list[str] = field(repr=False)


def bundled(language: str) -> Bundled:
    """Return the demo's document in `"en"` (a medical record) or `"ko"` (a lease)."""
    folder = resources.files(__package__) / "documents"
    about = json.loads((folder / "bundled.json").read_text(encoding="utf-8"))[language]
    return Bundled(
        name=about["file"],
        text=(folder / about["file"]).read_text(encoding="utf-8"),
        question=about["question"],
        planted=about["planted"],
    )
