"""AMD's endorsement chain: ARK (pinned) → ASK or ASVK → VCEK or VLEK.

Specifications: AMD 57230 "Versioned Chip Endorsement Key (VCEK) Certificate and KDS Interface" and
its VLEK counterpart. Signatures in the chain are RSASSA-PSS with SHA-384 and a salt of 48 bytes.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from langchain_privacy.errors import EvidenceExpiredError
from langchain_privacy.secure.evidence import der
from langchain_privacy.secure.evidence.roots import TrustedRoots
from langchain_privacy.secure.evidence.sev_snp_report import Tcb
from langchain_privacy.secure.report import Checks

_ARC = "1.3.6.1.4.1.3704.1."
_PRODUCT_NAME, _HWID = _ARC + "2", _ARC + "4"
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


def _der(data: bytes) -> bytes:
    if not data.lstrip().startswith(b"-----BEGIN"):
        return data
    return _pem_bundle(data)[0]


def _pem_bundle(data: bytes) -> list[bytes]:
    import ssl

    blocks = data.decode("ascii").split("-----END CERTIFICATE-----")
    return [
        ssl.PEM_cert_to_DER_cert(block.strip() + "\n-----END CERTIFICATE-----")
        for block in blocks
        if block.strip()
    ]


@lru_cache(maxsize=256)
def _pss_holds(signed: bytes, signature: bytes, issuer_key: bytes) -> bool:
    try:
        key = load_der_public_key(issuer_key)
    except (ValueError, UnsupportedAlgorithm):
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


def _tcb(certificate: der.Certificate, product: str) -> Tcb:
    levels = {
        field: der.unsigned(certificate.extensions[_ARC + arc])
        for field, arc in _SVN.items()
        if field != "fmc" or product == "Turin"
    }
    return Tcb(**levels)


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
        leaf = der.parse_certificate(_der(endorsements.key_certificate))
        chain = endorsements.chain
        raw = _pem_bundle(chain) if isinstance(chain, bytes) else [_der(c) for c in chain]
        ask, ark = (der.parse_certificate(certificate) for certificate in raw)
        name = der.ia5(leaf.extensions[_PRODUCT_NAME])
        product = name.split("-")[0]
        tcb = _tcb(leaf, product)
        public_key = load_der_public_key(leaf.public_key)
        readable = True
    except (ValueError, KeyError, TypeError, UnsupportedAlgorithm):
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
    on_curve = isinstance(public_key, ec.EllipticCurvePublicKey) and isinstance(
        public_key.curve, ec.SECP384R1
    )
    checks.require("key_type", on_curve, "the signing key is not on P-384")
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    return EndorsedKey(
        kind=kind,
        product=product,
        public_key=public_key,
        tcb=tcb,
        hwid=leaf.extensions.get(_HWID),
        crl=crl,
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
    except (ValueError, TypeError):
        genuine = same_issuer = complete = False
    checks.require("crl", genuine and same_issuer, "the CRL is not signed by this ARK")
    checks.require("crl_dates", complete, "the CRL is not valid yet", error=EvidenceExpiredError)
    revoked = crl.get_revoked_certificate_by_serial_number(ask.serial)
    checks.require("revocation", revoked is None, "AMD revoked the intermediate key (ASK)")
    return crl
