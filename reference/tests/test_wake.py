"""`server.wake`: a consumer's only clock."""

from collections.abc import Iterator
from time import monotonic
from typing import Any

import anyio
import pytest

from seaway.conformance.client.http import connect, request
from seaway.conformance.client.websocket import text, websocket

from .scripted import Consumer, Message, answer, serving, until

pytestmark = pytest.mark.anyio

SOON = 0.1


def wake(after: Any) -> Message:
    return {"type": "server.wake", "after": after}


class Alarm:
    """On each text, sends the wakes that are written in it; notes when it did and when it was woken."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.woken: list[float] = []

    def __call__(self, consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "websocket.receive":
            self.asked.append(monotonic())
            for after in message["text"].split():
                yield consumer.send, wake(None if after == "none" else float(after))
        elif message["type"] == "server.wake":
            self.woken.append(monotonic())
        yield from answer(consumer, message)


async def ask(site: Any, ws: Any, afters: str) -> None:
    await ws.send(text(afters))
    assert await ws.message() == afters


async def test_it_comes_once_and_not_too_early(is_async: bool) -> None:
    """SRV-019 to SRV-022."""
    alarm = Alarm()
    async with serving(alarm, is_async=is_async) as site, websocket(site.address) as ws:
        await ask(site, ws, str(SOON))
        await until(lambda: alarm.woken)
        await ask(site, ws, "0")
        await until(lambda: len(alarm.woken) == 2)

    assert alarm.woken[0] - alarm.asked[0] >= SOON - 0.001  # what two readings of one clock may differ by
    assert [message for message in site.only.messages if message["type"] == "server.wake"] == [
        {"type": "server.wake"}
    ] * 2


async def test_a_new_one_replaces_the_old(is_async: bool) -> None:
    """SRV-023: one wake, at the time of the last."""
    alarm = Alarm()
    async with serving(alarm, is_async=is_async) as site, websocket(site.address) as ws:
        await ask(site, ws, f"0.01 60 {SOON}")
        await until(lambda: alarm.woken)
        await anyio.sleep(3 * SOON)  # a second one would have come by now

    assert len(alarm.woken) == 1


async def test_none_cancels(is_async: bool) -> None:
    """SRV-024: what was asked for before is not given; what is asked for later, is."""
    alarm = Alarm()
    async with serving(alarm, is_async=is_async) as site, websocket(site.address) as ws:
        await ask(site, ws, f"{SOON} none")
        await ask(site, ws, "none")
        await anyio.sleep(2 * SOON)
        await ask(site, ws, "0")
        await until(lambda: alarm.woken)

    assert len(alarm.woken) == 1


async def test_one_that_is_filed_can_still_be_cancelled(is_async: bool) -> None:
    """SRV-023, SRV-024: it fires while the consumer is busy, which then changes its mind."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "websocket.receive":
            yield consumer.send, wake(0)
            yield consumer.pause, SOON
            yield consumer.send, wake(None)
        yield from answer(consumer, message)

    async with serving(handler, is_async=is_async) as site, websocket(site.address) as ws:
        for _ in range(2):
            await ask(site, ws, "x")

    assert "server.wake" not in site.only.types


async def test_a_request_uses_it_as_its_own_time_out(is_async: bool) -> None:
    """Rule 12: no task beside the consumer."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.send, wake(SOON)
        elif message["type"] == "server.wake":
            yield consumer.send, {"type": "http.response", "status": 204}

    async with serving(handler, is_async=is_async) as site, connect(site.address) as client:
        assert (await client.ask("/")).status == 204


async def test_one_that_comes_too_late_finds_nobody(is_async: bool) -> None:
    """SRV-020, SRV-025: the consumer has ended; the server forgets the wake."""
    after_the_end: list[BaseException] = []

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.send, wake(SOON)
        if message["type"] == "http.disconnect":
            try:
                yield consumer.send, wake(0)
            except ConnectionError as error:
                after_the_end.append(error)
        yield from answer(consumer, message)

    async with serving(handler, is_async=is_async) as site, connect(site.address) as client:
        await client.ask("/")
        await until(lambda: site.only.over)
        await anyio.sleep(2 * SOON)

    assert site.only.types[-1] == "http.disconnect"  # a wake after it would have broken a rule of every test
    assert len(after_the_end) == 1


@pytest.mark.parametrize("after", [-1, "1", float("nan"), float("inf"), True, [1]])
async def test_a_wake_that_is_no_time_is_refused(after: Any, is_async: bool) -> None:
    """SRV-018, MSG-027."""
    errors: list[BaseException] = []

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            for wrong in (wake(after), {"type": "server.wake"}, {"type": "server.drain", "reason": "shutdown"}):
                try:
                    yield consumer.send, wrong
                except ValueError as error:
                    errors.append(error)
        yield from answer(consumer, message)

    async with serving(handler, is_async=is_async) as site, connect(site.address) as client:
        await client.send(request())
        assert (await client.response()).status == 200

    assert len(errors) == 3
