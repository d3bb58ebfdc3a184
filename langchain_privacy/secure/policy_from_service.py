"""Make a policy from what a service proves: observed, held to our defaults, for people to review.

`observe` fetches evidence and proves it without any expectation; `policy_for` writes down what was
proven as a policy that accepts exactly this, and refuses what no policy should accept: debugging,
a platform with a bad TCB status, a simulation. The values are the service's own, so this trusts the
first meeting; compare them with what the publisher of the image says (`compose_file` of a dstack
machine is proven to be the one that runs). Where the publisher signs its releases, a bundle does
that (`verify_release`): `policy_for` then refuses a machine that runs anything else.

```python
service = Service("near", model="z-ai/glm-5.2", collateral=Collateral(folder))
report = observe("https://cloud-api.near.ai", service)
policy = policy_for(report, service, expires=date)
```

`langchain-privacy policy` is this for a terminal.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import urlsplit

from langchain_privacy.errors import ConfigurationError, PolicyMismatchError
from langchain_privacy.secure.adapters import (
    AciAdapter,
    AzureMaaAdapter,
    GatewayAdapter,
    NearAdapter,
    TinfoilV3Adapter,
    fetch_maa_keys,
)
from langchain_privacy.secure.adapters.base import Adapter
from langchain_privacy.secure.channel import FIELD_PROFILES, Profile
from langchain_privacy.secure.collateral import Collateral
from langchain_privacy.secure.endpoint import AttestedEndpoint
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS, TrustedRoots
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.policy.base import Policy, against
from langchain_privacy.secure.policy.machines import (
    CONFIDENTIAL_COMPUTE,
    AzureCvmPolicy,
    AzureMaaPolicy,
    NvidiaGpuPolicy,
    SevSnpPolicy,
    TdxMeasurement,
    TdxPolicy,
)
from langchain_privacy.secure.policy.publisher import Publisher
from langchain_privacy.secure.policy.unsafe import UnsafeSimulatedTee
from langchain_privacy.secure.report import AttestationReport, Check, Checks
from langchain_privacy.secure.transport import attest

KINDS: dict[str, Profile] = {
    "gateway": "x-wing",
    "azure": "x-wing",
    "azure-maa": "x-wing",
    "near": "near-ed25519-v2",
    "dstack": "aci-e2ee-v2",
    "tinfoil": "ehbp-x25519",
}
"""Kinds of services, and the channel of each."""

_AZURE_PCRS = ("4", "7", "8", "9", "11")


@dataclass(frozen=True)
class Service:
    """How a service is asked.

    Attributes:
        kind: One of `KINDS`.
        collateral: Where the vendors' statements come from, for evidence that carries none.
        model: Name of the model, for `"near"`.
        issuer: Issuer of the tokens, for `"azure-maa"`.
    """

    kind: str
    collateral: Collateral | None = None
    model: str | None = None
    issuer: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            msg = f"the service is one of {', '.join(KINDS)}"
            raise ConfigurationError(msg)

    @property
    def profile(self) -> Profile:
        """The channel."""
        return KINDS[self.kind]

    def adapter(self, url: str) -> Adapter:
        """The adapter for an endpoint.

        Raises:
            ConfigurationError: If what this kind needs was not given.
        """
        if self.kind in ("gateway", "azure"):
            return GatewayAdapter()
        if self.kind == "azure-maa":
            issuer = self.issuer
            if issuer is None:
                msg = 'azure-maa needs the issuer, e.g. "https://sharedweu.weu.attest.azure.net"'
                raise ConfigurationError(msg)
            kept = self.collateral
            fetch = fetch_maa_keys if kept is None else kept.azure_keys
            return AzureMaaAdapter(issuer, lambda: fetch(issuer))
        if self.collateral is None:
            msg = f"{self.kind} needs collateral=Collateral(folder): its evidence carries none"
            raise ConfigurationError(msg)
        if self.kind == "tinfoil":
            given = self.collateral
            return TinfoilV3Adapter(given.tdx, snp_endorsements=given.snp)
        if self.kind == "dstack":
            return AciAdapter(urlsplit(url).hostname or "", self.collateral.tdx)
        if self.model is None:
            msg = "near needs the name of the model"
            raise ConfigurationError(msg)
        return NearAdapter(self.model, self.collateral.tdx, accept_unbound_fields=True)


def kind_of(policy: AttestationPolicy) -> str:
    """The kind of service that a policy is for: its channel says it, or what it asks for."""
    if any(isinstance(leaf, AzureMaaPolicy) for leaf in policy.leaves()):
        return "azure-maa"
    return next(kind for kind, profile in KINDS.items() if profile == policy.profile)


class _Anything:
    """Accepts what is proven, whatever it is; for looking, never for a channel."""

    def verify(self, report: AttestationReport) -> list[Check]:
        """Every machine passes."""
        return [
            Check(subject=part.subject, name="measurement", outcome="passed", detail="observed")
            for part in (report, *report.parts)
        ]


def observe(
    url: str, service: Service, *, roots: TrustedRoots = VENDOR_ROOTS, verify: Any = True
) -> AttestationReport:
    """Fetch and prove a service's evidence, without expectations about what it is.

    Args:
        url: The endpoint.
        service: How it is asked.
        roots: Trust anchors; the vendors' by default.
        verify: TLS verification: an `ssl.SSLContext`, or `True`.

    Raises:
        AttestationError: If the evidence does not hold.
    """
    adapter = service.adapter(url)
    roles: Sequence[str] = getattr(adapter, "roles", ())
    sealed = service.profile in FIELD_PROFILES
    anything: Any = _Anything()
    settings: dict[str, Any] = {"profile": service.profile, "require_tls_binding": sealed}
    if roles:
        settings["roles"] = dict.fromkeys(roles, anything)
    else:
        settings["require"] = anything
    endpoint = AttestedEndpoint(url, AttestationPolicy(**settings), adapter=adapter, roots=roots)
    return attest(endpoint, verify=verify)


def policy_for(
    report: AttestationReport,
    service: Service,
    *,
    url: str,
    expires: dt.date | None = None,
    accept_tcb: Iterable[str] = (),
    allow_simulated: bool = False,
    release: AttestationReport | None = None,
    publisher: Publisher | None = None,
) -> AttestationPolicy:
    """The policy that accepts what was observed, and nothing else.

    Args:
        report: From `observe`.
        service: How the service was asked.
        url: The endpoint; the policy is for its origin.
        expires: Last day of the policy.
        accept_tcb: Statuses of Intel platforms to accept besides `"UpToDate"`.
        allow_simulated: Accept a simulated TEE, which proves nothing.
        release: From `verify_release`: what every machine must run.
        publisher: Who signs the releases; kept in the policy.

    Raises:
        PolicyMismatchError: If what was observed is nothing that a policy should accept.
    """
    statuses = ("UpToDate", *accept_tcb)
    simulated = bool(report.find("simulated"))
    if simulated and not allow_simulated:
        msg = "found a simulated TEE, wanted hardware: it proves nothing"
        raise PolicyMismatchError(msg, check="simulated.hardware")
    roles = {part.subject: part for part in report.parts if part.subject not in _MAKERS}
    if release is not None:
        for machine in roles.values() or [report]:
            _is_release(machine, release)

    def policies(machine: AttestationReport) -> list[Policy]:
        return [_MAKERS[part.subject](part, machine, statuses) for part in machine.parts]

    whole: dict[str, Any] = {"require": policies(report)} if not roles else {}
    if roles:
        whole["roles"] = {role: policies(machine) for role, machine in roles.items()}
    config = report.claims.get("gateway_config")
    policy = AttestationPolicy(
        **whole,
        profile=service.profile,
        gateway_configs=[config] if config else [],
        require_tls_binding=service.profile in FIELD_PROFILES,
        allow_unsafe=simulated,
        service=_origin(url),
        expires=expires.isoformat() if expires else None,
        publisher=publisher,
    )
    policy.verify(report)
    return policy


def _is_release(machine: AttestationReport, release: AttestationReport) -> None:
    """Refuse a machine that runs something else than a release."""
    checks = Checks("release", error=PolicyMismatchError)
    named = f"{release.claims['ref']} of {release.claims['repository']}"
    for part in machine.parts:
        if part.subject == "nvidia-gpus":
            continue
        registers = release.claims["measurements"].get(part.subject)
        known = sorted(release.claims["measurements"]) or "none"
        text = f"{named} has no measurements of this machine: {against(part.subject, known)}"
        checks.require("machine", registers, text)
        for name, wanted in registers.items():
            found = part.claims[name]
            text = f"the machine does not run {named}: {name}: {against(found, wanted)}"
            checks.require(name, found == wanted, text)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _written(value: Any) -> list[str]:
    """A register as a list of accepted values; empty for one that nobody wrote."""
    return [value] if isinstance(value, str) and value.strip("0") else []


def _snp(part: AttestationReport, _: AttestationReport, __: Sequence[str]) -> SevSnpPolicy:
    claims = part.claims
    reported, launch = claims["reported_tcb"], claims["launch_tcb"]
    floor = {name: min(level, launch[name]) for name, level in reported.items()}
    return SevSnpPolicy(
        measurements=[claims["measurement"]],
        min_tcb={
            claims["product"]: {n: level for n, level in floor.items() if n != "fmc" or level}
        },
        min_firmware=tuple(claims["committed_firmware"]),
        host_data=_written(claims["host_data"]),
        id_key_digests=_written(claims["id_key_digest"]),
        author_key_digests=_written(claims["author_key_digest"]),
        allow_vlek=claims["signing_key"] == "vlek",
        require_alias_check=claims["alias_check"],
        require_crl=claims["crl_next_update"] is not None,
    )


def _tdx(part: AttestationReport, _: AttestationReport, statuses: Sequence[str]) -> TdxPolicy:
    claims = part.claims
    names: dict[str, Any] = {name: claims[name] for name in ("mr_td", "rtmr1", "rtmr2")}
    if claims.get("compose_hash"):
        names["compose_hash"] = claims["compose_hash"]
    else:
        for name in ("rtmr3", "mr_config_id", "mr_owner"):
            names[name] = next(iter(_written(claims[name])), None)
    return TdxPolicy(measurements=[TdxMeasurement(**names)], tcb_statuses=statuses)


def _azure(
    part: AttestationReport, machine: AttestationReport, statuses: Sequence[str]
) -> AzureCvmPolicy:
    quoted = part.claims["pcrs"]
    make: Any = _snp if part.claims["hardware"] == "sev-snp" else _tdx
    pcrs = {n: quoted[n] for n in _AZURE_PCRS if n in quoted}
    return AzureCvmPolicy(hardware=make(part.parts[0], machine, statuses), pcrs=pcrs)


def _maa(part: AttestationReport, _: AttestationReport, __: Sequence[str]) -> AzureMaaPolicy:
    return AzureMaaPolicy(policy_hashes=[part.claims["policy_hash"]])


def _gpus(part: AttestationReport, machine: AttestationReport, _: Sequence[str]) -> NvidiaGpuPolicy:
    gpus = part.parts
    modes = {gpu.claims["mode"] for gpu in gpus} - {None}
    drivers = [gpu.claims["driver"] for gpu in gpus if gpu.claims["driver"]]
    made = [{c.name for c in gpu.checks if c.outcome == "passed"} for gpu in gpus]
    return NvidiaGpuPolicy(
        count=len(gpus),
        models={gpu.claims["model"] for gpu in gpus},
        modes=modes or ("spt", "mpt"),
        min_driver=min(drivers, key=lambda v: [int(n) for n in v.split(".")], default=None),
        require_rim=all("rim_complete" in names for names in made),
        require_ocsp=all("ocsp_complete" in names for names in made),
        require_confidential_compute=(
            machine.claims.get("confidential_compute") == CONFIDENTIAL_COMPUTE
        ),
    )


def _simulated(
    part: AttestationReport, _: AttestationReport, __: Sequence[str]
) -> UnsafeSimulatedTee:
    return UnsafeSimulatedTee(measurements=[part.claims["measurement"]])


_MAKERS: dict[str, Callable[[AttestationReport, AttestationReport, Sequence[str]], Policy]] = {
    "sev-snp": _snp,
    "tdx": _tdx,
    "azure-cvm": _azure,
    "azure-maa": _maa,
    "nvidia-gpus": _gpus,
    "simulated": _simulated,
}
assert set(KINDS.values()) == set(get_args(Profile))
