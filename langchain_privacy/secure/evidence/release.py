"""Who released a build, and which measurements it has: Sigstore's bundles, read without network.

A publisher's build signs a statement about what it built (in-toto, in a DSSE envelope) with a
key that lives for minutes. Sigstore's authority certifies for that key which workflow of which
repository runs, and a public log (Rekor) witnesses the time. A bundle holds all of it. GitHub calls
such a bundle an attestation; Tinfoil publishes the measurements of its enclaves so.

The package `sigstore` verifies certificate, timestamps, log entry and signature; what is read here
is whom the certificate names, and the statement. `langchain-privacy policy from-service` asks for
it through `secure.policy_from_service`, when measurements enter a policy.

```python
report = verify_release(bundle, Publisher(repository="tinfoilsh/confidential-model-router"), now)
report.claims["measurements"]["sev-snp"]
```
"""

import datetime as dt
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography import x509

from langchain_privacy.errors import AttestationError, ConfigurationError, EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.evidence import der
from langchain_privacy.secure.evidence.signatures import UNREADABLE
from langchain_privacy.secure.policy.base import Policy, appraise
from langchain_privacy.secure.report import AttestationReport, Checks, as_time

_WHAT = "release"
_STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
_MULTIPLATFORM = "https://tinfoil.sh/predicate/snp-tdx-multiplatform/v1"
_HEX48 = re.compile(r"[0-9a-f]{96}", re.ASCII)
_MOST_BUNDLES = 30

# Extensions of Sigstore's certificates, each a UTF8String; fulcio's docs/oid-info.md.
_FULCIO = "1.3.6.1.4.1.57264.1."
_EXTENSIONS = {
    "issuer": "8",
    "runner": "11",
    "repository": "12",
    "commit": "13",
    "ref": "14",
}
_GITHUB = "https://github.com/"


def verify_release(
    evidence: bytes,
    policy: Policy,
    now: dt.datetime | float,
    *,
    trusted_root: Path | None = None,
) -> AttestationReport:
    """Verify whose release a bundle is about.

    Args:
        evidence: One bundle, one in each line (as `gh attestation download` writes them), or the
            answer of GitHub's `/repos/{owner}/{name}/attestations/{digest}`. Of several, one that
            holds is enough.
        policy: Who must have signed, usually a `Publisher`.
        now: The clock: an aware datetime or seconds since 1970 UTC.
        trusted_root: File with Sigstore's `trusted_root.json`, for an instance of your own or a
            newer root; the one that the package `sigstore` has on this machine by default.

    Returns:
        A report about a `"release"` with the claims `issuer`, `repository`, `workflow`, `ref`,
        `commit`, `runner`, `artifact_sha256`, `predicate_type`, `signed_at` and `measurements`: by
        kind of machine (`"sev-snp"`, `"tdx"`) the registers that the build determines, in hex.

    Raises:
        EvidenceInvalidError: If no bundle holds.
        PolicyMismatchError: If somebody else signed.
        ConfigurationError: If the package `sigstore` is missing, or the root cannot be read.
    """
    at, refusals = as_time(now), list[AttestationError]()
    verifier = _verifier(trusted_root)
    for bundle in bundles(evidence):
        try:
            return appraise(_prove(bundle, verifier, at), policy)
        except AttestationError as error:
            refusals.append(error)
    # Somebody else's signature tells more than a broken one.
    raise max(refusals, key=lambda error: not isinstance(error, EvidenceInvalidError))


def bundles(evidence: bytes) -> Sequence[bytes]:
    """The bundles in a file or in an answer of GitHub; at least one."""
    lines = [line for line in evidence.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.lstrip().startswith(b"{") for line in lines):
        found = lines
    else:
        content = parsing.strict_json(evidence, _WHAT)
        listed = content.get("attestations") if isinstance(content, dict) else None
        if isinstance(listed, list):
            held = [entry.get("bundle") for entry in listed if isinstance(entry, dict)]
            # Signatures are over values inside, so writing the JSON once more changes nothing.
            found = [json.dumps(bundle).encode() for bundle in held if isinstance(bundle, dict)]
        else:
            found = [evidence]
    if not 0 < len(found) <= _MOST_BUNDLES:
        msg = f"{_WHAT}: there are {len(found)} bundles"
        raise EvidenceInvalidError(msg, check="parsing")
    return found


def _verifier(trusted_root: Path | None) -> Any:
    try:
        from sigstore.models import ClientTrustConfig, TrustedRoot
        from sigstore.verify import Verifier
    except ImportError:
        msg = 'bundles of releases need sigstore: pip install "langchain-privacy[provenance]"'
        raise ConfigurationError(msg) from None
    try:
        if trusted_root is None:
            return Verifier(trusted_root=ClientTrustConfig.production(offline=True).trusted_root)
        return Verifier(trusted_root=TrustedRoot.from_file(str(trusted_root)))
    except Exception:  # noqa: BLE001  whatever a file of somebody else's makes of the parser
        msg = "Sigstore's trusted root cannot be read"
        raise ConfigurationError(msg) from None


class _Signer:
    """What `sigstore` asks about a certificate; here it is noted, and judged by our policy."""

    certificate: x509.Certificate | None = None

    def verify(self, cert: x509.Certificate) -> None:
        self.certificate = cert


def _prove(bundle: bytes, verifier: Any, now: dt.datetime) -> AttestationReport:
    """What a bundle proves, before any policy."""
    from sigstore.models import Bundle

    stated = parsing.strict_json(bundle, _WHAT)
    checks, signer, fault = Checks(_WHAT), _Signer(), ""
    try:
        kind, payload = verifier.verify_dsse(Bundle.from_json(bundle), signer)
    except Exception as error:  # noqa: BLE001  it parses what anybody may have sent
        fault = f"Sigstore's verification fails ({type(error).__name__})"
    checks.require("signature", not fault, fault)
    certificate = signer.certificate
    assert certificate is not None
    checks.require(
        "payload", kind == "application/vnd.in-toto+json", "what was signed is no statement"
    )
    statement = parsing.strict_json(payload, _WHAT)
    subjects = statement.get("subject") if isinstance(statement, dict) else None
    checks.require(
        "statement",
        isinstance(subjects, list) and subjects and statement.get("_type") in _STATEMENTS,
        "what was signed is no in-toto statement",
    )
    return AttestationReport(
        subject=_WHAT,
        claims={
            **_named(certificate, checks),
            "artifact_sha256": _digest(subjects or []),
            "predicate_type": statement.get("predicateType"),
            "measurements": _measurements(statement),
            "signed_at": _logged_at(stated),
        },
        checks=tuple(checks),
        verified_at=now,
    )


def _named(certificate: x509.Certificate, checks: Checks) -> dict[str, Any]:
    """Whom the certificate names."""
    found: dict[str, Any] = dict.fromkeys(_EXTENSIONS)
    for name, number in _EXTENSIONS.items():
        oid = x509.ObjectIdentifier(_FULCIO + number)
        try:
            value: Any = certificate.extensions.get_extension_for_oid(oid).value
            found[name] = der.whole(value.value, 0x0C).content.decode()
        except (x509.ExtensionNotFound, *UNREADABLE):
            continue
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound:
        uris = []
    checks.require(
        "identity",
        len(uris) == 1 and found["issuer"] and (found["repository"] or "").startswith(_GITHUB),
        "the certificate names no workflow of a repository on GitHub",
    )
    found["repository"] = found["repository"].removeprefix(_GITHUB)
    found["workflow"] = uris[0].removeprefix(_GITHUB).partition("@")[0]
    return found


def _logged_at(bundle: dict[str, Any]) -> str | None:
    """When the log took the entry up; `None` for a bundle with a time stamp of another kind."""
    entry = bundle["verificationMaterial"]["tlogEntries"][0]
    seconds = str(entry.get("integratedTime") or "")
    if not seconds.isdecimal():
        return None
    return parsing.moment(int(seconds), _WHAT).isoformat()


def _digest(subjects: list[Any]) -> str | None:
    digests = subjects[0].get("digest") if isinstance(subjects[0], dict) else None
    value = digests.get("sha256") if isinstance(digests, dict) else None
    return value if isinstance(value, str) else None


def _measurements(statement: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The registers that a build determines, of each kind of machine that it runs on."""
    predicate = statement.get("predicate")
    if statement.get("predicateType") != _MULTIPLATFORM or not isinstance(predicate, dict):
        return {}
    intel = predicate.get("tdx_measurement")
    intel = intel if isinstance(intel, dict) else {}
    stated: dict[str, dict[str, Any]] = {
        "sev-snp": {"measurement": predicate.get("snp_measurement")},
        "tdx": {name: intel.get(name) for name in ("rtmr1", "rtmr2")},
    }
    return {
        kind: registers
        for kind, registers in stated.items()
        if all(isinstance(v, str) and _HEX48.fullmatch(v) for v in registers.values())
    }
