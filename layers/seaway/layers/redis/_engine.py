"""What an open layer object does with its broker, in both flavours: it sends, and it receives.

Rules of this module: as in `_link`. Two connections: the *lane* takes what this object asks for, in batches; the
*reader* waits for what comes, and keeps alive what this object owns (`_reader`, `_owner`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from time import monotonic
from typing import Any

from seaway.layers._waiters import Waiter
from seaway.layers.base import Message, Route, Sources
from seaway.layers.redis._inboxes import OwnInbox
from seaway.layers.redis._jobs import Job, Send, call
from seaway.layers.redis._link import ANSWER, Link
from seaway.layers.redis._scripts import MEMBERS
from seaway.layers.redis._wire import Command, milliseconds
from seaway.layers.redis.keys import TAG


class Engine(Link):
    """What both flavours do.

    Attributes:
        readers: what waits at the nodes of a Cluster, if there is one.
    """

    readers: Any = None

    # Sending

    def send_job(self, route: Route, encoded: bytes) -> Send:
        """Return the job that sends a message to a channel."""
        deadline = monotonic() + self.options.send_deadline
        if route.inbox is None:
            payload = self.codec.in_list(encoded)
            place = f"{TAG}/{route.name}"
            return Send("n", place, route.capacity, milliseconds(route.expiry), payload, route.name, deadline)
        head = self.codec.local_head(route.expiry, route.name[len(route.inbox) :])
        return Send("i", route.inbox, head, self.codec.seal(encoded), "", route.name, deadline)

    async def to_group(self, group: str, encoded: bytes) -> None:
        """Send a message to a group."""
        head = self.codec.group_head(self.options.expiry, group)
        sealed = self.codec.seal(encoded)
        deadline = self.deadline()
        if self.cluster is None:
            await self.call(Send("g", group, head, sealed, "", group, deadline))
        else:
            # The group and its inboxes are in slots of their own: who is in it first, then each where it is.
            read = Job([call(MEMBERS, (self.keys.group(group),), self.keys.base)], deadline, again=True, tag=group)
            names = (await self.call(read)).replies[0]
            await self._all_of([Send("f", name.decode(), head, sealed, "", group, deadline) for name in names])
        self.client.sent += 1

    async def _all_of(self, jobs: Sequence[Send]) -> None:
        """Let *jobs* be done at the same time; raise the first error when all have ended."""
        for job in jobs:
            self.submit(job)
        first: ConnectionError | None = None
        for job in jobs:
            try:
                await self.call(job)
            except ConnectionError as error:
                first = first or error
        if first is not None:
            raise first

    def count(self, job: Send) -> None:
        """Count a message that was accepted."""
        self.client.sent += 1
        if job.kind == "i" and job.result == 0:
            self.client.dropped["unknown"] += 1

    # Receiving

    def take(self, sources: Sources) -> tuple[str, Message] | None:
        """See `seaway.layers.base.Layer._take`."""
        if len(sources) > 1:
            with self.lock:
                if self.line_lane.is_up and not self.client.closed and self.lines.must_ask_first(sources):
                    self.store.check(self.client, sources)
                    return None
        found = self.store.take(self.client, sources)
        own = self.inboxes.get(sources[0].name)
        if (own is not None and own.place.count != own.counted) or len(sources) > 1:
            self._taken(sources)
        return found

    def take_or_wait(self, sources: Sources, waiter: Waiter) -> tuple[str, Message] | None:
        """See `seaway.layers.base.Layer._take_or_wait`."""
        with self.lock:
            if len(sources) > 1 and self.line_lane.is_up and self.lines.must_ask_first(sources):
                self.store.file(self.client, sources, waiter)
                found = None
            else:
                found = self.store.take_or_wait(self.client, sources, waiter)
            if found is None and has_lines(sources):
                self.lines.wait(waiter, sources)
        if found is not None:
            self._taken(sources)
        return found

    def leave(self, waiter: Waiter) -> None:
        """See `seaway.layers.base.Layer._leave`."""
        self.store.leave(waiter)
        with self.lock:
            self._give_back(self.lines.leave(waiter))

    def _give_back(self, messages: list[tuple[str, float, Message]]) -> Job | None:
        if not messages:
            return None
        job = Job([self.lines.back(messages)], done=partial(self._given_back, len(messages)), tag=TAG)
        self.submit(job)
        return job

    def _given_back(self, count: int, job: Job) -> None:
        if job.error is not None:
            self.client.dropped["lost"] += count

    def _taken(self, sources: Sources) -> None:
        for route in sources:
            own = self.inboxes.get(route.name)
            if own is None or own.place.count == own.counted:
                continue
            own.counted = own.place.count
            if own.paused and own.has_plenty_of_room():
                own.paused = False
                self.nudge()
                self.push()
            if own.attached and not own.is_reporting and own.is_urgent():
                own.is_reporting = True
                self.submit(Job([], again=True, tag=own.name))
                self.push()

    def kick(self) -> None:
        """Ask the broker for messages of normal channels, if a call waits for any."""
        command = self.lines.ask()
        if command is not None:
            self.poll(command)

    def kick_on(self) -> None:
        """As `kick`, after an answer."""
        self.kick()

    def poll(self, command: Command) -> None:
        """Let a question for messages of normal channels be asked, until it is answered."""
        self.submit(Job([command], again=True, done=self._poll_ended, tag=TAG))

    def _poll_ended(self, job: Job) -> None:
        if job.error is None:
            self.polled(job.replies[0])
            return
        with self.lock:
            self.lines.unanswered()
            if isinstance(job.error, ConnectionError) and not self.is_closing:
                self.taking.failed(job.error)
            # Asked again by the reader, in its next round: at once would be for ever, as fast as a broker refuses.

    def polled(self, reply: Any) -> None:
        """Take the answer to a question for messages of normal channels."""
        with self.lock:
            had_no_bell = self.lines.bell is None
            self.lines.answer(reply)
            self.taking.works()
            self._give_back(self.lines.unclaimed())
            if had_no_bell and self.lines.bell is not None:
                self.nudge()
            self.kick_on()

    def ask(self) -> None:
        """Ask for messages of normal channels, after a call has begun to wait for some."""
        with self.lock:
            self.kick()
        self.push()

    async def look(self, sources: Sources, waiter: Waiter, timeout: float) -> None:
        """Return when the broker was asked what there is in *sources*, or has not answered in time.

        That is ``send_deadline`` for a *timeout* of 0, else the timeout, or `margin` if that is more.
        """
        within = self.options.send_deadline
        if timeout:
            within = min(within, max(timeout, self.margin))
        deadline = monotonic() + within
        answered = None
        with self.lock:
            if has_lines(sources):
                answered = self.new_waiter(within)
                answered.arm()
                self.lines.insist(waiter, answered)
                self.kick()
        for own in [self.inboxes[route.name] for route in sources if route.name in self.inboxes]:
            await self._look_into(own, waiter, deadline)
        if answered is not None:
            self.push()
            await self.wait(answered)

    async def recall(self, waiter: Waiter, seconds: float) -> None:
        """Wait so long for what is on its way to *waiter*, whose call has ended without: it may be a message."""
        with self.lock:
            answered = self.new_waiter(seconds)
            answered.arm()
            if waiter.woken or not self.lines.is_asked_for(waiter, answered):
                return
        self.push()
        await self.wait(answered)

    async def give_up(self, waiter: Waiter) -> None:
        """End *waiter*, whose call was cancelled, and return when what it had taken is back, or `ANSWER` has passed."""
        await self.recall(waiter, ANSWER)
        self.store.leave(waiter)
        with self.lock:
            job = self._give_back(self.lines.leave(waiter))
            if job is None:
                return
            job.waiter = back = self.new_waiter(ANSWER)
            back.arm()
        self.push()
        await self.wait(back)

    async def _look_into(self, own: OwnInbox, waiter: Waiter, deadline: float) -> None:
        asked = 0
        while not own.closed and not waiter.woken and monotonic() < deadline:
            # What was taken is told first: then news of what found no room is there to be read.
            with self.lock:
                commands = [own.tend(monotonic()), own.look()]
            # A deadline of its own: that of the batch, so of its connection, is that of its most impatient job.
            job = Job(commands, self.deadline(), again=True, done=partial(self._looked, own), tag=own.name)
            if not await self.call_within(job, deadline - monotonic()) or job.error is not None:
                return
            if job.replies:
                return
            # The reader is about to find out what has happened to it, unless it was about to wait: 1, 2, 4, 8 …
            asked += 1
            if asked & (asked - 1) == 0:
                with self.lock:
                    self.nudge(own)
            await self.sleep(0.005)

    def _looked(self, own: OwnInbox, job: Job) -> None:
        """Take what was looked at; *job* keeps its reply only if that could be taken."""
        if job.error is not None or own.closed:
            return
        with self.lock:
            (is_mine, reply), job.replies = job.replies, []
            own.is_doubted = is_mine != 1
            if not own.may_feed() or own.history is None or job.history is None:
                return
            if own.history.replication != job.history.replication or reply[0] == 0:
                return
            own.clock.set(reply[2], reply[3])
            own.feed(reply[1])
            job.replies = [reply]

    def nudge(self, own: OwnInbox | None = None) -> None:
        """Let the reader look again, also if it waits at the broker: for *own*, if that is given."""
        if self.cluster is not None:
            self.readers.nudge(own)
        elif self.reading is not None:
            key = self.keys.nudge(self.reader_name)
            self.submit(Job([("XADD", key, "MAXLEN", 1, "*", "n", ""), ("PEXPIRE", key, 60_000)], again=True))
        self.rouse()

    @property
    def reader_name(self) -> str:
        """A name of this object for keys of its own."""
        return self.lines.answer_key.rpartition("}")[2]

    # The end

    def clear(self) -> None:
        """Let everything that waits end."""
        why = RuntimeError("this layer was closed; make a new one (LAY-022)")
        with self.lock:
            self.is_closing = True
            for lane in self.lanes:
                lane.queue.clear(why)
            self.lines.give_up()
            for connection in list(self._connections):
                connection.abort()
            if self.readers is not None:
                self.readers.nudge(None)

    def statistics(self) -> dict[str, object]:
        """Return the counters (LAY-107)."""
        return {**self.store.statistics(self.client), "reconnects": self.reconnects}


def has_lines(sources: Sources) -> bool:
    """Return whether normal channels are among *sources*."""
    return sources[0].inbox is None or (len(sources) > 1 and any(route.inbox is None for route in sources))
