"""Private data stays here; a cloud model still helps.

The rooms: `detection` (what is private), `vault` (where real values live), `masking`, `egress` (the
door), `edge` (private graphs, agents and tools), `tracing`, `local` (local models), `minions`,
`sql`, `secure` (attested endpoints). The names below are imported when they are first used.
"""

from langchain_privacy._version import __version__
from langchain_privacy.lazy import first_used

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

__getattr__ = first_used(__name__, _ROOM_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
