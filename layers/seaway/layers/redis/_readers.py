"""What waits at the nodes of a Cluster: a reader for each inbox and one for the bell, as one read is of one slot.

Rules of this module: as in `_reader`, which does all this at once where there is one broker. A reader goes where the
slot of its key goes. Memberships are renewed beside the readers: a group's node may be away while an inbox's is not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from seaway.layers.redis._chart import read_redirect, slot_of
from seaway.layers.redis._connection import Connection
from seaway.layers.redis._engine import Engine
from seaway.layers.redis._inboxes import OwnInbox
from seaway.layers.redis._lane import MOST_PAUSE_IN_CLUSTER, Outage, Pause, logger
from seaway.layers.redis._link import BLOCK
from seaway.layers.redis._owner import Owner
from seaway.layers.redis._streams import Address
from seaway.layers.redis._wire import Command, Id, show_id
from seaway.layers.redis.keys import TAG

_IDLE = 1.0
_AT_ONCE = 3
"""So many redirects are followed without a pause."""


class Readers:
    """Has a reader for whatever *engine* reads, and lets *owner* renew what it has to."""

    def __init__(self, engine: Engine, owner: Owner) -> None:
        self._engine = engine
        self._owner = owner
        self._readers: dict[str, _Reader] = {}

    async def run(self) -> None:
        """Work until the layer is closed."""
        engine = self._engine
        next_beat = 0.0
        while not engine.is_closing:
            try:
                self._watch()
                if monotonic() >= next_beat:
                    next_beat = monotonic() + engine.options.lease / 4
                    await self._owner.beat()
            except Exception:
                logger.exception("memberships of a layer were not renewed; they will be in a moment")
            await engine.rest(min(_IDLE, max(next_beat - monotonic(), 0.001)))

    def nudge(self, own: OwnInbox | None) -> None:
        """See to it that everything has a reader that does not rest; that of *own* begins anew."""
        self._watch()
        with self._engine.lock:
            for name, reader in self._readers.items():
                reader.rouse(must=own is not None and name == own.name)

    def _watch(self) -> None:
        engine = self._engine
        with engine.lock:
            for name, reader in list(self._readers.items()):
                if reader.is_over() and not engine.is_closing:
                    del self._readers[name]
            if engine.is_closing:
                return
            for inbox in engine.inboxes.values():
                if inbox.name not in self._readers:
                    self._start(inbox.name, _InboxReader(engine, self._owner, inbox))
            if TAG not in self._readers and (engine.lines.answered > 0 or engine.lines.is_waited_for()):
                self._start(TAG, _BellReader(engine))

    def _start(self, name: str, reader: _Reader) -> None:
        self._readers[name] = reader
        self._engine.spawn(reader.run)


class _Elsewhere(ConnectionError):  # noqa: N818 - no error
    """What we read has gone to another node."""


class _Reader(ABC):
    """Reads one stream."""

    def __init__(self, engine: Engine, tag: str) -> None:
        self._engine = engine
        assert engine.cluster is not None
        self._cluster = engine.cluster
        self._tag = tag
        self._block = min(BLOCK, engine.options.lease / 3)
        self._ask: Address | None = None
        self._asks = False
        self._connection: Connection | None = None
        self._resting: Any = None
        self._is_roused = False
        self._is_waiting = False
        self._was_connected = False
        self._lost: float | None = None
        self._redirects = 0
        self._outage = Outage("read from a node of its Cluster")

    @abstractmethod
    def is_over(self) -> bool:
        """Return whether there is nothing to read any more."""

    @abstractmethod
    def _away(self) -> None:
        """The node cannot be reached, or has lost its slot."""

    @abstractmethod
    async def _begin(self) -> None:
        """Do what has to be done first on a new connection."""

    @abstractmethod
    async def _round(self) -> None:
        """Read once."""

    async def run(self) -> None:
        """Read until it is over."""
        pause = Pause(MOST_PAUSE_IN_CLUSTER)
        while not self.is_over():
            try:
                await self._session(pause)
            except _Elsewhere:
                self._redirects += 1
                if self._redirects > _AT_ONCE:
                    await self._rest(pause.next())
            except ConnectionError as error:
                if not self.is_over():
                    self._outage.failed(error)
                self._lost = monotonic()
                self._away()
                await self._rest(pause.next())
            except Exception:
                logger.exception("a reader of a layer failed, and begins anew")
                self._away()
                await self._rest(pause.next())

    async def _session(self, pause: Pause) -> None:
        engine = self._engine
        asked, self._asks = self._ask, self._ask is not None
        self._ask = None
        if self._lost is not None:
            with suppress(ConnectionError):
                await self._cluster.survey_since(self._lost)
        connection = await engine.open_connection(engine.margin, asked or await self._cluster.find(self._tag))
        self._lost = None
        try:
            engine.reconnects += self._was_connected
            self._was_connected = True
            self._connection = connection
            await self._begin()
            while not self.is_over():
                await self._round()
                self._redirects = 0
                pause.reset()
                self._outage.works()
        finally:
            self._connection = None
            await engine.drop_connection(connection)

    async def _run(self, commands: Sequence[Command], seconds: float) -> list[Any]:
        """Return the replies.

        Raises:
            _Elsewhere: the node has sent us away; the next session goes where it said.
            ConnectionError: any other error.
        """
        connection = self._connection
        assert connection is not None
        if self._asks:
            commands = [one for command in commands for one in (("ASKING",), command)]
        self._is_waiting = seconds > self._engine.margin
        try:
            replies = await connection.run(commands, seconds)
        finally:
            self._is_waiting = False
        if self._asks:
            replies = replies[1::2]
        for reply in replies:
            if isinstance(reply, Exception):
                redirect = read_redirect(str(reply), connection.address)
                if redirect is None:
                    raise ConnectionError(f"the node at {connection.address}: {reply}")
                self._cluster.follow(redirect)
                self._ask = redirect.address if redirect.asks else None
                raise _Elsewhere(str(reply))
        return replies

    async def _rest(self, seconds: float) -> None:
        """Wait so long, or until `rouse`."""
        with self._engine.lock:
            if self._is_roused or self._engine.is_closing:
                self._is_roused = False
                return
            self._resting = waiter = self._engine.new_waiter(seconds)
            waiter.arm()
        await self._engine.wait(waiter)
        with self._engine.lock:
            self._resting = None
            self._is_roused = False

    def rouse(self, must: bool) -> None:
        """End a rest; if it *must* also a wait at the node. Under the lock."""
        self._is_roused = True
        if self._resting is not None:
            self._resting.wake()
            self._resting = None
        elif must and self._is_waiting and self._connection is not None:
            self._connection.abort()

    def _read(self, key: str, position: Id, most: int) -> Command:
        milliseconds = max(int(self._block * 1000), 1)
        return ("XREAD", "COUNT", most, "BLOCK", milliseconds, "STREAMS", key, show_id(position))


class _InboxReader(_Reader):
    """Reads the inbox *own*, and keeps it alive."""

    def __init__(self, engine: Engine, owner: Owner, own: OwnInbox) -> None:
        super().__init__(engine, own.name)
        self._own = own
        self._owner = owner

    def is_over(self) -> bool:
        return self._own.closed or self._engine.is_closing

    def _away(self) -> None:
        with self._engine.lock:
            self._own.cut(monotonic())

    async def _begin(self) -> None:
        self._own.attached = False

    async def _attach(self) -> None:
        engine, own, connection = self._engine, self._own, self._connection
        assert connection is not None
        redirected = self._cluster.chart.redirected
        with engine.lock:
            if own.closed:
                return
            command = own.attach(connection.history, slot_of(own.name) in redirected)
            fresh = own.fresh
        asked = monotonic()
        try:
            reply, time = await self._run([command, ("TIME",)], engine.margin)
        finally:
            own.is_attaching = False
        with engine.lock:
            redirected.discard(slot_of(own.name))
            own.clock.set(*time)
            if not own.closed:
                own.attached_by(reply, fresh, connection.history, asked)
        if own.attached and not own.is_ready:
            await self._owner.beat([own])  # who has lost an inbox may have lost memberships too
            with engine.lock:
                own.ready()

    async def _round(self) -> None:
        engine, own = self._engine, self._own
        if not own.attached:
            await self._attach()
            return
        with engine.lock:
            own.paused = not own.has_room()
        if own.paused:
            await self._rest(self._block)
        asked = monotonic()
        with engine.lock:
            reads = not own.paused
            is_due = not reads or own.is_due(asked)
            commands = [own.tend(asked)] if is_due else []
            if reads:
                commands.append(self._read(own.stream, own.position, own.most_to_read()))
        replies = await self._run([*commands, ("TIME",)], self._block + engine.margin)
        with engine.lock:
            own.clock.set(*replies[-1])
            if is_due:
                own.tended_by(replies[0], asked)
            if reads and own.attached and own.may_feed() and not own.closed:
                for _, entries in replies[-2] or ():
                    own.feed(entries)


class _BellReader(_Reader):
    """Hears which normal channels have got a first message."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, TAG)

    def is_over(self) -> bool:
        return self._engine.is_closing

    def _away(self) -> None:
        with self._engine.lock:
            self._engine.lines.forget()
            self._engine.kick()
        self._engine.push()

    async def _begin(self) -> None:
        """Nothing: bells have no owner."""

    async def _round(self) -> None:
        engine = self._engine
        bell = engine.lines.bell
        heard: list[Any] = []
        if bell is None:
            await self._rest(self._block)
        else:
            heard = await self._run([self._read(engine.keys.bell(), bell, 500)], self._block + engine.margin)
        with engine.lock:
            for reply in heard:
                for _, entries in reply or ():
                    engine.lines.ring(entries)
            engine.lines.forget_in_time()
            engine.kick()
        engine.push()
