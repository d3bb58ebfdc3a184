"""A small database with secrets in it, and a remote model that plays its part."""

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECRET = "900101-1234567"
PERSON = "홍길동"
DISTRICTS = ["서울특별시 성동구 옥수동", "서울특별시 강남구 대치동", "서울특별시 양천구 신월동"]
TABLES = [
    "CREATE TABLE trade (id INTEGER PRIMARY KEY, district VARCHAR(80), name VARCHAR(80), "
    "area FLOAT, price INTEGER, sold DATE, floor INTEGER)",
    "CREATE TABLE complex (id INTEGER PRIMARY KEY, name VARCHAR(80), households INTEGER)",
    "CREATE TABLE buyer (id INTEGER PRIMARY KEY, name VARCHAR(80), rrn VARCHAR(20), "
    "phone VARCHAR(20), birth_year INTEGER, trade_id INTEGER)",
    "CREATE TABLE note (id INTEGER PRIMARY KEY, trade_id INTEGER, body JSON)",
    "CREATE TABLE salary (id INTEGER PRIMARY KEY, pay INTEGER)",
    "CREATE VIEW v_buyer AS SELECT * FROM buyer",
]


def fill() -> list[str]:
    """Write the statements that make the database."""
    lines = list(TABLES)
    for i in range(1, 41):
        name = f"단지{i % 7}"
        lines.append(
            f"INSERT INTO trade VALUES ({i}, '{DISTRICTS[i % 3]}', '{name}', {50 + i % 40}.5, "
            f"{10000 + i * 37 % 991}, '2024-0{1 + i % 2}-1{i % 9}', {i % 20})"
        )
        lines.append(
            f"INSERT INTO buyer VALUES ({i}, '{PERSON}{i}', '{SECRET}', '010-0000-00{i:02}', "
            f"{1960 + i % 5}, {i})"
        )
    lines += [
        f'INSERT INTO note VALUES ({i}, {i}, \'{{"kind": "k{i % 2}", "by": {{"age": {20 + i}}}}}\')'
        for i in range(1, 5)
    ]
    lines += [f"INSERT INTO complex VALUES ({i}, '단지{i}', {i * 211})" for i in range(7)]
    lines.append("INSERT INTO salary VALUES (1, 99)")
    return lines


def sqlite_file(folder: Path, *more: str) -> str:
    """Make the database in a file and return its URL."""
    file = folder / "small.sqlite"
    connection = sqlite3.connect(file)
    # One transaction: each statement on its own would wait for the disk.
    connection.executescript(";".join(["BEGIN", *fill(), *more, "COMMIT"]))
    connection.close()
    return f"sqlite:///{file}"


def plan(sql: str, full: str = "", single: str = "", empty: str = "", **more: Any) -> str:
    """Write what a good remote model answers."""
    body: dict[str, Any] = {
        "keywords": [],
        "columns": [],
        "tables": [],
        "conditions": None,
        "group": None,
        "order_by": None,
        "prepared_sql": sql,
        "template": {"full": full, "single": single, "empty": empty},
    }
    return json.dumps(body | more, ensure_ascii=False)


def asked(messages: Any) -> str:
    """Return the question as it reached the model."""
    texts = [m["content"] if isinstance(m, dict) else m.content for m in messages]
    return next(str(text) for text in texts if text.startswith("question:"))


def with_value(write: Callable[[str], str]) -> Callable[[Any], str]:
    """Answer with the first placeholder of the question, as a model would copy it."""

    def answer(messages: Any) -> str:
        found = re.search(r"\[[A-Z_]+_[0-9A-Z]{4,}\]", asked(messages))
        return write(found[0] if found else "")

    return answer
