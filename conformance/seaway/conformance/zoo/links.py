"""Mutants of what happens when a connection fails, and when the broker is not what it was."""

from __future__ import annotations

from collections import deque
from typing import Any

import anyio

from seaway.conformance.zoo.broker import Entry, Inbox, Message
from seaway.conformance.zoo.model import ModelLayer
from seaway.conformance.zoo.mutants import breaks


@breaks("LAY-038", "LAY-037")
class AsksTwice(ModelLayer):
    """A send whose answer was lost is sent again, and the second answer counts."""

    async def send(self, channel: str, message: Message) -> None:
        dropped = self.drops_reply
        try:
            await super().send(channel, message)
        except ConnectionError:
            if not dropped:
                raise
            await super().send(channel, message)


@breaks("LAY-038", "LAY-037")
class BroadcastsTwice(ModelLayer):
    """A send_group whose answer was lost is sent again."""

    async def send_group(self, group: str, message: Message) -> None:
        dropped = self.drops_reply
        try:
            await super().send_group(group, message)
        except ConnectionError:
            if not dropped:
                raise
            await super().send_group(group, message)


@breaks("GAP-002", "GAP-009", "LAY-073", "LAY-077")
class LosesAtACut(ModelLayer):
    """What waits in an inbox when the connection is cut is lost in silence."""

    def on_cut(self) -> None:
        for inbox in self.own.values():
            if inbox.entries:
                inbox.entries.pop()


@breaks("GAP-009", "GAP-002", "LAY-056")
class DoubtsACut(ModelLayer):
    """Every connection that was cut gives lost."""

    def on_cut(self) -> None:
        self.tell_all()


@breaks("LAY-073", "LAY-077")
class RepeatsAtACut(ModelLayer):
    """What was sent last is sent again when the connection was cut."""

    _last: tuple[str, Message] | None = None

    async def send(self, channel: str, message: Message) -> None:
        await super().send(channel, message)
        self._last = (channel, message)

    def on_cut(self) -> None:
        if self._last is not None and not self.own:
            self.put(*self._last, 1)


@breaks("LAY-056")
class DiesWithItsConnection(ModelLayer):
    """A receive that waits when the connection is cut raises."""

    _cuts = 0

    def on_cut(self) -> None:
        self._cuts += 1

    async def wait(self, names: list[str], deadline: float) -> tuple[str | None, Message | None]:
        self._before = self._cuts
        return await super().wait(names, deadline)

    def check_open(self, names: list[str]) -> None:
        super().check_open(names)
        if self._cuts != self._before:
            raise ConnectionError("the connection was cut")


@breaks("LAY-036")
class TrustsTheCable(ModelLayer):
    """A send into a connection that leads nowhere waits for an answer as long as the system does."""

    async def send(self, channel: str, message: Message) -> None:
        if self.cut_off is not None:
            await anyio.sleep(self.options.send_deadline + 3)
        await super().send(channel, message)


@breaks("LAY-036", "LAY-037")
class TrustsAFrozenBroker(ModelLayer):
    """A send to a broker that does not answer returns."""

    async def send(self, channel: str, message: Message) -> None:
        if not self.broker.is_frozen:
            await super().send(channel, message)


@breaks("GAP-004")
class ComesBackInSilence(ModelLayer):
    """What the broker has lost while nothing passed is not told."""

    def on_back(self) -> None:
        for group, channel in self.memberships:
            self.join_again(group, channel)
        self.missed = False
        super().on_back()


@breaks("GAP-005")
class NeverSaysItIsCutOff(ModelLayer):
    """An owner that is cut off waits in silence."""

    def notice(self) -> None:
        return


@breaks("GAP-005")
class SaysItOnce(ModelLayer):
    """An owner that was cut off is not told that it is back."""

    def on_back(self) -> None:
        self.told = False
        super().on_back()


@breaks("GAP-005")
class SaysItTooSoon(ModelLayer):
    """An owner is told that it is cut off before the lease has passed."""

    def notice(self) -> None:
        if self.cut_off is not None and not self.told:
            self.told = True
            self.news.extend(self.own)


@breaks("LAY-074", "LAY-073")
class TrustsACopy(ModelLayer):
    """What waits in a copy of the broker is handed out."""

    def purge(self) -> None:
        return


@breaks("LAY-074")
class PurgesInSilence(ModelLayer):
    """What waits in a copy of the broker is dropped, and nobody counts it."""

    def purge(self) -> None:
        for queue in self.space.channels.values():
            queue.clear()


@breaks("LAY-074", "LAY-073")
class PurgesThrice(ModelLayer):
    """Everybody who sees that the broker is a copy drops what waits, the newest included."""

    def on_copy(self) -> None:
        self.space.copies = -1
        super().on_copy()


@breaks("GAP-011")
class RenewsInSilence(ModelLayer):
    """A membership that has vanished is restored, and nobody is told."""

    def on_vanished(self, group: str, channel: str) -> None:
        self.join_again(group, channel)


@breaks("GAP-011")
class NeverLooks(ModelLayer):
    """A membership that has vanished at the broker stays so."""

    def on_vanished(self, group: str, channel: str) -> None:
        return


@breaks("GAP-011")
class TellsAndForgets(ModelLayer):
    """A membership that has vanished is told and not restored."""

    def on_vanished(self, group: str, channel: str) -> None:
        self.memberships.discard((group, channel))
        inbox = self.own[channel.partition("!")[0] + "!"]
        inbox.entries.append(inbox.gap(channel, "lost", None))


@breaks("SEC-010")
class ChokesOnRubbish(ModelLayer):
    """receive raises for what it cannot decode."""

    def decoded(self, inbox: Inbox, entry: Entry) -> Entry:
        if entry.is_rubbish:
            raise ValueError("not a message")
        return entry


@breaks("SEC-010")
class SkipsRubbish(ModelLayer):
    """What cannot be decoded in an inbox is dropped in silence."""

    def pop_inbox(self, inbox: Inbox) -> Entry | None:
        while inbox.entries and inbox.entries[0].is_rubbish:
            inbox.entries.popleft()
        return super().pop_inbox(inbox)


@breaks("SEC-010")
class StopsAtRubbish(ModelLayer):
    """Nothing comes from a normal channel any more, once something cannot be decoded."""

    def without_rubbish(self, queue: deque[Entry]) -> None:
        return

    def pop_normal(self, name: str) -> Entry | None:
        queue: Any = self.space.channels.get(name, deque())
        return None if queue and queue[0].is_rubbish else super().pop_normal(name)


@breaks("SEC-010")
class ForgetsRubbish(ModelLayer):
    """What cannot be decoded in a normal channel is dropped, and nobody counts it."""

    def without_rubbish(self, queue: deque[Entry]) -> None:
        for entry in [entry for entry in queue if entry.is_rubbish]:
            queue.remove(entry)
