"""A batch for one node of a Cluster: each script touches the keys of one hash tag, and names all of them.

Rules of this module: no I/O. While a slot moves, a node runs a script only if it has all keys that the script names;
so a script that named less than it touches could find half of an inbox, and lose a message.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.layers.redis._connection import Refusal
from seaway.layers.redis._jobs import LEAVE, Batch, Job, Send, Tag, call
from seaway.layers.redis._scripts import SEND
from seaway.layers.redis._wire import Command
from seaway.layers.redis.keys import Keys

_ASKING: Command = ("ASKING",)


class Scattered(Batch):
    """See `Batch`.

    Attributes:
        refused: jobs that the node has not done, each with what it said.
    """

    def __init__(self, jobs: list[Job], base: str) -> None:
        super().__init__(jobs, base)
        self.refused: list[tuple[Job, str]] = []
        self._parts: list[tuple[list[Job], list[int]]] = []

    def refuse(self, place: Tag, text: str) -> None:
        """Leave out the jobs of *place*, for the node has said *text*."""
        self.refused += [(job, text) for job in self.jobs if job.place == place]
        self.jobs = [job for job in self.jobs if job.place != place]
        self.sends = [job for job in self.sends if job.place != place]
        self.others = [job for job in self.others if job.place != place]

    def fill(self, before: Iterable[Command]) -> list[Command]:
        """See `Batch.fill`."""
        self.commands = list(before)
        scripts: dict[tuple[Tag, bool], list[Send]] = {}
        for send in self.sends:
            scripts.setdefault((send.place, send.ask is not None), []).append(send)
        for sends in scripts.values():
            self._add(list(sends), [self._script(sends)])
        for job in self.others:
            self._add([job], _next_commands(job))
        return self.commands

    def _script(self, sends: list[Send]) -> Command:
        keys = Keys.of(self._base)
        first = sends[0]
        if first.kind == "n":
            names = dict.fromkeys(send.name for send in sends)
            touched = (*keys.of_channels(), *(keys.channel(name) for name in names))
        else:
            touched = keys.inbox(first.arguments[1])
        arguments: list[Any] = [self._base]
        for send in sends:
            arguments += send.arguments
        return call(SEND, touched, *arguments)

    def _add(self, jobs: list[Job], commands: list[Command]) -> None:
        at = []
        for command in commands:
            if jobs[0].ask is not None:
                self.commands.append(_ASKING)
            at.append(len(self.commands))
            self.commands.append(command)
        self._parts.append((jobs, at))

    def settle(self, replies: list[Any]) -> tuple[list[Job], bool, bool]:
        """See `Batch.settle`; what is to be tried again is in `refused`, for it may be elsewhere."""
        for jobs, at in self._parts:
            answers = [replies[number] for number in at]
            if type(jobs[0]) is Send:
                self._settle_sends(jobs, answers[0])
            else:
                self._settle_job(jobs[0], answers)
        return [], False, any(text.startswith(LEAVE) for _, text in self.refused)

    def _settle_sends(self, jobs: list[Job], reply: Any) -> None:
        if isinstance(reply, Exception):
            self.refused += [(job, str(reply)) for job in jobs]
            return
        self.expired += reply[-1]
        for job, result in zip(jobs, reply, strict=False):
            if isinstance(result, Exception):
                self.refused.append((job, str(result)))
            elif isinstance(job, Send):
                job.settle(result)

    def _settle_job(self, job: Job, answers: list[Any]) -> None:
        bad = next((answer for answer in answers if isinstance(answer, Refusal)), None)
        if bad is not None:
            self.refused.append((job, str(bad)))
            return
        job.replies = [*job.replies, *answers]
        if len(job.replies) == len(job.commands):
            job.end()
        else:
            self.refused.append((job, ""))  # the rest is for another node


def _next_commands(job: Job) -> list[Command]:
    """Return the commands of *job* that come next and are of one tag."""
    done = len(job.replies)
    if not isinstance(job.tag, tuple):
        return job.commands[done:]
    until = done
    while until < len(job.commands) and job.tag[until] == job.tag[done]:
        until += 1
    return job.commands[done:until]
