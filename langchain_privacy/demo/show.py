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
from langchain_privacy.locale import say
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
    console.print(_panel(say("Question"), Text(run.question), "bold"))
    console.print(_sides(run))
    for number, (call, raw) in enumerate(_crossings(run), 1):
        console.print(_crossing(number, call, raw))
    console.print(_answer(run))
    found = _found(run)
    console.print(_check(run, found))
    console.print(_cost(run))
    sentence = "Ledger of every crossing: [bold]{file}[/]"
    console.print(say(sentence, file=escape(str(run.ledger))), soft_wrap=True)
    return 1 if found else 0


def _panel(title: str, body: Any, style: str = "default") -> Panel:
    return Panel(
        body, title=f"[bold]{title}[/]", title_align="left", border_style=style, box=box.ROUNDED
    )


def _sides(run: Run) -> Table:
    table = Table(box=box.ROUNDED, expand=True, title=None, show_lines=False)
    table.add_column(say("Here (local)"), ratio=1)
    table.add_column(say("There (remote)"), ratio=1)
    table.add_row(f"[bold]{escape(run.local.name)}[/]", f"[bold]{escape(run.remote.name)}[/]")
    table.add_row(escape(say(run.local.about)), escape(say(run.remote.about)))
    report = run.result["report"]
    share = report["crossed"]["characters"] / max(1, len(run.text))
    sees = say(
        "saw: {characters:,} characters of {document}, real values",
        characters=len(run.text),
        document=escape(run.document),
    )
    if run.remote.model is None:
        there = say("saw: nothing")
    elif run.evidence == "none":
        there = say("saw: the masked question; nothing of the document")
    else:
        there = say(
            "saw: the masked question and {passages} masked passages ({share:.0%} of the document)",
            passages=report["crossed"]["passages"],
            share=share,
        )
    table.add_row(sees, there)
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
    what = say(purpose.get(call.get("node", ""), "sent"))
    title = say("Crossing {number}: {what}", number=number, what=what)
    sentence = "{line}   ({bytes:,} bytes with headers; the body, as sent:)"
    about = say(sentence, line=line, bytes=len(raw))
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
    sentence = "decided by this side, by quoting; judged here by {judge}"
    if report["decided_by"] == "remote":
        sentence = "decided by the remote model, from masked passages; judged here by {judge}"
    lines.append(Text(say(sentence, judge=report["local"]["judge"]), style="dim"))
    if report["errors"]:
        errors = ", ".join(report["errors"])
        lines.append(Text(say("on the way: {errors}", errors=errors), style="dim"))
    return _panel(say("Answer, with the real values"), Group(*lines), "green")


def _found(run: Run) -> list[str]:
    return values_on_wire([*run.planted, *run.known], b"\n".join(run.remote.crossed))


def _check(run: Run, found: list[str]) -> Panel:
    size = sum(map(len, run.remote.crossed))
    if not size:
        text = Text(say("Nothing crossed: no request was sent."), style="bold green")
        return _panel(say("Check: did a private value cross?"), text, "green")
    sentence = "{found} of {detected} values that were detected in {bytes:,} bytes on the wire."
    if run.planted:
        sentence = (
            "{found} of {planted} planted values and {detected} that were detected in {bytes:,} "
            "bytes on the wire."
        )
    told = say(
        sentence, found=len(found), planted=len(run.planted), detected=len(run.known), bytes=size
    )
    if found:
        return _panel(say("Check"), Text(say("FOUND {what}", what=told), "bold red"), "red")
    text = Text(told, style="bold green")
    return _panel(say("Check: did a private value cross?"), text, "green")


def _cost(run: Run) -> Group:
    report = run.result["report"]
    remote = report["remote"]
    cost = report.get("cost", {})
    prices = PriceTable.load()
    local = report["local"]
    sentence = "{seconds:.1f} s in all; local calls: {calls}"
    about = say(sentence, seconds=report["seconds"], calls=local["calls"])
    if not remote["calls"]:
        return Group(Text(say("No remote token was spent. {about}.", about=about)))
    model = run.remote.name
    table = Table(box=box.ROUNDED, expand=True)
    table.add_column("")
    table.add_column(say("remote tokens"), justify="right")
    priced = say("cost") if cost else say("at {model}'s price", model=REFERENCE)
    table.add_column(priced, justify="right")
    if not cost:
        cost = {
            "remote": prices.cost(REFERENCE, remote["input"], remote["output"]),
            "baseline": prices.cost(
                REFERENCE,
                report["baseline_tokens"] - estimate_tokens(run.result["answer"]),
                estimate_tokens(run.result["answer"]),
            ),
        }
        note = say(
            "No price known for {model}: for comparison, what as many tokens of {reference} cost "
            "by the price table of {as_of}",
            model=model,
            reference=REFERENCE,
            as_of=prices.as_of,
        )
    else:
        note = say("Prices of {as_of}", as_of=prices.as_of)
    table.add_row(say("this run"), f"{remote['tokens']:,}", f"${cost['remote']:.5f}")
    table.add_row(
        say("sending the document whole"),
        f"{report['baseline_tokens']:,}",
        f"${cost['baseline']:.5f}",
    )
    saved, money = report["saved_tokens"], cost["baseline"] - cost["remote"]
    # The two may differ in sign: tokens that come back cost more than those that go out.
    amount = f"${money if saved >= 0 else -money:.5f}".replace("$-", "-$")
    what = say("saved" if saved >= 0 else "more than whole")
    table.add_row(what, f"{abs(saved):,}", amount)
    return Group(table, Text(f"{note}. {about}.", style="dim"))
