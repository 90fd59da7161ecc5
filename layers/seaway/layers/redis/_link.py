"""How an open layer object reaches its broker: connections, the greeting, and the lane that takes jobs in batches.

Rules of this module: what a job is about is not known here. A flavour adds how to wait, how to connect and who runs
what (`seaway.layers.redis._asynchronous`, ``_synchronous``). The functions are coroutines; in the synchronous flavour
nothing in them ever suspends, and they are run to their end at once.

State is changed under one lock, which is never held while something waits.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from threading import RLock
from time import monotonic
from typing import Any

from seaway.layers.redis._cluster import Cluster
from seaway.layers.redis._connection import Connection
from seaway.layers.redis._greeting import History, Refused, greeting, read_greeting, refusal_of
from seaway.layers.redis._inboxes import OwnInbox
from seaway.layers.redis._jobs import Batch, Job, Queue, Tag, call, fail
from seaway.layers.redis._lane import Lane, Outage
from seaway.layers.redis._lines import Lines
from seaway.layers.redis._places import Place
from seaway.layers.redis._scripts import HISTORY
from seaway.layers.redis._settings import RedisOptions
from seaway.layers.redis._store import Store
from seaway.layers.redis._streams import Address
from seaway.layers.redis._wire import Codec, Command
from seaway.layers.redis.keys import TAG, Keys

BLOCK = 1.0
"""Seconds for which a read waits at the broker at most: a wait does not end when its key is deleted."""

MARGIN = 1.0
"""Seconds beyond that after which a connection counts as dead, at least; a connection also has so long to be made.
Half of ``send_deadline`` if that is more: whoever grants senders more time has a slow broker, not a dead one."""

SWEEP = 0.1
"""Seconds between two looks for what has waited too long, while there is no connection."""

_AT_THE_END = sys.float_info.max

ANSWER = 1.0
"""Seconds for which a call that is cancelled waits for an answer that is on its way. One whose timeout has passed waits
for as long as it takes until the connection counts as dead."""


class Link(ABC):
    """What does not know what the jobs are about.

    Args:
        options: of the layer.
    """

    def __init__(self, options: RedisOptions) -> None:
        self.options = options
        self.keys = Keys(options.prefix, options.namespace)
        self.codec = Codec(options.encryption_keys)
        self.store = Store(monotonic)
        self.client = self.store.attach()
        self.lock = RLock()
        self.inboxes: dict[str, OwnInbox] = {}
        self.cluster = Cluster(self, options) if options.nodes else None
        self.lines = Lines(
            TAG, self.store, self.client, options, self.codec, self.keys, monotonic, names_all_keys=bool(options.nodes)
        )
        self.reconnects = 0
        self.margin = max(MARGIN, options.send_deadline / 2)
        self.is_closing = False
        self.lane = Lane(None, Queue(self.keys.base), options.send_deadline)
        self.taking = Outage("receive from normal channels")
        self._history: History | None = None
        self._connections: set[Connection] = set()
        self.reading: Connection | None = None
        self._place: Place | None = None

    # What a flavour adds

    @abstractmethod
    async def connect(self, address: Address, timeout: float) -> Connection:
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
    def spawn(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Let *function* run beside everything else; it ends when the layer is closed."""

    @abstractmethod
    def staff(self, lane: Lane) -> None:
        """See to it that somebody serves a new *lane*."""

    @abstractmethod
    async def opened(self, lane: Lane) -> Connection:
        """Return the connection of *lane*, made if there is none; one attempt at a time."""

    # Connections

    async def open_connection(self, timeout: float, address: Address | None = None) -> Connection:
        """Return a connection to the broker, or to the node of a Cluster at *address*, after the greeting.

        Raises:
            Refused: to try again does not help.
            ConnectionError: it may.
        """
        if address is None:
            if self._place is None:
                self._place = Place(self.options)
            address = await self._place.find(self.connect, self.sleep)
        try:
            connection = await self._open(timeout, address)
        except ConnectionError:
            if self.cluster is not None:
                self.cluster.chart.silent(address)
            raise
        if self.options.sentinels:
            await self._confirm(connection)
        return connection

    async def _confirm(self, connection: Connection) -> None:
        """Give up a *connection* to a master that was replaced while it was made.

        A master that was frozen, and replaced, believes that it is one when it goes on, and so greets whom Sentinels
        have sent to it before; what it takes then nobody will get.
        """
        assert self._place is not None
        try:
            if await self._place.find(self.connect, self.sleep) == connection.address:
                return
            why = ConnectionError(f"the broker at {connection.address} was replaced by another")
        except ConnectionError as error:
            why = error
        await self.drop_connection(connection)
        raise why

    async def _open(self, timeout: float, address: Address) -> Connection:
        deadline = monotonic() + timeout
        connection = await self.connect(address, timeout)
        try:
            replies = await connection.run(greeting(self.options), max(deadline - monotonic(), 0.1))
            connection.history = read_greeting(replies, str(connection.address), self.cluster is not None)
            if self.cluster is None:
                refusal = await self.compare_history(connection, max(deadline - monotonic(), 0.1))
                if refusal:
                    raise refusal_of(refusal, str(connection.address))
        except BaseException:
            await connection.close()
            raise
        with self.lock:
            self._connections.add(connection)
        return connection

    async def compare_history(self, connection: Connection, timeout: float, asks: bool = False) -> str:
        """Let the broker drop what it may hold again, and give up connections to a broker that was replaced.

        Args:
            connection: after its greeting.
            timeout: seconds until it counts as dead.
            asks: whether the node of a Cluster is only about to get the normal channels.

        Returns:
            What the broker said if it has not done so.
        """
        history, known = connection.history, self._history
        assert history is not None
        same = known is not None and history.continues(known)
        command = call(
            HISTORY, (self.keys.history(), *self.lines.common_keys), self.keys.base, TAG, str(history),
            "" if known is None else str(known), "1" if same and str(history) != str(known) else "0", history.before,
        )  # fmt: skip
        reply = (await connection.run([("ASKING",), command] if asks else [command], timeout))[-1]
        if isinstance(reply, Exception):
            return str(reply)
        with self.lock:
            self.client.dropped["lost"] += reply
            self._history = history
            if known is not None and not same:
                self.lines.forget()
                for other in self._connections:
                    if other.history is not None and history.replaces(other.history):
                        other.abort()
        return ""

    def forget_lists(self) -> None:
        """The normal channels have gone to another node: their history is compared again wherever they come."""
        for connection in self._connections:
            connection.knows_lists = False

    async def drop_connection(self, connection: Connection) -> None:
        """Close *connection* for good."""
        with self.lock:
            self._connections.discard(connection)
        await connection.close()

    # Lanes

    @property
    def lanes(self) -> list[Lane]:
        """All that there are."""
        return [self.lane] if self.cluster is None else list(self.cluster.lanes.values())

    @property
    def line_lane(self) -> Lane:
        """The one that leads to the normal channels."""
        return self.lane if self.cluster is None else self.cluster.lane_of(TAG)

    async def nodes(self) -> list[Tag]:
        """Return whom to ask for all keys there are: the broker, or each node of a Cluster that has slots."""
        if self.cluster is None:
            return [""]
        await self.cluster.find(TAG)
        return [*self.cluster.chart.masters]

    async def serve(self, lane: Lane) -> bool:
        """Do one batch; ``False`` if a pause is due before the next."""
        if self.cluster is not None:
            self.cluster.resume(lane)
            if lane.address is None:
                return not lane.queue or await self.cluster.reroute(lane) or self._nowhere(lane, self.cluster.trouble)
        if not lane.queue:
            return True
        if lane.connection is not None and lane.connection.is_over():
            await self._leave(lane, lane.connection)  # nothing has been written, so nothing is unknown
        if self.cluster is not None and lane.is_lost:
            lane.is_lost = False
            if await self.cluster.reroute(lane):
                return True
        try:
            connection = await self.opened(lane)
        except ConnectionError as error:
            self._unreached(lane, error)
            return self.cluster is not None and await self.cluster.reroute(lane)
        with self.lock:
            batch = lane.queue.take()
        if batch is None:
            return True
        return await self._exchange(lane, connection, batch)

    def _nowhere(self, lane: Lane, why: ConnectionError) -> bool:
        self._unreached(lane, why)
        return False

    async def _exchange(self, lane: Lane, connection: Connection, batch: Batch) -> bool:
        timeout = self.time_for(batch)
        try:
            if self.cluster is not None:
                await self.cluster.prepare(connection, batch, timeout)
            with self.lock:
                commands = self.fill(lane, batch)
            replies = await connection.run(commands, timeout) if commands else []
            if forgotten := batch.forgotten(replies):
                batch.reminded(replies, await connection.run(forgotten, timeout))
        except BaseException as error:
            self.lost(lane, connection, batch, error)
            await connection.close()
            if isinstance(error, ConnectionError):
                return True
            raise
        pause, leave = self.settle(lane, connection, batch, replies)
        if leave:
            await self._leave(lane, connection)
        return not pause

    def time_for(self, batch: Batch) -> float:
        """Return how many seconds the answer to *batch* may take."""
        deadline = min(job.deadline for job in batch.jobs)
        return min(max(deadline - monotonic(), 0.25), self.options.send_deadline + self.margin)

    def fill(self, lane: Lane, batch: Batch) -> list[Command]:
        """Return the commands of *batch*. Under the lock."""
        return batch.fill(self._untold(lane))

    def settle(self, lane: Lane, connection: Connection, batch: Batch, replies: list[Any]) -> tuple[bool, bool]:
        """End what *replies* answer; return whether a pause is due, and whether *connection* is of no more use."""
        for job in batch.others:
            job.history = connection.history
        with self.lock:
            try:
                again, pause, leave = batch.settle(replies)
            except Exception as error:
                for job in batch.jobs:
                    if not job.ended:
                        fail(job, ConnectionError(f"an answer could not be understood: {error!r}"))
                raise
            self.client.dropped["expired"] += batch.expired
            lane.queue.back(again, monotonic(), ConnectionError("the broker was not ready in time; nothing was done"))
            if self.cluster is not None:
                self.cluster.again(lane, batch)
            if not pause:
                lane.pause.reset()
        return pause, leave

    def _untold(self, lane: Lane) -> list[Command]:
        """Return the commands that tell the broker what was taken, where senders might find no room."""
        now = monotonic()
        pressed = [own for own in self.inboxes.values() if own.attached and own.is_pressed()]
        if self.cluster is not None:
            pressed = [own for own in pressed if self.cluster.lane_of(own.name) is lane]
        return [own.tend(now) for own in pressed]

    def lost(self, lane: Lane, connection: Connection, batch: Batch, error: BaseException) -> None:
        """Whether *batch* was done nobody knows, and *connection* is of no more use."""
        self.forsake(lane, connection)
        lane.is_lost = True
        why = ConnectionError(f"outcome unknown, done once or never: {error}")
        with self.lock:
            unknown = [job for job in batch.jobs if not job.again]
            if self.cluster is not None:
                self.cluster.again(lane, batch)
            lane.queue.back([job for job in batch.jobs if job.again], monotonic(), why)
        for job in unknown:
            fail(job, why)

    def forsake(self, lane: Lane, connection: Connection) -> None:
        """Use *connection* no more; whatever is under way on it fails."""
        if lane.connection is connection:
            lane.connection = None
        connection.abort()
        with self.lock:
            self._connections.discard(connection)

    async def _leave(self, lane: Lane, connection: Connection) -> None:
        self.forsake(lane, connection)
        await connection.close()

    def _unreached(self, lane: Lane, error: ConnectionError) -> None:
        lane.is_up = False
        lane.why = error
        with self.lock:
            # Who was refused has no use for more time; what may wait for ever may have another answer later.
            lane.queue.overdue(_AT_THE_END if isinstance(error, Refused) else monotonic(), error)
            if lane is self.line_lane:
                # Nobody must wait for the turn of a channel that nobody can ask for.
                self.store.wake_all(list(self.client.waiters))
                self.lines.give_up()

    def sweep(self, lane: Lane) -> None:
        """End what has waited for a connection for too long, whether or not somebody is at work on one."""
        is_starting = bool(self.options.embedded) and not lane.was_up  # a broker of ours, which is not away
        if lane.connection is None and not is_starting:
            why = lane.why or ConnectionError("the broker was not reached in time; nothing was done")
            with self.lock:
                lane.queue.overdue(monotonic(), why)

    async def open_lane(self, lane: Lane) -> Connection:
        """Make the connection of *lane*."""
        connection = await self.open_connection(min(self.margin, self.options.send_deadline), lane.address)
        lane.connection = connection
        lane.why = None
        if lane.was_up:
            self.reconnects += 1
        lane.was_up = lane.is_up = True
        return connection

    def deadline(self) -> float:
        """Return until when a call that begins now may take."""
        return monotonic() + self.options.send_deadline
