"""`langchain-privacy attest` and `gateway`, as a person calls them."""

import json
import os
import stat
from collections.abc import Iterator

import pytest

from langchain_privacy.cli import main
from langchain_privacy.secure import (
    AttestationPolicy,
    SevSnpPolicy,
    SimulatedTee,
    create_gateway,
)
from tests.support.asgi import AsgiServer

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with AsgiServer(create_gateway("http://127.0.0.1:9", SimulatedTee())) as server:
        yield server.url


def test_attest_prints_a_table_and_keeps_evidence(url, tmp_path, capsys) -> None:
    kept = tmp_path / "evidence.json"
    assert main(["attest", url, "--unsafe-simulated", "--save", str(kept)]) == 0
    shown = capsys.readouterr().out
    assert "passed" in shown
    assert "skipped" in shown
    assert "accepted" in shown
    assert os.name == "nt" or stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert main(["attest", "--offline", str(kept), "--unsafe-simulated", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accepted"] is True


def test_attest_refuses_and_says_which_check_failed(url, tmp_path, capsys) -> None:
    policy = tmp_path / "policy.json"
    AttestationPolicy(require=[SevSnpPolicy(measurements=["ab" * 48])]).save(policy)
    kept = tmp_path / "evidence.json"
    assert main(["attest", url, "--policy", str(policy), "--save", str(kept)]) == 1
    assert "refused" in capsys.readouterr().out
    # What was refused can be looked at again, too.
    assert main(["attest", "--offline", str(kept), "--policy", str(policy), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["accepted"] is False
    assert result["reason"]
    assert [c["check"] for c in result["checks"] if c["outcome"] == "failed"] == ["no_evidence"]


def test_each_refusal_has_its_row(capsys) -> None:
    assert main(["attest", "http://127.0.0.1:9", "--unsafe-simulated", "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)["checks"]
    assert (row["subject"], row["check"], row["outcome"]) == ("endpoint", "fetch", "failed")
    assert "reached" in row["detail"]


def test_evidence_that_cannot_be_written_is_one_line(url, tmp_path, capsys) -> None:
    path = tmp_path / "absent" / "evidence.json"
    assert main(["attest", url, "--unsafe-simulated", "--save", str(path)]) == 1
    *_, said, where = capsys.readouterr().err.strip().splitlines()
    assert said.startswith("langchain-privacy: the evidence cannot be written")
    assert where.startswith("  For troubleshooting, visit: ")


def test_a_file_says_that_its_tls_key_was_not_compared(url, tmp_path, capsys) -> None:
    kept = tmp_path / "evidence.json"
    main(["attest", url, "--unsafe-simulated", "--save", str(kept)])
    capsys.readouterr()
    assert main(["attest", "--offline", str(kept), "--unsafe-simulated", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["checks"]
    assert ("tls_binding", "skipped") in {(r["check"], r["outcome"]) for r in rows}


def test_changed_evidence_does_not_verify_offline(url, tmp_path, capsys) -> None:
    kept = tmp_path / "evidence.json"
    main(["attest", url, "--unsafe-simulated", "--save", str(kept)])
    content = json.loads(kept.read_text())
    content["nonce"] = "00" * 32
    kept.write_text(json.dumps(content))
    assert main(["attest", "--offline", str(kept), "--unsafe-simulated"]) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["attest"],
        ["attest", "http://x"],
        ["attest", "http://x", "--policy", "absent.json"],
        ["attest", "http://x", "--offline", "y", "--unsafe-simulated"],
        ["attest", "--offline", "absent.json", "--unsafe-simulated"],
        ["gateway", "--upstream", "nonsense", "--unsafe-simulated-tee"],
        ["gateway", "--upstream", "http://127.0.0.1:9"],
    ],
)
def test_wrong_usage_is_one_line_and_a_link(arguments, capsys) -> None:
    assert main(arguments) == 1
    shown = capsys.readouterr().err.strip().splitlines()
    assert shown[-2].startswith("langchain-privacy: ")
