"""What holds over several processes, and what happens when one is killed or forked."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

import anyio
import pytest

from seaway.conformance.face import in_thread
from seaway.conformance.layer.values import SENTINEL, number_of, numbered, numbers
from seaway.conformance.remote import environment, start_seconds
from seaway.conformance.world import World

LEASE = 1.5


@pytest.mark.req("LAY-026")
@pytest.mark.needs("fork")
async def test_a_forked_child_is_told_so(world: World) -> None:
    make = {"is_async": world.subject.is_async, "namespace": world.namespace}
    request = json.dumps({"target": world.harness.target, "make": make, "deadline": world.limits.deadline})

    command = [sys.executable, "-m", "seaway.conformance.fork_check"]
    seconds = start_seconds(world.limits.deadline)

    def check() -> subprocess.CompletedProcess[str] | None:
        with suppress(subprocess.TimeoutExpired):
            return subprocess.run(
                command, input=request, capture_output=True, text=True, timeout=seconds, env=environment()
            )
        return None

    done = await in_thread(check, world.subject.backend)
    assert done is not None, f"a process that forks with an object of the layer has not ended within {seconds:g} s"
    assert done.returncode == 0, done.stderr[-500:]
    answers = json.loads(done.stdout)
    assert answers.pop("close") == "", "close in a forked child has no effect, and does not raise"
    assert answers.pop("parent") == "", "after its child has closed the object the parent goes on"
    for name, text in answers.items():
        assert text.startswith("RuntimeError"), f"{name} in a forked child: {text or 'returned'}; expected RuntimeError"
        assert "fork" in text, f"{name}: {text}; expected it to say that the process was forked"


@pytest.mark.req("LAY-043")
@pytest.mark.needs("process")
async def test_timeout_0_finds_what_another_process_has_sent_before(world: World) -> None:
    layer, remote = world.layer(), await world.process()
    inbox = await layer.new_channel()
    for number in range(15):
        await remote.call("send", "work", numbered(number))
        assert await layer.receive(["work"], 0) == ("work", numbered(number))
        await remote.call("send", f"{inbox}1", numbered(number))
        assert await layer.receive([inbox], 0) == (f"{inbox}1", numbered(number))


@pytest.mark.req("LAY-054")
@pytest.mark.needs("process")
async def test_a_message_goes_to_one_of_several_processes(world: World) -> None:
    sender = world.layer(capacity=1000)
    remotes = [await world.process(), await world.process()]
    for number in range(120):
        await sender.send("work", numbered(number))
    got: list[Any] = []

    async def read(remote: Any) -> None:
        while True:
            outcomes = await remote.calls([("receive", ["work"], 0.2)] * 3)
            found = [outcome.value for outcome in outcomes if outcome.error is None and outcome.value[0] is not None]
            if not found:
                return
            got.extend(number_of(message) for _, message in found)

    async with anyio.create_task_group() as tasks:
        for remote in remotes:
            tasks.start_soon(read, remote)
    assert sorted(got) == list(range(120))


@pytest.mark.req("LAY-081")
@pytest.mark.needs("process")
async def test_capacity_is_exact_over_several_processes(world: World) -> None:
    remotes = [await world.process(capacity=3) for _ in range(2)]
    accepted: list[int] = []

    async def fill(remote: Any) -> None:
        outcomes = await remote.calls([("send", "work", numbered(number)) for number in range(25)])
        errors = [outcome.error for outcome in outcomes if outcome.error is not None]
        assert all(str(error).startswith("ChannelFull") for error in errors), errors[0]
        accepted.append(25 - len(errors))

    async with anyio.create_task_group() as tasks:
        for remote in remotes:
            tasks.start_soon(fill, remote)
    assert sum(accepted) == 3


@pytest.mark.req("GRP-007")
@pytest.mark.needs("process")
async def test_a_group_spans_processes(world: World) -> None:
    layer, remote = world.layer(), await world.process()
    inbox, remote_inbox = await layer.new_channel(), await remote.call("new_channel", "there!")
    await layer.group_add("room", f"{inbox}1")
    await remote.call("group_add", "room", f"{remote_inbox}1")
    for number in range(2):
        if number:
            await layer.send_group("room", numbered(number))
        else:
            await remote.call("send_group", "room", numbered(number))
        assert await layer.next(inbox) == (f"{inbox}1", numbered(number))
        got = await remote.call("receive", [remote_inbox], world.limits.deadline / 2)
        assert got == (f"{remote_inbox}1", numbered(number))


@pytest.mark.req("GRP-012")
@pytest.mark.needs("process")
async def test_membership_holds_for_sends_of_another_process_at_once(world: World) -> None:
    layer, remote = world.layer(), await world.process()
    inbox = await layer.new_channel()
    for number in range(15):
        await layer.group_add("room", f"{inbox}{number}")
        await remote.call("send_group", "room", numbered(number))
        assert await layer.next(inbox) == (f"{inbox}{number}", numbered(number))
        await layer.group_discard("room", f"{inbox}{number}")
        await remote.call("send_group", "room", numbered(number))
    await remote.call("send", f"{inbox}1", SENTINEL)
    assert await layer.up_to(SENTINEL, inbox) == []


@pytest.mark.req("GRP-015")
@pytest.mark.needs("process", "residue")
@pytest.mark.waits
async def test_memberships_of_a_killed_process_end_within_the_lease(world: World) -> None:
    layer, remote = world.layer(lease=LEASE), await world.process(lease=LEASE)
    inbox = await remote.call("new_channel", "there!")
    await remote.call("group_add", "room", f"{inbox}1")
    assert world.harness.residue(world.namespace) != []
    await remote.kill()
    deadline = time.monotonic() + LEASE + 1
    while time.monotonic() < deadline:
        await layer.send_group("room", numbered(1))
        await anyio.sleep(0.1)
    assert world.harness.residue(world.namespace) == []


@pytest.mark.req("LAY-032")
@pytest.mark.needs("process")
@pytest.mark.waits
async def test_what_is_sent_to_a_killed_process_goes_nowhere_after_the_lease(world: World) -> None:
    layer, remote = world.layer(lease=LEASE), await world.process(lease=LEASE, inbox_capacity=3)
    inbox = await remote.call("new_channel", "there!")
    await remote.kill()
    await world.pass_time(LEASE + 1)
    for number in range(8):
        assert await layer.send(f"{inbox}1", numbered(number)) is None


@pytest.mark.req("LAY-073")
@pytest.mark.needs("process")
async def test_nothing_is_given_twice_when_a_reader_is_killed(world: World) -> None:
    layer, remote = world.layer(capacity=1000), await world.process()
    for number in range(60):
        await layer.send("work", numbered(number))
    got = []
    for _ in range(10):
        channel, message = await remote.call("receive", ["work"], world.limits.deadline / 2)
        assert channel == "work", "nothing came to the other process"
        got.append(number_of(message))
    await remote.kill()
    while (received := await layer.receive(["work"], world.limits.silence))[0] is not None:
        got.append(number_of(received[1]))
    assert len(got) == len(set(got)), sorted(got)
    assert sorted(got)[:10] == list(range(10))


@pytest.mark.req("LAY-046")
@pytest.mark.needs("process")
async def test_the_inbox_of_another_process_is_refused(world: World) -> None:
    layer, remote = world.layer(), await world.process()
    inbox = await layer.new_channel()
    outcome = (await remote.calls([("receive", [inbox], 0)]))[0]
    assert str(outcome.error).startswith("ValueError"), outcome


@pytest.mark.req("LAY-078")
@pytest.mark.needs("process")
async def test_a_normal_channel_is_first_in_first_out_over_processes(world: World) -> None:
    layer, remote = world.layer(capacity=1000), await world.process(capacity=1000)
    for number in range(40):
        if number % 2:
            await remote.call("send", "work", numbered(number))
        else:
            await layer.send("work", numbered(number))
    await layer.send("work", SENTINEL)
    assert numbers(await layer.up_to(SENTINEL, "work")) == list(range(40))
