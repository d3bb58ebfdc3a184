"""Databases of a test's own, to be killed and started again: PostgreSQL and plain Redis.

    with PostgresServer() as server:
        server.kill()
        server.start()

Started from their programs on a free port of this machine, with files in a folder of their own.
Root starts PostgreSQL as the user `postgres`, for it refuses to run as root.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
import redis

_PLACES = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin")


def program(name: str) -> str | None:
    """Return where a program is; Debian keeps PostgreSQL's away from the path."""
    if found := shutil.which(name):
        return found
    found_all = [path for place in _PLACES for path in Path("/").glob(f"{place[1:]}/{name}")]
    return str(max(found_all)) if found_all else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Server:
    """A server in a process of its own; its files outlive it."""

    url: str

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.port = _free_port()
        self._settings: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        """Start it, and wait until it answers; again where what was killed is not quite gone."""
        while True:
            self._process = subprocess.Popen(self._command(), **self._settings)
            while self._process.poll() is None:
                if self._answers():
                    return
                time.sleep(0.05)

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class PostgresServer(_Server):
    """PostgreSQL, which commits to the disk as it does by default."""

    def __init__(self) -> None:
        super().__init__()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
            self._settings["user"] = "postgres"
        self._settings["cwd"] = self.folder
        initdb = [str(program("initdb")), "-D", str(self.folder / "data"), "-U", "postgres"]
        subprocess.run([*initdb, "-A", "trust", "-N"], check=True, **self._settings)

    def _command(self) -> list[str]:
        data, sockets = str(self.folder / "data"), str(self.folder)
        port = str(self.port)
        return [str(program("postgres")), "-D", data, "-p", port, "-k", sockets, "-h", "127.0.0.1"]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True


class RedisServer(_Server):
    """Plain Redis that writes each command to the disk before it says that it is done."""

    def __init__(self) -> None:
        super().__init__()
        self.url = f"redis://127.0.0.1:{self.port}"

    def _command(self) -> list[str]:
        lasting = ["--appendonly", "yes", "--appendfsync", "always", "--dir", str(self.folder)]
        return [str(program("redis-server")), "--port", str(self.port), *lasting]

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, retry=None) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
