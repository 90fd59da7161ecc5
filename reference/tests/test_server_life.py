"""A server's life from outside: cancelled, entered twice, drained in the middle of things, short of descriptors."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from seaway.conformance.client.http import connect, request
from seaway.layers import MemoryLayer
from seaway.reference import Server, Settings

SHORT_OF_DESCRIPTORS = """
import resource, socket, sys
import anyio
from seaway.reference import Server

def application(type, layer, channel, send):
    async def consumer(message):
        if message["type"] == "http.request":
            await send({"type": "http.response", "status": 200})
    return consumer

async def main():
    async with Server(application, port=0) as server:
        clients = []
        limit = len(__import__("os").listdir("/proc/self/fd")) + 12
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        try:
            while True:
                clients.append(socket.create_connection(server.address))
        except OSError:
            pass
        await anyio.sleep(0.2)  # let it try to accept them all, and fail
        for client in clients:
            client.close()
        async with await anyio.connect_tcp(*server.address) as client:
            await client.send(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
            print((await client.receive())[:15].decode(), flush=True)

with_uvloop = {"use_uvloop": True} if sys.argv[1] == "uvloop" else {}
anyio.run(main, backend="trio" if sys.argv[1] == "trio" else "asyncio", backend_options=with_uvloop)
"""


def answer(type: str, layer: Any, channel: str, send: Any) -> Any:
    async def consumer(message: Any) -> None:
        if message["type"] == "http.request":
            await send({"type": "http.response", "status": 200, "body": message["body"]})

    return consumer


@pytest.mark.anyio
async def test_a_server_whose_task_is_cancelled_ends() -> None:
    with anyio.fail_after(60):
        with anyio.CancelScope() as scope:
            async with Server(answer, port=0, settings=Settings(grace=0.2)) as server, connect(server.address):
                scope.cancel()
                await anyio.sleep_forever()

        assert scope.cancelled_caught


@pytest.mark.anyio
async def test_a_server_is_entered_once() -> None:
    server = Server(answer, port=0)
    async with server:
        with pytest.raises(RuntimeError, match="make a new one"):
            async with server:
                pass


@pytest.mark.anyio
async def test_a_request_that_is_half_there_at_a_drain_is_answered() -> None:
    """SRV-013."""
    server = Server(answer, port=0)
    started, leave = anyio.Event(), anyio.Event()

    async def live() -> None:
        async with server:
            started.set()
            await leave.wait()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(live)
        await started.wait()
        async with connect(server.address) as client:
            await client.send(request("/", "Content-Length: 4", method="POST") + b"ah")
            while not any(connection.busy for connection in server._core.host.connections):
                await anyio.lowlevel.checkpoint()
            leave.set()
            while not server._core.host.draining:
                await anyio.lowlevel.checkpoint()
            await client.send(b"oy")
            response = await client.response()

    assert (response.status, response.body) == (200, b"ahoy")


@pytest.mark.anyio
async def test_a_join_that_takes_longer_than_its_consumer_lives_leaves_no_member() -> None:
    """CON-023: nobody would ever end that membership."""
    joining, ended = anyio.Event(), anyio.Event()
    refused: list[BaseException] = []

    class Slow(MemoryLayer):
        async def group_add(self, group: str, channel: str) -> None:
            joining.set()
            await ended.wait()
            await super().group_add(group, channel)

    async with anyio.create_task_group() as tasks, Slow() as layer:

        def application(type: str, view: Any, channel: str, send: Any) -> Any:
            async def join() -> None:
                try:
                    await view.group_add("late", channel)
                except RuntimeError as error:
                    refused.append(error)

            async def consumer(message: Any) -> None:
                if message["type"] == "http.request":
                    tasks.start_soon(join)
                    await joining.wait()
                    await send({"type": "http.response", "status": 204})

            return consumer

        async with Server(application, layer=layer, port=0) as server, connect(server.address) as client:
            await client.send(request("/"))
            assert (await client.response()).status == 204
            while server._core.dispatcher.runners:
                await anyio.lowlevel.checkpoint()
            ended.set()
            while not refused:
                await anyio.lowlevel.checkpoint()
            inbox = await layer.new_channel("witness!")
            await layer.send_group("late", {"type": "test.nobody"})
            await layer.send(inbox, {"type": "test.sentinel"})
            assert (await layer.receive([inbox], 60))[1] == {"type": "test.sentinel"}
            statistics = await layer.statistics()

    assert statistics["dropped"]["unknown"] == 0
    assert server._core.dispatcher.dropped == 0


@pytest.mark.anyio
@pytest.mark.parametrize("after", [10**400, float("nan"), float("inf")])
async def test_a_time_to_wake_that_no_message_may_hold_is_refused(after: Any) -> None:
    """MSG-004 and its neighbours."""
    raised: list[BaseException] = []

    def application(type: str, layer: Any, channel: str, send: Any) -> Any:
        async def consumer(message: Any) -> None:
            if message["type"] == "http.request":
                with pytest.raises(ValueError) as refusal:  # noqa: PT011 - which words, is the checks' affair
                    await send({"type": "server.wake", "after": after})
                raised.append(refusal.value)
                await send({"type": "server.wake", "after": 10**18})
                await send({"type": "http.response", "status": 200})

        return consumer

    async with Server(application, port=0) as server, connect(server.address) as client:
        await client.send(request("/"))
        assert (await client.response()).status == 200

    assert len(raised) == 1


@pytest.mark.parametrize("loop", ["asyncio", "uvloop", "trio"])
def test_a_server_that_was_short_of_descriptors_goes_on(loop: str) -> None:
    """SRV-031, O9."""
    command = [sys.executable, "-c", SHORT_OF_DESCRIPTORS, loop]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)

    assert done.stdout == "HTTP/1.1 200 OK\n", done.stderr


@pytest.mark.anyio
@pytest.mark.parametrize("turns", range(6))
async def test_who_is_accepted_as_the_server_stops_listening_is_not_left_alone(turns: int) -> None:
    async with Server(answer, port=0) as server:
        client = socket.create_connection(server.address)
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
    gc.disable()  # which would end, some time, what nobody has
    try:
        client.settimeout(20)
        with suppress(ConnectionError):
            assert await anyio.to_thread.run_sync(client.recv, 1) == b""
    finally:
        gc.enable()
        client.close()
