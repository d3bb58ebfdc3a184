"""HPKE, EHBP and our profile: against other implementations, and against tampering."""

import json

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from ehbp.derive import FrameDecryptor, derive_response_keys
from ehbp.derive import encrypt_chunk as peer_encrypt
from ehbp.derive import frame_chunk as peer_frame
from ehbp.identity import ServerIdentity
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_privacy.errors import ChannelError
from langchain_privacy.secure.channel import ehbp, sealed
from langchain_privacy.secure.channel.ehbp import Completeness
from langchain_privacy.secure.channel.hpke import (
    Context,
    X25519PrivateKey,
    XWingPrivateKey,
    encapsulate,
    exported_sequence,
    hkdf_expand,
    hkdf_extract,
)
from langchain_privacy.secure.channel.sealed import FRAME, MAX_FRAME
from tests.support.paths import shared_vectors

KDF, AEAD = hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM


def _theirs(key: X25519PrivateKey | XWingPrivateKey):
    """The same private key for `cryptography`'s own HPKE."""
    if isinstance(key, X25519PrivateKey):
        return key._key, hpke.Suite(hpke.KEM.X25519, KDF, AEAD), 32
    private = hpke.MLKEM768X25519PrivateKey(key._lattice, key._curve)
    return private, hpke.Suite(hpke.KEM.MLKEM768_X25519, KDF, AEAD), 1120


@pytest.mark.parametrize("kind", [X25519PrivateKey, XWingPrivateKey])
def test_hpke_opens_what_cryptography_seals(kind) -> None:
    key = kind()
    private, suite, size = _theirs(key)
    blob = suite.encrypt(b"from them", private.public_key(), info=b"info")
    context = Context(key.kem_id, key.decapsulate(blob[:size]), b"info")
    assert context.open(blob[size:]) == b"from them"


@pytest.mark.parametrize("kind", [X25519PrivateKey, XWingPrivateKey])
def test_cryptography_opens_what_hpke_seals(kind) -> None:
    key = kind()
    private, suite, _ = _theirs(key)
    secret, enc = encapsulate(key.kem_id, key.public_bytes)
    message = enc + Context(key.kem_id, secret, b"info").seal(b"from us")
    assert suite.decrypt(message, private, info=b"info") == b"from us"
    with pytest.raises(InvalidTag):
        suite.decrypt(message, private, info=b"other")


@pytest.mark.parametrize("kind", [X25519PrivateKey, XWingPrivateKey])
def test_hpke_contexts_agree_over_many_messages_and_exports(kind) -> None:
    key = kind()
    secret, enc = encapsulate(key.kem_id, key.public_bytes)
    sender = Context(key.kem_id, secret, b"info")
    receiver = Context(key.kem_id, key.decapsulate(enc), b"info")
    for index in range(300):
        message = str(index).encode()
        assert receiver.open(sender.seal(message, b"aad"), b"aad") == message
    assert sender.export(b"label", 48) == receiver.export(b"label", 48)
    assert sender.export(b"label", 32) != sender.export(b"other", 32)


def test_low_order_and_malformed_keys_are_refused() -> None:
    for point in (bytes(32), b"\1" + bytes(31)):
        with pytest.raises(ChannelError):
            encapsulate(0x20, point)
        with pytest.raises(ChannelError):
            X25519PrivateKey().decapsulate(point)
        with pytest.raises(ChannelError):
            XWingPrivateKey().decapsulate(bytes(1088) + point)
    for kem, size in ((0x20, 31), (0x647A, 1215), (0x647A, 32), (0x20, 1216), (0x10, 32)):
        with pytest.raises(ChannelError):
            encapsulate(kem, bytes(size))
    with pytest.raises(ChannelError):
        XWingPrivateKey().decapsulate(bytes(1119))


# --- EHBP against the published vectors and Tinfoil's client ---


def _vector(name: str) -> dict[str, bytes]:
    content = json.loads(shared_vectors(f"ehbp/{name}.json").read_text())
    return {key: bytes.fromhex(value) for key, value in content.items()}


def test_ehbp_published_derivation() -> None:
    v = _vector("derive")
    prk = hkdf_extract(v["requestEnc"] + v["responseNonce"], v["exportedSecret"])
    assert hkdf_expand(prk, b"key", 32) == v["derivedKey"]
    assert hkdf_expand(prk, b"nonce", 12) == v["derivedNonceBase"]


def test_ehbp_published_response() -> None:
    v = _vector("response-decryption")
    sequence = exported_sequence(v["exportedSecret"], v["requestEnc"], v["responseNonce"])
    opener = ehbp.Opener(sequence)
    assert b"".join(opener.feed(v["encryptedResponse"])) == v["plaintext"]
    opener.finish()


def test_ehbp_published_recovery_token() -> None:
    v = _vector("session-recovery-token")
    assert (len(v["exportedSecret"]), len(v["requestEnc"])) == (32, 32)


def test_ehbp_peer_client_to_our_server_and_back() -> None:
    key = X25519PrivateKey()
    peer = ServerIdentity.unmarshal_public_config(ehbp.key_config(key.public_bytes))
    body = b"x" * 200_000
    request = peer.encrypt_request_body(body)
    server = ehbp.RequestOpener(key, request.encapsulated_key)
    assert b"".join(server.feed(request.body)) == body
    server.finish()
    sealer = server.sealer()
    material = derive_response_keys(
        request.token.exported_secret, request.token.request_enc, sealer.nonce
    )
    peer_opener = FrameDecryptor(material)
    wire = sealer.seal(b"one") + sealer.seal(b"") + sealer.seal(b"y" * 200_000)
    assert b"".join(peer_opener.push(wire)) == b"one" + b"y" * 200_000
    peer_opener.finish()


def test_ehbp_our_client_to_peer_server_and_back() -> None:
    from pyhpke import AEADId, CipherSuite, KDFId, KEMId

    key = X25519PrivateKey()
    suite = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM)
    private = suite.kem.deserialize_private_key(key._key.private_bytes_raw())
    client = ehbp.RequestSealer(key.public_bytes)
    frames = list(client.seal(b"a")) + list(client.seal(b"b" * (FRAME + 1)))
    recipient = suite.create_recipient_context(client.enc, private, info=b"ehbp request")
    assert b"".join(recipient.open(frame[4:], b"") for frame in frames) == b"a" + b"b" * (FRAME + 1)
    nonce = bytes(range(32))
    exported = recipient.export(b"ehbp response", 32)
    material = derive_response_keys(exported, client.enc, nonce)
    wire = b"".join(
        peer_frame(peer_encrypt(material, i, chunk)) for i, chunk in enumerate([b"p", b"q"])
    )
    opener = client.opener(nonce)
    assert b"".join(opener.feed(wire)) == b"pq"


def test_ehbp_key_config_is_the_published_41_bytes() -> None:
    key = X25519PrivateKey()
    config = ehbp.key_config(key.public_bytes)
    assert len(config) == 41
    assert config == ServerIdentity(key.public_bytes).marshal_public_config()
    assert ehbp.parse_key_config(config) == key.public_bytes
    for bad in (config[:-1], config + b"\0", b"\1" + config[1:], config[:-1] + b"\1"):
        with pytest.raises(ChannelError):
            ehbp.parse_key_config(bad)


@pytest.mark.parametrize(
    "value", ["AB" * 32, "ab" * 31, "ab" * 33, "", "zz" * 32, "ab" * 32 + "\n"]
)
def test_ehbp_header_form(value: str) -> None:
    with pytest.raises(ChannelError):
        ehbp.header_bytes(value)


# --- Our profile ---


def _opened(key: XWingPrivateKey, prefix: bytes) -> sealed.RequestOpener:
    [entry], nonce = sealed.read_prefix(prefix)
    return sealed.RequestOpener(sealed.open_session(key, entry.enc), nonce)


def _exchange() -> tuple[sealed.RequestSealer, sealed.RequestOpener, list[bytes]]:
    key = XWingPrivateKey()
    client = sealed.RequestSealer(key.public_bytes)
    return client, _opened(key, client.prefix), []


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(1, 97))
def test_sealed_round_trip_in_any_pieces(parts: list[bytes], step: int) -> None:
    client, server, _ = _exchange()
    wire = b"".join(client.seal(part) for part in parts) + client.seal(b"", final=True)
    out = []
    for at in range(0, len(wire), step):
        out += list(server.feed(wire[at : at + step]))
    server.finish()
    assert b"".join(out) == b"".join(parts)
    sealer = server.sealer()
    opener = client.opener(sealer.nonce)
    assert list(opener.feed(sealer.seal(b"answer", final=True))) == [b"answer"]
    opener.finish()


def _frames() -> tuple[sealed.Opener, list[bytes]]:
    client, server, _ = _exchange()
    sealer = server.sealer()
    frames = [sealer.seal(b"one"), sealer.seal(b"two"), sealer.seal(b"three", final=True)]
    return client.opener(sealer.nonce), frames


TAMPERED = {
    "reordered": lambda f: f[1] + f[0] + f[2],
    "dropped": lambda f: f[0] + f[2],
    "duplicated": lambda f: f[0] + f[0] + f[1] + f[2],
    "truncated_before_the_last_frame": lambda f: f[0] + f[1],
    "truncated_inside_a_frame": lambda f: (f[0] + f[1] + f[2])[:-1],
    "empty": lambda f: b"",
    "final_flag_moved": lambda f: f[0] + bytes([f[1][0] | 0x80]) + f[1][1:],
    "final_flag_removed": lambda f: f[0] + f[1] + bytes([f[2][0] & 0x7F]) + f[2][1:],
    "frame_after_the_last": lambda f: f[0] + f[1] + f[2] + f[2],
    "oversized_frame": lambda f: (MAX_FRAME + 1).to_bytes(4) + f[0],
    "short_frame": lambda f: b"\0\0\0\1x" + f[0],
}


@pytest.mark.parametrize("name", TAMPERED)
def test_sealed_tampering_is_refused(name: str) -> None:
    opener, frames = _frames()
    wire = TAMPERED[name](frames)
    with pytest.raises(ChannelError):
        list(opener.feed(wire))
        opener.finish()


def test_sealed_every_bit_of_an_answer_counts() -> None:
    client, server, _ = _exchange()
    sealer = server.sealer()
    wire = sealer.seal(b"one") + sealer.seal(b"two", final=True)
    for position in range(len(wire) * 8):
        changed = bytearray(wire)
        changed[position // 8] ^= 1 << position % 8
        opener = client.opener(sealer.nonce)
        with pytest.raises(ChannelError):
            list(opener.feed(bytes(changed)))
            opener.finish()


def test_sealed_answer_to_another_request_is_refused() -> None:
    key = XWingPrivateKey()
    first, second = (sealed.RequestSealer(key.public_bytes) for _ in range(2))
    sealer = _opened(key, second.prefix).sealer()
    with pytest.raises(ChannelError):
        list(first.opener(sealer.nonce).feed(sealer.seal(b"x", final=True)))


def test_requests_of_one_session_have_keys_of_their_own() -> None:
    key = XWingPrivateKey()
    first, second = (sealed.RequestSealer(key.public_bytes) for _ in range(2))
    ([entry], nonce), ([again], other) = map(sealed.read_prefix, (first.prefix, second.prefix))
    assert entry == again
    assert nonce != other
    wire = first.seal(b"one", final=True)
    assert wire != second.seal(b"one", final=True)
    assert list(_opened(key, first.prefix).feed(wire)) == [b"one"]
    with pytest.raises(ChannelError):
        list(_opened(key, second.prefix).feed(wire))
    with pytest.raises(ChannelError):  # nor do answers open requests, under the same nonce
        list(first.opener(nonce).feed(wire))


def test_a_session_ends(monkeypatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(sealed.time, "monotonic", lambda: now[0])
    public = XWingPrivateKey().public_bytes
    first = sealed.read_prefix(sealed.RequestSealer(public).prefix)[0]
    now[0] += sealed.SESSION_SECONDS - 1
    assert sealed.read_prefix(sealed.RequestSealer(public).prefix)[0] == first
    now[0] += 1
    assert sealed.read_prefix(sealed.RequestSealer(public).prefix)[0] != first


def test_sessions_show_no_secret() -> None:
    session = sealed.RequestSealer(XWingPrivateKey().public_bytes)._session
    assert session.request.hex() not in repr(session)
    assert repr(session.request) not in repr(session)
    assert repr(session.response) not in repr(session)


@pytest.mark.parametrize("change", [lambda p: p[:-1], lambda p: p + b"x", lambda p: b"LP2" + p[3:]])
def test_a_malformed_prefix_is_refused(change) -> None:
    prefix = sealed.RequestSealer(XWingPrivateKey().public_bytes).prefix
    with pytest.raises(ChannelError):
        sealed.read_prefix(change(prefix))


@pytest.mark.parametrize(
    "head",
    [
        b"{}",
        b"[]",
        b'{"method":"GET","path":"/","headers":[],"more":1}',
        b'{"method":"GET","method":"GET","path":"/","headers":[]}',
        b'{"method":"GET","path":"http://evil/","headers":[]}',
        b'{"method":"GET","path":"/a b","headers":[]}',
        b'{"method":"G T","path":"/","headers":[]}',
        b'{"method":"GET","path":"/","headers":[["a","b\\r\\nc: d"]]}',
        b'{"method":"GET","path":"/","headers":{"a":"b"}}',
    ],
)
def test_sealed_request_head_is_strict(head: bytes) -> None:
    with pytest.raises(ChannelError):
        sealed.parse_request_head(head)


@pytest.mark.parametrize("status", [b"100", b"600", b'"200"', b"true", b"null"])
def test_sealed_response_head_is_strict(status: bytes) -> None:
    with pytest.raises(ChannelError):
        sealed.parse_response_head(b'{"status":' + status + b',"headers":[]}')


# --- Completeness of EHBP bodies ---


@pytest.mark.parametrize(
    ("kind", "body", "whole"),
    [
        ("application/json", b'{"a": 1}', True),
        ("application/json; charset=utf-8", b'{"a": 1}\n', True),
        ("application/json", b'{"a": ', False),
        ("application/json", b"", False),
        ("text/event-stream", b'data: {"a": 1}\n\ndata: [DONE]\n\n', True),
        ("text/event-stream", b'data: {"a": 1}\n\n', False),
        ("text/event-stream", b'data: {"a": "data: [DONE]', False),
        ("application/x-ndjson", b'{"done": false}\n{"done": true}\n', True),
        ("application/x-ndjson", b'{"done": false}\n', False),
    ],
)
def test_completeness(kind: str, body: bytes, whole: bool) -> None:
    watcher = Completeness(kind, max_buffer=10_000)
    watcher.feed(body)
    if whole:
        watcher.finish()
    else:
        with pytest.raises(ChannelError, match="incomplete"):
            watcher.finish()


@pytest.mark.parametrize("kind", ["text/plain", "", "application/octet-stream"])
def test_completeness_of_unknown_content_is_refused(kind: str) -> None:
    with pytest.raises(ChannelError):
        Completeness(kind, max_buffer=10)


def test_completeness_bounds_memory() -> None:
    watcher = Completeness("application/json", max_buffer=100)
    with pytest.raises(ChannelError, match="too large"):
        watcher.feed(b"x" * 101)
    stream = Completeness("text/event-stream", max_buffer=100)
    for _ in range(100):
        stream.feed(b"data: x\n\n" * 1000)
    assert len(stream._seen) <= 70_000
