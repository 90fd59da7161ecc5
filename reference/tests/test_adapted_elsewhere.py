"""Synchronous consumers behind `adapt_sync`, under a server that is not ours: the harness is one."""

import threading
from typing import Any

import anyio
import pytest

from seaway.conformance.harness import Harness
from seaway.reference import Consumer, Route, Router, SyncConsumer, adapt_sync

pytestmark = pytest.mark.anyio
Message = dict[str, Any]


class Async(Consumer):
    async def websocket_connect(self, message: Message) -> None:
        await self.group_add("room")
        await self.accept()

    async def websocket_receive(self, message: Message) -> None:
        await self.send_group("room", {"type": "chat.said", "text": message["text"]})

    async def chat_said(self, message: Message) -> None:
        await self.send_json(message["text"])


class Sync(SyncConsumer):
    def websocket_connect(self, message: Message) -> None:
        self.group_add("room")
        self.accept()

    def websocket_receive(self, message: Message) -> None:
        self.send_group("room", {"type": "chat.said", "text": message["text"]})

    def chat_said(self, message: Message) -> None:
        self.send_json(message["text"])


async def test_both_flavours_behind_one_router() -> None:
    router = Router([Route("/async", Async), Route("/sync", Sync)])
    async with Harness(router) as h, h.websocket("/async") as one, h.websocket("/sync") as two:
        await one.accepted()
        await two.accepted()
        for speaker in (one, two):
            await speaker.send(text="ahoy")
            assert await one.receive_json() == await two.receive_json() == "ahoy"


async def test_calls_run_beside_the_event_loop_and_send_works_from_any_thread_but_its() -> None:
    loop, threads, sends = threading.get_ident(), set(), []

    def application(type: str, layer: Any, channel: str, send: Any) -> Any:
        with pytest.raises(ValueError, match="CON-029"):
            send({"type": "http.response", "status": 204})

        def consumer(message: Message) -> None:
            threads.add(threading.get_ident())
            assert layer.is_async is False
            assert layer.capacity == 100
            with pytest.raises(RuntimeError):
                layer.receive(["x"])
            if message["type"] == "http.request":
                sends.append(send)
            elif message["type"] == "a.b":
                other = threading.Thread(target=send, args=({"type": "http.response", "status": 204},))
                other.start()
                other.join()

        return consumer

    async with Harness(adapt_sync(application)) as h, h.http("GET", "/") as request:
        await request.waiting()
        with pytest.raises(RuntimeError, match="event loop's own thread"):
            sends[0]({"type": "http.response", "status": 204})
        await h.layer.send(request.channel, {"type": "a.b"})
        assert (await request.response()).status == 204
    assert loop not in threads


async def test_errors_name_the_requirement() -> None:
    def awaits(type: str, layer: Any, channel: str, send: Any) -> Any:
        async def consumer(message: Message) -> None:
            await anyio.lowlevel.checkpoint()

        return consumer

    async with Harness(adapt_sync(awaits)) as h:
        assert (await h.get("/")).status == 500
        for _ in range(2):
            assert "CON-018" in str(await h.raised(TypeError))

    async with Harness(adapt_sync(lambda *_: None)) as h:
        assert (await h.get("/")).status == 500
        assert "expected a consumer" in str(await h.raised(TypeError))
