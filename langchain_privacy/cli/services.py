"""What `attest`, `policy` and `proxy` share: which service is asked, how, and with which keys."""

import argparse
import ssl
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.secure.collateral import Collateral, VendorServices
from langchain_privacy.secure.policy_from_service import KINDS, Service

__all__ = ["KINDS", "configure", "made", "public_key", "signing_key", "verification"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments about a service."""
    parser.add_argument("--model", help="model whose machine is attested, for near")
    parser.add_argument("--issuer", help="issuer of the tokens, for azure-maa")
    parser.add_argument(
        "--collateral",
        type=Path,
        default=Path("~/.cache/langchain-privacy/collateral"),
        metavar="FOLDER",
        help="where the vendors' statements are kept",
    )
    parser.add_argument("--no-fetch", action="store_true", help="use what is kept, ask no vendor")
    parser.add_argument("--proxy", help="HTTP proxy to the vendors' services")
    parser.add_argument("--ca", type=Path, metavar="PEM", help="authorities of your own for TLS")
    parser.add_argument(
        "--vendor",
        action="append",
        default=[],
        metavar="NAME=URL",
        help="another place of a vendor's service: amd, intel, intel_root_crl, nvidia_rim, ...",
    )


def verification(arguments: argparse.Namespace) -> Any:
    """TLS verification as the transports take it."""
    if arguments.ca is None:
        return True
    try:
        return ssl.create_default_context(cafile=arguments.ca)
    except (OSError, ssl.SSLError):
        msg = f"{arguments.ca.name} holds no certificates that can be read"
        raise ConfigurationError(msg) from None


def made(arguments: argparse.Namespace) -> Service:
    """The service that the arguments name."""
    places = {}
    for given in arguments.vendor:
        name, _, url = given.partition("=")
        if name not in vars(VendorServices()) or not url.startswith("http"):
            msg = f"--vendor takes NAME=URL with one of {', '.join(vars(VendorServices()))}"
            raise ConfigurationError(msg)
        places[name] = url
    collateral = Collateral(
        arguments.collateral,
        services=VendorServices(**places),
        offline=arguments.no_fetch,
        proxy=arguments.proxy,
        verify=verification(arguments),
    )
    return Service(arguments.service, collateral, arguments.model, arguments.issuer)


def signing_key(path: Path | None) -> Ed25519PrivateKey | None:
    """The key in a PEM file."""
    if path is None:
        return None
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        msg = f"{path.name} is not an Ed25519 private key in PEM without a passphrase"
        raise ConfigurationError(msg)
    return key


def public_key(text: str | None) -> Ed25519PublicKey | None:
    """The key that must have signed a policy, from 64 hex digits."""
    if not text:
        return None
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
    except ValueError:
        msg = "--signed-by takes 64 hex digits of an Ed25519 public key"
        raise ConfigurationError(msg) from None
