"""`AttestationPolicy`: everything a client demands of an endpoint, in one reviewable object."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from langchain_privacy.errors import ConfigurationError, PolicyMismatchError
from langchain_privacy.secure.policy.base import AllOf, AnyOf, Policy
from langchain_privacy.secure.policy.fields import hex_set
from langchain_privacy.secure.policy.unsafe import UnsafeNoAttestation, UnsafeSimulatedTee
from langchain_privacy.secure.report import AttestationReport, Check, Checks

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

Profile = Literal["x-wing", "ehbp-x25519", "aci-e2ee-v2", "near-ed25519-v2"]


def leaves(policy: Policy) -> Iterator[Policy]:
    """The policies at the ends of a tree of combinators."""
    if isinstance(policy, (AllOf, AnyOf)):
        for inner in policy.policies:
            yield from leaves(inner)
    else:
        yield policy


@dataclass(frozen=True, kw_only=True)
class AttestationPolicy:
    """What an endpoint must prove before anything is sent to it.

    Attributes:
        require: A policy, or a list of which every one must accept; e.g.
            `[AnyOf([SevSnpPolicy(...), TdxPolicy(...)]), NvidiaGpuPolicy(count=1)]`.
        profile: The channel: `"x-wing"` (post-quantum, hides headers, authenticated end),
            `"ehbp-x25519"` (compatible with EHBP servers), or one that seals the contents of
            messages alone: `"aci-e2ee-v2"` (dstack) and `"near-ed25519-v2"` (NEAR AI), which need
            `require_tls_binding`. Never negotiated.
        max_age_seconds: How long a verdict is used before the endpoint is attested again.
        gateway_configs: Accepted digests of the gateway's configuration in hex; empty skips the
            check, for the measurement may cover it.
        require_tls_binding: Refuse a TLS connection that does not end at the attested machine.
        allow_unsafe: Permit `Unsafe...` policies in `require`.
    """

    require: Policy | Sequence[Policy]
    profile: Profile = "x-wing"
    max_age_seconds: int = 3600
    gateway_configs: Iterable[str] = ()
    require_tls_binding: bool = False
    allow_unsafe: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.require, Policy):
            object.__setattr__(self, "require", AllOf(tuple(self.require)))
        if self.profile not in get_args(Profile):
            msg = f"AttestationPolicy.profile is one of {', '.join(get_args(Profile))}"
            raise ConfigurationError(msg)
        if self.profile in ("aci-e2ee-v2", "near-ed25519-v2") and not self.require_tls_binding:
            msg = (
                f"{self.profile} seals contents and shows neither who answers nor an answer's end; "
                "set require_tls_binding=True, so that TLS ends at the attested machine"
            )
            raise ConfigurationError(msg)
        if self.max_age_seconds < 1:
            msg = "AttestationPolicy.max_age_seconds must be at least 1"
            raise ConfigurationError(msg)
        hex_set(self, "gateway_configs", 32)
        unsafe = [p for p in leaves(self.tree) if _is_unsafe(p)]
        if unsafe and not self.allow_unsafe:
            msg = (
                f"{type(unsafe[0]).__name__} proves nothing; set allow_unsafe=True if that is "
                "really what you want"
            )
            raise ConfigurationError(msg)

    @property
    def tree(self) -> Policy:
        """`require` as one policy."""
        assert isinstance(self.require, Policy)
        return self.require

    @property
    def without_attestation(self) -> bool:
        """Whether this policy takes the endpoint's word for its key."""
        return any(isinstance(p, UnsafeNoAttestation) for p in leaves(self.tree))

    def verify(self, report: AttestationReport) -> list[Check]:
        """Raise unless the report satisfies the policy; see `Policy.verify`."""
        made = list(self.tree.verify(report))
        if report.subject != "endpoint":
            return made
        checks = Checks("endpoint")
        checks.require(
            "profile",
            self.profile in report.channel_keys,
            f"no attested key for the profile {self.profile}, and no other will do",
            error=PolicyMismatchError,
        )
        if self.gateway_configs:
            checks.require(
                "gateway_config",
                report.claims.get("gateway_config") in set(self.gateway_configs),
                "an unlisted configuration of the gateway",
                error=PolicyMismatchError,
            )
        else:
            checks.skip("gateway_config", "no values were listed")
        self._cpu_was_appraised(report, made, checks)
        return made + list(checks)

    def _cpu_was_appraised(
        self, report: AttestationReport, made: list[Check], checks: Checks
    ) -> None:
        # The key is bound by the CPU's evidence, so a policy about GPUs alone accepts nobody.
        cpu = {part.subject for part in report.parts} - {"nvidia-gpus"}
        appraised = {
            c.subject for c in made if c.name in ("measurement", "pcrs") and c.outcome == "passed"
        }
        checks.require(
            "workload",
            self.without_attestation or (cpu and cpu <= appraised),
            "no policy accepted the workload that the CPU's evidence measures",
            error=PolicyMismatchError,
        )

    def save(self, path: str | Path, *, sign_with: "Ed25519PrivateKey | None" = None) -> None:
        """Write the policy as JSON for people to review; see `docs/attestation.md`.

        Args:
            path: The file; a signature goes beside it with `.sig` added to the name.
            sign_with: Key that signs the bytes of the file.
        """
        from langchain_privacy.secure.policy import document

        document.save(self, Path(path), sign_with)

    @classmethod
    def load(
        cls, path: str | Path, *, signed_by: "Ed25519PublicKey | None" = None
    ) -> "AttestationPolicy":
        """Read a policy.

        Args:
            path: A file that `save` or a person wrote.
            signed_by: Refuse a file without this key's signature beside it.

        Raises:
            ConfigurationError: If the file has an unknown member, an empty list where one must not
                be empty, an unsafe policy without `allow_unsafe`, or a wrong signature.
        """
        from langchain_privacy.secure.policy import document

        return document.load(Path(path), signed_by)


def _is_unsafe(policy: Policy) -> bool:
    return isinstance(policy, (UnsafeNoAttestation, UnsafeSimulatedTee)) or type(
        policy
    ).__name__.startswith("Unsafe")
