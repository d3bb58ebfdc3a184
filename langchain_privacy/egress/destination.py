"""Where a payload is going."""

from typing import Any
from urllib.parse import urlsplit

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
_CLIENTS = ("root_client", "root_async_client", "_client", "client")
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
    for name in _CLIENTS:
        client = getattr(model, name, None)
        for inner in (client, getattr(client, "_client", None)):
            if host := host_of(getattr(inner, "base_url", None)):
                return host
    for name in _URLS:
        if host := host_of(getattr(model, name, None)):
            return host
    return UNKNOWN


def model_of(model: Any, kwargs: dict[str, Any]) -> str:
    """Return the name of the model that will answer."""
    named = kwargs.get("model")
    if isinstance(named, str):
        return named
    for name in _MODELS:
        value = getattr(model, name, None)
        if isinstance(value, str):
            return value
    return type(model).__name__
