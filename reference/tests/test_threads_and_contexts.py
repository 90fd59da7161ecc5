"""Synchronous consumers in threads, and the context that all calls of one consumer share."""

import contextvars
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from seaway.conformance.client.http import DEADLINE, connect, request
from seaway.conformance.client.websocket import text, websocket

from .scripted import Application, Consumer, Message, answer, serving, until

pytestmark = pytest.mark.anyio

mark: contextvars.ContextVar[str] = contextvars.ContextVar("mark", default="unset")
OK: Message = {"type": "http.response", "status": 200, "body": b"ok"}


async def test_every_consumer_has_one_context_of_its_own(is_async: bool) -> None:
    """CON-034, C7: set in one call, seen in the next, and by no other consumer."""
    seen: dict[str, list[str]] = {}

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        before = mark.get()
        seen.setdefault(consumer.channel, []).append(before)
        mark.set(consumer.channel if before == "unset" else before)
        yield from answer(consumer, message)

    async with serving(handler, is_async=is_async) as site:
        async with websocket(site.address) as first, websocket(site.address) as second:
            for ws in (first, second, first, second):
                await ws.send(text("x"))
                await ws.message()
        async with connect(site.address) as client:
            await client.ask("/1")
            await client.ask("/2")
        await until(lambda: all(consumer.over for consumer in site.consumers))

    for channel, marks in seen.items():
        assert marks == ["unset", *[channel] * (len(marks) - 1)]
    assert mark.get() == "unset"


async def test_what_the_application_call_sets_is_seen_by_its_consumer(is_async: bool) -> None:
    """CON-034: the application call is the first thing that runs in that context."""
    seen: list[str] = []

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        seen.append(mark.get())
        yield from answer(consumer, message)

    application = Application(handler, is_async=is_async)

    def maker(*arguments: Any) -> Any:
        mark.set("made")
        return application(*arguments)

    async with serving(handler, is_async=is_async, maker=maker) as site, connect(site.address) as client:
        await client.ask("/")
        await until(lambda: application.only.over)

    assert seen == ["made", "made"]


async def test_synchronous_consumers_run_in_parallel() -> None:
    """CON-073, C2: eight calls meet inside; one after the other they would wait for ever."""
    meeting = threading.Barrier(8)

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            meeting.wait(DEADLINE)
            yield consumer.send, OK

    async with serving(handler, is_async=False, threads=8) as site, anyio.create_task_group() as tasks:

        async def ask() -> None:
            async with connect(site.address) as client:
                assert (await client.ask("/")).status == 200

        for _ in range(8):
            tasks.start_soon(ask)

    assert not meeting.broken


async def test_synchronous_code_runs_beside_the_event_loop() -> None:
    """CON-072: neither the application call nor its consumers run in the loop's thread."""
    threads: set[int] = set()

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        threads.add(threading.get_ident())
        yield from answer(consumer, message)

    application = Application(handler, is_async=False)

    def maker(*arguments: Any) -> Any:
        threads.add(threading.get_ident())
        return application(*arguments)

    async with serving(handler, is_async=False, maker=maker) as site, connect(site.address) as client:
        await client.ask("/")
        await until(lambda: application.only.over)

    assert threads
    assert threading.get_ident() not in threads


async def test_a_thread_that_blocks_holds_nobody_else() -> None:
    release = threading.Event()

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message.get("path") == "/blocks" and message["type"] == "http.request":
            release.wait(DEADLINE)
        yield from answer(consumer, message)

    async with serving(handler, is_async=False, threads=4) as site, connect(site.address) as blocked:
        await blocked.send(request("/blocks"))
        await until(lambda: site.consumers and site.consumers[0].messages)
        async with connect(site.address) as client:
            for _ in range(3):
                assert (await client.ask("/")).status == 200
        release.set()
        assert (await blocked.response()).status == 200


async def test_more_calls_than_threads_wait_their_turn() -> None:
    async with serving(answer, is_async=False, threads=1) as site, anyio.create_task_group() as tasks:

        async def ask(number: int) -> None:
            async with connect(site.address) as client:
                assert (await client.ask(f"/{number}")).body == b"/%d " % number

        for number in range(10):
            tasks.start_soon(ask, number)

    assert len(site.consumers) == 10


async def test_a_synchronous_send_on_the_event_loop_raises_instead_of_blocking() -> None:
    """CON-071: `send`, and every method of the view."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "websocket.connect":
            yield from answer(consumer, message)

    async with serving(handler, is_async=False) as site, websocket(site.address) as ws:
        consumer = site.only
        calls: list[tuple[Any, ...]] = [
            (consumer.send, {"type": "websocket.send", "text": "x"}),
            (consumer.layer.send, consumer.channel, {"type": "test.note"}),
            (consumer.layer.send_group, "room", {"type": "test.note"}),
            (consumer.layer.group_add, "room", consumer.channel),
            (consumer.layer.group_discard, "room", consumer.channel),
        ]
        for function, *arguments in calls:
            with pytest.raises(RuntimeError):
                function(*arguments)
        assert await ws.close() == 1000

    assert consumer.types == ["websocket.connect", "websocket.disconnect"]


async def test_many_senders_at_once_each_send_whole_messages(is_async: bool) -> None:
    """CON-068 to CON-070: `send` from other tasks and other threads of the process."""
    bodies = {f"{number}:" + "x" * (number * 97 % 5000) for number in range(200)}

    async with serving(answer, is_async=is_async) as site, websocket(site.address) as ws:
        send = site.only.send

        async def say(body: str) -> None:
            message = {"type": "websocket.send", "text": body}
            if is_async:
                await send(message)
            else:
                await anyio.to_thread.run_sync(send, message)

        received = set()
        async with anyio.create_task_group() as tasks:
            for body in bodies:
                tasks.start_soon(say, body)
            for _ in bodies:
                received.add(await ws.message())

    assert received == bodies


async def test_send_has_read_the_message_when_it_returns(is_async: bool) -> None:
    """CON-063: the caller may change it afterwards."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "websocket.connect":
            yield consumer.send, {"type": "websocket.accept"}
            own: Message = {"type": "websocket.send", "text": "before"}
            yield consumer.send, own
            own["text"] = "after"
            yield consumer.send, own

    async with serving(handler, is_async=is_async) as site, websocket(site.address) as ws:
        assert [await ws.message(), await ws.message()] == ["before", "after"]


async def test_a_send_that_waits_has_read_its_message() -> None:
    """CON-063: it waits for room while its caller changes the message; what goes out is what was sent."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "websocket.connect":
            yield consumer.send, {"type": "websocket.send", "bytes": bytes(8 << 20)}

    own: Message = {"type": "websocket.send", "text": "before"}
    async with (
        serving(handler) as site,
        websocket(site.address, receive_buffer=65536) as ws,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(site.only.send, own)
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        own["text"] = "after"
        assert len(await ws.message()) == 8 << 20
        assert await ws.message() == "before"


async def test_what_one_call_wrote_the_next_one_reads() -> None:
    """CON-075: through a plain attribute, in whatever thread the calls run."""

    def count(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "websocket.receive":
            consumer.state["count"] = consumer.state.get("count", 0) + 1
            yield consumer.send, {"type": "websocket.send", "text": str(consumer.state["count"])}
        else:
            yield from answer(consumer, message)

    async with serving(count, is_async=False, threads=4) as site, websocket(site.address) as ws:
        for number in range(1, 101):
            await ws.send(text("x"))
            assert await ws.message() == str(number)
