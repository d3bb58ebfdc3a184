"""NVIDIA's device certificates: a chain to the pinned root, revocation, and the firmware digest."""

import base64
import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from langchain_privacy.errors import ConfigurationError, EvidenceExpiredError, PolicyMismatchError
from langchain_privacy.secure.evidence import der
from langchain_privacy.secure.report import Checks

# ---- Layout of an NVIDIA GPU attestation report.
#
# An SPDM 1.1 GET_MEASUREMENTS request (DMTF DSP0274; 37 bytes, the verifier's nonce at 4:36)
# followed by the MEASUREMENTS response: measurement blocks, the responder's own nonce, NVIDIA's
# opaque data as type-length-value records, and an ECDSA signature on P-384 over everything before
# it.

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


_TCG_DICE_FWID = "2.23.133.5.4.1"
_TCG_DICE_TCB_INFO = "2.23.133.5.4.1.1"
_FWIDS_TAG = 0xA6
_CHAIN_LENGTH = 5


@lru_cache(maxsize=64)
def load_chain(pem: bytes) -> tuple[x509.Certificate, ...] | None:
    """Certificates of a PEM bundle, leaf first; `None` when it cannot be read."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _links_hold(chain: tuple[x509.Certificate, ...]) -> bool:
    # Dates and pins are checked on each call; only signatures, which never change, are remembered.
    try:
        for child, issuer in itertools.pairwise(chain):
            child.verify_directly_issued_by(issuer)
            basic = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
            if not basic.value.ca:
                return False
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return True


def verify_device_chain(
    chain: Sequence[x509.Certificate] | None,
    now: dt.datetime,
    pin: str,
    checks: Checks,
    *,
    length: int | None = _CHAIN_LENGTH,
) -> ec.EllipticCurvePublicKey:
    """Verify a chain and return its leaf's key.

    Args:
        chain: Leaf first, root last.
        now: The clock.
        pin: SHA-256 of the root certificate.
        checks: Where the checks are recorded.
        length: Exact number of certificates, `None` for at least two.
    """
    readable = chain is not None and (len(chain) == length if length else len(chain) > 1)
    checks.require("certificates", readable, "the certificate chain cannot be read, or is cut")
    assert chain is not None
    checks.require(
        "root",
        chain[-1].fingerprint(hashes.SHA256()).hex() == pin,
        "the chain ends at an unpinned root",
    )
    checks.require(
        "chain", _links_hold(tuple(chain)), "a chain signature is wrong, or an issuer is not a CA"
    )
    checks.require(
        "certificate_dates",
        all(c.not_valid_before_utc <= now <= c.not_valid_after_utc for c in chain),
        "a certificate is not valid at this time",
        error=EvidenceExpiredError,
    )
    key = chain[0].public_key()
    on_curve = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP384R1)
    checks.require("key_type", on_curve, "the signing key is not on P-384")
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def firmware_digest(leaf: x509.Certificate) -> bytes | None:
    """FWID that the leaf was issued for: the firmware which alone can use its key.

    Hopper ends its TCG extension with the digest; Blackwell has DICE TcbInfo, whose `fwids` [6]
    lists (algorithm, digest) pairs, of which the first counts.
    """
    for extension in leaf.extensions:
        if not isinstance(extension.value, x509.UnrecognizedExtension):
            continue
        raw = extension.value.value
        if extension.oid.dotted_string == _TCG_DICE_FWID and len(raw) > 48:
            return raw[-48:]
        if extension.oid.dotted_string == _TCG_DICE_TCB_INFO:
            try:
                info = der.children(der.whole(raw, 0x30))
                fwids = next(element for element in info if element.tag == _FWIDS_TAG)
                first = der.children(fwids)[0]
                return der.children(first)[1].content
            except (der.DerError, StopIteration, IndexError):
                return None
    return None


def verify_ocsp(
    responses: Sequence[bytes],
    chain: Sequence[x509.Certificate],
    now: dt.datetime,
    checks: Checks,
    *,
    max_age: dt.timedelta = dt.timedelta(days=7),
) -> None:
    """Check revocation of every intermediate and the leaf that NVIDIA issues.

    NVIDIA answers for the certificates below its identity CA except the leaf, which the device's
    own firmware issues; each of those needs a response that says "good".

    Args:
        responses: OCSP responses in DER.
        chain: The verified chain, leaf first.
        now: The clock.
        checks: Where the checks are recorded.
        max_age: Oldest `thisUpdate` accepted.
    """
    good: set[int] = set()
    for raw in responses:
        try:
            response = ocsp.load_der_ocsp_response(raw)
            successful = response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
            index = _subject_of(response, chain) if successful else None
            genuine = index is not None and _signed_by_issuer(response, chain[index + 1], now)
        except (ValueError, TypeError, x509.UnsupportedGeneralNameType):
            genuine, index = False, None
        checks.require("ocsp_signature", genuine, "an OCSP response does not hold")
        assert index is not None
        until, since = response.next_update_utc, response.this_update_utc
        checks.require(
            "ocsp_dates",
            since <= now and now - since <= max_age and (until is None or now <= until),
            "an OCSP response is stale",
            error=EvidenceExpiredError,
        )
        checks.require(
            "ocsp_status",
            response.certificate_status is ocsp.OCSPCertStatus.GOOD,
            "a certificate is revoked or on hold",
        )
        good.add(index)
    wanted = set(range(1, len(chain) - 1))
    checks.require("ocsp_complete", wanted <= good, "OCSP does not cover the whole chain")


def _subject_of(response: ocsp.OCSPResponse, chain: Sequence[x509.Certificate]) -> int | None:
    for index, (certificate, issuer) in enumerate(itertools.pairwise(chain)):
        if certificate.serial_number != response.serial_number:
            continue
        built = ocsp.OCSPRequestBuilder().add_certificate(
            certificate, issuer, response.hash_algorithm
        )
        request = built.build()
        if (
            request.issuer_key_hash == response.issuer_key_hash
            and request.issuer_name_hash == response.issuer_name_hash
        ):
            return index
    return None


def _signed_by_issuer(
    response: ocsp.OCSPResponse, issuer: x509.Certificate, now: dt.datetime
) -> bool:
    signer = issuer
    for delegate in response.certificates:
        # A delegate must be issued by the same CA for this purpose (RFC 6960, 4.2.2.2).
        try:
            delegate.verify_directly_issued_by(issuer)
            usage = delegate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
            continue
        if ExtendedKeyUsageOID.OCSP_SIGNING in usage and (
            delegate.not_valid_before_utc <= now <= delegate.not_valid_after_utc
        ):
            signer = delegate
    key, algorithm = signer.public_key(), response.signature_hash_algorithm
    if not isinstance(key, ec.EllipticCurvePublicKey) or algorithm is None:
        return False
    try:
        key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(algorithm))
    except InvalidSignature:
        return False
    return True


# ---- NVIDIA reference integrity manifests: signed lists of the measurements a GPU should have.
#
# A manifest is a SWID tag (ISO/IEC 19770-2, TCG RIM) with an enveloped XML signature. Needs the
# extra `rim` (signxml).

_SWID = "{http://standards.iso.org/iso/19770/-2/2015/schema.xsd}"
_HASH = "{http://www.w3.org/2001/04/xmlenc#sha384}Hash"
_XMLDSIG = "{http://www.w3.org/2000/09/xmldsig#}"
_MAX_MANIFEST = 1024 * 1024
_NVDEC0_INDEX = 35


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A verified manifest.

    Attributes:
        version: Version of the driver or VBIOS that it is about.
        golden: Index of each active measurement to its accepted values in hex.
    """

    version: str
    golden: Mapping[int, frozenset[str]]


def verify_manifest(data: bytes, now: dt.datetime, pin: str, checks: Checks) -> Manifest:
    """Verify a manifest's signature and chain, and read its measurements.

    Args:
        data: The XML document.
        now: The clock.
        pin: SHA-256 of the root certificate.
        checks: Where the checks are recorded.
    """
    try:
        from lxml import etree
        from signxml.algorithms import DigestAlgorithm, SignatureMethod
        from signxml.exceptions import SignXMLException
        from signxml.verifier import SignatureConfiguration, XMLVerifier
    except ImportError:
        msg = 'reference manifests need signxml: pip install "langchain-privacy[rim]"'
        raise ConfigurationError(msg) from None
    signed: Any = None
    chain: tuple[x509.Certificate, ...] = ()
    try:
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        root = etree.fromstring(data, parser) if len(data) <= _MAX_MANIFEST else None
        if root is not None and root.getroottree().docinfo.doctype == "":
            chain = tuple(
                x509.load_der_x509_certificate(base64.b64decode(node.text or ""))
                for node in root.iter(_XMLDSIG + "X509Certificate")
            )
    except (etree.XMLSyntaxError, ValueError):
        chain = ()
    checks.require("rim_readable", len(chain) > 1, "a reference manifest cannot be read")
    verify_device_chain(chain, now, pin, checks, length=None)
    try:
        # The certificate is fixed by the chain just verified, and the clock is the injected one.
        result = XMLVerifier().verify(
            root,
            x509_cert=chain[0],
            expect_config=SignatureConfiguration(
                signature_methods=frozenset({SignatureMethod.ECDSA_SHA384}),
                digest_algorithms=frozenset({DigestAlgorithm.SHA384}),
                verification_time=now,
            ),
        )
        signed = result.signed_xml if not isinstance(result, list) else None
    except (SignXMLException, InvalidSignature, ValueError, TypeError):
        signed = None
    checks.require("rim_signature", signed is not None, "a manifest's signature is wrong")
    manifest = _read(signed)
    checks.require("rim_content", manifest is not None, "a manifest's content cannot be used")
    assert manifest is not None
    return manifest


def _read(signed: Any) -> Manifest | None:
    # Only what the signature covers is read, never the document that was handed in.
    meta = signed.find(_SWID + "Meta")
    golden: dict[int, frozenset[str]] = {}
    try:
        for resource in signed.iter(_SWID + "Resource"):
            if resource.get("type") != "Measurement" or resource.get("active") != "True":
                continue
            index, count = int(resource.get("index")), int(resource.get("alternatives"))
            values = frozenset(resource.get(f"{_HASH}{n}", "").lower() for n in range(count))
            if index in golden or "" in values or not values:
                return None
            golden[index] = values
    except (TypeError, ValueError):
        return None
    version = meta.get("colloquialVersion") if meta is not None else None
    return Manifest(version=version, golden=golden) if version and golden else None


def compare(report: GpuReport, manifests: Sequence[Manifest], checks: Checks) -> None:
    """Compare a report's measurements with the manifests of its driver and its VBIOS.

    Args:
        report: The verified report.
        manifests: Verified manifests; those of other versions are refused, not ignored.
        checks: Where the checks are recorded.
    """
    versions = [m.version.upper() for m in manifests]
    wanted = {str(report.driver).upper(): "driver", str(report.vbios).upper(): "VBIOS"}
    checks.require(
        "rim_versions",
        set(versions) <= set(wanted) and len(set(versions)) == len(versions),
        "a manifest is for another driver or VBIOS version",
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
    where = f"measurement {min(differing)} differs" if differing else ""
    checks.require(
        "rim_measurements",
        not differing,
        f"{where} from its reference value",
        error=PolicyMismatchError,
    )
    if missing := set(wanted) - set(versions):
        names = " and ".join(sorted(wanted[version] for version in missing))
        checks.skip("rim_complete", f"no manifest of the {names} was given")
    else:
        checks.require("rim_complete", True, "", detail="driver and VBIOS")
