"""The two kinds of signature that evidence carries, over bytes whose key is already proven.

ECDSA on P-384 with SHA-384 signs AMD's reports, NVIDIA's reports and NVIDIA's tokens; RSA with
SHA-256 signs Microsoft's tokens and the quotes of a vTPM. Every verifier in this folder asks here,
also for what `cryptography` raises when a key, a certificate or a list is of an unknown kind.
"""

from typing import TypeGuard

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What `cryptography` raises for keys, certificates and responses of other kinds than ours."""

_P384_ORDER = int(
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    16,
)


def is_p384(key: object) -> TypeGuard[ec.EllipticCurvePublicKey]:
    """Whether this is a public key on the curve P-384."""
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP384R1)


def p384_holds(key: ec.EllipticCurvePublicKey, signed: bytes, r: int, s: int) -> bool:
    """Whether `r` and `s` are this key's ECDSA signature, with SHA-384, over these bytes."""
    if not (0 < r < _P384_ORDER and 0 < s < _P384_ORDER):
        return False
    try:
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        return False
    return True


def rsa_holds(key: rsa.RSAPublicKey, signed: bytes, signature: bytes) -> bool:
    """Whether this is the key's RSASSA-PKCS1-v1_5 signature, with SHA-256, over these bytes."""
    try:
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True
