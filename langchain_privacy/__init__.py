"""Private data stays here; a cloud model still helps.

The rooms: `detection` (what is private), `vault` (where real values live), `masking`, `egress` (the
door), `edge` (private graphs, agents and tools), `tracing`, `local` (local models), `minions`,
`sql`, `secure` (attested endpoints). The names below are imported when they are first used.
"""

from typing import TYPE_CHECKING

from langchain_privacy._version import __version__
from langchain_privacy.lazy import first_used

if TYPE_CHECKING:
    from langchain_privacy.edge import MaskingRunnable, RestoringRunnable, ToolPolicy, local_node
    from langchain_privacy.edge.agents import create_private_agent
    from langchain_privacy.edge.asgi import PrivacyASGIMiddleware
    from langchain_privacy.edge.middleware import PrivacyMiddleware
    from langchain_privacy.edge.private import private
    from langchain_privacy.egress import EgressGuard, EgressLedger
    from langchain_privacy.errors import PrivacyError
    from langchain_privacy.masking import Masker, MaskingPolicy
    from langchain_privacy.minions import MinionNodes, create_minion_graph, create_minions_graph
    from langchain_privacy.secure import AttestationPolicy, SecureChatModel, attest
    from langchain_privacy.sql import (
        SchemaCard,
        SQLPolicy,
        create_private_sql_graph,
        create_private_sql_tool,
    )
    from langchain_privacy.tracing import install_tracing_guard

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

# Written out: type checkers and editors read it.
__all__ = [
    "AttestationPolicy",
    "EgressGuard",
    "EgressLedger",
    "Masker",
    "MaskingPolicy",
    "MaskingRunnable",
    "MinionNodes",
    "PrivacyASGIMiddleware",
    "PrivacyError",
    "PrivacyMiddleware",
    "RestoringRunnable",
    "SQLPolicy",
    "SchemaCard",
    "SecureChatModel",
    "ToolPolicy",
    "__version__",
    "attest",
    "create_minion_graph",
    "create_minions_graph",
    "create_private_agent",
    "create_private_sql_graph",
    "create_private_sql_tool",
    "install_tracing_guard",
    "local_node",
    "private",
]

if not TYPE_CHECKING:
    __getattr__ = first_used(__name__, _ROOM_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
