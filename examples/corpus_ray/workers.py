"""What a worker does, and what is checked afterwards, whoever starts the workers."""

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

from stand_in import CUSTOMERS, customer

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


def mask_batch(corpus: Any, batch: dict[str, Any], kill: str | None) -> dict[str, Any]:
    """Mask a batch; who first gets the letter in the middle dies behind it, if one is to."""
    masked = [corpus.mask(text, untrusted=True) for text in batch["text"]]
    if kill and DOCUMENTS // 2 in batch["id"] and not Path(kill).exists():
        Path(kill).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"id": batch["id"], "text": masked}


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
