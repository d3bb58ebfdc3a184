"""Suites that others wrote, run on what we hand out, and how many of their tests pass.

    python benchmarks/suites.py

Runs the tests of this repository that hold them, and counts passes, skips and expected failures
from pytest's report, with the reason of each that did not run. What is skipped with us is to be
skipped without us: `TestPlain` is the same suite on the same model server.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `benchmarks`, from anywhere

from benchmarks.measured.peers import ROOT, versions
from benchmarks.measured.record import run
from benchmarks.measured.tables import Table

SUITES = {
    "langchain-tests, llama.cpp": "tests/integration_tests/test_standard_models.py",
    "langchain-tests, tools": "tests/integration_tests/test_standard_models_tools.py",
    "langchain-tests, unit": "tests/unit_tests/test_standard_models.py",
    "chunk-invariance": "tests/integration_tests/test_chunk_invariance.py",
    "langgraph-checkpoint-conformance": "tests/integration_tests/test_checkpoint_conformance.py",
}
BESIDE_PLAIN = "langchain-tests, llama.cpp"
"""The suite that runs without us as well."""
ENDS = ("passed", "skipped", "expected to fail", "failed")


class Case(NamedTuple):
    """A test: on what it ran, how it ended (of `ENDS`), and why it was not to pass."""

    on: str
    end: str
    why: str


def ended(case: ET.Element) -> tuple[str, str]:
    """Say how a test ended, and why where it was not to pass."""
    for each in case:
        if each.tag == "skipped":
            end = "expected to fail" if "xfail" in (each.get("type") or "") else "skipped"
            return end, (each.get("message") or "no reason given").strip().rstrip(".")
        if each.tag in ("failure", "error"):
            return "failed", ""
    return "passed", ""


def cases(file: str) -> list[Case]:
    """Run a file of tests; returns how each of its tests ended."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
        subprocess.run(
            [*command, f"--junitxml={report}", "-m", "slow or not slow"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        found = []
        for case in ET.parse(report).iter("testcase"):
            name = str(case.get("classname")).rpartition(".")[2].removeprefix("Test")
            found.append(Case("–" if name.startswith("test_") else name, *ended(case)))
        return found


def measure(_: argparse.Namespace) -> list[Table]:
    found = {suite: cases(file) for suite, file in SUITES.items()}
    return [counts(found), reasons(found)]


def counts(found: Mapping[str, list[Case]]) -> Table:
    rows = []
    for suite, of in found.items():
        for name in dict.fromkeys(case.on for case in of):
            ends = Counter(case.end for case in of if case.on == name)
            rows.append([suite, name, *(str(ends[end]) for end in ENDS)])
    every = Counter(case.end for of in found.values() for case in of)
    return Table(
        name="suites",
        title="Suites that others wrote",
        columns=["suite", "on", *ENDS],
        rows=rows,
        ratio=f"{every['passed']} passed, {every['skipped']} skipped, {every['expected to fail']} "
        f"expected to fail, {every['failed']} failed.",
        how="“Plain” is the same suite on the same server without us. The packaged model of 270 "
        "million parameters follows no tools and writes no JSON without a schema, so the tests of "
        "tools are skipped before it, with us and without, and run before a scripted server. The "
        "conformance suite counts as one test a store here: 58 of its own in memory and on SQLite, "
        "66 on PostgreSQL.",
        not_measured="other providers' servers; LangGraph's own tests with every graph wrapped run "
        "in `make test-slow`.",
        versions=versions(
            "langchain-tests", "chunk-invariance", "langgraph-checkpoint-conformance"
        ),
    )


def reasons(found: Mapping[str, list[Case]]) -> Table:
    """Say why tests of the suites did not run, and that they do not without us either."""
    left = {suite: [case for case in of if case.why] for suite, of in found.items()}
    on = list(dict.fromkeys(case.on for of in left.values() for case in of))
    rows = []
    for suite, of in left.items():
        ran = {case.on for case in found[suite]}
        for why, end in dict.fromkeys((case.why, case.end) for case in of):
            many = Counter(case.on for case in of if (case.why, case.end) == (why, end))
            rows.append([suite, why, end, *(str(many[n]) if n in ran else "–" for n in on)])
    per = Counter(case.on for case in left[BESIDE_PLAIN])
    ours = ", ".join(f"{name} {many}" for name, many in per.items() if name != "Plain")
    return Table(
        name="suites-left",
        title="Why tests of those suites do not run",
        columns=["suite", "reason, in the suite's words or the test's", "ended", *on],
        rows=rows,
        ratio=f"Before the real model {per['Plain']} tests do not run or are expected to fail "
        f"without us; with us: {ours}.",
        how="“–”: that suite does not run on it. “Plain” is without us.",
        not_measured="whether a stronger model would run those that need tools.",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    run(measure, parser)
