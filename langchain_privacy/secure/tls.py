"""Which key a TLS connection really ends at."""

from typing import Any


def tls_spki(response: Any) -> str | None:
    """SHA-256 of the public key that the connection of a response presented, in hex.

    `None` when there is no TLS, or none that can be looked into; callers refuse that where a key is
    expected.
    """
    import hashlib

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    stream = response.extensions.get("network_stream")
    tls: Any = stream.get_extra_info("ssl_object") if stream is not None else None
    # An ssl.SSLObject when asynchronous, the `_ssl` object inside of an SSLSocket when not; the
    # latter takes its argument by position only.
    der = tls.getpeercert(True) if hasattr(tls, "getpeercert") else None
    if not isinstance(der, bytes):
        return None
    key = x509.load_der_x509_certificate(der).public_key()
    return hashlib.sha256(
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()
