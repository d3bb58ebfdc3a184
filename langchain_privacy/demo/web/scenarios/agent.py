"""A LangChain agent that is private: its model sees placeholders, its tools see real values.

One tool reads our own customers, one sends mail through our own server and asks the person first.
The remote stand-in does by rule what such a model does: looks up, writes, reports.
"""

import json
import re
from typing import Any

from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from langchain_privacy.demo.web.stage import Stage
from langchain_privacy.edge.agents import create_private_agent
from langchain_privacy.edge.tool_policy import ToolPolicy
from langchain_privacy.locale import Language
from langchain_privacy.testing.model_server import last_text, tool_calls

_MAIL = re.compile(r"\[(?:EMAIL|이메일)\w*\]")
_QUESTION: dict[Language, str] = {
    "en": "Our customer Marianne Thistlewood (m.thistlewood@larkmail.example) asks when her "
    "contract ends. Look her up and write her a short mail.",
    "ko": "고객 서지후 님(jihoo.seo@garammail.example)이 계약이 언제 끝나는지 물으셨습니다. "
    "고객 정보를 찾아보고 짧은 메일을 보내 주세요.",
}
_CUSTOMERS: dict[str, dict[str, str]] = {
    "m.thistlewood@larkmail.example": {
        "name": "Marianne Thistlewood",
        "phone": "503-555-0147",
        "contract": "CM-88201-773, ends 31 March 2027",
    },
    "jihoo.seo@garammail.example": {
        "이름": "서지후",
        "전화": "010-3374-6681",
        "계약": "41287-2020-00192, 2028년 8월 31일까지",
    },
}
_MAILS: dict[Language, str] = {
    "en": "Dear customer, this is what we have on file: {found}. Kind regards",
    "ko": "고객님, 저희가 가진 정보입니다: {found}. 고맙습니다.",
}
_ANSWERS: dict[Language, tuple[str, str]] = {
    "en": (
        "Done: I wrote to {who}. The mail says: {found}.",
        "I did not write to {who}, because you said no. On file: {found}.",
    ),
    "ko": (
        "보냈습니다. 받는 사람: {who}. 알린 내용: {found}.",
        "거절하셔서 {who} 님께 보내지 않았습니다. 기록: {found}.",
    ),
}


def asks(language: Language) -> str:
    """Return what is asked where the person asks nothing."""
    return _QUESTION[language]


def play(stage: Stage) -> None:
    """Let the agent look a customer up and write to her, once the person agrees."""
    language = stage.asked.language
    sent: list[str] = []

    def look_up_customer(email: str) -> str:
        """Look a customer up in our own database, by e-mail address."""
        return json.dumps(_CUSTOMERS.get(email, {}), ensure_ascii=False)

    def send_mail(to: str, text: str) -> str:
        """Send a mail through our own server."""
        sent.append(f"{to}: {text}")
        return "sent"

    rows = [{"email": email, **about} for email, about in _CUSTOMERS.items()]
    shown = [row for row in rows if ("이름" in row) == (language == "ko")]
    stage.show_table("customers", shown)
    question = stage.asked.question or asks(language)
    with stage.scripted(lambda request: _reply(request, language)) as model:
        agent = create_private_agent(
            model,
            [look_up_customer, send_mail],
            masker=stage.masker,
            guard=stage.guard,
            tool_policy=ToolPolicy(local={"look_up_customer", "send_mail"}),
            middleware=[
                HumanInTheLoopMiddleware(
                    interrupt_on={"send_mail": {"allowed_decisions": ["approve", "reject"]}}
                )
            ],
            checkpointer=InMemorySaver(),
        )
        given = {"messages": [HumanMessage(question)]}
        state = stage.drive(agent, given, speaks=["model"])
    stage.answer(state["messages"][-1].text, quotes=sent)


def _reply(request: dict[str, Any], language: Language) -> Any:
    """Do the next step, from nothing but what the request holds."""
    messages = request["messages"]
    asked = next(last_text({"messages": [m]}) for m in messages if m["role"] == "user")
    found = _MAIL.search(asked)
    who = found[0] if found else asked
    results = [last_text({"messages": [m]}) for m in messages if m["role"] == "tool"]
    if not results:
        return tool_calls("look_up_customer", email=who)
    told = ", ".join(re.findall(r'": "([^"]+)"', results[0]))
    if len(results) == 1:
        return tool_calls("send_mail", to=who, text=_MAILS[language].format(found=told))
    agreed, refused = _ANSWERS[language]
    form = agreed if results[1] == "sent" else refused
    return form.format(who=who, found=told)
