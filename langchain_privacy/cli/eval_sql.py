"""`langchain-privacy eval-sql QUESTIONS --database URL --model MODEL`: how often answers are right.

QUESTIONS is a CSV file with the columns `question` and `query`; gold statements that are equally
good stand in one cell, with semicolons between them.
"""

import argparse
import csv
import json
from collections.abc import Iterator
from pathlib import Path

from langchain_privacy.cli.progress import working
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.locale import say


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = (
        "Values of questions do not leave; with --compare the same questions are asked a second "
        "time as they are. Exit code 1: a wrong answer without a word, or accuracy below --least."
    )
    parser.add_argument("questions", type=Path, help="CSV file with columns question and query")
    parser.add_argument("--database", required=True, metavar="URL", help="a SQLAlchemy URL")
    parser.add_argument("--model", required=True, help="as init_chat_model takes it: openai:gpt-5")
    parser.add_argument("--base-url", help="of a server that speaks the provider's protocol")
    parser.add_argument("--compare", action="store_true", help="ask without privacy too")
    parser.add_argument(
        "--least", type=float, default=0.0, metavar="SHARE", help="of right answers"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(arguments: argparse.Namespace) -> int:
    """Ask every question and return the exit code."""
    try:
        from langchain.chat_models import init_chat_model
    except ImportError:
        msg = 'eval-sql needs LangChain: pip install "langchain-privacy[agents,sql]"'
        raise ConfigurationError(msg) from None
    from langchain_privacy.sql.accuracy import Case, measure

    with arguments.questions.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"question", "query"} <= rows[0].keys():
        msg = "The file of questions needs the columns question and query."
        raise ConfigurationError(msg)
    cases = [Case(row["question"], tuple(statements(row["query"]))) for row in rows]
    settings = {"base_url": arguments.base_url} if arguments.base_url else {}
    model = init_chat_model(arguments.model, **settings)
    with working(say("asking"), total=len(cases)) as advance:

        def asked() -> Iterator[Case]:
            for case in cases:
                yield case
                advance()

        found = measure(asked(), model, arguments.database, compare=arguments.compare)
    if arguments.format == "json":
        print(json.dumps(found.figures()))
    else:
        print("\n".join(f"{name:<28}{figure}" for name, figure in found.figures().items()))
    return int(found.count("silent") > 0 or found.accuracy < arguments.least)


def statements(text: str) -> list[str]:
    """Return the statements of a cell."""
    return [part.strip() for part in text.split(";") if part.strip()]
