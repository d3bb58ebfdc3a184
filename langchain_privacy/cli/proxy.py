"""`langchain-privacy proxy --policy FILE`: an attested endpoint for any OpenAI client here.

langchain-privacy proxy --policy policy.json --url https://llm.example.com/v1
"""

import argparse
import os
import secrets
import sys
from pathlib import Path

from langchain_privacy.cli import services
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.locale import say
from langchain_privacy.secure.fetch import LOOPBACK
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.policy_from_service import kind_of

_TOKEN = "LANGCHAIN_PRIVACY_PROXY_TOKEN"  # noqa: S105  the name of a variable


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--policy", type=Path, required=True, help="what the endpoint must prove")
    parser.add_argument("--signed-by", metavar="HEX", help="key that must have signed the policy")
    parser.add_argument("--url", help="endpoint; by default the service that the policy is for")
    parser.add_argument("--service", choices=services.KINDS, help="when the policy does not say")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=8642)
    parser.add_argument(
        "--api-key-env", metavar="NAME", help="variable with the endpoint's key, which is sealed"
    )
    services.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until stopped."""
    try:
        import uvicorn
    except ImportError:
        msg = 'the proxy needs uvicorn: pip install "langchain-privacy[secure,gateway]"'
        raise ConfigurationError(msg) from None
    from langchain_privacy.secure.proxy import LocalProxy

    if arguments.host not in LOOPBACK:
        msg = "the proxy listens on loopback only: whoever reaches it speaks in clear with it"
        raise ConfigurationError(msg)
    policy = AttestationPolicy.load(
        arguments.policy, signed_by=services.public_key(arguments.signed_by)
    )
    url = arguments.url or policy.service
    if url is None:
        msg = "the policy names no service; give --url"
        raise ConfigurationError(msg)
    arguments.service = arguments.service or kind_of(policy)
    api_key = None
    if arguments.api_key_env and not (api_key := os.environ.get(arguments.api_key_env)):
        msg = f"the variable {arguments.api_key_env} is empty"
        raise ConfigurationError(msg)
    token = os.environ.get(_TOKEN) or secrets.token_urlsafe(24)
    app = LocalProxy(
        url,
        policy,
        token=token,
        api_key=api_key,
        adapter=services.made(arguments).adapter(url),
        transport={"verify": services.verification(arguments), "proxy": arguments.proxy},
    )
    print(f"OPENAI_BASE_URL=http://{arguments.host}:{arguments.port}/v1")
    print(f"OPENAI_API_KEY={token}", flush=True)
    print(say("attested proxy to {url}; ctrl-c stops it", url=url), file=sys.stderr)
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    return 0
