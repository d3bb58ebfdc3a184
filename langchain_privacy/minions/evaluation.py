"""Ask questions whose answers are known, and score what comes back and what crosses.

    for question in read_questions(Path("questions.jsonl")):
        print(ask(question, local=model, remote=None).verdict)

`langchain-privacy eval` is made of it. A score holds counts, and no text except for `details`. An
`Experiment` writes them into LangSmith, at the endpoint that the user names.
"""

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4, uuid5

import langsmith
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from langchain_privacy.errors import ConfigurationError, PrivacyError
from langchain_privacy.masking import Masker
from langchain_privacy.minions.examined import Examined
from langchain_privacy.minions.graph import create_minion_graph, create_minions_graph
from langchain_privacy.minions.quantities import quantities

Verdict = Literal["right", "rightly not found", "wrong", "not found", "failed"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question whose answer is known.

    Attributes:
        id: Its name, or the number of its line.
        task: The question.
        documents: Texts and paths.
        answers: Any of them in the answer makes it right; empty where the documents do not say.
        private: Values that must not cross.
    """

    id: str
    task: str = field(repr=False)
    documents: Sequence[str | Path] = field(repr=False)
    answers: Sequence[str] = field(repr=False)
    private: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True)
class Score:
    """What one question came to."""

    id: str
    verdict: Verdict
    leaks: int
    refused: int
    evidence: int
    remote_tokens: int
    local_tokens: int
    document_tokens: int
    cost: float | None
    seconds: float
    answer: str = field(repr=False)
    errors: Sequence[str] = ()
    masked: dict[str, Any] = field(default_factory=dict, repr=False)
    """The question's `id`, `task` and `answers`, and the `answer`, masked."""

    def details(self) -> dict[str, Any]:
        """Return everything, the answer included."""
        return {**self.__dict__, "errors": list(self.errors)}


def read_questions(path: Path) -> list[Question]:
    """Read a file of questions.

    Raises:
        ConfigurationError: It is not there, empty, or one of its lines is no question; the message
            has the number of the line and nothing of it.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        msg = "The file of questions cannot be read: JSON objects, one a line, in UTF-8."
        raise ConfigurationError(msg) from None
    questions = [
        _question(line, number, path.parent)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    if not questions:
        msg = "There is no question in the file."
        raise ConfigurationError(msg)
    return questions


def _question(line: str, number: int, folder: Path) -> Question:
    try:
        about = json.loads(line)
        given = about["answer"]
        answers = [] if given is None else given if isinstance(given, list) else [given]
        documents: list[str | Path] = []
        for document in about["documents"]:
            text = document.get("text") if isinstance(document, dict) else None
            name = document.get("path") if isinstance(document, dict) else document
            documents.append(text if isinstance(text, str) else folder / str(name))
        task = about["task"]
        if not isinstance(task, str) or not documents:
            raise TypeError
        return Question(
            id=str(about.get("id", number)),
            task=task,
            documents=documents,
            answers=[str(answer) for answer in answers],
            private=[str(value) for value in about.get("private", [])],
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        pass
    msg = (
        f'Line {number} is no question: {{"task": "...", "documents": ["file.pdf"], "answer": '
        '"..." or null, "private": ["..."]}.'
    )
    raise ConfigurationError(msg)


def ask(
    question: Question,
    *,
    local: BaseChatModel | None,
    remote: BaseChatModel | None,
    many: bool = False,
    strict: bool = False,
    on_job: Callable[..., None] | None = None,
    **settings: Any,
) -> Score:
    """Ask one question in a session of its own, and score it.

    Args:
        question: The question.
        local: See `create_minion_graph`.
        remote: See `create_minion_graph`.
        many: Whether to ask with jobs (`create_minions_graph`).
        strict: See `Masker`.
        on_job: Called with `of=` the number of jobs whenever one is done.
        **settings: For the graph.
    """
    create: Any = create_minions_graph if many else create_minion_graph
    seen = _Seen()
    began = time.monotonic()
    out: dict[str, Any] = {}
    fault = ""
    masker, thread = Masker(strict=strict), uuid4().hex
    try:
        graph = create(local, remote, masker=masker, **settings)
        for mode, part in graph.stream(
            {"task": question.task, "documents": list(question.documents)},
            {"callbacks": [seen], "configurable": {"thread_id": thread}},
            stream_mode=["custom", "values"],
        ):
            if mode == "values":
                out = part
            elif on_job is not None and part.get("event") == "job":
                on_job(of=part["of"])
    except PrivacyError as error:
        fault = type(error).__name__
    report = out.get("report", {})
    return Score(
        id=question.id,
        verdict=_verdict(question, out) if out else "failed",
        leaks=sum(_crossed(value, seen.text) for value in question.private),
        refused="crossing_refused" in report.get("errors", ()),
        evidence=report.get("crossed", {}).get("characters", 0),
        remote_tokens=report.get("remote", {}).get("tokens", 0),
        local_tokens=report.get("local", {}).get("tokens", 0),
        document_tokens=report.get("baseline_tokens", 0),
        cost=report["cost"]["remote"] if "cost" in report else None if remote else 0.0,
        seconds=round(time.monotonic() - began, 2),
        answer=out.get("answer", ""),
        errors=[fault] if fault else report.get("errors", []),
        masked=_masked(question, out.get("answer", ""), masker, thread),
    )


def _masked(question: Question, answer: str, masker: Masker, thread: str) -> dict[str, Any]:
    """Mask what may be shown elsewhere, in the session of the question.

    What the file names as private is known to the session from here on, and not before: whether it
    is found without that is what is scored.
    """
    session = Examined(masker).session(masker.session(thread))
    for value in filter(str.strip, question.private):
        session.vault.issue("PRIVATE", value)
    shown = {"task": question.task, "answers": list(question.answers), "answer": answer}
    masked: dict[str, Any] = session.mask({**shown, "question": question.id})
    masked["id"] = masked.pop("question")
    return masked


class _Seen(BaseCallbackHandler):
    """Keeps what remote models are sent; local ones have no callbacks."""

    def __init__(self) -> None:
        self.text = ""

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], **_: Any
    ) -> None:
        del serialized
        self.text += "".join(f"{message.content}\n" for each in messages for message in each)


def _verdict(question: Question, out: dict[str, Any]) -> Verdict:
    found = out["report"]["outcome"] != "not_found"
    if not question.answers:
        return "wrong" if found else "rightly not found"
    if not found:
        return "not found"
    return "right" if any(stands(each, out["answer"]) for each in question.answers) else "wrong"


def stands(value: str, text: str) -> bool:
    """Say whether a value stands in a text, however it is spaced, cased or its number written."""
    wanted = _folded(value)
    if not wanted:
        return False
    # Behind Hangul a particle may follow; behind a digit or a Latin letter nothing may.
    after = r"(?![0-9a-z])" if wanted[-1].isascii() else ""
    if re.search(rf"(?<![^\W_]){re.escape(wanted)}{after}", _folded(text)):
        return True
    numbers = quantities(value)
    if len(numbers) != 1 or len(value) - (numbers[0].end - numbers[0].start) > 1:
        return False
    return any(
        quantity.value == numbers[0].value
        and (not numbers[0].unit or quantity.unit in ("", numbers[0].unit))
        for quantity in quantities(text)
    )


def _crossed(value: str, text: str) -> bool:
    """Say whether a private value stands in what crossed, with whatever signs between its parts."""
    plain = re.sub(r"[\W_]+", "", value).casefold()
    return value in text or (len(plain) >= 5 and plain in re.sub(r"[\W_]+", "", text).casefold())


def _folded(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text).casefold().strip()


# ---- Into LangSmith: a dataset of masked questions, and a run of it with scores

_RIGHT = frozenset({"right", "rightly not found"})


def client_at(url: str, key: str) -> langsmith.Client:
    """Return a client that sends to one endpoint, at once, what it is given.

    A new dataset says beside it which versions of Python, packages and system made it.
    """
    return langsmith.Client(
        api_url=url, api_key=key, auto_batch_tracing=False, omit_traced_runtime_info=True
    )


class Experiment:
    """One run of a dataset: `Experiment(client, "leases").add(question, score)`.

    Documents stay here. Questions and answers are masked in the session that they were asked in,
    by what the guard knows too; what the file lists as private is private there. LangSmith's own
    `evaluate()` is not used: it sends who wrote the last commit of the folder that it runs in.

    Args:
        client: See `client_at`.
        name: Of the dataset; one of that name is used again, so that runs can be compared.

    Raises:
        ConfigurationError: The endpoint does not answer as LangSmith does.
    """

    def __init__(self, client: langsmith.Client, name: str) -> None:
        self._client = client
        began = datetime.now(UTC)
        self._name = f"{name} {began:%Y-%m-%d %H:%M:%S} {uuid4().hex[:4]}"
        self._known: set[str] = set()
        try:
            if client.has_dataset(dataset_name=name):
                self._dataset = client.read_dataset(dataset_name=name).id
                known = client.list_examples(dataset_id=self._dataset)
                self._known = {str(example.id) for example in known}
            else:
                self._dataset = client.create_dataset(name).id
            made = client.create_project(self._name, reference_dataset_id=self._dataset)
            self._project = made.id
        except Exception as error:  # noqa: BLE001 - the client raises whatever its transport does
            kind = type(error).__name__
        else:
            return
        msg = f"LangSmith's endpoint did not take the dataset ({kind}): check its URL and key."
        raise ConfigurationError(msg)

    def add(self, question: Question, score: Score) -> None:
        """Write down one question and what it came to, masked.

        Raises:
            ConfigurationError: The endpoint did not take it.
        """
        try:
            self._add(question, score)
        except Exception as error:  # noqa: BLE001 - its text may quote what was sent
            kind = type(error).__name__
        else:
            return
        msg = f"LangSmith's endpoint did not take a run ({kind})."
        raise ConfigurationError(msg)

    def _add(self, question: Question, score: Score) -> None:
        masked = score.masked
        example = str(uuid5(self._dataset, question.id))
        if example not in self._known:
            self._client.create_examples(
                dataset_id=self._dataset,
                examples=[
                    {
                        "id": example,
                        "inputs": {"task": masked["task"]},
                        "outputs": {"answers": masked["answers"]},
                        "metadata": {"question": masked["id"]},
                    }
                ],
            )
            self._known.add(example)
        run, ended = uuid4(), datetime.now(UTC)
        self._client.create_run(
            "minion",
            {"task": masked["task"]},
            "chain",
            id=run,
            outputs={"answer": masked["answer"], "verdict": score.verdict},
            reference_example_id=example,
            project_name=self._name,
            start_time=ended - timedelta(seconds=score.seconds),
            end_time=ended,
        )
        for key, value in _feedback(score).items():
            self._client.create_feedback(run, key, score=value, session_id=self._project)


def _feedback(score: Score) -> dict[str, float]:
    counts: dict[str, Any] = {
        "honest": score.verdict in _RIGHT,
        "wrong": score.verdict == "wrong",
        "leaks": score.leaks,
        "refused": score.refused,
        "evidence_characters": score.evidence,
        "remote_tokens": score.remote_tokens,
        "local_tokens": score.local_tokens,
        "document_tokens": score.document_tokens,
    }
    if score.cost is not None:
        counts["cost"] = score.cost
    return {key: float(value) for key, value in counts.items()}
