"""Layout of an AMD SEV-SNP attestation report, versions 2 to 5.

AMD 56860 "SEV Secure Nested Paging Firmware ABI", table 23: 1184 bytes, little-endian. Reserved
bytes must be zero, so a field that a later version adds cannot be overlooked.
"""

from dataclasses import dataclass

SIZE = 1184
SIGNED = 0x2A0
_R, _S, _SIGNATURE_FIELD = 0x2A0, 0x2E8, 72
SUPPORTED_VERSIONS = frozenset({2, 3, 4, 5})

_NEVER = 99
# Start, end and the first version that gives these bytes a meaning; before it they must be zero.
_RESERVED = (
    (0x4C, 0x50, _NEVER),
    (0x188, 0x18B, 3),
    (0x18B, 0x1A0, _NEVER),
    (0x1EB, 0x1EC, _NEVER),
    (0x1EF, 0x1F0, _NEVER),
    (0x1F8, 0x208, 5),
    (0x208, 0x2A0, _NEVER),
    (0x330, 0x4A0, _NEVER),
)

_PRODUCTS = {0x19: {0x01: "Milan", 0x11: "Genoa"}, 0x1A: {0x02: "Turin", 0x11: "Turin"}}


class LayoutError(ValueError):
    """The report has another length, version or content where it must be zero."""


@dataclass(frozen=True, order=True)
class Tcb:
    """Security version numbers of a platform's firmware.

    Attributes:
        fmc: Of the FMC; Turin only, else 0.
        bootloader: Of the secure processor's boot loader.
        tee: Of its operating system.
        snp: Of the SNP firmware.
        microcode: Lowest microcode patch level of all cores.
    """

    bootloader: int = 0
    tee: int = 0
    snp: int = 0
    microcode: int = 0
    fmc: int = 0

    @classmethod
    def from_bytes(cls, raw: bytes, product: str | None) -> "Tcb":
        """Read the eight bytes of a TCB_VERSION, whose layout changed with Turin."""
        if product == "Turin":
            return cls(fmc=raw[0], bootloader=raw[1], tee=raw[2], snp=raw[3], microcode=raw[7])
        return cls(bootloader=raw[0], tee=raw[1], snp=raw[6], microcode=raw[7])

    def at_least(self, floor: "Tcb") -> bool:
        """Whether every component reaches `floor`; one high number does not buy a low one."""
        return (
            self.bootloader >= floor.bootloader
            and self.tee >= floor.tee
            and self.snp >= floor.snp
            and self.microcode >= floor.microcode
            and self.fmc >= floor.fmc
        )


@dataclass(frozen=True, kw_only=True)
class SnpReport:
    """The fields of a report; byte fields are as they stand in it."""

    version: int
    guest_svn: int
    guest_policy: int
    vmpl: int
    signature_algorithm: int
    platform_info: int
    author_key_enabled: bool
    mask_chip_key: bool
    signing_key: int
    report_data: bytes
    measurement: bytes
    host_data: bytes
    id_key_digest: bytes
    author_key_digest: bytes
    product: str | None
    chip_id: bytes
    current_tcb_raw: bytes
    reported_tcb_raw: bytes
    committed_tcb_raw: bytes
    launch_tcb_raw: bytes
    current_firmware: tuple[int, int, int]
    committed_firmware: tuple[int, int, int]
    r: int
    s: int


def _product(version: int, family: int, model: int) -> str | None:
    if version < 3:
        return None
    if family == 0x19 and 0xA0 <= model <= 0xAF:
        return "Genoa"  # Bergamo and Siena share Genoa's roots
    return _PRODUCTS.get(family, {}).get(model)


def parse_report(data: bytes) -> SnpReport:
    """Take a report apart.

    Args:
        data: Exactly 1184 bytes.

    Raises:
        LayoutError: If length, version or a reserved byte is not as the specification says.
    """
    if len(data) != SIZE:
        msg = f"the report has {len(data)} bytes, not {SIZE}"
        raise LayoutError(msg)

    def number(offset: int, size: int) -> int:
        return int.from_bytes(data[offset : offset + size], "little")

    version = number(0x00, 4)
    if version not in SUPPORTED_VERSIONS:
        msg = f"report version {version} is not one of 2 to 5"
        raise LayoutError(msg)
    flags = number(0x48, 4)
    guest_policy = number(0x08, 8)
    # Bits above the known platform flags are left alone: firmware adds them without a new version.
    if flags >> 5 or guest_policy >> 26:
        msg = "a reserved bit is set"
        raise LayoutError(msg)
    for start, end, since in _RESERVED:
        if version < since and any(data[start:end]):
            msg = f"reserved bytes at 0x{start:x} are not zero"
            raise LayoutError(msg)
    return SnpReport(
        version=version,
        guest_svn=number(0x04, 4),
        guest_policy=guest_policy,
        vmpl=number(0x30, 4),
        signature_algorithm=number(0x34, 4),
        platform_info=number(0x40, 8),
        author_key_enabled=bool(flags & 1),
        mask_chip_key=bool(flags & 2),
        signing_key=flags >> 2 & 7,
        report_data=data[0x50:0x90],
        measurement=data[0x90:0xC0],
        host_data=data[0xC0:0xE0],
        id_key_digest=data[0xE0:0x110],
        author_key_digest=data[0x110:0x140],
        product=_product(version, data[0x188], data[0x189]),
        chip_id=data[0x1A0:0x1E0],
        current_tcb_raw=data[0x38:0x40],
        reported_tcb_raw=data[0x180:0x188],
        committed_tcb_raw=data[0x1E0:0x1E8],
        launch_tcb_raw=data[0x1F0:0x1F8],
        current_firmware=(data[0x1EA], data[0x1E9], data[0x1E8]),
        committed_firmware=(data[0x1EE], data[0x1ED], data[0x1EC]),
        r=number(_R, _SIGNATURE_FIELD),
        s=number(_S, _SIGNATURE_FIELD),
    )
