"""What a run leaves in its process: log records, what it prints, temporary files, variables."""

import io
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from langchain_privacy.testing.texts import Text, texts, texts_of_file

_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogRecorder(logging.Handler):
    """Keeps the texts of every record, at every level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[Text] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record: its message, arguments, extra fields, exception."""
        number = f"record {record.name} {record.levelname} ({record.filename}:{record.lineno})"
        try:
            self.texts.append(Text(number, record.getMessage()))
        except Exception:  # noqa: BLE001 - arguments that do not fit: they are kept below
            self.texts.append(Text(number, str(record.msg)))
        self.texts += texts(record.args, f"{number}: args")
        extra = {k: v for k, v in vars(record).items() if k not in _USUAL}
        self.texts += texts(extra, f"{number}: extra")
        if record.exc_info and record.exc_info[1]:
            self.texts += texts(record.exc_info[1], number)


@contextmanager
def all_logs() -> Iterator[LogRecorder]:
    """Keep what is logged in the process, at DEBUG, also by loggers that do not propagate."""
    recorder, root = LogRecorder(), logging.getLogger()
    named = [x for x in root.manager.loggerDict.values() if isinstance(x, logging.Logger)]
    loggers = [root, *(logger for logger in named if not logger.propagate)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(recorder)
        logger.setLevel(logging.DEBUG)
    try:
        yield recorder
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(recorder)
            logger.setLevel(level)


class _Tee(io.TextIOBase):
    """Passes on what is printed and keeps it."""

    def __init__(self, stream: TextIO, kept: list[str]) -> None:
        self._stream = stream
        self.kept = kept

    def write(self, text: str) -> int:
        self.kept.append(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Printed:
    """What was printed to `sys.stdout` or `sys.stderr`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._kept: list[str] = []

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep what is printed; to be called anew where somebody changed the stream, as pytest."""
        before = getattr(sys, self._name)
        if isinstance(before, _Tee) and before.kept is self._kept:
            yield
            return
        tee = _Tee(before, self._kept)
        setattr(sys, self._name, tee)
        try:
            yield
        finally:
            if getattr(sys, self._name) is tee:
                setattr(sys, self._name, before)

    def lines(self) -> Iterator[Text]:
        """Yield what was printed, line by line."""
        for number, line in enumerate("".join(self._kept).splitlines(), 1):
            yield Text(f"line {number}", line)


@contextmanager
def temporary_files() -> Iterator[Path]:
    """Let temporary files of this process and its children be made in a folder of their own."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="privacy-probe-") as folder:
        tempfile.tempdir = folder
        try:
            with variables({"TMPDIR": folder, "TEMP": folder, "TMP": folder}):
                yield Path(folder)
        finally:
            tempfile.tempdir = before


def texts_of_folder(folder: Path) -> Iterator[Text]:
    """Yield the names and contents of all files below a folder."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = str(path.relative_to(folder))
        yield Text("name of a file", name)
        yield from texts_of_file(path, name)


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
