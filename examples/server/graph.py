"""A private agent behind a web application: what the client and the application see.

`server.py` is the edge around LangGraph's server, `web` below the same around an application of
one's own. Both know the masker of the graph, so that one vault holds the values.
"""

import asyncio
import os
from typing import Any

import httpx
from langchain.chat_models import init_chat_model
from stand_in import CloudModel
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from langchain_privacy import Masker, PrivacyASGIMiddleware, create_private_agent

WROTE = "I am Maria Keller, maria.keller@northwind.example"

name = os.environ.get("REMOTE_MODEL")  # for example openai:gpt-4o
remote: Any = init_chat_model(name) if name else CloudModel()
masker = Masker()
graph = create_private_agent(remote, masker=masker)


async def chat(request: Request) -> JSONResponse:
    body = await request.json()
    print("the application is sent ", body["message"])
    config = {"configurable": {"thread_id": body["thread_id"]}}
    result = await graph.ainvoke({"messages": [("user", body["message"])]}, config)
    answer = result["messages"][-1].text
    print("the application answers ", answer)
    assert "maria" not in answer
    return JSONResponse({"answer": answer})


web = Starlette(
    routes=[Route("/chat", chat, methods=["POST"])],
    middleware=[Middleware(PrivacyASGIMiddleware, masker=masker)],
)


async def main() -> None:
    transport = httpx.ASGITransport(app=web)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        print("the client writes       ", WROTE)
        answer = await client.post("/chat", json={"thread_id": "case-1", "message": WROTE})
    print("the client reads        ", answer.json()["answer"])
    assert "Maria Keller" in answer.json()["answer"] or name


if __name__ == "__main__":
    asyncio.run(main())
