"""`langchain-privacy ledger show|verify|report`: look at what crossed, and check the record."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from langchain_privacy.cli.report import write_report
from langchain_privacy.egress.ledger import Crossing, EgressLedger, PriceTable
from langchain_privacy.egress.ledger.signing import PublicKey
from langchain_privacy.errors import ConfigurationError, LedgerError


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
    acts.add_parser("verify", parents=[where], help="check hashes, order and signatures")
    report = acts.add_parser("report", parents=[where], help="write one self-contained HTML page")
    report.add_argument("-o", "--output", type=Path, default=Path("egress-report.html"))


def run(arguments: argparse.Namespace) -> int:
    """Do it and return the exit code: 1 when the ledger does not verify."""
    ledger = _open(arguments.ledger)
    prices = PriceTable.load(arguments.prices)
    if arguments.act == "verify":
        return _verify(ledger, arguments.key)
    if arguments.act == "report":
        crossings = ledger.crossings()
        verdict = _verdict(ledger, arguments.key)
        arguments.output.write_text(write_report(crossings, prices, verdict), encoding="utf-8")
        print(f"{arguments.output}: {len(crossings)} crossings")
        return 0 if verdict.startswith("sound") else 1
    return _show(ledger, prices, arguments)


def _open(given: str | None) -> EgressLedger:
    if given and "://" not in given and not Path(given).exists():
        msg = f"there is no ledger at {given}"
        raise ConfigurationError(msg)
    return EgressLedger(given)


def _public_key(path: str | None) -> PublicKey | None:
    if path is None:
        return None
    try:
        return PublicKey.from_pem(Path(path).read_bytes())
    except OSError as error:
        msg = f"the key cannot be read ({type(error).__name__}): {path}"
        raise ConfigurationError(msg) from None


def _verify(ledger: EgressLedger, key: str | None) -> int:
    report = ledger.verify(public_key=_public_key(key))
    print(f"sound: {report.records} records, {report.first} to {report.last}")
    print(f"  head         {report.head}")
    print(f"  checkpoints  {report.checkpoints} signed marks agree")
    print(f"  key          {report.key}")
    return 0


def _verdict(ledger: EgressLedger, key: str | None) -> str:
    try:
        report = ledger.verify(public_key=_public_key(key))
    except LedgerError as error:
        return f"NOT SOUND at record {error.record}: {error}"
    return f"sound: {report.records} records, {report.checkpoints} signed marks agree"


def _show(ledger: EgressLedger, prices: PriceTable, arguments: argparse.Namespace) -> int:
    console = Console()
    found = [c for c in ledger.crossings() if not arguments.blocked or c.decision == "blocked"]
    table = Table(box=None, header_style="bold", pad_edge=False)
    # Names give way first on a narrow terminal; numbers and decisions stay whole.
    table.add_column("no.", justify="right", min_width=4, no_wrap=True)
    table.add_column("time", min_width=11, no_wrap=True)
    room = max(8, (console.width - 64) // 2)
    table.add_column("to", no_wrap=True, overflow="ellipsis", max_width=room)
    table.add_column("model", no_wrap=True, overflow="ellipsis", max_width=room)
    for name in ("out", "in", "tokens"):
        table.add_column(name, justify="right", min_width=6, no_wrap=True)
    table.add_column("decision", min_width=17, no_wrap=True)
    for crossing in found[-arguments.last :]:
        table.add_row(*_row(crossing))
    console.print(table)
    decisions = Counter(c.decision for c in found)
    bytes_out = sum(c.bytes_out for c in found if c.decision == "allowed")
    console.print(
        f"\n{decisions['allowed']} crossed with {bytes_out:,} bytes, "
        f"{decisions['blocked']} refused; {prices.total(found):.4f} {prices.currency} "
        f"at prices of {prices.as_of}"
    )
    if arguments.follow:
        for crossing in ledger.subscribe():
            if not arguments.blocked or crossing.decision == "blocked":
                console.print("  ".join(_row(crossing)))
                sys.stdout.flush()
    return 0


def _row(c: Crossing) -> tuple[str, ...]:
    tokens = "" if c.tokens_out is None else f"{c.tokens_out}+{c.tokens_in}"
    decision = f"[red]{c.rule}[/red]" if c.decision == "blocked" else f"{c.outcome or 'open'}"
    received = "" if c.bytes_in is None else f"{c.bytes_in:,}"
    when = c.time[5:16].replace("T", " ")
    sent = f"{c.bytes_out:,}"
    return (str(c.number), when, c.destination, c.model, sent, received, tokens, decision)
