"""The verdicts of the guard over statements, and what a hardened database stops on its own.

    python benchmarks/sql_corpus.py [--corpus ../shared/data/sql_corpus.jsonl]

A record is {"dialect", "sql", "verdict"}. The refused statements are run past the guard as well, on
SQLite and DuckDB files made for it: one that the engine lets through is the guard's to stop. All
are also read as Snowflake's: what is refused has to be refused there, what is allowed need not be
known.
"""

import argparse
import json
import sqlite3
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from anywhere

from langchain_privacy.errors import QueryError, UnsafeSQLError
from langchain_privacy.sql import SchemaCard, SQLPolicy, check_sql
from langchain_privacy.sql.execute import open_database

DENIED = {"buyer": ["성명", "주민등록번호", "전화번호"]}
CARD = SchemaCard(
    {
        "real_transaction": [
            *("id", "시군구", "단지명", "전용면적_m2", "거래금액_만원"),
            *("계약년월", "계약일", "층", "건축년도", "거래유형"),
        ],
        "danji": ["danji_id", "단지명", "세대수", "준공년월"],
        "buyer": ["buyer_id", "성명", "주민등록번호", "전화번호", "출생년도", "거래id"],
    },
    denied_columns=DENIED,
)
TABLES = [
    "CREATE TABLE real_transaction (id INTEGER, 시군구 TEXT, 단지명 TEXT, 전용면적_m2 REAL, "
    "거래금액_만원 INTEGER, 계약년월 TEXT, 계약일 INTEGER, 층 INTEGER, 건축년도 INTEGER, "
    "거래유형 TEXT)",
    "CREATE TABLE danji (danji_id INTEGER, 단지명 TEXT, 세대수 INTEGER, 준공년월 TEXT)",
    "CREATE TABLE buyer (buyer_id INTEGER, 성명 TEXT, 주민등록번호 TEXT, 전화번호 TEXT, "
    "출생년도 INTEGER, 거래id INTEGER)",
    "CREATE TABLE staff_salary (emp_id INTEGER, name TEXT, salary INTEGER)",
    "CREATE VIEW v_buyer_all AS SELECT * FROM buyer",
    *(
        f"INSERT INTO real_transaction VALUES ({i}, '서울특별시 성동구 옥수동', '단지{i % 9}', "
        "84.9, "
        f"{10000 + i}, '202401', 1, {i % 30}, 2000, '중개')"
        for i in range(400)
    ),
    *(f"INSERT INTO buyer VALUES ({i}, '가', '나', '다', 1980, {i})" for i in range(400)),
]


def databases(folder: Path) -> dict[str, str]:
    connection = sqlite3.connect(folder / "corpus.sqlite")
    connection.executescript(";".join(TABLES))
    connection.close()
    found = {"sqlite": f"sqlite:///{folder / 'corpus.sqlite'}"}
    try:
        import duckdb
    except ImportError:
        return found
    with duckdb.connect(str(folder / "corpus.duckdb")) as database:
        for line in TABLES:
            database.execute(line)
    return found | {"duckdb": f"duckdb:///{folder / 'corpus.duckdb'}"}


def right_verdict(record: dict[str, str]) -> bool:
    """Tell whether the guard says of a statement what its record wants."""
    try:
        check_sql(record["sql"], CARD, SQLPolicy(), record["dialect"])
    except UnsafeSQLError:
        return record["verdict"] == "refuse"
    return record["verdict"] == "allow"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("../shared/data/sql_corpus.jsonl"))
    corpus = parser.parse_args().corpus
    records = [json.loads(line) for line in corpus.read_text(encoding="utf-8").splitlines()]
    right: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    elsewhere: Counter[str] = Counter()
    stopped: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        urls = databases(Path(folder))
        policy = SQLPolicy(timeout=1)
        engines = {name: open_database(url, CARD.tables, policy) for name, url in urls.items()}
        for record in records:
            dialect, wanted = record["dialect"], record["verdict"]
            asked[dialect, wanted] += 1
            right[dialect, wanted] += right_verdict(record)
            elsewhere[wanted] += right_verdict({**record, "dialect": "snowflake"})
            if wanted == "refuse" and dialect in engines and record["sql"].strip():
                tried[dialect] += 1
                try:
                    engines[dialect].run(record["sql"])
                except QueryError:
                    stopped[dialect] += 1
    for key in sorted(asked):
        print(f"guard: {key[0]:9} {key[1]:7} {right[key]:4} of {asked[key]:4} right")
    for wanted, number in sorted(elsewhere.items()):
        of = sum(count for (_, verdict), count in asked.items() if verdict == wanted)
        print(f"guard: all of them read as Snowflake's: {wanted:7} {number} of {of}")
    for dialect, number in tried.items():
        print(f"without the guard: {dialect:9} stops {stopped[dialect]} of {number}")


if __name__ == "__main__":
    main()
