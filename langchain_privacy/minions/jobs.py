"""Jobs: one question, put to each document or section by itself, here; a job returns a value.

`create_minions_graph` sends them. What a job finds is kept by its offsets, so that nothing private
enters the state; what became of each document is in the report:

    found = worker.do(spec, job, session)  # {"state": "found", "values": [[210, 219]], ...}
    items = items_of(spec, results, refs, session)
    aggregate(spec.aggregate, items, "en").text  # "55,300 EUR: the sum over 40 documents."
"""

import re
import time
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel, BeforeValidator, Field
from typing_extensions import TypedDict

from langchain_privacy.errors import LocalModelError
from langchain_privacy.local.profiles import ability_of
from langchain_privacy.masking import MaskingSession
from langchain_privacy.minions.aggregate import Item, State
from langchain_privacy.minions.ask_local import LocalAsker
from langchain_privacy.minions.judge import UNAVAILABLE, Reader
from langchain_privacy.minions.prompts import render
from langchain_privacy.minions.quantities import Quantity, days, decimal_mark, quantities
from langchain_privacy.minions.quotes import find_verbatim, quote, whole_values
from langchain_privacy.minions.schema import JobSpec
from langchain_privacy.minions.search import Hit, Index, query_of
from langchain_privacy.minions.state import Budget, Call, Job, Span
from langchain_privacy.minions.terms import words
from langchain_privacy.vault import PLACEHOLDER
from langchain_privacy.words import Language

T = TypeVar("T", bound=BaseModel)

PASSAGES = 8
"""Passages of one document that a writing model reads for one job."""

PASSAGE_CHARACTERS = 6_000
"""Of them together."""

HEAD = 1_000
"""Characters at the beginning of a document that a selector looks at, beside its name."""

SECTION = 8_000
"""Characters of a section at the most, from its heading on."""


class Found(TypedDict):
    """What one job came to, by reference.

    Attributes:
        job: Id of the job's question.
        doc: The document.
        state: Whether it says something, and why not.
        start: Of the passage; -1 where there is none.
        end: One past its last character.
        values: `[start, end]` of each value.
        yes: The answer to a question of yes or no.
        summary: Masked sentences, of a summary.
        passages: Of a search for the best, all that were judged, as `Span` but without quotes.
        score: How well the passage matches.
        calls: Local calls that it took.
        note: What went wrong, a code.
    """

    job: str
    doc: str
    state: State
    start: int
    end: int
    values: list[list[int]]
    yes: bool | None
    summary: list[str]
    passages: list[Span]
    score: float
    calls: list[Call]
    note: str | None


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [] if value in (None, "") else [str(value)]


class _Extracted(BaseModel):
    line: int = 0
    values: Annotated[list[str], BeforeValidator(_as_list), Field(max_length=40)] = []


class _Decided(BaseModel):
    line: int = 0
    answer: Literal["yes", "no", "not stated"]


class _Summed(BaseModel):
    sentences: Annotated[list[str], BeforeValidator(_as_list), Field(max_length=12)] = []


class JobWorker:
    """Does jobs with the local model, or with the ranking alone.

    Args:
        reader: Finds and judges passages.
        local: The local model. One that is too small to write only judges.
        budget: For the wall clock.
        allowed_networks: Networks beside loopback that count as local.
    """

    def __init__(
        self,
        reader: Reader,
        local: BaseChatModel | None,
        budget: Budget,
        allowed_networks: Sequence[str] = (),
    ) -> None:
        self._reader = reader
        self._budget = budget
        self.writer: LocalAsker | None = None
        if local is not None and ability_of(local) != "score":
            self.writer = LocalAsker(
                local, timeout=budget.call_seconds, allowed_networks=allowed_networks
            )

    def do(self, spec: JobSpec, job: Job, session: MaskingSession) -> Found:
        """Do one job; what goes wrong in it is noted, and the others go on."""
        done = Found(
            job=spec.id, doc=job["doc"], state="absent", start=-1, end=-1, values=[], yes=None,
            summary=[], passages=[], score=0.0, calls=[], note=None,
        )  # fmt: skip
        if time.time() - job["started"] > self._budget.seconds:
            return {**done, "state": "left_out", "note": "out_of_time"}
        try:
            return self._do(spec, job, session, done)
        except LocalModelError as error:
            return {**done, "state": "failed", "note": f"{UNAVAILABLE}:{error.kind}"}
        except Exception:  # noqa: BLE001 - one document must not cost the others their answer
            return {**done, "state": "failed", "note": "job_failed"}

    def _do(self, spec: JobSpec, job: Job, session: MaskingSession, done: Found) -> Found:
        if spec.expect == "summary":
            return self._summary(spec, job, session, done)
        sub = spec.as_sub()
        hits = self._reader.hits(sub, job, session)
        if not hits:
            return done
        if self.writer is not None and spec.aggregate != "best":
            try:
                return self._written(spec, hits, job, session, done)
            except LocalModelError as error:
                done["note"] = f"{UNAVAILABLE}:{error.kind}"
        spans, verdict = self._reader.pick(sub, hits, job, session)
        done |= {"calls": [*done["calls"], *verdict.calls], "note": done["note"] or verdict.note}
        if spec.aggregate == "best":
            bare = [Span(**{**span, "quote": ""}) for span in spans]
            state: State = "found" if spans else "absent"
            best = _place(spans[0]) if spans else {}
            return {**done, **best, "state": state, "passages": bare}
        spans = [_sharpened(spec, job, span, session) for span in spans]
        return self._ranked(spec, spans, session, done)

    # With a model that writes.

    def _ask(self, prompt: str, schema: type[T], language: Language, done: Found) -> T | None:
        """Ask the model that writes, and note the calls that it took."""
        assert self.writer is not None
        said, done["calls"] = self.writer.ask(
            prompt,
            schema,
            repair=lambda fault: render("repair", language, reason=fault),
            node="job",
        )
        return said

    def _written(
        self, spec: JobSpec, hits: Sequence[Hit], job: Job, session: MaskingSession, done: Found
    ) -> Found:
        shown = list(_within(hits))
        decides = spec.expect == "yesno"
        language = job["language"]
        prompt = render(
            "decide" if decides else "extract",
            language,
            lines="\n\n".join(f"{n}. {hit.text.strip()}" for n, hit in enumerate(shown, 1)),
            question=str(session.restore(spec.question)),
        )
        schema: type[_Decided | _Extracted] = _Decided if decides else _Extracted
        said = self._ask(prompt, schema, language, done)
        if said is None:
            spans = _as_spans(spec, shown)
            return {**self._ranked(spec, spans, session, done), "note": "local_reply_unusable"}
        hit = shown[said.line - 1] if 0 < said.line <= len(shown) else None
        if isinstance(said, _Decided):
            if said.answer == "not stated":
                return done
            hit = hit or shown[0]
            return {**done, **_at(hit, session), "state": "found", "yes": said.answer == "yes"}
        if not said.values:
            return done
        return self._verbatim(spec, said.values, [hit] if hit else shown, session, done)

    def _verbatim(
        self,
        spec: JobSpec,
        values: Sequence[str],
        hits: Sequence[Hit],
        session: MaskingSession,
        done: Found,
    ) -> Found:
        """Keep what stands in a passage, or is the same number there; the rest was invented."""
        text = session.vault.documents.get(done["doc"])
        for hit in hits:
            places = [place for value in values for place in _find(spec, value, hit, text)]
            if places:
                return {
                    **done,
                    **_at(hit, session),
                    "state": "found",
                    "values": [list(place) for place in dict.fromkeys(places)],
                }
        return {**done, **_at(hits[0], session), "state": "unsure", "note": "value_not_verbatim"}

    # By the ranking.

    def _ranked(
        self, spec: JobSpec, spans: Sequence[Span], session: MaskingSession, done: Found
    ) -> Found:
        if not spans:
            return done
        text = session.vault.documents.get(done["doc"])
        if spec.expect in TYPED:
            for span in spans:
                places = candidates(spec, text, span["start"], span["end"])
                if places and span["score"] >= spans[0]["score"] / 2:
                    most = None if spec.many else 1
                    return {
                        **done,
                        **_place(span),
                        "state": "found",
                        "values": [list(place) for place in places[:most]],
                    }
            return done
        best = next((span for span in spans if span["holds"]), spans[0])
        if spec.expect == "yesno":
            return {**done, **_place(best), "state": "unsure"}
        said = set(words(text[best["start"] : best["end"]]))
        near = any(set(words(term)) <= said for term in spec.terms if words(term))
        # That a document does not say it, a ranking cannot know.
        judged = self._reader.judge.name != "bm25" and not done["note"]
        found = best["holds"] or (near and not judged)
        return {
            **done,
            **_place(best),
            "state": "found" if found else "absent" if judged else "unsure",
            "values": [[best["start"], best["end"]]] if found else [],
        }

    # Summaries.

    def _summary(self, spec: JobSpec, job: Job, session: MaskingSession, done: Found) -> Found:
        """Have a section summed up; sentences with a figure that it does not hold are dropped."""
        if self.writer is None:
            return {**done, "state": "unsure", "note": "summary_needs_local_model"}
        text = session.vault.documents.get(job["doc"])
        end = len(text) if job["end"] is None else job["end"]
        section = text[job["start"] : end]
        if not section.strip():
            return done
        language = job["language"]
        prompt = render(
            "summarize", language, lines=section, question=str(session.restore(spec.question))
        )
        said = self._ask(prompt, _Summed, language, done)
        if said is None:
            return {**done, "state": "failed", "note": "local_reply_unusable"}
        shown = {quantity.value for quantity in quantities(section)}
        kept = [
            sentence.strip()
            for sentence in said.sentences
            if sentence.strip() and {q.value for q in quantities(sentence)} <= shown
        ]
        note = "sentence_not_grounded" if len(kept) < len(said.sentences) else None
        if not kept:
            return {**done, "note": note}
        summary = [str(session.mask(sentence)) for sentence in kept]
        place = {"start": job["start"], "end": min(end, job["start"] + 600)}
        return {**done, **place, "state": "found", "summary": summary, "note": note}  # type: ignore[typeddict-item]


TYPED = frozenset({"number", "money", "date"})
"""Values whose form can be told from the text."""


def candidates(spec: JobSpec, text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the places of what may be the value in a passage, the likeliest first.

    Likeliest is what has the unit that the plan names, then what stands behind a word of the
    question with least in between.
    """
    passage = text[start:end]
    places: list[tuple[int, int, bool]] = []
    dates = days(passage)
    if spec.expect == "date":
        places = [(day.start, day.end, True) for day in dates]
    else:
        for quantity in quantities(passage, decimal_mark(text)):
            if any(day.start < quantity.end and quantity.start < day.end for day in dates):
                continue
            if spec.expect == "money" and not quantity.is_money and not _bare(quantity):
                continue
            fits = quantity.is_money if spec.expect == "money" else _has_unit(quantity, spec.unit)
            places.append((quantity.start, quantity.end, fits))
    asked = set(words(PLACEHOLDER.sub(" ", " ".join([spec.question, *spec.terms]))))
    marks = [m.end() for m in re.finditer(r"\w+", passage) if asked & set(words(m[0]))]

    def far(place: tuple[int, int, bool]) -> tuple[bool, int, int]:
        before = [place[0] - mark for mark in marks if mark <= place[0]]
        after = [2 * (mark - place[1]) for mark in marks if mark > place[1]]
        return (not place[2], min([*before, *after], default=len(passage)), place[0])

    return [(start + a, start + b) for a, b, _ in sorted(places, key=far)]


def _bare(quantity: Quantity) -> bool:
    return not quantity.unit


def _has_unit(quantity: Quantity, unit: str | None) -> bool:
    if not unit:
        return True
    wanted = unit.casefold().rstrip("s")
    return quantity.unit.casefold().rstrip("s") == wanted or (
        wanted == "percent" and quantity.unit == "%"
    )


def items_of(
    spec: JobSpec,
    results: Sequence[Found],
    refs: Sequence[str],
    session: MaskingSession,
) -> list[Item]:
    """Turn what the jobs of one question came to into values, one or more a document.

    Args:
        spec: The question.
        results: Of all its jobs; a document may have had several, one a section.
        refs: The documents in the order in which the person gave them.
        session: Where the documents are.
    """
    room = session.vault.documents
    items: list[Item] = []
    for number, ref in enumerate(refs, start=1):
        mine = [result for result in results if result["doc"] == ref and result["job"] == spec.id]
        if not mine:
            continue
        source = str(room.metadata(ref).get("source", ""))
        found = sorted(
            (result for result in mine if result["state"] == "found"), key=lambda r: -r["score"]
        )
        if not found:
            state = next(s for s in _WORST if any(result["state"] == s for result in mine))
            items.append(Item(document=number, source=source, state=state))
            continue
        for result in found if spec.many else found[:1]:
            items += _values(spec, result, number, source, session)
    return items


_WORST: tuple[State, ...] = ("failed", "left_out", "unsure", "absent")


def _values(
    spec: JobSpec, result: Found, number: int, source: str, session: MaskingSession
) -> Iterator[Item]:
    if result["summary"]:
        yield Item(document=number, source=source, value=" ".join(result["summary"]))
        return
    text = session.vault.documents.get(result["doc"])
    passage = quote(result["doc"], result["start"], result["end"], session)
    if result["yes"] is not None:
        yield Item(document=number, source=source, value=result["yes"], quote=passage)
        return
    for start, end in result["values"]:
        value: Decimal | date | str | None
        value, unit = _read(spec, text, start, end)
        if value is None:
            start, end = whole_values(result["doc"], start, end, session.vault)
            value = " ".join(quote(result["doc"], start, end, session).split())
        yield Item(document=number, source=source, value=value, unit=unit, quote=passage)


def _read(spec: JobSpec, text: str, start: int, end: int) -> tuple[Decimal | date | None, str]:
    piece = text[start:end]
    if spec.expect == "date":
        found = days(piece)
        return (found[0].value if found else None), ""
    if spec.expect in ("number", "money"):
        read = quantities(piece, decimal_mark(text))
        if read:
            return read[0].value, read[0].unit or (spec.unit or "")
    return None, ""


def selected(words_of_title: Sequence[str], ref: str, session: MaskingSession) -> bool:
    """Say whether a document is meant by words of its title; by all words of one of them."""
    room = session.vault.documents
    head = str(session.restore(room.metadata(ref).get("source", ""))) + "\n" + room.get(ref)[:HEAD]
    have = set(words(re.sub(r"[_\-.]", " ", head)))
    for word in words_of_title:
        wanted = set(words(str(session.restore(word))))
        if wanted and wanted <= have:
            return True
    return False


def sections(headings: Sequence[str], text: str) -> list[tuple[int, int]]:
    """Return the sections of a text whose heading holds all words of one of `headings`."""
    wanted = [set(words(heading)) for heading in headings]
    lines = [
        (match.start(), match.end())
        for match in re.finditer(r"[^\n]+", text)
        if _is_heading(match[0])
    ]
    places: list[tuple[int, int]] = []
    for number, (start, end) in enumerate(lines):
        said = set(words(text[start:end]))
        if any(each and each <= said for each in wanted):
            following = lines[number + 1][0] if number + 1 < len(lines) else len(text)
            places.append((start, min(following, start + SECTION)))
    return places


def _is_heading(line: str) -> bool:
    line = line.strip()
    return (
        2 < len(line) <= 80 and line[-1] not in ".,;:|다요" and "\t" not in line and "|" not in line
    )


def _within(hits: Sequence[Hit]) -> Iterator[Hit]:
    size = 0
    for hit in hits[:PASSAGES]:
        size += len(hit.text)
        if size > PASSAGE_CHARACTERS and size > len(hit.text):
            return
        yield hit


def _find(spec: JobSpec, value: str, hit: Hit, text: str) -> Iterator[tuple[int, int]]:
    """Find a value in a passage: as it stands but for white space, else the same number or date."""
    place = find_verbatim(value, text, hit.start, hit.end)
    if place and (spec.expect not in TYPED or candidates(spec, text, *place)):
        yield place
        return
    if spec.expect not in TYPED:
        return
    mark = decimal_mark(text)
    said = {q.value for q in quantities(value, mark)} | {day.value for day in days(value)}
    for start, end in candidates(spec, text, hit.start, hit.end):
        read, _ = _read(spec, text, start, end)
        if read is not None and read in said:
            yield start, end
            return


def cited(found: Found, session: MaskingSession) -> Span:
    """Return the passage that a job's result rests on."""
    start, end = whole_values(found["doc"], found["start"], found["end"], session.vault)
    return Span(
        doc=found["doc"],
        start=start,
        end=end,
        sub=found["job"],
        score=found["score"],
        holds=found["state"] == "found",
        quote=quote(found["doc"], start, end, session),
    )


def _at(hit: Hit, session: MaskingSession) -> Any:
    start, end = whole_values(hit.doc, hit.start, hit.end, session.vault)
    return {"start": start, "end": end, "score": round(hit.score, 3)}


def _place(span: Span) -> Any:
    return {"start": span["start"], "end": span["end"], "score": span["score"]}


def _sharpened(spec: JobSpec, job: Job, span: Span, session: MaskingSession) -> Span:
    """Return the sentence or row of a window that answers; a sentence stays as it is."""
    if "units" not in span or not span["units"]:
        return span
    units = span["units"]
    marks = span.get("marks")
    if marks:
        start, end = units[marks[0]]
    else:
        text = session.vault.documents.get(span["doc"])
        index = Index(span["doc"], text, start=span["start"], end=span["end"])
        question, terms = query_of(spec.as_sub(), job["task"], alone=False)
        best = index.search(question, terms, 1)
        if not best:
            return span
        start, end = best[0].start, best[0].end
    start, end = whole_values(span["doc"], start, end, session.vault)
    return Span(
        doc=span["doc"], start=start, end=end, sub=span["sub"], score=span["score"],
        holds=span["holds"], quote="",
    )  # fmt: skip


def _as_spans(spec: JobSpec, hits: Sequence[Hit]) -> list[Span]:
    return [
        Span(
            doc=hit.doc, start=hit.start, end=hit.end, sub=spec.id, score=hit.score, holds=None,
            quote="",
        )
        for hit in hits
    ]  # fmt: skip
