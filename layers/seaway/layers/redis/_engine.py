"""What an open layer object does with its broker, in both flavours.

Rules of this module: every decision is here or in the modules without I/O below; a flavour adds how to wait, how to
connect and who runs what (`seaway.layers.redis._asynchronous`, ``_synchronous``). The functions are coroutines; in the
synchronous flavour nothing in them ever suspends, and they are run to their end at once.

State is changed under one lock, which is never held while something waits.

Two connections: the *lane* takes what this object asks for, in batches; the *reader* waits for what comes. The reader
also keeps alive what this object owns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from threading import RLock
from time import monotonic
from typing import Any

from seaway.layers._waiters import Waiter
from seaway.layers.base import Message, Route, Sources
from seaway.layers.redis._connection import Connection
from seaway.layers.redis._greeting import History, Refused, greeting, read_greeting
from seaway.layers.redis._inboxes import Clock, OwnInbox
from seaway.layers.redis._jobs import Batch, Job, Send, call, fail, spelled_out
from seaway.layers.redis._lane import Lane
from seaway.layers.redis._lines import Lines
from seaway.layers.redis._places import Place
from seaway.layers.redis._scripts import HISTORY
from seaway.layers.redis._settings import RedisOptions
from seaway.layers.redis._store import Store
from seaway.layers.redis._streams import Address
from seaway.layers.redis._wire import Codec, Command, milliseconds
from seaway.layers.redis.keys import TAG, Keys

BLOCK = 1.0
"""Seconds for which a read waits at the broker at most: a wait does not end when its key is deleted."""

MARGIN = 1.0
"""Seconds beyond that after which a connection counts as dead, at least; a connection also has so long to be made.
Half of ``send_deadline`` if that is more: whoever grants senders more time has a slow broker, not a dead one."""

ANSWER = 1.0
"""Seconds for which a call whose timeout has passed, or that is cancelled, waits for an answer that is on its way."""


class Engine(ABC):
    """The shared part.

    Args:
        options: of the layer.
    """

    def __init__(self, options: RedisOptions) -> None:
        self.options = options
        self.keys = Keys(options.prefix, options.namespace)
        self.codec = Codec(options.encryption_keys)
        self.store = Store(monotonic)
        self.client = self.store.attach()
        self.clock = Clock(monotonic)
        self.lock = RLock()
        self.inboxes: dict[str, OwnInbox] = {}
        self.lines = Lines(TAG, self.store, self.client, options, self.codec, self.keys, monotonic)
        self.reconnects = 0
        self.margin = max(MARGIN, options.send_deadline / 2)
        self.is_closing = False
        self.lane = Lane(None, self.keys.base)
        self._history: History | None = None
        self._connections: set[Connection] = set()
        self.reading: Connection | None = None
        self._place: Place | None = None

    # What a flavour adds

    @abstractmethod
    async def _connect(self, address: Address, timeout: float) -> Connection:
        """Return a connection on which nothing has been said; ``ConnectionError``."""

    @abstractmethod
    def new_waiter(self, timeout: float | None) -> Any:
        """Return a waiter for a call of this flavour."""

    @abstractmethod
    async def wait(self, waiter: Any) -> bool:
        """Wait for a wake; ``False`` if the time-out has passed without one."""

    @abstractmethod
    async def call(self, job: Job) -> Job:
        """Return *job* once it has ended; raises its error."""

    @abstractmethod
    async def call_within(self, job: Job, seconds: float) -> bool:
        """Let *job* be done; return whether it has ended within *seconds*. Raises no error of the job."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Let *job* be done soon; nobody waits for it here."""

    @abstractmethod
    def push(self) -> None:
        """See to it that what was submitted is done soon, even if no call follows."""

    @abstractmethod
    def rouse(self) -> None:
        """Let the reader look again what there is to do."""

    @abstractmethod
    async def rest(self, seconds: float) -> None:
        """Wait so long, or until `rouse`."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait so long."""

    @abstractmethod
    async def opened(self, lane: Lane) -> Connection:
        """Return the connection of *lane*, made if there is none; one attempt at a time."""

    # Connections

    async def open_connection(self, timeout: float) -> Connection:
        """Return a connection to the broker, after the greeting.

        Raises:
            Refused: to try again does not help.
            ConnectionError: it may.
        """
        deadline = monotonic() + timeout
        if self._place is None:
            self._place = Place(self.options)
        address = await self._place.find(self._connect, self.sleep)
        connection = await self._connect(address, timeout)
        try:
            replies = await connection.run(greeting(self.options), max(deadline - monotonic(), 0.1))
            history = read_greeting(replies, str(connection.address))
            connection.history = history
            await self._check_history(connection, history, max(deadline - monotonic(), 0.1))
        except BaseException:
            await connection.close()
            raise
        with self.lock:
            self._connections.add(connection)
        return connection

    async def _check_history(self, connection: Connection, history: History, timeout: float) -> None:
        """Let the broker drop what it may hold again, and give up connections to a broker that was replaced."""
        known = self._history
        same = known is not None and history.continues(known)
        command = call(
            HISTORY, (self.keys.history(),), self.keys.base, TAG, str(history), "" if known is None else str(known),
            "1" if same and str(history) != str(known) else "0",
        )  # fmt: skip
        reply = (await connection.run([command], timeout))[0]
        if isinstance(reply, Exception):
            raise ConnectionError(f"the broker at {connection.address}: {reply}")
        with self.lock:
            self.client.dropped["lost"] += reply
            self._history = history
            if known is not None and not same:
                self.lines.forget()
                for other in self._connections:
                    if other.history != history:
                        other.abort()

    async def drop_connection(self, connection: Connection) -> None:
        """Close *connection* for good."""
        with self.lock:
            self._connections.discard(connection)
        await connection.close()

    # The lane

    async def serve(self, lane: Lane) -> bool:
        """Do one batch; ``False`` if a pause is due before the next."""
        with self.lock:
            batch = lane.queue.take()
        if batch is None:
            return True
        now = monotonic()
        try:
            connection = await self.opened(lane)
        except ConnectionError as error:
            self._unreached(lane, batch, error)
            return False
        except BaseException:
            with self.lock:
                lane.queue.back(batch.jobs, now, ConnectionError("the layer was closed"))
            raise
        return await self._exchange(lane, connection, batch)

    async def _exchange(self, lane: Lane, connection: Connection, batch: Batch) -> bool:
        deadline = min(job.deadline for job in batch.jobs)
        timeout = min(max(deadline - monotonic(), 0.25), self.options.send_deadline + self.margin)
        with self.lock:
            commands = batch.fill([own.tend() for own in self.inboxes.values() if own.attached and own.is_pressed()])
        try:
            replies = await connection.run(commands, timeout) if commands else []
            replies = await self._remind(connection, commands, replies, timeout)
        except BaseException as error:
            await self._lost(lane, connection, batch, error)
            if isinstance(error, ConnectionError):
                return True
            raise
        for job in batch.others:
            job.history = connection.history
        with self.lock:
            again, pause, leave = batch.settle(replies)
            self.client.dropped["expired"] += batch.expired
            lane.queue.back(again, monotonic(), ConnectionError("the broker was not ready in time; nothing was done"))
            if not pause:
                lane.pause.reset()
        if leave:
            await self._leave(lane, connection)
        return not pause

    async def _remind(
        self, connection: Connection, commands: list[Command], replies: list[Any], timeout: float
    ) -> list[Any]:
        """Spell out the scripts that the broker has forgotten; they have done nothing yet."""
        forgotten = [at for at, reply in enumerate(replies) if _is_forgotten(reply)]
        if forgotten:
            again = await connection.run([spelled_out(commands[at]) for at in forgotten], timeout)
            for at, reply in zip(forgotten, again, strict=True):
                replies[at] = reply
        return replies

    async def _lost(self, lane: Lane, connection: Connection, batch: Batch, error: BaseException) -> None:
        """Whether *batch* was done nobody knows."""
        await self._leave(lane, connection)
        why = ConnectionError(f"outcome unknown, done once or never: {error}")
        with self.lock:
            unknown = [job for job in batch.jobs if not job.again]
            lane.queue.back([job for job in batch.jobs if job.again], monotonic(), why)
        for job in unknown:
            fail(job, why)

    async def _leave(self, lane: Lane, connection: Connection) -> None:
        if lane.connection is connection:
            lane.connection = None
        await self.drop_connection(connection)

    def _unreached(self, lane: Lane, batch: Batch, error: ConnectionError) -> None:
        lane.is_up = False
        with self.lock:
            if isinstance(error, Refused):
                for job in batch.jobs:
                    if job.again and job.deadline == float("inf"):
                        lane.queue.back([job], monotonic(), error)
                    else:
                        fail(job, error)
            else:
                lane.queue.back(batch.jobs, monotonic(), error)
            # Nobody must wait for the turn of a channel that nobody can ask for.
            self.store.wake_all(list(self.client.waiters))
            self.lines.give_up()

    async def open_lane(self, lane: Lane) -> Connection:
        """Make the connection of *lane*."""
        connection = await self.open_connection(min(self.margin, self.options.send_deadline))
        lane.connection = connection
        if lane.was_up:
            self.reconnects += 1
        lane.was_up = lane.is_up = True
        return connection

    def deadline(self) -> float:
        """Return until when a call that begins now may take."""
        return monotonic() + self.options.send_deadline

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

    def group_job(self, group: str, encoded: bytes) -> Send:
        """Return the job that sends a message to a group."""
        head = self.codec.group_head(self.options.expiry, group)
        deadline = monotonic() + self.options.send_deadline
        return Send("g", group, head, self.codec.seal(encoded), "", group, deadline)

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
                if self.lane.is_up and not self.client.closed and self.lines.must_ask_first(sources):
                    self.store.check(self.client, sources)
                    return None
        found = self.store.take(self.client, sources)
        if found is not None:
            self._taken(sources)
        return found

    def take_or_wait(self, sources: Sources, waiter: Waiter) -> tuple[str, Message] | None:
        """See `seaway.layers.base.Layer._take_or_wait`."""
        with self.lock:
            if len(sources) > 1 and self.lane.is_up and self.lines.must_ask_first(sources):
                self.store.file(self.client, sources, waiter)
                found = None
            else:
                found = self.store.take_or_wait(self.client, sources, waiter)
            if found is None and any(route.inbox is None for route in sources):
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
        job = Job([self.lines.back(messages)], done=partial(self._given_back, len(messages)))
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
            if own.attached and not own.is_reporting and own.is_urgent():
                own.is_reporting = True
                self.submit(Job([], again=True))

    def kick(self) -> None:
        """Ask the broker for messages of normal channels, if a call waits for any."""
        command = self.lines.ask()
        if command is not None:
            self.submit(Job([command], again=True, done=self._answered))

    def _answered(self, job: Job) -> None:
        with self.lock:
            first = self.lines.bell is None
            if job.error is not None:
                self.lines.unanswered()
            else:
                self.lines.answer(job.replies[0])
                self._give_back(self.lines.unclaimed())
                if first:
                    self.nudge()
                self.kick()

    def ask(self) -> None:
        """Ask for messages of normal channels, after a call has begun to wait for some."""
        with self.lock:
            self.kick()
        self.push()

    async def look(self, sources: Sources, waiter: Waiter, timeout: float) -> None:
        """Return when the broker was asked what there is in *sources*, or has not answered in time.

        That is ``send_deadline`` for a *timeout* of 0, else the timeout itself, and `ANSWER` at least.
        """
        within = self.options.send_deadline
        if timeout:
            within = min(within, max(timeout, ANSWER))
        deadline = monotonic() + within
        answered = None
        with self.lock:
            if any(route.inbox is None for route in sources):
                answered = self.new_waiter(within)
                answered.arm()
                self.lines.insist(waiter, answered)
                self.kick()
        for own in [self.inboxes[route.name] for route in sources if route.name in self.inboxes]:
            await self._look_into(own, deadline)
        if answered is not None:
            self.push()
            await self.wait(answered)

    async def recall(self, waiter: Waiter) -> None:
        """Wait for what is on its way to *waiter*, whose call has timed out or was cancelled: it may be a message."""
        with self.lock:
            answered = self.new_waiter(ANSWER)
            answered.arm()
            if waiter.woken or not self.lines.is_asked_for(waiter, answered):
                return
        self.push()
        await self.wait(answered)

    async def give_up(self, waiter: Waiter) -> None:
        """End *waiter*, whose call was cancelled, and return when what it had taken is back, or `ANSWER` has passed."""
        await self.recall(waiter)
        self.store.leave(waiter)
        with self.lock:
            job = self._give_back(self.lines.leave(waiter))
            if job is None:
                return
            job.waiter = back = self.new_waiter(ANSWER)
            back.arm()
        self.push()
        await self.wait(back)

    async def _look_into(self, own: OwnInbox, deadline: float) -> None:
        nudged = False
        while not own.closed and monotonic() < deadline:
            job = Job([own.look()], deadline, again=True, done=partial(self._looked, own))
            if not await self.call_within(job, deadline - monotonic()) or job.error is not None:
                return
            if job.replies:
                return
            # The reader is about to find out what has happened to it.
            if not nudged:
                nudged = True
                with self.lock:
                    self.nudge()
            await self.sleep(0.005)

    def _looked(self, own: OwnInbox, job: Job) -> None:
        """Take what was looked at; *job* keeps its reply only if that could be taken."""
        if job.error is not None or own.closed:
            return
        with self.lock:
            reply, job.replies = job.replies[0], []
            if not own.is_ready or own.history is None or job.history is None:
                return
            if own.history.replication != job.history.replication or reply[0] == 0:
                return
            self.clock.set(reply[2], reply[3])
            own.feed(reply[1], self.clock)
            job.replies = [reply]

    def nudge(self) -> None:
        """Let the reader look again, also if it waits at the broker."""
        if self.reading is not None:
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
            self.lane.queue.clear(why)
            self.lines.give_up()
            for connection in self._connections:
                connection.abort()

    def statistics(self) -> dict[str, object]:
        """Return the counters (LAY-107)."""
        return {**self.store.statistics(self.client), "reconnects": self.reconnects}


def _is_forgotten(reply: Any) -> bool:
    return isinstance(reply, Exception) and str(reply).startswith("NOSCRIPT")
