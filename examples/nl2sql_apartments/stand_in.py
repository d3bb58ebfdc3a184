"""A stand-in for the cloud model, so that the example runs without a key.

It sees exactly what a cloud model would see, and answers the article's questions by rule.
"""

import json
import re
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

PLANS: dict[str, dict[str, Any]] = {
    "가장 비싸게 거래": {
        "sql": "SELECT 단지명, 거래금액_만원 FROM real_transaction WHERE 시군구 = :v1"
        " ORDER BY 거래금액_만원 DESC LIMIT 3",
        "full": "{value}에서 가장 비싸게 거래되는 아파트 상위 3개는 다음과 같습니다.\n"
        "{row}. {row}위는 [[hidden_value_{row}_단지명]](으)로 거래금액은 "
        "[[hidden_value_{row}_거래금액_만원|억만원]]입니다.",
    },
    "평당 가격 평균이 가장 높은": {
        "sql": "SELECT 단지명, AVG(거래금액_만원 / (전용면적_m2 / 3.3)) AS 평균_평당거래금액_만원"
        " FROM real_transaction WHERE 시군구 = :v1 GROUP BY 단지명"
        " ORDER BY 평균_평당거래금액_만원 DESC LIMIT 5",
        "full": "{value}에서 평당 가격 평균이 가장 높은 아파트 5건입니다.\n"
        "{row}. [[hidden_value_{row}_단지명]]: 평당 "
        "[[hidden_value_{row}_평균_평당거래금액_만원|억만원]]",
    },
    "지역별": {
        "sql": "SELECT 시군구, AVG(거래금액_만원) AS 평균_거래금액_만원 FROM real_transaction"
        " GROUP BY 시군구 ORDER BY 평균_거래금액_만원 DESC",
        "full": "지역별 거래금액 평균은 다음과 같습니다.\n"
        "- [[hidden_value_{row}_시군구]]: [[hidden_value_{row}_평균_거래금액_만원|억만원]]",
    },
}


class StandIn(BaseChatModel):
    """Answers the article's questions; prints what reached it."""

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        question = messages[-1].text
        print("  what the remote model is asked:", question.splitlines()[0])
        plan = next(plan for words, plan in PLANS.items() if words in question)
        found = re.search(r"\[[A-Z_]+_[0-9A-Z]{4,}\]", question)
        answer = {
            "keywords": [],
            "columns": [],
            "tables": ["real_transaction"],
            "prepared_sql": plan["sql"],
            "template": {
                "full": plan["full"].replace("{value}", found[0] if found else ""),
                "single": "",
                "empty": "조회된 거래가 없습니다.",
            },
        }
        message = AIMessage(json.dumps(answer, ensure_ascii=False))
        return ChatResult(generations=[ChatGeneration(message=message)])
