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
    "가장 최근 거래": {  # a follow-up: of what the question before it was about
        "sql": "SELECT 단지명, 계약년월, 계약일, 거래금액_만원 FROM"
        " (SELECT 단지명, 계약년월, 계약일, 거래금액_만원 FROM real_transaction WHERE 시군구 = :v1"
        " ORDER BY 거래금액_만원 DESC LIMIT 3) AS 상위 ORDER BY 계약년월 DESC, 계약일 DESC LIMIT 1",
        "single": "가장 최근 거래는 [[hidden_value_1_계약년월|date]] "
        "[[hidden_value_1_계약일]]일의 [[hidden_value_1_단지명]](으)로 "
        "[[hidden_value_1_거래금액_만원|억만원]]입니다.",
    },
    "지역별": {
        "sql": "SELECT 시군구, AVG(거래금액_만원) AS 평균_거래금액_만원 FROM real_transaction"
        " GROUP BY 시군구 ORDER BY 평균_거래금액_만원 DESC LIMIT 3",
        "full": "지역별 거래금액 평균이 가장 높은 3곳은 다음과 같습니다.\n"
        "{row}. [[hidden_value_{row}_시군구]]: [[hidden_value_{row}_평균_거래금액_만원|억만원]]",
    },
    "월별": {
        "sql": "SELECT 계약년월, AVG(거래금액_만원) AS 평균_거래금액_만원 FROM real_transaction"
        " GROUP BY 계약년월 ORDER BY 계약년월",
        "full": "월별 평균 거래금액은 다음과 같습니다.\n"
        "- [[hidden_value_{row}_계약년월|date]]: "
        "[[hidden_value_{row}_평균_거래금액_만원|억만원]]",
    },
}


class StandIn(BaseChatModel):
    """Answers the article's questions; prints what reached it."""

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        asked = next(m.text for m in messages if m.text.startswith("question:"))
        question = asked.splitlines()[0]
        print("  what the remote model is asked:", question)
        plan = next(plan for words, plan in PLANS.items() if words in question)
        value = re.search(r"\[[A-Z_]+_[0-9A-Z]{4,}\]", question)
        # Of a follow-up the slot is an earlier question's.
        before = messages[0].text.partition("earlier question:")[2]
        slot = re.search(r":[a-z]\d+(?= = \[)", asked + before)
        answer = {
            "keywords": [],
            "columns": [],
            "tables": ["real_transaction"],
            "prepared_sql": plan["sql"].replace(":v1", slot[0])
            if slot
            else plan["sql"].replace(" WHERE 시군구 = :v1", ""),
            "template": {
                "full": plan.get("full", "").replace("{value}", value[0] if value else ""),
                "single": plan.get("single", ""),
                "empty": "조회된 거래가 없습니다.",
            },
        }
        message = AIMessage(json.dumps(answer, ensure_ascii=False))
        return ChatResult(generations=[ChatGeneration(message=message)])
