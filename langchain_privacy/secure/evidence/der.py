"""A small strict reader of DER, the encoding of X.509 certificates and their extensions.

It is here because every VCEK of AMD has serial number 0, which RFC 5280 forbids and for which
`cryptography` announces that it will refuse the certificate. `sev_snp` reads AMD's certificates
with it (signed bytes, names, validity, key, extensions, signature), `nvidia_endorsements` the
extension that names a GPU's firmware. All cryptography is left to `cryptography`.

```python
certificate = parse_certificate(der)
snp_level = unsigned(certificate.extensions["1.3.6.1.4.1.3704.1.3.3"])
```
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

# Tags (X.690, section 8), and the two tagged fields of a certificate (RFC 5280, section 4.1).
_BOOLEAN, _INTEGER, _BITS, _OCTETS, _OID = 0x01, 0x02, 0x03, 0x04, 0x06
_IA5, _UTC_TIME, _GENERALIZED_TIME, _SEQUENCE = 0x16, 0x17, 0x18, 0x30
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_COMMON_NAME = "2.5.4.3"


class DerError(ValueError):
    """The bytes are not the DER that was expected."""


@dataclass(frozen=True)
class Element:
    """One TLV: its tag, its content, and the whole encoding."""

    tag: int
    content: bytes
    encoded: bytes


def read(data: bytes, offset: int = 0) -> tuple[Element, int]:
    """Read one element with a definite, minimal length; return it and the next offset."""
    if len(data) < offset + 2:
        raise DerError
    tag, length, start = data[offset], data[offset + 1], offset + 2
    if tag & 0x1F == 0x1F:
        raise DerError
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 3 or len(data) < start + size:
            raise DerError
        length = int.from_bytes(data[start : start + size])
        if length < 0x80 or length >> (8 * (size - 1)) == 0:
            raise DerError
        start += size
    end = start + length
    if end > len(data):
        raise DerError
    return Element(tag, data[start:end], data[offset:end]), end


def children(element: Element) -> list[Element]:
    """The elements inside a constructed one, with nothing left over."""
    found, offset = [], 0
    while offset < len(element.content):
        child, offset = read(element.content, offset)
        found.append(child)
    return found


def whole(data: bytes, tag: int) -> Element:
    """The single element that fills `data`."""
    element, end = read(data)
    if end != len(data) or element.tag != tag:
        raise DerError
    return element


def unsigned(encoded: bytes) -> int:
    """A non-negative INTEGER in minimal form."""
    content = whole(encoded, _INTEGER).content
    minimal = len(content) == 1 or (len(content) > 1 and (content[0] or content[1] & 0x80))
    if not minimal or content[0] & 0x80:
        raise DerError
    return int.from_bytes(content)


def ia5(encoded: bytes) -> str:
    """An IA5String."""
    return whole(encoded, _IA5).content.decode("ascii")


def _oid(content: bytes) -> str:
    if not content or content[-1] & 0x80:
        raise DerError
    arcs, value = [], 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))


def _time(element: Element) -> dt.datetime:
    form = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}.get(element.tag)
    if form is None:
        raise DerError
    return dt.datetime.strptime(element.content.decode("ascii"), form).replace(tzinfo=dt.UTC)


def _common_name(name: Element) -> str:
    for relative in children(name):
        for attribute in children(relative):
            kind, value = children(attribute)
            if kind.tag == _OID and _oid(kind.content) == _COMMON_NAME:
                return value.content.decode("ascii")
    return ""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The fields of an X.509 certificate that AMD's chains need."""

    der: bytes
    signed: bytes
    serial: int
    issuer: str
    subject: str
    issuer_name: bytes
    subject_name: bytes
    not_before: dt.datetime
    not_after: dt.datetime
    public_key: bytes
    extensions: Mapping[str, bytes]
    signature: bytes


@lru_cache(maxsize=32)
def parse_certificate(der: bytes) -> Certificate:
    """Read a certificate.

    Args:
        der: The certificate in DER, and nothing else.

    Raises:
        DerError: If the bytes are not strict DER of an X.509 v3 certificate.
    """
    try:
        signed, _, signature = children(whole(der, _SEQUENCE))
        fields = children(signed)
        if fields[0].tag != _VERSION:
            raise DerError
        _, serial, _, issuer, validity, subject, key, *rest = fields
        begin, end = children(validity)
        extensions: dict[str, bytes] = {}
        for tagged in rest:
            if tagged.tag != _EXTENSIONS:
                raise DerError
            for extension in children(children(tagged)[0]):
                kind, *critical, value = children(extension)
                if [c.tag for c in critical] not in ([], [_BOOLEAN]) or value.tag != _OCTETS:
                    raise DerError
                name = _oid(kind.content)
                if name in extensions:
                    raise DerError
                extensions[name] = value.content
        if signature.tag != _BITS or signature.content[:1] != b"\0":
            raise DerError
        return Certificate(
            der=der,
            signed=signed.encoded,
            serial=unsigned(serial.encoded),
            issuer=_common_name(issuer),
            subject=_common_name(subject),
            issuer_name=issuer.encoded,
            subject_name=subject.encoded,
            not_before=_time(begin),
            not_after=_time(end),
            public_key=key.encoded,
            extensions=extensions,
            signature=signature.content[1:],
        )
    except (ValueError, IndexError):
        raise DerError from None
