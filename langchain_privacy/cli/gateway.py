"""`langchain-privacy gateway --upstream URL`: the attested end, inside a confidential VM.

langchain-privacy gateway --upstream http://127.0.0.1:8000 --gpus --vcek vcek.der
"""

import argparse
import sys
from pathlib import Path

from cryptography import x509

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.locale import say
from langchain_privacy.secure.fetch import spki_sha256
from langchain_privacy.secure.gateway import (
    AzureVtpm,
    ConfidentialVm,
    ConfigfsTsm,
    EvidenceProvider,
    NvmlGpus,
    SimulatedTee,
    create_gateway,
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--upstream", required=True, help="model server in the same TEE, e.g. http://127.0.0.1:8000"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--certificate", type=Path, help="TLS certificate, PEM")
    parser.add_argument("--key", type=Path, help="TLS key, PEM")
    parser.add_argument("--gpus", action="store_true", help="attest NVIDIA GPUs through NVML")
    parser.add_argument(
        "--azure-vtpm", action="store_true", help="attest by the vTPM of a confidential VM of Azure"
    )
    parser.add_argument("--vcek", type=Path, help="AMD VCEK certificate, DER")
    parser.add_argument("--chain", type=Path, help="AMD ASK and ARK, PEM")
    parser.add_argument("--crl", type=Path, help="AMD revocation list")
    parser.add_argument("--collateral", type=Path, help="Intel TDX collateral, JSON")
    parser.add_argument("--no-ehbp", action="store_true", help="offer the X-Wing profile only")
    parser.add_argument(
        "--unsafe-simulated-tee",
        action="store_true",
        help="run without hardware; clients refuse it unless they name UnsafeSimulatedTee",
    )


def _provider(arguments: argparse.Namespace) -> EvidenceProvider:
    if arguments.unsafe_simulated_tee:
        return SimulatedTee()
    names = {
        "key_certificate": arguments.vcek,
        "chain": arguments.chain,
        "crl": arguments.crl,
        "collateral": arguments.collateral,
    }

    def endorsements() -> dict[str, bytes]:
        # Read for each report: revocation lists and collateral are renewed while it serves.
        try:
            return {name: path.read_bytes() for name, path in names.items() if path}
        except OSError:
            msg = "a file of endorsements cannot be read"
            raise ConfigurationError(msg) from None

    endorsements()
    machine: AzureVtpm | ConfigfsTsm
    machine = AzureVtpm(endorsements) if arguments.azure_vtpm else ConfigfsTsm(endorsements)
    return ConfidentialVm(machine, NvmlGpus() if arguments.gpus else None)


def _spki(certificate: Path | None) -> str | None:
    if certificate is None:
        return None
    try:
        return spki_sha256(x509.load_pem_x509_certificate(certificate.read_bytes()))
    except (OSError, ValueError):
        msg = "the TLS certificate cannot be read"
        raise ConfigurationError(msg) from None


def run(arguments: argparse.Namespace) -> int:
    """Serve until stopped."""
    try:
        import uvicorn
    except ImportError:
        msg = 'the gateway needs uvicorn: pip install "langchain-privacy[gateway]"'
        raise ConfigurationError(msg) from None
    app = create_gateway(
        arguments.upstream,
        _provider(arguments),
        profiles=("x-wing",) if arguments.no_ehbp else ("x-wing", "ehbp-x25519"),
        tls_spki_sha256=_spki(arguments.certificate),
    )
    place = f"{arguments.host}:{arguments.port}"
    print(say("gateway on {place}; ctrl-c stops it", place=place), file=sys.stderr)
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        ssl_certfile=arguments.certificate,
        ssl_keyfile=arguments.key,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=30,
    )
    return 0
