"""NVIDIA Hopper and Blackwell GPUs: are these reports genuine, fresh and of distinct devices?

The GPU signs a nonce with a key that only its measured firmware can use; the certificate chain ends
at NVIDIA's Device Identity CA. Reference values (RIM) and revocation (OCSP) are endorsements that
the caller hands in, so that verification itself needs no network.

`verify_nvidia_gpu` is for everybody; the envelope of our gateway and the adapter for dstack call
`prove_nvidia_gpu` and appraise the whole endpoint afterwards.

```python
evidence = GpuEvidence.from_nvidia_json(document)
policy = NvidiaGpuPolicy(count=8)
report = verify_nvidia_gpu(evidence, None, policy, datetime.now(UTC), nonce=nonce)
```

A report is an SPDM 1.1 GET_MEASUREMENTS request (DMTF DSP0274; 37 bytes, the verifier's nonce at
4:36) followed by the MEASUREMENTS response: measurement blocks, the responder's own nonce, NVIDIA's
opaque data as type-length-value records, and an ECDSA signature on P-384 over everything before it.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from langchain_privacy.errors import (
    EvidenceExpiredError,
    EvidenceInvalidError,
    PolicyMismatchError,
)
from langchain_privacy.secure import parsing
from langchain_privacy.secure.evidence import nvidia_endorsements
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS, TrustedRoots
from langchain_privacy.secure.evidence.signatures import p384_holds
from langchain_privacy.secure.policy.base import Policy, appraise
from langchain_privacy.secure.report import AttestationReport, Checks, LayoutError, as_time

_MAX_DEVICES = 32
_MAX_REPORT = 64 * 1024
_REQUEST, _SIGNATURE = 37, 96
_REQUEST_HEADER = bytes.fromhex("11e001ff")
_RESPONSE_CODE = bytes.fromhex("1160")

# Types of the records in the opaque data.
_DRIVER, _VBIOS, _NVDEC0, _CHIP_SKU, _PROJECT, _PROJECT_SKU = 3, 6, 11, 15, 17, 18
_FWID, _SWITCH_POSITION, _SWITCH_GPUS, _FEATURE = 20, 23, 26, 36
_FEATURES = {0: "spt", 1: "mpt", 2: "ppcie"}
_DISABLED = 0x55
_NVDEC0_INDEX = 35
"""Index in a manifest of the measurement that means nothing while the decoder NVDEC0 is off."""


@dataclass(frozen=True, kw_only=True)
class GpuReport:
    """The fields of a report.

    Attributes:
        request_nonce: The verifier's 32 bytes; the only nonce that shows freshness.
        measurements: Index to value of each measurement block, as hex.
        driver: Driver version, or `None`.
        vbios: VBIOS version as NVIDIA writes it, or `None`.
        fwid: Digest of the firmware that holds the signing key, or `None`.
        feature: `"spt"` (one GPU), `"mpt"`, `"ppcie"`, or `None` on old drivers.
        nvdec0_disabled: Whether measurement 35 is meaningless.
        is_switch: Whether the opaque data is that of an NVSwitch.
        rim_id: Name of the VBIOS reference manifest, or `None`.
    """

    request_nonce: bytes
    measurements: Mapping[int, str]
    driver: str | None
    vbios: str | None
    fwid: bytes | None
    feature: str | None
    nvdec0_disabled: bool
    is_switch: bool
    rim_id: str | None
    signed: bytes
    signature: bytes


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _ascii(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return value.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        msg = "text in the opaque data is not ASCII"
        raise LayoutError(msg) from None


def _vbios(value: bytes | None) -> str | None:
    if value is None or len(value) != 8:
        return None
    low, high = value[:4][::-1].hex().upper(), value[4:][::-1].hex().upper()
    # 0x0000000196009F00 is written 96.00.9F.00.01: the four low bytes, then the last of the high.
    digits = (high + low)[len(high) - 2 :]
    return ".".join([digits[2:4], digits[4:6], digits[6:8], digits[8:10], digits[0:2]])


def _measurements(record: bytes, count: int) -> dict[int, str]:
    blocks: dict[int, str] = {}
    at = 0
    while at < len(record):
        header = record[at : at + 7]
        if len(header) < 7 or header[1] != 1:
            msg = "a measurement block is truncated or not DMTF's"
            raise LayoutError(msg)
        size, value_size = _number(header[2:4]), _number(header[5:7])
        value = record[at + 7 : at + 7 + value_size]
        if size != value_size + 3 or len(value) != value_size or header[0] in blocks:
            msg = "a measurement block has a wrong size, or comes twice"
            raise LayoutError(msg)
        blocks[header[0]] = value.hex()
        at += 7 + value_size
    if len(blocks) != count:
        msg = "the number of measurement blocks is not the one announced"
        raise LayoutError(msg)
    return blocks


def _opaque(data: bytes) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        kind, size = _number(data[at : at + 2]), _number(data[at + 2 : at + 4])
        value = data[at + 4 : at + 4 + size]
        if len(data) - at < 4 or len(value) != size or kind in fields:
            msg = "the opaque data is truncated, or a field comes twice"
            raise LayoutError(msg)
        fields[kind] = value
        at += 4 + size
    return fields


def _parse_report(data: bytes) -> GpuReport:
    """Take a report apart.

    Args:
        data: Request and response, without anything after the signature.

    Raises:
        LayoutError: If the bytes are anything else.
    """
    response = data[_REQUEST:]
    if len(data) > _MAX_REPORT or len(response) < 8 + 32 + 2 + _SIGNATURE:
        msg = "the report has an impossible length"
        raise LayoutError(msg)
    if data[:4] != _REQUEST_HEADER or response[:2] != _RESPONSE_CODE:
        msg = "not an SPDM 1.1 measurement report"
        raise LayoutError(msg)
    end = 8 + _number(response[5:8])
    measurements = _measurements(response[8:end], response[4])
    opaque_at = end + 32 + 2
    opaque_end = opaque_at + _number(response[end + 32 : opaque_at])
    if opaque_end + _SIGNATURE != len(response):
        msg = "the report is truncated or has bytes after its signature"
        raise LayoutError(msg)
    opaque = _opaque(response[opaque_at:opaque_end])
    feature = opaque.get(_FEATURE)
    parts = [_ascii(opaque.get(kind)) for kind in (_PROJECT, _PROJECT_SKU, _CHIP_SKU)]
    vbios = _vbios(opaque.get(_VBIOS))
    rim_id = None
    if vbios and all(parts):
        rim_id = "_".join(["NV_GPU_VBIOS", *(str(p) for p in parts), vbios.replace(".", "")])
    return GpuReport(
        request_nonce=data[4:36],
        measurements=measurements,
        driver=_ascii(opaque.get(_DRIVER)),
        vbios=vbios,
        fwid=opaque.get(_FWID),
        feature=_FEATURES.get(_number(feature), "unknown") if feature is not None else None,
        nvdec0_disabled=_number(opaque.get(_NVDEC0, b"")) == _DISABLED,
        is_switch=_SWITCH_GPUS in opaque or _SWITCH_POSITION in opaque,
        rim_id=rim_id,
        signed=data[:-_SIGNATURE],
        signature=data[-_SIGNATURE:],
    )


@dataclass(frozen=True, kw_only=True)
class GpuEvidence:
    """Evidence of one device.

    Attributes:
        report: SPDM request and response, as `nvmlDeviceGetConfComputeGpuAttestationReport` and the
            NVIDIA SDKs give it.
        certificate_chain: PEM, leaf first, root last.
    """

    report: bytes
    certificate_chain: bytes

    @classmethod
    def from_nvidia_json(cls, document: bytes | str) -> "tuple[GpuEvidence, ...]":
        """Read the evidence list of NVIDIA's SDKs; its own nonces are ignored, give yours."""
        entries = parsing.strict_json(document, "GPU evidence")
        if not isinstance(entries, list) or len(entries) > _MAX_DEVICES:
            msg = "GPU evidence: must be a list of at most 32 devices"
            raise EvidenceInvalidError(msg, check="parsing")
        found = []
        for entry in entries:
            fields = parsing.members(
                entry,
                "GPU evidence",
                required=("evidence", "certificate"),
                optional=("arch", "nonce", "version", "firmware_version", "driver_version"),
            )
            found.append(
                cls(
                    report=parsing.from_base64(fields["evidence"], "GPU evidence"),
                    certificate_chain=parsing.from_base64(fields["certificate"], "GPU chain"),
                )
            )
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class GpuEndorsements:
    """What NVIDIA says about firmware and certificates; signed by NVIDIA, so anybody may carry it.

    Attributes:
        manifests: Reference integrity manifests (RIM) of driver and VBIOS, XML.
        ocsp: OCSP responses for the intermediates of the chains, DER.
    """

    manifests: Sequence[bytes] = ()
    ocsp: Sequence[bytes] = ()


def verify_nvidia_gpu(
    evidence: GpuEvidence | Sequence[GpuEvidence],
    endorsements: GpuEndorsements | None,
    policy: Policy,
    now: dt.datetime | float,
    *,
    nonce: bytes,
    roots: TrustedRoots = VENDOR_ROOTS,
) -> AttestationReport:
    """Verify the reports of all GPUs of a machine.

    Args:
        evidence: One report and chain for each GPU.
        endorsements: Reference manifests and OCSP responses; `None` skips both checks.
        policy: What is acceptable, usually an `NvidiaGpuPolicy`.
        now: The clock: an aware datetime or seconds since 1970 UTC.
        nonce: The 32 bytes that the verifier chose and every report must carry.
        roots: Trust anchors; NVIDIA's by default.

    Returns:
        A report whose `parts` are one report for each GPU.

    Raises:
        EvidenceInvalidError: If anything is malformed or a signature does not hold.
        EvidenceExpiredError: If a report carries another nonce, or a document is stale.
        PolicyMismatchError: If the GPUs are genuine but not what the policy asks for.
    """
    proven = prove_nvidia_gpu(evidence, endorsements, as_time(now), nonce=nonce, roots=roots)
    return appraise(proven, policy)


def prove_nvidia_gpu(
    evidence: GpuEvidence | Sequence[GpuEvidence],
    endorsements: GpuEndorsements | None,
    now: dt.datetime,
    *,
    nonce: bytes,
    roots: TrustedRoots,
) -> AttestationReport:
    """The half of `verify_nvidia_gpu` that establishes facts, before any policy."""
    devices = [evidence] if isinstance(evidence, GpuEvidence) else list(evidence)
    checks = Checks("nvidia-gpus")
    checks.require("count", 0 < len(devices) <= _MAX_DEVICES, "there is no GPU evidence")
    proven = [_prove_one(index, device, now, nonce, roots) for index, device in enumerate(devices)]
    _endorse(proven, endorsements or GpuEndorsements(), now, roots)
    parts = tuple(
        AttestationReport(
            subject="nvidia-gpu",
            claims=_claims(gpu.report, gpu.chain),
            checks=tuple(gpu.checks),
            verified_at=now,
        )
        for gpu in proven
    )
    ueids = {part.claims["ueid"] for part in parts}
    checks.require("distinct", len(ueids) == len(parts), "the same GPU is presented twice")
    return AttestationReport(
        subject="nvidia-gpus",
        claims={"count": len(parts), "ueids": sorted(ueids)},
        checks=tuple(checks),
        verified_at=now,
        parts=parts,
    )


@dataclass(frozen=True)
class _ProvenGpu:
    """A GPU whose report holds, before what NVIDIA says about its firmware and certificates."""

    report: GpuReport
    chain: Sequence[x509.Certificate]
    checks: Checks


def _prove_one(
    index: int, device: GpuEvidence, now: dt.datetime, nonce: bytes, roots: TrustedRoots
) -> _ProvenGpu:
    checks = Checks(f"nvidia-gpu:{index}")
    report = checks.require_layout(_parse_report, device.report)
    chain = nvidia_endorsements.load_chain(device.certificate_chain)
    key = nvidia_endorsements.verify_device_chain(chain, now, roots.nvidia_device, checks)
    assert chain is not None
    r, s = (int.from_bytes(half) for half in (report.signature[:48], report.signature[48:]))
    checks.require("signature", p384_holds(key, report.signed, r, s), "the signature is wrong")
    # The responder's own nonce shows nothing; only the request's is the verifier's.
    checks.require(
        "nonce",
        len(nonce) == 32 and report.request_nonce == nonce,
        "the report carries another nonce",
        error=EvidenceExpiredError,
    )
    expected = nvidia_endorsements.firmware_digest(chain[0])
    if report.fwid is None:
        checks.skip("fwid", "the driver is too old to report its firmware digest")
    else:
        checks.require(
            "fwid", report.fwid == expected, "the firmware digest is not the certificate's"
        )
    return _ProvenGpu(report, chain, checks)


def _endorse(
    gpus: Sequence[_ProvenGpu],
    endorsements: GpuEndorsements,
    now: dt.datetime,
    roots: TrustedRoots,
) -> None:
    """Compare every GPU with its manifests and its OCSP responses.

    A machine's GPUs may differ in firmware and always differ in certificates, so each is compared
    with what is about it; what is about none of them is refused, not ignored.
    """
    manifests: list[nvidia_endorsements.Manifest] | None = None
    versions = {version for gpu in gpus for version in _versions(gpu.report)}
    for gpu in gpus:
        if not endorsements.manifests:
            gpu.checks.skip("rim", "no reference manifest was given")
        else:
            if manifests is None:
                manifests = [
                    nvidia_endorsements.verify_manifest(data, now, roots.nvidia_rim, gpu.checks)
                    for data in endorsements.manifests
                ]
            _compare(gpu.report, manifests, versions, gpu.checks)
        if not endorsements.ocsp:
            gpu.checks.skip("ocsp", "no OCSP response was given")
        else:
            nvidia_endorsements.verify_ocsp(
                endorsements.ocsp,
                gpu.chain,
                now,
                gpu.checks,
                others=[other.chain for other in gpus if other is not gpu],
            )


def manifest_ids(device: GpuEvidence) -> list[str]:
    """Names of a GPU's manifests of driver and VBIOS in NVIDIA's service.

    Raises:
        EvidenceInvalidError: If the report cannot be read.
    """
    report = Checks("nvidia-gpu").require_layout(_parse_report, device.report)
    chain = nvidia_endorsements.load_chain(device.certificate_chain)
    names = [report.rim_id]
    if report.driver and chain:
        names.append(f"NV_GPU_DRIVER_{_model(chain)}_{report.driver}")
    return [name for name in names if name]


def _versions(report: GpuReport) -> dict[str, str]:
    """The versions that a GPU's manifests are about, and what each is a version of."""
    return {str(report.driver).upper(): "driver", str(report.vbios).upper(): "VBIOS"}


def _compare(
    report: GpuReport,
    given: Sequence[nvidia_endorsements.Manifest],
    known: Collection[str],
    checks: Checks,
) -> None:
    """Compare a report's measurements with the manifests of its driver and its VBIOS.

    Args:
        report: The verified report.
        given: Verified manifests of all GPUs.
        known: Versions of all GPUs; a manifest of another one is refused, not ignored.
        checks: Where the checks are recorded.
    """
    wanted = _versions(report)
    manifests = [m for m in given if m.version.upper() in wanted]
    versions = [m.version.upper() for m in manifests]
    foreign = {m.version.upper() for m in given} - set(known)
    checks.require(
        "rim_versions",
        not foreign and len(set(versions)) == len(versions),
        "a manifest is for another driver or VBIOS version, or one comes twice: "
        f"given {sorted(m.version for m in given)}, wanted {sorted(wanted)}",
    )
    golden: dict[int, frozenset[str]] = {}
    conflict = False
    for manifest in manifests:
        for index, values in manifest.golden.items():
            conflict |= index in golden
            golden[index] = values
    checks.require("rim_conflict", not conflict, "two manifests name the same measurement")
    if report.nvdec0_disabled:
        golden.pop(_NVDEC0_INDEX, None)
    # Manifests count from 0, SPDM blocks from 1.
    differing = [i for i, values in golden.items() if report.measurements.get(i + 1) not in values]
    first = min(differing, default=0)
    checks.require(
        "rim_measurements",
        not differing,
        f"measurement {first} differs from its reference value",
        error=PolicyMismatchError,
    )
    if missing := set(wanted) - set(versions):
        names = " and ".join(sorted(wanted[version] for version in missing))
        checks.skip("rim_complete", f"no manifest of the {names} was given")
    else:
        checks.require("rim_complete", True, "", detail="driver and VBIOS")


def _model(chain: Sequence[x509.Certificate]) -> str:
    # From the leaf, which the device's firmware issued: LS10 switches share Hopper's identity CA.
    names = chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value).split(" ")[0] if names else ""


def _claims(report: GpuReport, chain: Sequence[x509.Certificate]) -> dict[str, Any]:
    return {
        "model": _model(chain),
        "ueid": str(chain[0].serial_number),
        "driver": report.driver,
        "vbios": report.vbios,
        "fwid": report.fwid.hex() if report.fwid else None,
        "mode": report.feature,
        "is_switch": report.is_switch,
        "rim_id": report.rim_id,
    }
