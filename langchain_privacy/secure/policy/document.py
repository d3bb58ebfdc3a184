"""Policies as files: JSON that a person can read, review, diff and sign."""

import base64
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from langchain_privacy.errors import ConfigurationError, EvidenceInvalidError
from langchain_privacy.secure.parsing import strict_json
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.policy.azure_cvm import AzureCvmPolicy
from langchain_privacy.secure.policy.azure_maa import AzureMaaPolicy
from langchain_privacy.secure.policy.base import AllOf, AnyOf, Policy
from langchain_privacy.secure.policy.nvidia_gpu import NvidiaGpuPolicy
from langchain_privacy.secure.policy.sev_snp import SevSnpPolicy
from langchain_privacy.secure.policy.tdx import TdxMeasurement, TdxPolicy
from langchain_privacy.secure.policy.unsafe import (
    UnsafeMinionsAttestor,
    UnsafeNoAttestation,
    UnsafeSimulatedTee,
)

FORMAT = "langchain-privacy-policy/v1"
_SIGNED_PREFIX = FORMAT.encode() + b"\0"
_LEAVES: dict[str, Any] = {
    "sev_snp": SevSnpPolicy,
    "tdx": TdxPolicy,
    "azure_cvm": AzureCvmPolicy,
    "azure_maa": AzureMaaPolicy,
    "nvidia_gpu": NvidiaGpuPolicy,
    "unsafe_simulated_tee": UnsafeSimulatedTee,
    "unsafe_no_attestation": UnsafeNoAttestation,
    "unsafe_minions_attestor": UnsafeMinionsAttestor,
}
_COMBINATORS: dict[str, Any] = {"all_of": AllOf, "any_of": AnyOf}
_OWN = ("profile", "max_age_seconds", "gateway_configs", "require_tls_binding", "allow_unsafe")


def _plain(value: Any) -> Any:
    if isinstance(value, (SevSnpPolicy, TdxPolicy)):
        return _write(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _fields(policy: Any) -> dict[str, Any]:
    # Defaults are written too: a reviewer sees every decision, and a later default changes nothing.
    return {f.name: _plain(getattr(policy, f.name)) for f in dataclasses.fields(policy)}


def _write(policy: Policy) -> dict[str, Any]:
    for name, combinator in _COMBINATORS.items():
        if isinstance(policy, (AllOf, AnyOf)) and type(policy) is combinator:
            return {name: [_write(inner) for inner in policy.policies]}
    for name, kind in _LEAVES.items():
        if type(policy) is kind:
            return {name: _fields(policy)}
    msg = f"{type(policy).__name__} is your own class and cannot be written to a policy file"
    raise ConfigurationError(msg)


def _read(value: Any) -> Policy:
    if not isinstance(value, dict) or len(value) != 1:
        msg = "each policy in the file is an object with one member, its kind"
        raise ConfigurationError(msg)
    ((name, content),) = value.items()
    policy: Policy
    if name in _COMBINATORS and isinstance(content, list):
        policy = _COMBINATORS[name]([_read(inner) for inner in content])
        return policy
    kind = _LEAVES.get(name)
    if kind is None or not isinstance(content, dict):
        kinds = ", ".join([*_COMBINATORS, *_LEAVES])
        msg = f"{name!r} is not a policy; the file may hold {kinds}"
        raise ConfigurationError(msg)
    arguments = dict(content)
    if kind is TdxPolicy and isinstance(arguments.get("measurements"), list):
        arguments["measurements"] = [_build(TdxMeasurement, m) for m in arguments["measurements"]]
    if kind is AzureCvmPolicy and "hardware" in arguments:
        arguments["hardware"] = _read(arguments["hardware"])
    policy = _build(kind, arguments)
    return policy


def _build(kind: Any, arguments: Any) -> Any:
    names = {f.name: f for f in dataclasses.fields(kind)}
    if not isinstance(arguments, dict) or set(arguments) - set(names):
        msg = f"a {kind.__name__} in the file has an unknown member"
        raise ConfigurationError(msg)
    for name, value in arguments.items():
        expected = names[name].type
        if expected in (bool, "bool") and not isinstance(value, bool):
            msg = f"{kind.__name__}.{name} must be true or false"
            raise ConfigurationError(msg)
    try:
        return kind(**arguments)
    except (TypeError, AttributeError):
        msg = f"a {kind.__name__} in the file lacks a member, or one has the wrong type"
        raise ConfigurationError(msg) from None


def dumps(policy: AttestationPolicy) -> bytes:
    """The policy as JSON text in UTF-8."""
    content = {"format": FORMAT, **{name: _plain(getattr(policy, name)) for name in _OWN}}
    content["require"] = _write(policy.tree)
    return json.dumps(content, indent=2, sort_keys=False).encode() + b"\n"


def loads(data: bytes) -> AttestationPolicy:
    """Read a policy from JSON text.

    Raises:
        ConfigurationError: If anything in it is unknown or cannot hold.
    """
    try:
        content = strict_json(data, "policy file")
    except EvidenceInvalidError:
        msg = "the policy file is not strict JSON"
        raise ConfigurationError(msg) from None
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        msg = f"the policy file's format is not {FORMAT}"
        raise ConfigurationError(msg)
    if "require" not in content:
        msg = "the policy file requires nothing"
        raise ConfigurationError(msg)
    content["require"] = _read(content["require"])
    policy: AttestationPolicy = _build(AttestationPolicy, content)
    return policy


def _signature_path(path: Path) -> Path:
    return path.with_name(path.name + ".sig")


def save(policy: AttestationPolicy, path: Path, sign_with: Ed25519PrivateKey | None) -> None:
    """Write a policy and, with a key, its signature beside it."""
    data = dumps(policy)
    path.write_bytes(data)
    if sign_with is not None:
        signature = sign_with.sign(_SIGNED_PREFIX + data)
        _signature_path(path).write_text(base64.b64encode(signature).decode() + "\n")


def load(path: Path, signed_by: Ed25519PublicKey | None) -> AttestationPolicy:
    """Read a policy and, with a key, check the signature beside it first."""
    try:
        data = path.read_bytes()
        if signed_by is not None:
            signature = base64.b64decode(_signature_path(path).read_text())
            signed_by.verify(signature, _SIGNED_PREFIX + data)
    except OSError:
        msg = f"the policy file {path.name} or its signature cannot be read"
        raise ConfigurationError(msg) from None
    except (InvalidSignature, ValueError):
        msg = f"the signature of the policy file {path.name} does not hold"
        raise ConfigurationError(msg) from None
    return loads(data)
