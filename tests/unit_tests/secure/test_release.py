"""Releases: whose a bundle is, by a Sigstore of our own that signs as the real one does."""

import base64
import json

import pytest

from langchain_privacy.errors import (
    AttestationError,
    ConfigurationError,
    EvidenceInvalidError,
    PolicyMismatchError,
)
from langchain_privacy.secure import AttestationPolicy, Publisher, SevSnpPolicy, verify_release
from langchain_privacy.secure.evidence.release import bundles
from langchain_privacy.secure.report import utc_now
from tests.support.sigstore_log import REPOSITORY, WORKFLOW, SigstoreLog, statement

BUILD = statement("ab" * 48, "cd" * 48, "ef" * 48)
OURS = Publisher(repository=REPOSITORY)


@pytest.fixture(scope="module")
def log() -> SigstoreLog:
    return SigstoreLog()


@pytest.fixture(scope="module")
def root(log, tmp_path_factory):
    return log.write_root(tmp_path_factory.mktemp("sigstore") / "root.json")


def test_a_bundle_says_who_built_what(log, root) -> None:
    report = verify_release(log.bundle(BUILD), OURS, utc_now(), trusted_root=root)
    claims = report.claims
    assert claims["measurements"] == {
        "sev-snp": {"measurement": "ab" * 48},
        "tdx": {"rtmr1": "cd" * 48, "rtmr2": "ef" * 48},
    }
    assert (claims["repository"], claims["workflow"]) == (REPOSITORY, WORKFLOW)
    assert claims["artifact_sha256"] == "34" * 32
    assert claims["signed_at"] == log.now.isoformat()
    assert not report.skipped
    pinned = Publisher(repository=REPOSITORY.upper(), workflow=WORKFLOW, ref="refs/tags/v1.")
    assert verify_release(log.bundle(BUILD), pinned, utc_now(), trusted_root=root)


@pytest.mark.parametrize(
    ("changes", "wanted", "text"),
    [
        ({"repository": "other/enclave"}, {}, "found other/enclave, wanted example/enclave"),
        ({"workflow": "other/enclave/.github/workflows/release.yml"}, {}, "another workflow"),
        ({"issuer": "https://accounts.example"}, {}, "found https://accounts.example"),
        ({"ref": "refs/heads/main"}, {}, "found refs/heads/main, wanted refs/tags/"),
        ({"runner": "self-hosted"}, {}, "found self-hosted, wanted github-hosted"),
        ({}, {"ref": "refs/tags/v2."}, "found refs/tags/v1.2.3, wanted refs/tags/v2."),
        (
            {},
            {"workflow": f"{REPOSITORY}/.github/workflows/build.yml"},
            f"found {WORKFLOW}, wanted example/enclave",
        ),
    ],
)
def test_somebody_elses_release_is_refused(log, root, changes, wanted, text) -> None:
    publisher = Publisher(**{"repository": REPOSITORY, **wanted})
    with pytest.raises(PolicyMismatchError) as caught:
        verify_release(log.bundle(BUILD, **changes), publisher, utc_now(), trusted_root=root)
    assert text in str(caught.value)


def _changed(bundle: bytes, *path: str | int, by: bytes | str | None = None) -> bytes:
    """A bundle with the last byte of one of its values changed, or another value."""
    content = json.loads(bundle)
    *way, last = path
    at = content
    for step in way:
        at = at[step]
    if by is None:
        data = bytearray(base64.b64decode(at[last]))
        data[-1] ^= 1
        at[last] = base64.b64encode(data).decode()
    else:
        at[last] = by
    return json.dumps(content).encode()


_ENTRY = ("verificationMaterial", "tlogEntries", 0)


@pytest.mark.parametrize(
    ("path", "by"),
    [
        (("dsseEnvelope", "payload"), None),
        (("dsseEnvelope", "signatures", 0, "sig"), None),
        (("dsseEnvelope", "payloadType"), "application/json"),
        (("verificationMaterial", "certificate", "rawBytes"), None),
        ((*_ENTRY, "inclusionPromise", "signedEntryTimestamp"), None),
        ((*_ENTRY, "inclusionProof", "rootHash"), None),
        ((*_ENTRY, "inclusionProof", "hashes", 0), None),
        ((*_ENTRY, "canonicalizedBody"), None),
        ((*_ENTRY, "integratedTime"), "1700000000"),
        ((*_ENTRY, "inclusionProof", "checkpoint", "envelope"), "log\n2\n\n"),
        (("mediaType",), "application/json"),
    ],
)
def test_changed_bundles_are_refused(log, root, path, by) -> None:
    changed = _changed(log.bundle(BUILD), *path, by=by)
    with pytest.raises(EvidenceInvalidError):
        verify_release(changed, OURS, utc_now(), trusted_root=root)


@pytest.mark.parametrize(
    "content",
    [b"text", b"[]", b"{}", {**BUILD, "subject": []}, {**BUILD, "_type": "x"}, b'{"a":1,"a":2}'],
)
def test_what_is_no_statement_is_refused(log, root, content) -> None:
    with pytest.raises(EvidenceInvalidError):
        verify_release(log.bundle(content), OURS, utc_now(), trusted_root=root)


@pytest.mark.parametrize(
    "predicate",
    [[], {}, {"snp_measurement": "AB" * 48}, {"snp_measurement": 1, "tdx_measurement": []}],
)
def test_what_names_no_measurements_has_none(log, root, predicate) -> None:
    bundle = log.bundle({**BUILD, "predicate": predicate})
    found = verify_release(bundle, OURS, utc_now(), trusted_root=root)
    assert found.claims["measurements"] == {}
    other = log.bundle(statement("ab" * 48, "cd" * 48, "ef" * 48, kind="another/v1"))
    found = verify_release(other, OURS, utc_now(), trusted_root=root)
    assert found.claims["measurements"] == {}


def test_another_sigstore_is_refused(log, tmp_path) -> None:
    other = SigstoreLog().write_root(tmp_path / "other.json")
    with pytest.raises(EvidenceInvalidError):
        verify_release(log.bundle(BUILD), OURS, utc_now(), trusted_root=other)
    for content in ("", "{}", "text"):
        other.write_text(content)
        with pytest.raises(ConfigurationError, match="trusted root"):
            verify_release(log.bundle(BUILD), OURS, utc_now(), trusted_root=other)


def test_the_root_of_the_real_one_refuses_ours(log, tmp_path, monkeypatch) -> None:
    """The package's own root is used without network, in a home that is empty."""
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(EvidenceInvalidError, match="Sigstore's verification fails"):
        verify_release(log.bundle(BUILD), OURS, utc_now())


def test_of_several_bundles_one_is_enough(log, root) -> None:
    ours, other = log.bundle(BUILD), log.bundle(BUILD, repository="other/enclave")
    answer = {"attestations": [{"bundle": json.loads(b), "id": 1} for b in (other, ours)]}
    for several in (json.dumps(answer).encode(), other + b"\n" + ours + b"\n"):
        assert len(bundles(several)) == 2
        assert verify_release(several, OURS, utc_now(), trusted_root=root)
    with pytest.raises(PolicyMismatchError):
        verify_release(b"\n".join([other, b"{}"]), OURS, utc_now(), trusted_root=root)


@pytest.mark.parametrize(
    "evidence",
    [
        b"",
        b"<html>",
        b'{"attestations": []}',
        b'{"attestations": [{"bundle": null}]}',
        b"[" * 99999,
    ],
)
def test_what_is_no_bundle_is_refused(root, evidence) -> None:
    with pytest.raises(AttestationError):
        verify_release(evidence, OURS, utc_now(), trusted_root=root)


@pytest.mark.parametrize(
    "settings",
    [
        {"repository": "name"},
        {"repository": "a/b/c"},
        {"repository": 1},
        {"repository": "a/b", "workflow": "release.yml"},
        {"repository": "a/b", "ref": ""},
        {"repository": "a/b", "ref": "v1"},
        {"repository": "a/b", "issuer": "http://a"},
        {"repository": "a/b", "allow_self_hosted": 1},
    ],
)
def test_publishers_are_strictly_typed(settings) -> None:
    with pytest.raises(ConfigurationError):
        Publisher(**settings)


def test_the_publisher_stands_in_the_policys_file(tmp_path) -> None:
    policy = AttestationPolicy(require=[SevSnpPolicy(measurements=["ab" * 48])], publisher=OURS)
    policy.save(tmp_path / "policy.json")
    assert AttestationPolicy.load(tmp_path / "policy.json") == policy
    content = json.loads((tmp_path / "policy.json").read_text())
    for bad in ("example/enclave", {}, {"repository": "a/b", "more": 1}, ["a/b"]):
        (tmp_path / "policy.json").write_text(json.dumps({**content, "publisher": bad}))
        with pytest.raises(ConfigurationError):
            AttestationPolicy.load(tmp_path / "policy.json")
