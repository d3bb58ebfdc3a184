"""What attestation and encryption cost, plain and secure in one run against the same servers.

    python benchmarks/secure.py [--model]

`--model` adds a real model with prompts of 8,000 tokens, which takes minutes on a laptop's CPU.
"""

import argparse
import asyncio
import base64
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from langchain_privacy.secure.evidence import sev_snp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.measured import turns
from benchmarks.measured.peers import versions
from benchmarks.measured.record import run
from benchmarks.measured.tables import Table
from langchain_privacy.secure import (
    AttestationPolicy,
    AttestedTransport,
    SimulatedTee,
    TrustedRoots,
    UnsafePolicyWarning,
    UnsafeSimulatedTee,
    create_gateway,
)
from langchain_privacy.secure.asgi import BodyReader, Memory
from langchain_privacy.secure.channel import sealed
from langchain_privacy.secure.channel.hpke import XWingPrivateKey
from langchain_privacy.secure.gateway.upstream import DEFAULT_PATHS, Upstream

warnings.simplefilter("ignore", UnsafePolicyWarning)
POLICY = AttestationPolicy(require=[UnsafeSimulatedTee()], allow_unsafe=True)
TOKENS, CHARACTERS = 8000, 32_000
CPU = "/cpu"
EVENT = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}\n\n'
)


async def model_server(scope: Any, receive: Any, send: Any) -> None:
    """Answers at once, or streams 200 tokens at 250 a second."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    request = json.loads(body or b"{}")
    streaming = request.get("stream")
    kind = b"text/event-stream" if streaming else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    if not streaming:
        await send({"type": "http.response.body", "body": b'{"choices": []}'})
        return
    start = time.perf_counter()
    for index in range(200):
        await send({"type": "http.response.body", "body": EVENT, "more_body": True})
        await asyncio.sleep(max(0.0, start + (index + 1) * 0.004 - time.perf_counter()))
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


def counted(app: Any) -> Any:
    """The application, which also says at `CPU` how much of it this process has used."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") != CPU:
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(time.process_time()).encode()})

    return asgi


def gateway_app() -> Any:
    return counted(create_gateway(os.environ["UPSTREAM"], SimulatedTee()))


def hop_app() -> Any:
    """What any hop of this kind costs: the gateway's server and upstream, nothing sealed."""
    upstream = Upstream(os.environ["UPSTREAM"], paths=DEFAULT_PATHS, max_seconds=60)

    async def hop(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = BodyReader(receive, Memory(left=10**6), limit=10**6, seconds=60)
        content = b""
        while data := await body.read():
            content += data
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]]
        async with upstream.send(scope["method"], scope["path"], headers, content) as answer:
            status, given, parts = answer
            pairs = [(n.encode(), v.encode()) for n, v in given]
            await send({"type": "http.response.start", "status": status, "headers": pairs})
            async for part, last in parts:
                await send({"type": "http.response.body", "body": part, "more_body": not last})

    return counted(hop)


def cpu(call: Callable[[], None], server: str, rounds: int) -> tuple[float, float]:
    """CPU of one call in milliseconds, here and in the process behind a URL; others do not count.

    The clock says more where the machine does nothing else; this says the same on a busy one.
    """

    def now() -> tuple[float, float]:
        return time.process_time(), float(httpx.get(server + CPU).text)

    for _ in range(5):
        call()
    before = now()
    for _ in range(rounds):
        call()
    ours, theirs = (b - a for a, b in zip(before, now(), strict=True))
    return ours / rounds * 1000, theirs / rounds * 1000


@contextmanager
def process(target: str, **environment: str) -> Iterator[str]:
    """A uvicorn process of its own, as in production; gives its URL."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", target, "--port", str(port)]
    command += ["--log-level", "error", "--no-access-log", "--no-proxy-headers"]
    if target.endswith("_app"):
        command.append("--factory")
    here = Path(__file__).resolve()
    path = os.pathsep.join([str(here.parent), str(here.parents[1])])
    server = subprocess.Popen(command, env={**os.environ, **environment, "PYTHONPATH": path})
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(url)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def paired(
    plain: Callable[[], None], secure: Callable[[], None], rounds: int
) -> tuple[float, float, float]:
    """Medians of both in milliseconds, and of the difference within each pair."""
    first, second = [], []
    for index in range(rounds + 5):
        pair = []
        for call in (plain, secure) if index % 2 else (secure, plain):
            start = time.perf_counter()
            call()
            pair.append((time.perf_counter() - start) * 1000)
        if index >= 5:
            a, b = pair if index % 2 else pair[::-1]
            first.append(a)
            second.append(b)
    differences = [b - a for a, b in zip(first, second, strict=True)]
    return statistics.median(first), statistics.median(second), statistics.median(differences)


def latency_and_streaming(rows: list[list[str]]) -> float:
    with (
        process("secure:model_server") as server,
        process("secure:gateway_app", UPSTREAM=server) as gateway,
        process("secure:hop_app", UPSTREAM=server) as hop,
    ):
        transport = AttestedTransport(gateway, POLICY)
        with (
            httpx.Client(timeout=60) as plain,
            httpx.Client(transport=transport, timeout=60) as secure,
        ):
            body = {"model": "m", "messages": [{"role": "user", "content": "word " * 6400}]}

            def post(client: httpx.Client, url: str) -> None:
                client.post(f"{url}/v1/chat/completions", json=body).raise_for_status()

            a, b, added = paired(lambda: post(plain, server), lambda: post(secure, gateway), 200)
            *_, relayed = paired(lambda: post(plain, server), lambda: post(plain, hop), 200)
            rows += [
                [
                    f"request of {CHARACTERS:,} characters, clock",
                    f"{a:.2f} ms", f"{b:.2f} ms", f"{b / a:.2f}",
                ],
                ["added by gateway, sealing and opening, clock", "–", f"{added:.2f} ms", "–"],
                ["of it a hop of this kind, nothing sealed", "–", f"{relayed:.2f} ms", "–"],
            ]  # fmt: skip
            with_hop = cpu(lambda: post(plain, hop), hop, 200)
            with_gateway = cpu(lambda: post(secure, gateway), gateway, 200)
            for place, hops, ours in zip(
                ("client", "gateway"), with_hop, with_gateway, strict=True
            ):
                what = f"CPU of a request at the {place}, beside a hop that seals nothing"
                rows.append([what, f"{hops:.2f} ms", f"{ours:.2f} ms", f"{ours / hops:.2f}"])

            def stream(client: httpx.Client, url: str) -> float:
                start, count = time.perf_counter(), 0
                request = {**body, "stream": True}
                with client.stream("POST", f"{url}/v1/chat/completions", json=request) as reply:
                    for line in reply.iter_lines():
                        count += line.startswith("data: {")
                return count / (time.perf_counter() - start)

            rates = [(stream(plain, server), stream(secure, gateway)) for _ in range(8)]
            ratio = statistics.median(s / p for p, s in rates)
            rows.append(["tokens/s while streaming 250/s", "1", f"{ratio:.3f}", f"{ratio:.3f}"])
    return added


def real_model(rows: list[list[str]], added: float) -> None:
    from langchain_privacy.local import EmbeddedServer

    with EmbeddedServer(context=9000, slots=1, progress=False) as server:  # noqa: SIM117
        with process("secure:gateway_app", UPSTREAM=server.url) as gateway:
            transport = AttestedTransport(gateway, POLICY)
            header = {"authorization": f"Bearer {server.api_key}"}
            with (
                httpx.Client(timeout=600, headers=header) as plain,
                httpx.Client(transport=transport, timeout=600, headers=header) as secure,
            ):
                times: dict[str, list[float]] = {"plain": [], "secure": []}
                ways = {"plain": (plain, server.url), "secure": (secure, gateway)}
                # The first request warms the model up; then each is first as often as second.
                for index, name in enumerate(["plain", "plain", "secure", "secure", "plain"]):
                    client, url = ways[name]
                    prompt = f"{index} " * 3 + "word " * (TOKENS - 50)  # no shared prefix
                    body = {"model": server.model_name, "max_tokens": 4}
                    body["messages"] = [{"role": "user", "content": prompt}]
                    start = time.perf_counter()
                    reply = client.post(f"{url}/v1/chat/completions", json=body).json()
                    if index:
                        times[name].append(time.perf_counter() - start)
                    tokens = reply["usage"]["prompt_tokens"]
                plain_time, secure_time = (statistics.median(values) for values in times.values())
                share = added / plain_time / 10
                rows.append(
                    [
                        f"real model, {tokens:,} tokens of prompt, clock",
                        f"{plain_time:.2f} s",
                        f"{secure_time:.2f} s",
                        f"{secure_time / plain_time:.3f} (what we add is {share:.3f} %)",
                    ]
                )


def attestation_cost() -> list[str]:
    """CPU of a first attestation: one SEV-SNP report and one GPU report with their chains."""
    import hashlib

    from cryptography import x509

    from langchain_privacy.secure import (
        GpuEvidence,
        NvidiaGpuPolicy,
        SevSnpPolicy,
        SnpEndorsements,
        verify_nvidia_gpu,
        verify_sev_snp,
    )
    from langchain_privacy.secure.evidence import nvidia_endorsements
    from tests.vectors.attestation import authority, cases

    kept = authority.load()
    root = x509.load_pem_x509_certificates(kept["nvidia"]["chain_0"])[-1]
    roots = TrustedRoots(
        amd_ark={"Milan": hashlib.sha256(kept["amd"]["ark"]).hexdigest()},
        nvidia_device=root.fingerprint(hashes.SHA256()).hex(),
    )
    report, gpu = cases.snp_report(), cases.gpu_report()
    endorsements = SnpEndorsements(
        key_certificate=kept["amd"]["vcek"],
        chain=[kept["amd"]["ask"], kept["amd"]["ark"]],
        crl=kept["amd"]["crl"],
    )
    snp_policy = SevSnpPolicy(measurements=[cases.MEASUREMENT.hex()])
    device = GpuEvidence(report=gpu, certificate_chain=kept["nvidia"]["chain_0"])
    costs = []
    for _ in range(20):
        sev_snp._pss_holds.cache_clear()
        sev_snp.der.parse_certificate.cache_clear()
        nvidia_endorsements.load_chain.cache_clear()
        nvidia_endorsements._links_hold.cache_clear()
        start = time.process_time()
        verify_sev_snp(report, endorsements, snp_policy, cases.NOW, roots=roots)
        verify_nvidia_gpu(
            device, None, NvidiaGpuPolicy(), cases.NOW, nonce=cases.NONCE, roots=roots
        )
        secret = XWingPrivateKey()
        sealed.RequestSealer(secret.public_bytes)
        costs.append((time.process_time() - start) * 1000)
    median, slowest = statistics.median(costs), max(costs)
    what = "first attestation, SNP and GPU, no caches, CPU"
    return [what, "–", f"{median:.1f} ms", f"slowest {slowest:.1f} ms"]


def second_model() -> list[str]:
    """CPU of making another model on an endpoint that is attested, and of its attestation."""
    from langchain_privacy import SecureChatModel

    with (
        process("secure:model_server") as server,
        process("secure:gateway_app", UPSTREAM=server) as gateway,
    ):
        settings = {"endpoint": f"{gateway}/v1", "model": "m", "policy": POLICY}
        first = SecureChatModel(**settings)
        first.attest()
        costs = []
        for _ in range(50):
            model = SecureChatModel(**settings)
            start = time.process_time()
            model.attest()
            costs.append((time.process_time() - start) * 1000)
            assert model.attestation is first.attestation
    what = "attestation of a second model, CPU"
    return [what, "–", f"{statistics.median(costs):.3f} ms", "–"]


def throughput() -> tuple[list[list[str]], str]:
    """Sealing beside Tinfoil's client, and beside a channel that signs each chunk."""
    from ehbp.derive import derive_response_keys, encrypt_chunk, frame_chunk

    chunks = [os.urandom(1024) for _ in range(1000)]
    client = sealed.RequestSealer(XWingPrivateKey().public_bytes)
    aead, signer = AESGCM(os.urandom(32)), ec.generate_private_key(ec.SECP384R1())
    peer = derive_response_keys(os.urandom(32), os.urandom(32), os.urandom(32))

    def ours() -> None:
        for chunk in chunks:
            client.seal(chunk)

    def tinfoil() -> None:
        for number, chunk in enumerate(chunks):
            frame_chunk(encrypt_chunk(peer, number, chunk))

    def signed() -> None:
        """As the article's reference does."""
        for chunk in chunks:
            nonce = os.urandom(12)
            ciphertext = aead.encrypt(nonce, chunk, None)
            signature = signer.sign(ciphertext, ec.ECDSA(hashes.SHA256()))
            parts = {"n": nonce, "c": ciphertext, "s": signature}
            json.dumps({n: base64.b64encode(value).decode() for n, value in parts.items()})

    contestants: dict[str, Callable[[], object]] = {
        "ours": ours, "tinfoil-ehbp": tinfoil, "signed per chunk": signed
    }  # fmt: skip
    seconds = turns.in_turns(contestants, 5)
    rows = [
        [
            f"sealing 1 kB chunks beside {name}, CPU",
            f"{len(chunks) / statistics.median(seconds[name]):,.0f}/s",
            f"{len(chunks) / statistics.median(seconds['ours']):,.0f}/s",
            f"{turns.paired(seconds[name], seconds['ours']):.2f} times theirs",
        ]
        for name in list(contestants)[1:]
    ]
    said = f"Sealed chunks a second, ours / tinfoil-ehbp {rows[0][3].split()[0]}"
    return rows, said


def measure(arguments: argparse.Namespace) -> list[Table]:
    rows, said = throughput()
    rows += [attestation_cost(), second_model()]
    added = latency_and_streaming(rows)
    if arguments.model:
        real_model(rows, added)
    return [
        Table(
            name="secure",
            title="The secure channel",
            columns=["", "plain or peer", "ours", "ratio"],
            rows=rows,
            ratio=f"{said}; a request of {CHARACTERS:,} characters through the gateway takes "
            f"{added:.1f} ms more than without.",
            how="Client, gateway and model server are processes on this machine; evidence is "
            "synthetic, its chains are real ones. Requests are paired, each first as often as "
            "second.",
            not_measured="hardware that attests; a network between client and gateway; a real "
            "model (`python benchmarks/secure.py --model`); memory: frames are sealed one by one.",
            versions=versions("tinfoil-ehbp", "cryptography"),
        )
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="store_true", help="also with a real model")
    run(measure, parser)
