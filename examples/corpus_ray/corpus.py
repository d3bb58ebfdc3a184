"""A corpus is masked by many workers, with the same placeholders in all of them.

    letters ─► Ray Data ─► workers, each with a masker ─► masked letters (Parquet)
                                 └──── one StoreVault ────┘

A worker that is killed is started again by Ray and does its batch again: the vault gives the same
placeholders, so that nothing is lost and nothing is there twice. `KILL=1` kills one to show it.
"""

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports its use to its makers

import ray
from pyarrow.parquet import read_table
from stand_in import letters
from workers import BATCH, DOCUMENTS, WORKERS, check, mask_batch, new_masker

from langchain_privacy.vault import VaultKey


class Mask:
    """What each worker runs. Made once a worker, called with one batch after another."""

    def __init__(self, vault: str, kill: str | None = None) -> None:
        self.corpus = new_masker(vault).session("corpus:letters")
        self.kill = kill

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return mask_batch(self.corpus, batch, self.kill)


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


if __name__ == "__main__":
    main()
