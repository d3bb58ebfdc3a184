"""The edge around the server: `langgraph.json` names `app` as `http.app`."""

from own_masker import masker
from starlette.applications import Starlette
from starlette.middleware import Middleware

from langchain_privacy import PrivacyASGIMiddleware

app = Starlette(middleware=[Middleware(PrivacyASGIMiddleware, masker=masker)])
