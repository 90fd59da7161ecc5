"""A harbour's site in Django, with Channels for its WebSockets, which is how Django has them. It has no lifespan."""

from collections.abc import AsyncIterator

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
    LOGGING_CONFIG=None,
    ROOT_URLCONF=__name__,
    SECRET_KEY="of no importance",
)
django.setup()


async def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Welcome to Hamnen", content_type="text/plain")


def ship(request: HttpRequest, name: str) -> HttpResponse:
    """A synchronous view: Django runs it in a thread."""
    return JsonResponse({"ship": name, "flag": request.GET["flag"]})


async def upload(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"bytes": len(request.body)})


async def download(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(300):
            yield b"%03d " % number * 256

    return StreamingHttpResponse(parts(), content_type="application/octet-stream")


async def fails(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("the pier is closed")


class Echo(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept(subprotocol="flags")

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(text_data=(text_data or "").upper())


class Private(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.close()


class Sinks(AsyncWebsocketConsumer):
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        raise RuntimeError("the ship sinks")


urlpatterns = [
    path("", hello),
    path("ships/<str:name>", ship),
    path("upload", upload),
    path("download", download),
    path("fails", fails),
]
app = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter(
            [path("echo", Echo.as_asgi()), path("private", Private.as_asgi()), path("sinks", Sinks.as_asgi())]
        ),
    }
)
