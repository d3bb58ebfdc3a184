"""What the guard, the masking and the restoring of private SQL cost; beside agent-sql-guard.

    python benchmarks/sql.py [--rounds 15] [--data ../shared/data]

agent-sql-guard needs sqlglot below 27, this package pins 30: the peer runs in the same minutes, in
an interpreter of its own that `make bench` makes, over the same statements, timed in there the same
way, in blocks between ours. CPU time, medians. The accuracy is that of a scripted model that knows
the gold statement of each question (`benchmarks/sql_accuracy.py`).
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from anywhere

from benchmarks.measured import peers, turns
from benchmarks.measured.record import run
from benchmarks.measured.tables import Table
from benchmarks.sql_accuracy import asked, damaged, defog, make_defog
from benchmarks.sql_corpus import CARD, DENIED, right_verdict
from benchmarks.sql_questions import HOSPITAL, TRADES, make_hospital, make_trades
from langchain_privacy.masking import Masker
from langchain_privacy.masking.cells import KIND, token, write_result
from langchain_privacy.sql import SchemaCard, SQLPolicy, check_sql
from langchain_privacy.sql.accuracy import Accuracy, Case

STATEMENT = """WITH monthly AS (
  SELECT t.district AS district,
         t.month AS month,
         COUNT(*) AS trades,
         AVG(t.price) AS average_price,
         MAX(t.price) AS highest_price
  FROM trade AS t
  JOIN complex AS c
    ON c.name = t.name
  WHERE t.floor BETWEEN 5 AND 30
    AND t.built >= 1995
    AND c.households > 300
  GROUP BY t.district, t.month
  HAVING COUNT(*) >= 5
), ranked AS (
  SELECT district, month, trades, average_price, highest_price,
         RANK() OVER (PARTITION BY month ORDER BY average_price DESC) AS place,
         LAG(average_price) OVER (PARTITION BY district ORDER BY month) AS before
  FROM monthly
)
SELECT district, month, trades, average_price, highest_price,
       CASE WHEN before IS NULL THEN 0
            ELSE (average_price - before) / before
       END AS change,
       place
FROM ranked
WHERE place <= 10
ORDER BY month, place
LIMIT 100
"""
COLUMNS = {
    "trade": ["id", "district", "name", "price", "month", "floor", "built", "area"],
    "complex": ["id", "name", "households"],
}
ROWS, WIDTH = 1_000, 10

PEER = """
import json, resource, statistics, sys, time
from sql_guard import PiiDenylist, SqlGuard, SqlGuardConfig
ask = json.load(sys.stdin)
def guard(dialect):
    return SqlGuard(SqlGuardConfig(
        pii_denylist=PiiDenylist(columns=frozenset(ask["denied"]), substrings=frozenset()),
        allowed_tables=frozenset(ask["tables"]),
        dialect={"postgresql": "postgres"}.get(dialect, dialect),
    ))
def once(call, statement):
    started = time.process_time()
    call(statement)
    return time.process_time() - started
timed = {}
for dialect in ask["dialects"]:
    call = guard(dialect).evaluate_static
    once(call, ask["statement"])
    timed[dialect] = statistics.median(once(call, ask["statement"]) for _ in range(ask["rounds"]))
guards = {dialect: guard(dialect) for dialect in {r["dialect"] for r in ask["records"]}}
verdicts = [
    "refuse" if guards[r["dialect"]].evaluate_static(r["sql"]).denied else "allow"
    for r in ask["records"]
]
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"timed": timed, "verdicts": verdicts, "memory": memory}))
"""
DIALECTS = ("sqlite", "postgresql", "duckdb", "mysql")


def theirs(**ask: Any) -> dict[str, Any]:
    empty = {"dialects": [], "records": [], "rounds": 1, "denied": ["rrn"], "tables": list(COLUMNS)}
    answer: dict[str, Any] = peers.asked("sql", PEER, {**empty, "statement": STATEMENT, **ask})
    return answer


def speed(rounds: int) -> Table:
    card, policy = SchemaCard(COLUMNS), SQLPolicy()
    ours: dict[str, list[float]] = {dialect: [] for dialect in DIALECTS}
    peer: dict[str, list[float]] = {dialect: [] for dialect in DIALECTS}
    checks: dict[str, Callable[[], object]] = {
        dialect: lambda dialect=dialect: check_sql(STATEMENT, card, policy, dialect)
        for dialect in DIALECTS
    }
    turns.in_turns(checks, 1)
    for _ in range(3):  # ours and theirs in alternation
        for dialect, seconds in turns.in_turns(checks, rounds).items():
            ours[dialect].append(statistics.median(seconds))
        for dialect, median in theirs(dialects=DIALECTS, rounds=rounds)["timed"].items():
            peer[dialect].append(median)
    ratios = {dialect: turns.paired(peer[dialect], ours[dialect]) for dialect in DIALECTS}
    rows = [
        [
            f"a statement of {STATEMENT.count(chr(10))} lines, {dialect}",
            turns.median_ms(ours[dialect]),
            turns.median_ms(peer[dialect]),
            f"{ratios[dialect]:.2f}",
        ]
        for dialect in DIALECTS
    ]
    rows += [
        [f"guard, masking, restoring: {ROWS:,} × {WIDTH} cells, {told:,} rows told",
         turns.median_ms(whole(told, rounds)), "–", "–"]
        for told in (20, ROWS)
    ]  # fmt: skip
    return Table(
        name="sql",
        title="The guard of SQL",
        columns=["", "ours", "agent-sql-guard", "theirs by ours"],
        rows=rows,
        ratio=f"agent-sql-guard / ours on SQLite {ratios['sqlite']:.2f}, PostgreSQL "
        f"{ratios['postgresql']:.2f} (bounds of ours: 5 ms for the guard, 25 ms with the cells).",
        how="CPU time of one check. Theirs says yes or no; ours writes the statement anew and "
        "knows each column that it reads.",
        not_measured="the database; memory beside time (both parse one statement and keep "
        "nothing).",
        versions=peers.fixed("sql"),
    )


def whole(told_rows: int, rounds: int) -> list[float]:
    """Time a check, a result written to the vault, and an answer about it restored."""
    card, policy, masker = SchemaCard(COLUMNS), SQLPolicy(), Masker([])
    labels = [f"column {i}" for i in range(WIDTH)]
    rows = [tuple(f"value {r} {c}" if c % 2 else r * c for c in range(WIDTH)) for r in range(ROWS)]
    told = "\n".join(
        f"{r}. " + ", ".join(token(r, label) for label in labels) for r in range(1, told_rows + 1)
    )

    def work() -> None:
        check_sql(STATEMENT, card, policy, "sqlite")
        session = masker.session()
        session.vault.documents.put(write_result(1, labels, rows), {"kind": KIND, "number": 1})
        assert f"value {told_rows - 1} 9" in session.restore(told)

    work()
    return [turns.cpu(work) for _ in range(rounds)]


def verdicts(data: Path) -> list[Table]:
    """Compare with a corpus of statements that others wrote, where it is there."""
    corpus = data / "sql_corpus.jsonl"
    if not corpus.exists():
        return []
    records = [json.loads(line) for line in corpus.read_text("utf-8").splitlines()]
    denied = [column for columns in DENIED.values() for column in columns]
    answered = theirs(records=records, tables=[table.name for table in CARD.tables], denied=denied)[
        "verdicts"
    ]
    rows, refused = [], {"ours": 0.0, "theirs": 0.0}
    for wanted in ("allow", "refuse"):
        of = [
            (right_verdict(record), verdict == wanted)
            for record, verdict in zip(records, answered, strict=True)
            if record["verdict"] == wanted
        ]
        ours, peer = (sum(side) for side in zip(*of, strict=True))
        rows.append([f"to {wanted}", f"{ours} of {len(of)}", f"{peer} of {len(of)}"])
        if wanted == "refuse":
            refused = {"ours": ours / len(of), "theirs": peer / len(of)}
    return [
        Table(
            name="sql-verdicts",
            title="Right verdicts over a corpus of statements",
            columns=["", "ours", "agent-sql-guard"],
            rows=rows,
            ratio=f"Of what is to be refused ours refuses {refused['ours']:.1%}, agent-sql-guard "
            f"{refused['theirs']:.1%}.",
            how=f"{len(records)} statements in four dialects, attacks among them, with the verdict "
            "of who wrote them. Both are told the tables and the denied columns; agent-sql-guard "
            "has no notion of groups that are too small or of a row's own values.",
            not_measured="statements of real models: the accuracy below.",
            versions=peers.fixed("sql"),
        )
    ]


def accuracy(data: Path) -> Table:
    rows: list[list[str]] = []
    kept: dict[str, float] = {}

    def row(name: str, found: Accuracy, lost: int) -> None:
        figures = found.figures()
        kept[name] = figures["right"] / max(0.001, figures["right without privacy"])
        rows.append(
            [
                name,
                f"{len(found.outcomes)}",
                f"{figures['right without privacy']:.1%}",
                f"{figures['right']:.1%}",
                f"{figures['wrong without a word']:.0f}",
                f"{lost}",
            ]
        )

    with tempfile.TemporaryDirectory() as folder:
        for name, url, pairs in [
            ("trades (Korean)", make_trades(Path(folder) / "trades.sqlite"), TRADES),
            ("hospital (Korean)", make_hospital(Path(folder) / "hospital.sqlite"), HOSPITAL),
        ]:
            cases = [Case(question, (sql,)) for question, sql in pairs]
            found, model = asked(url, cases, [])
            row(name, found, len(damaged(cases, model.hidden)))
        if (data / "defog").exists():
            every: list[Any] = []
            lost = 0
            for name, cases in defog(data / "defog"):
                url = make_defog(data / "defog" / f"{name}.sql", Path(folder) / f"{name}.sqlite")
                found, model = asked(url, cases, [])
                every += found.outcomes
                lost += len(damaged(cases, model.hidden))
            row("defog", Accuracy(every), lost)
    least = min(kept.values())
    return Table(
        name="sql-accuracy",
        title="Accuracy that private SQL keeps",
        columns=[
            *("questions of", "number", "right without privacy", "right with it"),
            *("wrong without a word", "damaged by masking"),
        ],
        rows=rows,
        ratio=f"Right with privacy / without: {least:.2f} at least.",
        how="A scripted model that knows the gold statement writes it with the slots that it is "
        "shown, so that what is lost is lost by us. Damaged: the question lost a word that is no "
        "literal of its statements.",
        not_measured="agent-sql-guard answers no questions. What a real model loses beside it: "
        "`langchain-privacy eval-sql`.",
    )


def measure(arguments: argparse.Namespace) -> list[Table]:
    tables = [speed(arguments.rounds)]
    return [*tables, *verdicts(arguments.data), accuracy(arguments.data)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--data", type=Path, default=peers.ROOT.parent / "shared" / "data")
    run(measure, parser)
