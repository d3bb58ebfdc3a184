"""The edge around LangGraph's server, which then stores placeholders; `langgraph.json` names it."""

from graph import masker
from starlette.applications import Starlette
from starlette.middleware import Middleware

from langchain_privacy import PrivacyASGIMiddleware

app = Starlette(middleware=[Middleware(PrivacyASGIMiddleware, masker=masker)])
