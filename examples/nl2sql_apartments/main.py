"""Ask about apartment trades in Korean; the cloud model never sees a trade.

With `OPENAI_API_KEY` set the remote model is OpenAI's; otherwise a stand-in that says what it saw.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from stand_in import StandIn
from trades import make_trades

from langchain_privacy import SchemaCard, create_private_sql_graph

QUESTIONS = [
    "서울특별시 성동구 옥수동에서 가장 비싸게 거래되는 아파트 상위 3개를 알려줘",
    "대치동의 평당 가격 평균이 가장 높은 아파트 5건을 보여줘",
    "지역별 거래금액 평균을 알려줘",
]


def remote() -> Any:
    if not os.environ.get("OPENAI_API_KEY"):
        return StandIn()
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=os.environ.get("OPENAI_MODEL", "gpt-5-mini"))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trades.sqlite"
        make_trades(file)
        url = f"sqlite:///{file}"
        card = SchemaCard.from_engine(
            url,
            descriptions={
                "real_transaction": "아파트 매매 실거래",
                "real_transaction.시군구": "시도, 시군구, 동까지의 주소",
                "real_transaction.계약년월": "YYYYMM",
            },
        )
        graph = create_private_sql_graph(
            remote(), url, card=card, context="'평'은 전용면적_m2를 3.3으로 나눈 값입니다."
        )
        for question in QUESTIONS:
            print(f"\n> {question}")
            result = graph.invoke({"question": question})
            print("  what traces and checkpoints hold:", result["masked_answer"].splitlines()[-1])
            print(result["answer"])


if __name__ == "__main__":
    main()
