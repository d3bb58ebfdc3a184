"""The runners of local models on this machine: what they have, and who can reach them.

    for runner in look():
        print(runner.kind, runner.url, [model.name for model in runner.models])

`langchain-privacy models` and `langchain-privacy doctor` show it. Asked are Ollama, LM Studio,
llama.cpp and vLLM at their usual ports, by requests that hold nothing but a path.
"""

import http.client
import json
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from langchain_privacy.local.endpoints import assert_local, connected

Kind = Literal["ollama", "lm studio", "llama.cpp", "vllm"]

USUAL = (
    "http://127.0.0.1:11434",  # Ollama
    "http://127.0.0.1:1234",  # LM Studio
    "http://127.0.0.1:8080",  # llama.cpp
    "http://127.0.0.1:8000",  # vLLM
)

_SECONDS = 2.0
_MOST = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A model that a runner has.

    Attributes:
        name: As the runner knows it.
        digest: Of its files, as the runner gives it; empty where it gives none.
        bytes: Of its files, 0 where that is not said.
        parameters: As the runner words it, e.g. `"4.3B"`.
        quantisation: E.g. `"Q4_K_M"`.
        context: Tokens, 0 where that is not said.
        elsewhere: Whether it runs on another machine: Ollama's cloud models.
    """

    name: str
    digest: str = ""
    bytes: int = 0
    parameters: str = ""
    quantisation: str = ""
    context: int = 0
    elsewhere: bool = False


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A runner that answers.

    Attributes:
        url: Where.
        kind: Which.
        version: As it says; empty where it says none.
        key: Whether it wants a key before it tells its models.
        models: What it has.
    """

    url: str
    kind: Kind
    version: str = ""
    key: bool = False
    models: Sequence[Installed] = field(default_factory=tuple)

    @property
    def name(self) -> str:
        """Which, with its version where it says one: `"ollama 0.17.1"`."""
        return f"{self.kind} {self.version}".rstrip()


def look(urls: Iterable[str] = USUAL) -> list[Runner]:
    """Return the runners that answer.

    Raises:
        ConfigurationError: An address is not local.
    """
    found = []
    for url in urls:
        assert_local(url)
        runner = _runner(url.rstrip("/").removesuffix("/v1"))
        if runner is not None:
            found.append(runner)
    return found


def _runner(url: str) -> Runner | None:
    said = get(url, "/api/version")
    if isinstance(said, Mapping) and isinstance(said.get("version"), str):
        return Runner(url=url, kind="ollama", version=said["version"], models=ollama_models(url))
    status, _, _ = request(url, "/v1/models")
    if status in (0, 404):
        return None
    key = status in (401, 403)
    props = get(url, "/props")
    if isinstance(props, Mapping) and "error" not in props:  # LM Studio says 200 to everything
        return Runner(url=url, kind="llama.cpp", version=_build(url), key=key, models=_llama(url))
    listed = get(url, "/api/v0/models")
    if isinstance(listed, Mapping) and isinstance(listed.get("data"), list):
        return Runner(url=url, kind="lm studio", key=key, models=_lm_studio(listed["data"]))
    said = get(url, "/version")
    version = str(said.get("version", "")) if isinstance(said, Mapping) else ""
    models = _entries(get(url, "/v1/models"), "data")
    if version or any(model.get("owned_by") == "vllm" for model in models):
        return Runner(url=url, kind="vllm", version=version, key=key, models=_vllm(models))
    if any(model.get("owned_by") == "llamacpp" for model in models) or key:
        return Runner(url=url, kind="llama.cpp", version=_build(url), key=key, models=_llama(url))
    return None


def ollama_models(url: str) -> list[Installed]:
    """Return the models of an Ollama server; none where none answers."""
    models = []
    for model in _entries(get(url, "/api/tags"), "models"):
        details = model.get("details") or {}
        models.append(
            Installed(
                name=str(model.get("name", "")),
                digest=str(model.get("digest", "")),
                bytes=int(model.get("size") or 0),
                parameters=str(details.get("parameter_size", "")),
                quantisation=str(details.get("quantization_level", "")),
                context=int(details.get("context_length") or 0),
                elsewhere=bool(model.get("remote_host") or model.get("remote_model")),
            )
        )
    return models


def _lm_studio(listed: Iterable[Any]) -> list[Installed]:
    return [
        Installed(
            name=str(model.get("id", "")),
            quantisation=str(model.get("quantization", "")),
            context=int(model.get("max_context_length") or 0),
        )
        for model in listed
        if isinstance(model, Mapping) and model.get("type") != "embeddings"
    ]


def _llama(url: str) -> list[Installed]:
    models = []
    for model in _entries(get(url, "/v1/models"), "data"):
        about = model.get("meta") or {}
        count = int(about.get("n_params") or 0)
        models.append(
            Installed(
                name=Path(str(model.get("id", ""))).name,
                bytes=int(about.get("size") or 0),
                parameters=f"{count / 1e9:.1f}B" if count else "",
                context=int(about.get("n_ctx_train") or 0),
            )
        )
    return models


def _build(url: str) -> str:
    said = get(url, "/props")
    return str(said.get("build_info", "")) if isinstance(said, Mapping) else ""


def _vllm(models: Iterable[Mapping[str, Any]]) -> list[Installed]:
    return [
        Installed(name=str(model.get("id", "")), context=int(model.get("max_model_len") or 0))
        for model in models
    ]


def _entries(said: Any, name: str) -> list[Mapping[str, Any]]:
    entries = said.get(name) if isinstance(said, Mapping) else None
    return [entry for entry in entries or [] if isinstance(entry, Mapping)]


def get(url: str, path: str) -> Any:
    """Return the JSON of a path, `None` when there is none."""
    status, _, body = request(url, path)
    if status != http.client.OK:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


def request(
    url: str, path: str, headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    """Ask for a path, without proxies and redirects; status 0 when nobody answers."""
    parts = urlsplit(url)
    connection = connected(parts, _SECONDS)
    try:
        connection.request("GET", parts.path.rstrip("/") + path, headers=dict(headers or {}))
        reply = connection.getresponse()
        named = {name.lower(): value for name, value in reply.getheaders()}
        return reply.status, named, reply.read(_MOST)
    except (OSError, http.client.HTTPException):
        return 0, {}, b""
    finally:
        connection.close()


def memory() -> int:
    """Return the bytes of memory that this machine, or its container, has; 0 when unknown."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return whole
    return min(whole, int(limit)) if limit.isdigit() else whole


def own_addresses() -> list[str]:
    """Return the addresses under which other machines may reach this one."""
    found: list[str] = []
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        # Connecting a datagram socket sends nothing; it only asks which way a packet would take.
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                found.append(str(probe.getsockname()[0]))
        except OSError:
            continue
    return [address for address in found if not address.startswith(("127.", "::1"))]
