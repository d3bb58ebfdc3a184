"""Which models the demo uses, and how what crosses to the remote one is kept.

with local_side() as local, remote_side() as remote:
print(local.about, remote.about)
"""

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel

from langchain_privacy.demo.standin import StandIn
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.local import EmbeddedServer

OLLAMA = "http://127.0.0.1:11434"
DEFAULT_REMOTE = "gpt-4o-mini"


@dataclass
class Side:
    """A model, what to call it, and what is to be known about it.

    Attributes:
        crossed: For the remote side: every request as it went over the wire.
    """

    model: BaseChatModel | None
    name: str
    about: str
    crossed: list[bytes] = field(default_factory=list, repr=False)


@contextmanager
def local_side(*, large: bool = False) -> Iterator[Side]:
    """Ollama when it answers on loopback, else the embedded model; the larger one when asked."""
    installed = ollama_models()
    if installed:
        try:
            from langchain_ollama import ChatOllama
        except ImportError:
            msg = 'Ollama answers; for it: pip install "langchain-privacy[ollama]"'
            raise ConfigurationError(msg) from None
        name = installed[0]
        yield Side(
            ChatOllama(model=name, base_url=OLLAMA, temperature=0), name, "Ollama on this machine"
        )
        return
    with EmbeddedServer(large=large) as server:
        use = "it judges sentences" if large else "it scores sentences, it does not write"
        about = f"embedded llama.cpp, this machine; {use}"
        yield Side(server.chat_model(), server.model_name, about)


@contextmanager
def remote_side(*, large: bool = False) -> Iterator[Side]:
    """The model of `OPENAI_API_KEY`, else a stand-in on loopback, reached by HTTP."""
    if os.environ.get("OPENAI_API_KEY"):
        name = os.environ.get("OPENAI_MODEL", DEFAULT_REMOTE)
        crossed: list[bytes] = []
        yield Side(
            _chat(model=name, http_client=_recording_client(crossed)),
            name,
            "the model of your OPENAI_API_KEY",
            crossed,
        )
        return
    with StandIn(large=large) as stand_in:
        model = _chat(
            model=stand_in.name,
            base_url=stand_in.base_url,
            api_key="none",
            max_retries=0,
            timeout=600,
        )
        size, does = "tiny", "(270M) that writes search words and weighs quotes, nothing more"
        if large:
            size, does = "small", "(1.5B) that writes search words and answers from quotes"
        about = (
            f"a STAND-IN on loopback over HTTP: a {size} model {does}. Set "
            "OPENAI_API_KEY to have a strong model plan and reason"
        )
        yield Side(model, stand_in.name, about, stand_in.received)


def _chat(**settings: Any) -> BaseChatModel:
    try:
        from langchain_openai import ChatOpenAI
    except ImportError:
        msg = 'ChatOpenAI is not installed: pip install "langchain-privacy[demo]"'
        raise ConfigurationError(msg) from None
    return ChatOpenAI(temperature=0, **settings)


def _recording_client(crossed: list[bytes]) -> Any:
    """Return an HTTP client that keeps what it sends; the key is not kept."""
    import openai

    def keep(request: Any) -> None:
        head = f"{request.method} {request.url} HTTP/1.1\r\n"
        for name, value in request.headers.items():
            shown = "(your key)" if name.lower() == "authorization" else value
            head += f"{name}: {shown}\r\n"
        crossed.append(f"{head}\r\n".encode() + request.read())

    return openai.DefaultHttpxClient(event_hooks={"request": [keep]})


def ollama_models() -> list[str]:
    """Return the names of Ollama's models on this machine; none where it does not answer."""
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{OLLAMA}/api/tags", timeout=0.5) as reply:
            return [str(model["name"]) for model in json.load(reply)["models"]]
    except (OSError, ValueError, KeyError):
        return []
