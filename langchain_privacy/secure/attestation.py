"""`attest`: ask an endpoint for evidence and verify it, without sending anything else."""

from typing import Any

from langchain_privacy.errors import ConfigurationError, EvidenceInvalidError
from langchain_privacy.secure.adapters.base import Adapter
from langchain_privacy.secure.endpoint import AttestedEndpoint
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport


def httpx_module() -> Any:
    """httpx, or an error that names the extra."""
    try:
        import httpx
    except ImportError:
        msg = 'attested endpoints need httpx: pip install "langchain-privacy[secure]"'
        raise ConfigurationError(msg) from None
    return httpx


def attest(
    endpoint: str | AttestedEndpoint,
    policy: AttestationPolicy | None = None,
    *,
    adapter: Adapter | None = None,
    verify: Any = True,
) -> AttestationReport:
    """Attest an endpoint now.

    Args:
        endpoint: Its URL, e.g. `"https://llm.example.com/v1"`; the origin is attested.
        policy: What it must prove.
        adapter: How it is asked; the gateway of this package by default.
        verify: TLS verification: an `ssl.SSLContext`, or `True`.

    Returns:
        The report: checks made, checks skipped, claims, attested keys.

    Raises:
        AttestationError: If the endpoint does not prove what the policy asks for.
        ConfigurationError: If URL or policy cannot be used.
    """
    from langchain_privacy.secure.transport import AttestedTransport

    httpx = httpx_module()
    with AttestedTransport(endpoint, policy, adapter=adapter, verify=verify) as transport:
        try:
            return transport.attest()
        except httpx.TransportError:
            msg = "the endpoint cannot be reached"
            raise EvidenceInvalidError(msg, check="fetch") from None


async def aattest(
    endpoint: str | AttestedEndpoint,
    policy: AttestationPolicy | None = None,
    *,
    adapter: Adapter | None = None,
    verify: Any = True,
) -> AttestationReport:
    """The asynchronous twin of `attest`."""
    from langchain_privacy.secure.transport import AsyncAttestedTransport

    httpx = httpx_module()
    async with AsyncAttestedTransport(
        endpoint, policy, adapter=adapter, verify=verify
    ) as transport:
        try:
            return await transport.attest()
        except httpx.TransportError:
            msg = "the endpoint cannot be reached"
            raise EvidenceInvalidError(msg, check="fetch") from None
