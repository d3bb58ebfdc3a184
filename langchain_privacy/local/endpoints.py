"""A local model that is not local is refused.

    assert_local(ChatOllama(model="qwen3"), allowed_networks=["192.168.1.0/24"])

`call_local` asks this before each call, Minions and private SQL when they are given a model. Looked
at is where the model's own HTTP client would really go, after every environment variable:
`ChatOpenAI()` without a base URL goes to api.openai.com, `ChatOllama` to wherever `OLLAMA_HOST`
points, either through the proxy of `HTTP_PROXY`, and an Ollama server on loopback passes models
named `…-cloud` on to ollama.com.
"""

import http.client
import ipaddress
import json
import socket
import time
import urllib.request
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableBinding

from langchain_privacy.errors import ConfigurationError

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_IN_PROCESS = frozenset(
    {"ChatLlamaCpp", "ChatMLX", "HuggingFacePipeline", "HuggingFaceEmbeddings"}
    | {"LlamaCppEmbeddings", "OnnxEmbeddings"}
)
"""Classes of LangChain's packages that compute in this process and open no connection."""

_ASK_SECONDS = 10.0
_BELIEVED_SECONDS = 60.0
_shown: dict[tuple[str, str], float] = {}
"""When an Ollama server last said that a model runs there: not to be asked before each call."""

_URL_FIELDS = ("base_url", "api_base", "endpoint", "endpoint_url", "inference_server_url", "host")


def assert_local(
    model: BaseChatModel | Embeddings | RunnableBinding[Any, Any] | str,
    *,
    allowed_networks: Iterable[str] = (),
) -> None:
    """Refuse a model whose traffic leaves this machine and the networks that the user named.

    A model class without an HTTP client is accepted when it computes in this process: llama.cpp,
    MLX, `ChatHuggingFace` on a pipeline, LangChain's fakes, and classes of your own that hold no
    API key. Other classes of LangChain's packages are refused.

    Args:
        model: A chat model, embeddings, or the URL of their server.
        allowed_networks: Private ranges that count as local beside loopback, such as
            `"192.168.1.0/24"`.

    Raises:
        ConfigurationError: It is not local, or cannot be shown to be. A host name that cannot be
            resolved is not local either.
    """
    networks = [_network(text) for text in allowed_networks]
    if isinstance(model, str):
        _check_url(model, networks, "The local model")
        _check_environment_proxy(urlsplit(model))
        return
    inner: Any = model
    bound: list[Any] = []
    while isinstance(inner, RunnableBinding):
        bound.append(inner.kwargs.get("model"))
        inner = inner.bound
    if not isinstance(inner, BaseChatModel | Embeddings):
        # Fallbacks and configurable fields show the first model's fields, and may call another.
        msg = (
            f"{type(inner).__name__} cannot be shown to be local: give the chat model itself, "
            "without fallbacks or fields that are set later."
        )
        raise ConfigurationError(msg)
    _check(inner, networks, bound)


def _check(model: Any, networks: list[_Network], bound: list[Any]) -> None:
    """Check a model; `bound` are names that bindings put in place of its own, outermost first."""
    name = type(model).__name__
    own = getattr(model, "model", None) or getattr(model, "model_name", None)
    names = [named for named in (*bound, own) if named]
    if any(map(_is_cloud_name, names)):
        msg = (
            f"{name} names a model that Ollama runs in its cloud (…-cloud): it is not local. Use "
            "one that is pulled to this machine."
        )
        raise ConfigurationError(msg)
    clients = list(_clients(model))
    for url, client in clients:
        _check_url(str(url), networks, name)
        _check_proxy(url, client, name)
        if hasattr(model, "num_ctx"):  # ChatOllama
            _check_ollama(str(url), str(names[0]), name)
    if clients:
        return
    fields = (getattr(model, field, None) for field in _URL_FIELDS)
    urls = [url for url in fields if isinstance(url, str)]
    for url in urls:
        _check_url(url, networks, name)
        _check_environment_proxy(urlsplit(url))
    if not urls and not _computes_here(model):
        msg = (
            f"{name} cannot be shown to be local: it names no server on this machine. Use "
            "ChatOllama or ChatOpenAI at a local server, embedded_chat_model(), or a class that "
            "computes in this process."
        )
        raise ConfigurationError(msg)


def _clients(model: Any) -> Iterator[tuple[Any, Any]]:
    """Yield URL and httpx client of `BaseChatOpenAI` and `ChatOllama`, sync and async."""
    for name in ("root_client", "root_async_client", "_client", "_async_client"):
        outer = getattr(model, name, None)
        inner = getattr(outer, "_client", None)
        if inner is not None and hasattr(inner, "base_url"):
            # OpenAI's client has its own; a user's httpx client below it has none.
            yield getattr(outer, "base_url", inner.base_url), inner


def _check_ollama(url: str, model: str, who: str) -> None:
    """Ask Ollama whether it hands the model on: a cloud model may be copied to any name."""
    if time.monotonic() - _shown.get((url, model), -_BELIEVED_SECONDS) < _BELIEVED_SECONDS:
        return
    parts = urlsplit(url)
    connection = connected(parts, _ASK_SECONDS)
    try:
        connection.request(
            "POST", f"{parts.path.rstrip('/')}/api/show", json.dumps({"model": model})
        )
        about = json.loads(connection.getresponse().read())
    except TimeoutError:
        msg = f"{who}: its server does not say in time where the model runs. Try again."
        raise ConfigurationError(msg) from None
    except (OSError, http.client.HTTPException, ValueError):
        return  # a server that is down sends nothing anywhere; call_local will say so
    finally:
        connection.close()
    if isinstance(about, dict) and (about.get("remote_host") or about.get("remote_model")):
        msg = f"{who} names a model that Ollama runs elsewhere: it is not local. Pull one that is."
        raise ConfigurationError(msg)
    _shown[url, model] = time.monotonic()


def connected(url: SplitResult, seconds: float) -> http.client.HTTPConnection:
    """Return a connection without proxies, redirects and hooks: nobody else sees what is sent."""
    connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    return connect(url.hostname or "", url.port, timeout=seconds)


def _is_cloud_name(model: Any) -> bool:
    if not isinstance(model, str):
        return False
    tag = model.rsplit(":", 1)[-1].lower()
    return tag == "cloud" or tag.endswith("-cloud")


def _computes_here(model: Any) -> bool:
    cls = type(model)
    if cls.__name__ == "ChatHuggingFace":
        return type(getattr(model, "llm", None)).__name__ in _IN_PROCESS
    if cls.__name__ in _IN_PROCESS:
        return True
    package = cls.__module__.split(".")[0]
    if package == "langchain_core":
        return True
    fields = getattr(cls, "model_fields", {})  # embeddings may be no pydantic model
    holds_key = any("SecretStr" in str(f.annotation) for f in fields.values())
    return not package.startswith("langchain") and not holds_key


def _network(text: str) -> _Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        msg = f"allowed_networks: {text!r} is not a network such as '192.168.1.0/24'."
        raise ConfigurationError(msg) from None
    if not network.is_private:
        msg = f"allowed_networks: {text} is not a private range; what is public is not local."
        raise ConfigurationError(msg)
    return network


def _check_url(url: str, networks: list[_Network], who: str) -> None:
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname, parts.scheme
        port = parts.port or (443 if scheme == "https" else 80)
    except ValueError:
        host, scheme, port = None, "", 0
    # Characters at which parsers of URLs disagree about where the host begins.
    if not host or scheme not in {"http", "https"} or any(c in url for c in "\\@ \t\r\n"):
        msg = f"{who}: the address must be plain, such as http://127.0.0.1:11434."
        raise ConfigurationError(msg)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        msg = f"{who}: the host {host} cannot be resolved, so it cannot be shown to be local."
        raise ConfigurationError(msg) from None
    for *_, address in found:
        if not _is_local(ipaddress.ip_address(str(address[0]).split("%")[0]), networks):
            msg = (
                f"{who} is at {host}, which is not this machine. Name its private network in "
                "allowed_networks, or use a server on loopback (ChatOpenAI needs base_url=, "
                "Ollama reads OLLAMA_HOST)."
            )
            raise ConfigurationError(msg)


def _is_local(address: _Address, networks: list[_Network]) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    # 0.0.0.0 is "this host" (RFC 1122, 3.2.1.3): people set OLLAMA_HOST to it.
    if address.is_loopback or address.is_unspecified:
        return True
    return any(address in network for network in networks)


def _check_proxy(url: Any, client: Any, who: str) -> None:
    """Refuse a client of httpx or httpx2 that would not go to `url` directly."""
    transport = client._transport_for_url(url)  # noqa: SLF001 - no public way
    pool = type(getattr(transport, "_pool", None)).__name__
    if transport is not client._transport or "Proxy" in pool or "SOCKS" in pool:  # noqa: SLF001
        raise _proxied(who)


def _check_environment_proxy(url: SplitResult) -> None:
    proxies = urllib.request.getproxies()
    if not ({url.scheme, "all"} & proxies.keys()):
        return
    if not urllib.request.proxy_bypass(url.hostname or ""):
        raise _proxied("The local model")


def _proxied(who: str) -> ConfigurationError:
    msg = (
        f"{who} would be reached through a proxy, which would see real values: put the host into "
        "NO_PROXY, or give the model an HTTP client with trust_env=False."
    )
    return ConfigurationError(msg)
