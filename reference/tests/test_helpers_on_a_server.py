"""Consumer classes behind a router on a real server: both flavours, side by side, on every backend."""

from typing import Any

import pytest

from seaway.conformance.client.http import connect
from seaway.conformance.client.websocket import handshake, text, websocket
from seaway.reference import Consumer, Mount, Route, Router, Server, Settings, SyncConsumer

from .scripted import traces

pytestmark = pytest.mark.anyio
Message = dict[str, Any]


class AsyncChat(Consumer):
    async def websocket_connect(self, message: Message, room_name: str) -> None:
        await self.accept()
        await self.group_add(room_name)
        await self.send_json({"joined": room_name, "root": message["root_path"]})

    async def websocket_receive(self, message: Message) -> None:
        said = self.receive_json(message)
        await self.send_group(self.kwargs["room_name"], {"type": "group.message", "said": said})

    async def group_message(self, message: Message) -> None:
        await self.send_json(message["said"])


class SyncChat(SyncConsumer):
    def websocket_connect(self, message: Message, room_name: str) -> None:
        self.accept()
        self.group_add(room_name)
        self.send_json({"joined": room_name, "root": message["root_path"]})

    def websocket_receive(self, message: Message) -> None:
        said = self.receive_json(message)
        self.send_group(self.kwargs["room_name"], {"type": "group.message", "said": said})

    def group_message(self, message: Message) -> None:
        self.send_json(message["said"])


class AsyncHello(Consumer):
    async def http_request(self, message: Message, name: str) -> None:
        await self.respond(200, f"Hello {name}")


class SyncHello(SyncConsumer):
    def http_request(self, message: Message, name: str) -> None:
        self.respond(200, f"Hello {name}")


ASYNC = [Route("/async/hello/{name}", AsyncHello), Route("/async/chat/{room_name}/", AsyncChat)]
SYNC = [Route("/sync/hello/{name}", SyncHello), Route("/sync/chat/{room_name}/", SyncChat)]


def serving(*routes: Route | Mount) -> Server:
    return Server(Router(routes), port=0, settings=Settings(access_log=False, grace=2.0))


@pytest.mark.parametrize("alone", [True, False], ids=["a router of one flavour", "a mixed router"])
async def test_members_of_a_group_hear_each_other(is_async: bool, alone: bool) -> None:
    own, other = (ASYNC, SYNC) if is_async else (SYNC, ASYNC)
    target = f"/{'async' if is_async else 'sync'}/chat/lobby/"
    async with (
        serving(*own) if alone else serving(*own, *other) as server,
        websocket(server.address, target) as one,
        websocket(server.address, target) as two,
    ):
        for socket in (one, two):
            assert await socket.message() == '{"joined":"lobby","root":""}'
        await one.send(text('{"n": 1}'))
        assert [await one.message(), await two.message()] == ['{"n":1}', '{"n":1}']
        assert await one.close() == 1000


async def test_both_flavours_are_members_of_one_group() -> None:
    async with (
        serving(*ASYNC, *SYNC) as server,
        websocket(server.address, "/async/chat/lobby/") as one,
        websocket(server.address, "/sync/chat/lobby/") as two,
    ):
        await one.message()
        await two.message()
        await one.send(text("1"))
        assert [await one.message(), await two.message()] == ["1", "1"]
        await two.send(text("2"))
        assert [await one.message(), await two.message()] == ["2", "2"]


async def test_requests_are_routed_and_answered_one_after_another() -> None:
    async with serving(*ASYNC, *SYNC, Mount("/deep", Router([*ASYNC]))) as server, connect(server.address) as client:
        for target, status, body in (
            ("/async/hello/you", 200, b"Hello you"),
            ("/sync/hello/y%C3%B6u", 200, "Hello yöu".encode()),
            ("/deep/async/hello/you?query=1", 200, b"Hello you"),
            ("/nowhere", 404, b"Not Found\n"),
            ("/async/chat/lobby/", 404, b"Not Found\n"),
            ("/async/hello/again", 200, b"Hello again"),
        ):
            response = await client.ask(target)
            assert (response.status, response.body) == (status, body)


async def test_a_handshake_without_a_route_is_rejected_with_404() -> None:
    async with serving(*ASYNC) as server, connect(server.address) as client:
        await client.send(handshake("/async/hello/you"))
        response = await client.response()
        assert (response.status, response.body) == (404, b"Not Found\n")


async def test_a_mounted_chat_knows_where_it_is_mounted(is_async: bool) -> None:
    router = Router(ASYNC if is_async else SYNC)
    target = f"/site/{'async' if is_async else 'sync'}/chat/lobby/"
    async with serving(Mount("/site", router)) as server, websocket(server.address, target) as socket:
        assert await socket.message() == '{"joined":"lobby","root":"/site"}'


class Broken(Consumer):
    async def http_request(self, message: Message) -> None:
        raise TypeError("a mistake in the handler")


async def test_a_mistake_in_a_handler_is_not_taken_for_a_wrong_flavour(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Route("/", Broken)) as server, connect(server.address) as client:
        assert (await client.ask("/")).status == 500

    (record,) = traces(caplog.records)
    error = record.exc_info and record.exc_info[1]
    assert str(error) == "a mistake in the handler"
    assert getattr(error, "__notes__", []) == []
