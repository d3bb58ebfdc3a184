"""`attest` and `aattest`: the check alone, without a request.

`langchain-privacy attest`, `policy` and whoever wants to know before anything is said use it.
"""

from typing import Any

from langchain_privacy.secure.adapters.base import Adapter
from langchain_privacy.secure.endpoint import AttestedEndpoint
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport
from langchain_privacy.secure.transport.asynchronous import AsyncAttestedTransport
from langchain_privacy.secure.transport.http import reaching
from langchain_privacy.secure.transport.sync import AttestedTransport


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
    with (
        reaching("httpx"),
        AttestedTransport(endpoint, policy, adapter=adapter, verify=verify) as transport,
    ):
        return transport.attest()


async def aattest(
    endpoint: str | AttestedEndpoint,
    policy: AttestationPolicy | None = None,
    *,
    adapter: Adapter | None = None,
    verify: Any = True,
) -> AttestationReport:
    """The asynchronous twin of `attest`."""
    with reaching("httpx"):
        async with AsyncAttestedTransport(
            endpoint, policy, adapter=adapter, verify=verify
        ) as transport:
            return await transport.attest()
