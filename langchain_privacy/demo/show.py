"""What the demo prints: at a glance first, then every byte."""

import json
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
    report = run.result["report"]
    console.print(_panel("Question", Text(run.question), "bold"))
    console.print(_sides(run))
    for number, (call, raw) in enumerate(_crossings(run), 1):
        console.print(_crossing(number, call, raw))
    console.print(_answer(run))
    found = _found(run)
    console.print(_check(run, found))
    console.print(_cost(report))
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
        row = run.text.count("\n", 0, quote["start"]) + 1
        cited = " ".join(quote["quote"].split())
        lines.append(Text(f"“{cited}”  {run.document}, line {row}", style="dim"))
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
    """Look for each private value in the bytes, as text and as JSON writes it."""
    wire = b"\n".join(run.remote.crossed)
    values = dict.fromkeys([*run.planted, *run.known])
    return [
        value
        for value in values
        if value.encode() in wire or json.dumps(value).strip('"').encode() in wire
    ]


def _check(run: Run, found: list[str]) -> Panel:
    size = sum(map(len, run.remote.crossed))
    looked = f"{len(run.planted)} planted values and " if run.planted else ""
    looked += f"{len(run.known)} that were detected"
    if found:
        text = Text(f"FOUND {len(found)} of {looked} in {size:,} bytes on the wire.", "bold red")
        return _panel("Check", text, "red")
    text = Text(f"0 of {looked} in {size:,} bytes on the wire.", style="bold green")
    return _panel("Check: did a private value cross?", text, "green")


def _cost(report: dict[str, Any]) -> Table:
    remote = report["remote"]
    table = Table(box=box.ROUNDED, expand=True)
    for column in ("", "remote tokens", "cost"):
        table.add_column(column, justify="left" if not column else "right")
    cost = report.get("cost", {})
    money = {key: f"${cost[key]:.5f}" if key in cost else "-" for key in ("remote", "baseline")}
    table.add_row("this run", f"{remote['tokens']:,}", money["remote"])
    table.add_row("sending the document whole", f"{report['baseline_tokens']:,}", money["baseline"])
    saved = report["saved_tokens"]
    word = "saved" if saved >= 0 else "more than whole"
    table.add_row(
        word,
        f"{abs(saved):,}",
        f"{report['seconds']:.1f} s, {report['local']['calls']} local calls",
    )
    return table
