"""Tinfoil's documents of version 3 in both shapes, and an enclave that serves them.

Made from the published form; the machines are the synthetic ones of `tests.vectors.attestation`.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from langchain_privacy.secure.asgi import send_bytes
from langchain_privacy.secure.gateway import Gateway
from tests.support.vendors import KEPT
from tests.vectors.attestation import cases, intel

BASE = "https://tinfoil.sh"
PATH = "/.well-known/tinfoil-attestation"
Change = Callable[[dict[str, Any]], Any]
Shape = Literal["sections", "june"]


def b64(data: bytes) -> str:
    """Base64 as text."""
    return base64.b64encode(data).decode()


def key(name: str, kind: str, data: bytes) -> dict[str, str]:
    """One entry of the section with keys."""
    return {"id": name, "format": f"{BASE}/key/{kind}/v1", "data": data.hex()}


def keys(tls: bytes, hpke: bytes) -> list[dict[str, str]]:
    """The two keys that the section must hold."""
    return [key("tls", "spki-fp-sha256", tls), key("hpke", "x25519-hpke", hpke)]


def section(kind: str, items: list[Any]) -> bytes:
    """A section as sent, with spaces: the hash is over its bytes, not over a form of their own."""
    return json.dumps({"format": f"{BASE}/{kind}/v1", "items": items}, indent=1).encode()


def _evidence(bound: bytes, on_intel: bool, registers: dict[str, bytes]) -> bytes:
    if on_intel:
        return intel.quote({"report_data": bound, **registers})
    return cases.snp_report({0x50: bound})


def sections(
    nonce: bytes,
    listed: list[Any],
    change: Change = lambda _: None,
    *,
    devices: Any = (),
    on_intel: bool = False,
    registers: dict[str, bytes] | None = None,
) -> bytes:
    """The document as it is since the summer of 2026.

    Args:
        nonce: The challenge.
        listed: Entries of the section with keys.
        change: What is changed in it at last.
        devices: Entries of the section with devices.
        on_intel: Whether the machine is Intel's; AMD's otherwise.
        registers: Other registers of an Intel machine.
    """
    material, evidence = section("crypto-material", listed), section("device-evidence", [*devices])
    hashes = [hashlib.sha256(part).digest() for part in (material, evidence)]
    label = f"{BASE}/report-data/v1"
    bound = hashlib.sha256(label.encode() + nonce + b"".join(hashes)).digest() + bytes(32)
    certificates = [x509.load_der_x509_certificate(KEPT["amd"][n]) for n in ("ask", "ark")]
    chain = b"".join(c.public_bytes(Encoding.PEM) for c in certificates).decode()

    def endorsement(name: str, **data: str) -> dict[str, Any]:
        kind = f"{BASE}/collateral/{name}/v1"
        common = {"id": name, "role": "endorsement", "subjects": ["cpu"]}
        return {**common, "format": kind, "data": data}

    content = {
        "format": f"{BASE}/predicate/attestation/v3",
        "challenge": {
            "nonce": nonce.hex(),
            "report_data": bound.hex(),
            "report_data_algorithm": label,
        },
        "cpu_evidence": {
            "format": f"{BASE}/format/{'tdx-quote' if on_intel else 'sev-snp-report'}/v1",
            "report_base64": b64(_evidence(bound, on_intel, registers or {})),
            "endorsed": {
                "crypto_material_hash": hashes[0].hex(),
                "device_evidence_hash": hashes[1].hex(),
            },
        },
        "crypto_material": b64(material),
        "device_evidence": b64(evidence),
        "collateral": [
            endorsement("amd-vcek", vcek_der_base64=b64(KEPT["amd"]["vcek"]), cert_chain_pem=chain),
            endorsement("amd-crl", crl_der_base64=b64(KEPT["amd"]["crl"])),
        ],
    }
    change(content)
    return json.dumps(content).encode()


def june(
    nonce: bytes,
    tls: bytes,
    hpke: bytes,
    change: Change = lambda _: None,
    *,
    gpus: tuple[int, ...] = (1000,),
    switches: bytes = b"",
    written: str | None = None,
    on_intel: bool = False,
    registers: dict[str, bytes] | None = None,
) -> bytes:
    """The shape that stood under the same format name until the summer of 2026."""
    listed = [
        {
            "arch": "HOPPER",
            "certificate": b64(KEPT["nvidia"][f"chain_{serial - 1000}"]),
            "evidence": b64(cases.gpu_report(serial, nonce=nonce)),
            "nonce": nonce.hex(),
        }
        for serial in gpus
    ]
    # Spaces and an escape: the hash is over the bytes as sent.
    sent = json.dumps({"evidences": listed, "note": "<"}, indent=2).replace("<", "\\u003c")
    digest = hashlib.sha256(sent.encode()).digest() if gpus else bytes(32)
    bound = hashlib.sha256(tls + hpke + nonce + digest + switches).digest() + bytes(32)
    content = {
        "format": f"{BASE}/predicate/attestation/v3",
        "report_data": {
            "tls_key_fp": tls.hex(),
            "hpke_key": hpke.hex(),
            "nonce": nonce.hex(),
            "gpu_evidence_hash": digest.hex(),
            **({"nvswitch_evidence_hash": switches.hex()} if switches else {}),
        },
        "cpu": {
            "platform": "tdx" if on_intel else "sev-snp",
            "report": b64(_evidence(bound, on_intel, registers or {})),
        },
        **({"gpu": "GPU"} if gpus else {}),
        **({"nvswitch": {"evidences": []}} if switches else {}),
        "certificate": "",
        "signature": "",
    }
    change(content)
    return json.dumps(content).replace('"GPU"', written or sent).encode()


class Enclave:
    """An ASGI application: one of our gateways, attested as Tinfoil's enclaves are.

    Attributes:
        shape: Shape of the document that it serves.
        on_intel: Whether the machine is Intel's.
        registers: Other registers of an Intel machine, i.e. another build.
        answer: What is served in place of the document, `(status, type, body)`.
    """

    def __init__(self, gateway: Gateway, tls_spki: str, shape: Shape, *, on_intel: bool) -> None:
        self._gateway, self._tls = gateway, bytes.fromhex(tls_spki)
        self.shape, self.on_intel = shape, on_intel
        self.registers: dict[str, bytes] = {}
        self.answer: tuple[int, str, bytes] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._gateway(scope, receive, send)
            return
        if self.answer is not None:
            status, kind, body = self.answer
            await send_bytes(send, status, body, kind)
            return
        nonce = bytes.fromhex(parse_qs(scope["query_string"].decode())["nonce"][0])
        hpke = self._gateway.keys.current.keys["ehbp-x25519"].public_bytes
        machine: dict[str, Any] = {"on_intel": self.on_intel, "registers": self.registers}
        if self.shape == "june":
            document = june(nonce, self._tls, hpke, gpus=(), **machine)
        else:
            document = sections(nonce, keys(self._tls, hpke), **machine)
        await send_bytes(send, 200, document, "application/json")
