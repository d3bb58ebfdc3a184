"""OCSP responses of the checked-in GPU authority, made when a test asks for them."""

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.vectors.attestation import authority

_STATUS = {
    "good": (ocsp.OCSPCertStatus.GOOD, None),
    "revoked": (ocsp.OCSPCertStatus.REVOKED, x509.ReasonFlags.key_compromise),
    "hold": (ocsp.OCSPCertStatus.REVOKED, x509.ReasonFlags.certificate_hold),
    "unknown": (ocsp.OCSPCertStatus.UNKNOWN, None),
}
_KEYS = {3: "ICA", 2: "NVIDIA GH100 Identity", 1: "root"}


def _responder(
    issuer: x509.Name, signer: str, key: str, usage: x509.ObjectIdentifier
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "responder")]))
        .issuer_name(issuer)
        .public_key(authority.ec_key(key).public_key())
        .serial_number(77)
        .not_valid_before(authority.START)
        .not_valid_after(authority.END)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )
    return builder.sign(authority.ec_key(signer), hashes.SHA384())


def response(
    chain_pem: bytes,
    now: dt.datetime,
    *,
    level: int,
    status: str = "good",
    age_days: float = 1,
    valid_days: float = 7,
    key: str | None = None,
    signer: str | None = None,
    delegate: str | None = None,
) -> bytes:
    """A response about one certificate of a chain.

    Args:
        chain_pem: The chain, leaf first.
        now: The case's clock.
        level: 1 is the identity below the root, 3 the certificate above the leaf.
        status: `"good"`, `"revoked"`, `"hold"` or `"unknown"`.
        age_days: Since it was made.
        valid_days: From then to its next update.
        key: Label of the issuer's key where it is not the usual one.
        signer: Label of somebody else's key that signs.
        delegate: `"named"` signs with a responder's key that the issuer allowed to, `"unnamed"`
            with one that it allowed something else, `"foreign"` with one that another allowed to.
    """
    chain = x509.load_pem_x509_certificates(chain_pem)
    subject, issuer = chain[4 - level], chain[5 - level]
    made = now - dt.timedelta(days=age_days)
    what, reason = _STATUS[status]
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=subject,
        issuer=issuer,
        algorithm=hashes.SHA384(),
        cert_status=what,
        this_update=made,
        next_update=made + dt.timedelta(days=valid_days),
        revocation_time=authority.START if reason else None,
        revocation_reason=reason,
    )
    issued_by = key or _KEYS[level]
    signs, responder = issued_by, issuer
    if delegate is not None or signer is not None:
        signs = signer or "responder"
        allowed = ExtendedKeyUsageOID.OCSP_SIGNING
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if delegate == "unnamed" else allowed
        by = "somebody" if delegate == "foreign" else issued_by
        responder = _responder(issuer.subject, by, signs, usage)
        if delegate is not None:
            builder = builder.certificates([responder])
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, responder)
    made_response = builder.sign(authority.ec_key(signs), hashes.SHA384())
    return made_response.public_bytes(Encoding.DER)
