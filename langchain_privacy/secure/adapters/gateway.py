"""The gateway of this package, the default adapter; see `secure.envelope` for what is bound.

`AzureMaaAdapter` is for a gateway on an Azure confidential VM that proves itself with Microsoft's
attestation service.
"""

import base64
import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from langchain_privacy.errors import EvidenceInvalidError
from langchain_privacy.secure.adapters.base import Challenge
from langchain_privacy.secure.envelope import PATH, CpuEvidence, verify_envelope
from langchain_privacy.secure.evidence.azure_maa import keys_url, prove_azure_maa
from langchain_privacy.secure.evidence.roots import TrustedRoots
from langchain_privacy.secure.fetch import DocumentReader
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport

Prover = Callable[[CpuEvidence, bytes], AttestationReport]
"""Proves a machine's evidence against the 64 bytes that it must bind."""


class GatewayAdapter:
    """Attests `create_gateway`."""

    def challenge(self, nonce: bytes) -> Challenge:
        """Ask with the nonce in the query."""
        return Challenge(f"{PATH}?nonce={nonce.hex()}")

    def verify(
        self,
        document: bytes,
        nonce: bytes,
        policy: AttestationPolicy,
        now: dt.datetime,
        *,
        roots: TrustedRoots,
    ) -> AttestationReport:
        """Verify the gateway's document."""
        prove = self._prover(now)
        return verify_envelope(document, nonce, policy, now, roots=roots, prove_cpu=prove)

    def _prover(self, now: dt.datetime) -> Prover | None:  # noqa: ARG002
        """Return what proves the machine, where that takes more than the document."""
        return None


# ---- On an Azure confidential VM, with Microsoft's attestation service
#
# The gateway serves its usual document, with an MAA token as the machine's evidence. What binds
# channel keys, GPU reports and the client's nonce is the token's `client-payload`: the machine
# passes the text `hex(report_data[:32])` (see `secure.envelope`) as `nonce` to Azure's guest
# attestation library, and the token carries that text in base64. Microsoft vouches for the machine
# here; whoever would rather not rely on the service uses `AzureCvmPolicy` and the vTPM's own quote.

KIND = "azure-maa"
KeySet = bytes | str | Mapping[str, Any]


def payload_text(report_data: bytes) -> str:
    """What the machine passes as `nonce` to the guest attestation library.

    Args:
        report_data: The 64 bytes that its evidence must carry.
    """
    return report_data[:32].hex()


class MaaToken:
    """The half of an evidence provider that asks Azure's attestation service, inside the VM.

    Args:
        attest: Gets the text for the client payload's `nonce` and returns a token, e.g. by running
            Azure's `AttestationClient -n TEXT -o token`.
    """

    def __init__(self, attest: Callable[[str], str]) -> None:
        self._attest = attest

    def cpu(self, report_data: bytes) -> CpuEvidence:
        """A token about these 64 bytes."""
        token = self._attest(payload_text(report_data))
        return CpuEvidence(kind=KIND, evidence={"token": token.strip().encode("ascii")})


class AzureMaaAdapter(GatewayAdapter):
    """Attests a gateway whose evidence is an MAA token; the policy needs an `AzureMaaPolicy`.

    Args:
        issuer: Exact issuer, e.g. `"https://sharedweu.weu.attest.azure.net"`.
        keys: The issuer's key set, or a function that gives it; `fetch_maa_keys(issuer)` gets it.
            Never taken from what a token names.
    """

    def __init__(self, issuer: str, keys: KeySet | Callable[[], KeySet]) -> None:
        self._issuer, self._keys = issuer, keys

    def _prover(self, now: dt.datetime) -> Prover:
        def prove_token(cpu: CpuEvidence, bound: bytes) -> AttestationReport:
            if cpu.kind != KIND or "token" not in cpu.evidence:
                msg = "cpu evidence: not a token of Azure's attestation service"
                raise EvidenceInvalidError(msg, check="parsing")
            return prove_azure_maa(
                cpu.evidence["token"],
                self._keys() if callable(self._keys) else self._keys,
                now,
                issuer=self._issuer,
                nonce=base64.b64encode(payload_text(bound).encode("ascii")).decode("ascii"),
            )

        return prove_token


def fetch_maa_keys(issuer: str, *, timeout: float = 30.0) -> bytes:
    """Fetch the key set of `issuer/certs`.

    Args:
        issuer: The attestation provider that you configured; https.
        timeout: Seconds for each step of the request.

    Raises:
        ConfigurationError: If the issuer is not an https URL.
        EvidenceInvalidError: If it cannot be fetched.
    """
    url = keys_url(issuer)
    failed = EvidenceInvalidError("the issuer's key set could not be fetched", check="fetch")
    reader = DocumentReader()
    try:
        with (
            httpx.Client(timeout=timeout, trust_env=False) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != 200:
                raise failed
            for chunk in response.iter_bytes():
                reader.feed(chunk)
    except httpx.HTTPError:
        raise failed from None
    return reader.finish()
