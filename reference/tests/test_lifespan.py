"""The lifespan consumer: first in, last out; a failed start is the end of the server."""

from collections.abc import Iterator
from typing import Any

import pytest

from seaway.conformance.client.http import connect
from seaway.layers import MemoryLayer
from seaway.reference import Server, Settings, StartupFailed

from .scripted import Application, Consumer, Message, answer, serving, until

pytestmark = pytest.mark.anyio

TYPES = ("lifespan", "http", "websocket")
GO: Message = {"type": "test.go"}


class HarbourError(Exception):
    """What the applications of these tests raise."""


async def test_it_starts_before_the_first_connection_and_ends_after_the_last(is_async: bool) -> None:
    """LIF-001 to LIF-006, LIF-011, SRV-011, SRV-028."""
    order: list[str] = []

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        order.append(message["type"])
        if message["type"] == "lifespan.startup":
            yield consumer.layer.group_add, "harbour", consumer.channel
        yield from answer(consumer, message)

    async with serving(handler, is_async=is_async, types=TYPES, max_consumers=1) as site:
        lifespan = site.only
        async with connect(site.address) as client:
            assert (await client.ask("/")).status == 200
        await site.layer.send_group("harbour", GO)
        await until(lambda: GO in lifespan.messages)

    assert lifespan.type == "lifespan"
    assert lifespan.messages[0]["extensions"]["interface"] == "1.0"
    assert order[0] == "lifespan.startup"
    assert order.index("http.disconnect") < order.index("lifespan.shutdown")
    assert lifespan.types == ["lifespan.startup", "test.go", "server.drain", "lifespan.shutdown"]


async def test_it_runs_only_where_it_is_listed(is_async: bool) -> None:
    """LIF-003."""
    async with serving(answer, is_async=is_async) as site:
        pass

    assert site.consumers == []


@pytest.mark.parametrize("error", [HarbourError("no water"), SystemExit(3), KeyboardInterrupt()])
async def test_a_failed_start_ends_the_server_with_the_error(error: BaseException, is_async: bool) -> None:
    """LIF-008: after `lifespan.shutdown`; and nothing listens."""

    def handler(consumer: Consumer, message: Message) -> None:
        if message["type"] == "lifespan.startup":
            raise error

    application = Application(handler, is_async=is_async, types=TYPES)
    with pytest.raises(StartupFailed) as caught:
        async with Server(application, port=0, settings=Settings(access_log=False)):
            pytest.fail("the server started")

    assert caught.value.__cause__ is error
    assert application.only.types == ["lifespan.startup", "lifespan.shutdown"]


async def test_an_application_that_fails_at_the_start_ends_the_server(is_async: bool) -> None:
    """LIF-009."""
    error = HarbourError("no application")

    def application(*_: Any) -> Any:
        raise error

    application.is_async, application.types = is_async, TYPES  # type: ignore[attr-defined]
    with pytest.raises(StartupFailed) as caught:
        async with Server(application, port=0):
            pytest.fail("the server started")

    assert caught.value.__cause__ is error


async def test_a_failed_start_can_be_tried_again(is_async: bool) -> None:
    """Nothing of the first server is in the way of the second."""
    attempts: list[int] = []

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "lifespan.startup":
            attempts.append(1)
            if len(attempts) == 1:
                raise HarbourError
        yield from answer(consumer, message)

    application = Application(handler, is_async=is_async, types=TYPES)
    with pytest.raises(StartupFailed):
        async with Server(application, port=0):
            pytest.fail("the server started")
    async with Server(application, port=0) as server, connect(server.address) as client:
        assert (await client.ask("/")).status == 200


async def test_it_may_only_ask_to_be_woken(is_async: bool) -> None:
    """LIF-012."""
    refused: list[BaseException] = []

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "lifespan.startup":
            yield consumer.send, {"type": "server.wake", "after": 0}
            for wrong in ({"type": "http.response", "status": 200}, {"type": "lifespan.startup"}, GO):
                try:
                    yield consumer.send, wrong
                except ValueError as error:
                    refused.append(error)

    async with serving(handler, is_async=is_async, types=("lifespan",)) as site:
        await until(lambda: "server.wake" in site.only.types)

    assert len(refused) == 3


async def test_messages_of_the_layer_wait_until_it_has_started(is_async: bool) -> None:
    """LIF-007, CON-026: sent to its own channel inside the first call, delivered in the next."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "lifespan.startup":
            yield consumer.layer.send, consumer.channel, GO

    async with serving(handler, is_async=is_async, types=("lifespan",)) as site:
        await until(lambda: GO in site.only.messages)

    assert site.only.types[:2] == ["lifespan.startup", "test.go"]


async def test_an_error_while_it_runs_shuts_the_server_down(is_async: bool) -> None:
    """LIF-010: gracefully, and the server ends with the error."""
    error = HarbourError("sunk")

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "lifespan.startup":
            yield consumer.layer.group_add, "harbour", consumer.channel
        elif message["type"] == "test.sink":
            raise error

    application = Application(handler, is_async=is_async, types=TYPES)

    async def run() -> None:
        async with (
            MemoryLayer() as layer,
            Server(application, layer=layer, port=0, settings=Settings(grace=2.0)),
        ):
            await layer.send_group("harbour", {"type": "test.sink"})
            await until(lambda: application.only.over)

    with pytest.raises(Exception) as caught:  # noqa: PT011 - how it is wrapped is the server's; what, is checked
        await run()

    assert error in chain(caught.value)
    application.verify()


def chain(error: BaseException | None) -> list[BaseException]:
    """The error, its causes, and the members of groups."""
    found: list[BaseException] = []
    while error is not None:
        found.append(error)
        for member in getattr(error, "exceptions", ()):
            found.extend(chain(member))
        error = error.__cause__
    return found
