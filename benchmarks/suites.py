"""Suites that others wrote, run on what we hand out, and how many of their tests pass.

    python benchmarks/suites.py

Runs the tests of this repository that hold them, and counts passes, skips and expected failures
from pytest's report. What is skipped with us is to be skipped without us: `TestPlain` is the same
suite on the same model server.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `benchmarks`, from anywhere

from benchmarks.measured.peers import ROOT, versions
from benchmarks.measured.tables import Table, run

SUITES = {
    "langchain-tests, llama.cpp": "tests/integration_tests/test_standard_models.py",
    "langchain-tests, tools": "tests/integration_tests/test_standard_models_tools.py",
    "langchain-tests, unit": "tests/unit_tests/test_standard_models.py",
    "chunk-invariance": "tests/integration_tests/test_chunk_invariance.py",
    "langgraph-checkpoint-conformance": "tests/integration_tests/test_checkpoint_conformance.py",
}
ENDS = ("passed", "skipped", "expected to fail", "failed")


def ended(case: ET.Element) -> str:
    """Say how a test ended, of `ENDS`."""
    for each in case:
        if each.tag == "skipped":
            return "expected to fail" if "xfail" in (each.get("type") or "") else "skipped"
        if each.tag in ("failure", "error"):
            return "failed"
    return "passed"


def counted(file: str) -> dict[str, Counter[str]]:
    """Run a file of tests; returns how its tests ended, by class."""
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
        found: dict[str, Counter[str]] = {}
        for case in ET.parse(report).iter("testcase"):
            name = str(case.get("classname")).rpartition(".")[2].removeprefix("Test")
            name = "" if name.startswith("test_") else name
            found.setdefault(name, Counter())[ended(case)] += 1
        return found


def counts() -> Table:
    rows: list[list[str]] = []
    passed = failed = 0
    for suite, file in SUITES.items():
        for name, ends in counted(file).items():
            rows.append([suite, name or "–", *(str(ends[end]) for end in ENDS)])
            passed += ends["passed"]
            failed += ends["failed"]
    return Table(
        name="suites",
        title="Suites that others wrote",
        columns=["suite", "on", *ENDS],
        rows=rows,
        ratio=f"{passed} passed, {failed} failed.",
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    run(lambda _: [counts()], parser)
