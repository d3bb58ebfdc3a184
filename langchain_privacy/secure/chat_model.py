"""`SecureChatModel`: an OpenAI-compatible chat model that is attested or silent.

It is `langchain_openai`'s chat model with HTTP clients whose transports attest first and encrypt
always (`transport`); nothing else of it is changed, so that it can be used wherever a chat model
can.

```python
policy = AttestationPolicy(require=[SevSnpPolicy(measurements=["7a1e..."])])
model = SecureChatModel(endpoint="https://llm.example.com/v1", model="llama", policy=policy)
model.invoke("...")
```
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from langchain_privacy.errors import ConfigurationError, PrivacyError
from langchain_privacy.secure.endpoint import AttestedEndpoint
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport
from langchain_privacy.secure.transport import (
    SEALED_UNDER,
    AsyncAttestedTransport,
    AttestedTransport,
    name_for,
    reaching,
    unreached,
)
from langchain_privacy.tracing.install import warn_of_unguarded_traces

try:
    import openai
    from langchain_openai.chat_models.base import BaseChatOpenAI
except ImportError:
    _MISSING = 'SecureChatModel needs langchain-openai: pip install "langchain-privacy[secure]"'
    raise ConfigurationError(_MISSING) from None

_FIXED = ("endpoint", "policy", "adapter", "tls", "outer_headers", "proxy")
"""Fields that the attested transport is built from."""
_OWN_CLIENTS = ("http_client", "http_async_client", "openai_proxy", "client", "async_client",
                "root_client", "root_async_client")  # fmt: skip

_UNTRACED = ("default_headers", "default_query")


class _Carried(openai.OpenAIError):
    """Carries our error past the client's retries, which leave errors of its own kind alone."""

    def __init__(self, error: PrivacyError) -> None:
        super().__init__(str(error))
        self.error = error


class _SyncTransport(AttestedTransport):
    built_from: dict[str, Any]

    def _raised(self, error: PrivacyError) -> Exception:
        return _Carried(error)


class _AsyncTransport(AsyncAttestedTransport):
    built_from: dict[str, Any]

    def _raised(self, error: PrivacyError) -> Exception:
        return _Carried(error)


def _ours(error: openai.OpenAIError) -> BaseException:
    """The error that the client was given, ours for an endpoint that is away, or the client's."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _Carried):
            return cause.error
        cause = cause.__cause__
    # A time that ran out is the client's: whoever set it knows its class.
    if isinstance(error, openai.APIConnectionError) and not isinstance(
        error, openai.APITimeoutError
    ):
        return unreached(error)
    return error


class SecureChatModel(BaseChatOpenAI):
    """A chat model behind an endpoint that must prove what it is.

    Before the first byte of a prompt leaves, the endpoint's evidence is verified against the
    policy and the channel's key is taken from it. Requests and answers are then sealed end to end
    to that key. When anything fails, the call raises an `AttestationError` or a `ChannelError`;
    neither is retried but the `EndpointUnavailableError`, after which the same call may succeed.
    Nothing is ever sent in clear.

    Everything else is `langchain_openai`'s: tools, structured output, streaming, usage, async.
    Each message carries a summary of the attestation in `response_metadata["attestation"]`.

    Attributes:
        endpoint: URL of the endpoint, e.g. `"https://llm.example.com/v1"`.
        policy: An `AttestationPolicy`.
        adapter: How the endpoint is asked for evidence; the gateway of this package by default.
        tls: TLS verification: `True`, or an `ssl.SSLContext`.
        outer_headers: Headers to send in clear besides, e.g. for a load balancer.
        proxy: URL of an HTTP proxy to connect through, e.g. `"http://proxy.example:3128"`; none by
            default, whatever the environment says.
    """

    endpoint: str
    policy: Any = Field(exclude=True, repr=False)
    adapter: Any = Field(default=None, exclude=True, repr=False)
    tls: Any = Field(default=True, exclude=True, repr=False)
    outer_headers: dict[str, str] | None = Field(default=None, exclude=True, repr=False)
    proxy: str | None = Field(default=None, exclude=True, repr=False)
    _attested: AttestedEndpoint = PrivateAttr()
    _built: bool = PrivateAttr(default=False)

    model_config = ConfigDict(hide_input_in_errors=True)

    def __init__(self, **settings: Any) -> None:
        # Before pydantic, which would wrap our error into one that shows the settings.
        super().__init__(**_with_attested_clients(settings))
        self._built = True

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what would leave the transport as it was built, and so change nothing."""
        if name in (*_FIXED, *_OWN_CLIENTS, "openai_api_base") and getattr(self, "_built", False):
            msg = f"{name} is fixed once the model is made; use model_copy(update={{...}})"
            raise ConfigurationError(msg)
        super().__setattr__(name, value)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy the model; with another endpoint, policy or adapter, it attests anew.

        Args:
            update: Fields to change.
            deep: Whether to copy the fields' values too; the HTTP clients are shared all the same.
        """
        given = dict(update or {})
        if not set(given) & {*_FIXED, *_OWN_CLIENTS, "openai_api_base"}:
            return super().model_copy(update=given, deep=deep)
        return type(self)(**{**_settings_of(self), **given})

    @model_validator(mode="before")
    @classmethod
    def _attested_clients_only(cls, values: Any) -> Any:
        return _with_attested_clients(values) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _keep_attested_endpoint(self) -> Self:
        transport = _transport_of(self.http_client)
        if not isinstance(transport, _SyncTransport):
            msg = "the model was built without its attested transport"
            raise ConfigurationError(msg)
        self._attested = transport.endpoint
        # All models of this process on one endpoint, under one policy, attest it once.
        self._attested.share(self)
        return self

    @classmethod
    def from_model(
        cls,
        model: BaseChatOpenAI,
        *,
        policy: Any,
        endpoint: str | None = None,
        **changes: Any,
    ) -> "SecureChatModel":
        """Make an attested model with the settings of an existing one.

        Args:
            model: A `ChatOpenAI` or another model of its family.
            policy: What the endpoint must prove.
            endpoint: URL of the endpoint; the model's base URL by default.
            changes: Settings to change besides.

        Raises:
            ConfigurationError: If the model has no base URL and none is given.
        """
        url = endpoint or model.openai_api_base
        if not url:
            msg = "the model has no base URL; pass endpoint='https://...'"
            raise ConfigurationError(msg)
        names = {field.alias or name for name, field in cls.model_fields.items()}
        settings = {n: v for n, v in _settings_of(model).items() if n in names}
        return cls(**{**settings, "endpoint": url, "policy": policy, **changes})

    @property
    def attestation(self) -> AttestationReport | None:
        """The report in force, or `None` before the first call and after it ran out."""
        return self._attested.report

    def attest(self) -> AttestationReport:
        """Return the report in force; ask the endpoint for evidence when there is none.

        Raises:
            AttestationError: The endpoint does not prove what the policy asks for.
        """
        library = name_for(type(self.http_client))
        transport: _SyncTransport = _transport_of(self.http_client)
        with reaching(library):
            return transport.attest(library)

    @property
    def _llm_type(self) -> str:
        return "secure-chat-model"

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Never: keys and policies do not travel in traces."""
        return False

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Leave headers out: a trace holds the `repr` of its model."""
        return [(name, value) for name, value in super().__repr_args__() if name not in _UNTRACED]

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        warn_of_unguarded_traces("What an attested model is asked")
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = "langchain-privacy"
        return params

    @staticmethod
    def _stamp(message: BaseMessage) -> None:
        # Not the endpoint's report in force: by now it may have run out, or be another thread's.
        message.response_metadata = {
            **message.response_metadata,
            "attestation": SEALED_UNDER.get().summary(),
        }

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        try:
            result = super()._generate(messages, stop, run_manager, **kwargs)
        except openai.OpenAIError as error:
            raise _ours(error) from None
        for generation in result.generations:
            self._stamp(generation.message)
        return result

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        try:
            result = await super()._agenerate(messages, stop, run_manager, **kwargs)
        except openai.OpenAIError as error:
            raise _ours(error) from None
        for generation in result.generations:
            self._stamp(generation.message)
        return result

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        stamped = False
        try:
            for chunk in super()._stream(*args, **kwargs):
                if not stamped:
                    self._stamp(chunk.message)
                    stamped = True
                yield chunk
        except openai.OpenAIError as error:
            raise _ours(error) from None

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        stamped = False
        try:
            async for chunk in super()._astream(*args, **kwargs):
                if not stamped:
                    self._stamp(chunk.message)
                    stamped = True
                yield chunk
        except openai.OpenAIError as error:
            raise _ours(error) from None


def _transport_of(client: Any) -> Any:
    return getattr(client, "_transport", None)


def _settings_of(model: BaseChatOpenAI) -> dict[str, Any]:
    """What a model was made with, by the names its constructor takes, without its clients."""
    return {
        field.alias or name: getattr(model, name)
        for name, field in type(model).model_fields.items()
        if name in model.model_fields_set and name not in (*_OWN_CLIENTS, "openai_api_base")
    }


def _is_of(transport: Any, values: Mapping[str, Any]) -> bool:
    """Whether a transport was built from these settings and no others."""
    built: dict[str, Any] = getattr(transport, "built_from", {})
    return all(values.get(n, built.get(n)) is built[n] or values[n] == built[n] for n in built)


def _with_attested_clients(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a model with HTTP clients that attest first; idempotent."""
    values = dict(settings)
    built = [_transport_of(values.get(n)) for n in ("http_client", "http_async_client")]
    if isinstance(built[0], _SyncTransport) and isinstance(built[1], _AsyncTransport):
        if all(_is_of(transport, values) for transport in built):
            return values
        # Another policy or endpoint for a model that is there, e.g. by `configurable_fields`.
        for name in (*_OWN_CLIENTS, "base_url", "openai_api_base"):
            values.pop(name, None)
    for name in _OWN_CLIENTS:
        if values.get(name) is not None:
            msg = f"{name} would bypass the attested transport; leave it out"
            raise ConfigurationError(msg)
    endpoint, policy = values.get("endpoint"), values.get("policy")
    if not isinstance(endpoint, str) or not isinstance(policy, AttestationPolicy):
        msg = 'SecureChatModel needs endpoint="https://..." and policy=AttestationPolicy(...)'
        raise ConfigurationError(msg)
    for name in ("base_url", "openai_api_base"):
        if values.pop(name, None) is not None:
            msg = f"{name} is endpoint here: one URL, and it is attested"
            raise ConfigurationError(msg)
    attested = AttestedEndpoint(endpoint, policy, adapter=values.get("adapter"), shared=True)
    url = endpoint.rstrip("/")
    values["base_url"] = url if urlsplit(url).path else f"{url}/v1"
    # A key in the environment is meant for OpenAI, not for this endpoint.
    if values.get("api_key") is None and values.get("openai_api_key") is None:
        values.pop("openai_api_key", None)
        values["api_key"] = SecretStr("not-needed")
    values.setdefault("stream_usage", True)
    shared: Any = {
        "outer_headers": values.get("outer_headers"),
        "verify": values.get("tls", True),
        "proxy": values.get("proxy"),
    }
    if values.get("max_retries") == 0:
        shared["tries"] = 1
    # What the environment says about OpenAI's accounts is meant for OpenAI.
    given = {name.lower() for name in values.get("default_headers") or {}}
    if values.get("organization") or values.get("openai_organization"):
        given.add("openai-organization")
    dropped = frozenset({"openai-organization", "openai-project"} - given)
    # No proxies from the environment, and redirects are never followed.
    fixed: Any = {"follow_redirects": False, "trust_env": False}
    built_from = {name: values.get(name, name == "tls" or None) for name in _FIXED}
    fixed["transport"] = _SyncTransport(attested, **shared)
    fixed["transport"].built_from, fixed["transport"].dropped = built_from, dropped
    values["http_client"] = openai.DefaultHttpxClient(**fixed)
    fixed["transport"] = _AsyncTransport(attested, **shared)
    fixed["transport"].built_from, fixed["transport"].dropped = built_from, dropped
    values["http_async_client"] = openai.DefaultAsyncHttpxClient(**fixed)
    return values
