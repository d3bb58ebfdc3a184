"""Sending a canary through tracing and looking for it on the wire.

Call it at the start of a program, after everything that traces was set up.

Example:
    ```python
    install_tracing_guard(masker)
    assert_traces_safe(masker)  # raises where a private value would come out
    ```
"""

import secrets
import uuid
import warnings
from typing import Any

import langsmith
import requests
from langsmith import run_trees
from langsmith.run_trees import RunTree

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.loopback import LangSmithServer
from langchain_privacy.subclassing import recast
from langchain_privacy.tracing.install import (
    HasVault,
    UnsafeTracingWarning,
    default_client,
    unprotected_clients,
    warn_of_switches,
)
from langchain_privacy.tracing.langsmith import protect, scrubber_of
from langchain_privacy.vault import Vault

_COPIED = (
    "_anonymizer",
    "_hide_inputs",
    "_hide_outputs",
    "_hide_metadata",
    "_process_buffered_run_ops",
    "_run_ops_buffer_size",
)
CHANNELS = (
    "input",
    "output",
    "system prompt",
    "nested tool argument",
    "metadata value",
    "metadata key",
    "tag",
    "run name",
    "error",
    "attachment",
    "event",
    "tool description",
    "serialized model",
)
"""The channels of a run in which text reaches LangSmith."""


def assert_traces_safe(
    masker: HasVault | None = None, client: langsmith.Client | None = None
) -> None:
    """Send a canary through every channel of a trace to a server in this process, and look for it.

    The client's own settings and hooks are used on a twin of it that sends to loopback only.

    Args:
        masker: Whose vault gets the canary for the moment; default the installed guard's.
        client: The client to try; default the one that LangChain traces with.

    Raises:
        ConfigurationError: The canary came out; the message names the channels. Or it did not, but
            another client, which LangChain traces with by default, has no guard.

    Warns of other clients in this process that no guard protects.
    """
    client = client or default_client()
    scrubber = scrubber_of(client)
    if masker is None and scrubber is None:
        msg = "Traces are not safe: no guard is installed. Call install_tracing_guard(masker)."
        raise ConfigurationError(msg)
    vault: Vault = masker.vault if masker is not None else scrubber.vaults[-1]  # type: ignore[union-attr]
    session = vault.session()
    canaries = {name: f"canary.{secrets.token_hex(8)}@example.invalid" for name in CHANNELS}
    for canary in canaries.values():
        session.issue("CANARY", canary)
    with LangSmithServer() as server:
        _send(_twin(client, server.url), canaries)
        wire = server.wire
    came_out = [name for name, canary in canaries.items() if canary.encode() in wire]
    if not wire:
        msg = "Nothing reached the capture server, so nothing can be said about the traces."
        raise ConfigurationError(msg)
    if came_out:
        msg = (
            f"Traces are not safe: a private value came out in {', '.join(came_out)}. "
            "Call install_tracing_guard(masker) for this client."
        )
        raise ConfigurationError(msg)
    # Only looked at: `get_cached_client` would make one.
    default: langsmith.Client | None = run_trees._CLIENT  # noqa: SLF001
    if default not in (None, client) and scrubber_of(default) is None:
        msg = (
            "Traces are not safe: this client is, but not the one that LangChain traces with by "
            "default in this process. Call install_tracing_guard(masker), or name both clients."
        )
        raise ConfigurationError(msg)
    if others := len(unprotected_clients()):
        warnings.warn(
            f"{others} other LangSmith client(s) of this process have no guard. If they send, name "
            "them: install_tracing_guard(masker, client=[...]) or guard.protect(client).",
            UnsafeTracingWarning,
            stacklevel=2,
        )
    warn_of_switches()


def _twin(client: langsmith.Client, url: str) -> langsmith.Client:
    """Make a client with the same settings that sends to `url`."""
    session = requests.Session()
    session.trust_env = False  # a proxy must not see the canary
    twin = langsmith.Client(
        api_url=url, api_key="canary", session=session, tracing_mode="langsmith", info={}
    )
    for name in _COPIED:
        setattr(twin, name, getattr(client, name))
    recast(twin, type(client))
    if (scrubber := scrubber_of(client)) is not None:
        protect(twin, scrubber)
    return twin


def _send(twin: langsmith.Client, canaries: dict[str, str]) -> None:
    nested: Any = canaries["nested tool argument"]
    for key in "mlkjihgfedcba":
        nested = {key: nested}
    run = RunTree(
        name=f"canary {canaries['run name']}",
        run_type="llm",
        inputs={
            "messages": [
                {"role": "system", "content": canaries["system prompt"]},
                {"role": "user", "content": f"Write to {canaries['input']}."},
            ],
            "args": nested,
        },
        serialized={"name": "model", "kwargs": {"note": canaries["serialized model"]}},
        tags=[canaries["tag"]],
        extra={
            "metadata": {"who": canaries["metadata value"], canaries["metadata key"]: 1},
            "invocation_params": {"tools": [{"description": canaries["tool description"]}]},
        },
        attachments={"note": ("text/plain", canaries["attachment"].encode())},
        client=twin,
        project_name="canary",
        id=uuid.uuid4(),
    )
    run.add_event({"name": "note", "kwargs": {"v": canaries["event"]}})
    run.post()
    run.end(outputs={"text": canaries["output"]}, error=f"ValueError('{canaries['error']}')")
    run.patch()
    twin.flush()
    twin.close()
