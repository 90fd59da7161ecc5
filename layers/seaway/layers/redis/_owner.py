"""What a layer object owns at the broker: inboxes, and memberships of groups. How they come, live and go.

Rules of this module: as in `_engine`. All changes of one group of one inbox run one after the other; whoever has the
turn sees to it that a group without members here is left. A change is applied when its answer comes, whether or not its
caller still waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic

from seaway.layers.base import Route
from seaway.layers.redis._engine import Engine
from seaway.layers.redis._inboxes import OwnInbox
from seaway.layers.redis._jobs import Job, call
from seaway.layers.redis._link import ANSWER
from seaway.layers.redis._members import Background, Change, Membership
from seaway.layers.redis._scripts import BEAT, JOIN, LEAVE
from seaway.layers.redis._wire import Command, Id, parse_id
from seaway.layers.redis.keys import TAG

_GROUPS = 200
"""Groups that one call renews: more would hold the broker for too long."""


class Owner:
    """Inboxes and memberships of the layer object behind *engine*."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Inboxes

    async def new_inbox(self, name: str) -> None:
        """Make the inbox *name*; ``ConnectionError`` without a broker."""
        engine = self._engine
        own = OwnInbox(name, engine.store, engine.client, engine.options, engine.codec, engine.keys)
        asked = monotonic()
        job = Job([own.attach(None), ("TIME",)], engine.deadline(), again=True, tag=name)
        try:
            await engine.call(job)
        except BaseException:
            with engine.lock:
                engine.store.close_channel(engine.client, Route(name, name, 0, 0))
            engine.submit(Job([own.detach()], engine.deadline(), tag=name))
            raise
        with engine.lock:
            own.clock.set(*job.replies[1])
            own.is_attaching = False
            own.attached_by(job.replies[0], own.fresh, job.history, asked)
            engine.inboxes[name] = own
            engine.nudge()
        engine.push()

    async def close_channel(self, route: Route) -> None:
        """End a channel of ours; never raises for an absent broker (LAY-065)."""
        engine = self._engine
        with engine.lock:
            own = engine.inboxes.get(route.inbox or "")
            if own is None or route.name == route.inbox:
                engine.store.close_channel(engine.client, route)  # says what is wrong, if anything is
            if own is None:
                return
            jobs = self._end(own) if route.name == route.inbox else self._leave_all(own, route.name)
            late = [own] if own.closed and own.is_attaching else []
        await self._all(jobs)
        await self._end_late(late)

    def _end(self, own: OwnInbox) -> list[Job]:
        own.closed = True
        del self._engine.inboxes[own.name]
        job = Job([own.detach()], self._engine.deadline(), again=True, tag=own.name)
        self._engine.submit(job)
        jobs = [job]
        for membership in list(own.memberships.values()):
            for channel in list(membership.channels):
                membership.discard(channel, None)
            jobs += self._settle(own, membership)
        own.groups_of.clear()
        return jobs

    def _leave_all(self, own: OwnInbox, channel: str) -> list[Job]:
        jobs = []
        for group in own.groups_of.pop(channel, ()):
            membership = own.memberships[group]
            membership.discard(channel, None)
            jobs += self._settle(own, membership)
        return jobs

    async def close(self) -> None:
        """Give everything up, as far as the broker answers in time."""
        engine = self._engine
        jobs = []
        with engine.lock:
            owns = list(engine.inboxes.values())
            for own in owns:
                jobs += self._end(own)
            late = [own for own in owns if own.is_attaching]
            engine.store.detach(engine.client)
            if engine.lines.answered:
                keys = {TAG: engine.lines.answer_key, engine.reader_name: engine.keys.nudge(engine.reader_name)}
                job = Job([("DEL", key) for key in keys.values()], engine.deadline(), tag=tuple(keys))
                jobs.append(job)
                engine.submit(job)
        await self._all(jobs)
        await self._end_late(late)

    async def _end_late(self, owns: Sequence[OwnInbox]) -> None:
        """Give up again what a reader was about to take when it was given up: the two may have passed each other."""
        engine = self._engine
        deadline = monotonic() + ANSWER
        while any(own.is_attaching for own in owns) and monotonic() < deadline:
            await engine.sleep(0.005)
        jobs = [Job([own.detach()], engine.deadline(), again=True, tag=own.name) for own in owns]
        for job in jobs:
            engine.submit(job)
        await self._all(jobs)

    async def _all(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            with suppress(ConnectionError, RuntimeError):  # what nobody heard of ends with its lease
                await self._engine.call(job)

    # Groups

    def own_inbox(self, route: Route) -> OwnInbox:
        """Return the inbox of a channel that may join groups; ``ValueError`` if it is not ours."""
        own = self._engine.inboxes.get(route.inbox or "")
        if own is None:
            raise ValueError(
                f"{route.name!r} is not a channel under an inbox of this layer object (GRP-002); "
                "ask its consumer by message to join or leave"
            )
        return own

    async def group_add(self, group: str, route: Route) -> None:
        """Make the channel of *route* a member of *group*."""
        engine = self._engine
        own = self.own_inbox(route)
        deadline = engine.deadline()
        while (change := self._joins_along(own, group, route.name, deadline)) is not None:
            if await self._along(change):
                return
            if own.closed:
                raise _closed(own)
        membership = await self._turn(own, group, deadline)
        change = Change(own, membership, route.name)
        commands = [self._join(own, group), ("HGET", own.hash, "l")]
        job = Job(commands, deadline, again=True, done=partial(self._joined, change), tag=(group, own.name))
        change.stream = own.streams
        membership.joining = change
        try:
            await engine.call(job)
        except BaseException:
            self._undo(change)
            raise
        finally:
            if job.ended:
                self._release(own, membership)
            else:  # whoever asked has gone; the turn ends with the answer
                job.done = partial(self._joined_late, change)

    def _joins_along(self, own: OwnInbox, group: str, channel: str, deadline: float) -> Change | None:
        """Let a join share the answer that another waits for, if nothing is to happen to the group between the two."""
        with self._engine.lock:
            membership = own.memberships.get(group)
            if membership is None or membership.joining is None or len(membership.turn) != 1:
                return None
            if not membership.joining.may_share(channel):
                return None
            change = Change(own, membership, channel)
            change.stream = membership.joining.stream
            change.waiter = self._engine.new_waiter(max(deadline - monotonic(), 0))
            change.waiter.arm()
            membership.joining.along[channel] = change
            return change

    async def _along(self, change: Change) -> bool:
        """Wait for the answer that *change* shares; ``False`` if the other has had none, whose time began earlier."""
        try:
            if not await self._engine.wait(change.waiter):
                raise ConnectionError(f"an earlier join of {change.membership.group!r} has had no answer")
        except BaseException:
            self._undo(change)
            with self._engine.lock:
                if not change.own.closed:
                    self._settle(change.own, change.membership)
            raise
        return change.is_answered

    def _undo(self, change: Change) -> None:
        """The call behind the join *change* has failed: its channel is no member, now or when the answer comes."""
        with self._engine.lock:
            change.is_cancelled = True
            if change.is_done:
                change.membership.discard(change.channel, None)
                _forget(change.own.groups_of, change.channel, change.membership.group)

    def _join(self, own: OwnInbox, group: str) -> Command:
        engine = self._engine
        return call(JOIN, (engine.keys.group(group),), engine.keys.base, own.name, engine.options.lease_at_broker())

    def _joined(self, change: Change, job: Job) -> None:
        own, membership = change.own, change.membership
        with self._engine.lock:
            membership.joining = None
            if job.error is None:
                (score, was_member), last = job.replies
                if membership.score is not None and not was_member and membership.channels:
                    own.lapsed()
                    self._engine.nudge(own)
                membership.score = int(score)
                since = _position(last) if change.stream == own.streams else (0, 0)
                for one in (change, *change.along.values()):
                    self._join_done(one, since)
        for one in change.along.values():
            one.waiter.wake()

    def _join_done(self, change: Change, since: Id) -> None:
        own, membership = change.own, change.membership
        change.is_answered = True
        if not change.is_cancelled and not own.closed and change.channel not in membership.channels:
            membership.add(change.channel, since)
            own.groups_of.setdefault(change.channel, set()).add(membership.group)
            change.is_done = True

    def _joined_late(self, change: Change, job: Job) -> None:
        self._joined(change, job)
        self._release(change.own, change.membership)

    async def group_discard(self, group: str, route: Route) -> None:
        """End the membership of the channel of *route* in *group*."""
        engine = self._engine
        own = self.own_inbox(route)
        if group not in own.memberships:
            return
        deadline = engine.deadline()
        membership = await self._turn(own, group, deadline)
        if route.name not in membership.channels:
            self._release(own, membership)
            return
        commands: list[Command] = [("HGET", own.hash, "l")]
        if len(membership.channels) == 1 and membership.score is not None:
            commands.append(self._leave(own, membership))
        change = Change(own, membership, route.name)
        change.stream = own.streams
        # In this order: what was sent before this call is in the inbox.
        job = Job(commands, deadline, again=True, done=partial(self._discarded, change), tag=(own.name, group))
        try:
            await engine.call(job)
        finally:
            if job.ended:
                self._release(own, membership)
            else:
                job.done = partial(self._discarded_late, change)

    def _leave(self, own: OwnInbox, membership: Membership) -> Command:
        engine = self._engine
        return call(LEAVE, (engine.keys.group(membership.group),), engine.keys.base, own.name, membership.score)

    def _discarded(self, change: Change, job: Job) -> None:
        if job.error is not None:
            return
        own, membership = change.own, change.membership
        with self._engine.lock:
            until = _position(job.replies[0]) if change.stream == own.streams else None
            own.left(membership, change.channel, until)
            _forget(own.groups_of, change.channel, membership.group)
            if len(job.replies) > 1:
                membership.score = None

    def _discarded_late(self, change: Change, job: Job) -> None:
        self._discarded(change, job)
        self._release(change.own, change.membership)

    # Turns

    async def _turn(self, own: OwnInbox, group: str, deadline: float) -> Membership:
        """Return the membership in *group* when nobody else changes it; `_release` ends the turn."""
        engine = self._engine
        with engine.lock:
            membership = own.memberships.setdefault(group, Membership(group))
            waiter = engine.new_waiter(max(deadline - monotonic(), 0))
            waiter.arm()
            membership.turn.append(waiter)
            if membership.turn[0] is waiter:
                return membership
        granted = False
        try:
            granted = await engine.wait(waiter)
            if own.closed:
                raise _closed(own)
            if not granted:
                raise ConnectionError(f"an earlier change of {membership.group!r} has had no answer; nothing was done")
        except BaseException:
            with engine.lock:
                if membership.turn[0] is waiter:
                    self._release(own, membership)
                else:
                    membership.turn.remove(waiter)
            raise
        return membership

    def _release(self, own: OwnInbox, membership: Membership) -> None:
        with self._engine.lock:
            membership.turn.popleft()
            if membership.turn:
                membership.turn[0].wake()
            else:
                self._settle(own, membership)

    def _settle(self, own: OwnInbox, membership: Membership) -> list[Job]:
        """Leave a group that has no members here any more, unless somebody is at work on it."""
        if membership.turn or membership.channels:
            return []
        if membership.score is None:
            own.forget_if_idle(membership)
            return []
        job = Job([self._leave(own, membership)], self._engine.deadline(), again=True, tag=membership.group)
        membership.score = None  # not renewed; unless the broker hears of it now, it ends with its lease
        membership.turn.append(Background())
        job.done = partial(self._left, own, membership)
        self._engine.submit(job)
        return [job]

    def _left(self, own: OwnInbox, membership: Membership, job: Job) -> None:
        self._release(own, membership)

    # Life

    async def beat(self, of: Iterable[OwnInbox] | None = None) -> None:
        """Renew the memberships of these inboxes; if none are given, of all."""
        engine = self._engine
        at_once = _GROUPS if engine.cluster is None else 1  # in a Cluster each has a node of its own
        jobs = []
        with engine.lock:
            for own in engine.inboxes.values() if of is None else of:
                due = [
                    one for one in own.memberships.values() if one.score is not None and one.channels and not one.turn
                ]
                for at in range(0, len(due), at_once):
                    jobs.append(self._renewal(own, due[at : at + at_once]))
        for job in jobs:
            engine.submit(job)
        await self._all(jobs)

    def _renewal(self, own: OwnInbox, memberships: list[Membership]) -> Job:
        engine = self._engine
        keys = [engine.keys.group(one.group) for one in memberships]
        for one in memberships:
            one.turn.append(Background())
        command = call(BEAT, keys, engine.keys.base, own.name, engine.options.lease_at_broker())
        done = partial(self._renewed, own, memberships)
        return Job([command], engine.deadline(), again=True, done=done, tag=memberships[0].group)

    def _renewed(self, own: OwnInbox, memberships: list[Membership], job: Job) -> None:
        with self._engine.lock:
            if job.error is None:
                scores = [int(score) for score in job.replies[0]]
                if min(scores) < 0 and not own.closed:
                    own.lapsed()
                    if self._engine.cluster is not None:  # else the reader is here, about to ask
                        self._engine.nudge(own)
                for one, score in zip(memberships, scores, strict=True):
                    one.score = abs(score)
            for one in memberships:
                self._release(own, one)


def _closed(own: OwnInbox) -> RuntimeError:
    return RuntimeError(f"the inbox {own.name!r} was closed while this call waited (LAY-072)")


def _forget(groups_of: dict[str, set[str]], channel: str, group: str) -> None:
    groups = groups_of.get(channel)
    if groups is not None:
        groups.discard(group)
        if not groups:
            del groups_of[channel]


def _position(last: bytes | None) -> Id:
    return parse_id(last) if last else (0, 0)
