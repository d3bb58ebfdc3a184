"""`langchain-privacy scan PATH|-`: find private values in files, without printing them."""

import argparse
import bisect
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from langchain_privacy.detection import Detector, Finding, default_detectors, detect_all
from langchain_privacy.errors import ConfigurationError

_SKIPPED = frozenset({".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".tox"})
_LARGEST = 64 * 1024 * 1024
_BLOCK = 200_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = (
        "Exit code 0: nothing found; 1: something found, or a file that could not be scanned; "
        "2: wrong usage. Values are not printed, unless --show-values is given."
    )
    parser.add_argument("path", nargs="+", help="file or folder; - for standard input")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--min-score", type=float, default=0.5, metavar="S", help="default 0.5")
    parser.add_argument("--type", action="append", metavar="TYPE", help="only these types")
    parser.add_argument("--language", help="ISO 639-1 code; default: unknown or mixed")
    parser.add_argument("--show-values", action="store_true", help="print the values themselves")


def run(arguments: argparse.Namespace) -> int:
    """Scan and return the exit code."""
    detectors = default_detectors()
    found: list[dict[str, Any]] = []
    unread: list[dict[str, str]] = []
    for name, source in _sources(arguments.path):
        text = _read(source)
        if text is None:
            unread.append({"path": name, "reason": "binary, unreadable or larger than 64 MiB"})
            continue
        lines = [0, *(match.end() for match in re.finditer("\n", text))]
        found += [
            _described(name, text, lines, finding, arguments.show_values)
            for finding in _findings(text, detectors, arguments)
        ]
    if arguments.format == "json":
        print(json.dumps({"findings": found, "not_scanned": unread}, ensure_ascii=False, indent=1))
    else:
        _table(found, unread)
    return 1 if found or unread else 0


def _sources(paths: Sequence[str]) -> Iterator[tuple[str, Path | None]]:
    for given in paths:
        path = Path(given)
        if given == "-":
            yield "-", None
        elif path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.is_file() and not _SKIPPED.intersection(file.parts):
                    yield str(file), file
        elif path.exists():
            yield given, path
        else:
            msg = f"there is no file or folder {given}"
            raise ConfigurationError(msg)


def _read(source: Path | None) -> str | None:
    try:
        if source is not None and source.stat().st_size > _LARGEST:
            return None
        data = sys.stdin.buffer.read() if source is None else source.read_bytes()
        if b"\0" in data[:8192]:
            return None
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None


def _findings(
    text: str, detectors: Sequence[Detector], arguments: argparse.Namespace
) -> Iterator[Finding]:
    """Yield findings in order; a large text goes in blocks that end at line ends."""
    at = 0
    while at < len(text):
        end = at + _BLOCK
        if end < len(text):
            end = text.find("\n", end) + 1 or len(text)
        for f in detect_all(text[at:end], detectors, language=arguments.language):
            kept = f.score >= arguments.min_score
            if kept and (not arguments.type or f.entity_type in arguments.type):
                yield Finding(
                    start=f.start + at,
                    end=f.end + at,
                    entity_type=f.entity_type,
                    score=f.score,
                    detector=f.detector,
                )
        at = end


def _described(
    name: str, text: str, lines: list[int], finding: Finding, show: bool
) -> dict[str, Any]:
    line = bisect.bisect_right(lines, finding.start)
    column = finding.start - lines[line - 1] + 1
    described: dict[str, Any] = {
        "path": name,
        "line": line,
        "column": column,
        "length": finding.end - finding.start,
        "type": finding.entity_type,
        "score": round(finding.score, 2),
        "detector": finding.detector,
    }
    if show:
        described["value"] = text[finding.start : finding.end]
    return described


def _table(found: list[dict[str, Any]], unread: list[dict[str, str]]) -> None:
    console = Console()
    if found:
        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column("where", overflow="fold")
        for name in ("type", "score", "detector", *(("value",) if "value" in found[0] else ())):
            table.add_column(name)
        for f in found:
            where = f"{f['path']}:{f['line']}:{f['column']}"
            row = [where, f["type"], f"{f['score']:.2f}", f["detector"], f.get("value", "")]
            table.add_row(*row[: len(table.columns)])
        console.print(table)
    for file in unread:
        print(f"langchain-privacy: not scanned: {file['path']} ({file['reason']})", file=sys.stderr)
    files = len({f["path"] for f in found})
    print(f"{len(found)} private values in {files} files", file=sys.stderr)
