"""The gateway: opens sealed requests inside the TEE, passes them on, seals the answers.

```python
app = create_gateway("http://127.0.0.1:8000", ConfidentialVm(ConfigfsTsm(), NvmlGpus()))
uvicorn.run(app, port=8443)
```

Pure ASGI, also started by `langchain-privacy gateway`. It serves its evidence (`evidence`,
`secure.envelope`), opens requests in the profiles `"x-wing"` and `"ehbp-x25519"` with its own keys
(`keys`), and passes them on (`upstream`). Plaintext is refused, a request is taken once, bodies are
bounded in size and time, and nothing of a request or an answer is ever logged; why no evidence
could be made is. A request reaches the model server only when its last frame has arrived, so a
truncated one never does.
"""

import asyncio
import contextlib
import datetime as dt
import hashlib
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Sequence
from urllib.parse import parse_qsl

from langchain_privacy._version import __version__
from langchain_privacy.errors import ChannelError
from langchain_privacy.secure import envelope
from langchain_privacy.secure.asgi import (
    BodyReader,
    DisconnectedError,
    Memory,
    Receive,
    RefusedError,
    Scope,
    Send,
    header_values,
    send_bytes,
    serve,
)
from langchain_privacy.secure.channel import ehbp, sealed
from langchain_privacy.secure.channel.headers import Pairs
from langchain_privacy.secure.gateway.evidence import EvidenceProvider
from langchain_privacy.secure.gateway.keys import KeyRing, KeySet
from langchain_privacy.secure.gateway.upstream import DEFAULT_PATHS, Upstream
from langchain_privacy.secure.report import utc_now

_NONCE = re.compile(r"[0-9a-f]{64}\Z")
_PLAINTEXT = "urn:langchain-privacy:error:plaintext"
_REPLAY = "urn:langchain-privacy:error:replay"
_RETRY_SECONDS = 1
_WATCHED_AFTER = 0.02
_NO_EVIDENCE = "urn:langchain-privacy:error:evidence"
_log = logging.getLogger(__name__)


class Gateway:
    """The ASGI application; see `create_gateway`."""

    def __init__(
        self,
        upstream: Upstream,
        provider: EvidenceProvider,
        keys: KeyRing,
        *,
        max_request_bytes: int,
        max_buffered_bytes: int,
        request_seconds: float,
        max_attestations: int,
        workers: int,
    ) -> None:
        self._upstream, self._provider, self.keys = upstream, provider, keys
        self._max_request, self._request_seconds = max_request_bytes, request_seconds
        self._memory = Memory(left=max_buffered_bytes)
        self._attestation = asyncio.Semaphore(workers)
        self._waiting, self._max_waiting = 0, max_attestations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        await serve(scope, receive, send, self._route, self._upstream.close)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if path == envelope.PATH:
            await self._attest(method, scope, send)
        elif path == ehbp.KEY_PATH and method == "GET":
            key = self.keys.current.keys.get("ehbp-x25519")
            if key is None:
                raise RefusedError(404)
            await send_bytes(send, 200, ehbp.key_config(key.public_bytes), ehbp.KEY_MEDIA_TYPE)
        elif path == sealed.PATH and method == "POST":
            await self._sealed(scope, receive, send)
        elif header_values(scope, ehbp.REQUEST_HEADER):
            await self._ehbp(scope, receive, send)
        else:
            raise RefusedError(403, _PLAINTEXT)

    async def _attest(self, method: str, scope: Scope, send: Send) -> None:
        if method != "GET":
            raise RefusedError(405)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if len(query) != 1 or query[0][0] != "nonce" or not _NONCE.match(query[0][1]):
            raise RefusedError(400)
        if self._waiting >= self._max_waiting:
            raise RefusedError(503, retry_after=_RETRY_SECONDS)
        self._waiting += 1
        try:
            # A few at a time: the secure processor limits the rate of reports of the whole machine.
            async with self._attestation:
                document = await asyncio.to_thread(self._evidence, bytes.fromhex(query[0][1]))
        except DisconnectedError:
            raise
        except Exception as error:  # noqa: BLE001  whatever the platform raises is not for the client
            # The operator has to know, and nothing of a request is in it.
            _log.error("No evidence could be made (%s): %s", type(error).__name__, error)
            raise RefusedError(500, _NO_EVIDENCE) from None
        finally:
            self._waiting -= 1
        await send_bytes(send, 200, document, "application/json")

    def _evidence(self, nonce: bytes) -> bytes:
        crypto = self.keys.current.crypto_material
        gpus, state = self._provider.devices(envelope.gpu_nonce(nonce, crypto))
        devices = envelope.device_evidence(gpus, state)
        cpu = self._provider.cpu(envelope.report_data(nonce, crypto, devices))
        return envelope.build(nonce, crypto, devices, cpu, self._provider.gpu_endorsements())

    def _body(self, receive: Receive) -> BodyReader:
        return BodyReader(
            receive, self._memory, limit=self._max_request, seconds=self._request_seconds
        )

    async def _sealed(self, scope: Scope, receive: Receive, send: Send) -> None:
        if header_values(scope, "content-type") != [sealed.REQUEST_MEDIA_TYPE]:
            raise RefusedError(403, _PLAINTEXT)
        with self._body(receive) as body:
            start = b""
            while len(start) < sealed.prefix_size(start):
                data = await body.read()
                if not data:
                    raise RefusedError(400)
                start += data
            size = sealed.prefix_size(start)
            prefix, data = start[:size], start[size:]
            try:
                entries, nonce = sealed.read_prefix(prefix)
                held = ((self.keys.by_id(entry.key_id), entry) for entry in entries)
                keys, entry = next((pair for pair in held if pair[0] is not None), (None, None))
                if keys is None or entry is None:
                    raise RefusedError(422, sealed.KEY_MISMATCH)
                opener = sealed.RequestOpener(keys.session(entry.enc, entry.wrapped), nonce)
                pieces = list(opener.feed(data))
                while data := await body.read():
                    pieces.extend(opener.feed(data))
                opener.finish()
            except ChannelError:
                raise RefusedError(400) from None
            # After everything has been authenticated, so that nobody can spend another's request.
            # By its nonce alone: a client that seals a request anew, to more keys, keeps it.
            if not keys.take(nonce):
                raise RefusedError(409, _REPLAY)
            try:
                head = sealed.parse_request_head(pieces[0]) if pieces else None
            except ChannelError:
                head = None
            if head is None:
                raise RefusedError(400)
            content = b"".join(pieces[1:])
            answer = _SealedAnswer(opener.sealer(), send)
            await self._pass_on(head.method, head.path, head.headers, content, answer, receive)

    async def _ehbp(self, scope: Scope, receive: Receive, send: Send) -> None:
        values = header_values(scope, ehbp.REQUEST_HEADER)
        try:
            enc = ehbp.header_bytes(values[0]) if len(values) == 1 else b""
        except ChannelError:
            enc = b""
        if not enc:
            raise RefusedError(400)
        with self._body(receive) as body:
            raw = bytearray()
            while data := await body.read():
                raw += data
            keys, opener, content = self._open_ehbp(enc, bytes(raw))
            if not keys.take(enc):
                raise RefusedError(409, _REPLAY)
            kind = (header_values(scope, "content-type") or [""])[0]
            if kind.startswith("application/json"):
                # The protocol has no end marker; a JSON text that parses has not been cut.
                try:
                    json.loads(content)
                except (ValueError, RecursionError):
                    raise RefusedError(400) from None
            headers = [
                (k.decode("latin-1"), v.decode("latin-1"))
                for k, v in scope["headers"]
                if not k.lower().startswith(b"ehbp-")
            ]
            query = scope["query_string"].decode("latin-1")
            path = scope["path"] + (f"?{query}" if query else "")
            answer = _EhbpAnswer(opener.sealer(), send)
            await self._pass_on(scope["method"], path, headers, content, answer, receive)

    def _open_ehbp(self, enc: bytes, raw: bytes) -> tuple[KeySet, ehbp.RequestOpener, bytes]:
        for keys in self.keys.accepted():
            private = keys.keys.get("ehbp-x25519")
            if private is None:
                continue
            try:
                opener = ehbp.RequestOpener(private, enc)
                pieces = list(opener.feed(raw))
            except ChannelError:
                continue
            try:
                opener.finish()
            except ChannelError:
                raise RefusedError(400) from None
            if not pieces:
                raise RefusedError(400)
            return keys, opener, b"".join(pieces)
        raise RefusedError(422, ehbp.KEY_MISMATCH)

    async def _pass_on(
        self,
        method: str,
        path: str,
        headers: Pairs,
        content: bytes,
        answer: "_Answer",
        receive: Receive,
    ) -> None:
        try:
            self._upstream.check(path)
            async with (
                _while_connected(receive),
                self._upstream.send(method, path, headers, content) as (status, got, parts),
            ):
                await answer.begin(status, got)
                async for part, last in parts:
                    if part or last:
                        await answer.send(part, last=last)
        except RefusedError as refused:
            # The client proved nothing, but it holds the keys of this exchange: answer sealed.
            await answer.refuse(refused)


@contextlib.asynccontextmanager
async def _while_connected(receive: Receive) -> AsyncIterator[None]:
    """Breaks off what is in the block when the client goes: a model must not write for nobody."""
    work = asyncio.current_task()
    assert work is not None
    watchers: list[asyncio.Task[None]] = []

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        work.cancel()

    # An answer that is there at once needs no task that watches; one that takes long does.
    loop = asyncio.get_running_loop()
    begin = loop.call_later(_WATCHED_AFTER, lambda: watchers.append(loop.create_task(watch())))
    try:
        yield
    except asyncio.CancelledError:
        if not any(watcher.done() for watcher in watchers) or work.uncancel():
            raise
    finally:
        begin.cancel()
        for watcher in watchers:
            watcher.cancel()


class _Answer:
    """An answer on its way back; subclasses seal it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False

    async def begin(self, status: int, headers: Pairs) -> None:
        raise NotImplementedError

    async def send(self, data: bytes, *, last: bool = False) -> None:
        raise NotImplementedError

    async def refuse(self, refused: RefusedError) -> None:
        """Say sealed why the request failed; once the answer has begun, break off instead."""
        if self._begun:
            return
        error = {"message": f"the gateway refused or could not pass on: {refused.status}"}
        body = json.dumps({"error": {**error, "type": "gateway_error", "code": refused.status}})
        await self.begin(refused.status, [("content-type", "application/json")])
        await self.send(body.encode(), last=True)

    async def _start(self, status: int, headers: Pairs) -> None:
        self._begun = True
        pairs = [(n.encode("ascii"), v.encode("latin-1")) for n, v in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def _body(self, data: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})


class _SealedAnswer(_Answer):
    def __init__(self, sealer: sealed.ResponseSealer, send: Send) -> None:
        super().__init__(send)
        self._sealer = sealer
        self._head = b""

    async def begin(self, status: int, headers: Pairs) -> None:
        await self._start(
            200, [("content-type", sealed.RESPONSE_MEDIA_TYPE), ("cache-control", "no-store")]
        )
        head = sealed.dump_head(sealed.ResponseHead(status, headers))
        # It leaves with the first piece of the body: a write less, and nothing to read before.
        self._head = self._sealer.nonce + self._sealer.seal(head)

    async def send(self, data: bytes, *, last: bool = False) -> None:
        head, self._head = self._head, b""
        await self._body(head + self._sealer.seal(data, final=last), more=not last)


class _EhbpAnswer(_Answer):
    def __init__(self, sealer: ehbp.ResponseSealer, send: Send) -> None:
        super().__init__(send)
        self._sealer = sealer

    async def begin(self, status: int, headers: Pairs) -> None:
        await self._start(status, [*headers, (ehbp.RESPONSE_HEADER, self._sealer.nonce.hex())])

    async def send(self, data: bytes, *, last: bool = False) -> None:
        await self._body(self._sealer.seal(data), more=not last)


def create_gateway(
    upstream: str,
    evidence_provider: EvidenceProvider,
    *,
    profiles: Sequence[str] = ("x-wing", "ehbp-x25519"),
    paths: Sequence[str] = DEFAULT_PATHS,
    key_lifetime: dt.timedelta = dt.timedelta(hours=24),
    key_overlap: dt.timedelta = dt.timedelta(minutes=10),
    max_requests_per_key: int = 262_144,
    max_request_bytes: int = 32 * 1024 * 1024,
    max_buffered_bytes: int = 512 * 1024 * 1024,
    request_seconds: float = 60.0,
    answer_seconds: float = 3600.0,
    max_waiting_attestations: int = 64,
    attestation_workers: int = 4,
    tls_spki_sha256: str | None = None,
    clock: Callable[[], dt.datetime] = utc_now,
) -> Gateway:
    """Make the ASGI application that runs inside the TEE.

    Args:
        upstream: The model server, e.g. `"http://127.0.0.1:8000"`; it must run in the same TEE.
        evidence_provider: Source of evidence, e.g. `ConfidentialVm(ConfigfsTsm(), NvmlGpus())`.
        profiles: Channels to offer. Offering EHBP besides weakens no client of the other.
        paths: Paths that are passed on; inference only by default.
        key_lifetime: How long channel keys are used.
        key_overlap: How long replaced keys still open requests.
        max_requests_per_key: Requests after which keys are replaced early.
        max_request_bytes: Largest request.
        max_buffered_bytes: What all requests together may hold in memory.
        request_seconds: Longest time in which a request must have arrived.
        answer_seconds: Longest silence of the model server.
        max_waiting_attestations: Requests for evidence that may wait; more are told to come back.
        attestation_workers: Requests for evidence that are served at once.
        tls_spki_sha256: SHA-256 in hex of this machine's TLS public key, when TLS ends here.
        clock: Gives the time.

    Raises:
        ConfigurationError: If an argument cannot be used.
    """
    config = {
        "version": __version__,
        "upstream": upstream,
        "profiles": sorted(profiles),
        "paths": sorted(paths),
    }
    digest = hashlib.sha256(
        json.dumps(config, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()
    keys = KeyRing(
        profiles,
        digest,
        lifetime=key_lifetime,
        overlap=key_overlap,
        max_requests=max_requests_per_key,
        tls_spki_sha256=tls_spki_sha256,
        clock=clock,
    )
    return Gateway(
        Upstream(upstream, paths=paths, max_seconds=answer_seconds),
        evidence_provider,
        keys,
        max_request_bytes=max_request_bytes,
        max_buffered_bytes=max_buffered_bytes,
        request_seconds=request_seconds,
        max_attestations=max_waiting_attestations,
        workers=attestation_workers,
    )
