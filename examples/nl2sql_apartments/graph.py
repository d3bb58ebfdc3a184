"""Ask about apartment trades in Korean; the cloud model never sees a trade.

The questions are the article's, a follow-up, and one whose answer goes through time: its chart is
written to `trades.png`. `notebook.ipynb` asks the same.
"""

import asyncio
import base64
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langchain.chat_models import init_chat_model
from stand_in import StandIn
from trades import make_trades

from langchain_privacy import Masker, SchemaCard, create_private_sql_graph
from langchain_privacy.sql import SemanticLayer, SQLMemory

QUESTIONS = [
    "서울특별시 성동구 옥수동에서 가장 비싸게 거래되는 아파트 상위 3개를 알려줘",
    "그 중에서 가장 최근 거래는?",
    "서울특별시 강남구 대치동의 평당 가격 평균이 가장 높은 아파트 5건을 보여줘",
    "지역별 거래금액 평균 중 가장 높은 3곳을 알려줘",
    "월별 평균 거래금액을 그래프로 보여줘",
]


name = os.environ.get("REMOTE_MODEL")  # for example openai:gpt-4o
remote: Any = init_chat_model(name) if name else StandIn()
masker = Masker()
folder = TemporaryDirectory()


@cache
def ready() -> Any:
    """Make the graph, once."""
    return make_graph(Path(folder.name))


async def graph() -> Any:
    """Make the graph where reading files may wait; `langgraph.json` names it."""
    return await asyncio.to_thread(ready)


def make_graph(folder: Path) -> Any:
    """Make trades in a folder, and the graph that answers questions about them."""
    file = folder / "trades.sqlite"
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
    return create_private_sql_graph(
        remote,
        url,
        card=card,
        masker=masker,
        semantics=SemanticLayer.from_file(Path(__file__).with_name("semantics.toml")),
        memory=SQLMemory(masker, name="trades"),
    )


def main() -> None:
    thread = {"configurable": {"thread_id": "one conversation"}}
    for question in QUESTIONS:
        print(f"\n> {question}")
        result = ready().invoke({"question": question}, thread)
        print("  what traces and checkpoints hold:", result["masked_answer"].splitlines()[-1])
        print(result["answer"])
        if chart := result.get("chart"):
            Path("trades.png").write_bytes(base64.b64decode(chart["base64"]))
            print("  (chart: trades.png)")


if __name__ == "__main__":
    main()
