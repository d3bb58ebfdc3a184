"""How much of a model's accuracy private SQL keeps, and what the masking damages.

    python benchmarks/sql_accuracy.py [--defog ../shared/data/defog]

The remote model is scripted and competent: it knows the gold statement of each question, sees what
a model would see (the question with placeholders, the slots), and writes the statement with the
slots that it is shown. What a real model would lose beside it is its own;
`langchain-privacy eval-sql` measures that. Damage: a question loses a word that is no literal of
any of its gold statements.
"""

import argparse
import csv
import json
import re
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from anywhere

import sqlglot
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr
from sqlglot import exp

from benchmarks.sql_questions import HOSPITAL, TRADES, make_hospital, make_trades
from langchain_privacy.masking import Masker
from langchain_privacy.sql import SQLPolicy
from langchain_privacy.sql.accuracy import Accuracy, Case, measure
from langchain_privacy.words import load_by_kind

PLACEHOLDER = re.compile(r"\[[A-Z_]+_[0-9A-Z]{4,}\]")
SLOT = re.compile(r"^:(v\d+) = (\[[^\]]+\]) (.*)$", re.MULTILINE)


class Competent(BaseChatModel):
    """Writes the gold statement of the question that it recognises, with the slots it is shown."""

    gold: dict[str, str]
    dialect: str = "sqlite"
    _hidden: list[tuple[str, str]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "competent"

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """Each question with a stretch of it that was hidden."""
        return self._hidden

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        asked = messages[1].text
        question = asked.partition("question: ")[2].partition("\nslots:")[0]
        original, stretches = self._recognised(question)
        sql = self.gold[original]
        for name, placeholder, how in SLOT.findall(asked):
            said = stretches.get(placeholder, "")
            self._hidden.append((original, said))
            sql = with_slot(sql, name, said, how)
        body = {"prepared_sql": sql, "template": {"full": "", "single": "", "empty": ""}}
        message = AIMessage(json.dumps(body, ensure_ascii=False))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _recognised(self, question: str) -> tuple[str, dict[str, str]]:
        """Find which question it is, and what stood where the placeholders are."""
        if question in self.gold:
            return question, {}
        marks = PLACEHOLDER.findall(question)
        parts = map(re.escape, PLACEHOLDER.split(question))
        pattern = re.compile("(.+?)".join(parts), re.DOTALL)
        for original in self.gold:
            if found := pattern.fullmatch(original):
                return original, dict(zip(marks, found.groups(), strict=True))
        return next(iter(self.gold)), {}


def folded(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())


def spelled(said: str) -> list[str]:
    """Return a hidden stretch as a literal may write it: a state by its code, too."""
    code = load_by_kind("us_states").get(said)
    return [folded(said), *([folded(code)] if code else [])]


def with_slot(sql: str, name: str, said: str, how: str) -> str:
    """Write a parameter for the literal that a hidden stretch is."""
    words = spelled(said)

    def meant(literal: str) -> bool:
        text = folded(literal)
        return bool(text) and any(
            word in text or (text in word and len(text) > 1) for word in words if word
        )

    for found in re.finditer(r"(=|LIKE|ILIKE|IN \(|,)(\s*)'((?:[^']|'')*)'", sql, re.IGNORECASE):
        operator, space, literal = found.groups()
        if not meant(literal):
            continue
        if operator == "=" and "is a part" in how:
            new = f"LIKE '%' || :{name} || '%'"
        elif literal.startswith("%") or literal.endswith("%"):
            before = "'%' || " if literal.startswith("%") else ""
            after = " || '%'" if literal.endswith("%") else ""
            new = f"{operator}{space}{before}:{name}{after}"
        else:
            new = f"{operator}{space}:{name}"
        return sql[: found.start()] + new + sql[found.end() :]
    return sql


def literals(statements: Sequence[str]) -> set[str]:
    """Return the literals of statements, folded."""
    return {
        folded(text)
        for sql in statements
        for text in [*re.findall(r"'((?:[^']|'')*)'", sql), *re.findall(r"\b\d+\b", sql)]
    }


def damaged(cases: Sequence[Case], hidden: Sequence[tuple[str, str]]) -> list[str]:
    """Return the questions that lost a word which is no literal of their gold statements."""
    gold = {case.question: literals(case.gold) for case in cases}
    lost = {
        question
        for question, said in hidden
        if not any(
            word in text or (len(text) > 2 and text in word)
            for text in gold[question]
            for word in spelled(said)
        )
    }
    return sorted(lost)


def asked(url: str, cases: Sequence[Case], detectors: Any) -> tuple[Accuracy, Competent]:
    model = Competent(gold={case.question: case.gold[0] for case in cases})
    found = measure(
        cases, model, url, masker=Masker(detectors), compare=True, narration="table",
        policy=SQLPolicy(k=0, max_length=20_000),
    )  # fmt: skip
    return found, model


# ---- defog's schemas, by way of DuckDB, which reads PostgreSQL's dates


def _lite(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, (date, time)) else value


def make_defog(script: Path, file: Path) -> str:
    """Load one of defog's scripts into a SQLite file and return its URL."""
    import duckdb

    text = script.read_text().replace(" min'", " minutes'").replace("mins'", "minutes'")
    duck, lite = duckdb.connect(":memory:"), sqlite3.connect(file)
    for tree in sqlglot.parse(text, read="postgres"):
        if tree is None or not (
            tree.key == "insert" or (tree.key == "create" and tree.kind == "TABLE")
        ):
            continue
        for table in tree.find_all(exp.Table):
            table.set("db", None)
        for column in tree.find_all(exp.ColumnDef):
            kept = [
                c
                for c in column.args.get("constraints") or ()
                if isinstance(c.kind, exp.PrimaryKeyColumnConstraint)
            ]
            column.set("constraints", kept)
        for kind in tree.find_all(exp.DataType):
            if kind.this in (exp.DType.SERIAL, exp.DType.BIGSERIAL):
                kind.set("this", exp.DType.INT)
        for written in tree.find_all(exp.TimeToStr):
            written.set("format", exp.Literal.string("%Y%m%d %H:%M:%S"))
        if tree.key == "create":
            copy = tree.copy()
            for key in list(copy.find_all(exp.ForeignKey)):
                key.pop()
            lite.execute(copy.sql(dialect="sqlite"))
            for key in list(tree.find_all(exp.ForeignKey, exp.PrimaryKey)):
                key.pop()
        duck.execute(tree.sql(dialect="duckdb"))
    for (name,) in duck.execute("SELECT table_name FROM information_schema.tables").fetchall():
        rows = [
            tuple(map(_lite, row)) for row in duck.execute(f'SELECT * FROM "{name}"').fetchall()
        ]
        if rows:
            marks = ",".join("?" * len(rows[0]))
            lite.executemany(f'INSERT INTO "{name}" VALUES ({marks})', rows)
    lite.commit()
    lite.close()
    return f"sqlite:///{file}"


def defog(folder: Path) -> Iterator[tuple[str, list[Case]]]:
    """Yield each of defog's databases with its questions."""
    by_name: dict[str, dict[str, tuple[str, ...]]] = {}
    for name in (
        "questions_gen_sqlite.csv",
        "questions_gen_postgres.csv",
        "instruct_basic_postgres.csv",
    ):
        with (folder / name).open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                gold = tuple(s.strip() for s in row["query"].split(";") if s.strip())
                by_name.setdefault(row["db_name"], {}).setdefault(row["question"], gold)
    for name, questions in by_name.items():
        yield name, [Case(question, gold) for question, gold in questions.items()]


def shown(name: str, found: Accuracy, lost: Sequence[str]) -> None:
    print(f"\n{name}")
    for what, figure in found.figures().items():
        print(f"  {what:<26}{figure}")
    print(f"  {'damaged by masking':<26}{len(lost)}")
    for question in lost:
        print(f"    damaged: {question}")
    for outcome in found.outcomes:
        if outcome.how != "right" and outcome.plain:
            print(f"    {outcome.how}: {outcome.case.question} {outcome.issues}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--defog", type=Path, help="folder with defog's questions and schemas")
    parser.add_argument("--detectors", action="store_true", help="the default detectors too")
    arguments = parser.parse_args()
    detectors: Any = None if arguments.detectors else []
    with tempfile.TemporaryDirectory() as folder:
        sets = [
            ("trades (Korean)", make_trades(Path(folder) / "trades.sqlite"), TRADES),
            ("hospital (Korean)", make_hospital(Path(folder) / "hospital.sqlite"), HOSPITAL),
        ]
        for name, url, pairs in sets:
            cases = [Case(question, (sql,)) for question, sql in pairs]
            found, model = asked(url, cases, detectors)
            shown(name, found, damaged(cases, model.hidden))
        if arguments.defog:
            every, lost, count = [], [], 0
            for name, cases in defog(arguments.defog):
                url = make_defog(arguments.defog / f"{name}.sql", Path(folder) / f"{name}.sqlite")
                found, model = asked(url, cases, detectors)
                every += found.outcomes
                print(name, len(cases), found.accuracy, flush=True)
                lost += damaged(cases, model.hidden)
                count += len(cases)
            shown("defog", Accuracy(every), lost)


if __name__ == "__main__":
    main()
