"""SecureChatModel: construction, refusals, and what it must not show."""

import asyncio
import json
import pickle
import warnings
from collections.abc import Iterator

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

from langchain_privacy import Masker, install_tracing_guard
from langchain_privacy.errors import (
    AttestationError,
    ConfigurationError,
    PolicyMismatchError,
)
from langchain_privacy.secure import (
    SecureChatModel,
    UnsafeSimulatedTee,
)
from langchain_privacy.tracing import UnsafeTracingWarning
from tests.support.attested import REAL, SIMULATED, simulated_gateway
from tests.support.http import LangSmithServer, OpenAIServer

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, OpenAIServer]]:
    def answer(request: dict):
        if request.get("tools"):
            name = request["tools"][0]["function"]["name"]
            arguments = json.dumps({"city": "Seoul"} if name == "weather" else {"value": 7})
            call = {"id": "c1", "type": "function"}
            return {
                "role": "assistant",
                "content": None,
                "tool_calls": [{**call, "function": {"name": name, "arguments": arguments}}],
            }
        return "an answer"

    with simulated_gateway(answer) as served:
        yield served


def _model(url: str, **changes) -> SecureChatModel:
    return SecureChatModel(
        **{"endpoint": f"{url}/v1", "model": "m", "policy": SIMULATED, **changes}
    )


def test_answers_carry_the_attestation(served) -> None:
    model = _model(served[0])
    message = model.invoke("hello")
    assert message.content == "an answer"
    summary = message.response_metadata["attestation"]
    assert summary["evidence"] == ["simulated"]
    assert "simulated.hardware" in summary["checks_skipped"]
    assert message.usage_metadata is not None
    whole = None
    for chunk in model.stream("hello"):
        whole = chunk if whole is None else whole + chunk
    assert whole is not None
    assert whole.response_metadata["attestation"] == summary
    assert asyncio.run(model.ainvoke("hello")).response_metadata["attestation"]["evidence"]
    assert model.attestation is not None


def test_tools_and_structured_output(served) -> None:
    @tool
    def weather(city: str) -> str:
        """Weather of a city."""
        return city

    class Value(BaseModel):
        """A value."""

        value: int

    model = _model(served[0])
    called = model.bind_tools([weather]).invoke("how is the weather?")
    assert isinstance(called, AIMessage)
    assert called.tool_calls[0]["args"] == {"city": "Seoul"}
    structured = model.with_structured_output(Value, method="function_calling").invoke("seven")
    assert structured == Value(value=7)


def test_real_policy_refuses_the_simulation_before_anything_is_sent(served) -> None:
    url, upstream = served
    before = len(upstream.requests)
    with pytest.raises(PolicyMismatchError) as refused:
        _model(url, policy=REAL).invoke("secret text")
    assert refused.value.is_retryable is False
    assert "secret text" not in repr(refused.value)
    assert refused.value.__cause__ is None
    with pytest.raises(AttestationError):
        list(_model(url, policy=REAL).stream("secret text"))
    with pytest.raises(AttestationError):
        asyncio.run(_model(url, policy=REAL).ainvoke("secret text"))
    assert len(upstream.requests) == before


def test_from_model_keeps_settings(served) -> None:
    plain = ChatOpenAI(
        base_url=f"{served[0]}/v1", model="named", temperature=0.5, api_key=SecretStr("k")
    )
    model = SecureChatModel.from_model(plain, policy=SIMULATED)
    assert (model.model_name, model.temperature) == ("named", 0.5)
    assert model.invoke("x").content == "an answer"
    elsewhere = SecureChatModel.from_model(plain, policy=SIMULATED, endpoint="https://a.example")
    assert elsewhere.openai_api_base == "https://a.example/v1"
    with pytest.raises(ConfigurationError, match="base URL"):
        SecureChatModel.from_model(ChatOpenAI(api_key=SecretStr("k")), policy=SIMULATED)


@pytest.mark.parametrize(
    "changes",
    [
        {"policy": None},
        {"policy": UnsafeSimulatedTee()},
        {"endpoint": None},
        {"endpoint": "llm.example.com"},
        {"endpoint": "https://user:password@llm.example.com"},
        {"base_url": "https://other.example"},
        {"http_client": object()},
        {"openai_proxy": "http://proxy"},
    ],
)
def test_bad_settings_are_refused(changes) -> None:
    with pytest.raises(ConfigurationError):
        _model("https://llm.example.com", **changes)


def test_settings_never_stand_in_errors() -> None:
    with pytest.raises(ValueError, match="temperature") as refused:
        _model("https://llm.example.com", api_key="sk-canary", temperature="hot")
    assert "sk-canary" not in str(refused.value)
    with pytest.raises(ValueError, match="policy"):
        SecureChatModel.model_validate({"endpoint": "https://llm.example.com", "model": "m"})


def test_the_openai_key_of_the_environment_stays_here(served, monkeypatch) -> None:
    url, upstream = served
    monkeypatch.setenv("OPENAI_API_KEY", "sk-meant-for-openai")
    _model(url).invoke("x")
    assert b"sk-meant-for-openai" not in upstream.wire


def test_nothing_secret_is_dumped() -> None:
    model = _model("https://llm.example.com", api_key="sk-canary")
    assert "sk-canary" not in json.dumps(dumpd(model))
    assert "sk-canary" not in repr(model)
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(model)


def test_an_error_of_the_model_server_stays_an_error(served) -> None:
    import openai

    with pytest.raises(openai.NotFoundError):
        _model(served[0]).root_client.get("/nowhere", cast_to=object)


def test_traces_without_a_guard_are_warned_of_and_hold_no_headers(
    served, langsmith_server: LangSmithServer
) -> None:
    url, _ = served
    model = _model(url, default_headers={"X-Customer": "Jane Roe-Miller"})
    with pytest.warns(UnsafeTracingWarning, match="install_tracing_guard"):
        model.invoke("hi")
    langsmith_server.flush()
    assert b"secure" in langsmith_server.wire.lower()
    assert b"Jane Roe-Miller" not in langsmith_server.wire
    guard = install_tracing_guard(Masker([]))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnsafeTracingWarning)
        model.invoke("hi")
    guard.remove()
