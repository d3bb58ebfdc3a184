"""An Intel of our own: PCK chain, revocation lists, TCB info, QE identity, and TDX quotes.

Everything follows from labels and deterministic ECDSA, so nothing needs to be kept. Real parsing
and `dcap-qvl` run over it with `TrustedRoots(intel_sgx_der=root())`; the vendors' roots refuse it.
"""

import datetime as dt
import hashlib
import json
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

START, END = dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2034, 1, 1, tzinfo=dt.UTC)
FMSPC = bytes.fromhex("b0c06f000000")
QE_VENDOR = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
MR_SIGNER = bytes.fromhex("dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5")
REGISTERS = {name: bytes([n]) * 48 for n, name in enumerate(("mr_td", "rtmr1", "rtmr2"), 1)}
_SVN = bytes([5, 0, 2]) + bytes(13)
_SGX = "1.2.840.113741.1.13.1"
_ROOT, _PLATFORM = "Intel SGX Root CA", "Intel SGX PCK Platform CA"
_ECDSA = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)

# Where a field stands in the TD report body.
OFFSETS = {
    "tee_tcb_svn": 0,
    "mr_seam": 16,
    "mr_signer_seam": 64,
    "seam_attributes": 112,
    "td_attributes": 120,
    "mr_td": 136,
    "mr_config_id": 184,
    "rtmr1": 376,
    "rtmr2": 424,
    "rtmr3": 472,
    "report_data": 520,
    "tee_tcb_svn_2": 584,
}


@cache
def key(label: str) -> ec.EllipticCurvePrivateKey:
    """A P-256 key that follows from its label."""
    digest = hashlib.sha256(b"langchain-privacy test key " + label.encode()).digest()
    return ec.derive_private_key(int.from_bytes(digest) >> 1, ec.SECP256R1())


def _point(label: str) -> bytes:
    numbers = key(label).public_key().public_numbers()
    return numbers.x.to_bytes(32) + numbers.y.to_bytes(32)


@cache
def _sign(label: str, data: bytes) -> bytes:
    r, s = decode_dss_signature(key(label).sign(data, _ECDSA))
    return r.to_bytes(32) + s.to_bytes(32)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    head = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2)
    return bytes([tag]) + head + body


def _entry(arc: str, value: bytes) -> bytes:
    oid = [int(part) for part in f"{_SGX}{arc}".split(".")]
    out = bytes([oid[0] * 40 + oid[1]])
    for number in oid[2:]:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.insert(0, number & 0x7F | 0x80)
        out += bytes(digits)
    return _der(0x30, _der(6, out), value)


@cache
def _platform(fmspc: bytes) -> bytes:
    svns = [_entry(f".2.{n}", _der(2, bytes([2]))) for n in range(1, 17)]
    tcb = [*svns, _entry(".2.17", _der(2, bytes([11]))), _entry(".2.18", _der(4, bytes([2]) * 16))]
    return _der(
        0x30,
        _entry(".1", _der(4, bytes(16))),
        _entry(".2", _der(0x30, *tcb)),
        _entry(".3", _der(4, bytes(2))),
        _entry(".4", _der(4, fmspc)),
        _entry(".5", _der(10, b"\0")),
    )


@cache
def _certificate(
    subject: str,
    issuer: str,
    *,
    ca: bool = False,
    extra: bytes | None = None,
    signer: str = "",
    end: dt.datetime = END,
) -> x509.Certificate:
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key(subject).public_key())
        .serial_number(int.from_bytes(hashlib.sha256(subject.encode()).digest()[:8]) | 1)
        .not_valid_before(START)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not ca,
                key_cert_sign=ca,
                crl_sign=ca,
                encipher_only=False,
                decipher_only=False,
                **usage,
            ),
            critical=True,
        )
    )
    if extra is not None:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(_SGX), extra)
        builder = builder.add_extension(unknown, critical=False)
    return builder.sign(key(signer or issuer), hashes.SHA256(), ecdsa_deterministic=True)


def root() -> bytes:
    """The root in DER."""
    return _certificate(_ROOT, _ROOT, ca=True).public_bytes(Encoding.DER)


def _pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(c.public_bytes(Encoding.PEM) for c in certificates)


@cache
def _crl(issuer: str, revoked: tuple[str, ...], next_update: dt.datetime) -> str:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(_name(issuer))
        .last_update(START)
        .next_update(next_update)
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key(issuer).public_key()),
            critical=False,
        )
    )
    for subject in revoked:
        serial = int.from_bytes(hashlib.sha256(subject.encode()).digest()[:8]) | 1
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(START)
        builder = builder.add_revoked_certificate(entry.build())
    made = builder.sign(key(issuer), hashes.SHA256(), ecdsa_deterministic=True)
    return made.public_bytes(Encoding.DER).hex()


def _when(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def collateral(
    issued: dt.datetime,
    *,
    status: str = "UpToDate",
    advisories: tuple[str, ...] = (),
    fmspc: bytes = FMSPC,
    tdx_svn: int = 5,
    qe: dict[str, Any] | None = None,
    valid_days: int = 30,
    revoked: tuple[str, ...] = (),
    crl_until: dt.datetime = END,
    tcb_signer: str = "Intel SGX TCB Signing",
) -> str:
    """Collateral of the platform, in the form of dcap-qvl's `QuoteCollateralV3`."""
    dates = {
        "issueDate": _when(issued),
        "nextUpdate": _when(issued + dt.timedelta(days=valid_days)),
        "tcbEvaluationDataNumber": 17,
    }
    signer_free = {"mrsigner": "00" * 48, "attributes": "00" * 8, "attributesMask": "FF" * 8}
    tdx = [{"svn": n} for n in (tdx_svn, 0, 2, *[0] * 13)]
    level = {"sgxtcbcomponents": [{"svn": 2}] * 16, "pcesvn": 11, "tdxtcbcomponents": tdx}
    levels = [{"tcb": level, "tcbDate": _when(START), "tcbStatus": status}]
    if advisories:
        levels[0]["advisoryIDs"] = list(advisories)
    tcb = {
        "id": "TDX",
        "version": 3,
        **dates,
        "fmspc": fmspc.hex().upper(),
        "pceId": "0000",
        "tcbType": 0,
        "tdxModule": signer_free,
        "tdxModuleIdentities": [],
        "tcbLevels": levels,
    }
    identity = {
        "id": "TD_QE",
        "version": 2,
        **dates,
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": "11" + "00" * 15,
        "attributesMask": "FBFFFFFFFFFFFFFF" + "00" * 8,
        "mrsigner": MR_SIGNER.hex().upper(),
        "isvprodid": 2,
        "tcbLevels": [{"tcb": {"isvsvn": 4}, "tcbDate": _when(START), "tcbStatus": "UpToDate"}],
        **(qe or {}),
    }
    signing = "Intel SGX TCB Signing"
    statements = {name: json.dumps(v) for name, v in (("tcb_info", tcb), ("qe_identity", identity))}
    top = _certificate(_ROOT, _ROOT, ca=True)
    signers = _pem(_certificate(signing, _ROOT), top).decode()
    return json.dumps(
        {
            "pck_crl_issuer_chain": _pem(_certificate(_PLATFORM, _ROOT, ca=True), top).decode(),
            "root_ca_crl": _crl(_ROOT, (), crl_until),
            "pck_crl": _crl(_PLATFORM, tuple(revoked), crl_until),
            "tcb_info_issuer_chain": signers,
            "tcb_info": statements["tcb_info"],
            "tcb_info_signature": _sign(tcb_signer, statements["tcb_info"].encode()).hex(),
            "qe_identity_issuer_chain": signers,
            "qe_identity": statements["qe_identity"],
            "qe_identity_signature": _sign(signing, statements["qe_identity"].encode()).hex(),
        }
    )


def quote(
    changes: dict[str, bytes] | None = None,
    *,
    version: int = 4,
    tee_type: int = 0x81,
    claimed_version: int | None = None,
    root_key: str = "",
    qe_signer: bytes = MR_SIGNER,
    qe_svn: int = 4,
    signer: str = "attestation key",
) -> bytes:
    """A signed TDX quote.

    Args:
        changes: Values of fields in the TD report, by their names in `OFFSETS`.
        version: 4, or 5 with a TD 1.5 body.
        tee_type: What the header says the machine is.
        claimed_version: What the header says the version is.
        root_key: Label of another key that signs the platform's CA.
        qe_signer: Signer of the quoting enclave.
        qe_svn: Its security version.
        signer: Label of the key that signs the quote.
    """
    header = (claimed_version or version).to_bytes(2, "little") + b"\2\0"
    header += tee_type.to_bytes(4, "little") + bytes(4) + QE_VENDOR + bytes(20)
    body = bytearray(648 if version == 5 else 584)
    values = {
        "tee_tcb_svn": _SVN,
        "td_attributes": bytes.fromhex("0000001000000000"),
        **REGISTERS,
        **({"tee_tcb_svn_2": _SVN} if version == 5 else {}),
        **(changes or {}),
    }
    for name, value in values.items():
        body[OFFSETS[name] : OFFSETS[name] + len(value)] = value
    framed = bytes(body)
    if version == 5:
        framed = b"\3\0" + len(body).to_bytes(4, "little") + framed
    signed = header + framed
    own, authentication = _point("attestation key"), bytes(range(32))
    bound = hashlib.sha256(own + authentication).digest()
    qe = bytearray(384)
    for at, value in {
        48: bytes([0x11]),
        128: qe_signer,
        256: b"\2\0" + qe_svn.to_bytes(2, "little"),
        320: bound,
    }.items():
        qe[at : at + len(value)] = value
    chain = _pem(
        _certificate("Intel SGX PCK Certificate", _PLATFORM, extra=_platform(FMSPC)),
        _certificate(_PLATFORM, _ROOT, ca=True, signer=root_key),
        _certificate(_ROOT, _ROOT, ca=True),
    )
    certified = bytes(qe) + _sign("Intel SGX PCK Certificate", bytes(qe))
    certified += len(authentication).to_bytes(2, "little") + authentication
    certified += b"\5\0" + len(chain).to_bytes(4, "little") + chain
    data = _sign(signer, signed) + own
    data += b"\6\0" + len(certified).to_bytes(4, "little") + certified
    return signed + len(data).to_bytes(4, "little") + data
