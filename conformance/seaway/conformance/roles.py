"""What a worker process does by itself when several of them use one layer at once, and its log.

Rules of this module: every call that counts is logged, by `recorder`, for `history`. A role ends when it is told to;
one that is killed leaves a log that is whole.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

import anyio
from attrs import frozen

from seaway.conformance.face import Face, Limits
from seaway.conformance.recorder import AsyncRecorded, Recorder, SyncRecorded

PAUSE = 0.05
"""So many seconds a `receive` waits, and then looks whether its role has ended."""


TOGGLE = 5
"""After so many receives a channel joins its group, or leaves it."""


@frozen
class Task:
    """What one process is to do.

    Args:
        name: of the process, in its log.
        log: the file to write.
        role: a key of `ROLES`.
        channels: where to send, or where to receive from; an owner has its inbox there.
        group: the group to send to, or to join.
        most: a sender stops after so many messages, and waits for its end.
    """

    name: str
    log: str
    role: str
    channels: tuple[str, ...] = ()
    group: str = ""
    most: int = 100


def logged(raw: Any, is_async: bool, backend: str, name: str, log: str) -> Face:
    """Return a face of the layer object *raw* whose calls are logged."""
    recorder = Recorder.to_file(name, Path(log))
    recorded = (AsyncRecorded if is_async else SyncRecorded)(raw, recorder, "layer")
    return Face(recorded, is_async, Limits(), backend)


async def _send(face: Face, full: type[Exception], task: Task, ending: anyio.Event) -> None:
    """Send to each channel in turn, and to the group, until told to end."""
    targets = [("send", channel) for channel in task.channels]
    if task.group:
        targets.append(("send_group", task.group))
    for number in range(task.most):
        method, target = targets[number % len(targets)]
        try:
            await face.run(method, [target, {"type": "test.message", "id": f"{task.name}.{number}"}])
        except full:
            await anyio.sleep(0.002)
        if ending.is_set():
            return
        await anyio.lowlevel.checkpoint()
    await ending.wait()


async def _read(face: Face, full: type[Exception], task: Task, ending: anyio.Event) -> None:
    """Receive until told to end, and then until there is nothing more."""
    while True:
        is_last = ending.is_set()
        channel, _ = await face.run("receive", [list(task.channels), PAUSE])
        if is_last and channel is None:
            return


async def _join(face: Face, full: type[Exception], task: Task, ending: anyio.Event) -> None:
    """Put a channel under an inbox into a group, where it stays."""
    (inbox,) = task.channels
    await face.run("group_add", [task.group, f"{inbox}stays"])


async def _own(face: Face, full: type[Exception], task: Task, ending: anyio.Event) -> None:
    """Receive from an inbox; one channel under it joins the group and leaves it all the time."""
    (inbox,) = task.channels
    is_member = False
    for number in count():
        is_last = ending.is_set()
        channel, _ = await face.run("receive", [[inbox], PAUSE])
        if channel is None and is_last:
            break
        if number % TOGGLE == 0 and not is_last:
            await face.run("group_discard" if is_member else "group_add", [task.group, f"{inbox}comes-and-goes"])
            is_member = not is_member
    await face.run("close", [])
    # A call of a closed object raises (LAY-022).
    try:
        await face.run("receive", [[inbox], 0])
    except RuntimeError:
        return


Role = Callable[[Face, type[Exception], Task, anyio.Event], Awaitable[None]]
ROLES: dict[str, Role] = {"send": _send, "read": _read, "join": _join, "own": _own}
