"""`to_sync` and `to_async`: which loop, which thread, and what a cancelled call leaves behind (LAY-096 to LAY-098)."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from seaway.layers import MemoryLayer, SyncMemoryLayer, to_async, to_sync
from seaway.layers._adapter import Call, Held

MESSAGE = {"type": "test.message"}


class Slow:
    """A synchronous layer of somebody else, each of whose calls waits until it is let go."""

    is_async = False
    interface = "1.0"
    extensions: frozenset[str] = frozenset()
    capacity, expiry, max_message_size = 100, 60, 1 << 20
    ChannelFull = MessageTooLarge = Exception

    def __init__(self) -> None:
        self.began = threading.Event()
        self.go = threading.Event()
        self.messages: list[tuple[str, Any]] = []
        self.members: set[tuple[str, str]] = set()
        self.sent: list[Any] = []

    def _wait(self) -> None:
        self.began.set()
        assert self.go.wait(10)

    def receive(self, channels: list[str], timeout: float | None = None) -> Any:
        self._wait()
        for index, (channel, _) in enumerate(self.messages):
            if channel in channels:
                return self.messages.pop(index)
        return None, None

    def send(self, channel: str, message: Any) -> None:
        self._wait()
        self.sent.append(message)

    def group_add(self, group: str, channel: str) -> None:
        self._wait()
        self.members.add((group, channel))

    def group_discard(self, group: str, channel: str) -> None:
        self.members.discard((group, channel))

    def close_channel(self, channel: str) -> None:
        self.members = {member for member in self.members if member[1] != channel}

    def close(self) -> None:
        self.go.set()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await anyio.sleep(0.001)


def test_a_layer_that_has_the_flavour_is_returned_as_it_is() -> None:
    layer, sync = MemoryLayer(), SyncMemoryLayer()
    assert to_async(layer) is layer
    assert to_sync(sync) is sync


@pytest.mark.anyio
async def test_an_adapted_call_runs_in_the_loop_that_the_layer_belongs_to() -> None:
    async with MemoryLayer() as layer:
        sync = await anyio.to_thread.run_sync(to_sync, layer)
        await anyio.to_thread.run_sync(sync.send, "thumbs", MESSAGE)
        assert await layer.receive(["thumbs"], 0) == ("thumbs", MESSAGE)


@pytest.mark.anyio
async def test_an_adapted_call_runs_in_the_loop_in_which_it_was_adapted() -> None:
    layer = MemoryLayer()
    sync = to_sync(layer)
    await anyio.to_thread.run_sync(sync.send, "thumbs", MESSAGE)
    assert await layer.receive(["thumbs"], 0) == ("thumbs", MESSAGE)
    await layer.close()


@pytest.mark.anyio
async def test_a_call_in_the_thread_of_the_loop_that_it_needs_is_refused() -> None:
    async with MemoryLayer() as layer:
        sync = to_sync(layer)
        await anyio.to_thread.run_sync(sync.send, "thumbs", MESSAGE)
        for call in (
            lambda: sync.send("thumbs", MESSAGE),
            lambda: sync.receive(["thumbs"], 0),
            lambda: sync.new_channel("server!"),
            lambda: sync.send_group("room", MESSAGE),
        ):
            with pytest.raises(RuntimeError, match="LAY-098"):
                call()
        with pytest.raises(RuntimeError, match="LAY-098"):
            sync.close()
        await anyio.to_thread.run_sync(sync.send, "thumbs", MESSAGE)  # so it was not closed by halves


def test_an_adapter_with_a_loop_of_its_own_can_be_used_beside_another_loop() -> None:
    async def main() -> None:
        sync.send("thumbs", MESSAGE)
        assert sync.receive(["thumbs"], 0) == ("thumbs", MESSAGE)

    with to_sync(MemoryLayer()) as sync:
        asyncio.run(main())


def own_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "seaway-to-sync"}


def test_the_loop_of_its_own_ends_with_the_adapter() -> None:
    before = own_threads()
    with to_sync(MemoryLayer()) as sync:
        sync.send("thumbs", MESSAGE)
        (thread,) = own_threads() - before
    thread.join(10)
    assert not thread.is_alive()
    before = own_threads()
    collected = to_sync(MemoryLayer())
    collected.send("thumbs", MESSAGE)
    (thread,) = own_threads() - before
    del collected
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


def test_a_loop_that_has_ended_is_an_error_and_no_deadlock() -> None:
    layer = MemoryLayer()
    sync = to_sync(layer)
    asyncio.run(layer.send("thumbs", MESSAGE))
    with pytest.raises(RuntimeError, match="does not run"):
        sync.send("thumbs", MESSAGE)


def test_a_loop_that_ends_while_a_call_waits_ends_the_call() -> None:
    errors: list[str] = []

    async def main() -> None:
        layer = MemoryLayer()
        sync = to_sync(layer)

        def wait() -> None:
            try:
                sync.receive(["thumbs"])
            except RuntimeError as error:
                errors.append(str(error))

        await layer.statistics()
        thread.append(threading.Thread(target=wait))
        thread[0].start()
        await until(lambda: len(layer._client.waiters) == 1)

    thread: list[threading.Thread] = []
    asyncio.run(main())
    thread[0].join(10)
    assert "ended before" in errors[0]


def test_what_an_interrupted_call_had_taken_goes_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with to_sync(MemoryLayer()) as sync:
        sync.send("thumbs", MESSAGE)
        home: Any = type(sync._home)  # type: ignore[attr-defined]
        call = home.call

        def interrupted(self: Any, function: Any) -> None:
            call(self, function)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(home, "call", interrupted)
            with pytest.raises(KeyboardInterrupt):
                sync.receive(["thumbs"])
        assert sync.receive(["other"], 0) == (None, None)
        assert sync.receive(["other", "thumbs"], 0) == ("thumbs", MESSAGE)
        assert sync.receive(["thumbs"], 0) == (None, None)


def test_what_comes_after_its_call_was_abandoned_is_held() -> None:
    held = Held()
    call = Call(held)
    call.abandon()
    call.finish(("server.x!1", MESSAGE))
    assert held.take(["thumbs"]) is None
    assert held.take(["thumbs", "server.x!"]) == ("server.x!1", MESSAGE)
    assert held.take(["server.x!"]) is None


@pytest.mark.anyio
async def test_what_a_thread_took_for_a_cancelled_receive_goes_to_the_next_on_that_channel() -> None:
    slow = Slow()
    layer = to_async(slow)
    for channel, source in (("thumbs", "thumbs"), ("server.x!1", "server.x!")):
        slow.go.clear()
        slow.began.clear()
        got: list[Any] = []

        async def receive(source: str = source, got: list[Any] = got) -> None:
            got.append(await layer.receive([source]))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(receive)
            await until(slow.began.is_set)
            slow.messages.append((source, MESSAGE))
            tasks.cancel_scope.cancel()
            slow.go.set()
        rest = await layer.receive([source], 0)
        assert [*got, rest].count((source, MESSAGE)) == 1, channel
    await layer.close()


def test_a_task_cancelled_by_asyncio_leaves_what_its_thread_took_to_the_next_receive() -> None:
    async def main() -> None:
        slow = Slow()
        layer = to_async(slow)
        task = asyncio.create_task(layer.receive(["thumbs"]))
        await until(slow.began.is_set)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        slow.messages.append(("thumbs", MESSAGE))
        slow.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await layer.receive(["other"], 0) == (None, None)
        assert await layer.receive(["thumbs"], 0) == ("thumbs", MESSAGE)
        assert await layer.receive(["thumbs"], 0) == (None, None)
        await layer.close()

    asyncio.run(main())


@pytest.mark.parametrize("before", ["never", "member", "closed", "discarded"])
def test_a_group_add_that_was_cancelled_leaves_no_membership_that_was_not_there(before: str) -> None:
    async def main() -> None:
        slow = Slow()
        layer = to_async(slow)
        if before != "never":
            slow.go.set()
            await layer.group_add("room", "server.x!1")
            if before == "closed":
                await layer.close_channel("server.x!1")
            if before == "discarded":
                await layer.group_discard("room", "server.x!1")
            slow.go.clear()
            slow.began.clear()
        task = asyncio.create_task(layer.group_add("room", "server.x!1"))
        await until(slow.began.is_set)
        task.cancel()
        slow.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bool(slow.members) is (before == "member")
        await layer.close()

    asyncio.run(main())


@pytest.mark.anyio
async def test_a_thread_gets_the_message_as_it_was_when_send_was_called() -> None:
    slow = Slow()
    layer = to_async(slow)
    message = {"type": "test.message", "items": [1]}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(layer.send, "thumbs", message)
        await until(slow.began.is_set)
        message["items"].append(2)  # type: ignore[attr-defined]
        slow.go.set()
    assert slow.sent == [{"type": "test.message", "items": [1]}]
    await layer.close()


@pytest.mark.anyio
async def test_a_receive_that_is_cancelled_leaves_no_thread_behind_that_takes_messages() -> None:
    sync = SyncMemoryLayer()
    layer = to_async(sync)
    with anyio.move_on_after(0.01):
        await layer.receive(["thumbs"])
    await anyio.to_thread.run_sync(sync.send, "thumbs", MESSAGE)
    assert sync.receive(["thumbs"], 0) == ("thumbs", MESSAGE)
    await layer.close()


@pytest.mark.anyio
async def test_an_extension_that_the_layer_lacks_is_an_attribute_error() -> None:
    slow = Slow()
    layer = to_async(slow)
    assert layer.extensions == frozenset()
    for name in ("flush", "statistics"):
        with pytest.raises(AttributeError):
            await getattr(layer, name)()
    await layer.close()


def test_an_adapter_belongs_to_one_loop_too() -> None:
    layer = to_async(SyncMemoryLayer())
    asyncio.run(layer.send("thumbs", MESSAGE))
    with pytest.raises(RuntimeError, match="LAY-025"):
        asyncio.run(layer.send("thumbs", MESSAGE))
