"""The same corpus masked by Dask's workers: the same placeholders, the same restart.

    letters ─► batches ─► Dask's workers, each with a masker ─► masked letters
                                  └──── one StoreVault ────┘

Dask's nanny starts a killed worker again, and its batch is done again by whoever is free.
"""

import os
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from distributed import Client, LocalCluster
from stand_in import letters
from workers import BATCH, DOCUMENTS, WORKERS, check, mask_batch, new_masker

from langchain_privacy.vault import VaultKey


@cache
def corpus(vault: str) -> Any:
    """Open the corpus once a worker."""
    return new_masker(vault).session("corpus:letters")


def mask(batch: list[dict[str, Any]], vault: str, kill: str | None) -> list[dict[str, Any]]:
    """What each worker runs."""
    columns = {name: [row[name] for row in batch] for name in ("id", "text")}
    masked = mask_batch(corpus(vault), columns, kill)
    return [{"id": i, "text": t} for i, t in zip(masked["id"], masked["text"], strict=True)]


def main() -> None:
    os.environ.setdefault("LANGCHAIN_PRIVACY_KEY", VaultKey.generate().to_text())
    documents = letters(DOCUMENTS)
    batches = [documents[at : at + BATCH] for at in range(0, len(documents), BATCH)]
    with TemporaryDirectory() as folder:
        vault = f"{folder}/vault.sqlite"
        new_masker(vault)  # makes the file before workers ask for it
        kill = f"{folder}/killed" if os.environ.get("KILL") else None
        settings = {"n_workers": WORKERS, "threads_per_worker": 1, "dashboard_address": None}
        with LocalCluster(**settings) as cluster, Client(cluster) as client:
            began = time.perf_counter()
            futures = client.map(mask, batches, vault=vault, kill=kill, pure=False)
            found = [row for batch in client.gather(futures) for row in batch]
            seconds = time.perf_counter() - began
        print(f"{len(found)} letters by {WORKERS} workers of Dask in {seconds:.1f} s")
        if kill:
            print("  a worker was killed:", Path(kill).exists())
        check(documents, found, new_masker(vault))


if __name__ == "__main__":
    main()
