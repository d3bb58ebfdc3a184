"""A gateway with simulated evidence before a scripted model server."""

import contextlib
import subprocess
import sys
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
from tests.support.paths import REPOSITORY

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


@contextlib.contextmanager
def attacker(*arguments: object) -> Iterator[int]:
    """Run `secure_attacker`, which says what its arguments are; yield its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration_tests.secure_attacker", *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
