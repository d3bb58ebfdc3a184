"""A public name is a promise: adding or removing one is a reviewed change of this list."""

import importlib
import subprocess
import sys

import pytest

import langchain_privacy

PUBLIC = [
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


def test_public_names_are_frozen():
    assert sorted(langchain_privacy.__all__) == PUBLIC
    assert dir(langchain_privacy) == PUBLIC


def test_every_public_name_imports_and_is_documented():
    for name in PUBLIC:
        thing = getattr(langchain_privacy, name)
        assert name == "__version__" or (thing.__doc__ or "").strip(), name


def test_rooms_document_what_they_export():
    for room in ("detection", "vault", "masking", "egress", "edge", "local", "minions", "sql"):
        module = importlib.import_module(f"langchain_privacy.{room}")
        for name in module.__all__:
            assert getattr(module, name) is not None


def test_import_is_light():
    """Importing the package loads nothing but itself: rooms come when they are used."""
    code = (
        "import sys; before = set(sys.modules); import langchain_privacy;"
        "loaded = {m.split('.')[0] for m in set(sys.modules) - before};"
        "print(*sorted(loaded - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["langchain_privacy"]


@pytest.mark.parametrize(
    ("name", "room"),
    [
        ("private_tool", "edge"),
        ("StoreVault", "vault"),
        ("AllowHosts", "egress"),
        ("assert_traces_safe", "tracing"),
        ("Budget", "minions"),
        ("call_local", "local"),
        ("EgressBlockedError", "errors"),
        ("PrivacyProbe", "testing"),
        ("TdxPolicy", "secure"),
    ],
)
def test_a_name_of_a_room_says_where_it_lives(name: str, room: str) -> None:
    with pytest.raises(ImportError, match=f"from langchain_privacy.{room} import {name}"):
        exec(f"from langchain_privacy import {name}", {})
    assert hasattr(importlib.import_module(f"langchain_privacy.{room}"), name)


def test_other_names_are_missing_as_in_any_module() -> None:
    assert not hasattr(langchain_privacy, "__path_of__")
    assert not hasattr(langchain_privacy, "Nonsense")
    with pytest.raises(ImportError, match="cannot import name"):
        exec("from langchain_privacy import Nonsense", {})


@pytest.mark.parametrize(
    ("package", "name", "way"),
    [
        ("langchain_privacy", "StoreVault", "langchain_privacy.vault"),
        ("langchain_privacy.secure", "StoreVault", "langchain_privacy.vault"),
        ("langchain_privacy.vault", "EgressBlockedError", "langchain_privacy.errors"),
        ("langchain_privacy.detection", "VaultKey", "langchain_privacy.vault"),
        ("langchain_privacy.testing", "SevSnpPolicy", "langchain_privacy.secure"),
    ],
)
def test_a_wrong_import_says_where_the_name_lives(package: str, name: str, way: str) -> None:
    with pytest.raises(ImportError, match=f"from {way} import {name}"):
        getattr(importlib.import_module(package), name)
    assert not hasattr(importlib.import_module(package), "nowhere_at_all")
