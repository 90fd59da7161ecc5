"""Graceful shutdown of an embedded server: everybody is told, what is under way completes, nobody is left."""

import urllib.request
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from seaway.conformance.client.http import DEADLINE, Client, IncompleteError, Response, connect, request
from seaway.conformance.client.websocket import CLOSE, WebSocket, handshake, text, websocket
from seaway.reference import Server, Settings

from .scripted import Application, Consumer, Gate, Message, answer, serving, until

pytestmark = pytest.mark.anyio

OK = {"type": "http.response", "status": 200, "body": b"ok"}


class Harbour:
    """A server in a task of its own, so that a test can watch it shut down."""

    def __init__(self, application: Application, **settings: Any) -> None:
        self.server = Server(application, port=0, settings=Settings(access_log=False, **settings))
        self._leave = anyio.Event()
        self._started = anyio.Event()
        self.closed = anyio.Event()

    async def run(self) -> None:
        async with self.server as server:
            self.address = server.address
            self._started.set()
            await self._leave.wait()
        self.closed.set()

    async def start(self, tasks: Any) -> "Harbour":
        tasks.start_soon(self.run)
        with anyio.fail_after(DEADLINE):
            await self._started.wait()
        return self

    def leave(self) -> None:
        """Begin the shutdown."""
        self._leave.set()


async def test_every_consumer_is_told_and_every_websocket_is_closed_with_1012(is_async: bool) -> None:
    """SRV-001 to SRV-005, SRV-011, rule 11."""
    application = Application(answer, is_async=is_async)
    async with anyio.create_task_group() as tasks:
        harbour = await Harbour(application, grace=10).start(tasks)
        clients = [await Client.connect(harbour.address) for _ in range(5)]
        for client in clients:
            await client.send(handshake())
            assert (await client.response()).status == 101
        harbour.leave()
        for client in clients:
            await end_with_1012(client)
            client.close()
        with anyio.fail_after(DEADLINE):
            await harbour.closed.wait()

    application.verify()
    for consumer in application.consumers:
        assert consumer.types == ["websocket.connect", "server.drain", "websocket.disconnect"]
        drain, end = consumer.messages[1:]
        assert drain["reason"] == "shutdown"
        assert 0 <= drain["grace"] <= 10
        assert end["code"] == 1012


async def end_with_1012(client: Client) -> None:
    assert await WebSocket(client, Response(101, [])).closed() == 1012


async def test_a_websocket_is_usable_until_it_is_closed(is_async: bool) -> None:
    """SRV-006: the consumer says goodbye when it is told, and the close comes after that."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "server.drain":
            yield consumer.send, {"type": "websocket.send", "text": "goodbye"}
        yield from answer(consumer, message)

    application = Application(handler, is_async=is_async)
    async with anyio.create_task_group() as tasks:
        harbour = await Harbour(application, grace=10).start(tasks)
        async with websocket(harbour.address) as ws:
            harbour.leave()
            assert await ws.message() == "goodbye"
            assert await ws.closed() == 1012


async def test_a_consumer_that_closes_when_told_ends_the_drain_at_once(is_async: bool) -> None:
    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "server.drain":
            yield consumer.send, {"type": "websocket.close", "code": 1001}
        yield from answer(consumer, message)

    application = Application(handler, is_async=is_async)
    async with anyio.create_task_group() as tasks:
        harbour = await Harbour(application, grace=60).start(tasks)
        async with websocket(harbour.address) as ws:
            harbour.leave()
            assert await ws.closed() == 1001
            with anyio.fail_after(DEADLINE):
                await harbour.closed.wait()


async def test_a_request_under_way_completes_and_its_connection_closes(is_async: bool) -> None:
    """SRV-007, SRV-010, SRV-012, SRV-013, O1, O3."""
    gate = Gate()

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request" and message["path"] == "/slow":
            yield consumer.wait, gate
        yield from answer(consumer, message)

    application = Application(handler, is_async=is_async)
    async with anyio.create_task_group() as tasks:
        harbour = await Harbour(application, grace=10).start(tasks)
        async with connect(harbour.address) as busy, connect(harbour.address) as idle:
            await idle.ask("/")
            await busy.send(request("/slow"))
            await until(lambda: gate.waiting == 1)
            harbour.leave()
            assert await idle.ended() == b""
            with pytest.raises(ConnectionRefusedError):
                await Client.connect(harbour.address)
            await busy.send(request("/smuggled"))
            gate.open()
            response = await busy.response()
            assert response.body == b"/slow "
            assert response.closes
            assert await busy.ended() == b""
        with anyio.fail_after(DEADLINE):
            await harbour.closed.wait()

    application.verify()
    assert len(application.consumers) == 2
    assert "server.drain" in application.consumers[1].types


async def test_what_is_left_when_the_grace_ends_is_ended() -> None:
    """SRV-015, SRV-016: 503 for what has not begun, a cut for what has, 1012 for WebSockets."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message.get("path") == "/begun" and message["type"] == "http.request":
            yield consumer.send, {**OK, "more_body": True}
        elif message.get("path") == "/accepted":
            yield consumer.send, {"type": "websocket.accept"}

    application = Application(handler)
    async with anyio.create_task_group() as tasks:
        harbour = await Harbour(application, grace=0.3).start(tasks)
        clients = [await Client.connect(harbour.address) for _ in range(4)]
        waiting, begun, shaking, accepted = clients
        await waiting.send(request("/waiting"))
        await begun.send(request("/begun"))
        await shaking.send(handshake("/shaking"))
        await accepted.send(handshake("/accepted"))
        assert (await accepted.response()).status == 101
        await until(lambda: len(application.consumers) == 4 and all(each.messages for each in application.consumers))
        harbour.leave()
        assert (await waiting.response()).status == 503
        with pytest.raises(IncompleteError):
            await begun.response()
        assert (await shaking.response()).status == 503
        await end_with_1012(accepted)
        with anyio.fail_after(DEADLINE):
            await harbour.closed.wait()
        for client in clients:
            client.close()

    application.verify()
    assert all("server.drain" in consumer.types for consumer in application.consumers)
    assert [consumer.messages[-1].get("complete") for consumer in application.consumers[:2]] == [False, False]


async def test_a_call_that_never_returns_is_cancelled_and_does_not_hold_the_server(is_async: bool) -> None:
    """SRV-017, O4. A thread cannot be cancelled: it is the test that lets it go."""
    gate = Gate()

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.wait, gate

    application = Application(handler, is_async=is_async)
    async with anyio.create_task_group() as tasks:
        harbour = await Harbour(application, grace=0.3).start(tasks)
        async with connect(harbour.address) as client:
            await client.send(request())
            await until(lambda: gate.waiting == 1)
            harbour.leave()
            assert (await client.response()).status == 503
            if not is_async:
                gate.open()
            with anyio.fail_after(DEADLINE):
                await harbour.closed.wait()

    application.verify()


async def test_a_client_that_does_not_answer_the_close_does_not_hold_the_server() -> None:
    """WS-025, O2."""
    application = Application(answer)
    async with anyio.create_task_group() as tasks:
        harbour = await Harbour(application, grace=0.3).start(tasks)
        async with websocket(harbour.address) as ws:
            harbour.leave()
            assert (await ws.frame()).opcode == CLOSE
            with anyio.fail_after(DEADLINE):
                await harbour.closed.wait()

    assert application.only.messages[-1]["code"] == 1012


async def test_the_with_form_runs_in_a_thread_of_its_own() -> None:
    """The same server for a script: `with`, no event loop of the caller's."""

    def use() -> bytes:
        with Server(Application(answer), port=0, settings=Settings(access_log=False)) as server:
            assert server.url == "http://{}:{}".format(*server.address)
            with urllib.request.urlopen(f"{server.url}/x", timeout=10) as response:
                return bytes(response.read())

    assert await anyio.to_thread.run_sync(use) == b"/x "


async def test_two_servers_in_one_process_do_not_meet() -> None:
    async with serving(answer) as first, serving(answer) as second:
        assert first.address != second.address
        async with websocket(first.address) as ws:
            await ws.send(text("x"))
            assert await ws.message() == "x"

    assert len(first.consumers) == 1
    assert second.consumers == []
