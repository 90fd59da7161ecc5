"""P10 as a Seaway application: a WebSocket hears what is posted."""

from typing import Any

from seaway.conformance.bench.applications.routes import POSTED
from seaway.reference.consumers import Consumer

Message = dict[str, Any]
GROUP = "news"


class News(Consumer):
    """Posts go to a group, and each WebSocket is in it before it is accepted."""

    async def websocket_connect(self, message: Message) -> None:
        """Join, then accept."""
        await self.group_add(GROUP)
        await self.accept()

    async def news_text(self, message: Message) -> None:
        """Hand on what was posted."""
        await self.send({"type": "websocket.send", "text": message["text"]})

    async def http_request(self, message: Message) -> None:
        """Send the body to the group."""
        await self.send_group(GROUP, {"type": "news.text", "text": message["body"].decode()})
        await self.respond(body=POSTED)
