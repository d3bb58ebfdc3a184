"""What installing and importing costs: us and the peers, each alone in an environment.

    python benchmarks/install.py [--rounds 7]

Environments are made with uv in a folder that is thrown away, ours from this checkout without
extras and with those of masking. The size is that of `site-packages` without pip and uv. The import
is that of a first program: CPU time and peak memory of a process that imports what its guide
imports, minus those of a process that imports nothing, in turns.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `benchmarks`, from anywhere

from benchmarks.measured import peers
from benchmarks.measured.record import run
from benchmarks.measured.tables import Plot, Table

OURS = {
    "ours": ("", "from langchain_privacy import Masker, private"),
    "ours[agents]": ("[agents]", "from langchain_privacy import create_private_agent"),
    "ours[agents,presidio]": ("[agents,presidio]", "from langchain_privacy import Masker, private"),
    "ours[sql]": ("[sql]", "from langchain_privacy import create_private_sql_graph"),
}
IMPORTS = {
    "langchain": "from langchain.agents.middleware import PIIMiddleware",
    "presidio-analyzer": "from presidio_analyzer import AnalyzerEngine",
    "presidio-anonymizer": "from presidio_anonymizer import AnonymizerEngine",
    "piighost": "from piighost.pipeline import ThreadAnonymizationPipeline",
    "agent-sql-guard": "from sql_guard import SqlGuard",
}
MEASURE = """
import json, resource, time
{}
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


def installed(folder: Path, name: str, what: list[str]) -> tuple[Path, float]:
    """Make an environment; returns its interpreter and its size in MB."""
    uv = [sys.executable, "-m", "uv"]
    place = folder / name
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(place)], check=True)
    interpreter = place / "bin" / "python"
    command = [*uv, "pip", "install", "--quiet", "--python", str(interpreter)]
    constraints = ["--constraint", str(peers.ROOT / "constraints.txt")] if "ours" in name else []
    subprocess.run([*command, *constraints, *what], check=True)
    [packages] = place.glob("lib/python*/site-packages")
    return interpreter, sum(f.stat().st_size for f in packages.rglob("*") if f.is_file()) / 1e6


def imported(interpreter: Path, statement: str) -> tuple[float, float]:
    """Import in a process of its own; returns its CPU seconds and the peak of its memory in MB."""
    done = subprocess.run(
        [interpreter, "-c", MEASURE.format(statement)],
        capture_output=True,
        text=True,
        check=True,
        env={},
    )
    seconds, memory = json.loads(done.stdout.splitlines()[-1])
    return seconds, memory


def costs(rounds: int) -> Table:
    fixed = peers.fixed("install")
    wanted = {name: ([f"{peers.ROOT}{extra}"], how) for name, (extra, how) in OURS.items()}
    wanted |= {name: ([f"{name}=={v}"], IMPORTS[name]) for name, v in fixed.items()}
    sizes, times, memories = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        made = {}
        for name, (what, _) in wanted.items():
            made[name], sizes[name] = installed(Path(folder), name, what)
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in wanted}
        for name, (_, statement) in wanted.items():
            imported(made[name], statement)  # compiles
        for _ in range(rounds):
            for name, (_, statement) in wanted.items():
                nothing, base = imported(made[name], "pass")
                seconds, memory = imported(made[name], statement)
                found[name].append((seconds - nothing, memory - base))
        for name, of in found.items():
            times[name] = statistics.median(seconds for seconds, _ in of)
            memories[name] = statistics.median(memory for _, memory in of)
    rows = [
        [
            name,
            f"{sizes[name]:.0f} MB",
            f"{times[name]:.2f} s",
            f"{memories[name]:.0f} MB",
            f"`{statement}`",
        ]
        for name, (_, statement) in wanted.items()
    ]
    return Table(
        name="install",
        title="Installing and importing",
        columns=["alone in an environment", "size", "import, CPU", "import, memory", "statement"],
        rows=rows,
        ratio=f"Ours / presidio-analyzer: size {sizes['ours'] / sizes['presidio-analyzer']:.2f}, "
        f"import {times['ours'] / times['presidio-analyzer']:.2f}; ours with agents / langchain: "
        f"size {sizes['ours[agents]'] / sizes['langchain']:.2f}, import "
        f"{times['ours[agents]'] / times['langchain']:.2f}.",
        how="Ours is installed from this checkout at the versions of `constraints.txt`. Models are "
        "not in these sizes: Presidio needs one of spaCy's (13 MB and more), piighost a detector.",
        not_measured="`[all]` with its models; a first import, which compiles; other systems.",
        versions=fixed,
        plot=Plot(
            "bars", "Installed size", "", "MB in site-packages",
            {name: [(0.0, size)] for name, size in sizes.items()},
        ),
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    run(lambda arguments: [costs(arguments.rounds)], parser)
