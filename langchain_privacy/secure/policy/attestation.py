"""`AttestationPolicy`: everything a client demands of an endpoint, in one reviewable object.

Every transport, `SecureChatModel` and `attest` take one. It says what the machines must be
(`policy.machines`, joined by `AllOf` and `AnyOf`), which channel is used and how long a verdict
holds. It can be kept as a JSON file that a person reads, reviews, diffs and signs:

```python
policy = AttestationPolicy(require=[SevSnpPolicy(measurements=["7a1e..."])])
policy.save("endpoint.json", sign_with=private_key)
policy = AttestationPolicy.load("endpoint.json", signed_by=public_key)
```
"""

import base64
import dataclasses
import datetime as dt
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from langchain_privacy.errors import ConfigurationError, EvidenceInvalidError, PolicyMismatchError
from langchain_privacy.secure.channel import FIELD_PROFILES, Profile
from langchain_privacy.secure.parsing import strict_json
from langchain_privacy.secure.policy.base import (
    AllOf,
    AnyOf,
    Policy,
    appraise,
    decision,
    hex_set,
    scalars,
)
from langchain_privacy.secure.policy.machines import (
    AzureCvmPolicy,
    AzureMaaPolicy,
    NvidiaGpuPolicy,
    SevSnpPolicy,
    TdxMeasurement,
    TdxPolicy,
)
from langchain_privacy.secure.policy.publisher import Publisher
from langchain_privacy.secure.policy.unsafe import (
    UnsafeMinionsAttestor,
    UnsafeNoAttestation,
    UnsafeSimulatedTee,
)
from langchain_privacy.secure.report import AttestationReport, Check, Checks


@dataclass(frozen=True, kw_only=True)
class AttestationPolicy:
    """What an endpoint must prove before anything is sent to it.

    Attributes:
        require: A policy, or a list of which every one must accept; e.g.
            `[AnyOf([SevSnpPolicy(...), TdxPolicy(...)]), NvidiaGpuPolicy(count=1)]`. Empty only
            where `roles` say what each machine must be.
        roles: For a service of several machines with different tasks: the policy, or list of
            policies, of each by its role, e.g. `{"near-gateway": ..., "near-model": ...}`. Every
            role that the adapter attests is named, and no other.
        profile: The channel: `"x-wing"` (post-quantum, hides headers, authenticated end),
            `"ehbp-x25519"` (compatible with EHBP servers), or one that seals the contents of
            messages alone: `"aci-e2ee-v2"` (dstack) and `"near-ed25519-v2"` (NEAR AI), which need
            `require_tls_binding`. Never negotiated.
        max_age_seconds: How long a verdict is used before the endpoint is attested again.
        gateway_configs: Accepted digests of the gateway's configuration in hex; empty skips the
            check, for the measurement may cover it.
        require_tls_binding: Refuse a TLS connection that does not end at the attested machine.
        allow_unsafe: Permit `Unsafe...` policies in `require`.
        service: Origin that the policy is for, e.g. `"https://llm.example.com"`; an endpoint
            elsewhere is refused. `None` is for any.
        expires: Its last day, e.g. `"2027-01-31"` (UTC); afterwards it accepts nothing.
        publisher: Whose releases the measurements are of. What enters a policy is held to it
            (`langchain-privacy policy`); a verdict is made by the measurements alone.
    """

    require: Policy | Sequence[Policy] = ()
    roles: Mapping[str, Policy | Sequence[Policy]] = field(default_factory=dict)
    profile: Profile = "x-wing"
    max_age_seconds: int = 3600
    gateway_configs: Iterable[str] = ()
    require_tls_binding: bool = False
    allow_unsafe: bool = False
    service: str | None = None
    expires: str | None = None
    publisher: Publisher | None = None

    def __post_init__(self) -> None:
        if not (self.publisher is None or isinstance(self.publisher, Publisher)):
            msg = "AttestationPolicy.publisher takes a Publisher"
            raise ConfigurationError(msg)
        if not (self.service is None or _is_origin(self.service)):
            msg = 'AttestationPolicy.service takes an origin, e.g. "https://llm.example.com"'
            raise ConfigurationError(msg)
        if not (self.expires is None or _is_day(self.expires)):
            msg = 'AttestationPolicy.expires takes a day, e.g. "2027-01-31"'
            raise ConfigurationError(msg)
        if not isinstance(self.roles, Mapping) or not all(isinstance(r, str) for r in self.roles):
            msg = "AttestationPolicy.roles takes a policy for each role"
            raise ConfigurationError(msg)
        roles = {role: _as_one(given) for role, given in self.roles.items()}
        object.__setattr__(self, "roles", roles)
        if isinstance(self.require, Policy) or self.require or not roles:
            object.__setattr__(self, "require", _as_one(self.require))
        scalars(self)
        if self.profile not in get_args(Profile):
            msg = f"AttestationPolicy.profile is one of {', '.join(get_args(Profile))}"
            raise ConfigurationError(msg)
        if self.profile in FIELD_PROFILES and not self.require_tls_binding:
            msg = (
                f"{self.profile} seals contents and shows neither who answers nor an answer's end; "
                "set require_tls_binding=True, so that TLS ends at the attested machine"
            )
            raise ConfigurationError(msg)
        if self.max_age_seconds < 1:
            msg = "AttestationPolicy.max_age_seconds must be at least 1"
            raise ConfigurationError(msg)
        hex_set(self, "gateway_configs", 32)
        unsafe = [type(p).__name__ for p in self.leaves() if _is_unsafe(p)]
        if unsafe and not self.allow_unsafe:
            msg = (
                f"{unsafe[0]} proves nothing; set allow_unsafe=True if that is really what you want"
            )
            raise ConfigurationError(msg)

    @property
    def tree(self) -> Policy:
        """`require` as one policy."""
        return _as_one(self.require)

    @property
    def trees(self) -> dict[str, Policy]:
        """The policies by role; what `require` demands of the whole stands under an empty name."""
        whole = {"": self.require} if isinstance(self.require, Policy) else {}
        return {**whole, **{role: _as_one(policy) for role, policy in self.roles.items()}}

    def leaves(self) -> Iterator[Policy]:
        """The policies that `AllOf` and `AnyOf` join, of all roles."""
        return (leaf for tree in self.trees.values() for leaf in _leaves(tree))

    @property
    def without_attestation(self) -> bool:
        """Whether this policy takes the endpoint's word for its key."""
        return any(isinstance(p, UnsafeNoAttestation) for p in self.leaves())

    def check_roles(self, attested: Collection[str]) -> None:
        """Refuse roles that are not exactly those that an adapter attests.

        Args:
            attested: The adapter's `roles`, empty for one machine.

        Raises:
            ConfigurationError: If one is missing or unknown.
        """
        if set(self.roles) == set(attested):
            return
        if not attested:
            msg = "this service is one machine: give AttestationPolicy(require=...), without roles"
        else:
            named = ", ".join(f"{role!r}: ..." for role in attested)
            msg = (
                "this service has machines of different tasks, and one must not pass as another: "
                f"give AttestationPolicy(roles={{{named}}})"
            )
        raise ConfigurationError(msg)

    def verify(self, report: AttestationReport) -> list[Check]:
        """Raise unless the report satisfies the policy; see `Policy.verify`."""
        made: list[Check] = []
        if self.expires is not None:
            checks = Checks(report.subject, error=PolicyMismatchError)
            today = report.verified_at.date().isoformat()
            checks.require(
                "policy_expires", today <= self.expires, f"the policy expired on {self.expires}"
            )
            made += checks
        for role, policy in self.trees.items():
            machine = self._machine(report, role) if role else report
            # What one policy accepts must not count for the machine of another.
            accepted = decision(machine, policy) if role else list(policy.verify(machine))
            if role:
                checks = Checks(role, error=PolicyMismatchError)
                _cpu_was_appraised(machine, accepted, checks)
                accepted += checks
            made += accepted
        if report.subject != "endpoint":
            return made
        checks = Checks("endpoint", error=PolicyMismatchError)
        checks.require(
            "profile",
            self.profile in report.channel_keys,
            f"no attested key for the profile {self.profile}, and no other will do",
        )
        checks.require_listed(
            "gateway_config",
            report.claims.get("gateway_config"),
            self.gateway_configs,
            "an unlisted configuration of the gateway",
        )
        if not self.roles:
            _cpu_was_appraised(report, made, checks, trusting=self.without_attestation)
        return made + list(checks)

    @staticmethod
    def _machine(report: AttestationReport, role: str) -> AttestationReport:
        found = report.find(role)
        checks = Checks("endpoint", error=PolicyMismatchError)
        checks.require("role", len(found) == 1, f"there are {len(found)} machines for {role}")
        return found[0]

    def appraise_endpoint(
        self,
        checks: Iterable[Check],
        now: dt.datetime,
        *,
        claims: Mapping[str, Any],
        parts: Iterable[AttestationReport],
        channel_keys: Mapping[str, bytes],
        not_after: dt.datetime | None = None,
    ) -> AttestationReport:
        """Make the report about an endpoint from what was proven of it, and hold it to this policy.

        Args:
            checks: Checks about the endpoint as a whole.
            now: The clock.
            claims: What was proven besides the parts.
            parts: Reports about its machines.
            channel_keys: Its attested public keys by profile.
            not_after: When its keys expire; the verdict ends then, or after `max_age_seconds`.

        Raises:
            AttestationError: If the endpoint is not what the policy asks for.
        """
        end = now + dt.timedelta(seconds=self.max_age_seconds)
        report = AttestationReport(
            subject="endpoint",
            claims=claims,
            checks=tuple(checks),
            verified_at=now,
            parts=tuple(parts),
            channel_keys=channel_keys,
            not_after=end if not_after is None else min(end, not_after),
        )
        return appraise(report, self)

    def save(self, path: str | Path, *, sign_with: Ed25519PrivateKey | None = None) -> None:
        """Write the policy as JSON for people to review; see `docs/attestation.md`.

        Args:
            path: The file; a signature goes beside it with `.sig` added to the name.
            sign_with: Key that signs the bytes of the file.
        """
        path, data = Path(path), dumps(self)
        path.write_bytes(data)
        if sign_with is not None:
            signature = sign_with.sign(_SIGNED_PREFIX + data)
            _signature_path(path).write_text(base64.b64encode(signature).decode() + "\n")

    @classmethod
    def load(
        cls, path: str | Path, *, signed_by: Ed25519PublicKey | None = None
    ) -> "AttestationPolicy":
        """Read a policy.

        Args:
            path: A file that `save` or a person wrote.
            signed_by: Refuse a file without this key's signature beside it.

        Raises:
            ConfigurationError: If the file has an unknown member, an empty list where one must not
                be empty, an unsafe policy without `allow_unsafe`, or a wrong signature.
        """
        path = Path(path)
        try:
            data = path.read_bytes()
            if signed_by is not None:
                signature = base64.b64decode(_signature_path(path).read_text())
                signed_by.verify(signature, _SIGNED_PREFIX + data)
        except OSError:
            msg = f"the policy file {path.name} or its signature cannot be read"
            raise ConfigurationError(msg) from None
        except (InvalidSignature, ValueError):
            msg = f"the signature of the policy file {path.name} does not hold"
            raise ConfigurationError(msg) from None
        return loads(data)


def _is_origin(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    parts = urlsplit(value)
    whole = f"{parts.scheme}://{parts.netloc}"
    return parts.scheme in ("http", "https") and bool(parts.hostname) and value == whole


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and dt.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _as_one(given: Policy | Sequence[Policy]) -> Policy:
    return given if isinstance(given, Policy) else AllOf(tuple(given))


def _cpu_was_appraised(
    report: AttestationReport, made: list[Check], checks: Checks, *, trusting: bool = False
) -> None:
    # The key is bound by the CPU's evidence, so a policy about GPUs alone accepts nobody.
    cpu = {part.subject for part in report.parts} - {"nvidia-gpus"}
    appraised = {
        c.subject for c in made if c.name in ("measurement", "pcrs") and c.outcome == "passed"
    }
    checks.require(
        "workload",
        trusting or (cpu and cpu <= appraised),
        "no policy accepted the workload that the CPU's evidence measures",
    )


def _leaves(policy: Policy) -> Iterator[Policy]:
    """The policies at the ends of a tree of combinators."""
    if isinstance(policy, (AllOf, AnyOf)):
        for inner in policy.policies:
            yield from _leaves(inner)
    else:
        yield policy


def _is_unsafe(policy: Policy) -> bool:
    return any(kind.__name__.startswith("Unsafe") for kind in type(policy).__mro__)


# Policies as files. A class that is not named here is somebody's own and stays in code.

FORMAT = "langchain-privacy-policy/v1"
_SIGNED_PREFIX = FORMAT.encode() + b"\0"
_KINDS: dict[str, Any] = {
    "sev_snp": SevSnpPolicy,
    "tdx": TdxPolicy,
    "azure_cvm": AzureCvmPolicy,
    "azure_maa": AzureMaaPolicy,
    "nvidia_gpu": NvidiaGpuPolicy,
    "unsafe_simulated_tee": UnsafeSimulatedTee,
    "unsafe_no_attestation": UnsafeNoAttestation,
    "unsafe_minions_attestor": UnsafeMinionsAttestor,
}
_COMBINATORS: dict[str, Any] = {"all_of": AllOf, "any_of": AnyOf}
_OWN = ("profile", "max_age_seconds", "gateway_configs", "require_tls_binding", "allow_unsafe",
        "service", "expires", "publisher")  # fmt: skip


def dumps(policy: AttestationPolicy) -> bytes:
    """The policy as JSON text in UTF-8."""
    content = {"format": FORMAT, **{name: _plain(getattr(policy, name)) for name in _OWN}}
    trees = policy.trees
    if whole := trees.pop("", None):
        content["require"] = _write(whole)
    if trees:
        content["roles"] = {role: _write(tree) for role, tree in trees.items()}
    return json.dumps(content, indent=2, sort_keys=False).encode() + b"\n"


def loads(data: bytes) -> AttestationPolicy:
    """Read a policy from JSON text.

    Raises:
        ConfigurationError: If anything in it is unknown or cannot hold.
    """
    try:
        content = strict_json(data, "policy file")
    except EvidenceInvalidError:
        msg = "the policy file is not strict JSON"
        raise ConfigurationError(msg) from None
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        msg = f"the policy file's format is not {FORMAT}"
        raise ConfigurationError(msg)
    roles = content.get("roles", {})
    if not isinstance(roles, dict) or not ("require" in content or roles):
        msg = "the policy file requires nothing"
        raise ConfigurationError(msg)
    if "require" in content:
        content["require"] = _read(content["require"])
    if roles:
        content["roles"] = {role: _read(policy) for role, policy in roles.items()}
    if content.get("publisher") is not None:
        content["publisher"] = _build(Publisher, content["publisher"])
    policy: AttestationPolicy = _build(AttestationPolicy, content)
    return policy


def _plain(value: Any) -> Any:
    if isinstance(value, (SevSnpPolicy, TdxPolicy)):
        return _write(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _fields(policy: Any) -> dict[str, Any]:
    # Defaults are written too: a reviewer sees every decision, and a later default changes nothing.
    return {f.name: _plain(getattr(policy, f.name)) for f in dataclasses.fields(policy)}


def _write(policy: Policy) -> dict[str, Any]:
    for name, combinator in _COMBINATORS.items():
        if isinstance(policy, (AllOf, AnyOf)) and type(policy) is combinator:
            return {name: [_write(inner) for inner in policy.policies]}
    for name, kind in _KINDS.items():
        if type(policy) is kind:
            return {name: _fields(policy)}
    msg = f"{type(policy).__name__} is your own class and cannot be written to a policy file"
    raise ConfigurationError(msg)


def _read(value: Any) -> Policy:
    if not isinstance(value, dict) or len(value) != 1:
        msg = "each policy in the file is an object with one member, its kind"
        raise ConfigurationError(msg)
    ((name, content),) = value.items()
    policy: Policy
    if name in _COMBINATORS and isinstance(content, list):
        policy = _COMBINATORS[name]([_read(inner) for inner in content])
        return policy
    kind = _KINDS.get(name)
    if kind is None or not isinstance(content, dict):
        kinds = ", ".join([*_COMBINATORS, *_KINDS])
        msg = f"{name!r} is not a policy; the file may hold {kinds}"
        raise ConfigurationError(msg)
    arguments = dict(content)
    if kind is TdxPolicy and isinstance(arguments.get("measurements"), list):
        arguments["measurements"] = [_build(TdxMeasurement, m) for m in arguments["measurements"]]
    if kind is AzureCvmPolicy and "hardware" in arguments:
        arguments["hardware"] = _read(arguments["hardware"])
    policy = _build(kind, arguments)
    return policy


def _build(kind: Any, arguments: Any) -> Any:
    names = {f.name: f for f in dataclasses.fields(kind)}
    if not isinstance(arguments, dict) or set(arguments) - set(names):
        msg = f"a {kind.__name__} in the file has an unknown member"
        raise ConfigurationError(msg)
    for name, value in arguments.items():
        if names[name].type == Iterable[str] and not isinstance(value, list):
            msg = f"{kind.__name__}.{name} must be a list"
            raise ConfigurationError(msg)
    try:
        return kind(**arguments)
    except (TypeError, AttributeError):
        msg = f"a {kind.__name__} in the file lacks a member, or one has the wrong type"
        raise ConfigurationError(msg) from None


def _signature_path(path: Path) -> Path:
    return path.with_name(path.name + ".sig")
