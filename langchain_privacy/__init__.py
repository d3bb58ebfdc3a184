"""Private data stays here; a cloud model still helps.

The rooms: `detection` (what is private), `vault` (where real values live), `masking`, `egress` (the
door), `edge` (private graphs, agents and tools), `tracing`, `local` (local models), `minions`,
`sql`, `secure` (attested endpoints). The names below are imported when they are first used.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from langchain_privacy._version import __version__

_ROOM_OF = {
    "AttestationPolicy": "secure",
    "EgressGuard": "egress",
    "EgressLedger": "egress",
    "Masker": "masking",
    "MaskingPolicy": "masking",
    "MaskingRunnable": "edge",
    "MinionNodes": "minions",
    "PrivacyASGIMiddleware": "edge.asgi",
    "PrivacyError": "errors",
    "PrivacyMiddleware": "edge.middleware",
    "RestoringRunnable": "edge",
    "SQLPolicy": "sql",
    "SchemaCard": "sql",
    "SecureChatModel": "secure",
    "ToolPolicy": "edge",
    "attest": "secure",
    "create_minion_graph": "minions",
    "create_minions_graph": "minions",
    "create_private_agent": "edge.agents",
    "create_private_sql_graph": "sql",
    "create_private_sql_tool": "sql",
    "install_tracing_guard": "tracing",
    "local_node": "edge",
    "private": "edge",
}

__all__ = [*sorted(_ROOM_OF), "__version__"]


def __getattr__(name: str) -> Any:
    if name in _ROOM_OF:
        return getattr(import_module(f"langchain_privacy.{_ROOM_OF[name]}"), name)
    if not name.startswith("_") and (rooms := _rooms_of(name)):
        # Python keeps what an AttributeError says from who writes `from ... import`.
        ways = " or ".join(f"from langchain_privacy.{room} import {name}" for room in rooms)
        msg = f"{name} is not among the first names of langchain_privacy; write: {ways}"
        raise ImportError(msg, name=__name__)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def _rooms_of(name: str) -> list[str]:
    """Return the rooms with a public name; they are read, not imported, for some need extras."""
    written = re.compile(rf"\"{name}\"|^    {name},$|import {name}$", re.MULTILINE)
    files = sorted(Path(__file__).parent.glob("*/__init__.py"))
    found = [file.parent.name for file in files if written.search(file.read_text("utf-8"))]
    errors = Path(__file__).with_name("errors.py").read_text("utf-8")
    return [*found, "errors"] if f"\nclass {name}(" in errors else found


def __dir__() -> list[str]:
    return sorted(__all__)
