"""`kill -9` at random moments while four processes append: nothing acknowledged is lost."""

import multiprocessing
import random
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from langchain_privacy.egress import EgressLedger
from tests.integration_tests.writer_process import write

WRITERS = 4
# Real processes, each with connections of its own; forked, so that none waits for its imports.
PROCESSES = multiprocessing.get_context("fork")


def kill_at_random(url: str, folder: Path, kills: int) -> int:
    """Run four writers, kill one at a time and start another; return what was acknowledged."""
    chance = random.Random(4)
    said: list[Path] = []
    running: list[tuple[BaseProcess, Path]] = []

    def another() -> None:
        mark = f"w{len(said)}"
        path = folder / f"{mark}.txt"
        path.touch()
        process = PROCESSES.Process(target=write, args=(url, str(path), mark), daemon=True)
        process.start()
        said.append(path)
        running.append((process, path))

    for _ in range(WRITERS):
        another()
    killed = 0
    try:
        while killed < kills:
            process, path = chance.choice(running)
            assert process.is_alive(), "a writer ended by itself"
            if path.stat().st_size == 0:  # it has not begun: a kill would prove nothing
                time.sleep(0.02)
                continue
            time.sleep(chance.random() * 0.05)
            process.kill()
            process.join()
            running.remove((process, path))
            killed += 1
            another()
    finally:
        for process, _ in running:
            process.kill()
            process.join()
    ledger = EgressLedger(url)
    report = ledger.verify()
    recorded = {row["seq"]: row["purpose"] for row in ledger.rows()}
    acknowledged = [line.split() for path in said for line in path.read_text().splitlines()]
    for number, purpose in acknowledged:
        assert recorded[int(number)] == purpose
    # A record whose acknowledgement was cut off may be there too: at most one for each kill.
    assert 0 <= report.records - len(acknowledged) <= len(said)
    return len(acknowledged)


def test_a_few_kills(tmp_path: Path) -> None:
    assert kill_at_random(str(tmp_path / "ledger.sqlite"), tmp_path, 6) > 0


@pytest.mark.slow
def test_two_hundred_kills(tmp_path: Path) -> None:
    acknowledged = kill_at_random(str(tmp_path / "ledger.sqlite"), tmp_path, 200)
    print(f"\n200 kills, {acknowledged} acknowledged records, all there; verified")
