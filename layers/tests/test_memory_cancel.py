"""A call that is cancelled, wherever it was suspended, takes nothing with it (LAY-075, L2)."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from contextlib import suppress
from typing import Any

import anyio
import pytest

from seaway.layers import MemoryLayer, SyncMemoryLayer
from seaway.layers.flavours import BREATH

MESSAGE = {"type": "test.message"}


async def settle() -> None:
    """Let every task of this loop run until it waits for something."""
    for _ in range(10):
        await anyio.lowlevel.checkpoint()


def waiting(layer: Any) -> int:
    return len(layer._client.waiters)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["normal", "inbox"])
async def test_a_receive_that_was_told_and_cancelled_before_it_ran_leaves_the_message(kind: str) -> None:
    async with MemoryLayer() as layer:
        source = "thumbs" if kind == "normal" else await layer.new_channel("server!")
        target = source if kind == "normal" else source + "1"
        got: list[Any] = []

        async def receive() -> None:
            got.append(await layer.receive([source]))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(receive)
            await settle()
            assert waiting(layer) == 1
            await layer.send(target, MESSAGE)
            tasks.cancel_scope.cancel()
        # Either the call has returned the message or it is still there: never both, never neither.
        rest = await layer.receive([source], 0)
        assert [*got, rest].count((target, MESSAGE)) == 1
        assert waiting(layer) == 0


@pytest.mark.anyio
async def test_the_next_receive_is_told_in_the_place_of_a_cancelled_one() -> None:
    async with MemoryLayer() as layer:
        got: list[Any] = []
        first = anyio.CancelScope()

        async def receive(scope: anyio.CancelScope) -> None:
            with scope:
                got.append(await layer.receive(["thumbs"]))

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(receive, first)
                await settle()
                tasks.start_soon(receive, anyio.CancelScope())
                await settle()
                assert waiting(layer) == 2
                await layer.send("thumbs", MESSAGE)
                first.cancel()
                await settle()
                if len(got) == 1 and waiting(layer):
                    # The first had its message before the cancellation arrived; the second still waits.
                    await layer.send("thumbs", MESSAGE)
        assert waiting(layer) == 0


@pytest.mark.anyio
async def test_a_thread_is_told_in_the_place_of_a_cancelled_task(hub_name: str) -> None:
    with SyncMemoryLayer(name=hub_name) as sync:
        async with MemoryLayer(name=hub_name) as layer:
            got: list[Any] = []
            scope = anyio.CancelScope()

            async def receive() -> None:
                with scope:
                    got.append(await layer.receive(["thumbs"]))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(receive)
                await settle()
                thread = threading.Thread(target=lambda: got.append(sync.receive(["thumbs"])), daemon=True)
                thread.start()
                while not waiting(sync):
                    await anyio.sleep(0.001)
                await layer.send("thumbs", MESSAGE)
                scope.cancel()
                await settle()
            if got == [("thumbs", MESSAGE)] and thread.is_alive():
                await layer.send("thumbs", MESSAGE)
            await anyio.to_thread.run_sync(thread.join, 10)
            assert not thread.is_alive()
            assert set(map(str, got)) == {str(("thumbs", MESSAGE))}


@pytest.mark.anyio
async def test_a_receive_that_was_told_of_one_channel_and_took_from_another_tells_the_next() -> None:
    async with MemoryLayer() as layer:
        got: list[Any] = []

        async def receive(channels: list[str]) -> None:
            got.append((await layer.receive(channels))[0])

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(receive, ["b", "a"])
                await settle()
                tasks.start_soon(receive, ["a"])
                await settle()
                await layer.send("a", MESSAGE)  # tells the first call
                await layer.send("b", MESSAGE)  # which is on its way, so nobody is told
        assert sorted(got) == ["a", "b"]
        assert waiting(layer) == 0


@pytest.mark.anyio
async def test_a_busy_receive_lets_other_tasks_run_and_can_be_cancelled_without_a_loss() -> None:
    async with MemoryLayer(capacity=10_000) as layer:
        for _ in range(1000):
            await layer.send("thumbs", MESSAGE)
        taken = 0
        with anyio.CancelScope() as scope:

            async def cancel() -> None:
                scope.cancel()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(cancel)
                while True:
                    await layer.receive(["thumbs"])
                    taken += 1
        assert taken <= 2 * BREATH
        left = 0
        while (await layer.receive(["thumbs"], 0))[0] is not None:
            left += 1
        assert taken + left == 1000


@pytest.mark.anyio
async def test_a_busy_sender_lets_other_tasks_run() -> None:
    async with MemoryLayer(capacity=10_000) as layer:
        sent = 0
        with anyio.CancelScope() as scope:

            async def cancel() -> None:
                scope.cancel()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(cancel)
                while True:
                    await layer.send("thumbs", MESSAGE)
                    await layer.send_group("room", MESSAGE)
                    sent += 1
        assert sent <= 2 * BREATH


@pytest.mark.anyio
async def test_a_receive_that_was_told_in_vain_waits_again() -> None:
    async with MemoryLayer() as layer:
        got: list[Any] = []

        async def receive() -> None:
            got.append(await layer.receive(["thumbs"]))

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(receive)
                await settle()
                take, looks = layer._take_or_wait, []
                layer._take_or_wait = lambda *arguments: looks.append(arguments) or take(*arguments)
                for number in range(1, 4):
                    await layer.send("thumbs", MESSAGE)
                    assert await layer.receive(["thumbs"], 0) == ("thumbs", MESSAGE)
                    await settle()
                    assert (waiting(layer), got) == (1, [])
                    assert len(looks) == number, "it looks once each time it was told, and waits"
                await layer.send("thumbs", MESSAGE)
        assert got == [("thumbs", MESSAGE)]


def test_a_thread_that_was_told_in_vain_waits_again(hub_name: str) -> None:
    with SyncMemoryLayer(name=hub_name) as layer, SyncMemoryLayer(name=hub_name) as other:
        got: list[Any] = []
        thread = threading.Thread(target=lambda: got.append(layer.receive(["thumbs"])), daemon=True)
        thread.start()
        for _ in range(20):
            while not waiting(layer) and thread.is_alive():
                time.sleep(0.0001)
            other.send("thumbs", MESSAGE)
            other.receive(["thumbs"], 0)  # mostly before the thread looks
        while thread.is_alive():
            with suppress(other.ChannelFull):
                other.send("thumbs", MESSAGE)
            thread.join(0.01)
        assert got == [("thumbs", MESSAGE)]


def test_a_message_for_a_receive_whose_time_has_just_run_out_is_no_error_for_its_sender() -> None:
    async def scenario() -> None:
        layer = MemoryLayer()
        call = layer.receive(["thumbs"], 60)
        future = call.send(None)
        future.set_result(False)  # as the timer does; the task has not run since
        await layer.send("thumbs", MESSAGE)
        with pytest.raises(StopIteration) as end:
            call.send(None)
        assert end.value.value == (None, None)
        assert await layer.receive(["thumbs"], 0) == ("thumbs", MESSAGE)
        await layer.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("exception", [asyncio.CancelledError, GeneratorExit, KeyboardInterrupt])
def test_whatever_is_thrown_into_a_waiting_receive_leaves_the_message(
    exception: type[BaseException], told: bool
) -> None:
    async def scenario() -> None:
        layer = MemoryLayer()
        call = layer.receive(["thumbs"])
        call.send(None)
        assert waiting(layer) == 1
        if told:
            await layer.send("thumbs", MESSAGE)
        with pytest.raises(exception):
            call.throw(exception)
        assert waiting(layer) == 0
        if not told:
            await layer.send("thumbs", MESSAGE)
        assert await layer.receive(["thumbs"], 0) == ("thumbs", MESSAGE)
        await layer.close()

    asyncio.run(scenario())


def test_a_receive_whose_coroutine_is_collected_tells_the_next() -> None:
    async def scenario() -> None:
        layer = MemoryLayer()
        call = layer.receive(["thumbs"])
        call.send(None)
        second = asyncio.create_task(layer.receive(["thumbs"], 5))
        await asyncio.sleep(0)
        await layer.send("thumbs", MESSAGE)
        call.close()
        assert await second == ("thumbs", MESSAGE)

    asyncio.run(scenario())


def test_a_receive_of_a_loop_that_is_gone_does_not_keep_a_message_from_others(
    hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    layer = MemoryLayer(name=hub_name)
    loop = asyncio.new_event_loop()
    task = loop.create_task(layer.receive(["thumbs"]))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    with SyncMemoryLayer(name=hub_name) as sync:
        got: list[Any] = []
        thread = threading.Thread(target=lambda: got.append(sync.receive(["thumbs"])), daemon=True)
        thread.start()
        while not waiting(sync):
            pass
        sync.send("thumbs", MESSAGE)
        thread.join(10)
        assert got == [("thumbs", MESSAGE)]
    assert not task.done()
    task.get_coro().close()
    del task  # asyncio logs that it was pending, which is the point of this test


def test_a_timeout_that_ends_together_with_a_message_loses_nothing(hub_name: str) -> None:
    with SyncMemoryLayer(name=hub_name, capacity=10_000) as sender, SyncMemoryLayer(name=hub_name) as layer:
        got = 0
        ended = threading.Event()

        def receive() -> None:
            nonlocal got
            while True:
                stop = ended.is_set()
                if layer.receive(["thumbs"], 0.0002)[0] is not None:
                    got += 1
                elif stop:
                    return

        threads = [threading.Thread(target=receive) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(3000):
            sender.send("thumbs", MESSAGE)
        ended.set()
        for thread in threads:
            thread.join()
        assert got == 3000


class SignalError(Exception):
    pass


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals cannot be sent to a thread here")
@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="Python runs signal handlers in the main thread"
)
def test_a_signal_handler_that_raises_ends_a_waiting_thread_and_leaves_the_message() -> None:
    def interrupt(*_: Any) -> None:
        raise SignalError

    def kill() -> None:
        while not waiting(layer):
            time.sleep(0.001)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with SyncMemoryLayer() as layer:
            killer = threading.Thread(target=kill)
            killer.start()
            with pytest.raises(SignalError):
                layer.receive(["thumbs"])
            killer.join()
            assert waiting(layer) == 0
            layer.send("thumbs", MESSAGE)
            assert layer.receive(["thumbs"], 0) == ("thumbs", MESSAGE)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_send_reads_its_message_before_it_first_suspends() -> None:
    async def scenario() -> None:
        layer = MemoryLayer()
        suspended = 0
        for number in range(BREATH):
            message = {"type": "test.message", "number": number}
            call = layer.send("thumbs", message)
            try:
                call.send(None)
            except StopIteration:
                continue
            suspended += 1
            message["number"] = "changed"
            with pytest.raises(StopIteration):
                call.send(None)
        assert suspended
        got = [(await layer.receive(["thumbs"], 0))[1] for _ in range(BREATH)]
        assert got == [{"type": "test.message", "number": number} for number in range(BREATH)]
        await layer.close()

    asyncio.run(scenario())
