"""`langchain-privacy ledger ...`: look at what crossed, and check the record.

langchain-privacy ledger show --last 50
langchain-privacy ledger verify ledger.sqlite --key writers.pem --checkpoint kept.jsonl
"""

import argparse
import dataclasses
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from langchain_privacy.cli import write_for_owner
from langchain_privacy.cli.ledger_report import Subject, write_report
from langchain_privacy.cli.progress import working
from langchain_privacy.egress.ledger import Crossing, EgressLedger, PriceTable
from langchain_privacy.egress.ledger.chain import LedgerReport, Mark, PublicKey
from langchain_privacy.egress.ledger.ledger import home
from langchain_privacy.errors import ConfigurationError, LedgerError
from langchain_privacy.locale import language_of, said_again, say

_COLUMNS = ("no.", "time, UTC", "session", "to", "model", "out", "in", "tokens", "decision")
_NAMES = ("to", "model")
_WIDE = 100
"""Columns of a terminal from which on the year and the session have room."""
_PIPED = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "ledger",
        nargs="?",
        help="file or SQLAlchemy URL (default: ledger.sqlite in LANGCHAIN_PRIVACY_HOME)",
    )
    where.add_argument("--key", metavar="FILE", help="the writers' public key, PEM")
    where.add_argument("--prices", metavar="FILE", help="price table in the form of prices.json")
    show = acts.add_parser("show", parents=[where], help="list crossings")
    show.add_argument("--last", type=int, default=20, metavar="N", help="how many (default 20)")
    show.add_argument("--blocked", action="store_true", help="refused ones only")
    show.add_argument("--follow", action="store_true", help="go on as they arrive")
    show.add_argument(
        "--format", choices=("text", "json"), default="text", help="json: one crossing a line"
    )
    verify = acts.add_parser("verify", parents=[where], help="check hashes, order and signatures")
    report = acts.add_parser("report", parents=[where], help="write one self-contained HTML page")
    report.add_argument("-o", "--output", type=Path, default=Path("egress-report.html"))
    report.add_argument("--application", default="", metavar="NAME", help="what it is about")
    report.add_argument("--policy", default="", metavar="TEXT", help="the door's policy, in words")
    report.add_argument("--mode", default="", metavar="TEXT", help="detection, e.g. strict")
    report.add_argument(
        "--language",
        choices=("en", "ko"),
        default=language_of(os.environ),
        help="of the page; default LANGCHAIN_PRIVACY_LANG, else the locale's",
    )
    for act in (verify, report):
        act.add_argument(
            "--checkpoint", metavar="FILE", help="checkpoints that were kept elsewhere, one a line"
        )
    acts.add_parser("checkpoint", parents=[where], help="sign the present head and print that")
    acts.add_parser("key", parents=[where], help="print the public key, PEM")


def run(arguments: argparse.Namespace) -> int:
    """Do it and return the exit code: 1 when the ledger does not verify."""
    ledger = _open(arguments)
    prices = PriceTable.load(arguments.prices)
    if arguments.act == "verify":
        return _verify(ledger, arguments)
    if arguments.act == "report":
        return _report(ledger, prices, arguments)
    if arguments.act == "checkpoint":
        print(json.dumps(dataclasses.asdict(ledger.checkpoint())))
        return 0
    if arguments.act == "key":
        print(ledger.public_key.pem, end="")
        return 0
    return _show(ledger, prices, arguments)


def _open(arguments: argparse.Namespace) -> EgressLedger:
    given = arguments.ledger or str(home() / "ledger.sqlite")
    if "://" in given:
        return EgressLedger(given)
    if not Path(given).exists():
        msg = (
            f"there is no ledger at {given}; EgressLedger() keeps one there, an EgressGuard that "
            "is given none keeps its record in memory"
        )
        raise ConfigurationError(msg)
    if Path(f"{given}.key").exists():
        return EgressLedger(given)
    # A copy, on another machine: no key is made for it, which could only be mistaken for the real.
    if arguments.act != "show" and (
        arguments.key is None or arguments.act in ("checkpoint", "key")
    ):
        msg = (
            f"the signing key is not beside {given}; verify it with --key, the writers' public key"
        )
        raise ConfigurationError(msg)
    return EgressLedger(given, signing_key=Ed25519PrivateKey.generate())


def _public_key(path: str | None) -> PublicKey | None:
    if path is None:
        return None
    try:
        return PublicKey.from_pem(Path(path).read_bytes())
    except OSError as error:
        msg = f"the key cannot be read ({type(error).__name__}): {path}"
        raise ConfigurationError(msg) from None


def _checkpoints(path: str | None) -> list[Mark]:
    if path is None:
        return []
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        return [Mark(**json.loads(line)) for line in lines if line.strip()]
    except (OSError, ValueError, TypeError) as error:
        msg = f"the checkpoints cannot be read ({type(error).__name__}): {path}"
        raise ConfigurationError(msg) from None


def _verify(ledger: EgressLedger, arguments: argparse.Namespace) -> int:
    kept = _checkpoints(arguments.checkpoint)
    key = _public_key(arguments.key)
    with working(say("verifying the ledger")):
        report = ledger.verify(public_key=key, checkpoints=kept)
    sentence = "sound: {records} records, {first} to {last}"
    print(say(sentence, records=report.records, first=report.first, last=report.last))
    print(say("  head   {head}", head=report.head))
    beside = "" if arguments.key else "  " + say("(the one beside the ledger)")
    print(say("  key    {key}", key=report.key) + beside)
    sentence = "  marks  {marks} signed ones agree, {kept} of them kept elsewhere"
    print(say(sentence, marks=report.checkpoints, kept=len(kept)))
    return 0


def _report(ledger: EgressLedger, prices: PriceTable, arguments: argparse.Namespace) -> int:
    kept = _checkpoints(arguments.checkpoint)
    crossings = ledger.crossings()
    verified: LedgerReport | LedgerError
    try:
        with working(say("verifying the ledger")):
            verified = ledger.verify(public_key=_public_key(arguments.key), checkpoints=kept)
    except LedgerError as error:
        verified = error
    subject = Subject(
        application=arguments.application,
        policy=arguments.policy,
        mode=arguments.mode,
        kept=len(kept),
    )
    page = write_report(crossings, prices, verified, subject, language=arguments.language)
    try:
        write_for_owner(arguments.output, page)
    except OSError as error:
        msg = f"the report cannot be written ({type(error).__name__}): {arguments.output}"
        raise ConfigurationError(msg) from None
    refused = sum(c.decision == "blocked" for c in crossings)
    sentence = "{file}: {crossed} crossed, {refused} refused"
    crossed = len(crossings) - refused
    print(say(sentence, file=arguments.output, crossed=crossed, refused=refused))
    if isinstance(verified, LedgerReport):
        return 0
    place = " " + say("at record {number}", number=verified.record) if verified.record else ""
    why = said_again(str(verified))
    print(say("langchain-privacy: NOT SOUND{place}: {why}", place=place, why=why), file=sys.stderr)
    return 1


def _show(ledger: EgressLedger, prices: PriceTable, arguments: argparse.Namespace) -> int:
    found = [c for c in ledger.crossings() if not arguments.blocked or c.decision == "blocked"]
    shown = found[-arguments.last :] if arguments.last > 0 else []
    if arguments.format == "json":
        return _show_json(ledger, shown, arguments)
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPED)  # a program reads it, or a person who pages: whole names
    table = Table(box=None, header_style="bold", pad_edge=False)
    wide = console.width >= _WIDE
    rows = [_row(c, wide=wide) for c in shown]
    widths = _widths(rows, console.width)
    sides: list[Literal["left", "right"]] = [
        "right" if name in ("no.", "out", "in", "tokens") else "left" for name in _COLUMNS
    ]
    for name, side, width in zip(_COLUMNS, sides, widths, strict=True):
        table.add_column(say(name), justify=side, no_wrap=True, min_width=width, max_width=width)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    decisions = Counter(c.decision for c in found)
    bytes_out = sum(c.bytes_out for c in found if c.decision == "allowed")
    total = say(
        "{crossed} crossed with {bytes:,} bytes, {refused} refused; {cost}",
        crossed=decisions["allowed"],
        bytes=bytes_out,
        refused=decisions["blocked"],
        cost=_cost(found, prices),
    )
    console.print(f"\n{total}")
    if arguments.follow:
        for crossing in ledger.subscribe():
            if not arguments.blocked or crossing.decision == "blocked":
                row = _row(crossing, wide=wide)
                for name, cell, side, width in zip(_COLUMNS, row, sides, widths, strict=True):
                    cell.align(side, width if name in _NAMES else max(width, cell.cell_len))
                console.print(Text("  ").join(row), soft_wrap=True)
                sys.stdout.flush()
    return 0


def _show_json(
    ledger: EgressLedger, shown: Sequence[Crossing], arguments: argparse.Namespace
) -> int:
    arriving = ledger.subscribe() if arguments.follow else ()
    for crossing in itertools.chain(shown, arriving):
        if not arguments.blocked or crossing.decision == "blocked":
            print(json.dumps(dataclasses.asdict(crossing), ensure_ascii=False), flush=True)
    return 0


def _cost(found: Sequence[Crossing], prices: PriceTable) -> str:
    known = [c for c in found if prices.cost(c.model, c.tokens_out, c.tokens_in) is not None]
    if not known:
        return say("no price is known")
    amount = f"{prices.total(known):.4f} {prices.currency}"
    return say("{amount} at prices of {as_of}", amount=amount, as_of=prices.as_of)


def _widths(rows: Sequence[Sequence[Text]], room: int) -> list[int]:
    """Give columns what they need; on a narrow terminal names give way, not numbers."""
    cells = [
        [cell_len(say(name)), *(row[i].cell_len for row in rows)] for i, name in enumerate(_COLUMNS)
    ]
    needed = [max(column) for column in cells]
    to, model = _COLUMNS.index("to"), _COLUMNS.index("model")
    left = room - sum(needed) - 2 * (len(needed) - 1) + needed[to] + needed[model]
    # Where it went matters more than what answered.
    needed[to] = max(8, min(needed[to], left - min(needed[model], 8)))
    needed[model] = max(8, min(needed[model], left - needed[to]))
    return needed


def _row(c: Crossing, *, wide: bool) -> tuple[Text, ...]:
    tokens = "" if c.tokens_out is None else f"{c.tokens_out}+{c.tokens_in or 0}"
    received = "" if c.bytes_in is None else f"{c.bytes_in:,}"
    when = c.time[0 if wide else 5 : 16].replace("T", " ")
    decision = c.rule if c.decision == "blocked" else say(c.outcome or "open")
    session = c.session[:8] if wide else ""
    cells = (
        *(str(c.number), when, session, c.destination, c.model),
        *(f"{c.bytes_out:,}", received, tokens),
    )
    last = Text(decision or "?", "red" if c.decision == "blocked" else "")
    # Not strings, which may hold what the terminal would take for markup.
    return (*(Text(cell or "", overflow="ellipsis") for cell in cells), last)
