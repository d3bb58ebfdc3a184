"""The local proxy: any OpenAI client gets an attested endpoint, and nothing but that."""

import asyncio
import contextlib
from collections.abc import Iterator

import httpx
import openai
import pytest

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.secure.proxy import LocalProxy
from tests.support.asgi import AsgiServer
from tests.support.attested import REAL, SIMULATED, simulated_gateway

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")
TOKEN = "a-token-of-this-machine"
CHAT = {"model": "m", "messages": [{"role": "user", "content": "private words"}]}


@contextlib.contextmanager
def _proxied(policy=SIMULATED, **settings) -> Iterator[tuple[str, object]]:
    with simulated_gateway(lambda r: f"echo {r['messages'][-1]['content']}") as (url, upstream):
        app = LocalProxy(f"{url}/v1", policy, token=TOKEN, **settings)
        with AsgiServer(app) as server:
            yield server.url, upstream


def test_an_openai_client_profits() -> None:
    with _proxied(api_key="sk-endpoint") as (url, upstream):
        client = openai.OpenAI(base_url=f"{url}/v1", api_key=TOKEN, max_retries=0)
        answer = client.chat.completions.create(**CHAT)
        assert answer.choices[0].message.content == "echo private words"
        parts = client.chat.completions.create(**CHAT, stream=True)
        text = "".join(p.choices[0].delta.content or "" for p in parts if p.choices)
        assert text == "echo private words"

        async def ask() -> str:
            async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=TOKEN) as other:
                return (await other.chat.completions.create(**CHAT)).choices[0].message.content

        assert asyncio.run(ask()) == "echo private words"
        assert b"sk-endpoint" in upstream.wire
        assert TOKEN.encode() not in upstream.wire


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer another"}, 401),
        ({"authorization": f"Bearer {TOKEN}", "host": "evil.example"}, 403),
        ({"authorization": f"Bearer {TOKEN}", "host": "evil.example:80"}, 403),
    ],
)
def test_others_of_this_machine_are_refused(headers, status) -> None:
    with _proxied() as (url, upstream):
        reply = httpx.post(f"{url}/v1/chat/completions", json=CHAT, headers=headers)
        assert reply.status_code == status
        assert not upstream.requests


def test_an_endpoint_that_is_refused_gets_nothing() -> None:
    with _proxied(REAL) as (url, upstream):
        client = openai.OpenAI(base_url=f"{url}/v1", api_key=TOKEN)
        with pytest.raises(openai.InternalServerError, match="sev-snp") as refused:
            client.chat.completions.create(**CHAT)
        assert refused.value.response.headers["x-should-retry"] == "false"
        assert "private words" not in refused.value.response.text
        assert not upstream.requests


def test_an_endpoint_that_is_gone_is_unavailable() -> None:
    app = LocalProxy("http://127.0.0.1:1/v1", SIMULATED, token=TOKEN)
    with AsgiServer(app) as server:
        header = {"authorization": f"Bearer {TOKEN}"}
        reply = httpx.post(f"{server.url}/v1/chat/completions", json=CHAT, headers=header)
        assert reply.status_code == 503
        assert reply.json()["error"]["type"] == "endpoint_unavailable"


def test_short_tokens_are_refused() -> None:
    with pytest.raises(ConfigurationError):
        LocalProxy("http://127.0.0.1:1", SIMULATED, token="short")
