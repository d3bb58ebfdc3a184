"""What NVIDIA says about its GPUs: device certificates, revocation (OCSP), manifests (RIM).

`nvidia_gpu` calls these for each GPU. All of it comes with the evidence or from NVIDIA's services
and must end at a root that is pinned in `roots`; nothing is fetched here.

A manifest is a SWID tag (ISO/IEC 19770-2, TCG RIM) with an enveloped XML signature; it lists the
measurements that a driver or a VBIOS should have. Reading one needs the extra `rim` (signxml).
"""

import base64
import contextlib
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

from langchain_privacy.errors import ConfigurationError, EvidenceExpiredError
from langchain_privacy.secure.evidence import der
from langchain_privacy.secure.evidence.signatures import UNREADABLE, is_p384
from langchain_privacy.secure.report import Checks

_CHAIN_LENGTH = 5
_TCG_DICE_FWID = "2.23.133.5.4.1"
_TCG_DICE_TCB_INFO = "2.23.133.5.4.1.1"
_SEQUENCE_TAG, _FWIDS_TAG = 0x30, 0xA6

_SWID = "{http://standards.iso.org/iso/19770/-2/2015/schema.xsd}"
_HASH = "{http://www.w3.org/2001/04/xmlenc#sha384}Hash"
_XMLDSIG = "{http://www.w3.org/2000/09/xmldsig#}"
_MAX_MANIFEST = 1024 * 1024


@lru_cache(maxsize=64)
def load_chain(pem: bytes) -> tuple[x509.Certificate, ...] | None:
    """Certificates of a PEM bundle, leaf first; `None` when it cannot be read."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except UNREADABLE:
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
    except (InvalidSignature, *UNREADABLE, x509.ExtensionNotFound):
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
    key: object = None
    with contextlib.suppress(*UNREADABLE):
        key = chain[0].public_key()
    checks.require("key_type", is_p384(key), "the signing key is not on P-384")
    assert is_p384(key)
    return key


def firmware_digest(leaf: x509.Certificate) -> bytes | None:
    """FWID that the leaf was issued for: the firmware which alone can use its key.

    Hopper ends its TCG extension with the digest; Blackwell has DICE TcbInfo, whose `fwids` [6]
    lists (algorithm, digest) pairs, of which the first counts.
    """
    try:
        extensions = list(leaf.extensions)
    except UNREADABLE:
        return None
    for extension in extensions:
        if not isinstance(extension.value, x509.UnrecognizedExtension):
            continue
        raw = extension.value.value
        if extension.oid.dotted_string == _TCG_DICE_FWID and len(raw) > 48:
            return raw[-48:]
        if extension.oid.dotted_string == _TCG_DICE_TCB_INFO:
            try:
                info = der.children(der.whole(raw, _SEQUENCE_TAG))
                fwids = next(element for element in info if element.tag == _FWIDS_TAG)
                first = der.children(fwids)[0]
                return der.children(first)[1].content
            except (der.DerError, StopIteration, IndexError):
                return None
    return None


_OLDEST_ANSWER = dt.timedelta(days=7)
"""Age of a `thisUpdate` that is still accepted."""


def verify_ocsp(
    responses: Sequence[bytes],
    chain: Sequence[x509.Certificate],
    now: dt.datetime,
    checks: Checks,
    *,
    others: Sequence[Sequence[x509.Certificate]] = (),
) -> None:
    """Check revocation of every intermediate and the leaf that NVIDIA issues.

    NVIDIA answers for the certificates below its identity CA except the leaf, which the device's
    own firmware issues; each of those needs a response that says "good".

    Args:
        responses: OCSP responses in DER.
        chain: The verified chain, leaf first.
        now: The clock.
        checks: Where the checks are recorded.
        others: Chains of the machine's other GPUs, which responses may be about as well.
    """
    good: set[int] = set()
    for raw in responses:
        try:
            response = ocsp.load_der_ocsp_response(raw)
            successful = response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
            index = _subject_of(response, chain) if successful else None
            elsewhere = successful and index is None
            if elsewhere and any(_subject_of(response, o) is not None for o in others):
                continue
            genuine = index is not None and _signed_by_issuer(response, chain[index + 1], now)
        except UNREADABLE:
            genuine, index = False, None
        checks.require("ocsp_signature", genuine, "an OCSP response does not hold")
        assert index is not None
        until, since = response.next_update_utc, response.this_update_utc
        checks.require(
            "ocsp_dates",
            since <= now and now - since <= _OLDEST_ANSWER and (until is None or now <= until),
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
        except (InvalidSignature, *UNREADABLE, x509.ExtensionNotFound):
            continue
        if ExtendedKeyUsageOID.OCSP_SIGNING in usage and (
            delegate.not_valid_before_utc <= now <= delegate.not_valid_after_utc
        ):
            signer = delegate
    try:
        key, algorithm = signer.public_key(), response.signature_hash_algorithm
        if not isinstance(key, ec.EllipticCurvePublicKey) or algorithm is None:
            return False
        key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(algorithm))
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


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
    except (etree.LxmlError, *UNREADABLE):
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
    except (SignXMLException, InvalidSignature, etree.LxmlError, *UNREADABLE):
        signed = None
    checks.require("rim_signature", signed is not None, "a manifest's signature is wrong")
    manifest = _golden_values(signed)
    checks.require("rim_content", manifest is not None, "a manifest's content cannot be used")
    assert manifest is not None
    return manifest


def _golden_values(signed: Any) -> Manifest | None:
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
