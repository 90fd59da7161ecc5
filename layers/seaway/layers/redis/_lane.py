"""The way to one node: what waits for it, and the connection that takes it there.

Rules of this module: no flavour. Two batches may be under way; nothing waits for a timer. A connection that fails is
given up, and what was written on it and not answered ends as unknown.
"""

from __future__ import annotations

import logging
from random import random
from threading import Lock
from typing import Any

from seaway.layers.redis._connection import Connection
from seaway.layers.redis._jobs import Queue
from seaway.layers.redis._streams import Address

MOST_PAUSE = 1.5
"""Seconds between two attempts at most. Lower than LAY-056 allows, so that all flows 2 s after the broker is back."""

MOST_PAUSE_IN_CLUSTER = 0.3
"""Shorter, for one node that is away may have been replaced already, and the others are there to be asked."""

SHARE = 0.75
"""Of ``send_deadline``, no pause is longer: each send sees an attempt that began in its own time, and has time left."""


logger = logging.getLogger("seaway.layers.redis")


class Pause:
    """How long to wait before the next attempt: longer each time, and at random, so that no herd comes."""

    def __init__(self, most: float = MOST_PAUSE) -> None:
        self._failures = 0
        self._most = most

    def reset(self) -> None:
        self._failures = 0

    def next(self) -> float:
        self._failures += 1
        return float(random() * min(self._most, 0.025 * 2.0 ** min(self._failures, 10)))


class Outage:
    """Says in the log that something fails, once however often it is tried, and that it is over.

    A call that waits raises nothing then, and would wait in silence.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_told = False

    def failed(self, error: ConnectionError) -> None:
        if not self._is_told:
            self._is_told = True
            logger.warning("a layer cannot %s, and goes on trying: %s", self._what, error)

    def works(self) -> None:
        if self._is_told:
            self._is_told = False
            logger.info("a layer can %s again", self._what)


class Lane:
    """One node.

    Attributes:
        address: of a node of a Cluster; ``None``: wherever the broker is.
        pause: before the next attempt to reach it.
        connection: the one in use; ``None`` while there is none.
        idle: those who wait for work (asynchronous).
        is_begun: whether somebody is about to write what waits (asyncio).
        is_lost: an answer is missing; a frozen node of a Cluster, which may have been replaced by now, would take the
            next connection, too, and not answer.
        under_way: batches that were written for nobody in particular (asyncio).
        lock: held by the thread that serves (synchronous).
        opening: held by the task that connects (asynchronous).
        why: there is no connection, if that is known.
    """

    def __init__(self, address: Address | None, queue: Queue, send_deadline: float) -> None:
        self.address = address
        self.queue = queue
        self.connection: Connection | None = None
        self.idle: list[Any] = []
        self.is_begun = False
        self.is_lost = False
        self.under_way = 0
        self.lock = Lock()
        self.opening: Any = None
        self.why: ConnectionError | None = None
        self.pause = Pause(min(MOST_PAUSE if address is None else MOST_PAUSE_IN_CLUSTER, SHARE * send_deadline))
        self.is_up = True
        self.was_up = False
