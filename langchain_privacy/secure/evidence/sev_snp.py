"""AMD SEV-SNP: is this report genuine, and does it satisfy the policy?

A report is 1184 bytes that the secure processor signs with a key of its chip (VCEK) or of a cloud
provider (VLEK). AMD endorses that key by a chain of certificates whose root (ARK) is pinned here:
ARK -> ASK or ASVK -> VCEK or VLEK -> report. Nothing is fetched; certificates come with the
evidence or from AMD's key service (KDS).

`verify_sev_snp` is for everybody; the envelope of our gateway, Azure's confidential VMs and the
adapters call `prove_sev_snp` and appraise the whole endpoint afterwards.

```python
endorsements = SnpEndorsements(key_certificate=vcek, chain=cert_chain, crl=crl)
policy = SevSnpPolicy(measurements=["7a1e..."])
report = verify_sev_snp(evidence, endorsements, policy, datetime.now(UTC), report_data=bound)
```

Specifications: AMD 56860 "SEV Secure Nested Paging Firmware ABI" (report), AMD 57230 "Versioned
Chip Endorsement Key (VCEK) Certificate and KDS Interface" and its VLEK counterpart (chain).
"""

import datetime as dt
import hashlib
import ssl
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from langchain_privacy.errors import EvidenceExpiredError
from langchain_privacy.secure.evidence import der
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS, TrustedRoots
from langchain_privacy.secure.evidence.signatures import UNREADABLE, is_p384, p384_holds
from langchain_privacy.secure.policy.base import Policy, appraise
from langchain_privacy.secure.report import AttestationReport, Checks, LayoutError, as_time

# The report: AMD 56860, table 23. Numbers are little-endian, `r` and `s` of the signature too.

_SIZE = 1184
_SIGNED = 0x2A0
_ECDSA_P384_SHA384 = 1

_NEVER = 99
# Start, end and the first version that gives these bytes a meaning. Before it they must be zero,
# so that a field which a later version adds cannot be overlooked.
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

# Family and model of the processor. Bergamo and Siena (models 0xA0 to 0xAF) share Genoa's roots.
_PRODUCTS = {0x19: {0x01: "Milan", 0x11: "Genoa"}, 0x1A: {0x02: "Turin", 0x11: "Turin"}}


@dataclass(frozen=True)
class Tcb:
    """Security version numbers of a platform's firmware.

    Attributes:
        bootloader: Of the secure processor's boot loader.
        tee: Of its operating system.
        snp: Of the SNP firmware.
        microcode: Lowest microcode patch level of all cores.
        fmc: Of the FMC; Turin only, else 0.
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


@dataclass(frozen=True, kw_only=True)
class SnpReport:
    """The fields of a report; byte fields are as they stand in it."""

    version: int
    guest_svn: int
    guest_policy: int
    vmpl: int
    signature_algorithm: int
    platform_info: int
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
        return "Genoa"
    return _PRODUCTS.get(family, {}).get(model)


def parse_report(data: bytes) -> SnpReport:
    """Take a report apart.

    Args:
        data: Exactly 1184 bytes.

    Raises:
        LayoutError: If length, version or a reserved byte is not as the specification says.
    """
    if len(data) != _SIZE:
        msg = f"the report has {len(data)} bytes, not {_SIZE}"
        raise LayoutError(msg)

    def number(offset: int, size: int) -> int:
        return int.from_bytes(data[offset : offset + size], "little")

    version = number(0x00, 4)
    if version not in (2, 3, 4, 5):
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
        r=number(0x2A0, 72),
        s=number(0x2E8, 72),
    )


# The chain. Its signatures are RSASSA-PSS with SHA-384 and a salt of 48 bytes.

_AMD = "1.3.6.1.4.1.3704.1."
_PRODUCT_NAME, _HWID = _AMD + "2", _AMD + "4"
_SVN = {"bootloader": "3.1", "tee": "3.2", "snp": "3.3", "microcode": "3.8", "fmc": "3.9"}


@dataclass(frozen=True, kw_only=True)
class SnpEndorsements:
    """What AMD says about the key that signed a report; signed by AMD, so anybody may carry it.

    Attributes:
        key_certificate: VCEK or VLEK certificate, DER or PEM.
        chain: ASK (or ASVK), then ARK: one PEM bundle, or DER certificates in this order. This is
            the body of KDS's `/vcek/v1/{product}/cert_chain`.
        crl: The ARK's revocation list, DER or PEM; KDS's `/vcek/v1/{product}/crl`.
    """

    key_certificate: bytes
    chain: bytes | Sequence[bytes]
    crl: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class EndorsedKey:
    """The verified key certificate, and what its extensions say."""

    kind: str
    product: str
    public_key: ec.EllipticCurvePublicKey
    tcb: Tcb
    hwid: bytes | None
    crl: x509.CertificateRevocationList | None


def verify_chain(
    endorsements: SnpEndorsements | None, now: dt.datetime, roots: TrustedRoots, checks: Checks
) -> EndorsedKey:
    """Verify the chain down to the key that signs reports.

    Args:
        endorsements: The certificates, or `None`, which is refused.
        now: The clock.
        roots: Pinned ARKs.
        checks: Where the checks are recorded.

    Raises:
        EvidenceInvalidError: If a certificate, a signature, a name or a date does not hold.
        EvidenceExpiredError: If a certificate is not valid at `now`.
    """
    checks.require(
        "endorsement", endorsements is not None, "no VCEK or VLEK, so nothing can be verified"
    )
    assert endorsements is not None
    try:
        leaf = der.parse_certificate(_in_der(endorsements.key_certificate)[0])
        ask, ark = map(der.parse_certificate, _in_der(endorsements.chain))
        name = der.ia5(leaf.extensions[_PRODUCT_NAME])
        product = name.split("-")[0]
        tcb = _tcb(leaf, product)
        public_key = load_der_public_key(leaf.public_key)
        readable = True
    except (*UNREADABLE, KeyError):
        readable = False
    checks.require("certificates", readable, "a certificate of the chain cannot be read")
    pin = roots.amd_ark.get(product)
    checks.require(
        "root", pin == hashlib.sha256(ark.der).hexdigest(), "the chain ends at an unpinned root"
    )
    kind = {"SEV-VCEK": "vcek", "SEV-VLEK": "vlek"}.get(leaf.subject, "")
    middle = {"vcek": f"SEV-{product}", "vlek": f"SEV-VLEK-{product}"}.get(kind)
    checks.require(
        "certificate_names", middle == ask.subject, "the certificates do not belong together"
    )
    checks.require("chain", _issued(ask, ark) and _issued(leaf, ask), "a chain signature is wrong")
    checks.require(
        "certificate_dates",
        all(c.not_before <= now <= c.not_after for c in (leaf, ask, ark)),
        "a certificate is not valid at this time",
        error=EvidenceExpiredError,
    )
    crl = _revocation(endorsements.crl, ask, ark, checks, now)
    checks.require("key_type", is_p384(public_key), "the signing key is not on P-384")
    assert is_p384(public_key)
    return EndorsedKey(
        kind=kind,
        product=product,
        public_key=public_key,
        tcb=tcb,
        hwid=leaf.extensions.get(_HWID),
        crl=crl,
    )


def _in_der(given: bytes | Sequence[bytes]) -> list[bytes]:
    """Certificates in DER: of a PEM bundle, or one each."""
    if not isinstance(given, bytes):
        return [_in_der(certificate)[0] for certificate in given]
    if not given.lstrip().startswith(b"-----BEGIN"):
        return [given]
    end = "-----END CERTIFICATE-----"
    blocks = given.decode("ascii").split(end)
    return [ssl.PEM_cert_to_DER_cert(f"{b.strip()}\n{end}") for b in blocks if b.strip()]


def _tcb(certificate: der.Certificate, product: str) -> Tcb:
    levels = {
        field: der.unsigned(certificate.extensions[_AMD + arc])
        for field, arc in _SVN.items()
        if field != "fmc" or product == "Turin"
    }
    return Tcb(**levels)


@lru_cache(maxsize=256)
def _pss_holds(signed: bytes, signature: bytes, issuer_key: bytes) -> bool:
    try:
        key = load_der_public_key(issuer_key)
    except UNREADABLE:
        return False
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size != 4096:
        return False
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA384()), salt_length=48)
    try:
        key.verify(signature, signed, scheme, hashes.SHA384())
    except InvalidSignature:
        return False
    return True


def _issued(child: der.Certificate, issuer: der.Certificate) -> bool:
    return child.issuer_name == issuer.subject_name and _pss_holds(
        child.signed, child.signature, issuer.public_key
    )


def _revocation(
    raw: bytes | None,
    ask: der.Certificate,
    ark: der.Certificate,
    checks: Checks,
    now: dt.datetime,
) -> x509.CertificateRevocationList | None:
    # Only ASKs can be revoked this way: all VCEKs share serial number 0.
    if raw is None:
        checks.skip("revocation", "no CRL was given")
        return None
    try:
        pem = raw.lstrip().startswith(b"-----BEGIN")
        crl = x509.load_pem_x509_crl(raw) if pem else x509.load_der_x509_crl(raw)
        key = load_der_public_key(ark.public_key)
        genuine = isinstance(key, rsa.RSAPublicKey) and crl.is_signature_valid(key)
        same_issuer = crl.issuer.public_bytes() == ark.subject_name
        complete = crl.next_update_utc is not None and crl.last_update_utc <= now
    except UNREADABLE:
        genuine = same_issuer = complete = False
    checks.require("crl", genuine and same_issuer, "the CRL is not signed by this ARK")
    checks.require("crl_dates", complete, "the CRL is not valid yet", error=EvidenceExpiredError)
    revoked = crl.get_revoked_certificate_by_serial_number(ask.serial)
    checks.require("revocation", revoked is None, "AMD revoked the intermediate key (ASK)")
    return crl


# The verification.


def verify_sev_snp(
    evidence: bytes,
    endorsements: SnpEndorsements | None,
    policy: Policy,
    now: dt.datetime | float,
    *,
    report_data: bytes | None = None,
    roots: TrustedRoots = VENDOR_ROOTS,
) -> AttestationReport:
    """Verify an SEV-SNP attestation report.

    Args:
        evidence: The report, 1184 bytes, version 2 to 5.
        endorsements: Certificates of the signing key and, better, a CRL.
        policy: What is acceptable, usually a `SevSnpPolicy`.
        now: The clock: an aware datetime or seconds since 1970 UTC.
        report_data: The 64 bytes that must stand in the report; `None` skips the comparison.
        roots: Trust anchors; AMD's by default.

    Raises:
        EvidenceInvalidError: If anything is malformed or a signature does not hold.
        EvidenceExpiredError: If a certificate is not valid at `now`, or the report data differs.
        PolicyMismatchError: If the report is genuine but not what the policy asks for.
    """
    proven = prove_sev_snp(
        evidence, endorsements, as_time(now), report_data=report_data, roots=roots
    )
    return appraise(proven, policy)


def prove_sev_snp(
    evidence: bytes,
    endorsements: SnpEndorsements | None,
    now: dt.datetime,
    *,
    report_data: bytes | None,
    roots: TrustedRoots,
) -> AttestationReport:
    """The half of `verify_sev_snp` that establishes facts, before any policy."""
    checks = Checks("sev-snp")
    report = checks.require_layout(parse_report, evidence)
    checks.require(
        "algorithm",
        report.signature_algorithm == _ECDSA_P384_SHA384,
        "the signature algorithm is not ECDSA P-384 with SHA-384",
    )
    key = verify_chain(endorsements, now, roots, checks)
    _match(report, key, checks)
    checks.require(
        "signature",
        p384_holds(key.public_key, evidence[:_SIGNED], report.r, report.s),
        "the signature is wrong",
    )
    checks.require_bound(
        "report_data",
        report.report_data,
        report_data,
        "the report is bound to another challenge or key",
    )
    return AttestationReport(
        subject="sev-snp",
        claims=_claims(report, key),
        checks=tuple(checks),
        verified_at=now,
    )


def _match(report: SnpReport, key: EndorsedKey, checks: Checks) -> None:
    expected = {"vcek": 0, "vlek": 1}[key.kind]
    checks.require(
        "signing_key", report.signing_key == expected, "another kind of key signed the report"
    )
    if report.version < 3:
        checks.skip("product", "a version 2 report does not name its processor")
    else:
        checks.require(
            "product", report.product == key.product, "report and certificate differ in product"
        )
    reported = Tcb.from_bytes(report.reported_tcb_raw, key.product)
    checks.require("tcb", key.tcb == reported, "the certificate is for another TCB")
    if key.kind == "vlek":
        checks.skip("chip", "a VLEK belongs to a cloud provider, not to one chip")
        return
    size = 8 if key.product == "Turin" else 64
    same = key.hwid == report.chip_id[:size] and not any(report.chip_id[size:])
    checks.require("chip", same and any(report.chip_id), "the certificate is for another chip")


def _claims(report: SnpReport, key: EndorsedKey) -> dict[str, object]:
    def tcb(raw: bytes) -> dict[str, int]:
        return asdict(Tcb.from_bytes(raw, key.product))

    def bit(value: int, position: int) -> bool:
        return bool(value >> position & 1)

    guest, platform = report.guest_policy, report.platform_info
    # An empty list is falsy, and the usual case.
    until = key.crl.next_update_utc if key.crl is not None else None
    return {
        "version": report.version,
        "product": key.product,
        "signing_key": key.kind,
        "measurement": report.measurement.hex(),
        "host_data": report.host_data.hex(),
        "report_data": report.report_data.hex(),
        "id_key_digest": report.id_key_digest.hex(),
        "author_key_digest": report.author_key_digest.hex(),
        "chip_id": report.chip_id.hex(),
        "vmpl": report.vmpl,
        "guest_svn": report.guest_svn,
        "policy_reserved_one": bit(guest, 17),
        "debug": bit(guest, 19),
        "migration": bit(guest, 18),
        "abi": [guest >> 8 & 0xFF, guest & 0xFF],
        "smt": bit(platform, 0),
        "alias_check": bit(platform, 5),
        "masked_chip_key": report.mask_chip_key,
        "reported_tcb": tcb(report.reported_tcb_raw),
        "current_tcb": tcb(report.current_tcb_raw),
        "committed_tcb": tcb(report.committed_tcb_raw),
        "launch_tcb": tcb(report.launch_tcb_raw),
        "current_firmware": list(report.current_firmware),
        "committed_firmware": list(report.committed_firmware),
        "crl_next_update": until.isoformat() if until else None,
    }
