"""Run the main job once and show what each side saw.

`langchain-privacy demo` calls it, with what its command line said:

    code = run(Options(language="ko"))

Without a document of one's own it is asked about one that comes with it: a medical record or a
lease, written for it, every person and number invented.
"""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from rich.console import Console

from langchain_privacy.demo.models import Side, local_side, remote_side
from langchain_privacy.demo.show import Run, show
from langchain_privacy.egress import EgressGuard, EgressLedger
from langchain_privacy.egress.ledger.ledger import home
from langchain_privacy.errors import ConfigurationError, DocumentError
from langchain_privacy.masking import Masker, MaskingPolicy
from langchain_privacy.minions import Budget, MinionInput, create_minion_graph
from langchain_privacy.minions.nodes import EvidenceMode


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
