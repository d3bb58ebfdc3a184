"""A proxy on this machine that gives any OpenAI client an attested endpoint.

Tools outside Python take a base URL and a key, and nothing else. This ASGI application listens on
loopback, takes requests with its own token, and passes each on through `AsyncAttestedTransport`:
attested first, sealed always. What it cannot pass on is an error, never a request in clear.

```python
app = LocalProxy("https://llm.example.com/v1", policy, token="...")
uvicorn.run(app, host="127.0.0.1", port=8642)
```

`langchain-privacy proxy --policy policy.json` is this for a terminal.
"""

import hmac
import json
from collections.abc import Mapping
from typing import Any

import httpx

from langchain_privacy.errors import (
    AttestationError,
    ChannelError,
    ConfigurationError,
    EndpointUnavailableError,
)
from langchain_privacy.secure.adapters.base import Adapter
from langchain_privacy.secure.asgi import (
    BodyReader,
    Memory,
    Receive,
    RefusedError,
    Scope,
    Send,
    header_values,
    send_bytes,
    serve,
)
from langchain_privacy.secure.channel.headers import end_to_end
from langchain_privacy.secure.endpoint import AttestedEndpoint
from langchain_privacy.secure.fetch import LOOPBACK
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.transport import AsyncAttestedTransport

_MIN_TOKEN = 16
_NOT_FORWARDED = frozenset({"authorization", "cookie", "origin", "referer", "forwarded"})


class LocalProxy:
    """The ASGI application.

    Args:
        endpoint: URL of the attested endpoint; paths are taken from the requests.
        policy: What it must prove.
        token: What clients of this machine must show as their API key.
        api_key: The key for the endpoint, which travels sealed; none by default.
        adapter: How the endpoint is asked; the gateway of this package by default.
        transport: Settings of the transport: `verify`, `proxy`, `outer_headers`.
        max_request_bytes: Largest request.

    Raises:
        ConfigurationError: If an argument cannot be used.
    """

    def __init__(
        self,
        endpoint: str,
        policy: AttestationPolicy,
        *,
        token: str,
        api_key: str | None = None,
        adapter: Adapter | None = None,
        transport: Mapping[str, Any] | None = None,
        max_request_bytes: int = 32 * 1024 * 1024,
    ) -> None:
        if len(token) < _MIN_TOKEN:
            msg = f"the proxy's token has at least {_MIN_TOKEN} characters, for others are here too"
            raise ConfigurationError(msg)
        self._token, self._api_key, self._limit = token, api_key, max_request_bytes
        self._endpoint = AttestedEndpoint(endpoint, policy, adapter=adapter)
        self._memory = Memory(left=8 * max_request_bytes)
        sealed: Any = AsyncAttestedTransport(self._endpoint, **(transport or {}))
        # The one client there is: no plain one that a request could fall back to.
        self._client = httpx.AsyncClient(
            transport=sealed, trust_env=False, follow_redirects=False, timeout=600.0
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        await serve(scope, receive, send, self._pass_on, self._client.aclose)

    def _check(self, scope: Scope) -> None:
        # A page in a browser can name this port, but neither read the token nor choose the host.
        host = (header_values(scope, "host") or [""])[0].rpartition(":")[0].strip("[]")
        if host not in LOOPBACK:
            raise RefusedError(403)
        given = (header_values(scope, "authorization") or [""])[0].encode("latin-1")
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            raise RefusedError(401)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._check(scope)
        headers = end_to_end(
            (k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]
        )
        kept = [(n, v) for n, v in headers if n.lower() not in _NOT_FORWARDED]
        if self._api_key is not None:
            kept.append(("authorization", f"Bearer {self._api_key}"))
        query = scope["query_string"].decode("latin-1")
        url = self._endpoint.origin + scope["path"] + (f"?{query}" if query else "")
        with BodyReader(receive, self._memory, limit=self._limit, seconds=60.0) as body:
            content = b""
            while piece := await body.read():
                content += piece
            request = self._client.build_request(
                scope["method"], url, headers=kept, content=content
            )
            try:
                response = await self._client.send(request, stream=True)
            except (AttestationError, ChannelError, httpx.TransportError) as error:
                await _say(send, error)
                return
            try:
                given = end_to_end(response.headers.multi_items())
                pairs = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in given]
                start = {"type": "http.response.start", "status": response.status_code}
                await send({**start, "headers": pairs})
                # An answer that breaks off raises here, and the client sees a cut connection.
                async for part in response.aiter_raw():
                    await send({"type": "http.response.body", "body": part, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
            finally:
                await response.aclose()


async def _say(send: Send, error: Exception) -> None:
    """Answer in the form of OpenAI's errors; a client must not take it for one of the model's."""
    retry = isinstance(error, (EndpointUnavailableError, httpx.TransportError))
    ours = isinstance(error, (AttestationError, ChannelError))
    text = str(error) if ours else "the endpoint cannot be reached"
    kind = "endpoint_unavailable" if retry else "attestation_error"
    content = {"error": {"message": text, "type": kind, "param": None, "code": None}}
    extra = {"x-should-retry": str(retry).lower()}
    body = json.dumps(content).encode()
    await send_bytes(send, 503 if retry else 502, body, "application/json", extra)
