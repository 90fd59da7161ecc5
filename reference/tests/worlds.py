"""One script, two worlds: the harness of the conformance suite, and a real server with a raw client.

A script sees clients and a layer. What it sees, and what its consumers were given, has to be the same in both.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from seaway.conformance.client.http import Client, IncompleteError, connect
from seaway.conformance.client.websocket import ACCEPT, close_frame, frame, handshake, text
from seaway.conformance.client.websocket import WebSocket as RawWebSocket
from seaway.conformance.harness import Harness, Limits
from seaway.reference.settings import Mailbox

from .scripted import TYPES, Application, Handler, Message, serving, until

_OF_THE_WIRE = {"headers", "client", "server"}
_SERVERS_WORDS = (1009, 1011)


def given(application: Application) -> list[list[Message]]:
    """What each consumer was called with, without what only a socket can know. Parts of a body are one."""
    return [_joined([_plain(message) for message in consumer.messages]) for consumer in application.consumers]


def _plain(message: Message) -> Message:
    plain = {key: value for key, value in message.items() if key not in _OF_THE_WIRE and value is not None}
    if plain.get("code") in _SERVERS_WORDS:
        del plain["reason"]
    return plain


def _joined(messages: list[Message]) -> list[Message]:
    joined: list[Message] = []
    for message in messages:
        if message["type"] == "http.request.body" and joined[-1].get("more_body"):
            last = joined[-1]
            last.update(body=last["body"] + message["body"], more_body=message["more_body"])
        else:
            joined.append(dict(message))
    return joined


class HarnessClient:
    """A WebSocket of the harness."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def opened(self) -> Any:
        return (await self.client.accepted()).subprotocol

    async def refused(self) -> Any:
        response = await self.client.rejected()
        return response.status, response.body

    async def say(self, value: str) -> None:
        await self.client.send(text=value)

    async def hear(self) -> str:
        return str(await self.client.receive_text())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self.client.close(code, reason)

    async def lose(self) -> None:
        await self.client.lose()

    async def closed(self) -> int:
        return int((await self.client.closed()).code)


class HarnessRequest:
    """A request of the harness."""

    def __init__(self, request: Any) -> None:
        self.request = request

    async def answer(self) -> Any:
        response = await self.request.response()
        return response.status, response.body

    async def cut(self) -> None:
        await self.request.cut()

    async def part(self, body: bytes, more: bool) -> None:
        await self.request.body(body, more_body=more)

    async def leave(self) -> None:
        await self.request.leave()


class HarnessWorld:
    """The harness. Time passes at once."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness

    @asynccontextmanager
    async def websocket(self, target: str = "/", *subprotocols: str) -> AsyncIterator[Any]:
        async with self.harness.websocket(target, subprotocols=subprotocols) as client:
            yield HarnessClient(client)

    @asynccontextmanager
    async def http(
        self, method: str = "GET", target: str = "/", body: bytes | None = None, *, more: bool = False
    ) -> AsyncIterator[Any]:
        async with self.harness.http(method, target, body=body, more_body=more) as request:
            yield HarnessRequest(request)

    async def tell(self, group: str, *messages: Message) -> None:
        for message in messages:
            await self.harness.layer.send_group(group, message)

    async def send(self, channel: str, message: Message) -> None:
        await self.harness.layer.send(channel, message)

    async def wait(self, seconds: float) -> None:
        await self.harness.clock.advance(seconds)

    def waiting(self, channel: str) -> list[Message]:
        mailbox = self.harness._core.connections[channel].mailbox
        return [*mailbox._socket, *mailbox._layer, *[mailbox._terminal] * (mailbox._terminal is not None)]


class ServerClient:
    """A raw WebSocket."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def opened(self) -> Any:
        response = await self.client.response()
        assert response.field(b"sec-websocket-accept") == ACCEPT
        self.socket = RawWebSocket(self.client, response)
        chosen = response.field(b"sec-websocket-protocol")
        return chosen and chosen.decode()

    async def refused(self) -> Any:
        return await _answer(self.client)

    async def say(self, value: str) -> None:
        await self.client.send(text(value))

    async def hear(self) -> str:
        return str(await self.socket.message())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self.client.send(close_frame(None if code == 1005 else code, reason.encode()))

    async def lose(self) -> None:
        self.client.close()

    async def closed(self) -> int:
        return await self.socket.closed()


class ServerRequest:
    """A raw request."""

    def __init__(self, client: Client, method: str) -> None:
        self.client = client
        self.method = method

    async def answer(self) -> Any:
        return await _answer(self.client, self.method)

    async def cut(self) -> None:
        with pytest.raises(IncompleteError):
            await self.client.response(self.method)

    async def part(self, body: bytes, more: bool) -> None:
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        await self.client.send(chunk + (b"" if more else b"0\r\n\r\n"))

    async def leave(self) -> None:
        self.client.close()


async def _answer(client: Client, method: str = "GET") -> Any:
    response = await client.response(method)
    return response.status, response.body if response.status < 500 else b""  # the words of its own answers are free


class ServerWorld:
    """A real server. Time passes by itself."""

    def __init__(self, site: Any) -> None:
        self.site = site

    @asynccontextmanager
    async def websocket(self, target: str = "/", *subprotocols: str) -> AsyncIterator[Any]:
        offer = [f"Sec-WebSocket-Protocol: {', '.join(subprotocols)}"] if subprotocols else []
        async with connect(self.site.address) as client:
            await client.send(handshake(target, *offer))
            yield ServerClient(client)
            if client.socket.fileno() != -1:
                await client.send(frame(0x8, (1000).to_bytes(2, "big")))

    @asynccontextmanager
    async def http(
        self, method: str = "GET", target: str = "/", body: bytes | None = None, *, more: bool = False
    ) -> AsyncIterator[Any]:
        async with connect(self.site.address) as client:
            framing = "transfer-encoding: chunked\r\n" if more else ""
            if body is not None and not more:
                framing = f"content-length: {len(body)}\r\n"
            await client.send(f"{method} {target} HTTP/1.1\r\nhost: test\r\n{framing}\r\n".encode())
            request = ServerRequest(client, method)
            if more and body:
                await request.part(body, True)
            elif body:
                await client.send(body)
            yield request

    async def tell(self, group: str, *messages: Message) -> None:
        for message in messages:
            await self.site.layer.send_group(group, message)

    async def send(self, channel: str, message: Message) -> None:
        await self.site.layer.send(channel, message)

    async def wait(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    def waiting(self, channel: str) -> list[Message]:
        runner = self.site.server._core.dispatcher.runners[channel]
        queued = [message for message, _ in [*(runner._socket or ()), *(runner._layer or ())]]
        return [*queued, *[runner._terminal] * (runner._terminal is not None)]


async def in_the_harness(script: Any, handler: Handler, is_async: bool, errors: int, **limits: Any) -> Any:
    """Run *script* in the harness, where *errors* exceptions come out. Returns what it saw, and what was given."""
    application = Application(handler, is_async=is_async, types=TYPES)
    async with Harness(application, limits=Limits(**limits), deadline=60.0) as harness:
        seen = await script(HarnessWorld(harness), application)
        await until(lambda: all(consumer.over for consumer in application.consumers), "the ends")
        for _ in range(errors):
            await harness.raised(BaseException)
    application.verify()
    return seen, given(application)


async def on_a_server(script: Any, handler: Handler, is_async: bool, **limits: Any) -> Any:
    """Run *script* on a real server. Returns what it saw, and what its consumers were given."""
    mailbox = {name: limits.pop(name) for name in list(limits) if name.startswith(("layer_", "socket_"))}
    async with serving(handler, is_async=is_async, mailbox=Mailbox(**mailbox), **limits) as site:
        seen = await script(ServerWorld(site), site.application)
        await until(lambda: all(consumer.over for consumer in site.consumers), "the ends")
    return seen, given(site.application)
