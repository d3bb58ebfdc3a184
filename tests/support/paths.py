"""Where test data lies that is not part of the project."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def _shared(folder: str, name: str) -> Path:
    path = REPOSITORY.parent / "shared" / folder / name
    if not path.exists():
        pytest.skip(f"test data ../shared/{folder}/{name} is not here")
    return path


def shared_data(name: str) -> Path:
    """Return a file of `../shared/data`, or skip the test."""
    return _shared("data", name)


def shared_vectors(name: str) -> Path:
    """Return a file or folder of `../shared/attestation-vectors`, or skip the test."""
    return _shared("attestation-vectors", name)
