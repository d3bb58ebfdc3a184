"""The standard integration suite with tools, on SecureChatModel before a scripted model server.

The server is real HTTP behind the real gateway; only what it says is scripted, because the small
packaged model follows no tools. It fills the arguments that each tool's or schema's form asks for.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests

from langchain_privacy.secure import (
    SecureChatModel,
)
from tests.support.attested import SIMULATED, simulated_gateway

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


class TestStandardWithTools(ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def _endpoint(self, endpoint: str) -> None:
        type(self)._settings = {"endpoint": endpoint, "model": "scripted", "policy": SIMULATED}

    @property
    def chat_model_class(self) -> type[SecureChatModel]:
        return SecureChatModel

    @property
    def chat_model_params(self) -> dict:
        return self._settings

    @property
    def model_override_value(self) -> str:
        return "another"

    @property
    def supports_json_mode(self) -> bool:
        return True
