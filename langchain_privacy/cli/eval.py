"""`langchain-privacy eval FILE.jsonl`: how well the Minion loop does on your own questions.

    langchain-privacy eval questions.jsonl --local ollama:qwen3:4b --remote openai:gpt-4o-mini

Each line is a question: `{"task", "documents": [path or {"text": ...}], "answer", "private"}`.
Paths are looked for beside the file. `answer` is what must stand in the answer, a list of
alternatives, or `null` where the documents do not say. `private` are values that must not cross.
What is printed is counts; answers go to the file of `--details`, for its owner only. With
`--langsmith NAME --langsmith-url URL` the masked questions, answers and counts go to LangSmith.
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from rich.cells import cell_len

from langchain_privacy.cli import write_for_owner
from langchain_privacy.cli.progress import working
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.locale import say

_GRAPHS = ("minion", "minions")


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add = parser.add_argument
    model = "KIND:NAME[@URL]"
    add("file", type=Path, metavar="FILE", help="questions, one JSON object a line")
    add(
        "--local", default="none", metavar=model, help="ollama, openai; or embedded, none (default)"
    )
    add("--remote", default="none", metavar=model, help="openai; or none (default)")
    add("--graph", choices=_GRAPHS, default="minion", help="one document after the other, or jobs")
    add("--evidence", choices=["masked", "none"], default="masked", help="what may cross")
    add("--strict", action="store_true", help="mask whatever is not known to be public")
    add(
        "--details", type=Path, metavar="FILE", help="write each answer there, real values included"
    )
    add("--langsmith", metavar="NAME", help="write the run, masked, as one of this dataset")
    add("--langsmith-url", metavar="URL", help="where to; LANGSMITH_API_KEY is its key")


def run(arguments: argparse.Namespace) -> int:
    """Ask the questions; 1 when a private value crossed."""
    # Imported when the command runs: the layers keep it out of the start of the others.
    from langchain_privacy.minions.evaluation import (
        Experiment,
        Score,
        ask,
        client_at,
        read_questions,
    )

    if (arguments.langsmith is None) != (arguments.langsmith_url is None):
        msg = "--langsmith NAME and --langsmith-url URL go together: no endpoint is assumed."
        raise ConfigurationError(msg)
    questions = read_questions(arguments.file)
    settings: dict[str, Any] = {
        "local": _model(arguments.local),
        "remote": _model(arguments.remote),
        "many": arguments.graph == "minions",
        "evidence": arguments.evidence,
        "strict": arguments.strict,
    }
    experiment: Experiment | None = None
    if arguments.langsmith:
        key = os.environ.get("LANGSMITH_API_KEY") or "none"
        experiment = Experiment(client_at(arguments.langsmith_url, key), arguments.langsmith)
    scores: list[Score] = []
    for number, question in enumerate(questions, start=1):
        what = say("question {number} of {all}", number=number, all=len(questions))
        with working(what) as advance:  # counts the jobs of `--graph minions`
            scores.append(ask(question, on_job=advance, **settings))
        if experiment is not None:
            experiment.add(question, scores[-1])
        print(f"{number}/{len(questions)} {question.id}: {say(scores[-1].verdict)}", flush=True)
    for line in _lines(scores):
        print(line)
    if arguments.details:
        text = "".join(json.dumps(score.details(), ensure_ascii=False) + "\n" for score in scores)
        write_for_owner(arguments.details, text)
    return 1 if any(score.leaks for score in scores) else 0


def _lines(scores: Sequence[Any]) -> list[str]:
    verdicts = Counter(score.verdict for score in scores)
    share = 100 / len(scores)
    good = verdicts["right"] + verdicts["rightly not found"]
    tokens = sum(score.remote_tokens for score in scores)
    whole = sum(score.document_tokens for score in scores)
    costs = [score.cost for score in scores if score.cost is not None]
    rows = [(say(name), str(verdicts[name])) for name in sorted(verdicts)]
    rows += [
        (say("honest"), f"{good}/{len(scores)} ({good * share:.0f} %)"),
        (say("private values that crossed"), str(sum(score.leaks for score in scores))),
        (say("crossings refused"), str(sum(score.refused for score in scores))),
        (say("characters of evidence that crossed"), f"{sum(s.evidence for s in scores):,}"),
        (
            say("remote tokens"),
            say(
                "{tokens:,}, {share:.3f} of the documents' {whole:,}",
                tokens=tokens,
                share=tokens / max(1, whole),
                whole=whole,
            ),
        ),
        (say("local tokens"), f"{sum(score.local_tokens for score in scores):,}"),
        (
            say("cost"),
            f"{sum(costs):.4f} USD" if len(costs) == len(scores) else say("not known"),
        ),
        (say("seconds a question"), f"{sum(score.seconds for score in scores) / len(scores):.1f}"),
    ]
    return [f"{name}{' ' * (36 - cell_len(name))} {value}" for name, value in rows]


def _model(text: str) -> BaseChatModel | None:
    """Make a model of `ollama:qwen3:4b@http://127.0.0.1:11434`."""
    if text == "none":
        return None
    if text == "embedded":
        from langchain_privacy.local import embedded_chat_model

        return embedded_chat_model()
    kind, _, rest = text.partition(":")
    name, _, url = rest.partition("@")
    if kind not in ("ollama", "openai") or not name:
        msg = (
            f"{text!r} names no model: ollama:NAME, openai:NAME, each with @URL, embedded or none."
        )
        raise ConfigurationError(msg)
    try:
        if kind == "ollama":
            from langchain_ollama import ChatOllama

            return ChatOllama(model=name, temperature=0, base_url=url or None)
        from langchain_openai import ChatOpenAI

        key: Any = None if os.environ.get("OPENAI_API_KEY") else "none"
        return ChatOpenAI(model=name, temperature=0, base_url=url or None, api_key=key)
    except ImportError:
        msg = f'For {kind} models: pip install "langchain-privacy[{kind}]"'
        raise ConfigurationError(msg) from None
