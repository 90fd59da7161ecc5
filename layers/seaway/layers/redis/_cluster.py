"""The nodes of a Cluster as one object reaches them: a lane for each, and what to do when a node sends a job away.

Rules of this module: as in `_link`. A node that answers MOVED, ASK, TRYAGAIN or CLUSTERDOWN has done nothing, so a job
goes on until its deadline. Who has which slot is asked when a node cannot be reached; else the nodes say it themselves.
"""

from __future__ import annotations

from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from seaway.layers.redis._chart import Chart, Redirect, read_redirect, slot_of
from seaway.layers.redis._connection import Connection
from seaway.layers.redis._greeting import Refused, authentication, raise_first
from seaway.layers.redis._jobs import AGAIN, Batch, Job, Queue, Tag, fail, refuse
from seaway.layers.redis._lane import Lane
from seaway.layers.redis._places import tls_context
from seaway.layers.redis._scattered import Scattered
from seaway.layers.redis._settings import RedisOptions, host_and_port
from seaway.layers.redis._streams import Address
from seaway.layers.redis.keys import TAG

if TYPE_CHECKING:
    from seaway.layers.redis._link import Link

_HALF = "ERR Script attempted to access a non local key"
"""How the answer begins to a script that has found half of its keys gone; only those say so that may be run again."""

_ANSWER_SECONDS = 0.5
"""For one node to answer, and after which no other is asked this time: callers wait."""

_SURVEY_SECONDS = 0.1
"""Between two surveys, at least: many may want one at the same time."""

_MOST_PAUSE = 0.05
_AT_ONCE = 3
"""So many redirects are followed without a pause."""


class Cluster:
    """The nodes that *options* lead to.

    Attributes:
        chart: which of them has which slot.
        lanes: by node; that of ``None`` is for what nobody is known to have.
        trouble: why nobody is known.
    """

    def __init__(self, link: Link, options: RedisOptions) -> None:
        self._link = link
        self._options = options
        tls = tls_context(options)
        pairs = [host_and_port(node) for node in options.nodes]
        self.chart = Chart([Address(host, int(port), tls=tls) for host, port in pairs])
        self.lanes: dict[Address | None, Lane] = {}
        self._answer_seconds = min(_ANSWER_SECONDS, options.send_deadline / 2)
        self.trouble = ConnectionError("no node of the Cluster has been asked yet")
        self._begun = self._surveyed = -inf
        self._is_surveying = False

    def lane_at(self, address: Address | None) -> Lane:
        """Return the lane to a node."""
        lane = self.lanes.get(address)
        if lane is None:
            queue = Queue(self._link.keys.base, Scattered)
            lane = self.lanes[address] = Lane(address, queue, self._options.send_deadline)
            self._link.staff(lane)
        return lane

    def lane_of(self, place: Tag) -> Lane:
        """Return the lane to the node that has the keys of *place*."""
        return self.lane_at(place if isinstance(place, Address) else self.chart.of(place))

    def lane_for(self, job: Job) -> Lane:
        """Return the lane for the next step of *job*."""
        return self.lane_at(job.ask) if job.ask is not None else self.lane_of(job.place)

    # Who has which slot

    async def survey_since(self, failed: float) -> None:
        """As `survey`; returns when one has been made that has begun after *failed*, on the monotonic clock.

        An older one may say that a node is still there which was replaced since, and a node that is frozen costs who
        tries it once more a second.
        """
        while self._begun < failed:
            await self.survey()
            if self._begun < failed:
                await self._link.sleep(_SURVEY_SECONDS / 4)

    async def survey(self) -> None:
        """Ask who has which slot, unless that was asked a moment ago.

        Raises:
            ConnectionError: no node answers.
        """
        with self._link.lock:
            if self._is_surveying or monotonic() - self._surveyed < _SURVEY_SECONDS:
                return
            self._is_surveying = True
        errors = []
        begun = self._begun = monotonic()
        try:
            for address in self.chart.whom():
                if monotonic() - begun >= self._answer_seconds:
                    break
                try:
                    await self._ask(address)
                    self.trouble = ConnectionError("some slots of the Cluster are nobody's; nothing was done")
                    return
                except Refused as error:
                    self.trouble = error
                    raise
                except ConnectionError as error:
                    errors.append(str(error))
                    self.chart.silent(address)
        finally:
            self._surveyed = monotonic()
            self._is_surveying = False
        self.trouble = ConnectionError(f"no node of the Cluster tells who has which slots: {'; '.join(errors)}")
        raise self.trouble

    async def _ask(self, address: Address) -> None:
        connection = await self._link.connect(address, self._answer_seconds)
        try:
            commands = [*authentication(self._options), ("CLUSTER", "SLOTS")]
            replies = await connection.run(commands, self._answer_seconds)
        finally:
            await connection.close()
        raise_first(replies, str(address))
        with self._link.lock:
            self.chart.read(replies[-1], address)

    async def find(self, tag: str) -> Address:
        """Return the node that has the keys of *tag*.

        Raises:
            ConnectionError: nobody knows.
        """
        address = self.chart.of(tag)
        if address is None:
            await self.survey()
            address = self.chart.of(tag)
        if address is None:
            raise ConnectionError(f"no node of the Cluster has the slot of {tag!r}")
        return address

    def follow(self, redirect: Redirect) -> None:
        """Take what a node has said about another."""
        with self._link.lock:
            self.chart.learn(redirect)
            if redirect.slot == slot_of(TAG):
                self._link.forget_lists()

    # Jobs on their way

    async def prepare(self, connection: Connection, batch: Batch, timeout: float) -> None:
        """Before the first word about normal channels: what was there under another history must not be handed out."""
        assert isinstance(batch, Scattered)
        of_lists = [job for job in batch.jobs if job.place == TAG]
        if not of_lists or connection.knows_lists:
            return
        asks = any(job.ask is not None for job in of_lists)
        text = await self._link.compare_history(connection, timeout, asks)
        if text:
            batch.refuse(TAG, text)
        else:
            connection.knows_lists = not asks

    def again(self, lane: Lane, batch: Batch) -> None:
        """Let the jobs of *batch* that were not done go on, each where it has to."""
        assert isinstance(batch, Scattered)
        assert lane.address is not None
        refused, batch.refused = batch.refused, []
        for job, text in refused:
            job.ask = None
            if text:
                self._sent_away(lane, lane.address, job, text)
            else:
                job.tries = 0
                self._go_on(job)

    def _sent_away(self, lane: Lane, asked: Address, job: Job, text: str) -> None:
        redirect = read_redirect(text, asked)
        if redirect is not None:
            self.follow(redirect)
            job.ask = redirect.address if redirect.asks else None
        elif not (text.startswith(AGAIN) or (job.again and text.startswith(_HALF))):
            refuse(job, text)
            return
        now = monotonic()
        if job.deadline <= now:
            fail(job, ConnectionError(f"the Cluster was not ready in time, nothing was done; it said last: {text}"))
            return
        job.tries += 1
        if redirect is not None and job.tries <= _AT_ONCE:
            self._go_on(job)
        else:
            lane.queue.park(job, now + min(_MOST_PAUSE, 0.001 * 2.0 ** min(job.tries, 10)))

    def _go_on(self, job: Job) -> None:
        try:
            self._link.submit(job)
        except ConnectionError as error:  # too much waits there
            fail(job, error)

    def resume(self, lane: Lane) -> None:
        """Let those go on whose pause is over."""
        for job in lane.queue.due(monotonic()):
            self._go_on(job)

    async def reroute(self, lane: Lane) -> bool:
        """The node of *lane* cannot be reached: find out who has its slots now, and let its jobs go there.

        Returns:
            Whether nothing is left in the lane.
        """
        try:
            await self.survey_since(monotonic())
        except ConnectionError:
            return False
        with self._link.lock:
            for job in lane.queue.drain():
                job.due, job.ask = 0.0, None
                self._go_on(job)
            return not lane.queue
