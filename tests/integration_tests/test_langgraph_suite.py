"""LangGraph's own tests, with every graph and entrypoint wrapped in `private()`.

The source distributions of the installed versions carry the tests. They are run private, and what
does not pass is run again: plain, and private once more, since some tests wait for a few
milliseconds. What passes plain has to pass private, but for the differences named here.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

DRAWN = "a drawing names the graph's class, which is PrivateCompiledStateGraph"
DIFFERENT = {
    "langgraph": {
        "tests/test_large_cases.py::test_message_graph": DRAWN,
        "tests/test_pregel.py::test_xray_lance": DRAWN,
        "tests/test_pregel.py::test_get_graph_root_channel": DRAWN,
    },
    "langgraph-prebuilt": {},
}
"""Tests that pass plain and not private, by distribution, each with its reason."""


def sources(name: str, folder: Path) -> Path:
    """Download and unpack the source distribution of the version that is installed."""
    command = [sys.executable, "-m", "pip", "download", "--no-binary", name, "--no-deps"]
    done = subprocess.run(
        [*command, "--dest", str(folder), f"{name}=={version(name)}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"the source distribution of {name} could not be downloaded: no network?")
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    [found] = folder.glob("*/tests")
    return found


WRAPPED = ("-p", "wrap_graphs")


def results(tests: Path, *options: str, only: Iterable[str] = ("tests",)) -> dict[str, str]:
    """Run a test-suite, or the tests named `only`, and return how each test ended."""
    folder = tests.parent / "run"
    if not folder.exists():  # not beside the package's own source, which would be imported
        shutil.copytree(tests, folder / "tests")
        shutil.copy(ROOT / "tests" / "support" / "wrap_graphs.py", folder)
        (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    subprocess.run(
        [*command, "--junitxml=report.xml", *options, *only],
        cwd=folder,
        env=os.environ | {"NO_DOCKER": "true", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    ended = {}
    for case in ET.parse(folder / "report.xml").iter("testcase"):
        bad = [each.tag for each in case if each.tag in {"failure", "error", "skipped"}]
        place = (case.get("classname") or str(case.get("name"))).split(".")
        files = [Path(*place[:at]).with_suffix(".py") for at in range(1, len(place) + 1)]
        [(at, file)] = [each for each in enumerate(files, 1) if (folder / each[1]).is_file()]
        own = [str(case.get("name"))] if case.get("classname") else []  # a file that is skipped
        name = "::".join([str(file), *place[at:], *own])
        ended[name] = bad[0] if bad else "passed"
    return ended


def passing(ended: dict[str, str]) -> set[str]:
    """Return the tests that passed."""
    return {test for test, how in ended.items() if how == "passed"}


@pytest.mark.parametrize("name", ["langgraph", "langgraph-prebuilt"])
def test_what_passes_plain_passes_private(name: str, tmp_path: Path) -> None:
    tests = sources(name, tmp_path)
    private = results(tests, *WRAPPED)
    passed = passing(private)
    assert len(passed) > 200
    lost = set(private) - passed
    if lost:
        lost = passing(results(tests, only=lost))
    if lost:
        again = passing(results(tests, *WRAPPED, only=lost))
        passed |= again
        lost -= again
    print(f"{name}: plain {len(passed | lost)} of {len(private)}, private {len(passed)}: {lost}")
    assert {test.partition("[")[0] for test in lost} == set(DIFFERENT[name])
