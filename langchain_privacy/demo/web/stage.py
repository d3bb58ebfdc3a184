"""The stage of a scenario: a masker, a door with a ledger, and all that the page is told of them.

A scenario does its work with the package's own parts and shows it here:

```python
with Stage(run, asked, models) as stage:
    stage.show_document("record.md", text)
    graph = create_minion_graph(local, remote, masker=stage.masker, guard=stage.guard)
    result = stage.drive(graph, {"task": task, "documents": [text]})
    stage.answer(result["answer"])
```

What the page shows of the door and of what crossed are rows of the ledger, as they are written, and
the bytes of HTTP requests, as they are sent.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from langchain_privacy.demo.show import REFERENCE, values_on_wire
from langchain_privacy.demo.web.models import Chosen, Models
from langchain_privacy.demo.web.runs import Run
from langchain_privacy.egress import EgressGuard, EgressLedger, PriceTable
from langchain_privacy.egress.crossing import crossing_in_progress
from langchain_privacy.locale import Language, said_again
from langchain_privacy.masking import Masker, MaskingSession
from langchain_privacy.masking.cells import ISSUED
from langchain_privacy.minions.state import estimate_tokens
from langchain_privacy.vault import PLACEHOLDER

_SHOWN_ROWS = 8
LANGUAGES: tuple[Language, ...] = ("en", "ko")
Part = tuple[str, str | None]
"""A piece of a text, and the placeholder that it is or that stands for it, if any."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person asked for on the page.

    Attributes:
        scenario: Its name.
        language: Of the bundled documents and questions.
        question: A question of one's own; `""` takes the bundled one.
        text: A document of one's own; `""` takes the bundled one.
        name: What the document is called.
        strict: Whether only public words may cross.
        tamper: Whether something is wrong with the attested endpoint.
        chosen: The models.
    """

    scenario: str
    language: Language = "en"
    question: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    strict: bool = False
    tamper: bool = False
    chosen: Chosen = field(default_factory=Chosen)


class Stage:
    """What a scenario works with; a context manager that ends with the totals.

    Attributes:
        asked: What the person asked for.
        models: Where models come from.
        masker: The masker of this run.
        guard: The door, with a ledger of its own.
        config: The config of this run's thread.
    """

    def __init__(self, run: Run, asked: Asked, models: Models) -> None:
        self.asked, self.models = asked, models
        self.masker = Masker(strict=asked.strict)
        self.guard = EgressGuard(self.masker, ledger=EgressLedger("sqlite://", keep_payload=True))
        self._thread_id = f"demo-{secrets.token_hex(8)}"
        self.config: RunnableConfig = {"configurable": {"thread_id": self._thread_id}}
        self._run = run
        self._wire: list[bytes] = []
        self._numbers: dict[int, int] = {}
        self._planted: tuple[str, ...] = ()
        self._local_tokens = 0
        self._whole: int | None = None
        self._said = 0
        self._row = 0
        self._told = threading.RLock()
        self._over = threading.Event()
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        self._watch = threading.Thread(target=self._follow_ledger, daemon=True, name="ledger")
        self._watch.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._over.set()
        self._watch.join()
        self._tell_rows()
        self._tell_totals()
        self.guard.ledger.close()

    @cached_property
    def session(self) -> MaskingSession:
        """The session of this run."""
        return self.masker.session(self._thread_id)

    # ---- left: what stays

    def show_document(self, name: str, text: str, planted: Iterable[str] = ()) -> None:
        """Show a document with what is private in it, beside what stands for it outside."""
        self._planted = tuple(planted)
        self._run.tell("document", name=name, parts=self._aligned(text))
        self._tell_vault()

    def show_table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Show the first rows of a database, all of which stay."""
        self._planted = tuple(
            {value for row in rows for value in row.values() if isinstance(value, str)}
        )
        texts = [[str(value) for value in row.values()] for row in rows[:_SHOWN_ROWS]]
        self._run.tell("table", name=name, columns=list(rows[0]), rows=texts)

    def _tell_vault(self) -> None:
        self._run.tell("vault", values=len(self.session.vault.entries()))

    def _aligned(self, text: str) -> list[Part]:
        """Cut a text into what is plain and what is private, by masking it."""
        parts, at = list[Part](), 0
        for piece, placeholder in self._cut(self.session.mask(text)):
            value = self.session.restore(piece) if placeholder else piece
            start = text.find(value, at)
            if start < 0:  # it is written differently there: the next plain piece finds the place
                continue
            if start > at:
                parts.append((text[at:start], "?"))
            parts.append((value, placeholder))
            at = start + len(value)
        return [*parts, (text[at:], None)]

    def _cut(self, text: str) -> list[Part]:
        """Cut a masked text at the placeholders of this session."""
        parts, at = list[Part](), 0
        issued = (
            m.span() for m in PLACEHOLDER.finditer(text) if self.session.vault.lookup(*m.groups())
        )
        for start, end in sorted([*issued, *(m.span() for m in ISSUED.finditer(text))]):
            parts += [(text[at:start], None), (text[start:end], text[start:end])]
            at = end
        return [part for part in [*parts, (text[at:], None)] if part[0]]

    # ---- middle and right: the door, and what crossed

    def sent(self, request: Any) -> None:
        """Show an HTTP request as it leaves; a hook of a client."""
        crossing = crossing_in_progress.get()
        number = crossing.number if crossing else None
        self.show_bytes(f"{request.method} {request.url}", request.read(), number)

    def show_bytes(self, line: str, body: bytes, crossing: int | None = None) -> None:
        """Show the body of a request that crossed."""
        self._wire.append(body)
        sealed = not _is_text(body)
        shown = body[:4096].hex(" ", 4) if sealed else body.decode()
        self._run.tell(
            "wire",
            crossing=None if crossing is None else self._number(crossing),
            line=line,
            bytes=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            sealed=sealed,
            parts=[(shown, None)] if sealed else self._cut(shown),
        )

    def _number(self, seq: int) -> int:
        """Count crossings; the ledger numbers receipts as well."""
        with self._told:  # the run and the ledger's watch both count
            return self._numbers.setdefault(seq, len(self._numbers) + 1)

    def show_attestation(self, checks: Iterable[Any], *, verified: bool) -> None:
        """Show what an attested endpoint proved."""
        made = [
            {
                "name": f"{c.subject}: {c.name}",
                "outcome": c.outcome,
                "detail": said_again(c.detail, self.asked.language),
            }
            for c in checks
        ]
        self._run.tell("attestation", verified=verified, checks=made)

    def _follow_ledger(self) -> None:
        while not self._over.wait(0.05):
            self._tell_rows()

    def _tell_rows(self) -> None:
        with self._told:
            for row in self.guard.ledger.rows(self._row):
                self._row = row["seq"]
                shown = {k: v for k, v in row.items() if k != "payload" and v is not None}
                shown["entity_types"] = json.loads(row["entity_types"] or "{}")
                if row["kind"] == "crossing":
                    shown["number"] = self._number(row["seq"])
                self._run.tell(row["kind"], **shown)

    # ---- the run itself

    def scripted(self, script: Callable[[dict[str, Any]], Any]) -> Any:
        """Give a remote model that streams: the person's, or one that answers by a script."""
        return self.models.scripted(self.asked.chosen, self.guard, self.sent, script)

    def drive(self, graph: Any, given: Any, *, speaks: Sequence[str] = ()) -> dict[str, Any]:
        """Run a private graph, show its steps, and ask the person where it interrupts.

        Args:
            graph: A private graph.
            given: Its input.
            speaks: Nodes whose text is the answer, shown as it streams.

        Returns:
            Its last values.
        """
        state: dict[str, Any] = {}
        # Asked for messages, models stream; where nobody reads along they need not.
        modes = ["tasks", "values", "updates", *(["messages"] if speaks else [])]
        while given is not None:
            now, given = given, None
            for mode, part in graph.stream(now, self.config, stream_mode=modes):
                self._run.check()
                if mode == "tasks":
                    self._tell_task(part)
                elif mode == "values":
                    state = part
                elif mode == "updates" and "__interrupt__" in part:
                    given = self._decide(part["__interrupt__"][0].value)
                elif mode == "messages" and part[1].get("langgraph_node") in speaks:
                    self._tell_message(part[0])
        return state

    def _tell_task(self, part: Mapping[str, Any]) -> None:
        state = "start" if "triggers" in part else "done"
        self._run.tell("job", key=part["id"], node=part["name"], state=state)
        self._tell_vault()

    def _tell_message(self, message: Any) -> None:
        if isinstance(message, AIMessageChunk) and message.text:
            self.text(message.text)

    def _decide(self, asked: Mapping[str, Any]) -> Command[Any]:
        call = asked["action_requests"][0]
        said = self._run.ask(tool=call["name"], arguments=call["args"])
        return Command(resume={"decisions": [{"type": said}]})

    # ---- the answer, and what it cost

    def text(self, delta: str) -> None:
        """Show a piece of the answer as it streams; the place where a person may stop it."""
        self._run.check()
        if not delta:
            return
        self._said += estimate_tokens(delta)
        self._run.tell("text", delta=delta)

    def answer(self, text: str, *, quotes: Iterable[str] = (), chart: bytes | None = None) -> None:
        """Show the answer whole, with its passages and a picture."""
        self._said = self._said or estimate_tokens(text)
        picture = base64.b64encode(chart).decode() if chart else None
        self._run.tell("answer", text=text, quotes=list(quotes), chart=picture)

    def cost(self, *, local_tokens: int = 0, without_privacy: int) -> None:
        """Say what was read here, and how many tokens would have been sent without privacy.

        Where a scenario does not say it, the same calls with the real text are the measure.
        """
        self._local_tokens, self._whole = local_tokens, without_privacy

    def _whole_tokens(self, out: int) -> int:
        if self._whole is not None:
            return self._whole
        texts = [body.decode() for body in self._wire if _is_text(body)]
        sent, real = sum(map(len, texts)), sum(len(self.session.restore(text)) for text in texts)
        return round(out * real / sent) if sent else out

    def _tell_totals(self) -> None:
        crossings = self.guard.ledger.crossings()
        allowed = [c for c in crossings if c.decision == "allowed"]
        out = sum(c.tokens_out or 0 for c in allowed)
        back = sum(c.tokens_in or 0 for c in allowed)
        prices = PriceTable.load()
        known = [model for c in allowed if prices.cost(model := c.model, 0, 0) is not None]
        priced = known[0] if known else REFERENCE
        values = [*self._planted, *(entry.value for entry in self.session.vault.entries())]
        values = [value for value in dict.fromkeys(values) if len(value) > 1]
        whole = self._whole_tokens(out)
        self._run.tell(
            "totals",
            local_tokens=self._local_tokens,
            remote_out=out,
            remote_in=back,
            bytes_out=sum(map(len, self._wire)),
            bytes_in=sum(c.bytes_in or 0 for c in allowed),
            crossings=len(allowed),
            refused=len(crossings) - len(allowed),
            cost=prices.cost(priced, out, back),
            whole_tokens=whole,
            whole_cost=prices.cost(priced, whole, self._said if self._whole else back),
            priced_as=priced,
            prices_of=prices.as_of,
            own_price=bool(known),
            looked_for=len(values),
            found=len(values_on_wire(values, b"\n".join(self._wire))),
            seconds=round(time.monotonic() - self._began, 1),
        )


def _is_text(body: bytes) -> bool:
    try:
        return body.decode().isprintable() or body[:1] in b"{["
    except UnicodeDecodeError:
        return False
