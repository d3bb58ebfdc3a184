"""Write an evaluation into LangSmith: a dataset of masked questions, and a run of it with scores.

    experiment = Experiment(client, "leases")
    experiment.add(question, score)

`langchain-privacy eval ... --langsmith NAME --langsmith-url URL` does so, at the endpoint that the
user names and no other. Documents stay here. Questions and answers are masked in the session that
they were asked in, by what the guard knows too; what the file lists as private is private there.
LangSmith's own `evaluate()` is not used: it sends who wrote the last commit of the folder that it
runs in.
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import langsmith

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.minions.evaluation import Question, Score

_RIGHT = frozenset({"right", "rightly not found"})


def client_at(url: str, key: str) -> langsmith.Client:
    """Return a client that sends to one endpoint, at once, what it is given.

    A new dataset says beside it which versions of Python, packages and system made it.
    """
    return langsmith.Client(
        api_url=url, api_key=key, auto_batch_tracing=False, omit_traced_runtime_info=True
    )


class Experiment:
    """One run of a dataset.

    Args:
        client: See `client_at`.
        name: Of the dataset; one of that name is used again, so that runs can be compared.

    Raises:
        ConfigurationError: The endpoint does not answer as LangSmith does.
    """

    def __init__(self, client: langsmith.Client, name: str) -> None:
        self._client = client
        began = datetime.now(UTC)
        self._name = f"{name} {began:%Y-%m-%d %H:%M:%S} {uuid.uuid4().hex[:4]}"
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
        example = str(uuid.uuid5(self._dataset, question.id))
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
        run, ended = uuid.uuid4(), datetime.now(UTC)
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
