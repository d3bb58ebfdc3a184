"""Write the pages of the API reference: one a room, with every public name of it.

    python scripts/reference.py

The pages name the places (`::: langchain_privacy.masking.masker.Masker`); what stands on them comes
from the docstrings when the site is built. A test compares them with the packages' `__all__`.
"""

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

ROOMS = {
    "detection": "What is private, and what is public",
    "vault": "Where real values live",
    "masking": "Placeholders: masking and restoring",
    "egress": "The door: guard, policies, ledger",
    "edge": "Private graphs, agents, tools and servers",
    "tracing": "LangSmith and OpenTelemetry",
    "local": "Local models and documents",
    "minions": "The Minion loop",
    "sql": "Questions to a database",
    "secure": "Attested endpoints",
    "testing": "The test kit",
    "errors": "Errors",
}
"""Room, and what its page is called."""

MORE = {"edge": ("retrieval.MaskingTransformer", "retrieval.PrivateRetriever")}
"""Names that are public by their module's path, because it needs an extra or is seldom wanted."""

PACKAGE = Path(__file__).resolve().parents[1] / "langchain_privacy"
PAGES = PACKAGE.parent / "docs" / "reference"


def page(room: str) -> str:
    """Return the page of a room."""
    module, package = (import_module(n) for n in (f"langchain_privacy.{room}", "langchain_privacy"))
    places = {name: _place(module, name) for name in _public(module)}
    whole = {name: _place(package, name) for name in package.__all__ if name[0] != "_"}
    places |= {n: p for n, p in whole.items() if p.startswith(f"langchain_privacy.{room}.")}
    places |= {n: f"langchain_privacy.{room}.{n}" for n in MORE.get(room, ())}
    lines = [f"# `langchain_privacy.{room}`", "", f"{ROOMS[room]}.", ""]
    for name in sorted(places, key=str.lower):
        lines += [f"::: {places[name]}", ""]
    return "\n".join(lines)


def index() -> str:
    """Return the page that lists the names of the package itself, and the rooms."""
    package = import_module("langchain_privacy")
    lines = [
        "# API reference",
        "",
        "What is public. `from langchain_privacy import ...` has these names; the rooms have more.",
        "",
    ]
    for name in package.__all__:
        if not name.startswith("_"):
            place = _place(package, name)
            lines.append(f"- [`{name}`]({place.split('.')[1]}.md#{place})")
    lines += ["", "| room | |", "|---|---|"]
    lines += [f"| [`{room}`]({room}.md) | {about} |" for room, about in ROOMS.items()]
    return "\n".join([*lines, ""])


def _public(module: ModuleType) -> list[str]:
    names = getattr(module, "__all__", None)
    if names is None:  # errors.py: every class that it defines
        found = vars(module).items()
        return [name for name, held in found if getattr(held, "__module__", "") == module.__name__]
    return list(names)


def _place(module: ModuleType, name: str) -> str:
    """Return the dotted path of where a name is defined."""
    held = getattr(module, name)
    home = getattr(held, "__module__", "")
    if isinstance(home, str) and home.startswith("langchain_privacy"):
        return f"{home}.{name}"
    # A constant: the module that assigns it.
    assigned = re.compile(rf"^{name}(?::[^=]*)? = ", re.MULTILINE)
    for file in sorted(PACKAGE.rglob("*.py")):
        if assigned.search(file.read_text("utf-8")):
            inner = file.relative_to(PACKAGE.parent).with_suffix("").parts
            return ".".join([*(part for part in inner if part != "__init__"), name])
    raise LookupError(name)


def main() -> None:
    """Write all pages."""
    PAGES.mkdir(exist_ok=True)
    for room in ROOMS:
        (PAGES / f"{room}.md").write_text(page(room), encoding="utf-8")
    (PAGES / "index.md").write_text(index(), encoding="utf-8")


if __name__ == "__main__":
    main()
