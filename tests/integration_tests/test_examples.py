"""Every example runs from its own folder, without a key and a network; all have one shape."""

import inspect
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from langgraph.pregel import Pregel
from starlette.applications import Starlette

from langchain_privacy import Masker
from tests.support.examples import FOLDERS, example
from tests.support.paths import REPOSITORY

NAMES = [folder.name for folder in FOLDERS]


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No key and no model from outside; what an example quietens is loud again after it."""
    for name in os.environ:
        if name.startswith(("OPENAI_", "LANGSMITH_", "SECURE_")) or name.endswith("_MODEL"):
            monkeypatch.delenv(name)
    # An example that starts a program of its own gives it this package.
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    log = logging.getLogger("langchain_privacy")
    level = log.level
    with warnings.catch_warnings():
        yield
    log.setLevel(level)


@pytest.mark.parametrize("name", NAMES)
async def test_example(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)  # a picture that it writes
    with example(name) as graph:
        done = graph.main()
        if inspect.isawaitable(done):
            await done
        assert isinstance(graph.masker, Masker)
        assert isinstance(graph.graph, Pregel) or callable(graph.graph)
        # LangGraph's server, which `langgraph.json` is for, refuses a graph that has one.
        assert getattr(graph.graph, "checkpointer", None) is None
        server = __import__("server")
        assert isinstance(server.app, Starlette)
        assert server.masker is graph.masker  # one vault for the graph and its edge
    assert capfd.readouterr().out.strip()


def test_the_minion_costs_less_than_its_document_and_keeps_its_own_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANGCHAIN_PRIVACY_HOME", str(tmp_path / "home"))
    with example("minion") as graph:
        graph.main()
    said = capsys.readouterr().out
    spent, whole = map(int, re.findall(r"tokens:\s+(\d+) crossed, (\d+) had", said)[0])
    assert spent < whole / 4
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("variable", ["TAMPER", "ONLY_PLACEHOLDERS"])
def test_three_tiers_otherwise(
    variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, "1")
    with example("three_tiers") as graph:
        graph.main()
    said = capsys.readouterr().out
    attested = [line for line in said.splitlines() if "the attested model reads" in line]
    assert not any("Lindqvist" in line for line in attested)
    assert len(attested) == (variable == "ONLY_PLACEHOLDERS")
    assert ("REFUSED" in said) == (variable == "TAMPER")


def test_another_machine_behind_the_address_gets_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAMPER", "1")
    with example("financial_analysis") as graph:
        graph.main()
    refused = capsys.readouterr().out
    assert "REFUSED, and nothing was sent" in refused
    assert "audit" not in refused


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_the_shape(folder: Path) -> None:
    first = FOLDERS[0]
    for name in ("server.py", "langgraph.json"):
        assert (folder / name).read_bytes() == (first / name).read_bytes()
    served = json.loads((folder / "langgraph.json").read_text("utf-8"))
    # Modules, not files: the server loads a file by itself, and would make a second masker.
    assert (served["graphs"], served["http"]) == ({"graph": "graph:graph"}, {"app": "server:app"})
    for name in ("README.md", "README.ko.md"):
        page = (folder / name).read_text("utf-8")
        assert "\npython graph.py\n" in page
        assert "\nlanggraph dev" in page
        assert f"({folder.name})" in (folder.parent / name).read_text("utf-8")


def test_a_private_agent_waits_for_a_person_and_outlives_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three processes know nothing of each other but two files, and one of them is killed."""
    script = REPOSITORY / "examples" / "private_agent" / "approval.py"
    state = tmp_path / "state"
    monkeypatch.setenv("STATE_FOLDER", str(state))
    command = [sys.executable, str(script)]
    with subprocess.Popen(
        [*command, "ask"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        until_it_waits = list(iter(process.stdout.readline, "the agent waits for a person\n"))
        process.kill()
    first = "".join(until_it_waits)
    assert "the person is asked      send_mail {'to': 'maria.keller@northwind.example'" in first
    assert "our mail server sent" not in first
    for answer in ("approve", "reject"):
        folder = shutil.copytree(state, tmp_path / answer)
        monkeypatch.setenv("STATE_FOLDER", str(folder))
        done = subprocess.run([*command, answer], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        sent = "our mail server sent     to maria.keller@northwind.example: Dear customer, we have"
        assert (sent in done.stdout) == (answer == "approve")
        assert done.stdout.count("the person reads         I wrote") == 1
        assert "maria.keller@northwind.example" in done.stdout
        said = (first + done.stdout).splitlines()
        read = [line for line in said if "the cloud model reads" in line]
        assert len(read) >= 3
        for value in ("maria.keller", "901820", "2027-03-31"):
            assert not any(value in line for line in read)
            for file in folder.iterdir():
                assert value.encode() not in file.read_bytes(), file.name
