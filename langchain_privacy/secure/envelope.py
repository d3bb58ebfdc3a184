"""The document that a gateway serves: evidence, and what the evidence binds.

```
report_data = SHA-256(LABEL | nonce | SHA-256(crypto_material) | SHA-256(device_evidence)) | 0^32
GPU nonce   = SHA-256(GPU_LABEL | nonce | SHA-256(crypto_material))
```

so the CPU's report binds the client's nonce, the channel keys and the GPU reports, and each GPU
report binds nonce and keys by itself. Hashes are over the bytes as sent: `crypto_material` and
`device_evidence` travel as base64 text and are parsed only after they are proven. The construction
follows Tinfoil's v3 document, under labels of our own.

The gateway makes a document with `build`, clients verify it through `adapters.GatewayAdapter`; a
recorded one can be verified alone:

```python
report = verify_envelope(document, nonce, policy, datetime.now(UTC))
key = report.channel_keys["x-wing"]
```
"""

import base64
import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_privacy.errors import EvidenceExpiredError, EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.channel.hpke import X25519PrivateKey, XWingPrivateKey
from langchain_privacy.secure.evidence.azure_cvm import AzureCvmEvidence, TpmQuote, prove_azure_cvm
from langchain_privacy.secure.evidence.nvidia_gpu import (
    GpuEndorsements,
    GpuEvidence,
    prove_nvidia_gpu,
)
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS, TrustedRoots
from langchain_privacy.secure.evidence.sev_snp import SnpEndorsements, prove_sev_snp
from langchain_privacy.secure.evidence.simulated import prove_simulated
from langchain_privacy.secure.evidence.tdx import TdxEndorsements, prove_tdx
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport, Checks, as_time

PATH = "/.well-known/langchain-privacy/attestation"
FORMAT = "langchain-privacy-attestation/v1"
NONCE_SIZE = 32
LABEL = b"langchain-privacy/attestation/v1 report data"
GPU_LABEL = b"langchain-privacy/attestation/v1 gpu nonce"
_KEMS = {"x-wing": (XWingPrivateKey.kem_id, 1216), "ehbp-x25519": (X25519PrivateKey.kem_id, 32)}
_PCR = re.compile(r"pcr([0-9]|1[0-9]|2[0-3])")
_CLOCK_LEEWAY = dt.timedelta(seconds=60)


def report_data(nonce: bytes, crypto_material: bytes, device_evidence: bytes) -> bytes:
    """The 64 bytes that the CPU's report must carry."""
    digests = hashlib.sha256(crypto_material).digest() + hashlib.sha256(device_evidence).digest()
    return hashlib.sha256(LABEL + nonce + digests).digest() + bytes(32)


def gpu_nonce(nonce: bytes, crypto_material: bytes) -> bytes:
    """The 32 bytes that every GPU report must carry."""
    return hashlib.sha256(GPU_LABEL + nonce + hashlib.sha256(crypto_material).digest()).digest()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def crypto_material(
    keys: Mapping[str, bytes],
    *,
    not_after: dt.datetime,
    gateway_config: str,
    tls_spki_sha256: str | None = None,
) -> bytes:
    """The keys and facts that the evidence binds.

    Args:
        keys: Public keys by profile, `"x-wing"` and `"ehbp-x25519"`.
        not_after: When the keys are replaced.
        gateway_config: SHA-256 of the gateway's configuration in hex.
        tls_spki_sha256: SHA-256 of the TLS certificate's public key in hex.
    """
    content = {
        "keys": {name: _b64(key) for name, key in sorted(keys.items())},
        "not_after": int(not_after.timestamp()),
        "gateway_config": gateway_config,
        "tls_spki_sha256": tls_spki_sha256,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def device_evidence(
    gpus: Sequence[GpuEvidence], confidential_compute: Mapping[str, bool] | None
) -> bytes:
    """The GPUs' reports and the state of confidential computing that the gateway sees."""
    content = {
        "gpus": [
            {"report": _b64(g.report), "certificate_chain": _b64(g.certificate_chain)} for g in gpus
        ],
        "confidential_compute": confidential_compute,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, kw_only=True)
class CpuEvidence:
    """Evidence of the machine.

    Attributes:
        kind: `"sev-snp"`, `"tdx"`, `"azure-cvm"` or `"simulated"`.
        evidence: Byte strings by name, e.g. `{"report": ...}`.
        endorsements: Byte strings, or lists of them, by name.
    """

    kind: str
    evidence: Mapping[str, bytes]
    endorsements: Mapping[str, bytes] = field(default_factory=dict)


def build(
    nonce: bytes,
    crypto: bytes,
    devices: bytes,
    cpu: CpuEvidence,
    gpu_endorsements: GpuEndorsements | None = None,
) -> bytes:
    """The document to serve.

    Args:
        nonce: The client's 32 bytes.
        crypto: From `crypto_material`.
        devices: From `device_evidence`.
        cpu: The machine's evidence, which binds all three.
        gpu_endorsements: Reference manifests and OCSP responses to carry along.
    """
    given = gpu_endorsements or GpuEndorsements()
    content = {
        "format": FORMAT,
        "nonce": nonce.hex(),
        "crypto_material": _b64(crypto),
        "device_evidence": _b64(devices),
        "cpu": {
            "kind": cpu.kind,
            "evidence": {name: _b64(value) for name, value in cpu.evidence.items()},
            "endorsements": {name: _b64(value) for name, value in cpu.endorsements.items()},
        },
        "gpu_endorsements": {
            "manifests": [_b64(m) for m in given.manifests],
            "ocsp": [_b64(o) for o in given.ocsp],
        },
    }
    return json.dumps(content, separators=(",", ":")).encode()


@dataclass(frozen=True, kw_only=True)
class _Envelope:
    nonce: bytes
    crypto: bytes
    devices: bytes
    cpu: CpuEvidence
    gpu_endorsements: GpuEndorsements


def _named_bytes(value: Any, what: str) -> dict[str, bytes]:
    if not isinstance(value, dict) or len(value) > 16:
        msg = f"{what}: must be a JSON object"
        raise EvidenceInvalidError(msg, check="parsing")
    return {str(name): parsing.from_base64(data, what) for name, data in value.items()}


def _byte_list(value: Any, what: str) -> list[bytes]:
    if not isinstance(value, list) or len(value) > 128:
        msg = f"{what}: must be a JSON list"
        raise EvidenceInvalidError(msg, check="parsing")
    return [parsing.from_base64(data, what) for data in value]


def _parse(document: bytes) -> _Envelope:
    what = "attestation document"
    names = ("format", "nonce", "crypto_material", "device_evidence", "cpu", "gpu_endorsements")
    content = parsing.members(parsing.strict_json(document, what), what, required=names)
    if content["format"] != FORMAT:
        msg = f"{what}: the format is not {FORMAT}"
        raise EvidenceInvalidError(msg, check="parsing")
    cpu = parsing.members(content["cpu"], what, required=("kind", "evidence", "endorsements"))
    gpu = parsing.members(content["gpu_endorsements"], what, required=("manifests", "ocsp"))
    return _Envelope(
        nonce=parsing.from_hex(content["nonce"], "nonce", size=NONCE_SIZE),
        crypto=parsing.from_base64(content["crypto_material"], "crypto_material"),
        devices=parsing.from_base64(content["device_evidence"], "device_evidence"),
        cpu=CpuEvidence(
            kind=parsing.text(cpu["kind"], "cpu.kind"),
            evidence=_named_bytes(cpu["evidence"], "cpu.evidence"),
            endorsements=_named_bytes(cpu["endorsements"], "cpu.endorsements"),
        ),
        gpu_endorsements=GpuEndorsements(
            manifests=_byte_list(gpu["manifests"], "manifests"),
            ocsp=_byte_list(gpu["ocsp"], "ocsp"),
        ),
    )


def verify_envelope(
    document: bytes,
    nonce: bytes,
    policy: AttestationPolicy,
    now: dt.datetime | float,
    *,
    roots: TrustedRoots = VENDOR_ROOTS,
    prove_cpu: Callable[[CpuEvidence, bytes], AttestationReport] | None = None,
) -> AttestationReport:
    """Verify a gateway's document: evidence, binding, freshness, policy.

    Args:
        document: The bytes that the gateway served.
        nonce: The 32 bytes that were sent to it.
        policy: What the endpoint must be.
        now: The clock: an aware datetime or seconds since 1970 UTC.
        roots: Trust anchors; the vendors' by default.
        prove_cpu: Proves the machine's evidence against the 64 bytes that it must bind, where
            that takes more than the document, e.g. an issuer's keys.

    Returns:
        A report about the endpoint, with its attested channel keys.

    Raises:
        EvidenceInvalidError: If anything is malformed or a signature does not hold.
        EvidenceExpiredError: If it answers another nonce, or something is out of date.
        PolicyMismatchError: If the endpoint is genuine but not what the policy asks for.
    """
    clock = as_time(now)
    checks = Checks("endpoint")
    envelope = _parse(document)
    checks.require(
        "nonce",
        len(nonce) == NONCE_SIZE and envelope.nonce == nonce,
        "the document answers another challenge",
        error=EvidenceExpiredError,
    )
    parts: list[AttestationReport] = []
    if policy.without_attestation:
        checks.skip("evidence", "the policy asks for no attestation")
    else:
        bound = report_data(nonce, envelope.crypto, envelope.devices)
        if prove_cpu is None:
            parts.append(_prove_cpu(envelope.cpu, bound, clock, roots))
        else:
            parts.append(prove_cpu(envelope.cpu, bound))
    keys, claims, not_after = _material(envelope.crypto, clock, checks)
    gpus, state = _devices(envelope.devices)
    if gpus:
        parts.append(
            prove_nvidia_gpu(
                gpus,
                envelope.gpu_endorsements,
                clock,
                nonce=gpu_nonce(nonce, envelope.crypto),
                roots=roots,
            )
        )
    return policy.appraise_endpoint(
        checks,
        clock,
        claims={**claims, "confidential_compute": state},
        parts=parts,
        channel_keys=keys,
        not_after=not_after,
    )


def _prove_cpu(
    cpu: CpuEvidence, bound: bytes, now: dt.datetime, roots: TrustedRoots
) -> AttestationReport:
    def need(source: Mapping[str, bytes], name: str) -> bytes:
        if name not in source:
            msg = f"cpu evidence: {name!r} is missing"
            raise EvidenceInvalidError(msg, check="parsing")
        return source[name]

    given = cpu.endorsements
    snp = None
    if "key_certificate" in given:
        snp = SnpEndorsements(
            key_certificate=given["key_certificate"],
            chain=need(given, "chain"),
            crl=given.get("crl"),
        )
    tdx = TdxEndorsements(collateral=given["collateral"]) if "collateral" in given else None
    if cpu.kind == "sev-snp":
        report = need(cpu.evidence, "report")
        return prove_sev_snp(report, snp, now, report_data=bound, roots=roots)
    if cpu.kind == "tdx":
        quote = need(cpu.evidence, "quote")
        return prove_tdx(quote, tdx, now, report_data=bound, roots=roots)
    if cpu.kind == "azure-cvm":
        evidence = AzureCvmEvidence(
            hcl_report=need(cpu.evidence, "hcl_report"),
            td_quote=cpu.evidence.get("td_quote"),
            tpm_quote=TpmQuote(
                attest=need(cpu.evidence, "tpm_attest"),
                signature=need(cpu.evidence, "tpm_signature"),
                pcrs={
                    int(number[1]): value
                    for name, value in cpu.evidence.items()
                    if (number := _PCR.fullmatch(name))
                },
            ),
        )
        return prove_azure_cvm(evidence, snp or tdx, now, nonce=bound[:32], roots=roots)
    if cpu.kind == "simulated":
        return prove_simulated(need(cpu.evidence, "report"), now, report_data=bound)
    msg = "cpu evidence: an unknown kind"
    raise EvidenceInvalidError(msg, check="parsing")


def _material(
    crypto: bytes, now: dt.datetime, checks: Checks
) -> tuple[dict[str, bytes], dict[str, Any], dt.datetime]:
    what = "crypto_material"
    names = ("keys", "not_after", "gateway_config", "tls_spki_sha256")
    content = parsing.members(parsing.strict_json(crypto, what), what, required=names)
    keys = _named_bytes(content["keys"], what)
    fitting = all(name in _KEMS and len(key) == _KEMS[name][1] for name, key in keys.items())
    checks.require("keys", keys and fitting, "a channel key is of an unknown kind or size")
    not_after = parsing.moment(content["not_after"], what)
    checks.require(
        "key_lifetime",
        now < not_after + _CLOCK_LEEWAY,
        "the channel keys are expired",
        error=EvidenceExpiredError,
    )
    spki = content["tls_spki_sha256"]
    claims = {
        "gateway_config": parsing.from_hex(content["gateway_config"], what, size=32).hex(),
        "tls_spki_sha256": None if spki is None else parsing.from_hex(spki, what, size=32).hex(),
    }
    return keys, claims, not_after


def _devices(devices: bytes) -> tuple[list[GpuEvidence], dict[str, bool] | None]:
    what = "device_evidence"
    content = parsing.members(
        parsing.strict_json(devices, what), what, required=("gpus", "confidential_compute")
    )
    if not isinstance(content["gpus"], list):
        msg = f"{what}: gpus must be a list"
        raise EvidenceInvalidError(msg, check="parsing")
    gpus = []
    for entry in content["gpus"]:
        gpu = parsing.members(entry, what, required=("report", "certificate_chain"))
        gpus.append(GpuEvidence(**{n: parsing.from_base64(v, what) for n, v in gpu.items()}))
    state = content["confidential_compute"]
    if state is not None:
        names = ("enabled", "developer_mode", "ready")
        state = parsing.members(state, what, required=names)
        if not all(isinstance(value, bool) for value in state.values()):
            msg = f"{what}: confidential_compute must hold booleans"
            raise EvidenceInvalidError(msg, check="parsing")
    return gpus, state
