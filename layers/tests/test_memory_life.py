"""The life of a memory layer object: opening, loops, threads, forks, garbage, and the hubs that objects share."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time
from typing import Any

import anyio
import pytest

from seaway.layers import MemoryLayer, SyncMemoryLayer, open_layer
from seaway.layers.memory import _hubs

MESSAGE = {"type": "test.message"}


def test_construction_needs_no_event_loop_and_no_hub() -> None:
    layer = MemoryLayer(name="never-opened")
    assert ("never-opened", "") not in _hubs
    assert "new" in repr(layer)


def test_objects_without_a_name_are_on_their_own() -> None:
    with SyncMemoryLayer() as one, SyncMemoryLayer() as two:
        one.send("thumbs", MESSAGE)
        assert two.receive(["thumbs"], 0) == (None, None)


def test_an_asynchronous_object_belongs_to_the_loop_of_its_first_use() -> None:
    layer = MemoryLayer()
    asyncio.run(layer.send("thumbs", MESSAGE))
    for call in (
        lambda: layer.send("thumbs", MESSAGE),
        lambda: layer.receive(["thumbs"], 0),
        lambda: layer.new_channel("server!"),
        lambda: layer.close(),
    ):
        with pytest.raises(RuntimeError, match="LAY-025"):
            asyncio.run(call())


@pytest.mark.anyio
async def test_an_object_of_this_loop_is_refused_in_a_thread_with_another() -> None:
    async with MemoryLayer() as layer:
        errors: list[str] = []

        def elsewhere() -> None:
            try:
                asyncio.run(layer.send("thumbs", MESSAGE))
            except RuntimeError as error:
                errors.append(str(error))

        await anyio.to_thread.run_sync(elsewhere)
        assert "LAY-025" in errors[0]
        assert await layer.receive(["thumbs"], 0) == (None, None)


def test_an_asynchronous_call_without_a_loop_says_what_to_use() -> None:
    call = MemoryLayer().send("thumbs", MESSAGE)
    with pytest.raises(RuntimeError, match="synchronous flavour"):
        call.send(None)


def test_a_closed_object_can_be_closed_anywhere_but_not_opened() -> None:
    layer = MemoryLayer()
    asyncio.run(layer.close())
    asyncio.run(layer.close())
    with pytest.raises(RuntimeError, match="LAY-022"):
        asyncio.run(layer.__aenter__())
    sync = SyncMemoryLayer()
    sync.close()
    with pytest.raises(RuntimeError, match="LAY-022"):
        sync.__enter__()


def test_a_collected_object_owns_nothing_any_more_l23(hub_name: str) -> None:
    with SyncMemoryLayer(name=hub_name) as other:
        owner = SyncMemoryLayer(name=hub_name)
        inbox = owner.new_channel("server!")
        owner.group_add("room", inbox + "1")
        other.send(inbox + "1", MESSAGE)
        assert other.statistics()["dropped"]["unknown"] == 0
        del owner
        gc.collect()
        other.send(inbox + "1", MESSAGE)
        other.send_group("room", MESSAGE)
        assert other.statistics()["dropped"]["unknown"] == 1
        assert not list(other._hub._groups)
        assert not other._hub._inboxes


def test_an_object_that_is_collected_in_the_middle_of_a_call_is_cleared_up_by_the_next(hub_name: str) -> None:
    with SyncMemoryLayer(name=hub_name) as other:
        owner = SyncMemoryLayer(name=hub_name)
        inbox = owner.new_channel("server!")
        other._enter()
        hub = other._hub
        with hub._lock:  # as if the collector ran inside a call
            del owner
            gc.collect()
            assert inbox in hub._inboxes
        other.send(inbox + "1", MESSAGE)
        assert inbox not in hub._inboxes


def test_objects_of_one_name_share_a_hub_in_both_flavours() -> None:
    async def main() -> None:
        sync = open_layer("memory://shared-by-name", is_async=False)
        async with open_layer("memory://shared-by-name") as layer:  # type: ignore[union-attr]
            await layer.send("thumbs", MESSAGE)
            assert sync.receive(["thumbs"], 0) == ("thumbs", MESSAGE)  # type: ignore[comparison-overlap]
            sync.close()  # type: ignore[unused-coroutine]

    asyncio.run(main())


def test_what_waits_in_a_hub_outlives_the_objects_and_an_empty_hub_does_not() -> None:
    with SyncMemoryLayer(name="outlives") as sender:
        sender.send("thumbs", MESSAGE)
    with SyncMemoryLayer(name="outlives") as receiver:
        assert receiver.receive(["thumbs"], 0) == ("thumbs", MESSAGE)
    SyncMemoryLayer(name="outlives-not").__enter__().close()
    assert ("outlives", "") not in _hubs


def test_the_time_of_day_plays_no_part_l14_l15(monkeypatch: pytest.MonkeyPatch) -> None:
    with SyncMemoryLayer() as layer:
        inbox = layer.new_channel("server!")
        for number, skew in enumerate((3600, -3600, 0)):
            monkeypatch.setattr(time, "time", lambda skew=skew: 1.8e9 + skew)
            for channel in ("thumbs", inbox + "1"):
                layer.send(channel, {"type": "test.message", "number": number})
        for channel in ("thumbs", inbox):
            assert [layer.receive([channel], 0)[1]["number"] for _ in range(3)] == [0, 1, 2]  # type: ignore[index]


def test_a_hub_forgets_channels_in_which_nothing_waits(clock: Any) -> None:
    with SyncMemoryLayer(clock=clock, expiry=1) as layer:
        for number in range(5000):
            layer.send(f"made.up.{number}", MESSAGE)
            clock.advance(0.01)
        assert len(layer._hub._channels) < 2100
        assert layer.statistics()["dropped"]["expired"] > 2900


def test_a_group_is_forgotten_with_its_last_member() -> None:
    with SyncMemoryLayer() as layer:
        inbox = layer.new_channel("server!")
        layer.group_add("room", inbox + "1")
        layer.group_add("hall", inbox + "1")
        layer.group_discard("room", inbox + "1")
        layer.close_channel(inbox + "1")
        assert not list(layer._hub._groups)
        assert not layer._client.inboxes[inbox].memberships


FORKING = """
import asyncio, os, sys
from seaway.layers import MemoryLayer, SyncMemoryLayer, to_sync
sync, asynchronous, fresh, adapted = SyncMemoryLayer(name="x"), MemoryLayer(name="x"), SyncMemoryLayer(), None
sync.send("thumbs", {"type": "a.b"})
async def use(layer):
    await layer.send("thumbs", {"type": "a.b"})
asyncio.run(use(asynchronous))
sync._hub._lock.acquire()  # as if another thread were in a call while this one forks
if os.fork() == 0:
    errors = []
    for call in (lambda: sync.send("thumbs", {"type": "a.b"}), lambda: asyncio.run(use(asynchronous))):
        try:
            call()
        except RuntimeError as error:
            errors.append(str(error))
    assert len(errors) == 2 and all("LAY-026" in text for text in errors), errors
    sync.close()
    fresh.send("thumbs", {"type": "a.b"})
    assert fresh.receive(["thumbs"], 0)[0] == "thumbs"
    with SyncMemoryLayer(name="x") as new:
        assert new.receive(["thumbs"], 0) == (None, None)
    os._exit(0)
sync._hub._lock.release()
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
assert sync.receive(["thumbs"], 0)[0] == "thumbs"
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_child_is_refused_and_can_make_objects_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def test_one_object_serves_many_threads_and_loops_meet_l22(hub_name: str) -> None:
    sync = SyncMemoryLayer(name=hub_name, capacity=100_000)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        async def main() -> None:
            async with MemoryLayer(name=hub_name, capacity=100_000) as layer:
                inbox = await layer.new_channel("server!")
                await layer.group_add("room", inbox + "1")
                await layer.send(inbox + "1", MESSAGE)
                assert (await layer.receive([inbox], 5))[0] == inbox + "1"
                await layer.send("thumbs", MESSAGE)

        try:
            for _ in range(25):
                sync.send("thumbs", MESSAGE)
                asyncio.run(main())
                assert sync.receive(["thumbs"], 5)[0] == "thumbs"
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(sync._hub._clients) == 1
    assert not sync._hub._inboxes
    sync.close()


def test_capacity_is_exact_under_concurrent_sends_l9(hub_name: str) -> None:
    start = threading.Barrier(10)
    accepted: list[int] = []

    def send() -> None:
        with SyncMemoryLayer(name=hub_name, capacity=3) as layer:
            start.wait()
            for number in range(5):
                try:
                    layer.send("thumbs", MESSAGE)
                    accepted.append(number)
                except layer.ChannelFull:
                    pass
            start.wait()

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(accepted) == 3
