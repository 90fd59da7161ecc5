"""What did not come for a channel under an inbox, and whether gaps account for it: exactly, and in its place.

Rules of this module: as in `history_rules`.

Each gap is so many seats, each message that is missing needs one, and a message that may be missing can fill one. If
the messages that need a seat find one, and the seats that must be filled can be filled, then both can be had at
once (Mendelsohn and Dulmage 1958); so the two are asked one after the other. In the gap of an inbox a group message has
one seat, whatever the number of its channels that lack it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from math import inf

from attrs import frozen

from seaway.conformance.history import Call, Finding, History
from seaway.spec import inbox_of

SECOND = 1_000_000_000
EXACT = frozenset({"overflow", "expired"})


@frozen
class _Absent:
    """A message that has not come for a channel. It *must* have been accepted there, and looked for; or it may."""

    channel: str
    send: Call
    must: bool


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
    absent: dict[str, list[_Absent]] = defaultdict(list)
    for one in _absent(history):
        absent[inbox_of(one.channel) or ""].append(one)
    for name in sorted(inboxes.keys() | absent.keys()):
        yield from _account(history, inboxes[name], absent[name])


def _account(history: History, gaps: list[Call], absent: list[_Absent]) -> Iterator[Finding]:
    for gap in gaps:
        if _reason(gap) not in EXACT and not history.faults(0, gap.end, with_kills=True):
            yield Finding("GAP-009", f"a gap {_reason(gap)!r} came for {gap.channel}, and nothing had happened")
    fits = {id(one): [gap for gap in gaps if _fits(history, one, gap)] for one in absent}
    for one in _without_seat([one for one in absent if one.must], fits):
        requirement = "GRP-012" if one.send.first.operation == "send_group" else "GAP-002"
        text = f"{one.send.first.message} never came for {one.channel}, and no gap in that place says so"
        yield Finding(requirement, text)
    for gap, empty in _empty_seats(gaps, absent, fits):
        count = gap.last.dropped if gap.last else 0
        text = f"a gap {_reason(gap)!r} of {count} came for {gap.channel}; {empty} of them not missing there"
        yield Finding("GAP-008", text)


def _seated(absent: list[_Absent], fits: dict[int, list[Call]]) -> dict[int, list[_Absent]]:
    """Return by gap who sits there, with as many seated as can be. Those of one message move together if they can."""
    seated: dict[int, list[list[_Absent]]] = defaultdict(list)

    def seat(party: list[_Absent], tried: set[int]) -> bool:
        for gap in _fits_all(party, fits):
            if id(gap) in tried:
                continue
            tried.add(id(gap))
            sitting = seated[id(gap)]
            if _messages([*chain(*sitting), *party]) <= _seats(gap):
                sitting.append(party)
                return True
            for index, other in enumerate(sitting):
                is_alone = sum(third[0].send is other[0].send for third in sitting) == 1
                if is_alone and seat(other, tried):
                    sitting[index] = party
                    return True
        return False

    together: dict[int, list[_Absent]] = defaultdict(list)
    for one in absent:
        together[id(one.send)].append(one)
    for party in together.values():
        if not seat(party, set()) and len(party) > 1:
            for one in party:
                seat([one], set())
    return {key: [*chain(*parties)] for key, parties in seated.items()}


def _fits_all(party: list[_Absent], fits: dict[int, list[Call]]) -> list[Call]:
    others = [{id(gap) for gap in fits[id(one)]} for one in party[1:]]
    return [gap for gap in fits[id(party[0])] if all(id(gap) in found for found in others)]


def _without_seat(absent: list[_Absent], fits: dict[int, list[Call]]) -> list[_Absent]:
    sits = {id(one) for those in _seated(absent, fits).values() for one in those}
    return [one for one in absent if id(one) not in sits]


def _empty_seats(gaps: list[Call], absent: list[_Absent], fits: dict[int, list[Call]]) -> Iterator[tuple[Call, int]]:
    exact = [gap for gap in gaps if _reason(gap) in EXACT]
    seated = _seated(absent, {key: [gap for gap in found if _reason(gap) in EXACT] for key, found in fits.items()})
    for gap in exact:
        if (empty := int(_seats(gap)) - _messages(seated.get(id(gap), []))) > 0:
            yield gap, empty


def _messages(absent: list[_Absent]) -> int:
    return len({id(one.send) for one in absent})


def _seats(gap: Call) -> float:
    count = gap.last.dropped if gap.last is not None else None
    return inf if count is None else count


def _reason(gap: Call) -> str:
    return gap.last.reason if gap.last is not None else ""


def _fits(history: History, one: _Absent, gap: Call) -> bool:
    """Return whether *gap* can speak of *one*: its channel, its reason, its place (GAP-006, GAP-007)."""
    if gap.channel not in (one.channel, inbox_of(one.channel)) or one.send.begin >= gap.end:
        return False
    if _reason(gap) == "overflow" and one.send.first.operation != "send_group":
        return False
    if _reason(gap) == "expired" and one.send.begin + history.bounds.expiry * SECOND > gap.end:
        return False
    if _may_be_found_late(history, one, gap):
        return True
    for call in history.deliveries.get(one.channel, ()):
        other = history.sends.get(call.came)
        if other is None or other.sender != one.send.sender:
            continue
        if call.end < gap.end and one.send.before(other):
            return False
        if call.end > gap.end and other.before(one.send) and _reason(gap) in EXACT:
            return False
    return True


def _may_be_found_late(history: History, one: _Absent, gap: Call) -> bool:
    """Return whether *gap* may stand where a lost membership was found gone, after later messages (GAP-011)."""
    is_of_group = one.send.first.operation == "send_group"
    return _reason(gap) == "lost" and is_of_group and gap.end - one.send.begin <= history.bounds.found * SECOND


def _absent(history: History) -> Iterator[_Absent]:
    came = {(channel, call.came) for channel, calls in history.deliveries.items() for call in calls}
    channels = {channel for _, channel in history.memberships} | history.deliveries.keys()
    for send in history.sends.values():
        if not send.returned and not send.is_unknown:
            continue
        if send.first.operation == "send":
            targets = [send.channel] if inbox_of(send.channel) is not None else []
        else:
            targets = [one for one in sorted(channels) if possible_members(history, send, one)]
        for channel in targets:
            if (channel, send.first.message) not in came:
                certain = send.returned and (send.first.operation == "send" or _is_member(history, send, channel))
                yield _Absent(channel, send, certain and _looked_for(history, send, channel))


def _is_member(history: History, send: Call, channel: str) -> bool:
    """Return whether *channel* has certainly been a member while *send* ran (GRP-012)."""
    return any(
        one.add.returned and one.add.before(send) and not one.certain_until < send.end
        for one in history.memberships.get((send.first.group, channel), ())
    )


def _looked_for(history: History, send: Call, channel: str) -> bool:
    """Return whether it must have come by now: an empty ``receive`` or a later message shows it."""
    closings = [call.begin for call in history.of("close_channel") if call.channel in (channel, inbox_of(channel))]
    readers = {call.sender for call in history.of("receive") if inbox_of(channel) in call.first.channels}
    closings += [call.begin for call in history.of("close") if call.sender in readers]
    until = min(closings, default=inf)
    for call in history.of("receive"):
        is_empty = call.returned and not call.channel and inbox_of(channel) in call.first.channels
        if is_empty and send.before(call) and call.end < until:
            return True
    for call in history.deliveries.get(channel, ()):
        other = history.sends.get(call.came)
        if other is not None and send.sender == other.sender and send.before(other) and call.end < until:
            return True
    return False
