"""Layout of an NVIDIA GPU attestation report.

An SPDM 1.1 GET_MEASUREMENTS request (DMTF DSP0274; 37 bytes, the verifier's nonce at 4:36) followed
by the MEASUREMENTS response: measurement blocks, the responder's own nonce, NVIDIA's opaque data
as type-length-value records, and an ECDSA signature on P-384 over everything before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

REQUEST = 37
SIGNATURE = 96
_REQUEST_HEADER = bytes.fromhex("11e001ff")
_RESPONSE_CODE = bytes.fromhex("1160")
_MAX_REPORT = 64 * 1024

_DRIVER, _VBIOS, _NVDEC0, _CHIP_SKU, _PROJECT, _PROJECT_SKU = 3, 6, 11, 15, 17, 18
_FWID, _SWITCH_GPUS, _SWITCH_POSITION, _FEATURE = 20, 26, 23, 36
_FEATURES = {0: "spt", 1: "mpt", 2: "ppcie"}
_DISABLED = 0x55


class LayoutError(ValueError):
    """The bytes are not an SPDM measurement report."""


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


def parse_report(data: bytes) -> GpuReport:
    """Take a report apart.

    Args:
        data: Request and response, without anything after the signature.

    Raises:
        LayoutError: If the bytes are anything else.
    """
    response = data[REQUEST:]
    if len(data) > _MAX_REPORT or len(response) < 8 + 32 + 2 + SIGNATURE:
        msg = "the report has an impossible length"
        raise LayoutError(msg)
    if data[:4] != _REQUEST_HEADER or response[:2] != _RESPONSE_CODE:
        msg = "not an SPDM 1.1 measurement report"
        raise LayoutError(msg)
    end = 8 + _number(response[5:8])
    measurements = _measurements(response[8:end], response[4])
    opaque_at = end + 32 + 2
    opaque_end = opaque_at + _number(response[end + 32 : opaque_at])
    if opaque_end + SIGNATURE != len(response):
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
        signed=data[:-SIGNATURE],
        signature=data[-SIGNATURE:],
    )
