"""The table of raw requests, `seaway.conformance.framing`: each row whole, byte by byte, and as a handshake.

The application answers by itself, with the path and the body that it got. So what is on the wire tells what it saw.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import anyio
import pytest

from seaway.conformance.client.http import Client, Response
from seaway.conformance.client.websocket import handshake
from seaway.conformance.framing import Row, following, rows
from seaway.conformance.serving.process import Served
from seaway.conformance.serving.world import ServerWorld

_DRIPPED, _EVERY = 300, 3  # of requests with at most so many bytes every third is sent byte by byte, too
_UPGRADE = handshake().partition(b"Host: test\r\n")[2]  # the fields of a handshake, and the empty line


def _whole(row: Row) -> Callable[[ServerWorld], Coroutine[Any, Any, None]]:
    async def test(world: ServerWorld) -> None:
        await _judge(world, await world.server("echo"), row, is_dripped=False)

    return pytest.mark.needs("http")(test)


def _dripped(row: Row) -> Callable[[ServerWorld], Coroutine[Any, Any, None]]:
    async def test(world: ServerWorld) -> None:
        await _judge(world, await world.server("echo", header_timeout=60), row, is_dripped=True)

    return pytest.mark.needs("http", "header_timeout")(test)


async def _judge(world: ServerWorld, server: Served, row: Row, *, is_dripped: bool) -> None:
    name = world.token
    data = row.request + following().replace(b"/next", b"/next/" + name.encode())
    how = "byte by byte" if is_dripped else "whole"
    async with world.client(server) as client:
        await (client.drip if is_dripped else client.send)(data)
        first = await client.response()
        assert first.status == 200 or first.status in row.refused, f"{row}, sent {how}: {_expected(row)}, got {first}"
        if first.status == 200:
            assert row.served is not None, f"{row}, sent {how}: {_expected(row)}, got {first}"
            assert _heard(first) == list(row.served), f"{row}, sent {how}: the application got something else"
            second = await client.response()
            assert (second.status, _heard(second)) == (200, [f"/next/{name}", b""]), f"{row}: behind it came {second}"
        else:
            rest = await client.ended()
            assert rest == b"", f"{row}, sent {how}: behind the refusal came {rest[:200]!r}"
    async with world.client(server) as client:
        seen = (await client.ask(f"/seen/{name}")).body
        expected = b"1" if first.status == 200 else b"0"
        assert seen == expected, f"{row}, sent {how}: the request behind it came through {seen!r} times"


def _heard(response: Response) -> list[Any]:
    try:
        path, body = json.loads(response.body)
    except ValueError:
        raise AssertionError(f"expected the application's answer, its path and body in JSON, got {response}") from None
    return [path, body.encode("latin-1")]


def _expected(row: Row) -> str:
    statuses = " or ".join(map(str, sorted(row.refused)))
    return f"expected {' or '.join(['200'] * (row.served is not None) + [statuses] * bool(statuses))}"


def _upgrade(row: Row) -> Callable[[ServerWorld], Coroutine[Any, Any, None]]:
    async def test(world: ServerWorld) -> None:
        async with world.client(await world.server("echo")) as client:
            status = await _status(client, b"GET / HTTP/1.1\r\n" + (row.fields or b"") + _UPGRADE)
        allowed = row.refused | ({101} if row.served is not None else set())
        assert status in allowed, f"{row}, as a handshake: expected {sorted(allowed)}, got {status}"

    return pytest.mark.needs("http", "websocket")(test)


async def _status(client: Client, head: bytes) -> int:
    """Return the status of the response; a refusal must end the connection."""
    await client.send(head)
    response = await client.response()
    if response.status not in (200, 101):
        assert await client.ended() == b""
    return response.status


def _tests(number: int, row: Row) -> Iterator[tuple[str, Callable[[ServerWorld], Coroutine[Any, Any, None]]]]:
    name = row.id.replace("-", "_").replace(".", "__")
    yield f"test_{name}", _whole(row)
    if len(row.request) <= _DRIPPED and number % _EVERY == 0:
        yield f"test_dripped__{name}", _dripped(row)
    if row.fields is not None:
        yield f"test_upgrade__{name}", _upgrade(row)


for _number, _row in enumerate(rows()):
    for _name, _test in _tests(_number, _row):
        _test.__name__ = _name
        globals()[_name] = pytest.mark.req(*_row.requirements)(_test)

_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_VALUE = frozenset([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])


_AT_ONCE = 8  # connections of one test of bytes
_NAME, _NAMES = b"x%cy: z", _TOKEN | {ord(":")}  # a colon ends the name: what follows is the value


@pytest.mark.req("HTTP-078", "HTTP-008")
@pytest.mark.needs("http")
async def test_every_byte_of_a_field_name_has_one_verdict(world: ServerWorld) -> None:
    await _judge_bytes(world, _NAME, _NAMES, b"\r\n", 200)


@pytest.mark.req("HTTP-078", "HTTP-008")
@pytest.mark.needs("http", "websocket")
async def test_every_byte_of_a_field_name_has_one_verdict_in_a_handshake(world: ServerWorld) -> None:
    await _judge_bytes(world, _NAME, _NAMES, _UPGRADE, 101)


@pytest.mark.req("HTTP-080", "HTTP-008")
@pytest.mark.needs("http")
async def test_every_byte_of_a_field_value_has_one_verdict(world: ServerWorld) -> None:
    await _judge_bytes(world, b"x: y%cz", _VALUE, b"\r\n", 200)


@pytest.mark.req("HTTP-080", "HTTP-008")
@pytest.mark.needs("http", "websocket")
async def test_every_byte_of_a_field_value_has_one_verdict_in_a_handshake(world: ServerWorld) -> None:
    await _judge_bytes(world, b"x: y%cz", _VALUE, _UPGRADE, 101)


async def _judge_bytes(world: ServerWorld, line: bytes, good: frozenset[int], rest: bytes, served: int) -> None:
    server, wrong = await world.server("echo"), []

    async def judge(some: range) -> None:
        for byte in some:
            async with world.client(server) as client:
                head = b"GET / HTTP/1.1\r\nHost: test\r\n" + line % byte + b"\r\n"
                status = await _status(client, head + rest)
            if status != (served if byte in good else 400):
                wrong.append((byte, status))

    async with anyio.create_task_group() as tasks:  # 256 answers one after the other take a busy machine half a minute
        for first in range(_AT_ONCE):
            tasks.start_soon(judge, range(first, 256, _AT_ONCE))
    assert wrong == [], f"byte and status: {sorted(wrong)}"
