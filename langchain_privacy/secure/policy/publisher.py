"""Whose releases a policy's measurements are of.

`AttestationPolicy.publisher` keeps it in the policy's file. `secure.policy_from_service` holds a
release's bundle to it (`secure.evidence.release`) when measurements enter a policy: at first, and
when a service has changed. Afterwards the measurements decide, and no bundle is needed.

```python
Publisher(repository="tinfoilsh/confidential-model-router", ref="refs/tags/v0.0.")
```
"""

import re
from dataclasses import dataclass

from langchain_privacy.errors import ConfigurationError, PolicyMismatchError
from langchain_privacy.secure.policy.base import about, against, scalars
from langchain_privacy.secure.report import AttestationReport, Check, Checks

_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+", re.ASCII)
_WORKFLOW = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+/\.github/workflows/[^/@]+", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """Accepts a release that one repository's workflow built and signed.

    Attributes:
        repository: Its repository on GitHub, `owner/name`.
        workflow: The workflow that signs, e.g. `"owner/name/.github/workflows/release.yml"`; `None`
            is any of the repository's own.
        ref: How the git reference of the release begins, e.g. `"refs/tags/v2."`. A branch
            can hold anything that is not released, so tags are the default.
        issuer: Who vouched for the workflow to Sigstore.
        allow_self_hosted: Accept a build on a machine of the repository's owner, whose results
            nobody else watches.
    """

    repository: str
    workflow: str | None = None
    ref: str = "refs/tags/"
    issuer: str = "https://token.actions.githubusercontent.com"
    allow_self_hosted: bool = False

    def __post_init__(self) -> None:
        scalars(self)
        if not isinstance(self.repository, str) or not _REPOSITORY.fullmatch(self.repository):
            msg = "Publisher.repository takes owner/name"
            raise ConfigurationError(msg)
        workflow = self.workflow
        if workflow is not None and not (
            isinstance(workflow, str) and _WORKFLOW.fullmatch(workflow)
        ):
            msg = "Publisher.workflow takes owner/name/.github/workflows/file.yml"
            raise ConfigurationError(msg)
        if not isinstance(self.ref, str) or not self.ref.startswith("refs/"):
            msg = 'Publisher.ref takes the beginning of a git reference, e.g. "refs/tags/"'
            raise ConfigurationError(msg)
        if not isinstance(self.issuer, str) or not self.issuer.startswith("https://"):
            msg = "Publisher.issuer takes an https URL"
            raise ConfigurationError(msg)

    def verify(self, report: AttestationReport) -> list[Check]:
        """Raise unless the release is this publisher's."""
        made: list[Check] = []
        for part in about(report, "release"):
            checks, claims = Checks(part.subject, error=PolicyMismatchError), part.claims
            # GitHub's names know no case; certificates write them as the owner does.
            for name in ("issuer", "repository"):
                found, wanted = claims[name], getattr(self, name)
                checks.require(
                    name,
                    found.lower() == wanted.lower(),
                    f"another {name} signed it: {against(found, wanted)}",
                )
            own = f"{self.repository}/.github/workflows/"
            found = claims["workflow"]
            checks.require(
                "workflow",
                found == self.workflow if self.workflow else found.lower().startswith(own.lower()),
                f"another workflow signed it: {against(found, self.workflow or own)}",
            )
            checks.require(
                "ref",
                (claims["ref"] or "").startswith(self.ref),
                f"another kind of release: {against(claims['ref'], self.ref)}",
            )
            checks.require(
                "runner",
                self.allow_self_hosted or claims["runner"] == "github-hosted",
                f"the machine that built it: {against(claims['runner'], 'github-hosted')}",
            )
            made += checks
        return made
