"""A run of a benchmark: its command line, its tables, and when, where and on what it was made."""

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.measured.peers import ROOT
from benchmarks.measured.tables import Table, text_of
from langchain_privacy import __version__


def commit() -> str:
    """Return the commit that is checked out, shortened; empty outside of a repository."""
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def machine() -> dict[str, str]:
    """Describe the machine as far as a reader needs it to compare."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
        processor = names[0] if names else processor
    return {
        "processor": processor,
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GB",
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def record(tables: Sequence[Table], began: float, load: float) -> dict[str, Any]:
    """Return what is kept of the run of this process.

    Args:
        tables: What it found.
        began: When, by `time.monotonic()`.
        load: How many processes wanted a core then.
    """
    script = Path(sys.argv[0]).resolve()
    name = script.relative_to(ROOT) if script.is_relative_to(ROOT) else script.name
    return {
        "command": " ".join(["python", str(name), *sys.argv[1:]]),
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "minutes": round((time.monotonic() - began) / 60, 1),
        "load": round(max(load, os.getloadavg()[0]), 1),
        "version": __version__,
        "commit": commit(),
        "machine": machine(),
        "tables": [asdict(table) for table in tables],
    }


def run(
    measure: Callable[[argparse.Namespace], Sequence[Table]],
    parser: argparse.ArgumentParser,
) -> None:
    """Be the command line of a benchmark: print its tables, and write them where `--json` says."""
    parser.add_argument("--json", type=Path, help="file to write what is kept of the run to")
    arguments = parser.parse_args()
    began, load = time.monotonic(), os.getloadavg()[0]
    tables = measure(arguments)
    sys.stdout.write("\n\n".join(map(text_of, tables)) + "\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(record(tables, began, load)), "utf-8")
