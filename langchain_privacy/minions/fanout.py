"""The nodes of MinionS: jobs in waves over documents and sections, and what becomes of them.

    START → extract → plan → dispatch ⇄ jobs → … → plan (reason) or answer → END

`dispatch` sends a wave, and when the last one is back puts the values together. A job that is
stored is never done again, so a run that is killed and resumed goes on where it was.
"""

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Send
from typing_extensions import TypedDict

from langchain_privacy.masking import MaskingSession
from langchain_privacy.minions.aggregate import (
    Item,
    Result,
    aggregate,
    combine_results,
    coverage_line,
)
from langchain_privacy.minions.answering import NOT_FOUND, Draft, with_computed
from langchain_privacy.minions.jobs import (
    Found,
    cited,
    items_of,
    sections,
    selected,
)
from langchain_privacy.minions.judge import WINDOWS
from langchain_privacy.minions.nodes import MinionNodes
from langchain_privacy.minions.planning import Planner, Thinking, in_context, say
from langchain_privacy.minions.prompts import render
from langchain_privacy.minions.quotes import quote
from langchain_privacy.minions.schema import JobPlan, JobSpec, Verdicts
from langchain_privacy.minions.search import MANY
from langchain_privacy.minions.state import (
    LONG,
    Job,
    MinionState,
    Span,
    job_of,
    once,
    place,
    spent_seconds,
)
from langchain_privacy.minions.summary import planned_form, stretches, summed_up
from langchain_privacy.vault import PLACEHOLDER

WAVE = 32
"""Jobs that are sent at once, at the most."""

_EVIDENCE = 200
"""Passages that an answer cites one by one; the report has the values of all documents."""

Unit = tuple[JobSpec, str, int, int | None]
"""One job to be: its question, a document, and a stretch of that."""


class Sent(TypedDict):
    """What is sent to a `job` node, by reference, since it is stored.

    Attributes:
        spec: The `JobSpec`.
        job: The document and the stretch.
        number: Of this job, from 1.
        of: How many there are.
    """

    spec: dict[str, Any]
    job: Job
    number: int
    of: int


class JobPlanner(Planner):
    """Plans jobs where `Planner` plans searches, and has passages decided that nobody here could.

    Leases of one form share a few clauses: of two hundred, two or three lines cross, masked, each
    once, and what the remote model says of a line counts for all the documents that have it.
    """

    def steps(self, state: MinionState, session: MaskingSession) -> Thinking:
        """Return the step that the state is at."""
        if state["stage"] == "reason" and (state.get("wave") or {}).get("undecided"):
            return self._decide(state, session)
        return super().steps(state, session)

    def _decide(self, state: MinionState, session: MaskingSession) -> Thinking:
        calls, notes = list(state["calls"]), list(state["notes"])
        wave = dict(state["wave"])
        spec = JobSpec.model_validate(wave.pop("undecided"))
        groups = _undecided(spec, state["found"], session)  # type: ignore[arg-type]
        lines: list[str] = []
        spans: list[Span] = []
        size, most = 0, self._evidence(state, session, last=True)
        for line, group in sorted(groups.items(), key=lambda item: -len(item[1])):
            size += len(line)
            if size > most or len(lines) >= _LINES:
                notes.append("passages_left_out")
                break
            lines.append(line)
            spans.append(cited(group[0], session))
        numbered = "\n".join(f"{n}. {line}" for n, line in enumerate(lines, 1))
        text = render("decide_lines", state["language"], evidence=numbered, question=spec.question)
        before = len(calls)
        said = yield from self._ask("decide", text, Verdicts, state, calls, notes, session)
        decided = [*wave.get("decided", []), spec.id]
        verdicts = dict(wave.get("verdicts") or {})
        if said is not None:
            both = set(said.yes) & set(said.no)
            for yes, numbers in ((True, said.yes), (False, said.no)):
                for number in numbers:
                    if number <= len(lines) and number not in both:
                        for found in groups[lines[number - 1]]:
                            verdicts[f"{spec.id}:{found['doc']}:{found['start']}"] = yes
        update: MinionState = {
            "wave": {**wave, "verdicts": verdicts, "decided": decided},
            "calls": calls,
            "notes": notes,
            "stage": "search",
        }
        if len(calls) > before or "crossing_failed" in notes:
            update["sent"] = once([*state["sent"], *spans], place)
        return update

    def _make_plan(self, state: MinionState, session: MaskingSession) -> Thinking:
        calls, notes = list(state["calls"]), list(state["notes"])
        plan: JobPlan | None = None
        if state.get("jobs"):  # planned on this side
            plan = JobPlan.model_validate({"jobs": state["jobs"]})
        elif self.may_ask(state):
            text = render("jobs", state["language"], task=in_context(state))
            plan = yield from self._ask("plan", text, JobPlan, state, calls, notes, session)
        if plan is None:
            form = planned_form(state["task"])
            plan = JobPlan(jobs=[JobSpec(question=state["task"][:300], expect=form)])
        specs = _checked(plan, notes)
        say("planned", subs=len(specs), combine=plan.combine)
        return {
            "plan": {
                "subs": [spec.as_sub().model_dump() for spec in specs],
                "combine": plan.combine,
            },
            "jobs": [spec.model_dump() for spec in specs],
            "pending": [spec.as_sub().model_dump() for spec in specs],
            "calls": calls,
            "notes": notes,
            "stage": "search",
        }


def _checked(plan: JobPlan, notes: list[str]) -> list[JobSpec]:
    """Give jobs ids of ours, and drop conditions that name no job of yes or no, or themselves."""
    ids = {spec.id: f"q{number}" for number, spec in enumerate(plan.jobs, start=1)}
    ids |= {f"j{number}": f"q{number}" for number in range(1, len(plan.jobs) + 1)}
    by_id = {f"q{n}": spec for n, spec in enumerate(plan.jobs, start=1)}
    specs: list[JobSpec] = []
    for number, spec in enumerate(plan.jobs, start=1):
        own = f"q{number}"
        wanted = ids.get(spec.where, spec.where) if spec.where else None
        condition = by_id.get(wanted or "")
        usable = condition is not None and wanted != own and condition.expect == "yesno"
        if spec.where and not (usable and condition is not None and not condition.where):
            notes.append("condition_ignored")
            wanted = None
        how = spec.aggregate
        if len(plan.jobs) == 1 and how == "best" and plan.combine in ("sum", "max", "min"):
            how = plan.combine  # planned in the words of a single document
        specs.append(spec.model_copy(update={"id": own, "where": wanted, "aggregate": how}))
    return specs


class Fanout:
    """The nodes that only the graph of many documents has.

    Args:
        nodes: The nodes that it shares with the other one.
        batch_characters: Length of a stretch.
    """

    def __init__(self, nodes: MinionNodes, batch_characters: int) -> None:
        self._nodes = nodes
        self._size = max(1_000, batch_characters)

    # Beginning.

    def begin(self, state: MinionState, config: RunnableConfig) -> MinionState:
        """Start a question; without a remote model the local one plans, where it writes."""
        session = self._nodes.session(config)
        fresh = self._nodes.begin(state, session)
        fresh |= {"jobs": [], "wave": {}}
        if self._nodes.remote is None and self._nodes.worker.writer is not None:
            fresh |= self._plan_here(fresh, session)
        return fresh

    def _plan_here(self, state: MinionState, session: MaskingSession) -> MinionState:
        writer, language = self._nodes.worker.writer, state["language"]
        assert writer is not None
        prompt = render("jobs", language, task=str(session.restore(in_context(state))))
        try:
            plan, calls = writer.ask(
                prompt,
                JobPlan,
                repair=lambda fault: render("repair", language, reason=fault),
                node="plan",
            )
        except Exception:  # noqa: BLE001 - the ranking alone is left
            return {"notes": ["local_plan_failed"]}
        if plan is None:
            return {"calls": calls, "notes": ["local_plan_unusable"]}
        # Its words may be private: the state gets them masked.
        jobs = [session.mask(spec.model_dump(mode="json")) for spec in plan.jobs]
        return {"calls": calls, "jobs": jobs}

    # Waves.

    def dispatch(self, state: MinionState, config: RunnableConfig) -> MinionState:
        """Send the next wave, or put together what came back."""
        session = self._nodes.session(config)
        ids = [sub["id"] for sub in state["pending"]]
        wave = state.get("wave") or {}
        begins = wave.get("ids") != ids
        specs = self._specs(state)
        units, notes = self._units(state, specs, session)
        sent = 0 if begins else wave["to"]
        late = spent_seconds(self._calls(state)) > self._nodes.budget.seconds
        if sent < len(units) and not late:
            if not begins:
                say("wave", done=sent, of=len(units))
            return {"wave": {"ids": ids, "from": sent, "to": min(sent + _wave(config), len(units))}}
        if not late and (undecided := self._undecided(state, specs, wave)) is not None:
            return {"wave": {**wave, "undecided": undecided.model_dump()}, "stage": "reason"}
        left_out = [_left_out(unit) for unit in units[sent:]]
        return self._together(state, specs, left_out, notes, session)

    def _undecided(
        self, state: MinionState, specs: Sequence[JobSpec], wave: dict[str, Any]
    ) -> JobSpec | None:
        """Return a question of yes or no that was left open, and that may be asked outside."""
        if self._nodes.evidence != "masked" or not self._nodes.may_ask(state):
            return None
        for spec in specs:
            if spec.expect != "yesno" or spec.id in wave.get("decided", ()):
                continue
            if any(f["job"] == spec.id and f["state"] == "unsure" for f in state["found"]):
                return spec
        return None

    def route(self, state: MinionState, config: RunnableConfig) -> list[Send] | str:
        """Send the jobs of the wave; by reference, since what is sent is stored."""
        if state["stage"] != "search":
            return "plan" if state["stage"] == "reason" else "answer"
        session = self._nodes.session(config)
        units, _ = self._units(state, self._specs(state), session)
        room = session.vault.documents
        wave = state["wave"]
        so_far: MinionState = {**state, "calls": self._calls(state)}
        sends = []
        for number, (spec, ref, start, end) in enumerate(units[wave["from"] : wave["to"]]):
            job = job_of(so_far, spec.as_sub().model_dump(), ref, start, end)
            job["alone"] = job["alone"] and spec.aggregate == "best"
            job["long"] = len(room.get(ref)) >= LONG  # by itself, not all of them together
            sent = Sent(
                spec=spec.model_dump(), job=job, number=wave["from"] + number + 1, of=len(units)
            )
            sends.append(Send("job", sent))
        return sends or "answer"

    def job(self, sent: Sent, config: RunnableConfig) -> MinionState:
        """Do one job."""
        spec = JobSpec.model_validate(sent["spec"])
        found = self._nodes.worker.do(spec, sent["job"], self._nodes.session(config))
        say("job", number=sent["number"], of=sent["of"], state=found["state"])
        return {"found": [dict(found)]}

    def _specs(self, state: MinionState) -> list[JobSpec]:
        """Return the questions that are pending; those of a later round look for the best."""
        planned = {spec["id"]: spec for spec in state["jobs"]}
        return [JobSpec.model_validate(planned.get(sub["id"], sub)) for sub in state["pending"]]

    def _calls(self, state: MinionState) -> list[Any]:
        return [*state["calls"], *(call for found in state["found"] for call in found["calls"])]

    def _units(
        self, state: MinionState, specs: Sequence[JobSpec], session: MaskingSession
    ) -> tuple[list[Unit], list[str]]:
        """List the jobs, always in the same order: a wave is a part of it."""
        room = session.vault.documents
        units: list[Unit] = []
        notes: list[str] = []
        for spec in specs:
            meant = spec.documents
            refs = [r for r in state["documents"] if meant and selected(meant, r, session)]
            if spec.documents and not refs:
                notes.append("selector_matches_nothing")
            for ref in refs or state["documents"]:
                text = room.get(ref)
                places = sections(spec.sections, text) if spec.sections else []
                units += [(spec, ref, *place) for place in places or stretches(text, self._size)]
        return units, notes

    # Putting together.

    def _together(
        self,
        state: MinionState,
        specs: Sequence[JobSpec],
        left_out: Sequence[Found],
        notes: list[str],
        session: MaskingSession,
    ) -> MinionState:
        verdicts = (state.get("wave") or {}).get("verdicts") or {}
        results: list[Found] = [
            _decided(found, verdicts)  # type: ignore[arg-type]
            for found in [*state["found"], *left_out]
        ]
        calls = [call for found in results for call in found["calls"]]
        notes = [*notes, *(found["note"] for found in results if found["note"])]
        say("wave", done=len(state["found"]), of=len(results))
        searched = [spec for spec in specs if spec.aggregate == "best" and spec.expect != "summary"]
        reckoned = [spec for spec in specs if spec not in searched]
        best = [span for spec in searched for span in _best(spec, results, session)]
        update = self._nodes.gathered(state, best, calls, notes)
        update["wave"] = {}
        coverage = [_coverage(spec, results) for spec in searched]
        if reckoned:
            computed = self._computed(reckoned, results, state, session)
            if "selector_matches_nothing" in notes and computed["outcome"] == "answered":
                computed["outcome"] = "partial"  # all documents were asked instead
            computed["coverage"] = coverage + computed["coverage"]
            update["computed"] = computed
            update["notes"] = [*update["notes"], *computed.pop("notes")]
            if not searched:
                update["stage"] = "answer"
        else:
            update["computed"] = {"coverage": coverage, "results": [], "text": "", "spans": []}
        return update

    def _computed(
        self,
        specs: Sequence[JobSpec],
        results: Sequence[Found],
        state: MinionState,
        session: MaskingSession,
    ) -> dict[str, Any]:
        language = state["language"]
        items = {spec.id: items_of(spec, results, state["documents"], session) for spec in specs}
        for spec in specs:
            if spec.where in items:
                yes = {item.document for item in items[spec.where] if item.value is True}
                items[spec.id] = [item for item in items[spec.id] if item.document in yes]
        done: list[Result] = []
        lines: list[str] = []
        notes: list[str] = []
        for spec in specs:
            if spec.expect == "summary":
                result = summed_up(spec, results, state["documents"], language)
            else:
                result = aggregate(spec.aggregate, items[spec.id], language)
            done.append(result)
            notes += result.notes
            asked = f"{spec.question}\n" if len(specs) > 1 else ""
            beside = coverage_line(items[spec.id], language)
            text = result.text or NOT_FOUND[language]
            lines.append(asked + text + (f"\n{beside}" if beside else ""))
        combined = combine_results(state["plan"]["combine"], done, language)
        if combined is not None:
            lines.insert(0, combined.text)
        elif len(specs) > 1 and state["plan"]["combine"] in ("sum", "difference", "ratio"):
            notes.append("not_combined")
        partial = any(
            item.state in ("failed", "left_out", "unsure")
            for each in items.values()
            for item in each
        )
        found = any(result.used for result in done)
        return {
            "text": str(session.mask("\n".join(lines))),
            "outcome": "not_found" if not found else "partial" if partial else "answered",
            "spans": _cited(specs, results, session),
            "coverage": [_coverage(spec, results) for spec in specs],
            "results": [_shown(spec, item, session) for spec in specs for item in items[spec.id]],
            "notes": notes,
        }

    # Answering.

    def answer(self, state: MinionState, config: RunnableConfig) -> MinionState:
        """Write the answer: what was reckoned here, and what the remote model made of the rest."""
        session = self._nodes.session(config)
        computed = state.get("computed") or {}
        notes = list(state["notes"])
        draft: Draft | None = None
        if not computed.get("text") or any(job["aggregate"] == "best" for job in state["jobs"]):
            draft = self._nodes.draft(state, session, notes)
        update = self._nodes.finish(state, with_computed(draft, computed), notes, session)
        update["report"]["coverage"] = computed.get("coverage", [])
        update["report"]["results"] = computed.get("results", [])
        return update


_LINES = 40
"""Lines that one question has decided outside at the most."""


def _undecided(
    spec: JobSpec, results: Sequence[Found], session: MaskingSession
) -> dict[str, list[Found]]:
    """Group what was left open by its masked passage, whatever the values that it hides are."""
    groups: dict[str, list[Found]] = {}
    for found in results:
        if found["job"] == spec.id and found["state"] == "unsure" and found["start"] >= 0:
            text = quote(found["doc"], found["start"], found["end"], session)
            line = PLACEHOLDER.sub(lambda match: f"[{match[1]}]", " ".join(text.split()))
            groups.setdefault(line, []).append(found)
    return groups


def _decided(found: Found, verdicts: dict[str, bool]) -> Found:
    yes = verdicts.get(f"{found['job']}:{found['doc']}:{found['start']}")
    if yes is None or found["state"] != "unsure":
        return found
    return {**found, "state": "found", "yes": yes}


def _wave(config: RunnableConfig) -> int:
    """Return how many jobs go at once: as many as run at once.

    LangGraph stores what a job gave back by the same threads that do the jobs. With more jobs than
    threads the storing waits behind them, and a process that is killed has then done them in vain.
    """
    limit = config.get("max_concurrency") or min(WAVE, (os.cpu_count() or 1) + 4)
    return max(1, min(limit, WAVE))


def _left_out(unit: Unit) -> Found:
    spec, ref, _, _ = unit
    return Found(
        job=spec.id, doc=ref, state="left_out", start=-1, end=-1, values=[], yes=None, summary=[],
        passages=[], score=0.0, calls=[], note="out_of_time",
    )  # fmt: skip


def _best(spec: JobSpec, results: Sequence[Found], session: MaskingSession) -> list[Span]:
    """Return the best passages of a question, each text once; the rest is in the report."""
    mine = [span for found in results if found["job"] == spec.id for span in found["passages"]]
    ranked = sorted(mine, key=lambda span: (span["holds"] is False, -span["score"]))
    windows = any("units" in span for span in ranked)
    most = WINDOWS if windows else 5 if spec.expect in MANY else 4
    spans: list[Span] = []
    for span in ranked[: 4 * most]:
        spans.append(span)
        if "units" not in span:
            text = quote(span["doc"], span["start"], span["end"], session)
            spans[-1] = {**span, "quote": text}
    return once(spans, _same)[:most]


def _same(span: Span) -> str | tuple[str, int, int]:
    return span["quote"] or place(span)


def _cited(
    specs: Sequence[JobSpec], results: Sequence[Found], session: MaskingSession
) -> list[Span]:
    ids = {spec.id: spec for spec in specs}
    found = [r for r in results if r["job"] in ids and r["state"] == "found" and r["start"] >= 0]
    return [cited(each, session) for each in found[:_EVIDENCE]]


def _coverage(spec: JobSpec, results: Sequence[Found]) -> dict[str, Any]:
    """Count what became of each document that a question was put to."""
    mine = [found for found in results if found["job"] == spec.id]
    order = ("found", "failed", "left_out", "unsure", "absent")
    states: dict[str, str] = {}
    for found in mine:
        before = states.get(found["doc"], "absent")
        states[found["doc"]] = min(before, found["state"], key=order.index)
    counts = Counter(states.values())
    return {
        "job": spec.id,
        "aggregate": spec.aggregate,
        "jobs": len(mine),
        "documents": len(states),
        **{name: counts[name] for name in order},
    }


def _shown(spec: JobSpec, item: Item, session: MaskingSession) -> dict[str, Any]:
    value = item.value
    text = value if isinstance(value, bool) or value is None else str(session.mask(str(value)))
    return {
        "job": spec.id,
        "document": item.document,
        "source": item.source,
        "state": item.state,
        "value": text,
        "unit": item.unit,
    }
