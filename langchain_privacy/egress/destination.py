"""Where a payload is going: the host and the name of the model that will answer.

Called by guarded models and transports, for policies and the ledger:

```python
destination_of(ChatOpenAI(model="gpt-4o-mini"))  # "api.openai.com"
model_of(ChatOpenAI(model="gpt-4o-mini"), {})  # "gpt-4o-mini"
```
"""

import functools
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

UNKNOWN = "unknown"
_URLS = (
    "openai_api_base",
    "azure_endpoint",
    "base_url",
    "anthropic_api_url",
    "endpoint",
    "endpoint_url",
    "api_base",
    "url",
)
_CLIENTS = ("root_client", "root_async_client", "_client", "client", "sync_client")
_MODELS = ("model_name", "model", "model_id", "deployment_name", "azure_deployment")


def host_of(url: Any) -> str | None:
    """Return host and port of a URL; never its user, path or query."""
    try:
        parts = urlsplit(str(url))
        if not parts.hostname:
            return None
        return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        return None


def destination_of(model: Any) -> str:
    """Return the host that a model sends to, or `"unknown"`."""
    # The client knows best: it has also read the environment.
    for client in _values(model, _CLIENTS):
        http = getattr(getattr(client, "http", None), "client", None)  # LangGraph's SDK
        for inner in (client, getattr(client, "_client", None), http):
            if host := host_of(getattr(inner, "base_url", None)):
                return host
    for url in _values(model, _URLS):
        if host := host_of(url):
            return host
    return UNKNOWN


def is_remote_graph(runnable: Any) -> bool:
    """Tell whether a Runnable is LangGraph's `RemoteGraph`, without importing it."""
    module = sys.modules.get("langgraph.pregel.remote")
    return module is not None and isinstance(runnable, module.RemoteGraph)


def model_of(model: Any, kwargs: dict[str, Any]) -> str:
    """Return the name of the model that will answer."""
    named = [kwargs.get("model"), *_values(model, _MODELS)]
    return next((name for name in named if isinstance(name, str)), type(model).__name__)


def _values(model: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """Yield the attributes of these names that a model has."""
    possible = _possible(model.__class__)
    for name in names:
        if possible is None or name in possible or name in model.__dict__:
            yield getattr(model, name, None)


@functools.cache
def _possible(cls: Any) -> frozenset[str] | None:
    """Return what instances of a pydantic class may have, `None` for anything at all.

    Asking pydantic for what is not there costs more than everything else here.
    """
    plain = issubclass(cls, BaseModel) and cls.__getattr__ is BaseModel.__dict__["__getattr__"]
    if not plain or cls.model_config.get("extra") == "allow":
        return None
    return frozenset(dir(cls)).union(cls.model_fields, cls.__private_attributes__)
