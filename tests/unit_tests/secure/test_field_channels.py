"""The channels that seal single fields: dstack's ACI and NEAR AI, over real TLS connections."""

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from langchain_privacy.errors import (
    AttestationError,
    ChannelError,
    ConfigurationError,
    EvidenceExpiredError,
    EvidenceInvalidError,
    PolicyMismatchError,
)
from langchain_privacy.secure import (
    AsyncAttestedTransport,
    AttestationPolicy,
    AttestedEndpoint,
    AttestedTransport,
    NvidiaGpuPolicy,
    SecureChatModel,
    TdxEndorsements,
    TdxMeasurement,
    TdxPolicy,
    TrustedRoots,
    attest,
)
from langchain_privacy.secure.adapters import AciAdapter, NearAdapter
from langchain_privacy.secure.adapters import aci as aci_adapter
from langchain_privacy.secure.channel.field_sealing import (
    AciCipher,
    NearCipher,
    XChaCha20Poly1305,
    ed25519_to_x25519,
    hchacha20,
    seal_request,
)
from tests.support.field_services import (
    AciService,
    FieldService,
    NearService,
    collateral,
    compose_hash,
)
from tests.support.http import Reply
from tests.support.tls import Identity, trusting
from tests.vectors.attestation import intel

PROFILES = ["aci-e2ee-v2", "near-ed25519-v2"]
SERVICES: dict[str, type[FieldService]] = dict(
    zip(PROFILES, (AciService, NearService), strict=True)
)
ROOTS = TrustedRoots(intel_sgx_der=intel.root())
IMAGE = TdxMeasurement(**{name: value.hex() for name, value in intel.REGISTERS.items()})
BUILD, GATEWAY = (
    dataclasses.replace(IMAGE, compose_hash=compose_hash(name)) for name in ("model", "gateway")
)
CHAT = {"model": "m", "messages": [{"role": "user", "content": "private words"}]}
FOLDER = Path(__file__).parents[2] / "vectors" / "fields"


def _policy(profile: str, **changes: Any) -> AttestationPolicy:
    """The profile's policy; `require` is about the machine that opens contents."""
    require = changes.pop("require", [TdxPolicy(measurements=[BUILD])])
    settings = {"require_tls_binding": True, "profile": profile, **changes}
    if profile == "aci-e2ee-v2":
        return AttestationPolicy(require=require, **settings)
    gateway = TdxPolicy(measurements=[GATEWAY])
    return AttestationPolicy(roles={"near-gateway": gateway, "near-model": require}, **settings)


def _adapter(profile: str, domain: str = "127.0.0.1"):
    given = TdxEndorsements(collateral=collateral())
    if profile == "aci-e2ee-v2":
        return AciAdapter(domain, lambda quote: given)
    return NearAdapter("m", given, accept_unbound_fields=True)


def _endpoint(server: FieldService, profile: str, **changes: Any) -> AttestedEndpoint:
    adapter = changes.pop("adapter", None) or _adapter(profile)
    policy = changes.pop("policy", None) or _policy(profile)
    return AttestedEndpoint(f"{server.url}/v1", policy, adapter=adapter, roots=ROOTS)


@pytest.fixture(scope="module")
def tls(tmp_path_factory) -> Identity:
    return Identity(tmp_path_factory.mktemp("tls"))


def _ask(
    server: FieldService, profile: str, tls: Identity, body: Any = CHAT, **changes: Any
) -> Any:
    transport = AttestedTransport(_endpoint(server, profile, **changes), verify=trusting(tls))
    with httpx.Client(transport=transport) as client:
        reply = client.post(f"{server.url}/v1/chat/completions", json=body)
        return reply.json() if not body.get("stream") else reply.text


@pytest.mark.parametrize("profile", PROFILES)
def test_contents_are_sealed_both_ways(tls, profile) -> None:
    with SERVICES[profile](tls) as server:
        answer = _ask(server, profile, tls)
        message = answer["choices"][0]["message"]
        assert message["content"] == "echo private words"
        assert message["reasoning_content"] == "hm"
        assert answer["usage"]["total_tokens"] == 3
        streamed = _ask(server, profile, tls, {**CHAT, "stream": True})
        events = [json.loads(line[6:]) for line in streamed.split("\n\n") if "{" in line]
        assert [e["choices"][0]["delta"]["content"] for e in events] == [
            "",
            "echo",
            "private",
            "words",
        ]
        assert streamed.endswith("data: [DONE]\n\n")
        assert server.seen == [["private words"]] * 2
        assert b"private" not in server.wire
        keys = {r.headers["x-client-pub-key"] for r in server.requests if r.method == "POST"}
        assert len(keys) == 2  # none is used twice


@pytest.mark.parametrize("profile", PROFILES)
def test_async_transport(tls, profile) -> None:
    async def ask(server: FieldService) -> list[str]:
        transport = AsyncAttestedTransport(_endpoint(server, profile), verify=trusting(tls))
        async with httpx.AsyncClient(transport=transport) as client:
            url = f"{server.url}/v1/chat/completions"
            whole = await client.post(url, json=CHAT)
            stream = await client.post(url, json={**CHAT, "stream": True})
        return [whole.json()["choices"][0]["message"]["content"], stream.text[-14:]]

    with SERVICES[profile](tls) as server:
        assert asyncio.run(ask(server)) == ["echo private words", "data: [DONE]\n\n"]


@pytest.mark.parametrize(("profile", "status"), [("aci-e2ee-v2", 400), ("near-ed25519-v2", 421)])
def test_a_replaced_key_is_attested_again_once(tls, profile, status) -> None:
    with SERVICES[profile](tls) as server:
        server.mismatch = status
        endpoint = _endpoint(server, profile)
        with httpx.Client(transport=AttestedTransport(endpoint, verify=trusting(tls))) as client:
            url = f"{server.url}/v1/chat/completions"
            client.post(url, json=CHAT).raise_for_status()
            first = endpoint.report
            server.rotate()
            client.post(url, json=CHAT).raise_for_status()
            assert endpoint.report is not first
            assert server.seen == [["private words"]] * 2
            # A service that never agrees with its own evidence is asked twice, not for ever.
            before = len(server.requests)
            kept, server.public = server.public, "00" * 32
            document = server.document

            def disagreeing(nonce: bytes) -> dict:
                server.public = kept
                made = document(nonce)
                server.public = "00" * 32
                return made

            server.document = disagreeing
            with pytest.raises(ChannelError, match="refuses the key"):
                client.post(url, json=CHAT)
            assert [r.method for r in server.requests[before:]] == ["POST", "GET", "POST"]


@pytest.mark.parametrize("profile", PROFILES)
def test_chat_model(tls, profile, monkeypatch) -> None:
    # The model makes its endpoint itself, under the vendors' roots; here they are the test's.
    made = lambda *args, **settings: AttestedEndpoint(*args, roots=ROOTS, **settings)  # noqa: E731
    monkeypatch.setattr("langchain_privacy.secure.chat_model.AttestedEndpoint", made)
    with SERVICES[profile](tls) as server:
        model = SecureChatModel(
            endpoint=f"{server.url}/v1",
            model="m",
            policy=_policy(profile),
            adapter=_adapter(profile),
            tls=trusting(tls),
        )
        messages = [SystemMessage("a"), HumanMessage("b"), AIMessage("c"), HumanMessage("[1, 2]")]
        answer = model.invoke(messages)
        assert answer.content.startswith('echo [{"type":"text"')
        skipped = answer.response_metadata["attestation"]["checks_skipped"]
        assert "endpoint.settings" in skipped
        if profile == "near-ed25519-v2":
            assert {"endpoint.field_binding", "endpoint.answer_origin"} <= set(skipped)
        assert "".join(c.content for c in model.stream("private words")) == "echoprivatewords"
        before = len(server.requests)
        with pytest.raises(ChannelError, match="'tools' would be sent in clear"):
            model.bind_tools([{"type": "function", "function": {"name": "f"}}]).invoke("x")
        assert len(server.requests) == before
        model.http_client.close()
        assert b"private" not in server.wire


# --- What would be sent in clear ---


@pytest.mark.parametrize(
    "changes",
    [
        {"tools": [{"type": "function"}]},
        {"response_format": {"type": "json_object"}},
        {"user": "Jane"},
        {"stop": ["Jane"]},
        {"metadata": {"a": "b"}},
        {"messages": [{"role": "user", "content": "x", "name": "Jane"}]},
        {"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}]},
        {"messages": [{"role": "user"}]},
        {"messages": ["x"]},
        {"messages": "x"},
        {"messages": [{"role": "user", "content": "\ud800"}]},
        {"model": "m\ud800"},
        {"model": None},
        {"model": 7},
    ],
    ids=repr,
)
@pytest.mark.parametrize("cipher", [AciCipher, NearCipher])
def test_what_would_go_in_clear_is_refused(cipher, changes) -> None:
    key = X25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(ChannelError) as refused:
        seal_request(json.dumps({**CHAT, **changes}).encode(), cipher(key))
    assert "Jane" not in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a":1,"a":2}', b"null"])
def test_what_is_no_chat_is_refused(body) -> None:
    with pytest.raises(ChannelError):
        seal_request(body, NearCipher(bytes(32)))


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/models"), ("POST", "/v1/embeddings"), ("POST", "/v1/chat/completions?a=b")],
)
def test_other_requests_are_not_sent(tls, method, path) -> None:
    with AciService(tls) as server:
        transport = AttestedTransport(_endpoint(server, PROFILES[0]), verify=trusting(tls))
        with httpx.Client(transport=transport) as client, pytest.raises(ChannelError, match="only"):
            client.request(method, server.url + path)
        assert [r.method for r in server.requests] == ["GET"]  # the attestation


# --- Answers ---


def _first(answer: dict, part: str = "message") -> dict:
    return answer["choices"][0][part]


def _flip(text: str, at: int) -> str:
    return text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :]


def _clear(sealed: dict, clear: dict) -> dict:
    return clear


def _with(**members: Any) -> Callable[[dict, dict], dict]:
    def change(sealed: dict, _: dict) -> dict:
        _first(sealed).update(members)
        return sealed

    return change


def _flipped(sealed: dict, _: dict) -> dict:
    _first(sealed)["content"] = _flip(_first(sealed)["content"], -1)
    return sealed


def _short(sealed: dict, _: dict) -> dict:
    _first(sealed)["content"] = "00" * 40
    return sealed


def _low_order(sealed: dict, _: dict) -> dict:
    _first(sealed)["content"] = "00" * 32 + _first(sealed)["content"][64:]
    return sealed


def _logprobs(sealed: dict, _: dict) -> dict:
    sealed["choices"][0]["logprobs"] = {"content": [{"token": "secret"}]}
    return sealed


ANSWERS = {
    "in_clear": _clear,
    "bit_flipped": _flipped,
    "too_short": _short,
    "low_order_key": _low_order,
    "tool_call_in_clear": _with(tool_calls=[{"id": "1", "function": {"name": "f"}}]),
    "parts_in_clear": _with(content=[{"type": "text", "text": "hello"}]),
    "unknown_member": _with(thoughts="hello"),
    "logprobs_in_clear": _logprobs,
    "no_choices": lambda sealed, _: {"id": sealed["id"]},
    "id_is_no_text": lambda sealed, _: {**sealed, "id": 7},
    "list": lambda sealed, _: [sealed],
}


@pytest.mark.parametrize("change", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("profile", PROFILES)
def test_changed_answers_are_refused(tls, profile, change) -> None:
    with SERVICES[profile](tls, change=change) as server, pytest.raises(ChannelError):
        _ask(server, profile, tls)


def _moved(sealed: dict, _: dict) -> dict:
    message = _first(sealed)
    message["content"], message["reasoning_content"] = (
        message["reasoning_content"],
        message["content"],
    )
    return sealed


BOUND = {
    "moved_to_another_field": _moved,
    "another_answer_id": lambda sealed, _: {**sealed, "id": "chatcmpl-2"},
    "another_choice": lambda sealed, _: {
        **sealed,
        "choices": [{**sealed["choices"][0], "index": 1}],
    },
}


@pytest.mark.parametrize("change", BOUND.values(), ids=BOUND)
def test_aci_binds_fields_to_their_place(tls, change) -> None:
    with AciService(tls, change=change) as server, pytest.raises(ChannelError):
        _ask(server, "aci-e2ee-v2", tls)


@pytest.mark.parametrize("profile", PROFILES)
def test_answer_to_another_request_does_not_open(tls, profile) -> None:
    kept: list[dict] = []

    def replay(sealed: dict, _: dict) -> dict:
        kept.append(sealed)
        return kept[0]

    with SERVICES[profile](tls, change=replay) as server:
        endpoint = _endpoint(server, profile)
        with httpx.Client(transport=AttestedTransport(endpoint, verify=trusting(tls))) as client:
            url = f"{server.url}/v1/chat/completions"
            client.post(url, json=CHAT).raise_for_status()
            with pytest.raises(ChannelError):
                client.post(url, json=CHAT)


def _body(change: Callable[[bytes], bytes], **more: Any) -> Callable[[Reply], Reply]:
    def reply(given: Reply) -> Reply:
        whole = given.body if isinstance(given.body, bytes) else b"".join(given.body)
        return dataclasses.replace(given, body=change(whole), **more)

    return reply


REPLIES = {
    "cut_before_done": _body(lambda b: b.replace(b"data: [DONE]\r\n\r\n", b"")),
    "cut_in_an_event": _body(lambda b: b[: len(b) // 2]),
    "event_after_done": _body(lambda b: b + b"data: {}\n\n"),
    "event_of_another_kind": _body(lambda b: b"event: error\ndata: {}\n\n" + b),
    "event_is_no_json": _body(lambda b: b"data: hello\n\n" + b),
    "html": _body(lambda b: b, headers={"Content-Type": "text/html"}),
    "no_type": _body(lambda b: b, headers={}),
    "error": _body(lambda _: b'{"error": "private words"}', status=400),
    "redirect": _body(lambda _: b"", status=302, headers={"Location": "https://x"}),
    "empty": _body(lambda _: b""),
}


@pytest.mark.parametrize(
    ("name", "stream"),
    [(n, s) for n in REPLIES for s in (True, False) if s or n != "cut_before_done"],
)
def test_broken_answers_are_refused(tls, name, stream) -> None:
    reply = REPLIES[name]
    with AciService(tls, reply=reply) as server, pytest.raises(ChannelError) as refused:
        _ask(server, "aci-e2ee-v2", tls, {**CHAT, "stream": stream})
    assert "private" not in str(refused.value)


# --- Evidence ---


def _changed(path: str, value: Any) -> Callable[[dict], dict]:
    def change(document: dict) -> dict:
        at: Any = document
        *way, last = path.split(".")
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at[step]
        at[int(last) if isinstance(at, list) else last] = value
        return document

    return change


KEYSET = "attestation.workload_keyset"
DOCUMENTS = [
    (0, _changed(f"{KEYSET}.e2ee_public_keys.1.public_key", "ab" * 32), EvidenceExpiredError),
    (0, _changed(f"{KEYSET}.tls_public_keys.0.spki_sha256", "ab" * 32), EvidenceExpiredError),
    (0, _changed(f"{KEYSET}.not_after", 1), EvidenceExpiredError),
    (0, _changed(f"{KEYSET}.not_after", 1.5), EvidenceInvalidError),
    (0, _changed(f"{KEYSET}.subject", "\u00e9"), EvidenceInvalidError),
    (0, _changed(KEYSET, None), EvidenceInvalidError),
    (0, _changed("attestation.tee_type", "sev_snp"), EvidenceInvalidError),
    (0, _changed("attestation.evidence.quote", "00"), EvidenceInvalidError),
    (0, _changed("api_version", "aci/2"), EvidenceInvalidError),
    (0, _changed("service_capabilities.supported_e2ee_versions", ["3"]), EvidenceInvalidError),
    (0, lambda _: {}, EvidenceInvalidError),
    (1, _changed("model_attestations", []), EvidenceInvalidError),
    (1, _changed("model_attestations.0.signing_address", "ab" * 32), EvidenceExpiredError),
    (1, _changed("model_attestations.0.signing_public_key", "ab" * 32), EvidenceInvalidError),
    (1, _changed("model_attestations.0.signing_algo", "ecdsa"), EvidenceInvalidError),
    (1, _changed("gateway_attestation.tls_cert_fingerprint", "ab" * 32), EvidenceExpiredError),
    (1, _changed("gateway_attestation.tls_cert_fingerprint", None), EvidenceExpiredError),
    (1, _changed("gateway_attestation", None), EvidenceInvalidError),
    (1, lambda _: {}, EvidenceInvalidError),
]


@pytest.mark.parametrize(("which", "report", "error"), DOCUMENTS)
def test_changed_evidence_is_refused(tls, which, report, error) -> None:
    profile = PROFILES[which]
    with SERVICES[profile](tls, report=report) as server:
        with pytest.raises(error):
            _ask(server, profile, tls)
        assert [r.method for r in server.requests] == ["GET"]


@pytest.mark.parametrize("profile", PROFILES)
def test_replayed_evidence_is_refused(tls, profile) -> None:
    kept: list[dict] = []
    with SERVICES[profile](tls, report=lambda d: (kept.append(d), kept[0])[1]) as server:
        _ask(server, profile, tls)
        with pytest.raises(EvidenceExpiredError):
            _ask(server, profile, tls)


@pytest.mark.parametrize("profile", PROFILES)
def test_tls_that_ends_elsewhere_is_refused(tls, tmp_path, profile) -> None:
    with SERVICES[profile](tls, named=Identity(tmp_path, "other")) as server:
        with pytest.raises(PolicyMismatchError, match="TLS"):
            _ask(server, profile, tls)
        assert [r.method for r in server.requests] == ["GET"]


@pytest.mark.parametrize("profile", PROFILES)
def test_policies_that_want_something_else_refuse(tls, profile) -> None:
    other = TdxMeasurement(mr_td="00" * 48, rtmr1="00" * 48, rtmr2="00" * 48)
    with SERVICES[profile](tls) as server:
        for require in (
            [TdxPolicy(measurements=[other])],
            [TdxPolicy(measurements=[BUILD]), NvidiaGpuPolicy()],
        ):
            policy = _policy(profile, require=require)
            with pytest.raises(PolicyMismatchError):
                attest(_endpoint(server, profile, policy=policy), verify=trusting(tls))
        with pytest.raises(AttestationError, match="no other will do"):
            swapped = dataclasses.replace(
                _policy(profile), profile=PROFILES[1 - PROFILES.index(profile)]
            )
            attest(_endpoint(server, profile, policy=swapped), verify=trusting(tls))


def test_keyset_without_a_tls_key_for_the_domain_is_refused(tls) -> None:
    with AciService(tls) as server, pytest.raises(EvidenceInvalidError, match="one TLS key"):
        _ask(server, "aci-e2ee-v2", tls, adapter=_adapter("aci-e2ee-v2", "other.example"))


def test_these_profiles_need_tls_and_consent() -> None:
    require = [TdxPolicy(measurements=[BUILD])]
    for profile in PROFILES:
        with pytest.raises(ConfigurationError, match="require_tls_binding"):
            AttestationPolicy(require=require, profile=profile)
        with pytest.raises(ConfigurationError, match="https"):
            AttestedEndpoint("http://llm.example.com", _policy(profile))
    with pytest.raises(ConfigurationError, match="accept_unbound_fields"):
        NearAdapter("m", TdxEndorsements(collateral=""))


# --- Published vectors ---


def test_aci_published_vectors() -> None:
    given = json.loads((FOLDER / "aci_v2.json").read_text())
    digest = aci_adapter.keyset_digest(given["keyset"])
    assert digest == given["keyset_digest"]
    nonce = bytes.fromhex(given["nonce"])
    assert aci_adapter.report_data(digest, nonce).hex() == given["report_data"]
    cipher = AciCipher(bytes(32))
    cipher._nonce, cipher._time = given["nonce"], given["timestamp"]
    request = cipher._bound("request", model="demo-model", field="messages.0.content")
    assert request.decode() == given["request_aad"]
    answer = {"model": "demo-model", "field": "choices.0.message.content", "id": "chatcmpl-123"}
    assert cipher._bound("response", **answer).decode() == given["response_aad"]


def test_near_opens_what_its_own_sdk_sealed() -> None:
    given = json.loads((FOLDER / "near_ed25519_v2.json").read_text())
    public = bytes.fromhex(given["ed25519_public"])
    assert ed25519_to_x25519(public).hex() == given["x25519_public"]
    cipher = NearCipher(public)
    seed = hashlib.sha512(bytes.fromhex(given["ed25519_seed"])).digest()[:32]
    cipher._own = X25519PrivateKey.from_private_bytes(seed)
    for field in given["fields"]:
        assert cipher.open("any", field["sealed"], model="m", answer_id="") == field["text"]
        with pytest.raises(ChannelError):
            cipher.open("any", _flip(field["sealed"], 70), model="m", answer_id="")
    for bad in (b"", bytes(31), b"\xff" * 32, b"\1" + bytes(31)):
        with pytest.raises(ChannelError):
            ed25519_to_x25519(bad)


def test_xchacha_published_vectors() -> None:
    """draft-irtf-cfrg-xchacha-03, sections 2.2.1 and A.3.1."""
    key = hchacha20(bytes(range(32)), bytes.fromhex("000000090000004a0000000031415927"))
    assert key.hex() == "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    text = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        b"future, sunscreen would be it."
    )
    key, nonce = bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58))
    aad = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    aead = XChaCha20Poly1305(key)
    sealed = aead.encrypt(nonce, text, aad)
    assert sealed.hex().startswith(
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
    )
    assert sealed.hex().endswith("c0875924c1c7987947deafd8780acf49")
    assert aead.decrypt(nonce, sealed, aad) == text
    with pytest.raises(InvalidTag):
        aead.decrypt(nonce, sealed)
