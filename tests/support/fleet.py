"""Several gateways behind one address: a load balancer that takes them in turn, request by request.

It is a plain one, as an operator without our documentation would have it: it knows nothing of keys.
"""

import itertools
from collections.abc import Sequence
from typing import Any

from langchain_privacy.secure.asgi import send_bytes


class Balancer:
    """An ASGI application that passes each request to the next gateway.

    Attributes:
        down: Numbers of gateways that are down; their turn gives 502, as the balancers we know do.
        turns: How often each gateway was asked.
        refuse: How many of the next requests get this status of the balancer's own, `(count,
            status, headers)`.
    """

    def __init__(self, gateways: Sequence[Any]) -> None:
        self.gateways = list(gateways)
        self.down: set[int] = set()
        self.turns = [0] * len(self.gateways)
        self.refuse: tuple[int, int, dict[str, str]] = (0, 503, {})
        self._next = itertools.count()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.gateways[0](scope, receive, send)
            return
        count, status, headers = self.refuse
        if count:
            self.refuse = (count - 1, status, headers)
            await send_bytes(send, status, b"<html>busy</html>", "text/html", headers)
            return
        turn = next(self._next) % len(self.gateways)
        self.turns[turn] += 1
        if turn in self.down:
            await send_bytes(send, 502, b"<html>bad gateway</html>", "text/html")
            return
        await self.gateways[turn](scope, receive, send)
