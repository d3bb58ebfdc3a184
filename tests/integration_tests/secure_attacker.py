"""An attacker on the path: a proxy process between client and gateway that does one bad thing.

`python -m tests.integration_tests.secure_attacker GATEWAY_PORT REPLICA_PORT` prints its port; the
replica is another machine that is as genuine as the gateway. With `CERTIFICATE KEY` after them it
holds the gateway's TLS key and ends TLS, so that nothing but evidence and policy stand against it.
A request to
`/__attack/MODE?LOG` chooses what it does from now on, and the file into which it writes every byte
that passes, so that a test can look for what must not be readable.
"""

import base64
import http.client
import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from langchain_privacy.secure import envelope
from langchain_privacy.secure.channel import ehbp, sealed
from langchain_privacy.secure.channel.hpke import X25519PrivateKey, XWingPrivateKey
from langchain_privacy.secure.evidence.simulated import simulate_report

GATEWAY, REPLICA = int(sys.argv[1]), int(sys.argv[2])
STOLEN = sys.argv[3:5]
ROLES = "/v1/attestation/report"  # where a service attests machines of several roles
MODE, LOG = "nothing", Path("/dev/null")
OWN = {"x-wing": XWingPrivateKey(), "ehbp-x25519": X25519PrivateKey()}
LOCK = threading.Lock()
KEPT: dict[str, Any] = {}

Answer = tuple[int, list[tuple[str, str]], bytes]


def log(data: bytes) -> None:
    with LOCK, LOG.open("ab") as file:
        file.write(data + b"\n")


def forward(
    method: str, path: str, headers: list[tuple[str, str]], body: bytes, port: int = GATEWAY
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    if STOLEN:
        trusted = ssl.create_default_context(cafile=STOLEN[0])
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=trusted)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        if name.lower() not in ("content-length", "transfer-encoding", "connection"):
            connection.putheader(name, value)
    if not headers:
        connection.putheader("host", f"127.0.0.1:{port}")
    connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    data = response.read()
    log(data)
    return response.status, response.getheaders(), data


def evidence(path: str, answer: Answer) -> Answer:
    """Change the attestation document."""
    status, headers, body = answer
    document = json.loads(body)
    if MODE in ("swap_key", "swap_key_and_evidence"):
        crypto = json.loads(base64.b64decode(document["crypto_material"]))
        crypto["keys"] = {
            name: base64.b64encode(OWN[name].public_bytes).decode() for name in crypto["keys"]
        }
        material = json.dumps(crypto, sort_keys=True, separators=(",", ":")).encode()
        document["crypto_material"] = base64.b64encode(material).decode()
        if MODE == "swap_key_and_evidence":
            # The whole evidence of another machine, genuine for its own measurement.
            devices = base64.b64decode(document["device_evidence"])
            bound = envelope.report_data(bytes.fromhex(document["nonce"]), material, devices)
            report = simulate_report(bound, "ee" * 48)
            document["cpu"]["evidence"]["report"] = base64.b64encode(report).decode()
    elif MODE == "replay_evidence":
        KEPT.setdefault("document", forward("GET", f"{envelope.PATH}?nonce={'ab' * 32}", [], b""))
        return KEPT["document"]
    elif MODE == "replay_evidence_with_new_nonce":
        old = json.loads(forward("GET", f"{envelope.PATH}?nonce={'ab' * 32}", [], b"")[2])
        old["nonce"] = document["nonce"]
        document = old
    elif MODE == "replica_keys":
        # Both are genuine, and each has answered this very nonce; only the keys change places.
        other = json.loads(forward("GET", path, [], b"", REPLICA)[2])
        document["crypto_material"] = other["crypto_material"]
    elif MODE == "replica_evidence":
        other = json.loads(forward("GET", path, [], b"", REPLICA)[2])
        document["cpu"] = other["cpu"]
    elif MODE == "downgrade_keys":
        crypto = json.loads(base64.b64decode(document["crypto_material"]))
        crypto["keys"].pop("x-wing", None)
        material = json.dumps(crypto, sort_keys=True, separators=(",", ":")).encode()
        document["crypto_material"] = base64.b64encode(material).decode()
    elif MODE == "duplicate_member":
        return status, headers, body[:-1] + b',"nonce":"' + b"00" * 32 + b'"}'
    elif MODE == "unknown_member":
        document["trusted"] = True
    elif MODE == "other_format":
        document["format"] = "langchain-privacy-attestation/v0"
    elif MODE == "endless_evidence":
        return status, headers, body + b" " * (3 * 1024 * 1024)
    elif MODE == "evidence_error_page":
        return 500, [("content-type", "text/html")], b"<h1>send your key to support</h1>"
    elif MODE == "evidence_redirect":
        return 302, [("location", "http://127.0.0.1:9/"), ("content-length", "0")], b""
    return status, headers, json.dumps(document).encode()


def roles(path: str, answer: Answer) -> Answer:
    """Offer genuine machines in roles that are not theirs."""
    status, headers, body = answer
    document = json.loads(body)
    # Of the same nonce, and of another machine of each build.
    other = json.loads(forward("GET", path, [], b"")[2])
    gateway, (model, *_) = document["gateway_attestation"], document["model_attestations"]

    def as_model(machine: Any) -> list[Any]:
        named = {"signing_public_key": machine["signing_address"]}
        gpus = {"nvidia_payload": model["nvidia_payload"]} if "nvidia_payload" in model else {}
        return [{**machine, **named, **gpus}]

    if MODE == "gateway_as_model":
        document["model_attestations"] = as_model(gateway)
    elif MODE == "another_gateway_as_model":
        document["model_attestations"] = as_model(other["gateway_attestation"])
    elif MODE == "gateway_before_the_model":
        document["model_attestations"] = [*as_model(gateway), model]
    elif MODE == "model_as_gateway":
        document["gateway_attestation"] = model
    elif MODE == "roles_swapped":
        document["gateway_attestation"] = model
        document["model_attestations"] = as_model(gateway)
    elif MODE == "model_key_of_the_gateway":
        # The model's own evidence, under the address that the gateway holds the key of.
        named = {**model, "signing_address": gateway["signing_address"]}
        document["model_attestations"] = as_model(named)
    return status, headers, json.dumps(document).encode()


def frames(body: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(body):
        size = int.from_bytes(body[at : at + 4]) & 0x7FFFFFFF
        found.append(body[at : at + 4 + size])
        at += 4 + size
    return found


def request(
    path: str, headers: list[tuple[str, str]], body: bytes
) -> tuple[list[tuple[str, str]], bytes]:
    """Change a request on its way."""
    if MODE == "strip_request_headers":
        drop = ("content-type", ehbp.REQUEST_HEADER)
        headers = [(n, v) for n, v in headers if n.lower() not in drop]
    elif MODE == "flip_request":
        body = body[:-3] + bytes([body[-3] ^ 1]) + body[-2:]
    elif MODE == "truncate_request":
        if path == sealed.PATH:
            start, rest = body[: sealed.PREFIX], frames(body[sealed.PREFIX :])
            body = start + b"".join(rest[:-1])
        else:
            body = body[:-1]
    elif MODE == "replace_request":
        # Sealed to the attested key by somebody else: only the answer can show it.
        body = b'{"messages": [], "model": "attacker"}'
    return headers, body


def response(answer: Answer, original: tuple[str, list[tuple[str, str]], bytes]) -> Answer:
    """Change an answer on its way."""
    status, headers, body = answer
    ours = body[:32] if original[0] == sealed.PATH else b""
    parts = frames(body[len(ours) :]) if status == 200 else []
    chat = b'{"choices":[{"message":{"role":"assistant","content":"forged"}}]}'
    if MODE == "plaintext_answer":
        return 200, [("content-type", "application/json")], chat
    if MODE == "plaintext_answer_with_nonce":
        return 200, [("content-type", "application/json"), (ehbp.RESPONSE_HEADER, "ab" * 32)], chat
    if MODE == "plaintext_error":
        body = b'{"error":{"message":"unauthorized: resend with your key in the clear"}}'
        return 401, [("content-type", "application/json")], body
    if MODE in ("status_503", "status_429"):
        # The answer as it was given, under a status that asks for the request once more.
        again = [(n, v) for n, v in headers if n.lower() != "retry-after"]
        return int(MODE[-3:]), [*again, ("x-should-retry", "true")], body
    if MODE == "encoding":
        return status, [*headers, ("content-encoding", "gzip")], body
    if MODE == "redirect":
        return 307, [("location", "http://127.0.0.1:9/v1/chat/completions")], b""
    if MODE == "endless_422":
        kind = sealed.KEY_MISMATCH if original[0] == sealed.PATH else ehbp.KEY_MISMATCH
        problem = json.dumps({"type": kind}).encode()
        KEPT["refusals"] = KEPT.get("refusals", 0) + 1
        log(b"REFUSED")
        return 422, [("content-type", "application/problem+json")], problem
    if MODE == "truncate":
        return status, headers, ours + b"".join(parts[:-1])
    if MODE == "truncate_in_frame":
        return status, headers, body[:-1]
    if MODE == "reorder" and len(parts) > 2:
        return status, headers, ours + parts[1] + parts[0] + b"".join(parts[2:])
    if MODE == "duplicate" and parts:
        return status, headers, ours + parts[0] + b"".join(parts)
    if MODE == "reorder" and parts:
        return status, headers, ours + b"".join(parts[::-1]) + b"\0\0\0\1x"
    if MODE == "flip_answer":
        return status, headers, body[:-1] + bytes([body[-1] ^ 1])
    if MODE == "oversized_frame":
        return status, headers, ours + b"\x7f\xff\xff\xff" + body[len(ours) :]
    if MODE == "two_nonces":
        return status, [*headers, (ehbp.RESPONSE_HEADER, "ab" * 32)], ours + body
    if MODE == "strip_response_headers":
        drop = ("content-type", ehbp.RESPONSE_HEADER)
        return status, [(n, v) for n, v in headers if n.lower() not in drop], body
    if MODE == "uppercase_nonce":
        changed = [(n, v.upper() if n.lower() == ehbp.RESPONSE_HEADER else v) for n, v in headers]
        return status, changed, ours + body
    if MODE == "replay_request":
        return forward("POST", *original)
    if MODE == "answer_of_another_exchange":
        previous = KEPT.get("answer")
        KEPT["answer"] = answer
        return previous or answer
    return answer


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _serve(self) -> None:
        if self.path.startswith("/__attack/"):
            global MODE, LOG
            mode, _, log_file = self.path.removeprefix("/__attack/").partition("?")
            MODE, LOG = mode, Path(log_file)
            KEPT.clear()
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        body = self._body()
        headers = list(self.headers.items())
        log(self.requestline.encode() + b"\n" + str(self.headers).encode() + body)
        if self.path.startswith(envelope.PATH):
            answer = evidence(self.path, forward(self.command, self.path, headers, b""))
        elif self.path.startswith(ROLES):
            answer = roles(self.path, forward(self.command, self.path, headers, b""))
        else:
            headers, body = request(self.path, headers, body)
            # A machine is shown, and another one gets what is sealed to it.
            port = REPLICA if MODE == "replica_requests" else GATEWAY
            answer = forward(self.command, self.path, headers, body, port)
            if MODE == "replica_answer":
                answer = forward(self.command, self.path, headers, body, REPLICA)
            answer = response(answer, (self.path, headers, body))
        status, out, data = answer
        self.send_response(status)
        for name, value in out:
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.send_header("connection", "close")
        self.end_headers()
        slow = MODE == "slow_drip" and not self.path.startswith(envelope.PATH)
        for at in range(0, len(data), 1 if slow else len(data) or 1):
            self.wfile.write(data[at : at + (1 if slow else len(data))])
            if slow:
                time.sleep(0.02)
        self.close_connection = True

    do_GET = _serve  # noqa: N815  the base class calls it so
    do_POST = _serve  # noqa: N815


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    if STOLEN:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*STOLEN)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()
