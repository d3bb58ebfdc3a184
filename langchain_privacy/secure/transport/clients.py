"""Both HTTP clients that a chat model needs, of which neither can send in clear.

A chat model of LangChain takes one client for `invoke` and another for `ainvoke`, and makes a plain
one of what is left out. So they come together, with a base URL under which only they reach the
endpoint: its host is `attested.invalid`, which no name service knows, and a client that does not
attest reaches nobody.

```python
model = ChatOpenAI(model="llama", api_key=key, **attested_clients(url, policy))
```
"""

from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.secure.endpoint import AttestedEndpoint
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.transport.asynchronous import AsyncAttestedTransport
from langchain_privacy.secure.transport.base import NOWHERE
from langchain_privacy.secure.transport.sync import AttestedTransport


def attested_clients(
    endpoint: str,
    policy: AttestationPolicy,
    *,
    library: str | None = None,
    timeout: float = 600.0,
    **settings: Any,
) -> dict[str, Any]:
    """Clients for `ChatOpenAI` and its kind, as the keywords that it takes.

    Args:
        endpoint: URL of the endpoint, e.g. `"https://llm.example.com/v1"`.
        policy: What it must prove.
        library: `"httpx"` or `"httpx2"`; the one that the installed `openai` takes by default.
        timeout: Longest time in seconds for each step of a request.
        settings: Of the transports, e.g. `adapter`, `verify`, `proxy`; see `BaseTransport`.

    Returns:
        `base_url`, `http_client` and `http_async_client`. Both share one verdict. Whoever made them
        closes them.

    Raises:
        ConfigurationError: If URL or policy cannot be used, or the library is missing.
    """
    attested = AttestedEndpoint(endpoint, policy, adapter=settings.pop("adapter", None))
    try:
        http = import_module(library or _of_openai())
    except ImportError:
        msg = 'attested clients need httpx: pip install "langchain-privacy[secure]"'
        raise ConfigurationError(msg) from None
    # No proxies from the environment, and redirects are never followed.
    fixed: Any = {"timeout": timeout, "trust_env": False, "follow_redirects": False}
    return {
        "base_url": f"https://{NOWHERE}{urlsplit(endpoint).path.rstrip('/') or '/v1'}",
        "http_client": http.Client(transport=AttestedTransport(attested, **settings), **fixed),
        "http_async_client": http.AsyncClient(
            transport=AsyncAttestedTransport(attested, **settings), **fixed
        ),
    }


def _of_openai() -> str:
    """The library whose clients the installed `openai` takes."""
    openai = import_module("openai")
    roots = {kind.__module__.partition(".")[0] for kind in openai.DefaultHttpxClient.__mro__}
    return "httpx2" if "httpx2" in roots else "httpx"
