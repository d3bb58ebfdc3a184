"""Reading what an endpoint says before it is trusted: little, in time, and from which TLS key.

The transports and the adapters that make connections of their own read evidence, key sets and
problem reports this way.
"""

import hashlib
import time
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from langchain_privacy.errors import EvidenceInvalidError
from langchain_privacy.secure.parsing import MAX_DOCUMENT

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts on this machine, which need no TLS."""

_SECONDS = 30.0
"""Longest time that fetching evidence may take, however slowly it drips."""


class DocumentReader:
    """Collects an answer that must stay small and arrive in time."""

    def __init__(self, limit: int = MAX_DOCUMENT, seconds: float = _SECONDS) -> None:
        self._limit = limit
        self._deadline = time.monotonic() + seconds
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """Take bytes, or raise when there are too many or they come too slowly."""
        self._data += data
        if len(self._data) > self._limit or time.monotonic() > self._deadline:
            msg = "the evidence is too large or takes too long"
            raise EvidenceInvalidError(msg, check="fetch")

    def finish(self) -> bytes:
        """All bytes."""
        return bytes(self._data)


def tls_spki(response: Any) -> str | None:
    """SHA-256 of the public key that the connection of a response presented, in hex.

    `None` when there is no TLS, or none that can be looked into; callers refuse that where a key is
    expected.
    """
    stream = response.extensions.get("network_stream")
    tls: Any = stream.get_extra_info("ssl_object") if stream is not None else None
    # An ssl.SSLObject when asynchronous, the `_ssl` object inside of an SSLSocket when not; the
    # latter takes its argument by position only.
    der = tls.getpeercert(True) if hasattr(tls, "getpeercert") else None
    if not isinstance(der, bytes):
        return None
    try:
        return spki_sha256(x509.load_der_x509_certificate(der))
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        return None


def spki_sha256(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate's public key in hex, as attestations name a TLS key."""
    key = certificate.public_key()
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()
