"""P10 in Channels, with its own consumer classes. The layer stands in the environment, as in a project's settings."""

import os
from typing import Any

from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter
from django.conf import settings

from seaway.conformance.bench.applications.routes import POSTED

GROUP = "news"
BACKEND = "SEAWAY_BENCH_BACKEND"
BROKER = "SEAWAY_BENCH_BROKER"

settings.configure(
    CHANNEL_LAYERS={"default": {"BACKEND": os.environ[BACKEND], "CONFIG": {"hosts": [os.environ[BROKER]]}}}
)


class News(AsyncWebsocketConsumer):  # type: ignore[misc]  # a class that mypy cannot see
    """Channels joins the groups of a class before it accepts."""

    groups = (GROUP,)

    async def news_text(self, event: dict[str, Any]) -> None:
        """Hand on what was posted."""
        await self.send(text_data=event["text"])


class Post(AsyncHttpConsumer):  # type: ignore[misc]
    """Sends the body to the group."""

    async def handle(self, body: bytes) -> None:
        """Answer a POST."""
        await self.channel_layer.group_send(GROUP, {"type": "news.text", "text": body.decode()})
        await self.send_response(200, POSTED, headers=[(b"content-length", b"%d" % len(POSTED))])


application = ProtocolTypeRouter({"http": Post.as_asgi(), "websocket": News.as_asgi()})
