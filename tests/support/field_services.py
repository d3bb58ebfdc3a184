"""The other end of the profiles that seal fields: an ACI service and NEAR AI's gateway, over TLS.

Their evidence is a TDX quote of the checked-in Intel; their cryptography is written again here from
the published formats (Dstack-TEE `e2ee-v2.md`, `nearai/inference-sdk`), for a test of our own half
against itself would show nothing.
"""

import datetime as dt
import hashlib
import json
import os
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from langchain_privacy.secure.channel.field_sealing import XChaCha20Poly1305
from tests.support.http import Recorded, RecordingServer, Reply
from tests.support.tls import Identity
from tests.vectors.attestation import intel

Answer = dict[str, Any]
_JSON = {"Content-Type": "application/json"}
_EVENTS = {"Content-Type": "text/event-stream"}


@cache
def collateral() -> str:
    """Collateral of today."""
    return intel.collateral(dt.datetime.now(dt.UTC) - dt.timedelta(days=1))


def _derive(secret: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, info).derive(secret)


def application(name: str, *, configured: bool = True) -> tuple[dict[str, bytes], Answer]:
    """Registers and members of a dstack machine that runs an application of this name.

    Args:
        name: What its compose file says.
        configured: Whether `mr_config_id` names it too, as newer images have it.
    """
    compose = json.dumps({"name": name, "docker_compose_file": f"services: {name}"})
    digest = hashlib.sha256(compose.encode()).digest()
    register, log = bytes(48), []
    for event, payload in (("app-id", digest[:20]), ("compose-hash", digest), ("ready", b"")):
        kind = (0x08000001).to_bytes(4, "little")
        extended = hashlib.sha384(kind + b":" + event.encode() + b":" + payload).digest()
        register = hashlib.sha384(register + extended).digest()
        log.append(
            {
                "imr": 3,
                "event_type": 0x08000001,
                "digest": extended.hex(),
                "event": event,
                "event_payload": payload.hex(),
            }
        )
    log.insert(
        0, {"imr": 0, "event_type": 11, "digest": "ab" * 48, "event": "", "event_payload": ""}
    )
    registers = {"rtmr3": register}
    if configured:
        registers["mr_config_id"] = b"\1" + digest
    return registers, {
        "event_log": json.dumps(log),
        "info": {"tcb_info": json.dumps({"app_compose": compose})},
    }


def compose_hash(name: str) -> str:
    """The compose hash of an application."""
    return hashlib.sha256(
        json.loads(application(name)[1]["info"]["tcb_info"])["app_compose"].encode()
    ).hexdigest()


class FieldService(RecordingServer):
    """Answers chats with an echo; `change` may alter every answer before it leaves.

    Args:
        tls: The identity that the connection shows.
        named: The identity that the evidence names, the same by default.
        change: Gets the sealed answer or event, and the clear one; returns what is sent.
        report: Gets the attestation document; returns what is sent.
        reply: Gets the whole reply; returns what is sent.
    """

    def __init__(
        self,
        tls: Identity,
        *,
        named: Identity | None = None,
        change: Callable[[Answer, Answer], Answer] = lambda sealed, _: sealed,
        report: Callable[[Answer], Answer] = lambda document: document,
        reply: Callable[[Reply], Reply] = lambda given: given,
    ) -> None:
        self.named, self._change, self._report, self._reply = named or tls, change, report, reply
        self.seen: list[Any] = []
        self.mismatch = 400
        super().__init__(self._respond, tls=tls.server_context())

    def _respond(self, request: Recorded) -> Reply:
        url = urlsplit(request.path)
        if request.method == "GET":
            nonce = bytes.fromhex(parse_qs(url.query)["nonce"][0])
            return Reply(body=json.dumps(self._report(self.document(nonce))).encode())
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers["x-model-pub-key"] != self.public:
            return Reply(status=self.mismatch, body=b'{"error":{"type":"e2ee_model_key_mismatch"}}')
        body = request.json
        contents = [
            self.unseal(message["content"], headers, body["model"], f"messages.{i}.content")
            for i, message in enumerate(body["messages"])
        ]
        self.seen.append(contents)
        words = f"echo {contents[-1]}"
        if not body.get("stream"):
            return self._reply(Reply(body=self._whole(words, headers, body["model"])))
        return self._reply(Reply(body=self._stream(words, headers, body["model"]), headers=_EVENTS))

    def _sealed(
        self, part: str, field: Answer, headers: dict[str, str], model: str, **more: Any
    ) -> Answer:
        message = {
            name: self.seal(text, headers, model, f"choices.0.{part}.{name}")
            if name != "role" and text
            else text
            for name, text in field.items()
        }
        clear = {"id": "chatcmpl-1", "object": "x", "created": 1, "model": "served", **more}
        choice = {"index": 0, "finish_reason": None, "logprobs": None, "stop_reason": 7}
        whole = {**clear, "choices": [{**choice, part: message}]}
        return self._change(whole, {**clear, "choices": [{**choice, part: field}]})

    def _whole(self, words: str, headers: dict[str, str], model: str) -> bytes:
        field = {"role": "assistant", "content": words, "reasoning_content": "hm", "refusal": None}
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        return json.dumps(
            self._sealed("message", {**field, "tool_calls": []}, headers, model, usage=usage)
        ).encode()

    def _stream(self, words: str, headers: dict[str, str], model: str) -> list[bytes]:
        deltas = [{"role": "assistant", "content": ""}, *({"content": c} for c in words.split(" "))]
        events = [json.dumps(self._sealed("delta", d, headers, model)) for d in deltas]
        lines = [": keep-alive\r\n\r\n", *(f"data: {e}\r\n\r\n" for e in events)]
        text = "".join([*lines, "data: [DONE]\r\n\r\n"]).encode()
        return [text[at : at + 97] for at in range(0, len(text), 97)]

    def rotate(self) -> None:
        """Replace the key that contents are sealed to."""
        raise NotImplementedError

    def document(self, nonce: bytes) -> Answer:
        """The attestation for a nonce."""
        raise NotImplementedError

    def seal(self, text: str, headers: dict[str, str], model: str, field: str) -> str:
        raise NotImplementedError

    def unseal(self, sealed: str, headers: dict[str, str], model: str, field: str) -> str:
        raise NotImplementedError


class AciService(FieldService):
    """A direct ACI service with one key of each kind."""

    _ALGORITHM = "x25519-aes-256-gcm-hkdf-sha256"

    def __init__(self, tls: Identity, **settings: Any) -> None:
        self.rotate()
        super().__init__(tls, **settings)

    def rotate(self) -> None:
        """Replace the key that contents are sealed to."""
        self.key = X25519PrivateKey.generate()
        self.public = self.key.public_key().public_bytes_raw().hex()

    def document(self, nonce: bytes) -> Answer:
        """The report for a nonce."""
        tls = {"domain": "127.0.0.1", "spki_sha256": self.named.spki_sha256}
        sealing = {"algo": self._ALGORITHM, "key_id": "e2ee-1", "public_key": self.public}
        keyset = {
            "subject": None,
            "not_after": int(dt.datetime.now(dt.UTC).timestamp()) + 3600,
            "receipt_signing_keys": [],
            "e2ee_public_keys": [{**sealing, "algo": "another"}, sealing],
            "tls_public_keys": [tls, {"domain": "elsewhere.example", "spki_sha256": "00" * 32}],
        }
        canonical = json.dumps(keyset, sort_keys=True, separators=(",", ":"))
        digest = "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
        statement = '{"keyset_digest":"%s","nonce":"%s","purpose":"aci.report_data.v1"}'
        bound = hashlib.sha256((statement % (digest, nonce.hex())).encode()).digest() + bytes(32)
        return {
            "api_version": "aci/1",
            "workload_keyset_digest": digest,
            "attestation": {
                "tee_type": "tdx",
                "workload_keyset": keyset,
                "report_data": bound[:32].hex(),
                "source_provenance": {},
                "evidence": self._evidence(bound),
            },
            "service_capabilities": {"supported_e2ee_versions": ["2"], "serving": "direct"},
        }

    @staticmethod
    def _evidence(bound: bytes) -> Answer:
        registers, members = application("model")
        quote = intel.quote({"report_data": bound, **registers}).hex()
        return {"quote": quote, "event_log": members["event_log"]}

    def _aad(self, headers: dict[str, str], model: str, field: str, answer: str | None) -> bytes:
        identifier = "" if answer is None else f'"id":"{answer}",'
        return (
            f'{{"algo":"{self._ALGORITHM}","field":"{field}",{identifier}"model":"{model}",'
            f'"nonce":"{headers["x-e2ee-nonce"]}","purpose":'
            f'"aci.e2ee.{"request" if answer is None else "response"}.v2",'
            f'"ts":{headers["x-e2ee-timestamp"]}}}'
        ).encode()

    def seal(self, text: str, headers: dict[str, str], model: str, field: str) -> str:
        """Seal to the client's key."""
        client = X25519PublicKey.from_public_bytes(bytes.fromhex(headers["x-client-pub-key"]))
        own, nonce = X25519PrivateKey.generate(), os.urandom(12)
        aead = AESGCM(_derive(own.exchange(client), b"aci.e2ee.v2.x25519"))
        sealed = aead.encrypt(nonce, text.encode(), self._aad(headers, model, field, "chatcmpl-1"))
        return (own.public_key().public_bytes_raw() + nonce + sealed).hex()

    def unseal(self, sealed: str, headers: dict[str, str], model: str, field: str) -> str:
        """Open what was sealed to this service, after the checks of section 7."""
        assert headers["x-e2ee-version"] == "2"
        assert headers["x-model-pub-key"] == self.public
        assert abs(int(headers["x-e2ee-timestamp"]) - dt.datetime.now().timestamp()) < 300  # noqa: DTZ005
        data = bytes.fromhex(sealed)
        secret = self.key.exchange(X25519PublicKey.from_public_bytes(data[:32]))
        aead = AESGCM(_derive(secret, b"aci.e2ee.v2.x25519"))
        aad = self._aad(headers, model, field, None)
        return aead.decrypt(data[32:44], data[44:], aad).decode()


class NearService(FieldService):
    """NEAR AI's gateway and the machine of a model behind it."""

    def __init__(self, tls: Identity, **settings: Any) -> None:
        self.rotate()
        super().__init__(tls, **settings)

    def rotate(self) -> None:
        """Replace the key that contents are sealed to."""
        signing = Ed25519PrivateKey.generate()
        self.public = signing.public_key().public_bytes_raw().hex()
        seed = hashlib.sha512(signing.private_bytes_raw()).digest()[:32]
        self.key = X25519PrivateKey.from_private_bytes(seed)

    def document(self, nonce: bytes) -> Answer:
        """Both machines under a nonce."""
        gateway = os.urandom(32)
        fingerprint = self.named.spki_sha256
        bound = hashlib.sha256(gateway + bytes.fromhex(fingerprint)).digest()

        def machine(name: str, identity: bytes, address: str, **more: Any) -> Answer:
            registers, members = application(name)
            quote = intel.quote({"report_data": identity + nonce, **registers}).hex()
            common = {"request_nonce": nonce.hex(), "signing_algo": "ed25519", **members}
            return {**common, "signing_address": address, "intel_quote": quote, **more}

        key = self.public
        tls = {"tls_cert_fingerprint": fingerprint}
        return {
            "gateway_attestation": machine("gateway", bound, gateway.hex(), **tls),
            "model_attestations": [
                machine("model", bytes.fromhex(key), key, signing_public_key=key)
            ],
        }

    def seal(self, text: str, headers: dict[str, str], model: str, field: str) -> str:
        """Seal to the client's key, in its Montgomery form."""
        p = 2**255 - 19
        y = int.from_bytes(bytes.fromhex(headers["x-client-pub-key"]), "little") % 2**255
        client = ((1 + y) * pow(1 - y, p - 2, p) % p).to_bytes(32, "little")
        own, nonce = X25519PrivateKey.generate(), os.urandom(24)
        secret = own.exchange(X25519PublicKey.from_public_bytes(client))
        aead = XChaCha20Poly1305(_derive(secret, b"ed25519_encryption"))
        sealed = aead.encrypt(nonce, text.encode())
        return (own.public_key().public_bytes_raw() + nonce + sealed).hex()

    def unseal(self, sealed: str, headers: dict[str, str], model: str, field: str) -> str:
        """Open what was sealed to the model's machine."""
        assert headers["x-signing-algo"] == "ed25519"
        assert headers["x-encryption-version"] == "2"
        assert headers["x-model-pub-key"] == self.public
        data = bytes.fromhex(sealed)
        secret = self.key.exchange(X25519PublicKey.from_public_bytes(data[:32]))
        aead = XChaCha20Poly1305(_derive(secret, b"ed25519_encryption"))
        return aead.decrypt(data[32:56], data[56:]).decode()
