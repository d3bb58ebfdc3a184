"""The peers, at the versions that `benchmarks/peers/*.txt` fix, in environments that `make` makes.

`beside` has our package and every peer that goes with it, and runs the benchmarks; what cannot be
installed beside us has an environment of its own and is asked there, in the same minutes.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(__file__).resolve().parents[1] / "peers"


def fixed(name: str) -> dict[str, str]:
    """Return the distributions that a file fixes, with their versions."""
    lines = (PEERS / f"{name}.txt").read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def python(name: str) -> Path:
    """Return the interpreter of an environment.

    Raises:
        FileNotFoundError: `make bench` did not make it yet.
    """
    found = ROOT / ".make" / "peers" / name / "bin" / "python"
    if not found.exists():
        msg = f"{found} is not there: `make bench` makes it."
        raise FileNotFoundError(msg)
    return found


def asked(name: str, script: str, question: Any) -> Any:
    """Run a script in an environment: JSON to its input, JSON from its last line."""
    done = subprocess.run(
        [python(name), "-c", script],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=True,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )
    return json.loads(done.stdout.splitlines()[-1])


def versions(*names: str) -> dict[str, str]:
    """Return the versions of distributions in this environment."""
    return {name: version(name) for name in names}


def lines(named: dict[str, str]) -> Sequence[str]:
    """Write versions for people."""
    return [f"{name} {number}" for name, number in named.items()]
