"""Run the benchmarks that are published, and write `docs/measured.md` from what they found.

    make bench                        # every part that was not measured at this commit yet
    make bench ARGS="masking sql"     # these parts, measured anew
    make bench ARGS=--page            # the page and its plots alone, from what is kept
    make bench ARGS="soak --take soak.json"   # a part that `soak.py --json soak.json` has measured

A part is a script of its own, in a process of its own. What it found is kept in
`docs/measured/figures.json` as soon as it ends, so that a run that was broken off goes on where it
stopped, and a part that was measured on another day says so on the page.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `benchmarks`, from anywhere

from benchmarks.measured import page
from benchmarks.measured.peers import ROOT
from benchmarks.measured.record import commit

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


def measured(name: str) -> dict[str, Any]:
    """Run a part; returns what is kept of it."""
    script, *arguments = PARTS[name]
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "record.json"
        command = [sys.executable, str(ROOT / "benchmarks" / script), *arguments]
        subprocess.run([*command, "--json", str(into)], cwd=ROOT, check=True)
        return taken(into) | {"command": f"make bench ARGS={name}"}


def taken(file: Path) -> dict[str, Any]:
    """Return what a script that was run by itself wrote to the file of its `--json`."""
    return dict(json.loads(file.read_text("utf-8")))


def keep(name: str, found: dict[str, Any]) -> None:
    """Put a part among what is kept, and write the page."""
    kept = figures() | {name: found}  # another run may have ended meanwhile
    kept = {part: kept[part] for part in PARTS if part in kept}
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
    page.write(kept, ROOT / "docs", list(PARTS))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--again", action="store_true", help="measure every part anew")
    parser.add_argument("--page", action="store_true", help="write the page alone")
    parser.add_argument("--take", type=Path, metavar="FILE", help="of the one part named")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if arguments.take:
        if len(arguments.parts) != 1:
            parser.error("--take is the file of one part, which is named")
        keep(arguments.parts[0], taken(arguments.take))
        return 0
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
        keep(name, found)
    page.write(figures(), ROOT / "docs", list(PARTS))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
