"""What a client finds on each of the frameworks' sites, whatever serves it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from seaway.conformance.client.http import connect, request
from seaway.conformance.client.websocket import handshake, text, websocket

__all__ = ["CHECKS"]

DOWNLOAD = b"".join(b"%03d " % number * 256 for number in range(300))


async def pages(address: Any) -> None:
    async with connect(address) as client:
        home = await client.ask("/")
        assert (home.status, home.body) == (200, b"Welcome to Hamnen")
        ship = await client.ask("/ships/Vasa%20II?flag=blue")
        assert (ship.status, json.loads(ship.body)) == (200, {"ship": "Vasa II", "flag": "blue"})
        assert (await client.ask("/nothing")).status == 404


async def upload_with_a_length(address: Any) -> None:
    async with connect(address) as client:
        response = await client.ask("/upload", method="POST", body=b"x" * 1_000_000)
        assert json.loads(response.body) == {"bytes": 1_000_000}


async def upload_in_chunks(address: Any) -> None:
    async with connect(address) as client:
        await client.send(request("/upload", "Transfer-Encoding: chunked", method="POST"))
        for _ in range(30):
            await client.send(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        await client.send(b"0\r\n\r\n")
        response = await client.response()
        assert json.loads(response.body) == {"bytes": 30 * 0x8000}


async def download(address: Any) -> None:
    async with connect(address) as client:
        response = await client.ask("/download")
        assert (response.status, response.framing) == (200, "chunked")
        assert response.body == DOWNLOAD


async def exception(address: Any) -> None:
    async with connect(address) as client:
        assert (await client.ask("/fails")).status == 500
    await pages(address)


async def websocket_echo(address: Any) -> None:
    async with websocket(address, "/echo", "Sec-WebSocket-Protocol: pennants, flags") as socket:
        assert socket.response.field(b"sec-websocket-protocol") == b"flags"
        for word in ("ahoy", "åland"):
            await socket.send(text(word))
            assert await socket.message() == word.upper()
        assert await socket.close(1000) == 1000


async def websocket_denied(address: Any) -> None:
    async with connect(address) as client:
        await client.send(handshake("/private"))
        response = await client.response()
        assert response.status in (401, 403)
        if response.status == 401:
            assert response.body == b"members only"


CHECKS: dict[str, Callable[[Any], Awaitable[None]]] = {
    check.__name__: check
    for check in (
        pages,
        upload_with_a_length,
        upload_in_chunks,
        download,
        exception,
        websocket_echo,
        websocket_denied,
    )
}
