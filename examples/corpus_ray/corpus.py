"""A corpus is masked by many workers, with the same placeholders in all of them.

    letters ─► Ray Data ─► workers, each with a masker ─► masked letters (Parquet)
                                 └──── one StoreVault ────┘

A worker that is killed is started again by Ray and does its batch again: the vault gives the same
placeholders, so that nothing is lost and nothing is there twice. `KILL=1` kills one to show it.
"""

import os
import signal
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports its use to its makers

import ray
from pyarrow.parquet import read_table
from stand_in import CUSTOMERS, customer, letters

from langchain_privacy import Masker
from langchain_privacy.detection import default_detectors
from langchain_privacy.vault import StoreVault, VaultKey

DOCUMENTS = int(os.environ.get("DOCUMENTS", "400"))
WORKERS = int(os.environ.get("WORKERS", "2"))
BATCH = 50


def new_masker(vault: str) -> Masker:
    """Return a worker's masker; on several machines the vault is in PostgreSQL or Redis.

    Codes of eight characters, so that hardly one has to be lengthened. Rules only: without them
    named, a masker has the default detectors, which are slower and find names.
    """
    shared = StoreVault.sqlite(vault, VaultKey.from_environment(), code_length=8)
    return Masker(default_detectors(presidio=False), vault=shared)


class Mask:
    """What each worker runs. Made once a worker, called with one batch after another."""

    def __init__(self, vault: str, kill: str | None = None) -> None:
        self.corpus = new_masker(vault).session("corpus:letters")
        self.kill = kill

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        masked = [self.corpus.mask(text, untrusted=True) for text in batch["text"]]
        if self.kill and 100 in batch["id"] and not Path(self.kill).exists():
            Path(self.kill).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"id": batch["id"], "text": masked}


def run(documents: list[dict[str, Any]], folder: str, kill: bool) -> float:
    """Mask all documents into Parquet files; return the seconds from the first to the last."""
    arguments = (f"{folder}/vault.sqlite", f"{folder}/killed" if kill else None)
    rows = ray.data.from_items(documents, override_num_blocks=max(WORKERS, len(documents) // BATCH))
    masked = rows.map_batches(
        Mask,
        fn_constructor_args=arguments,
        batch_size=BATCH,
        compute=ray.data.ActorPoolStrategy(size=WORKERS, max_tasks_in_flight_per_actor=2),
        max_restarts=-1,  # a worker that dies comes back,
        max_task_retries=-1,  # and its batch is done again
    )
    began = time.perf_counter()
    masked.write_parquet(f"{folder}/masked")
    return time.perf_counter() - began


def main() -> None:
    os.environ.setdefault("LANGCHAIN_PRIVACY_KEY", VaultKey.generate().to_text())
    kill = bool(os.environ.get("KILL"))
    documents = letters(DOCUMENTS)
    # One more than workers, for what reads and writes the files.
    ray.init(
        num_cpus=WORKERS + 1, include_dashboard=False, log_to_driver=False, logging_level="error"
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    with TemporaryDirectory() as folder:
        try:
            seconds = run(documents, folder, kill)
        finally:
            ray.shutdown()
        found = read_table(f"{folder}/masked").to_pylist()
        print(f"{len(found)} letters by {WORKERS} workers in {seconds:.1f} s, with their start")
        if kill:
            print("  a worker was killed:", Path(f"{folder}/killed").exists())
        check(documents, found, new_masker(f"{folder}/vault.sqlite"))


def check(documents: list[dict[str, Any]], found: list[dict[str, Any]], masker: Masker) -> None:
    """Every letter is there once, holds no value, and is restored by another process: this one."""
    found.sort(key=lambda row: row["id"])
    print("  one of them:", found[0]["text"][107:190])
    assert [row["id"] for row in found] == [row["id"] for row in documents]
    kept = "".join(row["text"] for row in found)
    assert not any(value in kept for n in range(CUSTOMERS) for value in customer(n))
    corpus = masker.session("corpus:letters")
    restored = [corpus.restore(row["text"]) for row in found]
    assert restored == [row["text"] for row in documents]
    values = Counter(entry.value for entry in corpus.vault.entries())
    print(f"  {len(values)} values, {values.total()} placeholders; every letter is restored")
    assert values.total() == len(values)


if __name__ == "__main__":
    main()
