"""A gateway with simulated evidence before a scripted model server."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from langchain_privacy.secure import (
    AttestationPolicy,
    SevSnpPolicy,
    SimulatedTee,
    UnsafeSimulatedTee,
    create_gateway,
)
from tests.support.asgi import AsgiServer
from tests.support.http import Answer, OpenAIServer

SIMULATED = AttestationPolicy(require=[UnsafeSimulatedTee()], allow_unsafe=True)
"""What the gateway proves."""
REAL = AttestationPolicy(require=[SevSnpPolicy(measurements=["ab" * 48])])
"""What it cannot."""


@contextlib.contextmanager
def simulated_gateway(
    answer: Callable[[dict[str, Any]], Answer], **settings: Any
) -> Iterator[tuple[str, OpenAIServer]]:
    """Yield the gateway's URL and the model server behind it."""
    with OpenAIServer(answer) as upstream:
        app = create_gateway(upstream.url.removesuffix("/v1"), SimulatedTee(), **settings)
        with AsgiServer(app) as server:
            yield server.url, upstream
