"""The demo on the command line: the main job, run once, and what each side saw of it.

What it prints: at a glance first, then every byte, then whether a private value crossed.

`run` hands over all that is shown as a `Run`:

    code = show(done, Console())  # 1 when a private value was found on the wire
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from langchain_privacy.demo.models import Side, local_side, remote_side
from langchain_privacy.egress import EgressGuard, EgressLedger, PriceTable
from langchain_privacy.egress.ledger.ledger import home
from langchain_privacy.errors import ConfigurationError, DocumentError
from langchain_privacy.locale import say
from langchain_privacy.masking import Masker, MaskingPolicy
from langchain_privacy.minions import Budget, MinionInput, create_minion_graph
from langchain_privacy.minions.nodes import EvidenceMode
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


# ---- Whether a private value stands in bytes that crossed: the check that ends every demo
#
# It looks for the values themselves, as text and as JSON writes them; the guard at the door looks
# for more (`egress.examine`).


def values_on_wire(values: Iterable[str], wire: bytes) -> list[str]:
    """Return those of the values that stand in the bytes, each once."""
    return [
        value
        for value in dict.fromkeys(values)
        if value.encode() in wire or json.dumps(value).strip('"').encode() in wire
    ]


# ---- Run the main job once and show what each side saw
#
# `langchain-privacy demo` calls it, with what its command line said. Without a document of one's
# own it is asked about one that comes with it: a medical record or a lease, written for it, every
# person and number invented.


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line said.

    Attributes:
        document: A file of one's own; the bundled document when `None`.
        question: A question about it.
        language: `"en"` or `"ko"`: which bundled document.
        evidence: What the remote side may see.
        local_only: Whether nothing may cross.
        large: Whether both sides are the larger embedded model.
        private: Values that are private beside what is detected.
        ledger: Where the ledger lies.
        width: Columns of the output; the terminal's when `None`.
    """

    document: Path | None = None
    question: str | None = None
    language: str = "en"
    evidence: EvidenceMode = "masked"
    local_only: bool = False
    large: bool = False
    private: Sequence[str] = ()
    ledger: Path | None = None
    width: int | None = None


def run(
    options: Options, working: Callable[[], AbstractContextManager[object]] = nullcontext
) -> int:
    """Run the demo; returns 0, or 1 when a private value was found on the wire.

    Args:
        options: What the command line said.
        working: What is open while the models work, such as a line of progress.

    Raises:
        PrivacyError: Something is missing or does not work; its message says what to do.
    """
    name, source, question, planted = _chosen(options)
    ledger_path = options.ledger or home() / "ledger.sqlite"
    policy = MaskingPolicy(private={"PRIVATE": frozenset(options.private)})
    masker = Masker(policy=policy)
    ledger = EgressLedger(ledger_path)
    guard = EgressGuard(masker, ledger=ledger)
    with ExitStack() as running:
        local = running.enter_context(local_side(large=options.large))
        remote = Side(None, "none", "--local-only: nothing may cross")
        if not options.local_only:
            remote = running.enter_context(remote_side(large=options.large))
        graph = create_minion_graph(
            local.model,
            remote.model,
            masker=masker,
            guard=guard,
            evidence=options.evidence,
            # A larger model on a busy machine takes its time.
            budget=Budget(call_seconds=600, seconds=3_600) if options.large else None,
        )
        thread = f"demo-{os.urandom(8).hex()}"
        asked: MinionInput = {"task": question, "documents": [source]}
        with working():
            result = graph.invoke(asked, {"configurable": {"thread_id": thread}})
        session = masker.session(thread)
        text = session.vault.documents.get(session.vault.documents.refs()[0])
        done = Run(
            document=name,
            text=text,
            question=question,
            planted=planted,
            known=[entry.value for entry in session.vault.entries()],
            local=local,
            remote=remote,
            result=dict(result),
            ledger=ledger_path,
            evidence=options.evidence,
        )
        ledger.verify()
    return show(done, Console(width=options.width, highlight=False))


@dataclass(frozen=True, kw_only=True)
class Bundled:
    """A document, a question about it, and the private values that were planted in it."""

    name: str
    text: str = field(repr=False)
    question: str
    planted: list[str] = field(repr=False)


def bundled(language: str) -> Bundled:
    """Return the demo's document in `"en"` (a medical record) or `"ko"` (a lease).

    `"long"` is a long one: a Korean franchise contract.
    """
    folder = resources.files(__package__) / "documents"
    about = json.loads((folder / "bundled.json").read_text(encoding="utf-8"))[language]
    return Bundled(
        name=about["file"],
        text=(folder / about["file"]).read_text(encoding="utf-8"),
        question=about["question"],
        planted=about["planted"],
    )


def _chosen(options: Options) -> tuple[str, str | Path, str, list[str]]:
    """Return the document's name, what is read, the question, and the values planted in it."""
    if options.document is None:
        document = bundled(options.language)
        return document.name, document.text, options.question or document.question, document.planted
    if not options.question:
        msg = "Ask something about your document: --question TEXT"
        raise ConfigurationError(msg)
    if not options.document.is_file():
        msg = "There is no such file; check the path after --document."
        raise DocumentError(msg)
    return options.document.name, options.document, options.question, []
