"""Mutants of attributes, construction, life, inboxes, flush and statistics."""

from __future__ import annotations

import random
from collections import Counter, deque
from typing import Any, ClassVar

from seaway.conformance.zoo.broker import Broker, Inbox, Message
from seaway.conformance.zoo.model import ModelLayer
from seaway.conformance.zoo.mutants import breaks
from seaway.spec import inbox_of


@breaks("LAY-007", "VER-001")
class OtherInterface(ModelLayer):
    """interface says something else."""

    interface: ClassVar[str] = "1"


@breaks("LAY-006")
class HidesItsFlavour(ModelLayer):
    """The class does not say its flavour, only its objects do."""

    is_async = None  # type: ignore[assignment]

    def __init__(self, broker: Broker, **options: Any) -> None:
        super().__init__(broker, **options)
        self.is_async = True


@breaks("LAY-013", "LAY-015", "LAY-084")
class LacksAKeyword(ModelLayer):
    """inbox_bytes is not known."""

    def __init__(self, broker: Broker, **options: Any) -> None:
        if "inbox_bytes" in options:
            raise TypeError("unknown option 'inbox_bytes'")
        super().__init__(broker, **options)


@breaks("LAY-019")
class EntersAsNobody(ModelLayer):
    """async with returns nothing."""

    async def __aenter__(self) -> None:  # type: ignore[override]
        self.enter()


@breaks("LAY-028")
class ReturnsWhatItSent(ModelLayer):
    """send returns the size of the message."""

    async def send(self, channel: str, message: Message) -> int | None:  # type: ignore[override]
        await super().send(channel, message)
        return None if "!" in channel else len(message)


@breaks("LAY-062", "LAY-004", "LAY-050", "GRP-004")
class LocalNamesAreNumbers(ModelLayer):
    """A local name that does not begin with a letter or digit goes nowhere, nor one with a dot in it."""

    def put(self, channel: str, message: Message, size: int) -> None:
        local = channel.partition("!")[2]
        if not local or (local[0].isalnum() and "." not in local):
            super().put(channel, message, size)


@breaks("LAY-008")
class ListsExtensions(ModelLayer):
    """extensions is a set that anybody can change."""

    def __init__(self, broker: Broker, **options: Any) -> None:
        super().__init__(broker, **options)
        self.extensions = {*self.extensions}  # type: ignore[assignment]


@breaks("VER-006")
class InventsExtensions(ModelLayer):
    """An extension of its own has no vendor."""

    extensions = frozenset({"flush", "statistics", "fast"})


@breaks("LAY-009", "LAY-013")
class ShowsOtherLimits(ModelLayer):
    """The attributes have other values than those that count."""

    def __init__(self, broker: Broker, **options: Any) -> None:
        super().__init__(broker, **options)
        self.expiry = 86_400


@breaks("LAY-011")
class FullIsAConnectionError(ModelLayer):
    """ChannelFull is a ConnectionError."""

    ChannelFull = type("ChannelFull", (ConnectionError,), {})


@breaks("LAY-014")
class TakesAnyKeyword(ModelLayer):
    """Unknown keywords are swallowed."""

    def __init__(self, broker: Broker, **options: Any) -> None:
        super().__init__(
            broker, **{name: options[name] for name in options if name not in ("capactiy", "group_expiry")}
        )


@breaks("LAY-015")
class TakesAnyValue(ModelLayer):
    """A capacity of 0 is taken, as without bound."""

    def __init__(self, broker: Broker, **options: Any) -> None:
        super().__init__(broker, **{name: value for name, value in options.items() if value != 0})


@breaks("LAY-016")
class NeedsAnEventLoop(ModelLayer):
    """Construction asks for the event loop."""

    def __init__(self, broker: Broker, **options: Any) -> None:
        super().__init__(broker, **options)
        try:
            import anyio

            anyio.lowlevel.current_token()
        except Exception as error:
            raise AssertionError("no event loop") from error


@breaks("LAY-100")
class ForgetsTheOldNames(ModelLayer):
    """Old names raise an error that tells nothing."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


@breaks("GRP-011", "LAY-100")
class ListsMembers(ModelLayer):
    """There is a list of the members of a group."""

    async def group_channels(self, group: str) -> list[str]:
        """Return the members."""
        return self.targets(group)


@breaks("LAY-020")
class StaysOpen(ModelLayer):
    """Leaving async with does not close."""

    async def __aexit__(self, *arguments: Any) -> None:
        return


@breaks("LAY-021")
class ClosesOnce(ModelLayer):
    """A second close raises."""

    async def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        await super().close()


@breaks("LAY-022")
class OpensAgain(ModelLayer):
    """async with opens a closed object again."""

    async def __aenter__(self) -> ModelLayer:
        self.closed = False
        return self


@breaks("LAY-022", "LAY-020")
class SendsWhenClosed(ModelLayer):
    """A closed object still sends."""

    async def send(self, channel: str, message: Message) -> None:
        closed, self.closed = self.closed, False
        try:
            await super().send(channel, message)
        finally:
            self.closed = closed


@breaks("LAY-023")
class WaitsThroughClose(ModelLayer):
    """A waiting receive gets nothing, and no error, when its object is closed."""

    def check_open(self, names: list[str]) -> None:
        if not self.closed:
            super().check_open(names)

    async def wait(self, names: list[str], deadline: float) -> tuple[str | None, Message | None]:
        import anyio

        while not self.closed:
            left = min(deadline, anyio.current_time() + 0.02)
            found = await super().wait(names, left)
            if found[0] is not None or left == deadline:
                return found
        return None, None


@breaks("LAY-024")
class LeavesInboxesBehind(ModelLayer):
    """Closing an object leaves its inboxes where they are."""

    async def close(self) -> None:
        self.own, own = {}, self.own
        await super().close()
        self.own = own


@breaks("LAY-025")
class RunsInAnyLoop(ModelLayer):
    """Another event loop is not noticed."""

    def enter(self) -> None:
        self._loop = None
        super().enter()


@breaks("LAY-057")
class KeepsThePattern(ModelLayer):
    """Dots in the pattern become hyphens."""

    def inbox_name(self, name: str) -> str:
        return super().inbox_name(name.replace(".", "-"))


@breaks("LAY-059")
class NamesByRandom(ModelLayer):
    """The random part comes from the module random."""

    def inbox_name(self, name: str) -> str:
        # As of a process of its own: the tests that run beside each other reseed it for each other.
        if name != "random":
            return super().inbox_name(name)
        return f"{name}.{random.getrandbits(128):032x}!"


@breaks("LAY-059")
class NamesAreGuessable(ModelLayer):
    """The random part is short."""

    def inbox_name(self, name: str) -> str:
        return f"{name}.{super().inbox_name(name)[-9:]}"


@breaks("LAY-058")
class TakesAnyPattern(ModelLayer):
    """A pattern without a mark gets one."""

    async def new_channel(self, pattern: str) -> str:
        return await super().new_channel(f"{pattern}!" if isinstance(pattern, str) and "!" not in pattern else pattern)


@breaks("LAY-050", "LAY-028", "LAY-060", "LAY-085", "LAY-055")
class ForgetsBareNames(ModelLayer):
    """What is sent to the bare name of an inbox goes nowhere."""

    def put(self, channel: str, message: Message, size: int) -> None:
        if not channel.endswith("!"):
            super().put(channel, message, size)


@breaks("LAY-032", "LAY-018", "LAY-024", "LAY-071")
class RaisesForGoneInboxes(ModelLayer):
    """A send to an inbox that is not there raises ChannelFull."""

    def put(self, channel: str, message: Message, size: int) -> None:
        name = inbox_of(channel)
        if name is not None and name not in self.space.inboxes:
            raise self.ChannelFull(channel)
        super().put(channel, message, size)


@breaks("LAY-063")
class ClosesAnything(ModelLayer):
    """close_channel takes any name."""

    async def close_channel(self, channel: str) -> None:
        self.enter()
        self.check_channel(channel)
        if inbox_of(channel) in self.own or inbox_of(channel) in self.ended:
            await super().close_channel(channel)


@breaks("LAY-064", "GRP-014")
class KeepsMembershipsOfClosedChannels(ModelLayer):
    """A closed channel stays in its groups."""

    def end_memberships(self, ends: Any) -> None:
        if any(name not in self.own and name in self.ended for name in map(inbox_of, self._channels(ends))):
            super().end_memberships(ends)

    def _channels(self, ends: Any) -> list[str]:
        return [member for _, member in self.memberships if ends(member)]


@breaks("LAY-067")
class ClosesChannelsOnce(ModelLayer):
    """A second close_channel of an inbox raises."""

    async def close_channel(self, channel: str) -> None:
        if channel in self.ended and not self.closed:
            raise ValueError("closed already")
        await super().close_channel(channel)


@breaks("LAY-071", "LAY-032")
class ClosedInboxesFillUp(ModelLayer):
    """A closed inbox still takes messages, until it is full."""

    async def close_channel(self, channel: str) -> None:
        inbox: Inbox | None = self.own.get(channel) if isinstance(channel, str) else None
        await super().close_channel(channel)
        if inbox is not None:
            self.space.inboxes[channel] = inbox


@breaks("LAY-072")
class WaitsForClosedInboxes(ModelLayer):
    """A receive that waits for an inbox which is closed gets nothing, and no error."""

    async def wait(self, names: list[str], deadline: float) -> tuple[str | None, Message | None]:
        try:
            return await super().wait(names, deadline)
        except RuntimeError:
            if self.closed:
                raise
            return None, None


@breaks("LAY-103", "GAP-007")
class FlushKeepsInboxes(ModelLayer):
    """flush empties normal channels only."""

    def flush_inbox(self, inbox: Inbox) -> None:
        if inbox.entries:
            inbox.entries.append(inbox.gap(inbox.name, "lost", None))
            inbox.entries.rotate(1)


@breaks("LAY-103")
class FlushesEverything(ModelLayer):
    """flush empties every namespace."""

    async def flush(self) -> None:
        await super().flush()
        other = self.broker.spaces.get(f"{self.options.namespace}-2")
        if other is not None:
            other.channels.clear()


@breaks("LAY-104", "GAP-007")
class FlushesInSilence(ModelLayer):
    """flush tells nobody."""

    def flush_inbox(self, inbox: Inbox) -> None:
        inbox.entries.clear()


@breaks("LAY-105")
class FlushEndsMemberships(ModelLayer):
    """flush empties the groups too."""

    async def flush(self) -> None:
        await super().flush()
        self.space.groups.clear()


@breaks("LAY-107")
class CountsHalf(ModelLayer):
    """statistics() lacks a reason."""

    async def statistics(self) -> dict[str, Any]:
        found = await super().statistics()
        del found["dropped"]["unknown"]
        return found


@breaks("LAY-108")
class CountsForAll(ModelLayer):
    """Objects of one namespace share their counters."""

    _shared: ClassVar[dict[int, Counter[str]]] = {}

    def enter(self) -> None:
        super().enter()
        self.counters = self._shared.setdefault(id(self.space), self.counters)


@breaks("GAP-016")
class ExpiresUncounted(ModelLayer):
    """What expires on a normal channel is not counted."""

    def drop_expired(self, queue: deque[Any]) -> None:
        before = self.counters["expired"]
        super().drop_expired(queue)
        self.counters["expired"] = before
