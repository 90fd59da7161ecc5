"""Which gaps can speak of a message that is missing, and who sits in them when as many as can be do.

Rules of this module: it seats, and judges nothing. Everything that is asked for each message is found by bisection, for
a fault run may miss tens of thousands of messages and tell of them in as many gaps.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import accumulate
from math import inf

from attrs import frozen

from seaway.conformance.history import Call, History
from seaway.spec import inbox_of

SECOND = 1_000_000_000
EXACT = frozenset({"overflow", "expired"})


@frozen(eq=False)
class Absent:
    """A message that has not come for a channel. It *must* have been accepted there, and looked for; or it may."""

    channel: str
    send: Call
    must: bool


Party = tuple[Absent, ...]
"""Those of one message, who move together if they can."""


def reason_of(gap: Call) -> str:
    """Return the reason of *gap*."""
    return gap.last.reason if gap.last is not None else ""


def seats_of(gap: Call) -> float:
    """Return how many messages *gap* tells of; infinity if it does not say."""
    count = gap.last.dropped if gap.last is not None else None
    return inf if count is None else count


class _Came:
    """What one object sent to one channel and came there.

    Args:
        pairs: a ``receive`` and the send of what it returned.
    """

    def __init__(self, pairs: list[tuple[Call, Call]]) -> None:
        later = sorted(pairs, key=lambda pair: pair[1].begin, reverse=True)
        self._first = list(accumulate((call.end for call, _ in later), min))[::-1]
        self._begins = [send.begin for _, send in reversed(later)]
        earlier = sorted(pairs, key=lambda pair: pair[1].end)
        self._last = list(accumulate((call.end for call, _ in earlier), max))
        self._ends = [send.end for _, send in earlier]

    def first_after(self, moment: float) -> float:
        """Return when the first message came that was sent after *moment*."""
        index = bisect_right(self._begins, moment)
        return self._first[index] if index < len(self._first) else inf

    def last_before(self, send: Call) -> float:
        """Return when the last message came that was sent before *send*."""
        index = bisect_left(self._ends, send.begin)
        return self._last[index - 1] if index else -inf


Key = tuple[str, str]
"""Channel and reason of a gap."""

Spans = dict[Key, tuple[int, int]]
"""By channel and reason, from which to before which of the gaps, in the order in which they came."""


class Places:
    """The gaps of one inbox, each with a number, in the order in which they came.

    Args:
        history: what they are part of.
        gaps: each a ``receive`` that returned one.
        reasons: only gaps of these are places; ``None``: all are.

    Attributes:
        seats: by number, of how many messages a gap tells.
        keys: by number, channel and reason, and the place among its like.
        numbers: of the gaps of one channel and reason.
    """

    def __init__(self, history: History, gaps: list[Call], reasons: frozenset[str] | None = None) -> None:
        self._history = history
        self.seats = [seats_of(gap) for gap in gaps]
        self.keys: list[tuple[Key, int]] = []
        self.numbers: dict[Key, list[int]] = defaultdict(list)
        self._ends: dict[Key, list[float]] = defaultdict(list)
        for number, gap in enumerate(gaps):
            key = gap.channel, reason_of(gap)
            self.keys.append((key, len(self.numbers[key])))
            self.numbers[key].append(number)
            if reasons is None or key[1] in reasons:
                self._ends[key].append(gap.end)
        self._came: dict[str, dict[tuple[str, str], _Came]] = {}

    def of(self, party: Party) -> Spans:
        """Return which gaps can speak of each of *party*: their channel, reason and place fit (GAP-006, GAP-007)."""
        first, *others = (self._of(one) for one in party)
        for spans in others:
            both = first.keys() & spans.keys()
            first = {key: (max(first[key][0], spans[key][0]), min(first[key][1], spans[key][1])) for key in both}
        return {key: (begin, end) for key, (begin, end) in first.items() if begin < end}

    def _of(self, one: Absent) -> Spans:
        came = self._came_from(one.channel).get(one.send.sender)
        earliest = -inf if came is None else came.last_before(one.send)
        found: Spans = {}
        for (channel, reason), ends in self._ends.items():
            if channel not in (one.channel, inbox_of(one.channel)):
                continue
            if reason == "overflow" and one.send.first.operation != "send_group":
                continue
            begin = bisect_right(ends, one.send.begin)
            if reason in EXACT:
                begin = max(begin, bisect_left(ends, earliest))
            if reason == "expired":
                begin = max(begin, bisect_left(ends, one.send.begin + self._history.bounds.expiry * SECOND))
            latest = inf if came is None else came.first_after(self._told_until(one, reason))
            found[channel, reason] = begin, bisect_right(ends, latest)
        return found

    def _told_until(self, one: Absent, reason: str) -> float:
        """Return until when what was sent may come before the news of *one*: until a lost membership is found gone."""
        if reason != "lost" or one.send.first.operation != "send_group":
            return one.send.end
        return max(one.send.end, one.send.begin + self._history.bounds.found * SECOND)

    def _came_from(self, channel: str) -> dict[tuple[str, str], _Came]:
        """Return by sender what came for *channel*."""
        if channel not in self._came:
            pairs: dict[tuple[str, str], list[tuple[Call, Call]]] = defaultdict(list)
            for call in self._history.deliveries.get(channel, ()):
                send = self._history.sends.get(call.came)
                if send is not None:
                    pairs[send.sender].append((call, send))
            self._came[channel] = {sender: _Came(those) for sender, those in pairs.items()}
        return self._came[channel]


class Seating:
    """Who sits in which gap, with as many seated as can be.

    A message has one seat in a gap, whatever the number of its channels that lack it.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._sitting: list[dict[Call, list[Party]]] = [{} for _ in places.seats]
        self._spans: dict[Party, Spans] = {}
        self._closed: set[int] = set()
        """Full gaps from which nobody can move to a place that is free, and never will."""

    def seat_all(self, absent: Iterable[Absent]) -> None:
        """Seat *absent*: those of one message together, or, if that cannot be, each alone."""
        together: dict[Call, list[Absent]] = defaultdict(list)
        for one in absent:
            together[one.send].append(one)
        for party in self._left_standing([tuple(those) for those in together.values()]):
            if not self._seat(party) and len(party) > 1:
                for one in party:
                    self._seat((one,))

    @property
    def seated(self) -> set[Absent]:
        """Everybody who has a seat."""
        return {one for gap in self._sitting for parties in gap.values() for party in parties for one in party}

    def taken(self, gap: int) -> int:
        """Return how many seats of *gap* are taken."""
        return len(self._sitting[gap])

    def _left_standing(self, parties: list[Party]) -> list[Party]:
        """Fill one gap after the other, with those first whose last place comes first; return who found no seat.

        Were all gaps of one reason, nobody could do better (Glover 1967). As it is, `_seat` sees who can move.
        """
        entering: dict[tuple[Key, int], list[int]] = defaultdict(list)
        last: list[int] = []
        for index, party in enumerate(parties):
            spans = self._spans_of(party)
            last.append(max((self._places.numbers[key][end - 1] for key, (_, end) in spans.items()), default=-1))
            for key, (begin, _) in spans.items():
                entering[key, begin].append(index)
        waiting: dict[Key, list[tuple[int, int]]] = defaultdict(list)
        standing = set(range(len(parties)))
        for gap, (key, at) in enumerate(self._places.keys):
            queue = waiting[key]
            for index in entering[key, at]:
                heappush(queue, (last[index], index))
            sitting = self._sitting[gap]
            while queue and len(sitting) < self._places.seats[gap]:
                index = heappop(queue)[1]
                party = parties[index]
                if index in standing and self._spans_of(party)[key][1] > at:
                    sitting[party[0].send] = [party]
                    standing.discard(index)
        return [parties[index] for index in sorted(standing)]

    def _seat(self, party: Party) -> bool:
        """Find *party* a place, and those who must move for it theirs: along the shortest way (Berge 1957)."""
        ways: dict[int, tuple[Party, int | None]] = {}
        movers: list[tuple[Party, int | None]] = [(party, None)]
        for mover, left in movers:  # which grows meanwhile
            for gap in self._gaps_of(mover):
                if gap in ways:
                    continue
                ways[gap] = mover, left
                sitting = self._sitting[gap]
                if mover[0].send in sitting or len(sitting) < self._places.seats[gap]:
                    self._move(ways, gap)
                    return True
                if gap not in self._closed:
                    # Who shares a seat does not make room.
                    movers += [(parties[0], gap) for parties in sitting.values() if len(parties) == 1]
        self._closed.update(ways)
        return False

    def _move(self, ways: dict[int, tuple[Party, int | None]], last: int) -> None:
        gap: int | None = last
        while gap is not None:
            mover, left = ways[gap]
            if left is not None:
                del self._sitting[left][mover[0].send]
            self._sitting[gap].setdefault(mover[0].send, []).append(mover)
            gap = left

    def _gaps_of(self, party: Party) -> Iterator[int]:
        for key, (begin, end) in self._spans_of(party).items():
            yield from self._places.numbers[key][begin:end]

    def _spans_of(self, party: Party) -> Spans:
        if party not in self._spans:
            self._spans[party] = self._places.of(party)
        return self._spans[party]
