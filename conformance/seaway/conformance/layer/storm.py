"""Several processes that send and receive at once, some of which are killed, and what their logs say.

Rules of this module: nothing waits for time to pass; how far a process has come is read from its log. The verdict is
that of `seaway.conformance.history`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import TaskGroup
from attrs import define, field

from seaway.conformance import history
from seaway.conformance.face import Hang, in_thread
from seaway.conformance.history import Bounds, Event
from seaway.conformance.recorder import Recorder
from seaway.conformance.remote import Remote, WorkerDied
from seaway.conformance.roles import Task
from seaway.conformance.world import World

STORM_DEADLINES = 5
"""What a process does by itself may take so many times the deadline of a call."""


@define(eq=False)
class _Actor:
    """A process, what it does, and whether it still does it."""

    remote: Remote
    task: Task
    is_killed: bool = False
    has_ended: anyio.Event = field(factory=anyio.Event)


class Storm:
    """Processes on one backend. Start them, kill some, and `judge`.

    Args:
        world: where their layer objects are made.
        tasks: in which they are watched.
        folder: for their logs.
        options: keywords for their layer objects.
    """

    def __init__(self, world: World, tasks: TaskGroup, folder: Path, **options: Any) -> None:
        self._world = world
        self._tasks = tasks
        self._folder = folder
        self._options = options
        self._actors: dict[str, _Actor] = {}
        self._own_log = Recorder.to_file("suite", folder / "suite.log")

    async def owner(self, name: str, group: str) -> str:
        """Start a process that owns an inbox, a channel of which joins *group*; return the inbox."""
        remote = await self._world.process(**self._options)
        inbox: str = await remote.call("new_channel", f"{name}!")
        await remote.act(self._task(name, role="join", channels=(inbox,), group=group), self._world.limits.deadline)
        self._actors[name] = _Actor(remote, self._task(name, role="own", channels=(inbox,), group=group))
        return inbox

    def begin(self, name: str) -> None:
        """Let the owner of an inbox receive."""
        self._tasks.start_soon(self._watch, self._actors[name])

    async def reader(self, name: str, channels: tuple[str, ...]) -> None:
        """Start a process that receives from normal channels."""
        remote = await self._world.process(**self._options)
        self._actors[name] = _Actor(remote, self._task(name, role="read", channels=channels))
        self.begin(name)

    async def sender(self, name: str, channels: tuple[str, ...], group: str, most: int) -> None:
        """Start a process that sends to *channels* and *group* in turn, *most* messages if it lives so long."""
        remote = await self._world.process(**self._options)
        self._actors[name] = _Actor(remote, self._task(name, role="send", channels=channels, group=group, most=most))
        self.begin(name)

    def _task(self, name: str, **what: Any) -> Task:
        return Task(name=name, log=str(self._folder / f"{name}.log"), **what)

    async def _watch(self, actor: _Actor) -> None:
        try:
            await actor.remote.act(actor.task, self._world.limits.deadline * STORM_DEADLINES)
        except WorkerDied:
            if not actor.is_killed:
                raise
        actor.has_ended.set()

    async def kill(self, name: str) -> None:
        """Kill a process in the midst of what it does."""
        actor = self._actors[name]
        await self.under_way(name)
        actor.is_killed = True
        await actor.remote.kill()
        self._own_log.happened("killed", name)

    async def under_way(self, name: str, calls: int = 20) -> None:
        """Return when a process has ended so many calls."""
        deadline = time.monotonic() + self._world.limits.deadline * STORM_DEADLINES
        path = Path(self._actors[name].task.log)
        while not path.exists() or path.read_bytes().count(b"\n") < 2 * calls:
            if time.monotonic() > deadline:
                raise Hang(f"the process {name!r} has not ended {calls} calls")
            await anyio.sleep(0.005)

    async def judge(self, bounds: Bounds) -> None:
        """Let senders end, then receivers take what is left, and see whether what was logged can be explained."""
        for is_sender in (True, False):
            living = [one for one in self._actors.values() if not one.is_killed]
            ending = [one for one in living if (one.task.role == "send") is is_sender]
            for actor in ending:
                await actor.remote.end_act()
            for actor in ending:
                await actor.has_ended.wait()
        events = history.read_logs(sorted(self._folder.glob("*.log")))
        self._note(events)
        await in_thread(lambda: history.check(events, bounds), self._world.subject.backend)

    def _note(self, events: list[Event]) -> None:
        killed = [name for name, actor in self._actors.items() if actor.is_killed]
        ended = {(one.process, one.call) for one in events if one.phase != "begun"}
        cut_off = {one.process for one in events if one.phase == "begun" and (one.process, one.call) not in ended}
        self._world.note("calls by several processes at once, logged", len(ended))
        self._world.note("kills", len(killed))
        self._world.note("kills that hit a call in flight", len(cut_off.intersection(killed)))
