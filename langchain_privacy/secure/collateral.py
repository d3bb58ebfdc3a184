"""Fetches what the vendors say about a machine: AMD's KDS, Intel's PCS, NVIDIA's RIM and OCSP.

All of it is signed by the vendor and verified afterwards, so it does not matter who hands it out: a
mirror or a proxy can only withhold. What was fetched is kept in a folder; it is used at once while
it is young, and for a while longer when its service does not answer. How old it may be to be
accepted is the policy's decision, by the dates that the vendor signed.

```python
collateral = Collateral(Path("~/.cache/langchain-privacy"))
adapter = NearAdapter("z-ai/glm-5.2", collateral.tdx, accept_unbound_fields=True)
adapter = TinfoilV3Adapter(collateral.tdx, snp_endorsements=collateral.snp)
```

Without network, `Collateral(folder, offline=True)` reads the folder alone; copy one that was filled
elsewhere.
"""

import base64
import hashlib
import itertools
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from langchain_privacy.errors import (
    EndpointUnavailableError,
    EvidenceInvalidError,
)
from langchain_privacy.secure import parsing
from langchain_privacy.secure.evidence import der, sev_snp
from langchain_privacy.secure.evidence.azure_maa import keys_url
from langchain_privacy.secure.evidence.nvidia_gpu import GpuEndorsements, GpuEvidence, manifest_ids
from langchain_privacy.secure.evidence.sev_snp import SnpEndorsements
from langchain_privacy.secure.evidence.signatures import UNREADABLE
from langchain_privacy.secure.evidence.tdx import TdxEndorsements
from langchain_privacy.secure.fetch import DocumentReader
from langchain_privacy.secure.report import LayoutError

_DAY = 86_400.0
_SGX = "1.2.840.113741.1.13.1"
_FMSPC = bytes.fromhex("060a2a864886f84d010d0104")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
_PLATFORM = "Intel SGX PCK Platform CA"
_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class VendorServices:
    """Where the vendors' services are; others speak the same protocols, e.g. a mirror of yours.

    Attributes:
        amd: AMD Key Distribution Service.
        intel: Intel Provisioning Certification Service, or a PCCS.
        intel_root_crl: The revocation list of Intel's root.
        github: GitHub's API, where publishers' bundles are.
        nvidia_rim: NVIDIA's service of reference manifests.
        nvidia_ocsp: NVIDIA's OCSP responder.
    """

    amd: str = "https://kdsintf.amd.com"
    intel: str = "https://api.trustedservices.intel.com"
    intel_root_crl: str = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
    github: str = "https://api.github.com"
    nvidia_rim: str = "https://rim.attestation.nvidia.com"
    nvidia_ocsp: str = "https://ocsp.ndis.nvidia.com"


class Collateral:
    """The vendors' statements, fetched when they are needed and kept in a folder.

    Args:
        folder: Where answers are kept; made when it is missing.
        services: Where the vendors' services are.
        fresh_days: Age up to which a kept answer is used without asking again.
        stale_days: Age up to which it is used when the service does not answer.
        offline: Never ask anybody.
        proxy: URL of an HTTP proxy; proxies in the environment are not used.
        verify: TLS verification: `True`, or an `ssl.SSLContext` with your own authorities.
        seconds: Longest time of one request.
    """

    def __init__(
        self,
        folder: Path,
        *,
        services: VendorServices | None = None,
        fresh_days: float = 1.0,
        stale_days: float = 7.0,
        offline: bool = False,
        proxy: str | None = None,
        verify: Any = True,
        seconds: float = 20.0,
    ) -> None:
        self._folder, self._services = Path(folder).expanduser(), services or VendorServices()
        self._fresh, self._stale = fresh_days * _DAY, stale_days * _DAY
        self._offline, self._proxy, self._verify = offline, proxy, verify
        self._seconds = seconds

    def snp(self, report: bytes) -> SnpEndorsements:
        """Key certificate, chain and revocation list for an SEV-SNP report.

        Raises:
            EvidenceInvalidError: If the report cannot be read, or names no processor (version 2).
            EndpointUnavailableError: If AMD's service does not answer and nothing is kept.
        """
        try:
            parsed = sev_snp.parse_report(report)
        except LayoutError:
            parsed = None
        if parsed is None or parsed.product is None:
            msg = "the report does not name its processor, so its certificate cannot be asked for"
            raise EvidenceInvalidError(msg, check="collateral")
        product = parsed.product
        levels = sev_snp.Tcb.from_bytes(parsed.reported_tcb_raw, product)
        names = {"bootloader": "blSPL", "tee": "teeSPL", "snp": "snpSPL", "microcode": "ucodeSPL"}
        if product == "Turin":
            names["fmc"] = "fmcSPL"
        query = urlencode({name: getattr(levels, part) for part, name in names.items()})
        chip = parsed.chip_id[: 8 if product == "Turin" else 64].hex()
        base = f"{self._services.amd}/vcek/v1/{product}"
        # A certificate of a chip at a level never changes; lists of revoked ones do.
        return SnpEndorsements(
            key_certificate=self._get(f"{base}/{chip}?{query}", fresh=365 * _DAY)[0],
            chain=self._get(f"{base}/cert_chain", fresh=30 * _DAY)[0],
            crl=self._get(f"{base}/crl")[0],
        )

    def tdx(self, quote: bytes) -> TdxEndorsements:
        """Intel's collateral for a TDX quote.

        Raises:
            EvidenceInvalidError: If the quote holds no certificate of its platform.
            EndpointUnavailableError: If Intel's service does not answer and nothing is kept.
        """
        fmspc, authority = _platform(quote)
        base = self._services.intel
        crl, issuers = self._get(
            f"{base}/sgx/certification/v4/pckcrl?{urlencode({'ca': authority, 'encoding': 'der'})}"
        )
        tcb, tcb_issuers = self._get(f"{base}/tdx/certification/v4/tcb?fmspc={fmspc}")
        qe, qe_issuers = self._get(f"{base}/tdx/certification/v4/qe/identity")
        root = self._get(self._services.intel_root_crl)[0]
        collateral = {
            "pck_crl_issuer_chain": _chain(issuers, "sgx-pck-crl-issuer-chain"),
            "root_ca_crl": root.hex(),
            "pck_crl": crl.hex(),
            "tcb_info_issuer_chain": _chain(tcb_issuers, "tcb-info-issuer-chain"),
            **_signed(tcb, "tcbInfo", "tcb_info"),
            "qe_identity_issuer_chain": _chain(qe_issuers, "sgx-enclave-identity-issuer-chain"),
            **_signed(qe, "enclaveIdentity", "qe_identity"),
        }
        return TdxEndorsements(collateral=json.dumps(collateral))

    def gpus(self, evidence: Sequence[GpuEvidence]) -> GpuEndorsements:
        """Reference manifests and OCSP responses for the GPUs of a machine.

        Raises:
            EvidenceInvalidError: If a report or a chain cannot be read.
            EndpointUnavailableError: If NVIDIA's services do not answer and nothing is kept.
        """
        ids = sorted({name for device in evidence for name in manifest_ids(device)})
        manifests = [self._manifest(name) for name in ids]
        responses: dict[bytes, bytes] = {}
        for device in evidence:
            for asked in _questions(device.certificate_chain):
                if asked not in responses:
                    responses[asked] = self._get(self._services.nvidia_ocsp, asked)[0]
        return GpuEndorsements(manifests=manifests, ocsp=list(responses.values()))

    def azure_keys(self, issuer: str) -> bytes:
        """The key set of an issuer of Azure's attestation tokens.

        Args:
            issuer: The attestation provider that you configured; https, or on this machine.

        Raises:
            ConfigurationError: If the issuer is not such a URL.
            EndpointUnavailableError: If it does not answer and nothing is kept.
        """
        # Kept for less long than certificates: a token may be signed with a key of today.
        return self._get(keys_url(issuer), fresh=_DAY / 24)[0]

    def release(self, repository: str, digest: str) -> bytes:
        """What a publisher's builds have signed about a released file, for `verify_release`.

        Args:
            repository: `owner/name`.
            digest: SHA-256 of the file in hex.

        Raises:
            EndpointUnavailableError: If GitHub does not answer and nothing is kept.
        """
        url = f"{self._services.github}/repos/{repository}/attestations/sha256:{digest}"
        return self._get(url, fresh=365 * _DAY)[0]

    def _manifest(self, name: str) -> bytes:
        url = f"{self._services.nvidia_rim}/v1/rim/{name}"
        answer = parsing.strict_json(self._get(url, fresh=30 * _DAY)[0], "manifest", limit=_LIMIT)
        encoded = answer.get("rim") if isinstance(answer, dict) else None
        return parsing.from_base64(encoded, "manifest")

    def _get(
        self, url: str, body: bytes | None = None, *, fresh: float | None = None
    ) -> tuple[bytes, Mapping[str, str]]:
        """An answer and its headers, kept or fetched; `body` is posted as an OCSP request."""
        name = hashlib.sha256(url.encode() + b"\0" + (body or b"")).hexdigest()
        kept = self._kept(name)
        age = time.time() - kept[0] if kept else float("inf")
        if kept and (self._offline or 0 <= age < (self._fresh if fresh is None else fresh)):
            return kept[1], kept[2]
        try:
            if self._offline:
                msg = f"nothing is kept about {_host(url)}, and nobody is asked offline"
                raise EndpointUnavailableError(msg, check="collateral")
            content, headers = self._fetch(url, body)
        except EndpointUnavailableError:
            if kept and 0 <= age < max(self._stale, fresh or 0):
                return kept[1], kept[2]
            raise
        self._keep(name, url, content, headers)
        return content, headers

    def _fetch(self, url: str, body: bytes | None) -> tuple[bytes, Mapping[str, str]]:
        reader = DocumentReader(_LIMIT, self._seconds)
        kind = {} if body is None else {"content-type": "application/ocsp-request"}
        failed = f"{_host(url)} does not answer"
        try:
            with (
                httpx.Client(
                    timeout=self._seconds, trust_env=False, proxy=self._proxy, verify=self._verify
                ) as client,
                client.stream(
                    "GET" if body is None else "POST", url, content=body, headers=kind
                ) as response,
            ):
                for chunk in response.iter_bytes():
                    reader.feed(chunk)
                status, headers = response.status_code, dict(response.headers)
        except (httpx.HTTPError, EvidenceInvalidError):
            raise EndpointUnavailableError(failed, check="collateral") from None
        # A captive portal answers 200 with a page; what is kept must be what was asked for.
        if status != 200 or "text/html" in headers.get("content-type", ""):
            msg = f"{failed} as expected (status {status})"
            raise EndpointUnavailableError(msg, check="collateral")
        return reader.finish(), headers

    def _kept(self, name: str) -> tuple[float, bytes, Mapping[str, str]] | None:
        try:
            content = json.loads((self._folder / f"{name}.json").read_bytes())
            return content["at"], base64.b64decode(content["body"]), content["headers"]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _keep(self, name: str, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        named = {n: v for n, v in headers.items() if n.endswith("-issuer-chain")}
        encoded = base64.b64encode(body).decode("ascii")
        content = {"url": url, "at": time.time(), "headers": named, "body": encoded}
        self._folder.mkdir(parents=True, exist_ok=True)
        # Under another name first: a reader sees the old answer or the new one.
        new = self._folder / f"{name}.{os.getpid()}.new"
        new.write_text(json.dumps(content), "utf-8")
        new.replace(self._folder / f"{name}.json")


def _host(url: str) -> str:
    return httpx.URL(url).host


def _questions(chain: bytes) -> list[bytes]:
    """The OCSP requests about a GPU's chain: NVIDIA answers for all but the leaf.

    The device's own firmware issues that one.
    """
    asked = []
    try:
        certificates = x509.load_pem_x509_certificates(chain)
        for subject, issuer in itertools.pairwise(certificates[1:]):
            builder = ocsp.OCSPRequestBuilder()
            request = builder.add_certificate(subject, issuer, hashes.SHA384()).build()
            asked.append(request.public_bytes(Encoding.DER))
    except UNREADABLE:
        msg = "a GPU's certificate chain cannot be read"
        raise EvidenceInvalidError(msg, check="collateral") from None
    return asked


def _platform(quote: bytes) -> tuple[str, str]:
    """FMSPC in hex, and which authority issued the platform's certificate, from a quote."""
    try:
        leaf = x509.load_pem_x509_certificate(_PEM.findall(quote)[0])
        extension = next(e for e in leaf.extensions if e.oid.dotted_string == _SGX)
        value: Any = extension.value
        fields = der.children(der.whole(value.value, 0x30))
        pairs = [der.children(entry) for entry in fields]
        fmspc = next(pair[1] for pair in pairs if pair[0].encoded == _FMSPC).content
        issuer = leaf.issuer.rfc4514_string()
    except (*UNREADABLE, IndexError, StopIteration, AttributeError):
        msg = "the quote holds no certificate of its platform"
        raise EvidenceInvalidError(msg, check="collateral") from None
    return fmspc.hex(), "platform" if _PLATFORM in issuer else "processor"


def _chain(headers: Mapping[str, str], name: str) -> str:
    return unquote(headers.get(name, ""))


def _signed(answer: bytes, member: str, name: str) -> dict[str, str]:
    """A signed statement, as the very text that was signed, and its signature."""
    content = parsing.strict_json(answer, name, limit=_LIMIT)
    text = parsing.raw_member(answer, member) if isinstance(content, dict) else None
    if text is None:
        msg = f"{name}: not an answer of Intel's service"
        raise EvidenceInvalidError(msg, check="collateral")
    signature = parsing.text(content.get("signature"), name)
    return {name: text.decode("utf-8"), f"{name}_signature": signature}
