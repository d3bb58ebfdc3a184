import itertools
import json
import socket
from typing import Any

import openai
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.outputs import ChatResult
from langchain_core.runnables import ConfigurableField
from langchain_ollama import ChatOllama
from langchain_openai import AzureChatOpenAI, ChatOpenAI
from pydantic import SecretStr

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.local import EmbeddedServer, assert_local, endpoints
from tests.support.http import RecordingServer, Reply
from tests.support.scripted import ScriptedChatModel

NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "gpu.lan": ["192.168.1.7"],
    "both.example": ["127.0.0.1", "203.0.113.9"],
    "api.openai.com": ["203.0.113.1"],
    "ollama.com": ["203.0.113.2"],
    "x.openai.azure.com": ["203.0.113.3"],
}

PORTS = itertools.count(20_000)
"""New ones each time, because langchain-openai shares its HTTP clients by URL."""


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer for the name server, which tests do not reach."""
    real = socket.getaddrinfo

    def resolve(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host in NAMES:
            found = [real(a, port, *args, **kwargs) for a in NAMES[host]]
            return [info for infos in found for info in infos]
        if any(c.isalpha() for c in host) and ":" not in host:
            raise socket.gaierror
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.delenv("OLLAMA_HOST", raising=False)


def chat(base_url: str | None = None, **kwargs: Any) -> ChatOpenAI:
    return ChatOpenAI(base_url=base_url, api_key="none", model="m", **kwargs)


def ollama(**kwargs: Any) -> ChatOllama:
    return ChatOllama(**{"model": "qwen3:4b", **kwargs})


class Mine(BaseChatModel):
    """A class of the user's own."""

    @property
    def _llm_type(self) -> str:
        return "mine"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError


class Keyed(Mine):
    api_key: SecretStr | None = None


class AtUrl(Mine):
    endpoint_url: str


class ChatLlamaCpp(Mine):
    __module__ = "langchain_community.chat_models.llamacpp"


class ChatSomewhere(Mine):
    __module__ = "langchain_somewhere.chat_models"


@pytest.mark.parametrize(
    "model",
    [
        "http://127.0.0.1:11434",
        "http://localhost:8080/v1",
        "https://[::1]:8443/v1",
        "http://[::ffff:127.0.0.1]:80",
        "http://0.0.0.0:11434",
        "http://2130706433/",
        chat("http://127.0.0.1:8080/v1"),
        chat("http://localhost:1234/v1").bind(temperature=0).with_config(tags=["x"]),
        ollama(),
        ollama(base_url="http://127.0.0.1:11434"),
        ollama(model="my-cloud-notes:4b"),
        FakeListChatModel(responses=["x"]),
        ScriptedChatModel(responses=["x"]),
        Mine(),
        ChatLlamaCpp(),
        AtUrl(endpoint_url="http://127.0.0.1:1"),
    ],
    ids=lambda given: given if isinstance(given, str) else type(given).__name__,
)
def test_local(model: Any) -> None:
    assert_local(model)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("http://8.8.8.8/v1", "not this machine"),
        ("http://192.168.1.7/v1", "not this machine"),
        ("http://169.254.169.254/", "not this machine"),
        ("http://both.example/v1", "not this machine"),
        ("http://[::ffff:8.8.8.8]/", "not this machine"),
        ("http://nowhere.example/v1", "cannot be resolved"),
        ("http://127.0.0.1@8.8.8.8/", "must be plain"),
        ("http://8.8.8.8\\@127.0.0.1/", "must be plain"),
        ("ftp://127.0.0.1/", "must be plain"),
        ("127.0.0.1:11434", "must be plain"),
        ("http://127.0.0.1:99999/", "must be plain"),
        ("", "must be plain"),
        (chat(), "api.openai.com"),
        (chat("http://192.168.1.7/v1"), "not this machine"),
        (ollama(base_url="https://ollama.com"), "ollama.com"),
        (ollama(model="gpt-oss:120b-cloud"), "cloud"),
        (ollama(model="glm-4.6:CLOUD"), "cloud"),
        (chat("http://127.0.0.1:11434/v1").bind(model="x").bound.model_copy(
            update={"model_name": "kimi-k2:1t-cloud"}), "cloud"),
        (AzureChatOpenAI(azure_endpoint="https://x.openai.azure.com", api_key="x",
                         api_version="1", azure_deployment="m"), "not this machine"),
        (AtUrl(endpoint_url="https://api.openai.com"), "not this machine"),
        (ollama().bind(model="gpt-oss:120b-cloud"), "cloud"),
        (ollama().bind(model="x").bind(model="glm-4.6:cloud").with_config(tags=["x"]), "cloud"),
        (ollama().with_fallbacks([chat()]), "cannot be shown to be local"),
        (ollama().configurable_fields(base_url=ConfigurableField(id="u")), "cannot be shown"),
        ("http://[::]@8.8.8.8/", "must be plain"),
        ("http://127.0.0.1#@8.8.8.8/", "must be plain"),
        ("http://010.0.0.1/", "not this machine"),  # octal: 8.0.0.1
        ("http://[64:ff9b::7f00:1]/", "not this machine"),
        ("http://[fe80::1]/", "not this machine"),
        ("http://127.0.0.1.8.8.8.8.nip.example/", "cannot be resolved"),
        (Keyed(), "cannot be shown to be local"),
        (ChatSomewhere(), "cannot be shown to be local"),
    ],
    ids=lambda given: given if isinstance(given, str) else type(given).__name__,
)  # fmt: skip
def test_not_local(model: Any, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        assert_local(model)


def test_environment_variables_are_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "http://8.8.8.8:11434")
    with pytest.raises(ConfigurationError, match=r"8\.8\.8\.8"):
        assert_local(ollama())
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    assert_local(ollama())
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.openai.com/v1")
    with pytest.raises(ConfigurationError, match=r"api\.openai\.com"):
        assert_local(chat())
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1")
    assert_local(chat())


@pytest.mark.parametrize("about", [{"remote_host": "https://ollama.com:443"}, {"details": {}}])
def test_ollama_is_asked_whether_it_hands_the_model_on(about: Any) -> None:
    with RecordingServer(lambda _: Reply(body=json.dumps(about).encode())) as server:
        model = ollama(model="my-copy", base_url=server.url)
        if "remote_host" in about:
            with pytest.raises(ConfigurationError, match="runs elsewhere"):
                assert_local(model)
        else:
            assert_local(model)
    assert server.requests[0].path == "/api/show"
    assert server.requests[0].json == {"model": "my-copy"}


def test_ollama_is_asked_about_the_name_that_a_binding_puts() -> None:
    about = json.dumps({"remote_model": "gpt-oss:120b"}).encode()
    with (
        RecordingServer(lambda _: Reply(body=about)) as server,
        pytest.raises(ConfigurationError, match="runs elsewhere"),
    ):
        assert_local(ollama(base_url=server.url).bind(model="my-copy"))
    assert server.requests[0].json == {"model": "my-copy"}


def test_an_ollama_that_does_not_answer_is_not_shown_to_be_local(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoints, "_ASK_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match="does not say in time"):
            assert_local(ollama(base_url=url))


def test_private_networks_count_when_they_are_named() -> None:
    assert_local("http://gpu.lan:8000/v1", allowed_networks=["192.168.1.0/24"])
    assert_local(chat("http://192.168.1.7/v1"), allowed_networks=["10.0.0.0/8", "192.168.1.7/32"])
    with pytest.raises(ConfigurationError, match="not this machine"):
        assert_local("http://gpu.lan:8000/v1", allowed_networks=["192.168.2.0/24"])
    with pytest.raises(ConfigurationError, match="not a private range"):
        assert_local("http://8.8.8.8/", allowed_networks=["8.8.8.0/24"])
    with pytest.raises(ConfigurationError, match="not a private range"):
        assert_local("http://8.8.8.8/", allowed_networks=["0.0.0.0/0"])
    with pytest.raises(ConfigurationError, match="not a network"):
        assert_local("http://127.0.0.1/", allowed_networks=["office"])


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_is_refused_unless_it_is_passed_by(
    variable: str, monkeypatch: pytest.MonkeyPatch, embedded: EmbeddedServer
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:3128")
    makes = [
        lambda: f"http://127.0.0.1:{next(PORTS)}",
        ollama,
        lambda: chat(f"http://127.0.0.1:{next(PORTS)}/v1"),
    ]
    for make in makes:
        monkeypatch.delenv("NO_PROXY", raising=False)
        with pytest.raises(ConfigurationError, match="through a proxy"):
            assert_local(make())
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert_local(make())
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert_local(embedded.chat_model())


def test_an_explicit_proxy_is_refused() -> None:
    url = "http://127.0.0.1:8080/v1"
    proxy = "http://127.0.0.1:3128"
    client = openai.DefaultHttpxClient(proxy=proxy)
    models = [
        chat(url, openai_proxy=proxy),
        chat(url, http_client=client),
        ollama(client_kwargs={"proxy": proxy}),
    ]
    for model in models:
        with pytest.raises(ConfigurationError, match="through a proxy"):
            assert_local(model)
