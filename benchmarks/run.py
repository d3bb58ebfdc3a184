"""Run the benchmarks that are published, and write `docs/measured.md` from what they found.

    make bench                        # every part that was not measured at this commit yet
    make bench ARGS="masking sql"     # these parts, measured anew
    make bench ARGS=--page            # the page and its plots alone, from what is kept

A part is a script of its own, in a process of its own. What it found is kept in
`docs/measured/figures.json` as soon as it ends, so that a run that was broken off goes on where it
stopped, and a part that was measured on another day says so on the page.
"""

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `benchmarks`, from anywhere

from benchmarks.measured import page
from benchmarks.measured.peers import ROOT
from langchain_privacy import __version__

PARTS: dict[str, list[str]] = {
    "masking": ["masking.py"],
    "conversation": ["conversation.py"],
    "strict": ["strict.py", "--prompts", "25"],
    "leaks": ["leaks.py"],
    "egress": ["egress.py", "--rounds", "30", "--runs", "5"],
    "sql": ["sql.py", "--rounds", "9"],
    "secure": ["secure.py"],
    "minions": ["minions.py", "--no-model"],
    "install": ["install.py"],
    "suites": ["suites.py"],
    "soak": ["soak.py", "--minutes", "30"],
}
"""Each part's script and arguments, in the order of the page."""
KEPT = ROOT / "docs" / "measured" / "figures.json"


def figures() -> dict[str, Any]:
    """Return what is kept, by part."""
    return dict(json.loads(KEPT.read_text("utf-8"))) if KEPT.exists() else {}


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


def measured(name: str) -> dict[str, Any]:
    """Run a part; returns its tables and when, where and on what it was measured."""
    script, *arguments = PARTS[name]
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "tables.json"
        began, load = time.monotonic(), os.getloadavg()[0]
        command = [sys.executable, str(ROOT / "benchmarks" / script), *arguments]
        subprocess.run([*command, "--json", str(into)], cwd=ROOT, check=True)
        return {
            "command": f"make bench ARGS={name}",
            "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
            "minutes": round((time.monotonic() - began) / 60, 1),
            "load": round(max(load, os.getloadavg()[0]), 1),
            "version": __version__,
            "commit": commit(),
            "machine": machine(),
            "tables": json.loads(into.read_text("utf-8")),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--again", action="store_true", help="measure every part anew")
    parser.add_argument("--page", action="store_true", help="write the page alone")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    kept = figures()
    failed = []
    for name in [] if arguments.page else arguments.parts or PARTS:
        fresh = name in kept and kept[name]["commit"] == commit()
        if fresh and not arguments.parts and not arguments.again:
            sys.stdout.write(f"== {name}: measured at this commit already\n")
            continue
        sys.stdout.write(f"== {name}\n")
        sys.stdout.flush()
        try:
            found = measured(name)
        except subprocess.CalledProcessError as error:
            failed.append(name)
            sys.stdout.write(f"== {name} ended with {error.returncode}: not on the page anew\n")
            continue
        kept = figures() | {name: found}  # another run may have ended meanwhile
        kept = {part: kept[part] for part in PARTS if part in kept}
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
        page.write(kept, ROOT / "docs", list(PARTS))
    page.write(kept, ROOT / "docs", list(PARTS))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
