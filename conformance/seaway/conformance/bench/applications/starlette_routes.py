"""The routed work in Starlette: an endpoint class behind 20 routes."""

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from seaway.conformance.bench.applications.routes import HELLO, PATTERNS


class Hello(HTTPEndpoint):
    """Answers with the text and the argument of its route."""

    async def get(self, request: Request) -> PlainTextResponse:
        """Answer a GET."""
        return PlainTextResponse(HELLO.decode() + request.path_params["item"])


routes = Starlette(routes=[Route(pattern, Hello) for pattern in PATTERNS])
