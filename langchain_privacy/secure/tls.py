"""Which key a TLS connection really ends at."""

import ssl
from typing import Any


def tls_spki(response: Any) -> str | None:
    """SHA-256 of the public key that the connection of a response presented, in hex."""
    import hashlib

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    if not isinstance(tls, (ssl.SSLObject, ssl.SSLSocket)):
        return None
    der = tls.getpeercert(binary_form=True)
    if der is None:
        return None
    key = x509.load_der_x509_certificate(der).public_key()
    return hashlib.sha256(
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()
