"""Azure confidential VMs: hardware report -> runtime data -> vTPM key -> quote of nonce and PCRs.

The guest cannot choose report data on Azure. Its paravisor keeps the CPU's report in the vTPM
(NV index 0x01400001: "HCLA" header, report, runtime data) and binds in it SHA-256 of a JSON with
the vTPM's attestation key (HCLAkPub). Freshness and the workload therefore need a TPM quote under
that key; a report without one is refused.

`verify_azure_cvm` is for everybody; the envelope of our gateway calls `prove_azure_cvm` and
appraises the whole endpoint afterwards.

```python
evidence = AzureCvmEvidence(hcl_report=blob, tpm_quote=TpmQuote(attest=a, signature=s, pcrs=p))
policy = AzureCvmPolicy(hardware=SevSnpPolicy(measurements=[paravisor]), pcrs={"4": "cd..."})
report = verify_azure_cvm(evidence, endorsements, policy, datetime.now(UTC), nonce=nonce)
```
"""

import base64
import dataclasses
import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import rsa

from langchain_privacy.errors import EvidenceExpiredError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS, TrustedRoots
from langchain_privacy.secure.evidence.sev_snp import SnpEndorsements, prove_sev_snp
from langchain_privacy.secure.evidence.signatures import UNREADABLE, rsa_holds
from langchain_privacy.secure.evidence.tdx import TdxEndorsements, prove_tdx
from langchain_privacy.secure.policy.base import Policy, appraise
from langchain_privacy.secure.report import AttestationReport, Checks, as_time

# The blob: 32 bytes of header, 1184 for the report, 20 about the runtime data, the runtime data.
_HEADER, _RUNTIME = 32, 1236
_REPORT_SIZES = {"sev-snp": 1184, "tdx": 1024}
_KINDS: dict[int, Literal["sev-snp", "tdx"]] = {2: "sev-snp", 4: "tdx"}
_HASHES = {1: hashlib.sha256, 2: hashlib.sha384, 3: hashlib.sha512}

# Constants of TPM 2.0, part 2.
_TPM_GENERATED, _TPM_ST_ATTEST_QUOTE = b"\xffTCG", 0x8018
_TPM_ALG_SHA256 = 0x000B


@dataclass(frozen=True, kw_only=True)
class TpmQuote:
    """A quote of the vTPM.

    Attributes:
        attest: TPMS_ATTEST as `TPM2_Quote` returned it.
        signature: RSASSA-PKCS1-v1_5 with SHA-256 under HCLAkPub.
        pcrs: The selected PCR values in order of their number, SHA-256 bank.
    """

    attest: bytes
    signature: bytes
    pcrs: Mapping[int, bytes]


@dataclass(frozen=True, kw_only=True)
class AzureCvmEvidence:
    """Evidence of an Azure confidential VM.

    Attributes:
        hcl_report: The blob of NV index 0x01400001.
        tpm_quote: A quote of the vTPM; without it the evidence is refused.
        td_quote: The TDX quote that Azure's local service made of the blob's TDREPORT; `None` on
            SEV-SNP.
    """

    hcl_report: bytes
    tpm_quote: TpmQuote | None
    td_quote: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class HclReport:
    """The parts of the blob.

    Attributes:
        kind: `"sev-snp"` or `"tdx"`.
        report: SNP report of 1184 bytes, or TDREPORT of 1024.
        runtime_data: The JSON bytes that the report binds.
        runtime_digest: Their digest, padded with zeros to 64 bytes as in the report data.
    """

    kind: Literal["sev-snp", "tdx"]
    report: bytes
    runtime_data: bytes
    runtime_digest: bytes


def verify_azure_cvm(
    evidence: AzureCvmEvidence,
    endorsements: SnpEndorsements | TdxEndorsements | None,
    policy: Policy,
    now: dt.datetime | float,
    *,
    nonce: bytes,
    roots: TrustedRoots = VENDOR_ROOTS,
) -> AttestationReport:
    """Verify an Azure confidential VM by its hardware report and its vTPM's quote.

    Args:
        evidence: The blob and the quotes.
        endorsements: Those of the hardware.
        policy: What is acceptable, usually an `AzureCvmPolicy`.
        now: The clock: an aware datetime or seconds since 1970 UTC.
        nonce: Qualifying data that the vTPM's quote must carry.
        roots: Trust anchors; the vendors' by default.

    Raises:
        EvidenceInvalidError: If anything is malformed, missing, or a signature does not hold.
        EvidenceExpiredError: If the quote carries another nonce, or a certificate is not valid.
        PolicyMismatchError: If the machine is genuine but not what the policy asks for.
    """
    proven = prove_azure_cvm(evidence, endorsements, as_time(now), nonce=nonce, roots=roots)
    return appraise(proven, policy)


def prove_azure_cvm(
    evidence: AzureCvmEvidence,
    endorsements: SnpEndorsements | TdxEndorsements | None,
    now: dt.datetime,
    *,
    nonce: bytes,
    roots: TrustedRoots,
) -> AttestationReport:
    """The half of `verify_azure_cvm` that establishes facts, before any policy."""
    checks = Checks("azure-cvm")
    hcl = parse_hcl(evidence.hcl_report, checks)
    bound = hcl.runtime_digest
    if hcl.kind == "sev-snp":
        snp = endorsements if isinstance(endorsements, SnpEndorsements) else None
        hardware = prove_sev_snp(hcl.report, snp, now, report_data=bound, roots=roots)
    else:
        tdx = endorsements if isinstance(endorsements, TdxEndorsements) else None
        quote = evidence.td_quote or b""
        hardware = prove_tdx(quote, tdx, now, report_data=bound, roots=roots)
    digest = _verify_quote(hcl, evidence.tpm_quote, nonce, checks)
    assert evidence.tpm_quote is not None
    return AttestationReport(
        subject="azure-cvm",
        claims={
            "hardware": hcl.kind,
            "pcrs": {str(n): value.hex() for n, value in sorted(evidence.tpm_quote.pcrs.items())},
            "measurement": digest,
        },
        checks=tuple(checks),
        verified_at=now,
        # Under a name of its own, so that a policy for bare metal, whose measurement identifies the
        # workload, never accepts Azure's paravisor, whose measurement does not.
        parts=(dataclasses.replace(hardware, subject=f"azure-cvm/{hcl.kind}"),),
    )


def parse_hcl(data: bytes, checks: Checks) -> HclReport:
    """Take the blob apart and check that the report binds the runtime data's hash type.

    Args:
        data: The blob as read from the NV index.
        checks: Where the checks are recorded.
    """
    sized = len(data) >= _RUNTIME and data[:4] == b"HCLA"
    checks.require("hcl_layout", sized, "not an HCL report")
    kind = _KINDS.get(int.from_bytes(data[1224:1228], "little"))
    hash_type = _HASHES.get(int.from_bytes(data[1228:1232], "little"))
    length = int.from_bytes(data[1232:1236], "little")
    runtime, rest = data[_RUNTIME : _RUNTIME + length], data[_RUNTIME + length :]
    checks.require(
        "hcl_runtime",
        kind and hash_type and len(runtime) == length and not any(rest),
        "the runtime data is truncated or of an unknown kind",
    )
    assert kind is not None
    assert hash_type is not None
    return HclReport(
        kind=kind,
        report=data[_HEADER : _HEADER + _REPORT_SIZES[kind]],
        runtime_data=runtime,
        runtime_digest=hash_type(runtime).digest().ljust(64, b"\0"),
    )


def _verify_quote(hcl: HclReport, quote: TpmQuote | None, nonce: bytes, checks: Checks) -> str:
    """Verify the vTPM's quote under the key that the report binds; return the PCR digest in hex.

    Args:
        hcl: The parsed blob, whose report has been verified with `hcl.runtime_digest`.
        quote: The quote; `None` is refused.
        nonce: Qualifying data that the quote must carry.
        checks: Where the checks are recorded.
    """
    checks.require("quote", quote is not None, "without a vTPM quote it is neither fresh nor bound")
    assert quote is not None
    key = _attestation_key(hcl.runtime_data)
    checks.require("quote_key", key is not None, "the runtime data has no usable HCLAkPub")
    assert key is not None
    checks.require(
        "quote_signature",
        rsa_holds(key, quote.attest, quote.signature),
        "the vTPM quote's signature is wrong",
    )
    parsed = _parse_attest(quote.attest)
    checks.require("quote_layout", parsed is not None, "the vTPM quote cannot be read")
    assert parsed is not None
    extra, selected, digest = parsed
    checks.require(
        "quote_nonce", extra == nonce, "the quote carries another nonce", error=EvidenceExpiredError
    )
    values = b"".join(quote.pcrs[number] for number in sorted(quote.pcrs))
    checks.require(
        "quote_pcrs",
        sorted(quote.pcrs) == selected and hashlib.sha256(values).digest() == digest,
        "the PCR values are not those quoted",
    )
    return digest.hex()


def _attestation_key(runtime_data: bytes) -> rsa.RSAPublicKey | None:
    document = parsing.strict_json(runtime_data, "runtime data")
    keys = document.get("keys") if isinstance(document, dict) else None
    for key in keys if isinstance(keys, list) else []:
        if isinstance(key, dict) and key.get("kid") == "HCLAkPub" and key.get("kty") == "RSA":
            try:
                n, e = (
                    int.from_bytes(base64.urlsafe_b64decode(parsing.text(key.get(m), "key") + "=="))
                    for m in ("n", "e")
                )
                return rsa.RSAPublicNumbers(e, n).public_key()
            except UNREADABLE:
                return None
    return None


def _parse_attest(data: bytes) -> tuple[bytes, list[int], bytes] | None:
    """Qualifying data, selected PCR numbers and PCR digest of a TPMS_ATTEST (TPM 2.0 part 2)."""
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        if at + size > len(data):
            raise IndexError
        at += size
        return data[at - size : at]

    def number(size: int) -> int:
        return int.from_bytes(take(size))

    try:
        if take(4) != _TPM_GENERATED or number(2) != _TPM_ST_ATTEST_QUOTE:
            return None
        take(number(2))  # qualified signer
        extra = take(number(2))
        take(8 + 4 + 4 + 1 + 8)  # clock info, firmware version
        if number(4) != 1 or number(2) != _TPM_ALG_SHA256:
            return None
        bitmap = take(number(1))
        selected = [i for i in range(8 * len(bitmap)) if bitmap[i // 8] >> (i % 8) & 1]
        digest = take(number(2))
    except IndexError:
        return None
    return (extra, selected, digest) if at == len(data) else None
