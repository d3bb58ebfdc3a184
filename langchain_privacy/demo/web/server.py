"""The server of the page: Starlette on loopback, a token, and events of runs.

`langchain-privacy demo --web` calls `serve`. Only this machine may reach it, and only who was given
the address with the token: the page can read documents that are put into it. The token becomes a
cookie at the first look, so that it does not stay in the address bar.

| path | what |
|---|---|
| `GET /` | the page; `?token=` once |
| `GET /page.js`, `/page.css`, `/words.json` | its parts |
| `GET /models` | which local models there are |
| `POST /read` | a file of one's own: its text |
| `POST /runs` | begin a run: `{"id"}` |
| `GET /runs/{id}/events` | its events, server-sent, from `Last-Event-ID` on |
| `POST /runs/{id}/decision` | `{"decision": "approve" | "reject"}` |
| `DELETE /runs/{id}` | stop it |
"""

import asyncio
import hmac
import json
import os
import secrets
import socket
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from langchain_privacy.demo.models import models_of_ollama
from langchain_privacy.demo.web.models import Chosen, Models
from langchain_privacy.demo.web.runs import Run
from langchain_privacy.demo.web.scenarios import SCENARIOS
from langchain_privacy.demo.web.stage import LANGUAGES, Asked, Stage
from langchain_privacy.errors import ConfigurationError, DocumentError, PrivacyError
from langchain_privacy.local.documents import load_whole
from langchain_privacy.locale import language_of, said_again

MAX_UPLOAD = 20 * 1024 * 1024
"""Bytes of a document of one's own."""

_MAX_REQUEST = 1024 * 1024
_KEPT_RUNS = 16
_SHOWN = 400
"""So many characters of what was asked stand at the head of a run."""
_COOKIE = "langchain_privacy_demo"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_PARTS = {"page.js": "text/javascript", "page.css": "text/css"}


def create_app(token: str, models: Models) -> Starlette:
    """Make the application.

    Args:
        token: What the first address must hold.
        models: Where models come from; the caller closes it.
    """
    pages = _Pages(models)
    routes = [
        Route("/", pages.page),
        Route("/words.json", pages.words),
        *(Route(f"/{name}", pages.part) for name in _PARTS),
        Route("/models", pages.models),
        Route("/read", pages.read, methods=["POST"]),
        Route("/runs", pages.begin, methods=["POST"]),
        Route("/runs/{id}/events", pages.events),
        Route("/runs/{id}/decision", pages.decide, methods=["POST"]),
        Route("/runs/{id}", pages.stop, methods=["DELETE"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(_Door, token=token)])


def serve(tell: Callable[[str], object], *, port: int = 0) -> None:
    """Serve the page until it is stopped.

    Args:
        tell: Is told the address with the token, once the page can be opened.
        port: Port on 127.0.0.1; a free one when 0.

    Raises:
        ConfigurationError: The port is taken.
    """
    import uvicorn

    token = secrets.token_urlsafe(24)
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError:
        msg = f"Port {port} of this machine is taken; say another with --port, or leave it out."
        raise ConfigurationError(msg) from None
    with Models() as models, listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/?token={token}"
        tell(address)
        config = uvicorn.Config(
            create_app(token, models), log_level="warning", access_log=False, lifespan="off"
        )
        uvicorn.Server(config).run(sockets=[listener])


class _Door:
    """Lets in who has the token, by a name of this machine, from no other site's page."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope)
        answer = self._refusal(request)
        if answer is None:

            async def with_headers(message: Any) -> None:
                if message["type"] == "http.response.start":
                    told = [(k.lower().encode(), v.encode()) for k, v in _HEADERS.items()]
                    message = {**message, "headers": [*message["headers"], *told]}
                await send(message)

            await self._app(scope, receive, with_headers)
        else:
            await answer(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        host = request.headers.get("host", "").rsplit(":", 1)[0]
        if host not in ("127.0.0.1", "localhost"):  # another site's name that points here
            return _problem(request, 421, "This page has the address 127.0.0.1 only.")
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return _problem(request, 403, "Another site may not use this page.")
        given = request.query_params.get("token", "")
        if given and self._is_token(given):
            came = RedirectResponse("/", 303, {"Referrer-Policy": "no-referrer"})
            came.set_cookie(_COOKIE, self._token, httponly=True, samesite="strict")
            return came
        if self._is_token(request.cookies.get(_COOKIE, "")):
            return None
        return _problem(
            request, 403, "Open the address that the command printed: it holds the token."
        )

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())


class _Pages:
    """What the paths do."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._runs: OrderedDict[str, Run] = OrderedDict()
        here = resources.files(__package__)
        self._files = {name: (here / name).read_bytes() for name in ("page.html", *_PARTS)}
        told = {}
        for language in LANGUAGES:
            words = json.loads((here / f"words.{language}.json").read_text("utf-8"))
            asks = {name: scenario.asks(language) for name, scenario in SCENARIOS.items()}
            told[language] = {**words, "asks": asks}
        self._words = json.dumps(told, ensure_ascii=False)

    async def page(self, request: Request) -> Response:  # noqa: ARG002
        return Response(self._files["page.html"], media_type="text/html")

    async def part(self, request: Request) -> Response:
        name = request.url.path[1:]
        return Response(self._files[name], media_type=_PARTS[name])

    async def words(self, request: Request) -> Response:  # noqa: ARG002
        return Response(self._words, media_type="application/json")

    async def models(self, request: Request) -> Response:  # noqa: ARG002
        found = await asyncio.to_thread(models_of_ollama)
        return JSONResponse({"local": found, "key": bool(os.environ.get("OPENAI_API_KEY"))})

    async def read(self, request: Request) -> Response:
        body = await _body(request, MAX_UPLOAD)
        if body is None:
            limit = MAX_UPLOAD // 1024 // 1024
            return _problem(request, 413, f"The file is larger than {limit} MB.")
        name = Path(unquote(request.headers.get("x-file-name", ""))).name or "document"
        try:
            text = await asyncio.to_thread(_text_of, name, body)
        except PrivacyError as error:
            return _problem(request, 422, str(error))
        return JSONResponse({"name": name, "text": text})

    async def begin(self, request: Request) -> Response:
        body = await _body(request, MAX_UPLOAD)
        try:
            asked = _asked(json.loads(body or b""))
        except (ValueError, TypeError, KeyError, AttributeError):
            return _problem(request, 400, "That is no request of this page; load the page again.")

        def body_of(run: Run) -> None:
            # Before the detectors and the models are there, which takes a while the first time.
            given = asked.question or asked.text or SCENARIOS[asked.scenario].asks(asked.language)
            run.tell("asked", text=given[:_SHOWN])
            with Stage(run, asked, self._models) as stage:
                SCENARIOS[asked.scenario].play(stage)

        key, run = secrets.token_hex(8), Run(body_of, asked.language)
        self._runs[key] = run
        while len(self._runs) > _KEPT_RUNS:
            self._runs.popitem(last=False)[1].stop()
        run.start()
        return JSONResponse({"id": key}, 201)

    async def events(self, request: Request) -> Response:
        run = self._runs.get(request.path_params["id"])
        if run is None:
            return _problem(request, 404, "This run is over and forgotten; start it again.")
        last = request.headers.get("last-event-id", "0")
        after = int(last) if last.isascii() and last.isdigit() and len(last) < 10 else 0

        async def sent() -> AsyncIterator[str]:
            async for event in run.follow(after):
                yield f"id: {event['id']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"

        return StreamingResponse(sent(), media_type="text/event-stream")

    async def decide(self, request: Request) -> Response:
        run = self._runs.get(request.path_params["id"])
        try:
            decision = json.loads(await _body(request, _MAX_REQUEST) or b"")["decision"]
        except (ValueError, TypeError, KeyError):
            decision = None
        if run is None or decision not in ("approve", "reject"):
            return _problem(request, 400, "Say approve or reject, of a run that waits.")
        run.say(decision)
        return Response(status_code=204)

    async def stop(self, request: Request) -> Response:
        if run := self._runs.get(request.path_params["id"]):
            run.stop()
        return Response(status_code=204)


async def _body(request: Request, limit: int) -> bytes | None:
    """Read a body; `None` when it is larger than the limit.

    What is too much is read and dropped: a browser that still sends hears no answer.
    """
    body = bytearray()
    async for piece in request.stream():
        if len(body) <= limit:
            body += piece
    return bytes(body) if len(body) <= limit else None


def _asked(data: dict[str, Any]) -> Asked:
    """Read what the page asks for.

    Raises:
        ValueError: A scenario or language that there is not.
    """
    texts = {name: str(data.get(name) or "") for name in ("question", "text", "name")}
    chosen = {name: str(data.get("models", {}).get(name) or "") for name in _CHOICES}
    scenario, language = data["scenario"], data.get("language", "en")
    if scenario not in SCENARIOS or language not in LANGUAGES:
        raise ValueError
    return Asked(
        scenario=scenario,
        language=language,
        strict=data.get("strict") is True,
        tamper=data.get("tamper") is True,
        chosen=Chosen(**chosen),
        **texts,
    )


_CHOICES = ("local", "address", "model", "key")


def _text_of(name: str, body: bytes) -> str:
    """Read the text of a document that somebody put into the page."""
    suffix = Path(name).suffix.lower()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"document{suffix}"
        file.write_bytes(body)
        text, _ = load_whole(file)
    if not text.strip():
        msg = "There is no text in the file."
        raise DocumentError(msg)
    return text


def _problem(request: Request, status: int, message: str) -> Response:
    """Say what is wrong in the language of the page, which is not that of the command."""
    language = language_of({"LANG": request.headers.get("accept-language", "")})
    said = said_again(message, language)
    if "text/html" in request.headers.get("accept", ""):  # a person who opens an address
        return PlainTextResponse(said, status, _HEADERS)
    return JSONResponse({"message": said}, status, _HEADERS)
