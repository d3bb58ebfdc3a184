# ruff: noqa: SIM117  (what raises stands alone in its block)
"""The gateway and the transports: both libraries, both profiles, rotation, limits, refusals."""

import asyncio
import contextlib
import datetime as dt
import json
import logging
import secrets
import socket
import threading
from collections.abc import Iterator

import ehbp
import httpx
import httpx2
import pytest

from langchain_privacy.errors import (
    AttestationError,
    ChannelError,
    ConfigurationError,
    EvidenceExpiredError,
    EvidenceInvalidError,
)
from langchain_privacy.secure import (
    AsyncAttestedTransport,
    AttestationPolicy,
    AttestedEndpoint,
    AttestedTransport,
    ConfidentialVm,
    ConfigfsTsm,
    SimulatedTee,
    UnsafeNoAttestation,
    UnsafeSimulatedTee,
    aattest,
    attest,
    create_gateway,
    verify_envelope,
)
from langchain_privacy.secure import envelope as documents
from langchain_privacy.secure.channel import sealed
from langchain_privacy.secure.gateway.keys import KeyRing
from langchain_privacy.secure.parsing import MAX_DOCUMENT
from tests.support.asgi import AsgiServer
from tests.support.http import OpenAIServer

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")

CHAT = {"model": "m", "messages": [{"role": "user", "content": "private words"}]}
PROFILES = ["x-wing", "ehbp-x25519"]


def _policy(profile: str = "x-wing", **changes) -> AttestationPolicy:
    require = changes.pop("require", [UnsafeSimulatedTee()])
    return AttestationPolicy(require=require, allow_unsafe=True, profile=profile, **changes)


@pytest.fixture(scope="module")
def upstream() -> Iterator[OpenAIServer]:
    with OpenAIServer(lambda request: f"echo {request['messages'][-1]['content']}") as server:
        yield server


@pytest.fixture(scope="module")
def gateway(upstream: OpenAIServer):
    app = create_gateway(upstream.url.removesuffix("/v1"), SimulatedTee(), max_request_bytes=10**6)
    with AsgiServer(app) as server:
        server.app = app
        yield server


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("library", [httpx, httpx2])
def test_sync_clients_of_both_libraries(gateway, library, profile) -> None:
    transport = AttestedTransport(gateway.url, _policy(profile))
    with library.Client(transport=transport) as client:
        for _ in range(3):  # one attestation, one connection, many requests
            reply = client.post(f"{gateway.url}/v1/chat/completions", json=CHAT)
            assert reply.json()["choices"][0]["message"]["content"] == "echo private words"
        with client.stream(
            "POST", f"{gateway.url}/v1/chat/completions", json={**CHAT, "stream": True}
        ) as stream:
            lines = [line for line in stream.iter_lines() if line]
        assert lines[-1] == "data: [DONE]"
        assert transport.report is not None


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("library", [httpx, httpx2])
async def test_async_clients_of_both_libraries(gateway, library, profile) -> None:
    transport = AsyncAttestedTransport(gateway.url, _policy(profile))
    async with library.AsyncClient(transport=transport) as client:
        replies = await asyncio.gather(
            *(
                client.post(
                    f"{gateway.url}/v1/chat/completions",
                    json={**CHAT, "messages": [{"role": "user", "content": str(i)}]},
                )
                for i in range(20)
            )
        )
        texts = [r.json()["choices"][0]["message"]["content"] for r in replies]
        assert texts == [f"echo {i}" for i in range(20)]
        async with client.stream(
            "POST", f"{gateway.url}/v1/chat/completions", json={**CHAT, "stream": True}
        ) as stream:
            lines = [line async for line in stream.aiter_lines() if line]
        assert lines[-1] == "data: [DONE]"


def test_a_streamed_upload_is_sealed_piece_by_piece(gateway) -> None:
    body = json.dumps(CHAT).encode()

    def upload() -> Iterator[bytes]:
        for at in range(0, len(body), 7):
            yield body[at : at + 7]

    for profile in PROFILES:
        transport = AttestedTransport(gateway.url, _policy(profile))
        with httpx.Client(transport=transport) as client:
            headers = {"content-type": "application/json"}
            reply = client.post(
                f"{gateway.url}/v1/chat/completions", content=upload(), headers=headers
            )
            assert reply.status_code == 200


def test_the_peer_client_speaks_to_our_gateway(gateway) -> None:
    config = httpx.get(f"{gateway.url}/.well-known/hpke-keys")
    assert config.headers["content-type"] == "application/ohttp-keys"
    identity = ehbp.ServerIdentity.unmarshal_public_config(config.content)
    with httpx.Client(transport=ehbp.EHBPTransport(identity)) as client:
        reply = client.post(f"{gateway.url}/v1/chat/completions", json=CHAT)
        assert reply.json()["choices"][0]["message"]["content"] == "echo private words"


def test_attest_alone_sends_nothing_else(gateway, upstream) -> None:
    before = len(upstream.requests)
    report = attest(gateway.url, _policy())
    assert report.subject == "endpoint"
    assert set(report.channel_keys) == {"x-wing", "ehbp-x25519"}
    assert {c.name for c in report.skipped} == {
        "hardware",
        "gateway_config",
        "tls_binding",
    }
    assert asyncio.run(aattest(gateway.url, _policy())).subject == "endpoint"
    assert len(upstream.requests) == before
    with pytest.raises(AttestationError, match="cannot be reached"):
        attest("http://127.0.0.1:9", _policy())


def test_without_attestation_it_still_encrypts(gateway) -> None:
    policy = _policy(require=[UnsafeNoAttestation()])
    with httpx.Client(transport=AttestedTransport(gateway.url, policy)) as client:
        assert client.get(f"{gateway.url}/v1/models").status_code == 200


@pytest.mark.parametrize("profile", PROFILES)
def test_rotated_keys_are_attested_again_by_itself(upstream, profile) -> None:
    app = create_gateway(
        upstream.url.removesuffix("/v1"), SimulatedTee(), key_overlap=dt.timedelta(0)
    )
    with AsgiServer(app) as server:
        transport = AttestedTransport(server.url, _policy(profile))
        with httpx.Client(transport=transport) as client:
            client.post(f"{server.url}/v1/chat/completions", json=CHAT).raise_for_status()
            first = transport.report
            app.keys.rotate()
            client.post(f"{server.url}/v1/chat/completions", json=CHAT).raise_for_status()
            assert transport.report is not first


def test_a_verdict_runs_out(gateway) -> None:
    now = [dt.datetime.now(dt.UTC)]
    endpoint = AttestedEndpoint(gateway.url, _policy(max_age_seconds=60), clock=lambda: now[0])
    with httpx.Client(transport=AttestedTransport(endpoint)) as client:
        client.get(f"{gateway.url}/v1/models")
        first = endpoint.report
        client.get(f"{gateway.url}/v1/models")
        assert endpoint.report is first
        now[0] += dt.timedelta(seconds=61)
        assert endpoint.report is None
        client.get(f"{gateway.url}/v1/models")
        assert endpoint.report is not first


def test_keys_expire_with_the_clock(gateway) -> None:
    late = dt.datetime.now(dt.UTC) + dt.timedelta(days=2)
    endpoint = AttestedEndpoint(gateway.url, _policy(), clock=lambda: late)
    with pytest.raises(EvidenceExpiredError, match="keys are expired"):
        attest(endpoint)


def test_other_origins_are_refused(gateway) -> None:
    with httpx.Client(transport=AttestedTransport(gateway.url, _policy())) as client:
        for url in ("http://127.0.0.1:9/v1/models", "https://127.0.0.1/v1/models"):
            with pytest.raises(ChannelError, match="origin"):
                client.get(url)


def test_bodyless_ehbp_is_not_sent(gateway) -> None:
    with httpx.Client(transport=AttestedTransport(gateway.url, _policy("ehbp-x25519"))) as client:
        with pytest.raises(ChannelError, match="without a body"):
            client.get(f"{gateway.url}/v1/models")


def test_only_inference_paths_are_passed_on(gateway, upstream) -> None:
    before = len(upstream.requests)
    with httpx.Client(transport=AttestedTransport(gateway.url, _policy())) as client:
        for path in ("/slots", "/metrics", "/v1/chat/completions/../../slots", "/v1%2Fmodels"):
            assert client.get(gateway.url + path).status_code == 404
    assert len(upstream.requests) == before


def test_too_large_requests_are_refused(gateway) -> None:
    with httpx.Client(transport=AttestedTransport(gateway.url, _policy())) as client:
        with pytest.raises(ChannelError, match="413"):
            client.post(f"{gateway.url}/v1/chat/completions", content=b"x" * 1_100_000)


def test_memory_is_bounded_for_all_requests_together(upstream) -> None:
    app = create_gateway(upstream.url.removesuffix("/v1"), SimulatedTee(), max_buffered_bytes=5000)
    with AsgiServer(app) as server:
        for profile in PROFILES:
            transport = AttestedTransport(server.url, _policy(profile))
            with httpx.Client(transport=transport) as client:
                url = f"{server.url}/v1/chat/completions"
                with pytest.raises(ChannelError, match="503"):
                    client.post(url, json={**CHAT, "filler": "x" * 6000})
                client.post(url, json=CHAT).raise_for_status()  # what was held is given back
    assert app._memory.left == 5000


def test_replays_are_refused(gateway, upstream) -> None:
    report = attest(gateway.url, _policy())
    sealer = sealed.RequestSealer(report.channel_keys["x-wing"])
    head = sealed.RequestHead("POST", "/v1/chat/completions", [])
    body = sealer.prefix + sealer.seal(sealed.dump_head(head))
    body += sealer.seal(json.dumps(CHAT).encode(), final=True)
    url, headers = gateway.url + sealed.PATH, {"content-type": sealed.REQUEST_MEDIA_TYPE}
    before = len(upstream.requests)
    assert httpx.post(url, content=body, headers=headers).status_code == 200
    for _ in range(2):
        refused = httpx.post(url, content=body, headers=headers)
        assert refused.status_code == 409
    assert len(upstream.requests) == before + 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"x" * 100, 400),
        (b"x" * 2000, 400),
        (sealed.MAGIC + bytes(sealed.PREFIX - 3) + b"\0\0\0\x20" + bytes(32), 422),
    ],
)
def test_malformed_sealed_requests(gateway, body, status) -> None:
    headers = {"content-type": sealed.REQUEST_MEDIA_TYPE}
    reply = httpx.post(gateway.url + sealed.PATH, content=body, headers=headers)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"


def test_malformed_ehbp_requests(gateway) -> None:
    url = f"{gateway.url}/v1/chat/completions"
    for value, status in (("zz", 400), ("AB" * 32, 400), ("09" + "00" * 31, 422)):
        headers = {"ehbp-encapsulated-key": value, "content-type": "application/json"}
        reply = httpx.post(url, content=b"\0\0\0\x11" + bytes(17), headers=headers)
        assert reply.status_code == status
    problem = reply.json()
    assert problem["type"] == "urn:ietf:params:ehbp:error:key-config"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "nonce=",
        "nonce=" + "AB" * 32,
        "nonce=" + "ab" * 31,
        f"nonce={'ab' * 32}&nonce={'cd' * 32}",
    ],
)
def test_malformed_challenges(gateway, query) -> None:
    assert httpx.get(f"{gateway.url}{documents.PATH}?{query}").status_code == 400


@contextlib.contextmanager
def _dying_server() -> Iterator[str]:
    """Announces 5000 bytes, sends one event, closes."""

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.recv(65536)
                head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                event = 'data: {"x": 1}\n\n'
                connection.sendall(f"{head}content-length: 5000\r\n\r\n{event}".encode())
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("profile", PROFILES)
def test_a_model_server_that_dies_leaves_no_shortened_answer(profile) -> None:
    with _dying_server() as url, AsgiServer(create_gateway(url, SimulatedTee())) as server:
        transport = AttestedTransport(server.url, _policy(profile))
        with httpx.Client(transport=transport) as client:
            with pytest.raises(ChannelError, match="incomplete"):
                client.post(f"{server.url}/v1/chat/completions", json=CHAT)


def test_an_absent_model_server_is_said_sealed() -> None:
    with AsgiServer(create_gateway("http://127.0.0.1:9", SimulatedTee())) as server:
        with httpx.Client(transport=AttestedTransport(server.url, _policy())) as client:
            reply = client.post(f"{server.url}/v1/chat/completions", json=CHAT)
            assert reply.status_code == 502
            assert "gateway" in reply.json()["error"]["message"]


def test_nothing_of_a_request_is_logged(gateway, caplog) -> None:
    with caplog.at_level(logging.DEBUG):
        with httpx.Client(transport=AttestedTransport(gateway.url, _policy())) as client:
            client.post(
                f"{gateway.url}/v1/chat/completions",
                json=CHAT,
                headers={"authorization": "Bearer sk-canary"},
            )
    assert "private words" not in caplog.text
    assert "sk-canary" not in caplog.text


def test_an_operator_is_told_why_there_is_no_evidence(tmp_path, upstream, caplog) -> None:
    # A folder that is no configfs-tsm: reports cannot be made, as when its module was unloaded.
    provider = ConfidentialVm(ConfigfsTsm(root=tmp_path))
    app = create_gateway(upstream.url.removesuffix("/v1"), provider)
    with AsgiServer(app) as server:
        reply = httpx.get(f"{server.url}{documents.PATH}", params={"nonce": "ab" * 32})
        with pytest.raises(AttestationError):
            attest(server.url, _policy())
    assert reply.status_code == 500
    assert reply.json()["type"] == "urn:langchain-privacy:error:evidence"
    assert "No evidence could be made (ConfigurationError): configfs-tsm made no" in caplog.text


# --- The document ---


def _document(nonce: bytes) -> bytes:
    ring = KeyRing(
        PROFILES,
        "ab" * 32,
        lifetime=dt.timedelta(hours=1),
        overlap=dt.timedelta(0),
        max_requests=10,
        tls_spki_sha256=None,
        clock=lambda: dt.datetime.now(dt.UTC),
    )
    crypto = ring.current.crypto_material
    devices = documents.device_evidence((), None)
    cpu = SimulatedTee().cpu(documents.report_data(nonce, crypto, devices))
    return documents.build(nonce, crypto, devices, cpu)


NONCE = secrets.token_bytes(32)


def test_document_is_accepted() -> None:
    report = verify_envelope(_document(NONCE), NONCE, _policy(), dt.datetime.now(dt.UTC))
    assert report.not_after is not None


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("other_nonce", lambda d: d.update(nonce="00" * 32)),
        ("uppercase_nonce", lambda d: d.update(nonce=d["nonce"].upper())),
        ("unknown_member", lambda d: d.update(more=1)),
        ("missing_member", lambda d: d.pop("cpu")),
        ("other_format", lambda d: d.update(format="tinfoil")),
        ("unknown_kind", lambda d: d["cpu"].update(kind="trust-me")),
        ("no_report", lambda d: d["cpu"].update(evidence={})),
        ("not_base64", lambda d: d.update(crypto_material="?")),
        ("padded_base64", lambda d: d.update(device_evidence=d["device_evidence"] + "=")),
        ("number", lambda d: d.update(crypto_material=7)),
        ("list", lambda d: d.update(cpu=[])),
    ],
)
def test_document_is_strict(name, change) -> None:
    content = json.loads(_document(NONCE))
    change(content)
    with pytest.raises(AttestationError):
        verify_envelope(json.dumps(content).encode(), NONCE, _policy(), dt.datetime.now(dt.UTC))


def test_document_every_byte_of_keys_and_devices_counts() -> None:
    import base64

    document = json.loads(_document(NONCE))
    now = dt.datetime.now(dt.UTC)
    for member in ("crypto_material", "device_evidence"):
        data = base64.b64decode(document[member])
        for position in range(len(data)):
            changed = bytearray(data)
            changed[position] ^= 1
            text = base64.b64encode(changed).decode()
            with pytest.raises(AttestationError):
                verify_envelope(
                    json.dumps({**document, member: text}).encode(), NONCE, _policy(), now
                )


def test_document_with_trailing_bytes_or_duplicates() -> None:
    document = _document(NONCE)
    for bad in (document + b"x", document[:-1] + b',"nonce":"00"}', b"", b"\xff", b"[" * 100_000):
        with pytest.raises(EvidenceInvalidError):
            verify_envelope(bad, NONCE, _policy(), dt.datetime.now(dt.UTC))


def test_document_beyond_the_limit_is_not_parsed() -> None:
    document = json.loads(_document(NONCE))
    document["cpu"]["evidence"]["more"] = "A" * MAX_DOCUMENT
    with pytest.raises(EvidenceInvalidError, match="longer than"):
        verify_envelope(json.dumps(document).encode(), NONCE, _policy(), dt.datetime.now(dt.UTC))


def test_every_challenge_is_new(gateway) -> None:
    endpoint = AttestedEndpoint(gateway.url, _policy())
    assert len({endpoint.challenge()[0] for _ in range(50)}) == 50


def test_gpu_nonce_binds_the_keys() -> None:
    assert documents.gpu_nonce(NONCE, b"a") != documents.gpu_nonce(NONCE, b"b")
    assert documents.gpu_nonce(NONCE, b"a")[:32] != documents.report_data(NONCE, b"a", b"")[:32]
    assert documents.report_data(NONCE, b"a", b"b")[32:] == bytes(32)


# --- Settings ---


@pytest.mark.parametrize(
    "changes",
    [{"profiles": ()}, {"profiles": ("plain",)}, {"upstream": "ftp://x"}, {"upstream": "x"}],
)
def test_gateway_settings(changes) -> None:
    settings = {"upstream": "http://127.0.0.1:1", **changes}
    with pytest.raises(ConfigurationError):
        create_gateway(evidence_provider=SimulatedTee(), **settings)


def test_key_ring_bounds_its_replay_memory() -> None:
    ring = KeyRing(
        ["x-wing"],
        "ab" * 32,
        lifetime=dt.timedelta(hours=1),
        overlap=dt.timedelta(minutes=1),
        max_requests=10,
        tls_spki_sha256=None,
        clock=lambda: dt.datetime.now(dt.UTC),
    )
    first = ring.current
    for index in range(10):
        assert first.take(bytes([index]))
    assert not first.take(b"\0")
    assert ring.current is not first
    assert ring.accepted() == [ring.current, first]
    for index in range(10, 20):
        first.take(bytes([index]))
    assert ring.accepted() == [ring.current]


@pytest.mark.parametrize(
    "endpoint", ["", "llm.example.com", "ftp://x", "https://", "https://user@llm.example.com"]
)
def test_endpoint_urls(endpoint) -> None:
    with pytest.raises(ConfigurationError):
        AttestedEndpoint(endpoint, _policy())


def test_ehbp_needs_tls_away_from_this_machine() -> None:
    with pytest.raises(ConfigurationError, match="https"):
        AttestedEndpoint("http://llm.example.com", _policy("ehbp-x25519"))
    AttestedEndpoint("http://llm.example.com", _policy())


def test_required_tls_binding_is_refused_without_tls(gateway) -> None:
    with pytest.raises(AttestationError, match="TLS"):
        attest(gateway.url, _policy(require_tls_binding=True))
