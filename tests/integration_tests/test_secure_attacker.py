"""A real proxy process on the path: whatever it does, the call raises and nothing is readable."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import openai
import pytest

from langchain_privacy.errors import (
    AttestationError,
    ChannelError,
    EndpointUnavailableError,
    PrivacyError,
)
from langchain_privacy.secure import (
    AttestationPolicy,
    AttestedTransport,
    SecureChatModel,
    SimulatedTee,
    UnsafeSimulatedTee,
    create_gateway,
)
from tests.support.asgi import AsgiServer
from tests.support.attested import attacker
from tests.support.http import OpenAIServer

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")

SECRET, ANSWER, KEY = "patient-4711-has-gout", "secret-diagnosis-0815", "sk-top-secret-key"

EVIDENCE = [
    "swap_key",
    "swap_key_and_evidence",
    "replay_evidence",
    "replay_evidence_with_new_nonce",
    "replica_keys",
    "replica_evidence",
    "downgrade_keys",
    "duplicate_member",
    "unknown_member",
    "other_format",
    "endless_evidence",
    "evidence_error_page",
    "evidence_redirect",
]
CHANNEL = [
    "strip_request_headers",
    "flip_request",
    "truncate_request",
    "replace_request",
    "plaintext_answer",
    "plaintext_answer_with_nonce",
    "plaintext_error",
    "redirect",
    "endless_422",
    "replica_requests",
    "replica_answer",
    "truncate",
    "truncate_in_frame",
    "reorder",
    "duplicate",
    "flip_answer",
    "oversized_frame",
    "two_nonces",
    "strip_response_headers",
    "uppercase_nonce",
    "replay_request",
]

NONCE_HEADER = ("two_nonces", "uppercase_nonce")  # only EHBP has one


@pytest.fixture(scope="module")
def gateway() -> Iterator[tuple[AsgiServer, OpenAIServer]]:
    with OpenAIServer(lambda request: ANSWER) as upstream:
        app = create_gateway(upstream.url.removesuffix("/v1"), SimulatedTee())
        with AsgiServer(app) as server:
            yield server, upstream


@pytest.fixture(scope="module")
def replica(gateway) -> Iterator[AsgiServer]:
    """Another machine of the same build, which has keys of its own."""
    app = create_gateway(gateway[1].url.removesuffix("/v1"), SimulatedTee())
    with AsgiServer(app) as server:
        yield server


@pytest.fixture(scope="module")
def proxy(gateway, replica) -> Iterator[str]:
    with attacker(gateway[0].port, replica.port) as at:
        yield f"http://127.0.0.1:{at}"


@pytest.fixture
def attack(proxy, tmp_path) -> Callable[[str], tuple[str, Path]]:
    """Choose what the attacker does; gives its URL and the file with all it saw."""

    def choose(mode: str) -> tuple[str, Path]:
        log = tmp_path / "wire.bin"
        log.touch()
        httpx.get(f"{proxy}/__attack/{mode}?{log}").raise_for_status()
        return proxy, log

    return choose


def _model(url: str, profile: str) -> SecureChatModel:
    policy = AttestationPolicy(require=[UnsafeSimulatedTee()], allow_unsafe=True, profile=profile)
    return SecureChatModel(endpoint=f"{url}/v1", model="m", policy=policy, api_key=KEY)


def _unreadable(log: Path, profile: str) -> None:
    wire = log.read_bytes()
    assert wire
    assert SECRET.encode() not in wire
    assert ANSWER.encode() not in wire
    if profile == "x-wing":
        assert KEY.encode() not in wire
        assert b"chat/completions" not in wire


def _call(model: SecureChatModel, how: str) -> str:
    if how == "invoke":
        return str(model.invoke(SECRET).content)
    return "".join(str(chunk.content) for chunk in model.stream(SECRET))


@pytest.mark.parametrize("profile", ["x-wing", "ehbp-x25519"])
def test_honest_path_works_and_is_unreadable(gateway, attack, profile) -> None:
    url, log = attack("nothing")
    model = _model(url, profile)
    assert _call(model, "invoke") == ANSWER
    assert _call(model, "stream") == ANSWER
    _unreadable(log, profile)


@pytest.mark.parametrize("mode", EVIDENCE)
def test_attacked_evidence_is_refused_before_the_first_byte(gateway, attack, mode) -> None:
    _, upstream = gateway
    before = len(upstream.requests)
    url, log = attack(mode)
    with pytest.raises(AttestationError):
        _call(_model(url, "x-wing"), "invoke")
    wire = log.read_bytes()
    assert b"POST" not in wire
    assert SECRET.encode() not in wire
    assert len(upstream.requests) == before


@pytest.mark.parametrize(
    ("mode", "profile"),
    [(mode, "x-wing") for mode in CHANNEL if mode not in NONCE_HEADER]
    + [(mode, "ehbp-x25519") for mode in CHANNEL],
)
def test_attacked_channel_is_refused(gateway, attack, mode, profile) -> None:
    assert gateway
    url, log = attack(mode)
    model = _model(url, profile)
    for how in ("invoke", "stream"):
        with pytest.raises(ChannelError) as refused:
            _call(model, how)
        assert SECRET not in str(refused.value)
        assert "forged" not in str(refused.value)
        assert refused.value.__cause__ is None
    _unreadable(log, profile)
    if mode == "endless_422":
        # Each call seals anew a few times, for there may be other machines, and then no more.
        most = 16 if profile == "x-wing" else 2
        assert log.read_bytes().count(b"REFUSED") == 2 * most


@pytest.mark.parametrize("profile", ["x-wing", "ehbp-x25519"])
@pytest.mark.parametrize("mode", ["status_503", "status_429"])
def test_a_rewritten_status_runs_a_request_once(gateway, attack, mode, profile) -> None:
    _, upstream = gateway
    url, log = attack(mode)
    before = len(upstream.requests)
    model = _model(url, profile)
    if profile == "x-wing":
        # The machine takes each request once, however often it is sent.
        with pytest.raises(EndpointUnavailableError):
            model.invoke(SECRET)
    else:
        # Nobody authenticates EHBP's status: the answer is an error, and nothing is sent again.
        with pytest.raises(openai.APIStatusError):
            model.invoke(SECRET)
    assert len(upstream.requests) - before == 1
    _unreadable(log, profile)


@pytest.mark.parametrize("profile", ["x-wing", "ehbp-x25519"])
def test_an_encoding_that_is_added_changes_nothing(gateway, attack, profile) -> None:
    _, upstream = gateway
    url, log = attack("encoding")
    before = len(upstream.requests)
    assert _call(_model(url, profile), "invoke") == ANSWER
    assert len(upstream.requests) - before == 1
    _unreadable(log, profile)


@pytest.mark.parametrize("mode", ["truncate", "truncate_in_frame"])
def test_truncated_stream_says_that_it_is_incomplete(gateway, attack, mode) -> None:
    url, _ = attack(mode)
    with pytest.raises(ChannelError, match="incomplete"):
        _call(_model(url, "x-wing"), "stream")


def test_replayed_request_reaches_the_model_once(gateway, attack) -> None:
    _, upstream = gateway
    before = len(upstream.requests)
    url, _ = attack("replay_request")
    with pytest.raises(ChannelError):
        _call(_model(url, "x-wing"), "invoke")
    assert len(upstream.requests) == before + 1


def test_answer_of_another_exchange_is_refused(gateway, attack) -> None:
    url, _ = attack("answer_of_another_exchange")
    model = _model(url, "x-wing")
    assert _call(model, "invoke") == ANSWER
    with pytest.raises(ChannelError):
        _call(model, "invoke")


def test_slow_drip_ends(gateway, attack) -> None:
    url, _ = attack("slow_drip")
    policy = AttestationPolicy(require=[UnsafeSimulatedTee()], allow_unsafe=True)
    transport = AttestedTransport(url, policy, max_seconds=1.0)
    with (
        httpx.Client(transport=transport) as client,
        pytest.raises(PrivacyError, match="longer than 1 s"),
    ):
        client.post(f"{url}/v1/chat/completions", json={"messages": [], "model": "m"})


def test_plaintext_to_the_gateway_is_refused(gateway) -> None:
    server, upstream = gateway
    before = len(upstream.requests)
    for path in ("/v1/chat/completions", "/", "/slots"):
        reply = httpx.post(server.url + path, json={"messages": [{"content": SECRET}]})
        assert reply.status_code == 403
        assert SECRET not in reply.text
    assert len(upstream.requests) == before
