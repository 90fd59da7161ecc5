"""Long polling: a request that is answered when there is news."""

from __future__ import annotations

from typing import Any

from seaway.reference import Consumer, Route, Router


class News(Consumer):
    """Waits for one item of the group `news`, 25 seconds at most."""

    async def http_request(self, message: dict[str, Any]) -> None:
        """Join, and ask to be woken."""
        await self.group_add("news")
        await self.send({"type": "server.wake", "after": 25})

    async def news_item(self, message: dict[str, Any]) -> None:
        """There is news: answer, and be gone."""
        await self.respond_json({"text": message["text"]})

    async def server_wake(self, message: dict[str, Any]) -> None:
        """There is none: the client asks again."""
        await self.respond(204)


class Publish(Consumer):
    """Takes a text and sends it to all who wait."""

    async def http_request(self, message: dict[str, Any]) -> None:
        """The body is the text."""
        await self.send_group("news", {"type": "news.item", "text": message["body"].decode()})
        await self.respond(202)


application = Router([Route("/news", News), Route("/publish", Publish)])
