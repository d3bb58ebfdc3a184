"""Fuzz targets of what services and answers say: machines in roles, fleets, sealed answers, tables.

`fuzzing` holds the targets of evidence itself, and what runs them all.
"""

import base64
import contextlib
import datetime as dt
import hashlib
import json
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from langchain_privacy.secure import (
    AttestationPolicy,
    TdxEndorsements,
    TdxMeasurement,
    TdxPolicy,
    TrustedRoots,
    UnsafeMinionsAttestor,
    collateral,
)
from langchain_privacy.secure.adapters import NearAdapter, minions, verify_dstack_report
from langchain_privacy.secure.channel import exchange, field_sealing, sealed
from langchain_privacy.secure.channel.hpke import XWingPrivateKey
from langchain_privacy.secure.gateway.evidence import ConfigfsTsm
from langchain_privacy.secure.gateway.upstream import AnswerParser, UpstreamFailedError
from tests.support.field_services import application, compose_hash
from tests.vectors.attestation import authority, intel, tdx_cases

KEPT = authority.load()
NOW = dt.datetime.fromtimestamp(tdx_cases.NOW, dt.UTC)
ROOTS = TrustedRoots(intel_sgx_der=intel.root())
GIVEN = TdxEndorsements(collateral=tdx_cases.made_collateral({}))
IMAGE = {name: value.hex() for name, value in intel.REGISTERS.items()}
NONCE = bytes(32)
Run = Callable[[bytes], object]


def _build(name: str) -> TdxPolicy:
    return TdxPolicy(measurements=[TdxMeasurement(**IMAGE, compose_hash=compose_hash(name))])


def _machine(name: str, address: bytes, **more: Any) -> dict[str, Any]:
    """What a dstack machine says about itself, bound to its address and to our nonce."""
    registers, members = application(name)
    quote = intel.quote({"report_data": address + NONCE, **registers})
    common = {"signing_algo": "ed25519", "tls_cert_fingerprint": None, **members}
    return {**common, "intel_quote": quote.hex(), "signing_address": address.hex(), **more}


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()


def _near(data: bytes) -> object:
    policy = AttestationPolicy(
        roles={"near-gateway": _build("gateway"), "near-model": _build("model")},
        profile="near-ed25519-v2",
        require_tls_binding=True,
    )
    adapter = NearAdapter("m", GIVEN, accept_unbound_fields=True)
    return adapter.verify(data, NONCE, policy, NOW, roots=ROOTS)


def _dstack(data: bytes) -> object:
    return verify_dstack_report(data, GIVEN, _build("model"), NOW, nonce=NONCE, roots=ROOTS)


# --- Minions ---


@cache
def _attestor() -> ec.EllipticCurvePrivateKey:
    # Always the same one, so that what was kept is signed by it.
    return ec.derive_private_key(17, ec.SECP384R1())


def _minions_parts() -> tuple[dict[str, Any], dict[str, Any]]:
    """The document without its report, and the report."""
    key = _attestor().public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def digest(data: bytes) -> str:
        return base64.b64encode(hashlib.sha256(data).digest()).decode()

    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    document = {"report": {}, "public_key_worker": pem, "gpu_eat": "{}", "nonce_b64": ""}
    report = {
        "agent_name": "x",
        "pubkey_hash": digest(spki),
        "snp_attestation_token": "",
        "gpu_eat_hash": digest(b"{}"),
        "tls_pubkey_hash": digest(b"tls"),
        "nonce": "",
        "timestamp": NOW.timestamp(),
    }
    return document, report


def _minions_document(report: bytes) -> bytes:
    """A document whose signature holds, whatever its report says."""
    text = report.decode("utf-8", "replace")
    signature = _attestor().sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    encoded = base64.b64encode(signature).decode()
    return _json({**_minions_parts()[0], "report_json": text, "signature": encoded})


def _minions(document: bytes) -> object:
    key = _attestor().public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    accepted = UnsafeMinionsAttestor(attestors=[hashlib.sha256(spki).hexdigest()])
    policy = AttestationPolicy(require=[accepted], allow_unsafe=True)
    return minions.verify_minions_report(
        document, _attestor().public_key(), policy, NOW, tls_spki_sha256=None
    )


def _minions_answer(data: bytes) -> object:
    return minions._Conversation(_attestor().public_key()).answer(data)


# --- sealed exchanges ---


@cache
def _machines() -> tuple[XWingPrivateKey, XWingPrivateKey]:
    return XWingPrivateKey(), XWingPrivateKey()


def _request(data: bytes) -> None:
    """What a gateway does with the body of a sealed request."""
    size = sealed.prefix_size(data)
    entries, nonce = sealed.read_prefix(data[:size])
    for entry in entries:
        # As the ring does; a key that nobody has is one that mutation made, and taken for ours.
        named = {sealed.key_id(key.public_bytes): key for key in _machines()}
        private = named.get(entry.key_id, _machines()[0])
        session = sealed.open_session(private, entry.enc, entry.wrapped)
        opener = sealed.RequestOpener(session, nonce)
        for plaintext in opener.feed(data[size:]):
            sealed.parse_request_head(plaintext)
        opener.finish()


def _sealed_request(*keys: XWingPrivateKey) -> bytes:
    sealer = sealed.RequestSealer(*(key.public_bytes for key in keys))
    head = sealed.dump_head(sealed.RequestHead("POST", "/v1", [("a", "b")]))
    return sealer.prefix + sealer.seal(head, final=True)


@cache
def _exchange() -> tuple[sealed.RequestSealer, bytes]:
    """A request under way, and its answer."""
    sealer = sealed.RequestSealer(_machines()[0].public_bytes)
    session = sealed.open_session(_machines()[0], sealer._session.enc)
    answer = sealed.RequestOpener(session, sealer.nonce).sealer()
    head = answer.seal(sealed.dump_head(sealed.ResponseHead(200, [("a", "b")])))
    return sealer, answer.nonce + head + answer.seal(b"words", final=True)


def _sealed_answer(data: bytes) -> None:
    answer = exchange.SealedAnswer(_exchange()[0].opener, 10**6)
    list(answer.feed(data))
    answer.finish()


def _problem(data: bytes) -> None:
    headers = [("content-type", "application/problem+json")]
    exchange._problem_type(headers, data)


def _fields(data: bytes) -> None:
    """An answer whose fields are sealed, of either cipher, whole and as events."""
    near = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()
    curve = bytes([9]) + bytes(31)
    for cipher in (field_sealing.NearCipher(near), field_sealing.AciCipher(curve)):
        for kind in ("application/json", "text/event-stream"):
            answer = field_sealing.FieldsAnswer(cipher, "m", [("content-type", kind)], limit=10**6)
            with contextlib.suppress(exchange.ChannelError):
                list(answer.feed(data))
                list(answer.finish())


def _upstream(data: bytes) -> None:
    """What a model server sends; the parser's own refusal becomes 502."""
    parser = AnswerParser()
    with contextlib.suppress(UpstreamFailedError):
        parser.feed(data)
        parser.feed(b"")


# --- tables and services ---


def _table() -> bytes:
    """A certificate table as a host hands it through."""
    guids = (ConfigfsTsm._VCEK, ConfigfsTsm._ASK, ConfigfsTsm._ARK)
    parts = [KEPT["amd"][name] for name in ("vcek", "ask", "ark")]
    offset, head = 24 * (len(parts) + 1), b""
    for guid, part in zip(guids, parts, strict=True):
        head += guid.bytes_le + struct.pack("<II", offset, len(part))
        offset += len(part)
    return head + bytes(24) + b"".join(parts)


def manifest() -> bytes:
    """A reference manifest whose chain holds and whose signature does not."""
    chain = x509.load_pem_x509_certificates(KEPT["nvidia"]["chain_0"])
    nodes = "".join(
        f"<X509Certificate>{base64.b64encode(c.public_bytes(Encoding.DER)).decode()}"
        "</X509Certificate>"
        for c in chain
    )
    method = "http://www.w3.org/2001/04/xmldsig-more#"
    return (
        '<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd">'
        '<Meta colloquialVersion="550.90.07"/><Payload><Resource type="Measurement" index="1" '
        'active="True" alternatives="1"/></Payload>'
        '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>'
        '<CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>'
        f'<SignatureMethod Algorithm="{method}ecdsa-sha384"/><Reference URI=""><Transforms>'
        '<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>'
        f'</Transforms><DigestMethod Algorithm="{method}sha384"/><DigestValue>AAAA</DigestValue>'
        "</Reference></SignedInfo><SignatureValue>AAAA</SignatureValue><KeyInfo><X509Data>"
        f"{nodes}</X509Data></KeyInfo></Signature></SoftwareIdentity>"
    ).encode()


def parsers() -> dict[str, tuple[Run, tuple[bytes, ...]]]:
    """Each parser by name: what takes the bytes, and its seeds."""
    model, gateway = bytes(range(32)), bytes(range(1, 33))
    devices = json.dumps({"evidence_list": [{"evidence": "AAAA", "certificate": "AAAA"}]})
    machine = _machine("model", model, signing_public_key=model.hex())
    with_gpus = {**machine, "nvidia_payload": devices}
    near = [
        {"gateway_attestation": _machine("gateway", gateway), "model_attestations": [member]}
        for member in (machine, with_gpus)
    ]
    report = _json(_minions_parts()[1])
    document = _minions_document(report)
    quote = intel.quote({"report_data": bytes(64)})
    text = {"content": "00" * 80, "role": "assistant"}
    choices = [[{"index": 0, part: text}] for part in ("message", "delta")]
    answers = [_json({"id": "x", "model": "m", "choices": choice}) for choice in choices]
    events = b"data: " + answers[1] + b"\n\ndata: [DONE]\n\n"
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    counted = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
    one, other = _machines()
    return {
        "near": (_near, tuple(map(_json, near))),
        "dstack": (_dstack, (_json(machine), _json(with_gpus))),
        "minions": (_minions, (document,)),
        "minions_report": (lambda d: _minions(_minions_document(d)), (report,)),
        "minions_answer": (
            _minions_answer,
            (_json({"nonce": 2000, "iv": "AAAA", "ciphertext": "AAAA", "signature": "AAAA"}),),
        ),
        "sealed_request": (_request, (_sealed_request(one), _sealed_request(one, other))),
        "sealed_answer": (_sealed_answer, (_exchange()[1],)),
        "problem": (_problem, (_json({"type": sealed.KEY_MISMATCH, "status": 422}),)),
        "fields": (_fields, (*answers, events)),
        "upstream": (_upstream, (chunked, counted)),
        "snp_table": (ConfigfsTsm._certificates, (_table(),)),
        "intel_answer": (
            lambda d: collateral._signed(d, "tcbInfo", "tcb_info"),
            (b'{"tcbInfo":{"id":"TDX","version":3},"signature":"00"}',),
        ),
        "intel_platform": (collateral._platform, (quote,)),
        "gpu_questions": (collateral._questions, (KEPT["nvidia"]["chain_0"],)),
    }
