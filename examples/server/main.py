"""The edge around a web application, in one process: what the client and the application see."""

import asyncio

import httpx
from agent import graph
from own_masker import masker
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from langchain_privacy import PrivacyASGIMiddleware

WROTE = "I am Maria Keller, maria.keller@northwind.example"


async def chat(request: Request) -> JSONResponse:
    body = await request.json()
    print("the application is sent ", body["message"])
    config = {"configurable": {"thread_id": body["thread_id"]}}
    result = await graph.ainvoke({"messages": [("user", body["message"])]}, config)
    answer = result["messages"][-1].content
    print("the application answers ", answer)
    assert "maria" not in answer
    return JSONResponse({"answer": answer})


app = Starlette(
    routes=[Route("/chat", chat, methods=["POST"])],
    middleware=[Middleware(PrivacyASGIMiddleware, masker=masker)],
)


async def main() -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        print("the client writes       ", WROTE)
        answer = await client.post("/chat", json={"thread_id": "case-1", "message": WROTE})
    print("the client reads        ", answer.json()["answer"])
    assert WROTE in answer.json()["answer"]


asyncio.run(main())
