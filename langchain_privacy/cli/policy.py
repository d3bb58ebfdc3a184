"""`langchain-privacy policy`: obtain a policy from a service, see what changed, read one in words.

langchain-privacy policy from-service near https://cloud-api.near.ai --model z-ai/glm-5.2
langchain-privacy policy from-service tinfoil https://inference.tinfoil.sh \
    --release bundle.json --repository tinfoilsh/confidential-model-router
langchain-privacy policy diff policy.json https://cloud-api.near.ai --model z-ai/glm-5.2
langchain-privacy policy explain policy.json
"""

import argparse
import datetime as dt
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from langchain_privacy.cli import errors_only, services
from langchain_privacy.cli.progress import working
from langchain_privacy.errors import AttestationError, ConfigurationError
from langchain_privacy.locale import said_again, say
from langchain_privacy.secure.evidence.release import verify_release
from langchain_privacy.secure.policy.attestation import AttestationPolicy, dumps
from langchain_privacy.secure.policy.base import is_hex
from langchain_privacy.secure.policy.publisher import Publisher
from langchain_privacy.secure.policy.unsafe import UnsafePolicyWarning
from langchain_privacy.secure.policy_from_service import Service, kind_of, observe, policy_for
from langchain_privacy.secure.report import AttestationReport

_SHOWN = (
    "measurement", "mr_td", "rtmr1", "rtmr2", "rtmr3", "mr_config_id", "compose_hash", "tcb_status",
    "advisories", "product", "reported_tcb", "committed_firmware", "host_data", "id_key_digest",
    "author_key_digest", "repository", "workflow", "ref", "commit", "signed_at", "debug", "vmpl",
    "model", "driver", "vbios", "mode", "fwid", "pcrs",
    "policy_hash", "signing_address", "tls_spki_sha256", "gateway_config", "confidential_compute",
)  # fmt: skip
"""Claims that are shown, in this order."""

_WORDS = {
    "profile": "requests travel in the channel {0}",
    "max_age_seconds": "a verdict is renewed after {0} seconds",
    "gateway_configs": "the gateway's configuration has one of these digests: {0}",
    "require_tls_binding": "TLS must end at the attested machine: {0}",
    "allow_unsafe": "policies that prove nothing are permitted: {0}",
    "service": "it is for {0} and no other service",
    "publisher": "its measurements are of releases that were signed by",
    "repository": "the repository {0}",
    "workflow": "its workflow {0}",
    "ref": "of a reference that begins with {0}",
    "issuer": "vouched for by {0}",
    "allow_self_hosted": "builds on the owner's own machines are accepted: {0}",
    "expires": "its last day is {0}",
    "measurements": "what was started is one of: {0}",
    "mr_td": "firmware {0}",
    "rtmr1": "kernel {0}",
    "rtmr2": "command line and initial disk {0}",
    "rtmr3": "what the software measured {0}",
    "compose_hash": "the dstack application whose compose file has the SHA-256 {0}",
    "min_tcb": "AMD's firmware is at least at {0}",
    "min_firmware": "the SNP firmware is at least {0}",
    "tcb_statuses": "Intel says of the platform: {0}",
    "max_collateral_age_days": "Intel's statement is at most {0} days old",
    "count": "there are exactly {0} GPUs",
    "models": "of the models {0}",
    "min_driver": "with a driver of at least {0}",
    "pcrs": "the vTPM's registers are {0}",
    "require_crl": "AMD's revocation list must come along: {0}",
    "allow_debug": "a machine that its host may debug is accepted: {0}",
    "allow_vlek": "keys that a cloud shares among machines are accepted: {0}",
}
_KINDS = {
    "all_of": "all of these:",
    "any_of": "one of these:",
    "sev_snp": "an AMD SEV-SNP machine, of which",
    "tdx": "an Intel TDX machine, of which",
    "azure_cvm": "a confidential VM of Azure, of which",
    "azure_maa": "a confidential VM that Azure's attestation service vouches for, of which",
    "nvidia_gpu": "NVIDIA GPUs in confidential computing, of which",
    "unsafe_simulated_tee": "a SIMULATED machine, which proves nothing, of which",
    "unsafe_no_attestation": "ANY endpoint, which proves nothing",
}

_WRITTEN = {
    True: "policy written to {file}, signed",
    False: "policy written to {file}; sign it with --sign-with before others use it",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    obtain = commands.add_parser("from-service", help="write the policy that a service satisfies")
    obtain.add_argument("service", choices=services.KINDS, help="kind of service")
    obtain.add_argument("url", help="endpoint, e.g. https://llm.example.com/v1")
    obtain.add_argument("--output", type=Path, default=Path("policy.json"), metavar="FILE")
    obtain.add_argument("--sign-with", type=Path, metavar="PEM", help="Ed25519 key to sign with")
    obtain.add_argument("--days", type=int, default=90, help="how long the policy holds")
    obtain.add_argument(
        "--repository", metavar="OWNER/NAME", help="repository whose release --release must be"
    )
    obtain.add_argument(
        "--workflow", metavar="PATH", help="its workflow; any of its own by default"
    )
    obtain.add_argument("--ref", default="refs/tags/", help="how the release's reference begins")
    diff = commands.add_parser("diff", help="what a service has changed since a policy was made")
    diff.add_argument("policy", type=Path, metavar="OLD")
    diff.add_argument("url")
    diff.add_argument("--service", choices=services.KINDS, help="when the policy does not say")
    for command in (obtain, diff):
        services.configure(command)
        command.add_argument(
            "--accept-tcb",
            action="append",
            default=[],
            metavar="STATUS",
            help="status of Intel platforms to accept besides UpToDate",
        )
        command.add_argument(
            "--release",
            metavar="FILE",
            help="bundle that the publisher signed, or sha256:DIGEST to ask GitHub for it",
        )
        command.add_argument(
            "--sigstore-root",
            type=Path,
            metavar="FILE",
            help="trusted_root.json of another Sigstore, or a newer one",
        )
        command.add_argument(
            "--unsafe-simulated", action="store_true", help="accept a simulated TEE; development"
        )
    explain = commands.add_parser("explain", help="a policy in words")
    explain.add_argument("policy", type=Path, metavar="FILE")


def run(arguments: argparse.Namespace) -> int:
    """Do one of the three; 1 when a service is refused, or has changed."""
    with warnings.catch_warnings(), errors_only():
        warnings.simplefilter("ignore", UnsafePolicyWarning)
        return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.action == "explain":
        print("\n".join(_explained(json.loads(dumps(AttestationPolicy.load(arguments.policy))))))
        return 0
    old = AttestationPolicy.load(arguments.policy) if arguments.action == "diff" else None
    if old is not None and arguments.service is None:
        arguments.service = kind_of(old)
    service = services.made(arguments)
    console = Console(soft_wrap=True)
    publisher = old.publisher if old else _publisher(arguments)
    # What a service is now can be compared with its policy without the publisher's word.
    together = (publisher is None) == (arguments.release is None)
    if not (together or (old and publisher)):
        msg = "a release and its publisher belong together: --release and --repository"
        raise ConfigurationError(msg)
    try:
        release = None
        if publisher is not None and arguments.release is not None:
            release = _release(arguments, publisher, service)
        with working(say("asking the endpoint and verifying")):
            report = observe(arguments.url, service, verify=services.verification(arguments))
        days = getattr(arguments, "days", None)
        policy = policy_for(
            report,
            service,
            url=arguments.url,
            expires=dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days) if days else None,
            accept_tcb=arguments.accept_tcb,
            allow_simulated=arguments.unsafe_simulated,
            release=release,
            publisher=publisher,
        )
    except AttestationError as error:
        console.print(say("[bold red]refused[/]: {reason}", reason=said_again(str(error))))
        return 1
    if old is not None:
        if publisher is not None and release is None:
            sentence = "[yellow]not checked[/] release: give --release of {repository}"
            console.print(say(sentence, repository=publisher.repository))
        return _changed(old, policy, console)
    _found(report, release, policy, console)
    policy.save(arguments.output, sign_with=services.signing_key(arguments.sign_with))
    print(say(_WRITTEN[bool(arguments.sign_with)], file=arguments.output), file=sys.stderr)
    return 0


def _publisher(arguments: argparse.Namespace) -> Publisher | None:
    if arguments.repository is None:
        return None
    return Publisher(
        repository=arguments.repository, workflow=arguments.workflow, ref=arguments.ref
    )


def _release(
    arguments: argparse.Namespace, publisher: Publisher, service: Service
) -> AttestationReport:
    """What the publisher signed."""
    given: str = arguments.release
    if given.startswith("sha256:"):
        digest = given.removeprefix("sha256:")
        if not is_hex(digest, 32) or service.collateral is None:
            msg = "--release takes a file, or sha256: with 64 hex digits"
            raise ConfigurationError(msg)
        evidence = service.collateral.release(publisher.repository, digest)
    else:
        try:
            evidence = Path(given).read_bytes()
        except OSError:
            msg = f"{Path(given).name} cannot be read"
            raise ConfigurationError(msg) from None
    return verify_release(
        evidence, publisher, dt.datetime.now(dt.UTC), trusted_root=arguments.sigstore_root
    )


def _found(
    report: AttestationReport,
    release: AttestationReport | None,
    policy: AttestationPolicy,
    console: Console,
) -> None:
    """Print each value that was found beside what the policy requires."""
    required = dict(_flat(json.loads(dumps(policy))))
    accepted = {str(value): path.rpartition(".")[2] for path, value in required.items()}
    table = Table(title=say("Found, and required from now on"))
    for column in ("machine", "value", "found", "required"):
        table.add_column(say(column), overflow="fold")
    for part in (*report.walk(), *([release] if release else [])):
        for name in _SHOWN:
            value = part.claims.get(name)
            if value is None or not str(value).strip("0"):
                continue
            by = accepted.get(str(value)) or _REQUIRED_AS.get(name, "")
            if name == "debug":
                by = say("refused when true")
            table.add_row(part.subject, name, str(value), by or say("not pinned"))
    console.print(table)
    for check in report.skipped:
        skipped = say("[yellow]not checked[/]")
        console.print(f"{skipped} {check.subject}.{check.name}: {check.detail}")
    for part in report.find("tdx"):
        if compose := part.claims.get("compose_file"):
            console.print(say("the compose file that is proven to run:"), markup=False)
            console.print(compose, markup=False)
    if release is not None:
        console.print(say("Every machine runs the release that its publisher signed."))
        return
    sentence = (
        "These are the service's own values, at this first meeting: compare them with what its "
        "publisher says before you rely on them."
    )
    console.print(say(sentence))


_REQUIRED_AS = {
    "tcb_status": "tcb_statuses",
    "reported_tcb": "min_tcb",
    "committed_firmware": "min_firmware",
    "driver": "min_driver",
    "pcrs": "pcrs",
    "vmpl": "max_vmpl",
    "product": "min_tcb",
    "ref": "ref",
    "workflow": "workflow",
}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            plain = len(value) == 1 and not isinstance(inner, (dict, list))
            yield from _flat(inner, path if plain else f"{path}[{index}]")
        if not value:
            yield path, "none"
    else:
        yield path, value


def _changed(old: AttestationPolicy, new: AttestationPolicy, console: Console) -> int:
    before, after = (dict(_flat(json.loads(dumps(policy)))) for policy in (old, new))
    # How long a policy holds is not the service's.
    names = [n for n in {**before, **after} if n not in ("expires", "max_age_seconds")]
    changed = [name for name in names if before.get(name) != after.get(name)]
    for name in changed:
        console.print(name, markup=False)
        console.print(f"  [red]- {before.get(name, say('nothing'))}[/]")
        console.print(f"  [green]+ {after.get(name, say('nothing'))}[/]")
    sentences = {0: "nothing has changed", 1: "1 value differs"}
    console.print(say(sentences.get(len(changed), "{count} values differ"), count=len(changed)))
    return 1 if changed else 0


def _explained(value: Any, depth: int = 0) -> Iterator[str]:
    """Lines that say a policy in words."""
    indent = "  " * depth
    if isinstance(value, list):
        for inner in value:
            yield from _explained(inner, depth)
        return
    for name, inner in value.items():
        if name in ("require", "roles"):
            yield indent + say("the service is" if name == "require" else "its machines are")
            for role, policy in {"": inner}.items() if name == "require" else inner.items():
                if role:
                    yield f"{indent}  " + say("in the role {role}:", role=role)
                yield from _explained(policy, depth + (2 if role else 1))
        elif name in _KINDS:
            yield indent + say(_KINDS[name])
            yield from _explained(inner, depth + 1)
        elif name == "publisher" and inner is not None:
            yield indent + say(_WORDS[name])
            yield from _explained(inner, depth + 1)
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
            yield indent + say("what was started is one of:")
            yield from _explained(inner, depth + 1)
        elif inner not in (None, [], {}) and name != "format":
            shown = ", ".join(map(str, inner)) if isinstance(inner, list) else inner
            shown = (
                {True: say("yes"), False: say("no")}.get(shown, shown)
                if shown in (True, False)
                else shown
            )
            sentence = say(_WORDS.get(name, name.replace("_", " ") + ": {0}"))
            yield indent + sentence.format(shown)
