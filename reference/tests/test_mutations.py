"""Mutated input: whatever arrives, the server goes on, ends what it must, and logs no traceback for it."""

import logging
import random
from collections.abc import Iterator

import pytest

from seaway.conformance.client.http import connect, request
from seaway.conformance.client.websocket import close_frame, frame, handshake, text

from .scripted import answer, serving, until

pytestmark = pytest.mark.anyio

COUNT = 150
SEEDS = [
    request("/a?b", "X-A: b", "Accept: */*"),
    request("/a", method="POST", body=b"hello world"),
    request("/a", "Transfer-Encoding: chunked", method="POST") + b"5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n",
    request("/a", "Expect: 100-continue", method="POST", body=b"hello"),
    request("/a") + request("/b", "Connection: close"),
    handshake("/ws", "Origin: http://test", "Sec-WebSocket-Protocol: a, b"),
    handshake() + text("hello") + frame(2, b"\x00" * 200) + frame(9, b"ping") + close_frame(1000, b"bye"),
    handshake() + frame(1, b"he", fin=False) + frame(0, b"llo") + text("again"),
]


def mutations(seed: int) -> Iterator[bytes]:
    """Valid input with bytes that were changed, dropped, doubled or moved: the same ones in every run."""
    chance = random.Random(seed)
    for _ in range(COUNT):
        data = bytearray(chance.choice(SEEDS))
        for _ in range(chance.randint(1, 4)):
            position = chance.randrange(len(data))
            end = position + chance.randint(1, 8)
            kind = chance.randrange(5)
            if kind == 0:
                data[position] = chance.randrange(256)
            elif kind == 1:
                del data[position:end]
            elif kind == 2:
                data[position:position] = data[position:end]
            elif kind == 3:
                data[position:position] = chance.choice([b"\r\n", b"\n", b"\0", b" ", b"\xff", b":", b"0", b"\r"])
            else:
                data[position:position] = chance.choice(SEEDS)[: chance.randint(1, 60)]
            data = data or bytearray(b"x")
        yield bytes(data)


@pytest.mark.parametrize("seed", range(3))
async def test_the_server_survives_mutated_input(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    """H26, W11: every connection ends, every consumer too, and the next client is served."""
    with caplog.at_level(logging.DEBUG, logger="seaway"):
        async with serving(answer, websocket_max_size=10_000) as site:
            for data in mutations(seed):
                async with connect(site.address) as client:
                    await client.send(data)
                    client.finish()
                    await client.ended()
            await until(lambda: all(consumer.over for consumer in site.consumers))
            async with connect(site.address) as client:
                assert (await client.ask("/alive")).body == b"/alive "

    assert not [record for record in caplog.records if record.exc_info and record.name.startswith("seaway")]
