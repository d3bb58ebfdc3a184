"""Plays the remote models, so that the example runs without a key; prints what each is shown."""

import logging
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from langchain_privacy import AttestationPolicy
from langchain_privacy.secure import SimulatedTee, UnsafePolicyWarning, create_gateway
from langchain_privacy.secure.policy_from_service import Service, observe, policy_for
from langchain_privacy.testing import OpenAIServer, last_text


def answer(request: dict[str, Any]) -> str:
    """Answer as the model in the TEE."""
    print(f"  the attested model reads  {last_text(request)}")
    return "Metformin 500 mg with a falling kidney function: check the dose."


def suggest(request: dict[str, Any]) -> str:
    """Answer as the model in the cloud, which only ever sees placeholders."""
    print(f"  the cloud model reads     {last_text(request)}")
    patient = last_text(request).split("about ")[1].split(":")[0]
    return f"Dear colleague, about {patient}: please check the dose of metformin."


@contextmanager
def simulated_endpoint(tamper: bool = False) -> Iterator[tuple[str, AttestationPolicy]]:
    """The whole path on one machine, with a TEE that is only simulated; gives address and policy.

    Args:
        tamper: Whether another build takes the gateway's place once the policy was obtained.
    """
    # Said once in the example's own words, instead of at each use.
    warnings.simplefilter("ignore", UnsafePolicyWarning)
    logging.getLogger("langchain_privacy").setLevel(logging.ERROR)
    with OpenAIServer(answer) as upstream:
        running = [create_gateway(upstream.url, SimulatedTee())]

        async def machine(scope: Any, receive: Any, send: Any) -> None:
            await running[0](scope, receive, send)

        with serve(machine) as url:
            service = Service("gateway")
            policy = policy_for(observe(url, service), service, url=url, allow_simulated=True)
            if tamper:
                running[0] = create_gateway(upstream.url, SimulatedTee(measurement="ba" * 48))
            yield f"{url}/v1", policy


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve an ASGI application on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        # The listener takes connections already; a request waits until the server has started.
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
