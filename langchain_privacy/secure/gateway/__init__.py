"""The other end: an ASGI application inside the TEE, in front of any OpenAI-compatible server."""

from langchain_privacy.secure.gateway.app import Gateway, create_gateway
from langchain_privacy.secure.gateway.evidence import (
    AzureVtpm,
    ConfidentialVm,
    ConfigfsTsm,
    EvidenceProvider,
    NvmlGpus,
    SimulatedTee,
)

__all__ = [
    "AzureVtpm",
    "ConfidentialVm",
    "ConfigfsTsm",
    "EvidenceProvider",
    "Gateway",
    "NvmlGpus",
    "SimulatedTee",
    "create_gateway",
]
