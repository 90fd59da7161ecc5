"""What did not come for a channel under an inbox, and whether gaps account for it: exactly, and in its place.

Rules of this module: as in `history_rules`.

Each gap is so many seats, each message that is missing needs one, and a message that may be missing can fill one. If
the messages that need a seat find one, and the seats that must be filled can be filled, then both can be had at
once (Mendelsohn and Dulmage 1958); so the two are asked one after the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from math import inf

from seaway.conformance.history import Call, Finding, History
from seaway.conformance.history_seats import EXACT, Absent, Places, Seating, reason_of, seats_of
from seaway.spec import inbox_of


def possible_members(history: History, send: Call, channel: str) -> bool:
    """Return whether *channel* may have been a member when *send* took effect (GRP-013)."""
    for one in history.memberships.get((send.first.group, channel), ()):
        may_have_begun = one.add.begin < send.end and (one.add.returned or one.add.end >= send.begin)
        if may_have_begun and not one.over < send.begin:
            return True
    return False


def missing(history: History) -> Iterator[Finding]:
    """GAP-002, GAP-008, GAP-009, GAP-013, GRP-012: delivered, announced, or still pending."""
    inboxes: dict[str, list[Call]] = defaultdict(list)
    for gap in history.gaps:
        name = inbox_of(gap.channel)
        if name is None:
            yield Finding("GAP-013", f"a gap came for {gap.channel}, a normal channel")
        else:
            inboxes[name].append(gap)
    absent: dict[str, list[Absent]] = defaultdict(list)
    for one in _absent(history):
        absent[inbox_of(one.channel) or ""].append(one)
    for name in sorted(inboxes.keys() | absent.keys()):
        yield from _account(history, inboxes[name], absent[name])


def _account(history: History, gaps: list[Call], absent: list[Absent]) -> Iterator[Finding]:
    for gap in gaps:
        if reason_of(gap) not in EXACT and not history.faults(0, gap.end, with_kills=True):
            yield Finding("GAP-009", f"a gap {reason_of(gap)!r} came for {gap.channel}, and nothing had happened")
    for one in _without_seat([one for one in absent if one.must], Places(history, gaps)):
        requirement = "GRP-012" if one.send.first.operation == "send_group" else "GAP-002"
        text = f"{one.send.first.message} never came for {one.channel}, and no gap in that place says so"
        yield Finding(requirement, text)
    for gap, empty in _empty_seats(absent, gaps, Places(history, gaps, EXACT)):
        count = gap.last.dropped if gap.last else 0
        text = f"a gap {reason_of(gap)!r} of {count} came for {gap.channel}; {empty} of them not missing there"
        yield Finding("GAP-008", text)


def _without_seat(absent: list[Absent], places: Places) -> list[Absent]:
    seating = Seating(places)
    seating.seat_all(absent)
    seated = seating.seated
    return [one for one in absent if one not in seated]


def _empty_seats(absent: list[Absent], gaps: list[Call], places: Places) -> Iterator[tuple[Call, int]]:
    seating = Seating(places)
    seating.seat_all(absent)
    for number, gap in enumerate(gaps):
        if reason_of(gap) in EXACT and (empty := int(seats_of(gap)) - seating.taken(number)) > 0:
            yield gap, empty


def _absent(history: History) -> Iterator[Absent]:
    came = {(channel, call.came) for channel, calls in history.deliveries.items() for call in calls}
    channels = sorted({channel for _, channel in history.memberships} | history.deliveries.keys())
    looks = {channel: _Looks(history, channel) for channel in channels}
    for send in history.sends.values():
        if not send.returned and not send.is_unknown:
            continue
        if send.first.operation == "send":
            targets = [send.channel] if inbox_of(send.channel) is not None else []
        else:
            targets = [one for one in channels if possible_members(history, send, one)]
        for channel in targets:
            if (channel, send.first.message) not in came:
                if channel not in looks:
                    looks[channel] = _Looks(history, channel)
                certain = send.returned and (send.first.operation == "send" or _is_member(history, send, channel))
                yield Absent(channel, send, certain and looks[channel].show(send))


def _is_member(history: History, send: Call, channel: str) -> bool:
    """Return whether *channel* has certainly been a member while *send* ran (GRP-012)."""
    return any(
        one.add.returned and one.add.before(send) and not one.certain_until < send.end
        for one in history.memberships.get((send.first.group, channel), ())
    )


class _Looks:
    """Who has looked for the messages of a channel: an empty ``receive``, or one that found a later message."""

    def __init__(self, history: History, channel: str) -> None:
        receives = [call for call in history.of("receive") if inbox_of(channel) in call.first.channels]
        readers = {call.sender for call in receives}
        closings = [call.begin for call in history.of("close_channel") if call.channel in (channel, inbox_of(channel))]
        closings += [call.begin for call in history.of("close") if call.sender in readers]
        until = min(closings, default=inf)
        empty = [call.begin for call in receives if call.returned and not call.channel and call.end < until]
        self._empty = max(empty, default=-inf)
        self._came: dict[tuple[str, str], float] = defaultdict(lambda: -inf)
        """By sender, when what came and was sent last was sent."""
        for call in history.deliveries.get(channel, ()):
            send = history.sends.get(call.came)
            if send is not None and call.end < until:
                self._came[send.sender] = max(self._came[send.sender], send.begin)

    def show(self, send: Call) -> bool:
        """Return whether *send* must have come by now."""
        return send.end < max(self._empty, self._came[send.sender])
