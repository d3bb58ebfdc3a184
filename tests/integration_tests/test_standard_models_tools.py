"""The standard integration suite with tools, on our models before a scripted model server.

The server is real HTTP, for the secure model behind the real gateway; only what it says is
scripted, because the small packaged model follows no tools. It fills the arguments that each tool's
or schema's form asks for.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests
from openai import DefaultAsyncHttpxClient

from langchain_privacy import EgressGuard, EgressLedger, Masker, private
from langchain_privacy.detection import default_detectors
from langchain_privacy.secure import SecureChatModel
from tests.support.attested import SIMULATED, simulated_gateway
from tests.support.http import OpenAIServer

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")


def _fill(schema: dict[str, Any], definitions: dict[str, Any], word: str = "cats") -> Any:
    if "$ref" in schema:
        return _fill(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions, word)
    if "anyOf" in schema:
        return _fill(schema["anyOf"][0], definitions, word)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "object":
        return {n: _fill(s, definitions, word) for n, s in schema.get("properties", {}).items()}
    if kind == "array":
        return [_fill(schema.get("items", {}), definitions, word)]
    return {"integer": 3, "number": 3.0, "boolean": True, "null": None}.get(kind, word)


def _answer(request: dict[str, Any]) -> str | dict[str, Any]:
    if request["messages"][-1]["role"] == "tool":
        return "The result is in."
    form = request.get("response_format") or {}
    if form.get("type") == "json_schema":
        schema = form["json_schema"]["schema"]
        return json.dumps(_fill(schema, schema.get("$defs", {})))
    if form.get("type") == "json_object":
        return json.dumps({"setup": "why?", "punchline": "because"})
    tools = request.get("tools")
    if not tools or request.get("tool_choice") == "none":
        return "Hello from the enclave."
    function = tools[0]["function"]
    choice = request.get("tool_choice")
    if isinstance(choice, dict):
        wanted = choice["function"]["name"]
        function = next(t["function"] for t in tools if t["function"]["name"] == wanted)
    parameters = function.get("parameters", {})
    asked = json.dumps(request["messages"], ensure_ascii=False)
    word = next((w for w in ("你好", "こんにちは") if w in asked), "cats")
    arguments = json.dumps(_fill(parameters, parameters.get("$defs", {}), word))
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": function["name"], "arguments": arguments},
            }
        ],
    }


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with simulated_gateway(_answer) as (url, _):
        yield f"{url}/v1"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with OpenAIServer(_answer) as server:
        yield server.url


class _Suite(ChatModelIntegrationTests):
    @property
    def chat_model_params(self) -> dict:
        return self._settings

    @property
    def model_override_value(self) -> str:
        return "another"

    @property
    def supports_json_mode(self) -> bool:
        return True


class TestSecure(_Suite):
    @pytest.fixture(autouse=True)
    def _endpoint(self, endpoint: str) -> None:
        type(self)._settings = {"endpoint": endpoint, "model": "scripted", "policy": SIMULATED}

    @property
    def chat_model_class(self) -> type[SecureChatModel]:
        return SecureChatModel


class _Direct(_Suite):
    @pytest.fixture(autouse=True)
    def _server(self, server: str) -> None:
        type(self)._settings = {
            "base_url": server,
            "model": "scripted",
            "api_key": "k",
            "stream_usage": True,
            # ChatOpenAI shares one client among all models, but each test has a loop of its own.
            "http_async_client": DefaultAsyncHttpxClient(),
        }

    @property
    def chat_model_class(self) -> type[ChatOpenAI]:
        return ChatOpenAI


class TestGuarded(_Direct):
    @pytest.fixture
    def model(self, request: pytest.FixtureRequest) -> BaseChatModel:
        plain = self.chat_model_class(**self.standard_chat_model_params | self.chat_model_params)
        return EgressGuard(Masker([]), ledger=EgressLedger("sqlite://")).wrap(plain)


class TestPrivate(_Direct):
    @pytest.fixture
    def model(self, request: pytest.FixtureRequest) -> BaseChatModel:
        plain = self.chat_model_class(**self.standard_chat_model_params | self.chat_model_params)
        return private(plain, Masker(default_detectors(presidio=False)))
