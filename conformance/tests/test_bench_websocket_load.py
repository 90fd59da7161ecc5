"""The WebSocket clients of the benchmark, against servers that behave and servers that do not."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from seaway.conformance.bench import websocket_load
from seaway.conformance.bench.errors import BenchError

pytest.importorskip("picows", reason="the clients are made with it: pip install 'seaway[bench]'")

Handler = Callable[[ServerConnection], Awaitable[None]]


async def echo(connection: ServerConnection) -> None:
    async for text in connection:
        await connection.send(text)


async def echo_in_capitals(connection: ServerConnection) -> None:
    async for text in connection:
        assert isinstance(text, str)
        await connection.send(text.upper())


async def leave(connection: ServerConnection) -> None:
    await connection.recv()


async def stay_silent(connection: ServerConnection) -> None:
    await connection.wait_closed()


@contextmanager
def serving(handler: Handler) -> Iterator[str]:
    """Run a server on a loop in a thread of its own."""
    loop = asyncio.new_event_loop()

    @asynccontextmanager
    async def listening() -> AsyncIterator[str]:
        async with serve(handler, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            yield f"ws://{host}:{port}/"

    def call(work: Awaitable[str | bool | None]) -> str | bool | None:
        async def wrapped() -> str | bool | None:
            return await work

        return asyncio.run_coroutine_threadsafe(wrapped(), loop).result(30)

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    context = listening()
    try:
        url = call(context.__aenter__())
        try:
            yield str(url)
        finally:
            call(context.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_load, "ECHO_CONNECTIONS", 3)
    monkeypatch.setattr(websocket_load, "IDLE_CONNECTIONS", 10)
    monkeypatch.setattr(websocket_load, "_FIRST_CONNECTIONS", 2)
    monkeypatch.setattr(websocket_load, "_WARM_UP_SECONDS", 0.05)
    monkeypatch.setattr(websocket_load, "_SETTLE_SECONDS", 0.01)


def test_echoes_are_counted_against_time_and_processor_time() -> None:
    clock = itertools.count(start=7, step=2)

    with serving(echo) as url:
        sample = websocket_load.echo(url, 0.2, lambda: float(next(clock)))

    assert sample["per_second"] > 0
    # 2 seconds by that clock, and at least 0.2 by the wall's.
    assert sample["per_cpu_second"] * 2 >= sample["per_second"] * 0.2 * 0.99


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        (echo_in_capitals, "instead of an echo"),
        (leave, "the server ended a connection"),
        (stay_silent, "no echo came back"),
    ],
)
def test_a_server_that_does_not_echo_gives_no_figure(handler: Handler, told: str) -> None:
    with serving(handler) as url, pytest.raises(BenchError, match=told):
        websocket_load.echo(url, 0.1, lambda: 0.0)


def test_memory_is_what_the_second_lot_added_once_it_has_settled() -> None:
    kibibytes = iter([1000, 1000, 1500, 1600, 1700, 1700])

    with serving(stay_silent) as url:
        sample = websocket_load.idle(url, lambda: next(kibibytes) * 1024)

    assert sample == {"kibibytes": 70.0}


def test_no_server_is_an_explained_failure() -> None:
    with pytest.raises(BenchError, match="no WebSocket to"):
        websocket_load.idle("ws://127.0.0.1:9/", lambda: 0)
