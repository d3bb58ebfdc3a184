"""`langchain-privacy attest URL`: fetch evidence, verify it, show every check.

langchain-privacy attest https://llm.example.com/v1 --policy policy.json --save evidence.json
langchain-privacy attest --offline evidence.json --policy policy.json
"""

import argparse
import base64
import dataclasses
import datetime as dt
import json
import sys
import warnings
from pathlib import Path

from rich.console import Console
from rich.table import Table

from langchain_privacy.cli import services, write_for_owner
from langchain_privacy.cli.progress import working
from langchain_privacy.errors import AttestationError, ConfigurationError, EvidenceInvalidError
from langchain_privacy.locale import said_again, say
from langchain_privacy.secure import parsing
from langchain_privacy.secure.adapters.base import Adapter
from langchain_privacy.secure.endpoint import AttestedEndpoint
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.policy.unsafe import UnsafePolicyWarning
from langchain_privacy.secure.policy_from_service import kind_of
from langchain_privacy.secure.report import AttestationReport, Check

_FORMAT = "langchain-privacy-evidence/v1"
_MAX_FILE = 8 * 1024 * 1024
_STYLE = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("url", nargs="?", help="endpoint, e.g. https://llm.example.com/v1")
    parser.add_argument("--policy", type=Path, help="policy file to hold the endpoint to")
    parser.add_argument(
        "--signed-by", metavar="HEX", help="Ed25519 public key that must have signed the policy"
    )
    parser.add_argument(
        "--save", type=Path, metavar="FILE", help="write the evidence, to verify again offline"
    )
    parser.add_argument(
        "--offline", type=Path, metavar="FILE", help="verify a saved file, at the time it was made"
    )
    parser.add_argument(
        "--unsafe-simulated",
        action="store_true",
        help="accept a simulated TEE, which proves nothing; for development",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--service", choices=services.KINDS, help="kind of service; the policy's channel says it"
    )
    services.configure(parser)


def _policy(arguments: argparse.Namespace) -> AttestationPolicy:
    if arguments.unsafe_simulated:
        from langchain_privacy.secure.policy.unsafe import UnsafeSimulatedTee

        return AttestationPolicy(require=[UnsafeSimulatedTee()], allow_unsafe=True)
    if arguments.policy is None:
        msg = "give --policy FILE; docs/attestation.md shows how one is written"
        raise ConfigurationError(msg)
    return AttestationPolicy.load(
        arguments.policy, signed_by=services.public_key(arguments.signed_by)
    )


class _Keeping:
    """A service's adapter, which also keeps what was fetched."""

    def __init__(self, adapter: Adapter, kind: str) -> None:
        self._adapter, self._kind = adapter, kind
        self.kept: dict[str, str] = {}
        self.challenge = adapter.challenge
        self.roles = getattr(adapter, "roles", ())

    def verify(
        self,
        document: bytes,
        nonce: bytes,
        policy: AttestationPolicy,
        now: dt.datetime,
        **settings: object,
    ) -> AttestationReport:
        self.kept |= {
            "format": _FORMAT,
            "service": self._kind,
            "fetched_at": now.isoformat(),
            "nonce": nonce.hex(),
            "document": base64.b64encode(document).decode("ascii"),
        }
        return self._adapter.verify(document, nonce, policy, now, **settings)  # type: ignore[arg-type]


def run(arguments: argparse.Namespace) -> int:
    """Attest, or verify a saved file; 0 when the policy is satisfied, 1 when not."""
    if (arguments.url is None) == (arguments.offline is None):
        msg = "give either a URL or --offline FILE"
        raise ConfigurationError(msg)
    # Each use of an unsafe policy is logged as well; the place in the source helps nobody here.
    warnings.simplefilter("ignore", UnsafePolicyWarning)
    policy = _policy(arguments)
    kept: dict[str, str] = {}
    try:
        if arguments.offline is not None:
            report = _offline(arguments, policy)
        else:
            from langchain_privacy.secure.transport import attest

            arguments.service = arguments.service or kind_of(policy)
            service = services.made(arguments)
            keeping = _Keeping(service.adapter(arguments.url), service.kind)
            kept = keeping.kept
            endpoint = AttestedEndpoint(arguments.url, policy, adapter=keeping)
            with working(say("asking the endpoint and verifying")):
                report = attest(endpoint, verify=services.verification(arguments))
    except AttestationError as error:
        _show(_with_failure(error), arguments.json, accepted=False, reason=str(error))
        return 1
    finally:
        if arguments.save is not None and kept:
            _keep(arguments.save, kept)
    _show(report.all_checks(), arguments.json, accepted=True, report=report)
    return 0


def _with_failure(error: AttestationError) -> tuple[Check, ...]:
    """The checks that were made, with the one that failed, whoever refused."""
    if any(check.outcome == "failed" for check in error.checks):
        return error.checks
    subject, _, name = (error.check or "policy").rpartition(".")
    failed = Check(subject=subject or "endpoint", name=name, outcome="failed", detail=str(error))
    return (*error.checks, failed)


def _keep(path: Path, content: dict[str, str]) -> None:
    try:
        write_for_owner(path, json.dumps(content, indent=1) + "\n")
    except OSError as error:
        msg = f"the evidence cannot be written to {path.name}: {error.strerror}"
        raise ConfigurationError(msg) from None
    print(say("evidence written to {path}", path=path), file=sys.stderr)


def _offline(arguments: argparse.Namespace, policy: AttestationPolicy) -> AttestationReport:
    path: Path = arguments.offline
    try:
        content = parsing.strict_json(path.read_bytes(), "evidence", limit=_MAX_FILE)
        document = base64.b64decode(content["document"], validate=True)
        nonce, now = (
            bytes.fromhex(content["nonce"]),
            dt.datetime.fromisoformat(content["fetched_at"]),
        )
        known = content["format"] == _FORMAT and now.tzinfo is not None
        # Files of before there were services are of a gateway.
        arguments.service = arguments.service or content.get("service", "gateway")
        known = known and arguments.service in services.KINDS
    except (OSError, ValueError, KeyError, TypeError, EvidenceInvalidError):
        known = False
    if not known:
        msg = f"{path.name} is not a file that attest --save wrote"
        raise ConfigurationError(msg)
    arguments.no_fetch = True
    adapter = services.made(arguments).adapter(policy.service or "")
    report = adapter.verify(document, nonce, policy, now, roots=VENDOR_ROOTS)
    detail = "a file has no connection whose key could be compared"
    tls = Check(subject="endpoint", name="tls_binding", outcome="skipped", detail=detail)
    return dataclasses.replace(report, checks=(*report.checks, tls))


def _show(
    checks: tuple[Check, ...],
    as_json: bool,
    *,
    accepted: bool,
    reason: str = "",
    report: AttestationReport | None = None,
) -> None:
    if as_json:
        rows = [
            {"subject": c.subject, "check": c.name, "outcome": c.outcome, "detail": c.detail}
            for c in checks
        ]
        summary = report.summary() if report else None
        print(
            json.dumps({"accepted": accepted, "reason": reason, "checks": rows, "report": summary})
        )
        return
    console = Console()
    table = Table(title=say("Attestation"))
    for column in ("evidence", "check", "outcome", "detail"):
        table.add_column(say(column))
    for c in checks:
        table.add_row(
            c.subject, c.name, f"[{_STYLE[c.outcome]}]{say(c.outcome)}[/]", said_again(c.detail)
        )
    console.print(table)
    skipped = sum(c.outcome == "skipped" for c in checks)
    if accepted:
        console.print(
            say("[green]accepted[/]; {skipped} checks were skipped, see above", skipped=skipped)
        )
    else:
        console.print(say("[bold red]refused[/]: {reason}", reason=said_again(reason)))
