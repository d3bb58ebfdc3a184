"""A Sigstore of our own: authority, certificate log and Rekor, which sign a bundle as the real do.

```python
log = SigstoreLog()
log.write_root(path)
bundle = log.bundle(statement("ab" * 48, "cd" * 48, "ef" * 48))
```
"""

import base64
import datetime as dt
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ISSUER = "https://token.actions.githubusercontent.com"
REPOSITORY, TAG, COMMIT = "example/enclave", "refs/tags/v1.2.3", "12" * 20
WORKFLOW = f"{REPOSITORY}/.github/workflows/release.yml"
_SCT = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_FULCIO = "1.3.6.1.4.1.57264.1."


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _spki(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _utf8(text: str) -> bytes:
    data = text.encode()
    assert len(data) < 128
    return b"\x0c" + bytes([len(data)]) + data


def statement(
    snp: str, rtmr1: str, rtmr2: str, *, kind: str = "snp-tdx-multiplatform/v1"
) -> dict[str, Any]:
    """What a build says it built, as Tinfoil's builds do."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "tinfoil-deployment.json", "digest": {"sha256": "34" * 32}}],
        "predicateType": f"https://tinfoil.sh/predicate/{kind}",
        "predicate": {
            "snp_measurement": snp,
            "tdx_measurement": {"rtmr1": rtmr1, "rtmr2": rtmr2},
        },
    }


class SigstoreLog:
    """The three services with keys of their own."""

    def __init__(self) -> None:
        self._ca, self._ct, self._rekor = (ec.generate_private_key(ec.SECP256R1()) for _ in "123")
        self.now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        self._root = (
            self._dated(_name("authority"), self._ca, days=365)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .sign(self._ca, SHA256())
        )

    def _dated(self, subject: x509.Name, key: Any, *, days: float) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_name("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - dt.timedelta(days=days / 2))
            .not_valid_after(self.now + dt.timedelta(days=days / 2))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._ca.public_key()), False
            )
        )

    def write_root(self, path: Path) -> Path:
        """Write `trusted_root.json`."""
        since = {"start": (self.now - dt.timedelta(days=400)).strftime("%Y-%m-%dT%H:%M:%SZ")}

        def log(key: Any) -> dict[str, Any]:
            return {
                "baseUrl": "https://log.example",
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": _b64(_spki(key)),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": since,
                },
                "logId": {"keyId": _b64(hashlib.sha256(_spki(key)).digest())},
            }

        root = _b64(self._root.public_bytes(Encoding.DER))
        authority = {
            "subject": {"organization": "example", "commonName": "authority"},
            "uri": "https://authority.example",
            "certChain": {"certificates": [{"rawBytes": root}]},
            "validFor": since,
        }
        content = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(self._rekor)],
            "ctlogs": [log(self._ct)],
            "certificateAuthorities": [authority],
            "timestampAuthorities": [],
        }
        path.write_text(json.dumps(content))
        return path

    def _certificate(self, key: Any, named: dict[str, str]) -> x509.Certificate:
        uri = f"https://github.com/{named['workflow']}@{named['ref']}"
        builder = (
            self._dated(x509.Name([]), key, days=1 / 144)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=True
            )
        )
        for number, value in {
            "8": named["issuer"],
            "11": named["runner"],
            "12": f"https://github.com/{named['repository']}",
            "13": COMMIT,
            "14": named["ref"],
        }.items():
            oid = x509.ObjectIdentifier(_FULCIO + number)
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, _utf8(value)), False)

        def stamped(data: bytes) -> x509.Certificate:
            sct = struct.pack("!H", len(data)) + data
            listed = struct.pack("!H", len(sct)) + sct
            extension = x509.UnrecognizedExtension(_SCT, b"\x04" + _der_length(listed) + listed)
            return builder.add_extension(extension, False).sign(self._ca, SHA256())

        at = int(self.now.timestamp() * 1000)
        head = b"\0" + hashlib.sha256(_spki(self._ct)).digest() + struct.pack("!QH", at, 0)
        signed = stamped(head + b"\x04\x03\0\x02ab").tbs_precertificate_bytes
        entry = hashlib.sha256(_spki(self._ca)).digest() + len(signed).to_bytes(3) + signed
        blob = struct.pack("!BBQH", 0, 0, at, 1) + entry + b"\0\0"
        signature = self._ct.sign(blob, ec.ECDSA(SHA256()))
        return stamped(head + b"\x04\x03" + struct.pack("!H", len(signature)) + signature)

    def bundle(self, content: Any, **changes: str) -> bytes:
        """A bundle about a statement.

        Args:
            content: The statement, as JSON or as bytes of whatever kind.
            changes: Of the identity: `issuer`, `repository`, `workflow`, `ref`, `runner`.
        """
        named = {
            "issuer": ISSUER,
            "repository": REPOSITORY,
            "workflow": WORKFLOW,
            "ref": TAG,
            "runner": "github-hosted",
            **changes,
        }
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._certificate(key, named)
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = "application/vnd.in-toto+json"
        pae = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
        signature = key.sign(pae, ec.ECDSA(SHA256()))
        body = json.dumps(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": {"algorithm": "sha256", "value": "00" * 32},
                    "payloadHash": {
                        "algorithm": "sha256",
                        "value": hashlib.sha256(payload).hexdigest(),
                    },
                    "signatures": [
                        {
                            "signature": _b64(signature),
                            "verifier": _b64(certificate.public_bytes(Encoding.PEM)),
                        }
                    ],
                },
            }
        ).encode()
        return json.dumps(
            {
                "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
                "verificationMaterial": {
                    "certificate": {"rawBytes": _b64(certificate.public_bytes(Encoding.DER))},
                    "tlogEntries": [self._logged(body)],
                },
                "dsseEnvelope": {
                    "payload": _b64(payload),
                    "payloadType": kind,
                    "signatures": [{"sig": _b64(signature)}],
                },
            }
        ).encode()

    def _logged(self, body: bytes) -> dict[str, Any]:
        """The entry of a log of two, the second of which is ours."""
        other = hashlib.sha256(b"\0another entry").digest()
        leaf = hashlib.sha256(b"\0" + body).digest()
        root = hashlib.sha256(b"\1" + other + leaf).digest()
        identity, at = hashlib.sha256(_spki(self._rekor)).digest(), int(self.now.timestamp())
        note = f"log.example\n2\n{_b64(root)}\n"
        stamp = identity[:4] + self._rekor.sign(note.encode(), ec.ECDSA(SHA256()))
        promised = json.dumps(
            {"body": _b64(body), "integratedTime": at, "logID": identity.hex(), "logIndex": 1},
            separators=(",", ":"),
        )
        promise = self._rekor.sign(promised.encode(), ec.ECDSA(SHA256()))
        return {
            "logIndex": "1",
            "logId": {"keyId": _b64(identity)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(at),
            "inclusionPromise": {"signedEntryTimestamp": _b64(promise)},
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": _b64(root),
                "treeSize": "2",
                "hashes": [_b64(other)],
                "checkpoint": {"envelope": f"{note}\n\u2014 log.example {_b64(stamp)}\n"},
            },
            "canonicalizedBody": _b64(body),
        }


def _usage(**on: bool) -> x509.KeyUsage:
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{**dict.fromkeys(names, False), **on})


def _der_length(data: bytes) -> bytes:
    return bytes([len(data)]) if len(data) < 128 else b"\x81" + bytes([len(data)])
