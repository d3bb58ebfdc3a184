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

from langchain_privacy.lazy import first_used

_HOMES = {
    "AllOf": "secure.policy.base",
    "AnyOf": "secure.policy.base",
    "AsyncAttestedTransport": "secure.transport",
    "AttestationPolicy": "secure.policy.attestation",
    "AttestationReport": "secure.report",
    "AttestedEndpoint": "secure.endpoint",
    "AttestedTransport": "secure.transport",
    "AzureCvmEvidence": "secure.evidence.azure_cvm",
    "AzureCvmPolicy": "secure.policy.machines",
    "AzureMaaPolicy": "secure.policy.machines",
    "AzureVtpm": "secure.gateway",
    "Check": "secure.report",
    "Collateral": "secure.collateral",
    "ConfidentialVm": "secure.gateway",
    "ConfigfsTsm": "secure.gateway",
    "EvidenceProvider": "secure.gateway",
    "GpuEndorsements": "secure.evidence.nvidia_gpu",
    "GpuEvidence": "secure.evidence.nvidia_gpu",
    "NvidiaGpuPolicy": "secure.policy.machines",
    "NvmlGpus": "secure.gateway",
    "LocalProxy": "secure.proxy",
    "Policy": "secure.policy.base",
    "Publisher": "secure.policy.publisher",
    "SecureChatModel": "secure.chat_model",
    "SevSnpPolicy": "secure.policy.machines",
    "SimulatedTee": "secure.gateway",
    "SnpEndorsements": "secure.evidence.sev_snp",
    "TdxEndorsements": "secure.evidence.tdx",
    "TdxMeasurement": "secure.policy.machines",
    "TdxPolicy": "secure.policy.machines",
    "TpmQuote": "secure.evidence.azure_cvm",
    "TrustedRoots": "secure.evidence.roots",
    "UnsafeMinionsAttestor": "secure.policy.unsafe",
    "UnsafeNoAttestation": "secure.policy.unsafe",
    "UnsafePolicyWarning": "secure.policy.unsafe",
    "UnsafeSimulatedTee": "secure.policy.unsafe",
    "aattest": "secure.transport",
    "attest": "secure.transport",
    "attested_clients": "secure.transport",
    "create_gateway": "secure.gateway",
    "verify_azure_cvm": "secure.evidence.azure_cvm",
    "verify_azure_maa": "secure.evidence.azure_maa",
    "verify_envelope": "secure.envelope",
    "verify_nras_token": "secure.evidence.nras",
    "verify_nvidia_gpu": "secure.evidence.nvidia_gpu",
    "verify_release": "secure.evidence.release",
    "verify_sev_snp": "secure.evidence.sev_snp",
    "verify_tdx": "secure.evidence.tdx",
}

__all__ = [*sorted(_HOMES)]

__getattr__ = first_used(__name__, _HOMES)


def __dir__() -> list[str]:
    return list(__all__)
