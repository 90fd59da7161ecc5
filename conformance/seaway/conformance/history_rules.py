"""The guarantees, each as a function that finds what cannot be explained in a `History`.

Rules of this module: a rule speaks only of what is certain, whatever the order in which calls that overlap took
effect. For queues the forbidden patterns are those of Henzinger, Sezgin and Vafeiadis, "Aspect-Oriented
Linearizability Proofs" (2013).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from math import inf

from seaway.conformance.history import Call, Finding, History
from seaway.conformance.history_gaps import missing, possible_members
from seaway.spec import inbox_of

Rule = Callable[[History], Iterator[Finding]]
SECOND = 1_000_000_000


def _unsent(history: History) -> Iterator[Finding]:
    for channel, calls in history.deliveries.items():
        for call in calls:
            message = call.came
            send = history.sends.get(message)
            if send is None:
                yield Finding("MSG-014", f"{message} came for {channel}, but nobody sent it")
            elif call.before(send):
                yield Finding("MSG-014", f"{message} came for {channel} before it was sent")
            elif not send.returned and not send.is_unknown:
                error = send.last.error if send.last else ""
                yield Finding("LAY-031", f"{message} came for {channel}, but its {_name(send)} raised {error}")
            elif send.first.operation == "send" and channel != send.channel:
                yield Finding("LAY-050", f"{message} was sent to {send.channel} and came for {channel}")
            elif channel not in call.first.channels and inbox_of(channel) not in call.first.channels:
                yield Finding("LAY-050", f"{message} came for {channel} from a receive on {call.first.channels}")


def _twice(history: History) -> Iterator[Finding]:
    for channel, calls in history.deliveries.items():
        seen: set[str] = set()
        for message in (call.came for call in calls):
            if message in seen:
                yield Finding("LAY-073", f"{message} came twice for {channel}")
            seen.add(message)


def _order_of_one_object(history: History) -> Iterator[Finding]:
    """LAY-077: per channel and sending object; a channel under an inbox has one reader, whose calls are in order."""
    for channel, calls in history.deliveries.items():
        if inbox_of(channel) is None:
            continue
        latest: dict[tuple[str, str], Call] = {}
        for call in calls:
            send = history.sends.get(call.came)
            if send is None or not send.returned:
                continue
            last = latest.get(send.sender)
            if last is not None and send.before(last):
                yield Finding("LAY-077", f"{last.first.message} came for {channel} before {send.first.message}")
            if last is None or send.begin > last.begin:
                latest[send.sender] = send


def _order_of_all(history: History) -> Iterator[Finding]:
    """LAY-078: on normal channels, over all senders."""
    for channel, calls in history.deliveries.items():
        if inbox_of(channel) is not None:
            continue
        pairs = [(call, history.sends[call.came]) for call in calls if call.came in history.sends]
        ends = [call.end for call, _ in pairs]
        newest: list[Call] = []
        for _, send in pairs:
            newest.append(send if not newest or send.begin > newest[-1].begin else newest[-1])
        for call, send in pairs:
            earlier = bisect_left(ends, call.begin)
            if not earlier or not send.returned or not send.before(newest[earlier - 1]):
                continue
            # A cancelled receive may have taken it and given it back after newer ones (LAY-079).
            if not history.unsettled(channel, send.begin, call.end):
                other = newest[earlier - 1].first.message
                yield Finding("LAY-078", f"{other} came from {channel} before {send.first.message}, sent first")


def _found(history: History) -> Iterator[Finding]:
    """LAY-043: what was sent before an empty ``receive`` began has been taken by a call that began before it ended."""
    empty: dict[str, list[Call]] = defaultdict(list)
    for call in history.of("receive"):
        if call.returned and not call.channel:
            for channel in call.first.channels:
                empty[channel].append(call)
    told: set[str] = set()
    for channel, calls in empty.items():
        waiting = _Waiting(history, channel)
        for call in calls:
            if history.is_cut_off(call):
                continue
            for send in _not_found(history, channel, waiting.at(call), call):
                message = send.first.message
                if message not in told:
                    yield Finding("LAY-043", f"{message} was in {send.channel}, but a receive found nothing there")
                told.add(message)


class _Waiting:
    """What has certainly been in a channel, asked of one call after the other, in the order in which they began."""

    def __init__(self, history: History, channel: str) -> None:
        self._history = history
        self._expiry = history.bounds.expiry * SECOND
        pairs = [
            (send, history.takings.get((send.channel, send.first.message)))
            for send in history.of("send")
            if send.returned and channel in (send.channel, inbox_of(send.channel))
        ]
        if inbox_of(channel) is not None:  # what never came for a channel under an inbox is a matter of gaps
            pairs = [(send, taking) for send, taking in pairs if taking is not None]
        sends = [(send, inf if taking is None else taking.begin) for send, taking in pairs]
        self._sends = sorted(sends, key=lambda pair: pair[0].end, reverse=True)
        self._there: list[tuple[Call, float]] = []

    def at(self, call: Call) -> list[Call]:
        """Return what was there from before *call* until after it."""
        while self._sends and self._sends[-1][0].before(call):
            self._there.append(self._sends.pop())
        self._there = self._until(call.begin)
        return [send for send, _ in self._until(call.end)]

    def _until(self, moment: float) -> list[tuple[Call, float]]:
        """Return what was there until *moment*: not taken, not expired, and no fault has come upon it."""
        fault = self._history.last_fault(moment)
        return [
            (send, taken)
            for send, taken in self._there
            if taken >= moment and moment < send.begin + self._expiry and send.begin >= fault
        ]


def _not_found(history: History, channel: str, lacking: list[Call], call: Call) -> Iterator[Call]:
    """Yield which of *lacking* an empty *call* should have found; one that was cut off explains one message only."""
    if not lacking:
        return
    holders = history.unsettled(channel, min(send.begin for send in lacking), call.end)
    # Those sent last have the fewest who may hold them, so they choose first.
    for send in sorted(lacking, key=lambda send: send.begin, reverse=True):
        holder = next((one for one in holders if one.end > send.begin), None)
        if holder is None:
            yield send
        else:
            holders.remove(holder)


def _overtaken(history: History) -> Iterator[Finding]:
    """LAY-078, the other half: what never came from a normal channel cannot have been sent before what came."""
    for channel, calls in history.deliveries.items():
        pairs = [(call, history.sends[call.came]) for call in calls if call.came in history.sends]
        if inbox_of(channel) is not None or not pairs or history.unsettled(channel):
            continue
        call, last = max(pairs, key=lambda pair: pair[1].begin)
        came = {one.came for one in calls}
        for send in history.of("send"):
            gone = send.begin + history.bounds.expiry * SECOND
            if send.channel != channel or not send.returned or send.first.message in came or call.end >= gone:
                continue
            if send.before(last) and not history.faults(send.begin, call.end):
                yield Finding("LAY-078", f"{send.first.message} was sent to {channel} before {last.first.message}, "
                              "which came; it never did")  # fmt: skip


def _expired(history: History) -> Iterator[Finding]:
    late = (history.bounds.expiry + history.bounds.margin) * SECOND
    for channel, calls in history.deliveries.items():
        for call in calls:
            send = history.sends.get(call.came)
            if send is not None and call.begin > send.end + late:
                seconds = (call.begin - send.end) / SECOND
                yield Finding("LAY-088", f"{call.came} came for {channel} {seconds:.1f} seconds after it was sent")


def _strangers(history: History) -> Iterator[Finding]:
    for channel, calls in history.deliveries.items():
        for call in calls:
            send = history.sends.get(call.came)
            if send is None or send.first.operation != "send_group":
                continue
            if not possible_members(history, send, channel):
                group = send.first.group
                yield Finding("GRP-013", f"{call.came} for {group} came for {channel}, which was no member")


def _capacity(history: History) -> Iterator[Finding]:
    capacity = history.bounds.capacity
    channels = {call.channel for call in history.of("send") if inbox_of(call.channel) is None}
    if capacity is None:
        return
    for channel in sorted(channels):
        sends = [call for call in history.of("send") if call.channel == channel]
        taken = {call.came: call for call in history.deliveries.get(channel, ())}
        if not history.unsettled(channel):
            yield from _too_many(history, channel, sends, taken, capacity)
        yield from _too_few(history, channel, sends, taken, capacity)


def _too_many(
    history: History, channel: str, sends: list[Call], taken: dict[str, Call], capacity: int
) -> Iterator[Finding]:
    """LAY-080: count what has certainly been there."""
    changes: list[tuple[float, int]] = []
    for send in sends:
        taking = taken.get(send.first.message)
        until = min(send.begin + history.bounds.expiry * SECOND, taking.begin if taking is not None else inf)
        if send.returned and send.end < until and not history.faults(send.begin, until):
            changes += [(send.end, 1), (until, -1)]
    held = 0
    for _, change in sorted(changes):
        held += change
        if held > capacity:
            yield Finding("LAY-080", f"{channel} held more than {capacity} messages")
            return


def _too_few(
    history: History, channel: str, sends: list[Call], taken: dict[str, Call], capacity: int
) -> Iterator[Finding]:
    """LAY-081, LAY-082: count what may have been there while a ``send`` raised ``ChannelFull``."""
    late = (history.bounds.expiry + history.bounds.margin) * SECOND
    for full in sends:
        if full.last is None or full.last.error != "ChannelFull":
            continue
        held = 0
        for send in sends:
            taking = taken.get(send.first.message)
            until = min(send.end + late, taking.end if taking is not None else inf)
            held += (send.returned or send.is_unknown) and send.begin < full.end and until > full.begin
        if held < capacity:
            yield Finding("LAY-081", f"send of {full.first.message} to {channel} raised ChannelFull, with room there")


def _closed(history: History) -> Iterator[Finding]:
    closings = {call.sender: call for call in reversed(history.of("close")) if call.returned}
    for call in history.calls:
        closing = closings.get(call.sender)
        if closing is not None and closing.before(call) and call.returned and call.first.operation != "close":
            yield Finding("LAY-022", f"{_name(call)} of {call.first.object} returned after close")


def _name(call: Call) -> str:
    return f"{call.first.operation}#{call.first.call}"


RULES: tuple[Rule, ...] = (
    _unsent,
    _twice,
    _strangers,
    _order_of_one_object,
    _order_of_all,
    _overtaken,
    _found,
    _expired,
    missing,
    _capacity,
    _closed,
)
