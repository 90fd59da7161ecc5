"""The reader of a layer object: it waits at the broker for what comes, and keeps alive what the object owns.

Rules of this module: as in `_engine`. One round is: say what was taken, read from the last position, ask for the time.
A round that fails ends the connection; the next one attaches every inbox again, and only that says whether anything is
missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

from seaway.layers.redis._connection import Connection
from seaway.layers.redis._engine import Engine
from seaway.layers.redis._inboxes import OwnInbox
from seaway.layers.redis._lane import Outage, Pause, logger
from seaway.layers.redis._link import BLOCK
from seaway.layers.redis._owner import Owner
from seaway.layers.redis._wire import Command, Id, parse_id, show_id

_IDLE = 1.0


class Reader:
    """Reads for *engine*, and lets *owner* renew what it has to."""

    def __init__(self, engine: Engine, owner: Owner) -> None:
        self._engine = engine
        self._owner = owner
        self._nudged: Id = (0, 0)
        self._was_connected = False
        self._block = min(BLOCK, engine.options.lease / 3)
        self._next_beat = 0.0

    async def run(self) -> None:
        """Read until the layer is closed."""
        engine = self._engine
        pause = Pause()
        outage = Outage("read from its broker")
        while not engine.is_closing:
            if not self._is_needed():
                await engine.rest(_IDLE)
                continue
            try:
                await self._session(pause, outage)
            except ConnectionError as error:
                if not engine.is_closing:
                    outage.failed(error)
                self._away()
                await engine.rest(pause.next())
            except Exception:
                logger.exception("the reader of a layer failed, and begins anew")
                self._away()
                await engine.rest(pause.next())

    def _is_needed(self) -> bool:
        engine = self._engine
        return bool(engine.inboxes) or engine.lines.answered > 0 or engine.lines.is_waited_for()

    def _away(self) -> None:
        engine = self._engine
        with engine.lock:
            now = monotonic()
            for own in engine.inboxes.values():
                own.cut(now)
            engine.lines.forget()
            engine.kick()
        engine.push()

    async def _session(self, pause: Pause, outage: Outage) -> None:
        engine = self._engine
        connection = await engine.open_connection(engine.margin)
        try:
            if self._was_connected:
                engine.reconnects += 1
            self._was_connected = True
            engine.reading = connection
            await self._attach(connection, list(engine.inboxes.values()))
            while not engine.is_closing and self._is_needed():
                await self._attach(connection, [own for own in list(engine.inboxes.values()) if not own.attached])
                # Before anything is read: what comes later must come after the news that something is missing.
                if monotonic() >= self._next_beat:
                    self._next_beat = monotonic() + engine.options.lease / 3
                    await self._owner.beat()
                    with engine.lock:
                        for own in engine.inboxes.values():
                            if own.attached and not own.is_ready:
                                own.ready()
                await self._round(connection)
                pause.reset()
                outage.works()
        finally:
            engine.reading = None
            await engine.drop_connection(connection)

    async def _round(self, connection: Connection) -> None:
        engine = self._engine
        with engine.lock:
            now = monotonic()
            owns = [own for own in engine.inboxes.values() if own.attached]
            tended = [own for own in owns if own.is_due(now)]
            commands: list[Command] = [own.tend(now) for own in tended]
            commands += [self._read(owns), ("TIME",)]
        asked = monotonic()
        replies = await connection.run(commands, self._block + engine.margin)
        _raise_first(replies, connection)
        with engine.lock:
            for own in owns:
                own.clock.set(*replies[-1])
            for own, reply in zip(tended, replies, strict=False):
                own.tended_by(reply, asked)
            by_key = {own.stream: own for own in owns}
            for key, entries in replies[-2] or ():
                self._take(key.decode(), entries, by_key)
            engine.lines.forget_in_time()
            engine.kick()
        engine.push()

    def _read(self, owns: Sequence[OwnInbox]) -> Command:
        engine = self._engine
        positions = {engine.keys.nudge(engine.reader_name): self._nudged}
        if engine.lines.bell is not None:
            positions[engine.keys.bell()] = engine.lines.bell
        most = 500
        for own in owns:
            own.paused = not own.has_room()
            if not own.paused:
                positions[own.stream] = own.position
                most = min(most, own.most_to_read())
        ids = [show_id(position) for position in positions.values()]
        return ("XREAD", "COUNT", most, "BLOCK", max(int(self._block * 1000), 1), "STREAMS", *positions, *ids)

    def _take(self, key: str, entries: Sequence[Any], by_key: dict[str, OwnInbox]) -> None:
        own = by_key.get(key)
        if own is not None:
            if own.attached and not own.closed:
                own.feed(entries)
        elif key == self._engine.keys.bell():
            self._engine.lines.ring(entries)
        else:
            self._nudged = parse_id(entries[-1][0])

    async def _attach(self, connection: Connection, owns: Sequence[OwnInbox]) -> None:
        if not owns:
            return
        engine = self._engine
        asked = monotonic()
        history = connection.history
        with engine.lock:
            owns = [own for own in owns if not own.closed]
            commands = [own.attach(history) for own in owns]
            epochs = [own.fresh for own in owns]
        try:
            replies = await connection.run([*commands, ("TIME",)], engine.margin)
        finally:
            for own in owns:
                own.is_attaching = False
        _raise_first(replies, connection)
        with engine.lock:
            for own, fresh, reply in zip(owns, epochs, replies, strict=False):
                own.clock.set(*replies[-1])
                if not own.closed:
                    own.attached_by(reply, fresh, history, asked)
        self._next_beat = 0.0  # who has lost an inbox may have lost memberships too


def _raise_first(replies: Sequence[Any], connection: Connection) -> None:
    for reply in replies:
        if isinstance(reply, Exception):
            raise ConnectionError(f"the broker at {connection.address}: {reply}")
