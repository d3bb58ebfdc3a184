"""What the base install adds to langgraph: size in an environment, and the time of an import.

    python benchmarks/base_install.py [--rounds 7]

Two environments are made with uv in a folder that is thrown away, at the versions of
`constraints.txt`: langgraph alone, and this checkout without extras. The import is compared with
that of the messages and runnables of langchain-core, by CPU time, in turns.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `benchmarks`, from anywhere

from benchmarks.install import imported, installed
from benchmarks.measured import peers

CORE = (
    "from langchain_core.messages import HumanMessage\n"
    "from langchain_core.runnables import RunnableLambda"
)
OURS = "from langchain_privacy import Masker"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    constraints = ["--constraint", str(peers.ROOT / "constraints.txt")]
    with tempfile.TemporaryDirectory() as folder:
        _, alone = installed(Path(folder), "langgraph", [*constraints, "langgraph"])
        python, ours = installed(Path(folder), "ours", [str(peers.ROOT)])
        print(
            f"langgraph alone {alone:.1f} MB, the base install {ours:.1f} MB: {ours - alone:+.1f}"
        )
        for statement in (CORE, OURS):
            imported(python, statement)  # compiles
        ratios = []
        for _ in range(rounds):
            nothing, core, own = (imported(python, each)[0] for each in ("pass", CORE, OURS))
            ratios.append((own - nothing) / (core - nothing))
    print(f"importing Masker / messages and runnables of langchain-core: "
          f"{statistics.median(ratios):.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
