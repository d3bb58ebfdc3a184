"""What the demo prints: at a glance first, then every byte, then whether a private value crossed.

`run` hands over all that is shown as a `Run`:

    code = show(done, Console())  # 1 when a private value was found on the wire
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from langchain_privacy.demo.models import Side
from langchain_privacy.demo.wire import values_on_wire
from langchain_privacy.egress import PriceTable
from langchain_privacy.minions.state import estimate_tokens

REFERENCE = "gpt-4o"
"""The model whose price is shown, and named, where the remote model has none."""


@dataclass(kw_only=True)
class Run:
    """All that is shown."""

    document: str
    text: str = field(repr=False)
    question: str = field(repr=False)
    planted: list[str] = field(repr=False)
    known: list[str] = field(repr=False)
    local: Side
    remote: Side
    result: dict[str, Any] = field(repr=False)
    ledger: Path
    evidence: str


def show(run: Run, console: Console) -> int:
    """Print a run; returns 1 when a private value was found in the bytes that crossed."""
    console.print(_panel("Question", Text(run.question), "bold"))
    console.print(_sides(run))
    for number, (call, raw) in enumerate(_crossings(run), 1):
        console.print(_crossing(number, call, raw))
    console.print(_answer(run))
    found = _found(run)
    console.print(_check(run, found))
    console.print(_cost(run))
    console.print(f"Ledger of every crossing: [bold]{escape(str(run.ledger))}[/]", soft_wrap=True)
    return 1 if found else 0


def _panel(title: str, body: Any, style: str = "default") -> Panel:
    return Panel(
        body, title=f"[bold]{title}[/]", title_align="left", border_style=style, box=box.ROUNDED
    )


def _sides(run: Run) -> Table:
    table = Table(box=box.ROUNDED, expand=True, title=None, show_lines=False)
    table.add_column("Here (local)", ratio=1)
    table.add_column("There (remote)", ratio=1)
    table.add_row(f"[bold]{escape(run.local.name)}[/]", f"[bold]{escape(run.remote.name)}[/]")
    table.add_row(escape(run.local.about), escape(run.remote.about))
    report = run.result["report"]
    share = report["crossed"]["characters"] / max(1, len(run.text))
    sees = f"{len(run.text):,} characters of {escape(run.document)}, real values"
    if run.remote.model is None:
        there = "nothing"
    elif run.evidence == "none":
        there = "the masked question; nothing of the document"
    else:
        there = (
            f"the masked question and {report['crossed']['passages']} masked passages "
            f"({share:.0%} of the document)"
        )
    table.add_row(f"saw: {sees}", f"saw: {there}")
    return table


def _crossings(run: Run) -> list[tuple[dict[str, Any], bytes]]:
    calls = [call for call in run.result["report"]["calls"] if call["side"] == "remote"]
    padded = [*calls, *[{}] * len(run.remote.crossed)]
    return list(zip(padded, run.remote.crossed, strict=False))


def _crossing(number: int, call: dict[str, Any], raw: bytes) -> Panel:
    head, _, body = raw.partition(b"\r\n\r\n")
    if not body:
        head, _, body = raw.partition(b"\n\n")
    line = head.split(b"\r\n")[0].split(b"\n")[0].decode("latin-1")
    purpose = {"plan": "what to look for", "reason": "what the passages say"}
    title = f"Crossing {number}: {purpose.get(call.get('node', ''), 'sent')}"
    about = f"{line}   ({len(raw):,} bytes with headers; the body, as sent:)"
    return _panel(
        title,
        Group(Text(about, style="dim"), Text(body.decode("utf-8", "replace"))),
        "yellow",
    )


def _answer(run: Run) -> Panel:
    lines: list[Any] = [Text(run.result["answer"], style="bold")]
    for quote in run.result["evidence"]:
        cited = " ".join(quote["quote"].split())
        lines.append(Text(f"“{cited}”  {run.document}, {quote['where']}", style="dim"))
    report = run.result["report"]
    who = (
        "the remote model, from masked passages"
        if report["decided_by"] == "remote"
        else ("this side, by quoting")
    )
    lines.append(Text(f"decided by {who}; judged here by {report['local']['judge']}", style="dim"))
    if report["errors"]:
        lines.append(Text("on the way: " + ", ".join(report["errors"]), style="dim"))
    return _panel("Answer, with the real values", Group(*lines), "green")


def _found(run: Run) -> list[str]:
    return values_on_wire([*run.planted, *run.known], b"\n".join(run.remote.crossed))


def _check(run: Run, found: list[str]) -> Panel:
    size = sum(map(len, run.remote.crossed))
    if not size:
        text = Text("Nothing crossed: no request was sent.", style="bold green")
        return _panel("Check: did a private value cross?", text, "green")
    looked = f"{len(run.planted)} planted values and " if run.planted else ""
    looked += f"{len(run.known)} that were detected"
    if found:
        text = Text(f"FOUND {len(found)} of {looked} in {size:,} bytes on the wire.", "bold red")
        return _panel("Check", text, "red")
    text = Text(f"0 of {looked} in {size:,} bytes on the wire.", style="bold green")
    return _panel("Check: did a private value cross?", text, "green")


def _cost(run: Run) -> Group:
    report = run.result["report"]
    remote = report["remote"]
    cost = report.get("cost", {})
    prices = PriceTable.load()
    local = report["local"]
    about = f"{report['seconds']:.1f} s in all; local calls: {local['calls']}"
    if not remote["calls"]:
        return Group(Text(f"No remote token was spent. {about}."))
    model = run.remote.name
    table = Table(box=box.ROUNDED, expand=True)
    table.add_column("")
    table.add_column("remote tokens", justify="right")
    table.add_column("cost" if cost else f"at {REFERENCE}'s price", justify="right")
    if not cost:
        cost = {
            "remote": prices.cost(REFERENCE, remote["input"], remote["output"]),
            "baseline": prices.cost(
                REFERENCE,
                report["baseline_tokens"] - estimate_tokens(run.result["answer"]),
                estimate_tokens(run.result["answer"]),
            ),
        }
        note = (
            f"No price known for {model}: for comparison, what as many tokens of {REFERENCE} "
            f"cost by the price table of {prices.as_of}"
        )
    else:
        note = f"Prices of {prices.as_of}"
    table.add_row("this run", f"{remote['tokens']:,}", f"${cost['remote']:.5f}")
    table.add_row(
        "sending the document whole", f"{report['baseline_tokens']:,}", f"${cost['baseline']:.5f}"
    )
    saved, money = report["saved_tokens"], cost["baseline"] - cost["remote"]
    # The two may differ in sign: tokens that come back cost more than those that go out.
    amount = f"${money if saved >= 0 else -money:.5f}".replace("$-", "-$")
    table.add_row("saved" if saved >= 0 else "more than whole", f"{abs(saved):,}", amount)
    return Group(table, Text(f"{note}. {about}.", style="dim"))
