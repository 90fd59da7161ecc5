"""What an operator reads when a broker refuses, or is away, while calls wait for it that raise nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

import anyio
import pytest

from seaway.conformance.brokers import Server
from seaway.layers import open_layer
from seaway.layers.redis import SyncRedisLayer
from seaway.layers.redis.inspect import snapshot

pytestmark = pytest.mark.anyio
MESSAGE = {"type": "test.message"}
RIGHTS = ("on", ">word", "resetchannels", "+@all", "-@dangerous", "+info")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


async def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        await anyio.sleep(0.01)


@pytest.mark.parametrize(
    ("rights", "text"), [(("~other:*",), "access"), (("~seaway:*", "-time"), "time"), (("~seaway:*", "-info"), "info")]
)
def test_a_user_without_a_right_is_told_which_and_where_all_are_listed(
    server: Server, rights: tuple[str, ...], text: str
) -> None:
    server.command("ACL", "SETUSER", "anna", *RIGHTS, *rights)
    layer = open_layer(f"redis://anna:word@127.0.0.1:{server.port}?send_deadline=60", is_async=False)
    with pytest.raises(ConnectionError, match=f"{text}.*the page 'Redis' of the documentation"):
        layer.__enter__()


async def test_a_reader_that_is_refused_says_so_once_and_when_it_works_again(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "seaway.layers.redis")
    server.command("ACL", "SETUSER", "anna", *RIGHTS, "~seaway:*", "-xread")
    async with open_layer(f"redis://anna:word@127.0.0.1:{server.port}") as layer:
        inbox = await layer.new_channel("here!")
        await until(lambda: "a layer cannot read from its broker" in caplog.text)
        assert "'xread'" in caplog.text
        server.command("ACL", "SETUSER", "anna", "+xread")
        await layer.send(f"{inbox}1", MESSAGE)
        assert await layer.receive([inbox], 20) == (f"{inbox}1", MESSAGE)
        await until(lambda: "a layer can read from its broker again" in caplog.text)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_a_broker_that_is_away_is_told_of(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "seaway.layers.redis")
    async with open_layer(f"redis://127.0.0.1:{server.port}") as layer:
        inbox = await layer.new_channel("here!")
        await until(lambda: layer._engine.inboxes[inbox].is_ready)  # type: ignore[attr-defined]
        server.stop()
        await until(lambda: "a layer cannot read from its broker, and goes on trying: the broker at" in caplog.text)
        server.start()
        await until(lambda: "a layer can read from its broker again" in caplog.text)


async def test_a_refused_request_for_messages_is_told_of(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.command("ACL", "SETUSER", "anna", *RIGHTS, "~seaway:*", "-lpop", "-lrange")
    async with open_layer(f"redis://anna:word@127.0.0.1:{server.port}") as layer:
        await layer.send("work", MESSAGE)
        assert await layer.receive(["work"], 1.5) == (None, None)
        await until(lambda: "a layer cannot receive from normal channels" in caplog.text)
        asked = server.info("commandstats").get("cmdstat_evalsha", "calls=0")
        assert int(asked.partition("calls=")[2].partition(",")[0]) < 50, "it is asked again and again, without a pause"
    assert len(caplog.records) == 1


def test_keys_whose_names_are_no_text_stop_neither_a_look_nor_a_flush(server: Server) -> None:
    for name in (b"m:{\xff!}", b"g:{\xff}", b"n:{0}\xff"):
        server.command("SET", b"seaway::" + name, "rubbish")
    with open_layer(f"redis://127.0.0.1:{server.port}", is_async=False) as layer:
        assert isinstance(layer, SyncRedisLayer)
        layer.send("work", MESSAGE)
        assert [channel.name for channel in snapshot(layer).channels] == ["work"]
        layer.flush()
        assert snapshot(layer).channels == ()


def test_what_stands_in_keys_stops_neither_a_look_nor_a_flush(server: Server) -> None:
    spoilt = ["seaway::m:{a!}", "seaway::m:{b!}", "seaway::n:{0}c", "seaway::g:{d}"]
    server.command("HSET", spoilt[0], "an", "abc")
    for key in spoilt[1:]:
        server.command("SET", key, "rubbish")
    with open_layer(f"redis://127.0.0.1:{server.port}", is_async=False) as layer:
        assert isinstance(layer, SyncRedisLayer)
        inbox = layer.new_channel("here!")
        layer.send(f"{inbox}1", MESSAGE)
        layer.group_add("room", f"{inbox}1")
        layer.flush()
        gap = {"type": "layer.gap", "reason": "lost", "dropped": 1}
        assert layer.receive([inbox], 10)[1] == gap
        found = snapshot(layer)
        assert [one.name for one in found.inboxes] == [inbox]
        assert [one.name for one in found.groups] == ["room"]
        assert found.spoilt == tuple(spoilt)
