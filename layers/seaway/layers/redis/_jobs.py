"""What is to be asked of the broker, and how it is put together: many sends become one script call.

Rules of this module: no I/O. A job that was written and not answered has an unknown outcome; it is asked again only if
that is harmless (`Job.again`), which a message never is (LAY-038). A job that the broker answered without doing it
(`AGAIN`) or that was never written is tried again until its deadline.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from math import inf
from time import monotonic
from typing import Any

from seaway.layers.base import full
from seaway.layers.redis._connection import Refusal
from seaway.layers.redis._greeting import History
from seaway.layers.redis._scripts import BY_SHA, SEND, Script
from seaway.layers.redis._streams import Address
from seaway.layers.redis._wire import Command
from seaway.layers.redis.keys import TAG

_NONE: list[Command] = []

Tag = str | Address
"""What a Cluster places commands by: a hash tag, nothing for any node, or one certain node."""

MOST_JOBS = 128
"""Jobs in one batch: more would make the broker deaf for others meanwhile."""

MOST_BYTES = 1 << 18
"""Bytes in one batch, unless one message alone has more: a script that writes 1 MiB holds the broker for 2 ms."""

MOST_WAITING = 1 << 26
"""Bytes that may wait for a broker that is away; beyond that a send raises at once."""

AGAIN = (
    "LOADING",
    "READONLY",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "MOVED",
    "ASK",
    "BUSY ",
    "UNBLOCKED",
    "-UNBLOCKED",
)
"""How the answers of a broker begin that has done nothing."""

LEAVE = ("LOADING", "READONLY", "MASTERDOWN", "UNBLOCKED", "NOAUTH")
"""Answers after which it is better to look for the broker anew."""


def call(script: Script, keys: Sequence[str], *arguments: Any) -> Command:
    """Return the command that runs *script*."""
    return ("EVALSHA", script.sha, len(keys), *keys, *arguments)


def spelled_out(command: Command) -> Command:
    """Return a script call that a broker understands which has forgotten the script."""
    return ("EVAL", BY_SHA[command[1]].text, *command[2:])


class Job:
    """Commands that belong together, and what became of them.

    Args:
        commands: to be run in this order.
        deadline: on the machine's monotonic clock; ``inf``: until the layer is closed.
        again: whether they may be run again when nobody knows whether they were.
        done: called once when the job has ended, before whoever waits for it is woken.
        tag: what a Cluster places the commands by: one for all, or a tuple with one for each.

    Attributes:
        replies: what the broker answered, once it has; in a Cluster it grows with each node that has answered.
        error: why it did not.
        queued: whether it has been put into a queue.
        history: of the broker that answered.
        waiter: of the call that waits for the end, if one does.
        lane: which has it, or had it last.
        ask: the node of a Cluster that must be asked this once.
        due: when to try again, on the monotonic clock; 0: it is not put off.
        tries: how often the nodes of a Cluster have sent it away.
    """

    __slots__ = (
        *("again", "ask", "commands", "deadline", "done", "due", "ended", "error", "history", "lane", "queued"),
        *("replies", "size", "tag", "tries", "waiter"),
    )

    def __init__(
        self,
        commands: list[Command],
        deadline: float = inf,
        again: bool = False,
        done: Callable[[Job], None] | None = None,
        tag: Tag | tuple[str, ...] = "",
    ) -> None:
        self.commands = commands
        self.tag = tag
        self.lane: Any = None
        self.ask: Address | None = None
        self.due = 0.0
        self.tries = 0
        self.deadline = deadline
        self.again = again
        self.done = done
        self.ended = False
        self.error: Exception | None = None
        self.replies: list[Any] = []
        self.queued = False
        self.history: History | None = None
        self.size = 100
        self.waiter: Any = None

    @property
    def place(self) -> Tag:
        """What a Cluster places the next command by."""
        return self.tag[len(self.replies)] if isinstance(self.tag, tuple) else self.tag

    def end(self) -> None:
        """Tell that *replies* or *error* is there."""
        self.ended = True
        if self.done is not None:
            self.done(self)
        if self.waiter is not None:
            self.waiter.wake()


class Send(Job):
    """A message on its way.

    Args:
        kind: as in ``send.lua``: ``"i"``, ``"f"``, ``"g"`` or ``"n"``.
        place: inbox, group, or tag and channel.
        first: head, or capacity.
        second: payload, or expiry.
        third: nothing, or payload.
        name: the channel's, for errors.
    """

    __slots__ = ("arguments", "kind", "name", "result")

    def __init__(self, kind: str, place: str, first: Any, second: Any, third: Any, name: str, deadline: float) -> None:
        # As `Job` does it, without the call: there is one for each message.
        self.commands = _NONE
        self.deadline = deadline
        self.again = False
        self.done = None
        self.ended = False
        self.error = None
        self.queued = False
        self.waiter = None
        self.tag = TAG if kind == "n" else place
        self.lane = None
        self.ask = None
        self.due = 0.0
        self.tries = 0
        self.kind = kind
        self.arguments = (kind, place, first, second, third)
        self.name = name
        self.size = 100 + len(third or second)
        self.result = 0

    def settle(self, result: int) -> None:
        """Take the broker's *result* for this message."""
        self.result = result
        if result < 0 and self.kind in "in":
            self.error = full(self.name)
        self.ended = True
        if self.waiter is not None:
            self.waiter.wake()


class Batch:
    """Jobs that go to the broker together, and which of the replies are whose."""

    def __init__(self, jobs: list[Job], base: str) -> None:
        self.jobs = jobs
        self.sends = [job for job in jobs if type(job) is Send]
        self.others = [job for job in jobs if type(job) is not Send]
        self.commands: list[Command] = []
        self.expired = 0
        self._base = base

    def fill(self, before: Iterable[Command]) -> list[Command]:
        """Return the commands to run, those of *before* first, whose replies are nobody's."""
        self.commands = list(before)
        self._skip = len(self.commands)
        if self.sends:
            arguments: list[Any] = [self._base]
            for send in self.sends:
                arguments += send.arguments
            self.commands.append(call(SEND, (self._base,), *arguments))
        for job in self.others:
            self.commands += job.commands
        return self.commands

    def forgotten(self, replies: Sequence[Any]) -> list[Command]:
        """Return the scripts, spelled out, that the broker has forgotten; they have done nothing yet."""
        return [spelled_out(self.commands[at]) for at in _forgotten(replies)]

    def reminded(self, replies: list[Any], again: Sequence[Any]) -> None:
        """Put the answers to `forgotten` into *replies*."""
        for at, reply in zip(_forgotten(replies), again, strict=True):
            replies[at] = reply

    def settle(self, replies: list[Any]) -> tuple[list[Job], bool, bool]:
        """End the jobs that *replies* answer.

        Returns:
            The jobs to try again; whether that wants a pause; whether the broker has to be looked for anew.
        """
        again: list[Job] = []
        texts: list[str] = []
        at = self._skip
        if self.sends:
            reply = replies[at]
            at += 1
            if isinstance(reply, Exception):
                texts.append(str(reply))
                again += _refused(self.sends, texts[-1])
            else:
                self.expired = reply[-1]
                for send, result in zip(self.sends, reply, strict=False):
                    if isinstance(result, Exception):
                        texts.append(str(result))
                        again += _refused([send], texts[-1])
                    else:
                        send.settle(result)
        for job in self.others:
            answers = replies[at : at + len(job.commands)]
            at += len(job.commands)
            bad = next((answer for answer in answers if isinstance(answer, Refusal)), None)
            if bad is None:
                job.replies = answers
                job.end()
            else:
                texts.append(str(bad))
                again += _refused([job], texts[-1])
        pause = any(text.startswith(AGAIN) for text in texts)
        return again, pause, any(text.startswith(LEAVE) for text in texts)


def _forgotten(replies: Sequence[Any]) -> list[int]:
    return [at for at, reply in enumerate(replies) if isinstance(reply, Refusal) and str(reply).startswith("NOSCRIPT")]


def _refused(jobs: Sequence[Job], text: str) -> list[Job]:
    """Return those of *jobs* that the broker's error *text* lets us try again; the others end."""
    if text.startswith(AGAIN):
        return list(jobs)
    for job in jobs:
        refuse(job, text)
    return []


def refuse(job: Job, text: str) -> None:
    """End *job* with the broker's error *text*."""
    if text.startswith("OOM") and type(job) is Send and job.kind in "in":
        job.error = full(job.name)
    else:
        job.error = ConnectionError(f"the broker refused: {text}")
    job.end()


class Queue:
    """Jobs that wait for a connection to one node, oldest first."""

    def __init__(self, base: str, kind: type[Batch] = Batch) -> None:
        self._base = base
        self._kind = kind
        self._jobs: deque[Job] = deque()
        self._parked: list[Job] = []
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._jobs) or (bool(self._parked) and min(job.due for job in self._parked) <= monotonic())

    def put(self, job: Job) -> None:
        """Add *job*; ``ConnectionError`` if too much waits already."""
        if self._bytes > MOST_WAITING and type(job) is Send:
            raise ConnectionError("the broker is away, and too many messages wait for it; nothing was sent")
        job.queued = True
        self._jobs.append(job)
        self._bytes += job.size

    def take(self) -> Batch | None:
        """Return the next batch, if anything waits."""
        jobs: list[Job] = []
        size = 0
        while self._jobs and len(jobs) < MOST_JOBS and (not jobs or size + self._jobs[0].size <= MOST_BYTES):
            job = self._jobs.popleft()
            size += job.size
            jobs.append(job)
        self._bytes -= size
        return self._kind(jobs, self._base) if jobs else None

    def back(self, jobs: Iterable[Job], now: float, why: Exception) -> None:
        """Let *jobs*, which were not done, wait on, at the head; those whose time is over end with *why*."""
        kept = []
        for job in jobs:
            if job.deadline > now:
                kept.append(job)
                self._bytes += job.size
            else:
                fail(job, why)
        self._jobs.extendleft(reversed(kept))
        self.overdue(now, why)

    def overdue(self, now: float, why: Exception) -> None:
        """End the jobs whose time is over."""
        late = [job for job in self._jobs if job.deadline <= now]
        if late:
            self._jobs = deque(job for job in self._jobs if job.deadline > now)
            for job in late:
                self._bytes -= job.size
                fail(job, why)

    def clear(self, why: Exception) -> None:
        """End all that wait."""
        for job in self.drain():
            fail(job, why)

    def drain(self) -> list[Job]:
        """Take out all that wait, also those that are put off."""
        jobs = [*self._jobs, *self._parked]
        self._jobs.clear()
        self._parked.clear()
        self._bytes = 0
        return jobs

    def park(self, job: Job, until: float) -> None:
        """Put *job* off until then, by the monotonic clock; `due` gives it back."""
        job.due = until
        self._parked.append(job)

    def due(self, now: float) -> list[Job]:
        """Take out those that were put off until *now*."""
        if not self._parked:
            return []
        found = [job for job in self._parked if job.due <= now]
        self._parked = [job for job in self._parked if job.due > now]
        for job in found:
            job.due = 0.0
        return found

    def next_due(self) -> float | None:
        """Return when the first of those that are put off is to be tried again."""
        return min((job.due for job in self._parked), default=None)


def fail(job: Job, why: Exception) -> None:
    """End *job* with an error of its own, for several callers must not raise one exception object."""
    job.error = type(why)(*why.args)
    job.error.__cause__ = why
    job.end()
