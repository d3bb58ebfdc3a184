"""Make apartment trades in the columns of the article, with names that are nobody's.

Generated, not copied: the same columns as the ministry's register of trades, invented complexes.
"""

import random
import sqlite3
from pathlib import Path

DISTRICTS = [
    "서울특별시 성동구 옥수동",
    "서울특별시 성동구 금호동",
    "서울특별시 강남구 대치동",
    "서울특별시 강남구 개포동",
    "서울특별시 양천구 신월동",
    "서울특별시 마포구 아현동",
]
FIRST = ["한빛", "새봄", "푸른", "은하", "가람", "달빛", "솔잎", "다온"]
SECOND = ["하이츠", "마을", "파크뷰", "타워", "숲", "스테이트"]


def make_trades(file: Path, count: int = 1_200, seed: int = 7) -> None:
    """Write `count` trades into a new SQLite file.

    Args:
        file: Replaced when it exists.
        count: How many trades.
        seed: The same seed makes the same trades.
    """
    chance = random.Random(seed)
    complexes = [
        (district, first + chance.choice(SECOND), chance.randint(1985, 2022), 1 + 0.5 * number)
        for number, district in enumerate(DISTRICTS)
        for first in FIRST
    ]
    file.unlink(missing_ok=True)
    connection = sqlite3.connect(file)
    connection.execute(
        "CREATE TABLE real_transaction (id INTEGER PRIMARY KEY, 시군구 TEXT, 단지명 TEXT, "
        "전용면적_m2 REAL, 계약년월 TEXT, 계약일 INTEGER, 거래금액_만원 INTEGER, 층 INTEGER, "
        "건축년도 INTEGER)"
    )
    for number in range(1, count + 1):
        district, name, built, level = chance.choice(complexes)
        area = chance.choice([39.9, 59.94, 84.97, 114.8])
        price = int(area * 900 * level * chance.uniform(0.85, 1.25)) // 100 * 100
        month, day = chance.choice(["202401", "202402", "202403"]), chance.randint(1, 28)
        row = (number, district, name, area, month, day, price, chance.randint(1, 25), built)
        connection.execute("INSERT INTO real_transaction VALUES (?,?,?,?,?,?,?,?,?)", row)
    connection.commit()
    connection.close()
