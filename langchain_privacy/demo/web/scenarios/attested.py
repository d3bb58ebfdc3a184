"""An attested endpoint: it proves what runs there, or nothing is sent.

The endpoint is the package's own gateway with a simulated machine, which proves nothing and says
so. With the switch on it runs another workload than the policy names, and the door stays shut.
"""

import logging
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from langchain_privacy.demo.web.scenarios.words import converse
from langchain_privacy.demo.web.stage import Stage
from langchain_privacy.errors import AttestationError
from langchain_privacy.locale import Language
from langchain_privacy.secure import (
    AttestationPolicy,
    SecureChatModel,
    SimulatedTee,
    UnsafePolicyWarning,
    UnsafeSimulatedTee,
    create_gateway,
)
from langchain_privacy.testing.model_server import OpenAIServer, last_text

_OTHER_WORKLOAD = "ab" * 48
_TEXT: dict[Language, str] = {
    "en": "Customer: Maria Lindqvist, account DE89 3704 0044 0532 0130 00. Transfers on 5 January "
    "2026: 4,800.00 and 4,750.00 within one hour; usual transfers: 900.00. What should be checked?",
    "ko": "고객: 표가온, 계좌 하람은행 612-0093-4417-08. 2026년 1월 5일 한 시간 안에 480만원과 "
    "475만원을 보냄. 평소 이체 90만원. 무엇을 확인해야 하는가?",
}
_ANSWERS: dict[Language, str] = {
    "en": "Two transfers of {who} are five times the usual amount and came within one hour. Check "
    "the recipient and whether the customer gave both orders.",
    "ko": "{who} 고객의 이체 두 건은 평소의 다섯 배이고 한 시간 안에 나갔습니다. 받는 사람과 본인 "
    "의사를 확인하십시오.",
}


def asks(language: Language) -> str:
    """Return what is said where the person says nothing."""
    return _TEXT[language]


def play(stage: Stage) -> None:
    """Ask a model behind the endpoint about a customer's transfers."""
    language = stage.asked.language
    text = stage.asked.text or asks(language)
    stage.show_document(stage.asked.name or "transfers", text)

    def reply(request: dict[str, Any]) -> str:
        told = last_text(request)
        who = told.split(",")[0].split(":")[-1].strip()
        return _ANSWERS[language].format(who=who)

    with _in_words(), OpenAIServer(reply) as upstream:
        policy = AttestationPolicy(require=[UnsafeSimulatedTee()], allow_unsafe=True)
        tee = SimulatedTee(_OTHER_WORKLOAD) if stage.asked.tamper else SimulatedTee()
        gateway = create_gateway(upstream.url, tee)
        with _serving(_Recording(gateway, stage)) as url:
            model = SecureChatModel(endpoint=f"{url}/v1", model="scripted", policy=policy)
            try:
                attested = model.attest()
            except AttestationError as error:
                stage.show_attestation(error.checks, verified=False)
                raise
            stage.show_attestation(attested.all_checks(), verified=True)
            converse(stage, model, text)


@contextmanager
def _serving(app: Any) -> Iterator[str]:
    """Serve an ASGI application on a free port of this machine; gives its address."""
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_level="critical", lifespan="off", access_log=False)
        server = uvicorn.Server(config)
        # The listener takes connections already; a request waits until the server has started.
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def _in_words() -> Iterator[None]:
    """Leave out the warnings about a simulated machine: the page says it in words."""
    log = logging.getLogger("langchain_privacy.secure")
    level = log.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnsafePolicyWarning)
        log.setLevel(logging.ERROR)
        try:
            yield
        finally:
            log.setLevel(level)


class _Recording:
    """Shows the body of each sealed request as it arrives at a gateway."""

    def __init__(self, app: Any, stage: Stage) -> None:
        self._app, self._stage = app, stage

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""

        async def recorded() -> Any:
            nonlocal body
            message = await receive()
            body += message.get("body", b"")
            if message["type"] == "http.request" and not message.get("more_body") and body:
                self._stage.show_bytes(f"{scope['method']} {scope['path']}", body)
                body = b""
            return message

        await self._app(scope, recorded, send)
