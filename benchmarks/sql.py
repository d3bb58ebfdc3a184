"""What the guard, the masking and the restoring of private SQL cost; beside agent-sql-guard.

    python benchmarks/sql.py [--peer /path/to/python] [--rounds 15]

agent-sql-guard needs sqlglot below 27, this package pins 30: the peer runs in the same minutes, on
the same machine, in an interpreter of its own (`--peer`, an environment with agent-sql-guard
installed), over the same statement, timed in there the same way. Times are processor time: the
machine may be busy with other things.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from anywhere

from langchain_privacy.masking import Masker
from langchain_privacy.masking.cells import KIND, token, write_result
from langchain_privacy.sql import SchemaCard, SQLPolicy, check_sql

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
import json, statistics, sys, time
from sql_guard import PiiDenylist, SqlGuard, SqlGuardConfig
ask = json.load(sys.stdin)
guard = SqlGuard(SqlGuardConfig(
    pii_denylist=PiiDenylist(columns=frozenset({"rrn"}), substrings=frozenset()),
    allowed_tables=frozenset(ask["tables"]),
    dialect="sqlite",
))
call = guard.evaluate_static
def once():
    started = time.process_time()
    call(ask["statement"])
    return (time.process_time() - started) * 1000
once()
print(json.dumps([once() for _ in range(ask["rounds"] * 4)]))
"""


def timed(work: Callable[[], Any], rounds: int) -> float:
    work()
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        taken.append((time.process_time() - started) * 1000)
    return statistics.median(taken)


def peer(python: str, rounds: int) -> float | None:
    """Time agent-sql-guard in its own interpreter; `None` when it cannot be run."""
    ask = {"statement": STATEMENT, "rounds": rounds, "tables": list(COLUMNS)}
    done = subprocess.run(
        [python, "-c", PEER], input=json.dumps(ask), capture_output=True, text=True, check=False
    )
    if done.returncode:
        return None
    return statistics.median(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", help="interpreter that has agent-sql-guard")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    card = SchemaCard(COLUMNS)
    policy = SQLPolicy()

    alone = {
        dialect: timed(
            lambda dialect=dialect: check_sql(STATEMENT, card, policy, dialect),
            arguments.rounds * 4,
        )
        for dialect in ("sqlite", "postgresql", "duckdb", "mysql")
    }
    lines = STATEMENT.count("\n")
    for dialect, ms in alone.items():
        print(f"guard alone, {lines} lines, {dialect:10} {ms:7.2f} ms   (bound 5)")

    labels = [f"column {i}" for i in range(WIDTH)]
    rows = [tuple(f"value {r} {c}" if c % 2 else r * c for c in range(WIDTH)) for r in range(ROWS)]
    masker = Masker([])

    def whole(told: str, last: str) -> None:
        check_sql(STATEMENT, card, policy, "sqlite")
        session = masker.session()
        session.vault.documents.put(write_result(1, labels, rows), {"kind": KIND, "number": 1})
        assert last in session.restore(told)

    for told_rows in (20, ROWS):
        told = "\n".join(
            f"{r}. " + ", ".join(token(r, label) for label in labels)
            for r in range(1, told_rows + 1)
        )
        last = f"value {told_rows - 1} 9"
        ms = timed(lambda told=told, last=last: whole(told, last), arguments.rounds)
        print(
            f"guard + mask + restore, {ROWS} x {WIDTH}, {told_rows:5} rows told {ms:7.2f} ms"
            "   (bound 25)"
        )

    if arguments.peer:
        theirs = peer(arguments.peer, arguments.rounds)
        if theirs is None:
            print("agent-sql-guard could not be run by that interpreter")
        else:
            ratio = theirs / alone["sqlite"]
            print(
                f"agent-sql-guard, same statement   {theirs:7.2f} ms   (theirs / ours {ratio:.2f})"
            )


if __name__ == "__main__":
    main()
