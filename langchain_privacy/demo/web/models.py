"""The models of the page: what reads here, and what stands in for the cloud.

Both are real endpoints, reached by HTTP. The embedded model is started when a scenario first wants
it and kept, since starting it costs seconds.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel

from langchain_privacy.demo.models import OLLAMA, StandIn
from langchain_privacy.egress import EgressGuard
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.local import EmbeddedServer
from langchain_privacy.testing.model_server import OpenAIServer

Hook = Callable[[Any], None]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which models a person chose on the page.

    Attributes:
        local: Name of a model of Ollama on this machine; `""` is the embedded one.
        address: Base URL of an OpenAI-compatible service, such as `https://api.openai.com/v1`;
            `""` is the stand-in on this machine.
        model: Its model.
        key: Its key; `""` takes `OPENAI_API_KEY`.
    """

    local: str = ""
    address: str = ""
    model: str = ""
    key: str = ""

    def __repr__(self) -> str:
        return f"<Chosen {self.local or 'embedded'}, {self.model or 'stand-in'}>"


class Models:
    """Models that are kept while the page is served; `with Models() as models:`."""

    def __init__(self) -> None:
        self._kept = ExitStack()
        self._lock = threading.Lock()
        self._embedded: EmbeddedServer | None = None
        self._stand_in: StandIn | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    def local(self, chosen: Chosen) -> BaseChatModel:
        """Return the model that may read the document."""
        if chosen.local:
            try:
                from langchain_ollama import ChatOllama
            except ImportError:
                msg = 'Models of Ollama need: pip install "langchain-privacy[ollama]"'
                raise ConfigurationError(msg) from None
            return ChatOllama(model=chosen.local, base_url=OLLAMA, temperature=0)
        with self._lock:
            if self._embedded is None:
                self._embedded = self._kept.enter_context(EmbeddedServer())
        return self._embedded.chat_model()

    def planner(self, chosen: Chosen, guard: EgressGuard, hook: Hook) -> BaseChatModel:
        """Return a remote model that plans and reasons: the chosen one, or a tiny stand-in."""
        if chosen.address:
            return _chat(chosen, guard, hook)
        with self._lock:
            if self._stand_in is None:
                self._stand_in = self._kept.enter_context(StandIn())
        here = Chosen(address=self._stand_in.base_url, model=StandIn.name, key="none")
        return _chat(here, guard, hook)

    @contextmanager
    def scripted(
        self, chosen: Chosen, guard: EgressGuard, hook: Hook, script: Callable[..., Any]
    ) -> Iterator[BaseChatModel]:
        """Give a remote model: the chosen one, or an endpoint that answers by a script."""
        if chosen.address:
            yield _chat(chosen, guard, hook)
            return
        with OpenAIServer(script) as server:
            here = Chosen(address=server.base_url, model="scripted stand-in", key="none")
            yield _chat(here, guard, hook)


def _chat(chosen: Chosen, guard: EgressGuard, hook: Hook) -> BaseChatModel:
    from langchain_openai import ChatOpenAI

    parts = urlsplit(chosen.address)
    if parts.scheme not in ("http", "https") or not parts.hostname or not chosen.model:
        msg = "A remote model needs an address such as https://api.openai.com/v1 and a model name."
        raise ConfigurationError(msg)
    key = chosen.key or os.environ.get("OPENAI_API_KEY") or "none"
    return ChatOpenAI(
        model=chosen.model,
        base_url=chosen.address,
        api_key=key,
        temperature=0,
        max_retries=0,
        stream_usage=True,
        http_client=guard.http_client(event_hooks={"request": [hook]}),
    )
