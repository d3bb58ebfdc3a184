"""Attested or nothing: evidence, policies, an encrypted channel, a chat model and a gateway.

`SecureChatModel` is the chat model, `AttestedTransport` and `AsyncAttestedTransport` the same for
any client on httpx or httpx2, `attest` the check alone, `create_gateway` the other end.

```python
policy = AttestationPolicy(require=[SevSnpPolicy(measurements=["7a1e..."])])
model = SecureChatModel(endpoint="https://llm.example.com/v1", model="llama", policy=policy)
```

A request goes from `chat_model` through `transport`, which asks `endpoint` for the verdict in force
(`adapters` fetch and read an endpoint's evidence, `evidence` proves it, `policy` appraises it) and
seals with `channel`. What was checked is in a `report`. The other end is `gateway`.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "AllOf": "policy.base",
    "AnyOf": "policy.base",
    "AsyncAttestedTransport": "transport",
    "AttestationPolicy": "policy.attestation",
    "AttestationReport": "report",
    "AttestedEndpoint": "endpoint",
    "AttestedTransport": "transport",
    "AzureCvmEvidence": "evidence.azure_cvm",
    "AzureCvmPolicy": "policy.machines",
    "AzureMaaPolicy": "policy.machines",
    "AzureVtpm": "gateway",
    "Check": "report",
    "Collateral": "collateral",
    "ConfidentialVm": "gateway",
    "ConfigfsTsm": "gateway",
    "EvidenceProvider": "gateway",
    "GpuEndorsements": "evidence.nvidia_gpu",
    "GpuEvidence": "evidence.nvidia_gpu",
    "NvidiaGpuPolicy": "policy.machines",
    "NvmlGpus": "gateway",
    "LocalProxy": "proxy",
    "Policy": "policy.base",
    "Publisher": "policy.publisher",
    "SecureChatModel": "chat_model",
    "SevSnpPolicy": "policy.machines",
    "SimulatedTee": "gateway",
    "SnpEndorsements": "evidence.sev_snp",
    "TdxEndorsements": "evidence.tdx",
    "TdxMeasurement": "policy.machines",
    "TdxPolicy": "policy.machines",
    "TpmQuote": "evidence.azure_cvm",
    "TrustedRoots": "evidence.roots",
    "UnsafeMinionsAttestor": "policy.unsafe",
    "UnsafeNoAttestation": "policy.unsafe",
    "UnsafePolicyWarning": "policy.unsafe",
    "UnsafeSimulatedTee": "policy.unsafe",
    "aattest": "transport",
    "attest": "transport",
    "attested_clients": "transport",
    "create_gateway": "gateway",
    "verify_azure_cvm": "evidence.azure_cvm",
    "verify_azure_maa": "evidence.azure_maa",
    "verify_envelope": "envelope",
    "verify_nras_token": "evidence.nras",
    "verify_nvidia_gpu": "evidence.nvidia_gpu",
    "verify_release": "evidence.release",
    "verify_sev_snp": "evidence.sev_snp",
    "verify_tdx": "evidence.tdx",
}

__all__ = [*sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"langchain_privacy.secure.{_HOME[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return list(__all__)
