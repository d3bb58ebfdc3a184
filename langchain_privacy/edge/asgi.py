"""`PrivacyASGIMiddleware`: the edge around a server.

A request's body is masked before the application sees it, the answer is restored for the client.
What the server stores, logs and traces holds placeholders. It works around any ASGI application:
LangGraph's server (named in `langgraph.json` as `http.app`), FastAPI, Starlette.

| | where from |
|---|---|
| session | `session(scope)`, where the builder gives it; else the thread in the path, `thread_id` in body or query; else one of this request alone |
| the edge inside, in this process | asks `edge.run` what surrounds it, finds the request, and leaves it to us to restore |
| the edge inside, behind a queue | finds the session's digest in the metadata of its config, see `edge.run.SERVED` |

Example:
    ```python
    app = FastAPI()
    app.add_middleware(PrivacyASGIMiddleware, masker=masker)
    ```
"""  # noqa: E501

import asyncio
import re
import secrets
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, MutableMapping
from contextlib import nullcontext
from typing import Any
from urllib.parse import urlencode

from langchain_privacy.edge.bodies import (
    CONTROL,
    LINES,
    Body,
    BodyError,
    Content,
    content_type,
    is_json_type,
    parse_form,
    read_body,
    to_json,
    too_large,
)
from langchain_privacy.edge.control import control_words
from langchain_privacy.edge.events import EventStream, LineStream, TextStream
from langchain_privacy.edge.run import (
    is_local,
    restored_for_person,
    served_scope,
    surrounding,
    warn_once,
)
from langchain_privacy.errors import ConfigurationError, PrivacyError
from langchain_privacy.masking import Masker, MaskingSession
from langchain_privacy.vault import InMemoryVault

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SessionOf = Callable[[Mapping[str, Any]], str | tuple[str, str] | None]
"""Says which session a request belongs to: its id, or `(tenant, id)`; `None` for the default."""

_SERVER = (["threads"], ["runs"], ["assistants"], ["store"])
"""First parts of the paths of LangGraph's server."""

_THREAD = re.compile(r"/threads/(?!(?:search|count|prune)(?:/|$))([^/]+)")
_LASTING = re.compile(r"/(?:store|assistants)(?:/|$)|/runs/crons(?:/|$)|/threads/(?:search|count)$")
"""Paths where what is masked is stored, or compared with what is stored, outside of a thread."""

_STREAMS = {"text/event-stream": EventStream, **dict.fromkeys(LINES, LineStream)}
_TEXTS = frozenset({"text/plain", "text/markdown", "text/csv"})
_SHORT = 16_384
"""Bytes of a stream that are restored where they arrive, when no vault has to read a store."""

_CHANGED = frozenset({b"content-length", b"etag", b"digest", b"content-digest", b"content-md5"})
"""Headers of an answer that are no longer true when its body is another one."""


class PrivacyASGIMiddleware:
    """Masks what a server is sent and restores what it answers.

    Bodies and queries are masked, answers in JSON, event streams, JSON lines and plain text are
    restored. A body that nobody can read (files, media, unknown compression) is refused with a
    problem report (RFC 9457), and so is a WebSocket. Paths and headers are not changed: keep
    private values out of them.

    A `private()` graph inside, of the same masker, masks and does not restore: what the server
    stores of its answer stays masked.

    Args:
        app: The application.
        masker: Finds private values and holds the vault; the same one as inside.
        session: Which session a request belongs to, by its ASGI scope: per user or tenant. By
            default the thread that it names, else one of the request alone.
        control: Names of fields in bodies and queries of your own routes that are control data.
        graphs: Compiled graphs that are served; the words that they decide by (names of nodes,
            values of `Literal`s and enums) are never private.
        exclude: Paths, with what is below them, that are left alone.
        max_body: The most bytes of a request's body; more is refused with 413.

    Raises:
        ConfigurationError: A path in `exclude` does not begin with `/`, or `max_body` is no
            positive number.
    """

    def __init__(
        self,
        app: App,
        masker: Masker,
        *,
        session: SessionOf | None = None,
        control: Collection[str] = (),
        graphs: Iterable[Any] = (),
        exclude: Collection[str] = (),
        max_body: int = 16 * 1024 * 1024,
    ) -> None:
        paths = [exclude] if isinstance(exclude, str) else list(exclude)
        if not all(path.startswith("/") for path in paths) or max_body <= 0:
            msg = 'exclude takes paths such as "/uploads", max_body a number of bytes.'
            raise ConfigurationError(msg)
        self.app = app
        self.masker = masker
        self.session = session
        self.control = frozenset(control)
        self.kept = frozenset[str]().union(*(control_words(graph) for graph in graphs))
        self.exclude = tuple(path.rstrip("/") for path in paths)
        self.max_body = max_body

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        path = _path(scope)
        excluded = any(path == each or path.startswith(f"{each}/") for each in self.exclude)
        if scope["type"] not in {"http", "websocket"} or excluded:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await _refuse_websocket(scope, receive, send)
        else:
            await _Exchange(self, scope, path, receive, send).run()


_NO_WEBSOCKET = (
    "WebSockets are not masked: a frame may be any part of a message, in both directions. Use"
    " server-sent events over HTTP, or name the path in exclude= where nothing private is said."
)


async def _refuse_websocket(scope: Scope, receive: Receive, send: Send) -> None:
    warn_once("websocket", f"PrivacyASGIMiddleware refused a WebSocket. {_NO_WEBSOCKET}")
    await receive()
    if "websocket.http.response" in (scope.get("extensions") or {}):
        headers, body = _problem(403, _NO_WEBSOCKET)
        start = {"type": "websocket.http.response.start", "status": 403, "headers": headers}
        await send(start)
        await send({"type": "websocket.http.response.body", "body": body})
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": "use HTTP: not masked"})


def _problem(status: int, detail: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return headers and body of a problem report (RFC 9457)."""
    problem = {"type": "about:blank", "title": "Refused", "status": status, "detail": detail}
    body = to_json(problem)
    length = str(len(body)).encode()
    return [(b"content-type", b"application/problem+json"), (b"content-length", length)], body


def _path(scope: Scope) -> str:
    """Return the path below where the application is mounted."""
    path, root = str(scope.get("path", "")), str(scope.get("root_path", ""))
    return path.removeprefix(root) if path == root or path.startswith(f"{root}/") else path


class _Place:
    """The session of a request, opened when it is first needed.

    Args:
        opened: Opens it, or the session itself.
        thread: The thread that it is of.
        named: Whether the builder named it.
        name: What is to be forgotten after the answer.
        outer: Whether another edge around this one restores.
    """

    def __init__(
        self,
        opened: MaskingSession | Callable[[], MaskingSession],
        thread: str | None = None,
        *,
        named: bool = False,
        name: str | None = None,
        outer: bool = False,
    ) -> None:
        self._opened = opened
        self.thread = thread
        self.named = named
        self.name = name
        self.outer = outer

    @property
    def session(self) -> MaskingSession:
        """The session."""
        if not isinstance(self._opened, MaskingSession):
            self._opened = self._opened()
        return self._opened

    @property
    def is_open(self) -> bool:
        """Whether it was needed yet."""
        return isinstance(self._opened, MaskingSession)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, edge: PrivacyASGIMiddleware, scope: Scope, path: str, receive: Receive, send: Send
    ) -> None:
        self._edge = edge
        self._scope = scope
        self._path = path
        self._langgraph = path.split("/", 2)[1:2] in _SERVER
        self._receive = receive
        self._send = send
        self._start: Message | None = None
        self._buffer: list[bytes] | None = None
        self._stream: Any = None
        self._over = False

    async def run(self) -> None:
        headers = _headers(self._scope)
        try:
            raw = await self._read(headers)
            if raw is None:
                return
            place, scope, body = await asyncio.to_thread(self._masked, raw, headers)
        except BodyError as error:
            await self._refuse(error.status, str(error))
            return
        except PrivacyError as error:
            status = 422 if isinstance(error, ConfigurationError) else 503
            await self._refuse(status, str(error))
            return
        self._place = place
        given = False

        async def receive() -> Message:
            nonlocal given
            if given:
                return await self._receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        inside = place.is_open and not place.outer
        with served_scope(place.session, place.thread) if inside else nullcontext():
            try:
                await self._edge.app(scope, receive, self._send if place.outer else self._answer)
            finally:
                if place.name is not None:
                    await asyncio.to_thread(self._edge.masker.vault.forget, place.name)

    async def _refuse(self, status: int, detail: str) -> None:
        headers, body = _problem(status, detail)
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    # ---- The request

    async def _read(self, headers: Mapping[str, str]) -> bytes | None:
        """Read the whole body; `None` when the client is gone."""
        limit = self._edge.max_body
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > limit:
            raise too_large(limit)
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise too_large(limit)
            if not message.get("more_body"):
                return b"".join(parts)

    def _masked(self, raw: bytes, headers: Mapping[str, str]) -> tuple[_Place, Scope, bytes]:
        """Return the session, the scope and the body that go on."""
        body = read_body(raw, headers, limit=self._edge.max_body)
        query = parse_form(self._scope.get("query_string", b"").decode("latin-1"))
        created = None
        if self._path == "/threads" and isinstance(body.value, dict | None):
            created = (body.value or {}).get("thread_id") or str(uuid.uuid4())
        place = self._found(body, query, created)
        if not place.named and self._path.endswith("/copy") and self._langgraph:
            msg = (
                "A copied thread has a session of its own, which cannot restore the values of the"
                " first. Give PrivacyASGIMiddleware(..., session=...) a session per user."
            )
            raise BodyError(409, msg)
        new, new_query = body, query
        asks = any(name not in CONTROL for name, _ in query) or self._path.startswith("/store/")
        if asks or body.kind != "none" or not self._langgraph:
            content = self._content_of(place.session)
            new_query = content.query(query)
            if body.kind == "form":
                new = Body(body.kind, content.query(body.value))
            elif body.kind != "none":
                new = Body(body.kind, content.masked(body.value))
        lasts = self._langgraph and not place.named and _LASTING.search(self._path)
        if lasts and (new.value != body.value or new_query != query):
            msg = (
                "This request holds private values that no thread is named for, so they could not"
                " be restored later. Give PrivacyASGIMiddleware(..., session=...) a session per"
                " user or tenant."
            )
            raise BodyError(422, msg)
        if created is not None and self._scope["method"] == "POST":
            new = Body("json", {**(new.value or {}), "thread_id": created})
        encoded = new.encoded()
        return place, self._rewritten(new, encoded, query != new_query and new_query), encoded

    def _content_of(self, session: MaskingSession) -> Content:
        runs = "/runs" in self._path or self._path.endswith("/commands")
        return Content(
            session,
            langgraph=self._langgraph,
            store=self._path.startswith("/store/"),
            control=() if self._langgraph else self._edge.control,
            mark=session.vault.id if runs else None,
        )

    def _found(self, body: Body, query: list[tuple[str, str]], created: str | None) -> _Place:
        masker, scope = self._edge.masker, self._scope
        around = surrounding()
        if around is not None and not is_local() and around.session.masker is masker:
            return _Place(around.session, around.thread, named=True, outer=True)
        named = self._edge.session(scope) if self._edge.session else None
        if named is not None:
            tenant, name = ("", named) if isinstance(named, str) else named
            session = masker.session(name, tenant=tenant).keeping(self._edge.kept)
            _ = session.vault.version  # begins it, so that the edge inside finds it
            thread = self._thread(body, query)
            return _Place(session, thread, named=True)
        thread = created or self._thread(body, query)
        if thread is not None:
            # who asks for threads that do not exist opens no sessions
            return _Place(lambda: masker.session(thread).keeping(self._edge.kept), thread)
        background = self._path.endswith(("/runs", "/batch"))
        here = isinstance(masker.vault, InMemoryVault) and not background
        if here or not self._langgraph:
            return _Place(masker.session().keeping(self._edge.kept))
        # Who works the queue off may be another process, which has the vault's store only.
        name = f"request-{secrets.token_hex(16)}"
        session = masker.session(name).keeping(self._edge.kept)
        _ = session.vault.version
        return _Place(session, name=None if background else name)

    def _thread(self, body: Body, query: list[tuple[str, str]]) -> str | None:
        if in_path := _THREAD.search(self._path):
            return in_path[1]
        held = body.value.get("thread_id") if isinstance(body.value, dict) else None
        thread = held or dict(query).get("thread_id")
        return thread if isinstance(thread, str) and thread else None

    def _rewritten(self, body: Body, encoded: bytes, query: list[tuple[str, str]] | bool) -> Scope:
        """Return the scope with headers that are true of the new body."""
        gone = {b"content-length", b"content-encoding", b"transfer-encoding", b"accept-encoding"}
        headers = [(k, v) for k, v in self._scope["headers"] if k.lower() not in gone]
        if encoded:
            headers.append((b"content-length", str(len(encoded)).encode()))
        if body.kind in {"json", "text"}:
            kind = dict(headers).get(b"content-type", b"").partition(b";")[0]
            if body.kind == "json" and (not kind or kind.startswith(b"text/")):
                kind = kind or b"application/json"
            others = [(k, v) for k, v in headers if k.lower() != b"content-type"]
            charset = b"; charset=utf-8" if kind.startswith(b"text/") else b""
            headers = [*others, (b"content-type", kind + charset)]
        scope = {**self._scope, "headers": headers}
        if isinstance(query, list):
            scope["query_string"] = urlencode(query).encode("ascii")
        return scope

    # ---- The answer

    async def _answer(self, message: Message) -> None:
        if self._over:
            return
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif message["type"] != "http.response.body":
            await self._send(message)
        elif self._stream is not None:
            await self._streamed(message)
        elif self._buffer is not None:
            self._buffer.append(message.get("body", b""))
            if not message.get("more_body"):
                await self._whole()
        else:
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        headers = {k.lower(): v for k, v in message.get("headers", ())}
        kind, charset = content_type(headers.get(b"content-type", b"").decode("latin-1"))
        encoded = headers.get(b"content-encoding", b"identity") != b"identity"
        no_body = self._scope["method"] == "HEAD" or message["status"] in {204, 206, 304}
        readable = not encoded and not no_body
        if message["status"] >= 400 and self._place.thread and not self._place.named:
            # Who is refused may have no right to the thread, and may have guessed a placeholder of
            # it in what an error repeats.
            readable = False
        if readable and is_json_type(kind):
            self._start, self._buffer = message, []
            return
        made = _STREAMS.get(kind) or (TextStream if kind in _TEXTS and _is_utf8(charset) else None)
        if readable and made is not None:
            self._stream = await asyncio.to_thread(lambda: made(self._place.session))
            message = {**message, "headers": _without(message, _CHANGED)}
        await self._send(message)

    async def _streamed(self, message: Message) -> None:
        data, more = message.get("body", b""), bool(message.get("more_body"))
        try:
            if len(data) <= _SHORT and not self._place.session.vault.waits:
                body = self._fed(data, more)
            else:
                body = await asyncio.to_thread(self._fed, data, more)
        except PrivacyError as error:
            self._over = True
            told = {"error": type(error).__name__, "message": str(error)}
            body, more = b"event: error\ndata: " + to_json(told) + b"\n\n", False
        if body or not more:
            await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def _fed(self, data: bytes, more: bool) -> bytes:
        restored: bytes = self._stream.feed(data)
        return restored if more else restored + self._stream.flush()

    async def _whole(self) -> None:
        assert self._start is not None
        raw = b"".join(self._buffer or ())
        try:
            body = await asyncio.to_thread(self._restored, raw)
        except PrivacyError as error:
            await self._refuse(500, str(error))
            return
        headers = [*_without(self._start, _CHANGED if body != raw else {b"content-length"})]
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    def _restored(self, raw: bytes) -> bytes:
        alone = self._place.thread is None and not self._place.named and not self._langgraph
        if alone and _is_empty(self._place.session):
            return raw  # nothing was masked
        try:
            body = read_body(raw, {"content-type": "application/json"}, limit=len(raw))
        except BodyError:
            return raw
        x = body.value
        new = [self._one(each) for each in x] if isinstance(x, list) else self._one(x)
        return raw if body.kind == "none" or new == x else to_json(new)

    def _one(self, x: Any) -> Any:
        """Restore an answer, or an element of one: what names a thread, in that thread's session.

        Lists of threads and runs hold many threads.
        """
        own = self._langgraph and not self._place.named and self._place.thread is None
        thread = x.get("thread_id") if own and isinstance(x, dict) else None
        in_thread = isinstance(thread, str)
        session = self._edge.masker.session(thread) if in_thread else self._place.session
        return restored_for_person(session, x)


def _is_empty(session: MaskingSession) -> bool:
    return not session.vault.version and not session.vault.documents.refs()


def _headers(scope: Scope) -> dict[str, str]:
    return {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}


def _without(message: Message, names: Collection[bytes]) -> list[tuple[bytes, bytes]]:
    return [(k, v) for k, v in message.get("headers", ()) if k.lower() not in names]


def _is_utf8(charset: str) -> bool:
    return charset.replace("_", "-") in {"utf-8", "utf8", "us-ascii", "ascii"}
