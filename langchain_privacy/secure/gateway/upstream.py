"""The model server behind the gateway, on the same machine or in the same TEE."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.secure.attestation import httpx_module
from langchain_privacy.secure.channel.exchange import Pairs, end_to_end
from langchain_privacy.secure.gateway.http import RefusedError

DEFAULT_PATHS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/rerank",
    "/v1/models",
    "/api/chat",
    "/api/generate",
    "/api/embed",
    "/api/tags",
    "/api/show",
)
"""Paths that are passed on: inference only. Model servers have others that show prompts or change
models (`/slots`, `/metrics`, `/api/pull`); those stay closed."""

_NOT_FORWARDED = frozenset({"cookie", "forwarded", "x-forwarded-for", "x-real-ip", "origin"})


class Upstream:
    """Passes opened requests on.

    Args:
        url: Where the model server listens, e.g. `"http://127.0.0.1:8000"`.
        paths: Paths that are passed on.
        max_seconds: Longest time for one answer.
    """

    def __init__(self, url: str, *, paths: Sequence[str], max_seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            msg = "the upstream must be an http(s) URL without credentials"
            raise ConfigurationError(msg)
        self._base = url.rstrip("/")
        self._paths = frozenset(paths)
        self._httpx = httpx_module()
        self._max_seconds = max_seconds
        self._client: Any = None

    def _open(self) -> Any:
        if self._client is None:
            httpx = self._httpx
            timeout = httpx.Timeout(30.0, read=self._max_seconds, pool=None)
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
            # No proxies from the environment, no redirects: the request goes here and nowhere else.
            self._client = httpx.AsyncClient(
                timeout=timeout, limits=limits, trust_env=False, follow_redirects=False
            )
        return self._client

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def check(self, path: str) -> None:
        """Raise unless the path is one that is passed on, spelt plainly."""
        route = path.split("?")[0]
        if route not in self._paths or unquote(route) != route:
            raise RefusedError(404)

    @asynccontextmanager
    async def send(
        self, method: str, path: str, headers: Pairs, body: bytes
    ) -> AsyncIterator[tuple[int, Pairs, AsyncIterator[bytes]]]:
        """Send a request; give status, headers and the stream of the answer's body.

        Raises:
            RefusedError: 502, if the server cannot be reached or breaks off before its answer.
        """
        client = self._open()
        kept = [(n, v) for n, v in end_to_end(headers) if n.lower() not in _NOT_FORWARDED]
        request = client.build_request(
            method,
            self._base + path,
            headers=[*kept, ("accept-encoding", "identity")],
            content=body or None,
        )
        try:
            response = await client.send(request, stream=True)
        except self._httpx.TransportError:
            raise RefusedError(502) from None
        try:
            dropped = {"content-encoding", "set-cookie", "server", "date"}
            answer_headers = [
                (n, v) for n, v in end_to_end(response.headers.items()) if n not in dropped
            ]
            yield response.status_code, answer_headers, response.aiter_raw()
        finally:
            await response.aclose()

    @property
    def failures(self) -> type[Exception]:
        """What a broken stream raises."""
        error: type[Exception] = self._httpx.TransportError
        return error
