"""`UnsafeMinionsServer` against a small server that speaks the published protocol."""

import asyncio
import base64
import datetime as dt
import hashlib
import json
import os
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from langchain_privacy.errors import (
    AttestationError,
    ChannelError,
    ConfigurationError,
    EvidenceExpiredError,
    EvidenceInvalidError,
    PolicyMismatchError,
)
from langchain_privacy.secure import (
    AttestationPolicy,
    SevSnpPolicy,
    UnsafeMinionsAttestor,
    UnsafePolicyWarning,
    UnsafeSimulatedTee,
)
from langchain_privacy.secure.adapters import UnsafeMinionsServer, verify_minions_report
from tests.support.http import Recorded, RecordingServer, Reply

ECDSA = ec.ECDSA(hashes.SHA256())
MESSAGES = [{"role": "user", "content": "private words"}]
TLS = hashlib.sha256(b"tls key").digest()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _pem(key: Any) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _digest(key: Any) -> bytes:
    return hashlib.sha256(
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).digest()


class Worker:
    """The server's side as its source has it; `changes` spoil one thing each."""

    def __init__(self) -> None:
        self.key, self.attestor = (ec.generate_private_key(ec.SECP384R1()) for _ in range(2))
        self.counts: dict[str, int] = {}
        self.read: list[Any] = []
        self.report: dict[str, Any] = {}
        self.outer: dict[str, Any] = {}
        self.spoil = lambda payload: payload
        self.status = 200

    def document(self) -> bytes:
        nonce, gpu = os.urandom(32), json.dumps({"platform_token": "x", "gpu_token": {}})
        report = {
            "agent_name": "remote-worker",
            "pubkey_hash": _b64(_digest(self.attestor.public_key())),
            "snp_attestation_token": "token",
            "gpu_eat_hash": _b64(hashlib.sha256(gpu.encode()).digest()),
            "tls_pubkey_hash": _b64(TLS),
            "nonce": _b64(nonce),
            "timestamp": time.time(),
            **self.report,
        }
        text = json.dumps(report, separators=(",", ":"))
        document = {
            "report": report,
            "report_json": text,
            "signature": _b64(self.attestor.sign(text.encode(), ECDSA)),
            "public_key_worker": _pem(self.key.public_key()),
            "gpu_eat": gpu,
            "nonce_b64": _b64(nonce),
            **self.outer,
        }
        return json.dumps(document).encode()

    def __call__(self, request: Recorded) -> Reply:
        if request.path == "/attestation":
            return Reply(body=self.document())
        if self.status != 200:
            return Reply(status=self.status, body=b"private words in an error page")
        content = request.json
        peer = load_pem_public_key(content["peer_public_key"].encode())
        payload = content["payload"]
        iv, sealed, signature = (
            base64.b64decode(payload[n]) for n in ("iv", "ciphertext", "signature")
        )
        peer.verify(signature, payload["nonce"].to_bytes(8) + iv + sealed, ECDSA)
        secret = self.key.exchange(ec.ECDH(), peer)
        aead = AESGCM(HKDF(hashes.SHA256(), 32, None, b"handshake data").derive(secret))
        messages = json.loads(aead.decrypt(iv, sealed, None))
        self.read.append(messages)
        nonce = self.counts.setdefault(content["peer_public_key"], 3000)
        self.counts[content["peer_public_key"]] += 1
        iv = os.urandom(12)
        ciphertext = aead.encrypt(iv, f"echo {messages[-1]['content']}".encode(), None)
        answer = {
            "nonce": nonce,
            "iv": _b64(iv),
            "ciphertext": _b64(ciphertext),
            "signature": _b64(self.key.sign(nonce.to_bytes(8) + iv + ciphertext, ECDSA)),
        }
        return Reply(body=json.dumps(self.spoil(answer)).encode())

    @property
    def policy(self) -> AttestationPolicy:
        listed = [_digest(self.attestor.public_key()).hex()]
        return AttestationPolicy(
            require=[UnsafeMinionsAttestor(attestors=listed)], allow_unsafe=True
        )

    def client(self, url: str, policy: AttestationPolicy | None = None) -> UnsafeMinionsServer:
        pem = _pem(self.attestor.public_key())
        return UnsafeMinionsServer(url, pem, policy or self.policy)


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_messages_are_sealed_and_each_use_warns(worker) -> None:
    with RecordingServer(worker) as server:
        client = worker.client(server.url)
        for _ in range(2):
            with pytest.warns(UnsafePolicyWarning, match="binds no machine"):
                assert client.chat(MESSAGES) == "echo private words"
        with pytest.warns(UnsafePolicyWarning):
            assert asyncio.run(client.achat(MESSAGES)) == "echo private words"
        assert worker.read == [MESSAGES] * 3
        assert b"private words" not in b"".join(r.body for r in server.requests)
        keys = [r.json["peer_public_key"] for r in server.requests if r.path == "/message"]
        assert len(set(keys)) == 3  # a key pair of its own for each call
    skipped = {c.name for c in client.report.skipped}
    assert {"nonce", "channel_key", "machine", "gpus"} <= skipped


@pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")
@pytest.mark.parametrize(
    "policy",
    [
        AttestationPolicy(require=[SevSnpPolicy(measurements=["ab" * 48])]),
        AttestationPolicy(require=[UnsafeSimulatedTee()], allow_unsafe=True),
        AttestationPolicy(
            require=[UnsafeMinionsAttestor(attestors=["ab" * 32])], allow_unsafe=True
        ),
    ],
)
def test_other_policies_refuse_before_anything_is_sent(worker, policy) -> None:
    with RecordingServer(worker) as server:
        with pytest.raises(PolicyMismatchError):
            worker.client(server.url, policy).chat(MESSAGES)
        assert [r.path for r in server.requests] == ["/attestation"]


def test_unsafe_must_be_allowed_and_https_used(worker) -> None:
    with pytest.raises(ConfigurationError, match="allow_unsafe"):
        AttestationPolicy(require=[UnsafeMinionsAttestor(attestors=["ab" * 32])])
    with pytest.raises(ConfigurationError, match="https"):
        worker.client("http://minions.example.com")
    with pytest.raises(ConfigurationError, match="P-384"):
        UnsafeMinionsServer("https://minions.example.com", "no key", worker.policy)


REPORTS = {
    "another_signer": ({"pubkey_hash": _b64(bytes(32))}, {}, EvidenceInvalidError),
    "other_gpu_tokens": ({"gpu_eat_hash": _b64(bytes(32))}, {}, EvidenceInvalidError),
    "old": ({"timestamp": 1.0}, {}, EvidenceExpiredError),
    "from_the_future": ({"timestamp": 9e9}, {}, EvidenceExpiredError),
    "timestamp_is_text": ({"timestamp": "now"}, {}, EvidenceInvalidError),
    "unknown_member": ({"more": 1}, {}, EvidenceInvalidError),
    "unsigned": ({}, {"signature": _b64(b"x")}, EvidenceInvalidError),
    "key_is_no_key": ({}, {"public_key_worker": "PEM"}, EvidenceInvalidError),
    "key_of_another_curve": (
        {},
        {"public_key_worker": _pem(ec.generate_private_key(ec.SECP256R1()).public_key())},
        EvidenceInvalidError,
    ),
}


@pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")
@pytest.mark.parametrize("name", REPORTS)
def test_bad_reports_are_refused(worker, name) -> None:
    worker.report, worker.outer, error = REPORTS[name]
    with RecordingServer(worker) as server:
        with pytest.raises(AttestationError) as refused:
            worker.client(server.url).chat(MESSAGES)
        assert type(refused.value) is error
        assert [r.path for r in server.requests] == ["/attestation"]


def _resigned(worker: Worker, payload: dict[str, Any], **changes: Any) -> dict[str, Any]:
    payload = {**payload, **changes}
    data = payload["nonce"].to_bytes(8) + base64.b64decode(payload["iv"])
    signature = worker.key.sign(data + base64.b64decode(payload["ciphertext"]), ECDSA)
    return {**payload, "signature": _b64(signature)}


ANSWERS = {
    "signed_by_another": lambda w, p: {**p, "signature": _b64(w.attestor.sign(b"x", ECDSA))},
    "ciphertext_changed": lambda w, p: {**p, "ciphertext": _b64(bytes(32))},
    "signed_but_does_not_open": lambda w, p: _resigned(w, p, ciphertext=_b64(bytes(32))),
    "replayed_counter": lambda w, p: _resigned(w, p, nonce=3001),
    "short_iv": lambda w, p: _resigned(w, p, iv=_b64(bytes(8))),
    "plain_text": lambda w, p: {"response": "private words"},
    "not_an_object": lambda w, p: "Invalid Signature",
}


@pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")
@pytest.mark.parametrize("name", ANSWERS)
def test_bad_answers_raise(worker, name) -> None:
    worker.spoil = lambda payload: ANSWERS[name](worker, payload)
    with RecordingServer(worker) as server:
        with pytest.raises(ChannelError) as refused:
            worker.client(server.url).chat(MESSAGES)
        assert "private words" not in str(refused.value)


@pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")
def test_error_pages_and_dead_servers_raise(worker) -> None:
    worker.status = 500
    with RecordingServer(worker) as server:
        client = worker.client(server.url)
        with pytest.raises(ChannelError, match="500") as refused:
            client.chat(MESSAGES)
        assert "private" not in str(refused.value)
    with pytest.raises(ChannelError, match="incomplete"):
        client.chat(MESSAGES)


@pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")
def test_tls_must_end_where_the_report_says(worker) -> None:
    def verify(spki: str | None):
        attestor, now = worker.attestor.public_key(), dt.datetime.now(dt.UTC)
        return verify_minions_report(
            worker.document(), attestor, worker.policy, now, tls_spki_sha256=spki
        )

    assert "tls_binding" not in {c.name for c in verify(TLS.hex()).skipped}
    assert "tls_binding" in {c.name for c in verify(None).skipped}
    with pytest.raises(PolicyMismatchError):
        verify("ab" * 32)


def test_policy_file_round_trip(worker, tmp_path) -> None:
    worker.policy.save(tmp_path / "policy.json")
    assert AttestationPolicy.load(tmp_path / "policy.json") == worker.policy
