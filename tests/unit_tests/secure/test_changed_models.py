"""SecureChatModel after it was made: another policy attests anew, and stamps name their report."""

import threading
from collections.abc import Iterator

import pytest
from langchain_core.runnables import ConfigurableField

from langchain_privacy.errors import AttestationError, ConfigurationError
from langchain_privacy.secure import (
    AttestationPolicy,
    AttestedEndpoint,
    SecureChatModel,
    UnsafeSimulatedTee,
)
from tests.support.attested import REAL, SIMULATED, simulated_gateway

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with simulated_gateway(lambda _: "an answer") as (served, _):
        yield f"{served}/v1"


def _model(url: str, **changes) -> SecureChatModel:
    return SecureChatModel(**{"endpoint": url, "model": "m", "policy": SIMULATED, **changes})


def test_a_stricter_policy_by_configuration_is_held_to(url) -> None:
    model = _model(url)
    assert model.invoke("x").content == "an answer"
    configurable = model.configurable_fields(
        policy=ConfigurableField(id="policy"), endpoint=ConfigurableField(id="endpoint")
    )
    assert configurable.invoke("x").content == "an answer"
    with pytest.raises(AttestationError):
        configurable.with_config(configurable={"policy": REAL}).invoke("x")
    elsewhere = "https://other.example/v1"
    moved = configurable._prepare({"configurable": {"endpoint": elsewhere}})[0]
    assert moved.openai_api_base == elsewhere
    assert moved._attested.hostname == "other.example"


def test_a_copy_with_another_policy_attests_anew(url) -> None:
    model = _model(url, temperature=0.5)
    model.invoke("x")
    strict = model.model_copy(update={"policy": REAL})
    assert (strict.temperature, strict.model_name) == (0.5, "m")
    with pytest.raises(AttestationError):
        strict.invoke("x")
    moved = model.model_copy(update={"endpoint": "https://other.example"})
    assert moved.openai_api_base == "https://other.example/v1"
    assert moved.attestation is None
    warmer = model.model_copy(update={"temperature": 1.0})
    assert (warmer.temperature, warmer.attestation) == (1.0, model.attestation)
    for name in ("http_client", "client", "root_client", "openai_proxy"):
        with pytest.raises(ConfigurationError):
            model.model_copy(update={name: "http://elsewhere.example"})


@pytest.mark.parametrize(
    "name",
    ["policy", "endpoint", "adapter", "tls", "outer_headers", "http_client", "root_client",
     "openai_api_base"],
)  # fmt: skip
def test_what_the_transport_was_built_from_is_fixed(url, name) -> None:
    model = _model(url)
    with pytest.raises(ConfigurationError, match="model_copy"):
        setattr(model, name, REAL)
    model.temperature = 0.3


def test_an_endpoint_keeps_its_policy() -> None:
    endpoint = AttestedEndpoint("https://llm.example.com", SIMULATED)
    with pytest.raises(AttributeError):
        endpoint.policy = REAL  # type: ignore[misc]


def test_the_stamp_is_of_the_report_that_the_request_was_sealed_under() -> None:
    # While the model works, another thread attests the endpoint again: the machine changed.
    attested: list[str] = []

    def answer(_: dict):
        if len(attested) == 1:
            model._attested.forget(model.attestation)
            other = threading.Thread(target=lambda: attested.append(_verified(model)))
            other.start()
            other.join()
        return "an answer"

    with simulated_gateway(answer) as (served, _):
        model = _model(f"{served}/v1")
        attested.append(_verified(model))
        message = model.invoke("x")
        assert message.response_metadata["attestation"]["verified_at"] == attested[0]
        assert attested[0] != attested[1]
        assert [_verified(model)] == attested[1:]


def test_an_answer_that_outlasts_its_verdict_is_stamped() -> None:
    def answer(_: dict):
        model._attested.forget(model.attestation)
        return "an answer"

    with simulated_gateway(answer) as (served, _):
        model = _model(f"{served}/v1")
        assert model.invoke("x").response_metadata["attestation"]["evidence"] == ["simulated"]
        assert model.attestation is None
        whole = None
        for chunk in model.stream("x"):
            whole = chunk if whole is None else whole + chunk
        assert whole is not None
        assert whole.response_metadata["attestation"]["evidence"] == ["simulated"]


def _verified(model: SecureChatModel) -> str:
    return model.attest().verified_at.isoformat()


def test_policies_that_are_equal_share_the_transport(url) -> None:
    model = _model(url)
    model.invoke("x")
    alike = AttestationPolicy(require=[UnsafeSimulatedTee()], allow_unsafe=True)
    again = SecureChatModel(**{**model.__dict__, "policy": alike})
    assert again.attestation is model.attestation
