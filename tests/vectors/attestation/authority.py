"""Certificate authorities of our own, shaped like the vendors', for synthetic evidence.

Run `python -m tests.vectors.attestation.authority` to make new ones; RSA-PSS and the large keys are
random, so the result, `authority.json`, is kept. The keys in it protect nothing.
"""

import base64
import datetime as dt
import json
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

FILE = Path(__file__).with_name("authority.json")
START, END = dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2034, 1, 1, tzinfo=dt.UTC)
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA384()), salt_length=48)
_ARC = "1.3.6.1.4.1.3704.1."
CHIP_ID = bytes(range(64))
FWID = bytes(range(48))


def ec_key(label: str) -> ec.EllipticCurvePrivateKey:
    """A P-384 key that follows from its label."""
    import hashlib

    digest = hashlib.sha384(b"langchain-privacy test key " + label.encode()).digest()
    return ec.derive_private_key(int.from_bytes(digest) >> 1, ec.SECP384R1())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(subject: str, issuer: str, key, serial: int, end: dt.datetime = END):
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(START)
        .not_valid_after(end)
    )


def _integer(value: int) -> bytes:
    return bytes([2, 1, value]) if value < 128 else bytes([2, 2, 0, value])


def vcek(
    ask, issuer="SEV-Milan", *, subject="SEV-VCEK", product="Milan-B0", hwid=CHIP_ID, end=END
) -> bytes:
    builder = _builder(subject, issuer, ec_key("vcek").public_key(), 1, end)
    values = {"1": _integer(1), "2": bytes([0x16, len(product)]) + product.encode()}
    values |= {"3.1": _integer(4), "3.2": _integer(0), "3.3": _integer(22), "3.8": _integer(213)}
    if hwid is not None:
        values["4"] = hwid
    for arc, value in values.items():
        oid = x509.ObjectIdentifier(_ARC + arc)
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    return builder.sign(ask, hashes.SHA384(), rsa_padding=_PSS).public_bytes(Encoding.DER)


def _amd() -> dict[str, bytes]:
    ark, ask, other = (rsa.generate_private_key(65537, 4096) for _ in range(3))

    def root(key) -> x509.Certificate:
        builder = _builder("ARK-Milan", "ARK-Milan", key.public_key(), 0x10000)
        return builder.sign(key, hashes.SHA384(), rsa_padding=_PSS)

    def middle(subject: str, signer, serial: int) -> x509.Certificate:
        builder = _builder(subject, "ARK-Milan", ask.public_key(), serial)
        return builder.sign(signer, hashes.SHA384(), rsa_padding=_PSS)

    def crl(serials: list[int], next_update: dt.datetime = END, signer=ark) -> bytes:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(_name("ARK-Milan"))
            .last_update(START)
            .next_update(next_update)
        )
        for serial in serials:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(START)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(signer, hashes.SHA384(), rsa_padding=_PSS).public_bytes(Encoding.DER)

    der = {
        "ark": root(ark),
        "other_ark": root(other),
        "ask": middle("SEV-Milan", ark, 0x10001),
        "asvk": middle("SEV-VLEK-Milan", ark, 0x10101),
        "ask_of_other": middle("SEV-Milan", other, 0x10001),
    }
    soon = dt.datetime(2025, 2, 1, tzinfo=dt.UTC)
    return {
        **{name: c.public_bytes(Encoding.DER) for name, c in der.items()},
        "vcek": vcek(ask),
        "vcek_other_chip": vcek(ask, hwid=bytes(64)[:-1] + b"\1"),
        "vcek_short": vcek(ask, end=soon),
        "vcek_genoa": vcek(ask, product="Genoa-B1"),
        "vlek": vcek(ask, "SEV-VLEK-Milan", subject="SEV-VLEK", hwid=None),
        "crl": crl([]),
        "crl_revoked": crl([0x10001]),
        "crl_stale": crl([], soon),
        "crl_of_other": crl([], END, other),
    }


def _nvidia() -> dict[str, bytes]:
    names = ["NVIDIA Device Identity CA", "NVIDIA GH100 Identity", "ICA", "GH100 A01 GSP BROM"]

    def chain(
        leaf: str, serial: int, *, ca: bool = True, fwid: bytes = FWID, root_key: str = "root"
    ) -> bytes:
        keys = [ec_key(root_key), *(ec_key(n) for n in names[1:]), ec_key(f"gpu {serial}")]
        subjects = [*names, leaf]
        out = []
        for level, (subject, key) in enumerate(zip(subjects, keys, strict=True)):
            signer, issuer = keys[max(level - 1, 0)], subjects[max(level - 1, 0)]
            builder = _builder(
                subject, issuer, key.public_key(), serial if level == 4 else level + 1
            )
            if level < 4:
                basic = x509.BasicConstraints(ca=ca or level != 2, path_length=None)
                builder = builder.add_extension(basic, critical=True)
            else:
                extension = x509.UnrecognizedExtension(
                    x509.ObjectIdentifier("2.23.133.5.4.1"), b"\x30\x42head" + fwid
                )
                builder = builder.add_extension(extension, critical=False)
            made = builder.sign(signer, hashes.SHA384(), ecdsa_deterministic=True)
            out.insert(0, made.public_bytes(Encoding.PEM))
        return b"".join(out)

    leaf = "GH100 A01 GSP FMC LF"
    return {
        "chain_0": chain(leaf, 1000),
        "chain_1": chain(leaf, 1001),
        "chain_switch": chain("LS_10 A01 FSP FMC LF", 1002),
        "chain_not_ca": chain(leaf, 1003, ca=False),
        "chain_other_root": chain(leaf, 1004, root_key="other root"),
        "chain_other_fwid": chain(leaf, 1005, fwid=bytes(48)),
    }


def token_leaf(kind: str) -> str:
    """A certificate of the tokens' key in base64, `"current"` or `"expired"`."""
    end = END if kind == "current" else START + dt.timedelta(days=2)
    key = ec_key("token")
    made = _builder("NRAS", "NRAS", key.public_key(), 9, end).sign(
        key, hashes.SHA384(), ecdsa_deterministic=True
    )
    return base64.b64encode(made.public_bytes(Encoding.DER)).decode()


def make() -> None:
    """Write new authorities."""
    token = rsa.generate_private_key(65537, 2048)
    content = {
        "amd": _amd(),
        "nvidia": _nvidia(),
        "rsa": {
            "key": token.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
            "public": token.public_key().public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            ),
        },
    }
    text = {
        group: {name: base64.b64encode(value).decode() for name, value in values.items()}
        for group, values in content.items()
    }
    FILE.write_text(json.dumps(text, indent=1) + "\n")


def load() -> dict[str, dict[str, bytes]]:
    """The authorities that are kept."""
    return {
        group: {name: base64.b64decode(value) for name, value in values.items()}
        for group, values in json.loads(FILE.read_text()).items()
    }


if __name__ == "__main__":
    make()
