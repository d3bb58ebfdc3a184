"""A gateway on Azure: the provider over a vTPM's tools, the verifier, and a policy obtained.

The tools are a stand-in with the commands and files of tpm2-tools, and an RSA key of its own; the
hardware report is of the checked-in AMD.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from langchain_privacy.errors import (
    AttestationError,
    ConfigurationError,
    PolicyMismatchError,
)
from langchain_privacy.secure import (
    AttestationPolicy,
    AttestedEndpoint,
    AttestedTransport,
    AzureVtpm,
    ConfidentialVm,
    TrustedRoots,
    create_gateway,
)
from langchain_privacy.secure.policy_from_service import Service, observe, policy_for
from tests.support.asgi import AsgiServer
from tests.support.http import OpenAIServer
from tests.vectors.attestation import authority, cases

AMD = authority.load()["amd"]
ROOTS = TrustedRoots(amd_ark={"Milan": hashlib.sha256(AMD["ark"]).hexdigest()})
CHAT = {"model": "m", "messages": [{"role": "user", "content": "private words"}]}
_PEMS = [x509.load_der_x509_certificate(AMD[name]) for name in ("ask", "ark")]
ENDORSEMENTS = {
    "key_certificate": AMD["vcek"],
    "chain": b"".join(c.public_bytes(Encoding.PEM) for c in _PEMS),
}


class Vtpm:
    """The commands of tpm2-tools that the provider runs.

    Attributes:
        registers: Values of the PCRs.
        nonce: What is quoted instead of what was asked for.
        drop: Bytes that the file of registers lacks.
    """

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.registers = {n: hashlib.sha256(b"%d" % n).digest() for n in range(24)}
        self.nonce: bytes | None = None
        self.drop = 0

    def __call__(self, command: Sequence[str]) -> bytes:
        if command[0] == "tpm2_nvread":
            assert command[1:] == ["-C", "o", "0x01400001"]
            return self.blob()
        options = dict(zip(command[1::2], command[2::2], strict=True))
        assert (command[0], options["-c"], options["-g"]) == ("tpm2_quote", "0x81000003", "sha256")
        numbers = [int(n) for n in options["-l"].removeprefix("sha256:").split(",")]
        values = b"".join(self.registers[n] for n in numbers)
        nonce = self.nonce or bytes.fromhex(options["-q"])
        bitmap = sum(1 << n for n in numbers).to_bytes(3, "little")
        attest = b"\xffTCG\x80\x18" + b"\0\x22" + bytes(34) + len(nonce).to_bytes(2) + nonce
        attest += bytes(25) + b"\0\0\0\x01\0\x0b\x03" + bitmap
        attest += b"\0\x20" + hashlib.sha256(values).digest()
        Path(options["-m"]).write_bytes(attest)
        signature = self.key.sign(attest, padding.PKCS1v15(), hashes.SHA256())
        Path(options["-s"]).write_bytes(signature)
        Path(options["-o"]).write_bytes(values[: len(values) - self.drop])
        return b""

    def blob(self) -> bytes:
        numbers = self.key.public_key().public_numbers()

        def b64(value: int) -> str:
            data = value.to_bytes((value.bit_length() + 7) // 8)
            return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

        key = {"kid": "HCLAkPub", "kty": "RSA", "n": b64(numbers.n), "e": b64(numbers.e)}
        runtime = json.dumps({"keys": [key], "vm-configuration": {}}).encode()
        report = cases.snp_report({0x50: hashlib.sha256(runtime).digest() + bytes(32)})
        sizes = (20 + len(runtime), 1, 2, 1, len(runtime))
        head = b"".join(number.to_bytes(4, "little") for number in sizes)
        return b"HCLA" + bytes(28) + report + head + runtime + bytes(64)


@pytest.fixture(scope="module")
def vtpm() -> Vtpm:
    return Vtpm()


@pytest.fixture
def gateway(vtpm) -> Iterator[str]:
    provider = ConfidentialVm(AzureVtpm(ENDORSEMENTS, run=vtpm))
    with OpenAIServer(lambda _: "an answer") as upstream:
        app = create_gateway(upstream.url.removesuffix("/v1"), provider)
        with AsgiServer(app) as server:
            yield server.url
    vtpm.nonce, vtpm.drop = None, 0


def _policy(url: str) -> AttestationPolicy:
    service = Service("azure")
    return policy_for(observe(url, service, roots=ROOTS), service, url=url)


def _ask(url: str, policy: AttestationPolicy) -> str:
    endpoint = AttestedEndpoint(url, policy, roots=ROOTS)
    with httpx.Client(transport=AttestedTransport(endpoint)) as client:
        reply = client.post(f"{url}/v1/chat/completions", json=CHAT)
        return str(reply.json()["choices"][0]["message"]["content"])


def test_a_policy_is_obtained_and_held(gateway, vtpm) -> None:
    policy = _policy(gateway)
    assert _ask(gateway, policy) == "an answer"
    text = json.dumps(policy.require.policies[0].pcrs)  # type: ignore[union-attr]
    assert vtpm.registers[11].hex() in text
    changed = dict(vtpm.registers)
    vtpm.registers = {**changed, 11: bytes(32)}
    try:
        with pytest.raises(PolicyMismatchError, match="PCR 11 0000"):
            _ask(gateway, policy)
    finally:
        vtpm.registers = changed


def test_another_nonce_is_refused(gateway, vtpm) -> None:
    policy = _policy(gateway)
    vtpm.nonce = bytes(32)
    with pytest.raises(AttestationError, match="another nonce"):
        _ask(gateway, policy)


def test_another_tpm_is_refused(gateway, vtpm) -> None:
    policy, own = _policy(gateway), vtpm.key
    honest = vtpm.blob()
    other = Vtpm()
    try:
        vtpm.key = other.key
        vtpm.blob = lambda: honest
        with pytest.raises(AttestationError, match="signature is wrong"):
            _ask(gateway, policy)
    finally:
        vtpm.key = own
        del vtpm.blob


def test_tools_that_fail_make_no_evidence(vtpm) -> None:
    vtpm.drop = 32
    with pytest.raises(ConfigurationError, match="other registers"):
        AzureVtpm(ENDORSEMENTS, run=vtpm).cpu(bytes(64))
    vtpm.drop = 0
    with pytest.raises(ConfigurationError, match="tpm2-tools"):
        AzureVtpm(ENDORSEMENTS).cpu(bytes(64))
    with pytest.raises(ConfigurationError, match="numbers"):
        AzureVtpm(ENDORSEMENTS, pcrs=[24])
