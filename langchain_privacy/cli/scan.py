"""`langchain-privacy scan PATH|-`: find private values in files, without printing them.

git diff | langchain-privacy scan - --format json
langchain-privacy scan checkpoints.sqlite  # each value of each row, read as what LangGraph writes
"""

import argparse
import bisect
import codecs
import html
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from importlib import resources
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from langchain_privacy.cli import write_for_owner
from langchain_privacy.cli.progress import working
from langchain_privacy.detection import (
    UNTYPED,
    Finding,
    PublicWords,
    default_detectors,
    detect_all,
    made_strict,
)
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.locale import language_of, said_again, say
from langchain_privacy.masking import MaskingPolicy
from langchain_privacy.testing.texts import is_database, texts_of_rows

_SKIPPED = frozenset({".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".tox"})
_LARGEST = 64 * 1024 * 1024
TYPES = (
    "ADDRESS", "AGE", "BANK_ACCOUNT", "BIC", "BODY", "CREDIT_CARD", "CRYPTO", "CVV",
    "DATE_OF_BIRTH", "DATE_TIME", "DRIVER_LICENSE", "EMAIL", "HEALTH", "IBAN", "ID", "IP_ADDRESS",
    "KR_BRN", "KR_CRN", "KR_CUSTOMS_CODE", "KR_DRIVER_LICENSE", "KR_FRN", "KR_HEALTH_INSURANCE",
    "KR_PASSPORT", "KR_PLATE", "KR_RRN", "LOCATION", "MAC_ADDRESS", "MEDICAL_ID", "MONEY",
    "ORGANIZATION", "PASSPORT", "PERSON", "PHONE", "SECRET", "TAX_ID", "TRAIT", "UK_NINO",
    "UK_PLATE", "URL", "USERNAME", "US_ROUTING", "US_SSN", *sorted(UNTYPED),
)  # fmt: skip
"""What the detectors of this command find, the last two in strict mode; `docs/detection.md` says by
what."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = (
        "Exit code 0: nothing found; 1: something found, or a file that could not be scanned; "
        "2: wrong usage. Values are not printed, unless --show-values, --highlight or --html asks "
        "for them."
    )
    parser.add_argument("path", nargs="+", help="file, database file or folder; - for stdin")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument(
        "--min-score",
        type=_score,
        default=MaskingPolicy().threshold,
        metavar="S",
        help="default 0.4, what a masker hides",
    )
    parser.add_argument(
        "--type", action="append", metavar="TYPE", choices=TYPES, help="only these types"
    )
    parser.add_argument("--language", help="ISO 639-1 code; default: unknown or mixed")
    parser.add_argument(
        "--encoding",
        type=_encoding,
        default="utf-8",
        help="of files; default utf-8, or UTF-16 by its mark",
    )
    parser.add_argument("--show-values", action="store_true", help="print the values themselves")
    parser.add_argument(
        "--strict", action="store_true", help="find everything that is not known to be public"
    )
    parser.add_argument(
        "--public",
        action="append",
        default=[],
        metavar="FILE",
        help="with --strict: a text that the application wrote itself, such as a system prompt",
    )
    parser.add_argument(
        "--highlight", action="store_true", help="print the texts with what is private marked"
    )
    parser.add_argument(
        "--html", metavar="FILE", help="write a page: the text beside what would cross of it"
    )


def run(arguments: argparse.Namespace) -> int:
    """Scan and return the exit code."""
    if arguments.public and not arguments.strict:
        raise ConfigurationError("--public belongs to --strict, which asks what is public")
    public = [_read(Path(name), arguments.encoding) for name in arguments.public]
    detectors = default_detectors()
    if arguments.strict:
        detectors = made_strict(detectors, public=PublicWords(public))
    views = []
    found: list[dict[str, Any]] = []
    unread: list[dict[str, str]] = []
    read = 0
    others: Counter[str] = Counter()
    sources = list(_sources(arguments.path))
    # Texts that are printed come between: they are what one watches then.
    quiet = nullcontext(lambda: None)
    with quiet if arguments.highlight else working(say("scanning"), len(sources)) as advance:
        for name, text in _texts(sources, arguments.encoding, advance):
            if isinstance(text, _NotReadError):
                unread.append({"path": name, "reason": str(text)})
                continue
            read += 1
            lines = [0, *(match.end() for match in re.finditer("\n", text))]
            findings = []
            for f in detect_all(text, detectors, language=arguments.language):
                if f.score < arguments.min_score:
                    continue
                if not arguments.type or f.entity_type in arguments.type:
                    findings.append(f)
                else:
                    others[f.entity_type] += 1
            found += [_described(name, text, lines, f, arguments.show_values) for f in findings]
            if arguments.highlight:
                Console().print(highlighted(text, findings))
            if arguments.html:
                views.append((name, text, findings))
    if others and not found:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(others.items()))
        sentence = "langchain-privacy: of other types than --type asks for: {kinds}"
        print(say(sentence, kinds=kinds), file=sys.stderr)
    if arguments.html:
        write_for_owner(Path(arguments.html), view_page(views))
    if arguments.highlight:
        return 1 if found or unread else 0
    if arguments.format == "json":
        print(json.dumps({"findings": found, "not_scanned": unread}, ensure_ascii=False, indent=1))
    else:
        _table(found, unread, read)
    return 1 if found or unread else 0


def _texts(
    sources: Sequence[tuple[str, Path | None]], encoding: str, advance: Callable[[], None]
) -> Iterator[tuple[str, "str | _NotReadError"]]:
    """Yield texts with where they stand: of a file the whole, of a SQLite file each value."""
    for name, source in sources:
        try:
            if source is not None and _is_database(source):
                yield from texts_of_rows(source, name)
            else:
                yield name, _read(source, encoding)
        except _NotReadError as error:
            yield name, error
        advance()


def _is_database(source: Path) -> bool:
    try:
        with source.open("rb") as file:
            return is_database(file.read(16))
    except OSError:
        return False  # the reader says why


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


class _NotReadError(Exception):
    """Says why a file was not scanned."""


def _read(source: Path | None, encoding: str) -> str:
    try:
        if source is not None and source.stat().st_size > _LARGEST:
            raise _NotReadError("larger than 64 MiB")
        data = sys.stdin.buffer.read() if source is None else source.read_bytes()
    except OSError as error:
        raise _NotReadError(f"cannot be read: {type(error).__name__}") from None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in data[:8192]:
        raise _NotReadError("binary")
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeError:
        raise _NotReadError(f"not in {encoding}; name another with --encoding") from None


def _encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        msg = f"{name} is no encoding"
        raise argparse.ArgumentTypeError(msg) from None


def _score(written: str) -> float:
    score = float(written)
    if not 0 <= score <= 1:
        msg = "a score is between 0 and 1"
        raise argparse.ArgumentTypeError(msg)
    return score


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


def _table(found: list[dict[str, Any]], unread: list[dict[str, str]], read: int) -> None:
    console = Console()
    if found:
        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column(say("where"), overflow="fold")
        for name in ("type", "score", "detector", *(("value",) if "value" in found[0] else ())):
            table.add_column(say(name))
        for f in found:
            where = f"{f['path']}:{f['line']}:{f['column']}"
            row = [where, f["type"], f"{f['score']:.2f}", f["detector"], f.get("value", "")]
            # Not strings, which may hold what would be taken for markup.
            table.add_row(*map(Text, row[: len(table.columns)]))
        console.print(table)
    for file in unread:
        sentence = "langchain-privacy: not scanned: {path} ({reason})"
        reason = said_again(file["reason"])
        print(say(sentence, path=file["path"], reason=reason), file=sys.stderr)
    files = len({f["path"] for f in found})
    sentence = "{count} private values in {files} of {read} files"
    if len(found) == 1:
        sentence = "1 private value in {files} of {read} files"
    print(say(sentence, count=len(found), files=files, read=read), file=sys.stderr)


# ---- One text as a person reads it: what of it is private, and what would cross
#
# `langchain-privacy scan --highlight` prints `highlighted`, `scan --html` writes `view_page`: a
# page that loads nothing and runs nothing.


View = tuple[str, str, Sequence[Finding]]
"""Name of a text, the text, and what was found in it, in order."""


def highlighted(text: str, findings: Sequence[Finding]) -> Text:
    """Return a text for the terminal, with what is private marked and named."""
    shown, at = Text(), 0
    for f in findings:
        shown.append(text[at : f.start])
        shown.append(text[f.start : f.end], "bold black on yellow")
        shown.append(f" {f.entity_type} ", "dim")
        at = f.end
    return shown.append(text[at:])


def view_page(views: Sequence[View]) -> str:
    """Return a page that shows texts beside what would cross of them."""
    page = resources.files(__package__).joinpath("view.html").read_text("utf-8")
    return (
        page.replace("<!-- language -->", language_of(os.environ))
        .replace("<!-- title -->", say("What stays and what would cross"))
        .replace("<!-- texts -->", "\n".join(_section(*view) for view in views))
    )


def _section(name: str, text: str, findings: Sequence[Finding]) -> str:
    here, crosses, at = [], [], 0
    numbers: dict[tuple[str, str], int] = {}
    for f in findings:
        between = html.escape(text[at : f.start])
        value = text[f.start : f.end]
        number = numbers.setdefault((f.entity_type, value), len(numbers) + 1)
        kind = html.escape(f.entity_type)
        reason = say("not known to be public") if f.entity_type in UNTYPED else kind
        here += [between, f'<mark title="{reason}">{html.escape(value)}</mark>']
        crosses += [between, f'<b title="{reason}">[{kind}_{number}]</b>']
        at = f.end
    here.append(html.escape(text[at:]))
    crosses.append(html.escape(text[at:]))
    hidden = sum(f.end - f.start for f in findings)
    share = f"{hidden / len(text):.1%}" if text else "0%"
    told = say("{count} private values, {share} of the text.", count=len(findings), share=share)
    stays, crossing = say("Stays here"), say("Would cross")
    return (
        f"<section><h2>{html.escape(name)}</h2>"
        f"<p>{html.escape(told)}</p>"
        f'<div class="pair"><article><h3>{stays}</h3><pre>{"".join(here)}</pre></article>'
        f"<article><h3>{crossing}</h3><pre>{''.join(crosses)}</pre></article></div>"
        "</section>"
    )
