"""Normal channels as a reader sees them: who waits for what, what to ask the broker, and which bells have rung.

Rules of this module: no I/O. One request is under way at a time, and is repeated with its number until it is answered;
so what was taken for us is never lost with a reply, nor taken twice. It asks for no more messages than there are
calls that wait.

A channel that was found empty is *quiet* until its bell rings: nobody needs to ask for it. Bells get lost, so nothing
stays quiet for longer than a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from secrets import token_hex
from typing import Any

from seaway.layers._waiters import Waiter
from seaway.layers.base import Message, Sources, encode
from seaway.layers.redis._jobs import call
from seaway.layers.redis._scripts import BACK, POLL
from seaway.layers.redis._settings import RedisOptions
from seaway.layers.redis._store import Client, Store
from seaway.layers.redis._wire import Codec, Command, Id, milliseconds, parse_id
from seaway.layers.redis.keys import Keys

QUIET = 1.0
"""Seconds after which a channel is asked for although no bell has rung."""

_MOST_BYTES = 1 << 20
_MOST_CHANNELS = 5000
_MOST_ROUNDS = 1000


class Lines:
    """The normal channels of one layer object, those of one hash tag.

    Attributes:
        answered: the number of the last request that was answered; 0: none was.
        bell: up to which entry the bell stream was read; ``None`` before a channel was found empty.
        common_keys: those of all channels together, where a script has to name all that it touches (in a Cluster).
    """

    def __init__(
        self, tag: str, store: Store, client: Client, options: RedisOptions, codec: Codec, keys: Keys,
        monotonic: Callable[[], float], names_all_keys: bool = False,
    ) -> None:  # fmt: skip
        self.tag = tag
        self._names_all_keys = names_all_keys
        self.common_keys = keys.of_channels() if names_all_keys else ()
        self.answered = 0
        self.bell: Id | None = None
        self._number = 0
        self._named: list[str] = []
        self._asking: dict[Waiter, Sources] = {}
        self._rounds: dict[Sources, int] = {}
        self._insisting: dict[Waiter, Any] = {}
        self._due: list[Any] = []
        self._asked: set[Waiter] = set()
        self._quiet: set[str] = set()
        self._quiet_since = 0.0
        self._keys = keys
        self.answer_key = keys.answer(token_hex(8))
        self._answer_life = milliseconds(max(options.lease, 30))
        self._store = store
        self._client = client
        self._codec = codec
        self._monotonic = monotonic

    # Who waits

    def wait(self, waiter: Waiter, sources: Sources) -> None:
        """A call waits for *sources*, which have normal channels among them."""
        self._asking[waiter] = sources

    def leave(self, waiter: Waiter) -> list[tuple[str, float, Message]]:
        """A call has ended; return what was taken for it and nobody waits for any more."""
        self._insisting.pop(waiter, None)
        sources = self._asking.pop(waiter, None)
        if sources is None:
            return []
        left = [route.name for route in sources if route.inbox is None and self._store.holds(route.name)]
        return self._unwanted(left) if left else []

    def is_waited_for(self) -> bool:
        """Return whether any call waits for a normal channel."""
        return bool(self._asking)

    @property
    def is_alone(self) -> bool:
        """Whether at most one call waits, or is about to look at what has come for it."""
        return len(self._asking) < 2

    @property
    def is_woken(self) -> bool:
        """Whether a call that waits is about to look at what has come for it."""
        return any(waiter.woken for waiter in self._asking)

    def must_ask_first(self, sources: Sources) -> bool:
        """Return whether the turn may be that of a channel which only the broker can tell of (LAY-055)."""
        at_hand = self._store.first_served(sources)
        if at_hand is None:
            return False
        older = [r.name for r in sources if r.inbox is None and self._store.served(r.name) < at_hand]
        if not older:
            return False
        # A bell may have rung that nobody has had the time to hear: nothing counts as empty for longer than a round.
        round_ = self._rounds.get(sources, 0) + 1
        if round_ > len(sources):
            self._quiet.difference_update(older)
            round_ = 0
        if len(self._rounds) >= _MOST_ROUNDS:
            self._rounds.clear()
        self._rounds[sources] = round_
        return not self._quiet.issuperset(older)

    # What to ask

    @property
    def is_asking(self) -> bool:
        """Whether a request is under way."""
        return self._number > self.answered

    def insist(self, waiter: Waiter, answered: Any) -> None:
        """Ask for all that *waiter* waits for, quiet or not; *answered* is woken when the answer is there."""
        self._insisting[waiter] = answered

    def is_asked_for(self, waiter: Waiter, answered: Any) -> bool:
        """Return whether the request under way is for *waiter*; then *answered* is woken when the answer is there."""
        if not self.is_asking or waiter not in self._asked:
            return False
        self._due.append(answered)
        return True

    def forget(self) -> None:
        """Nothing is known to be empty any more."""
        self._quiet.clear()
        self._quiet_since = self._monotonic()

    def forget_in_time(self) -> None:
        """Forget what has been quiet for long: its bell may have been lost."""
        if self._monotonic() - self._quiet_since >= QUIET:
            self.forget()

    def ask(self) -> Command | None:
        """Return the next request, if one is due; none is while another is under way."""
        if self.is_asking or not self._asking:
            return None
        asked = self._asked = set()
        wanted: dict[tuple[Sources, bool], int] = {}
        for waiter, sources in self._asking.items():
            if not waiter.woken:
                key = (sources, waiter in self._insisting)
                wanted[key] = wanted.get(key, 0) + 1
                asked.add(waiter)
        self._due = list(self._insisting.values())
        self._insisting.clear()
        self._named = []
        arguments: list[Any] = []
        for (sources, insists), count in wanted.items():
            names = self._turn(sources, insists)
            if names:
                self._named += names
                arguments += (count, len(names), *names)
        if not arguments:
            self._tell_due()
            return None
        self._number += 1
        return call(
            POLL,
            (self.answer_key, *self._touched(self._named)),
            self._keys.base,
            self.tag,
            self._number,
            self._answer_life,
            _MOST_BYTES,
            *arguments,
        )

    def _touched(self, names: Iterable[str]) -> Iterable[str]:
        """Return the keys that a script about the channels *names* has to name."""
        if not self._names_all_keys:
            return ()
        return (*self.common_keys, *(self._keys.channel(name) for name in dict.fromkeys(names)))

    def _tell_due(self) -> None:
        for answered in self._due:
            answered.wake()
        self._due = []

    def _turn(self, sources: Sources, insists: bool) -> list[str]:
        """Return the channels of *sources* to ask for, the one that has waited longest first."""
        names = [route.name for route in sources if not route.inbox and (insists or route.name not in self._quiet)]
        if len(sources) > 1:
            names.sort(key=self._store.served)
            at_hand = self._store.first_served(sources)
            if at_hand is not None:
                names = [name for name in names if self._store.served(name) < at_hand]
        return names[:_MOST_CHANNELS]

    # What comes

    def answer(self, reply: Sequence[Any]) -> None:
        """Take the broker's answer to the request that is under way."""
        bell, expired, taken, empty = reply
        if bell:
            last = parse_id(bell)
            if self.bell is None or last < self.bell:
                self.bell = last  # the bell stream is new, or was lost and begins anew
        self._client.dropped["expired"] += expired
        self._quiet.update(name.decode() for name in empty)
        messages = []
        for at in range(0, len(taken), 3):
            message = self._codec.from_list(taken[at + 2])
            if message is None:
                self._client.dropped["lost"] += 1
            else:
                messages.append((taken[at].decode(), taken[at + 1] / 1000, message))
        self.answered = self._number
        self._store.hand(self._client, messages)
        # Who was asked for and found nothing may have something else at hand, which was only not its turn.
        waiting = [
            waiter
            for waiter, sources in self._asking.items()
            if len(sources) > 1 and not waiter.woken and self._store.first_served(sources) is not None
        ]
        if waiting:
            self._store.wake_all(waiting)
        self._tell_due()

    def unanswered(self) -> None:
        """The request that is under way will have no answer: the broker refused it."""
        self.answered = self._number
        self.give_up()

    def give_up(self) -> None:
        """Let those go on who insist on an answer."""
        self._due += self._insisting.values()
        self._insisting.clear()
        self._tell_due()

    def unclaimed(self) -> list[tuple[str, float, Message]]:
        """Take out and return what came for calls that have ended meanwhile."""
        return self._unwanted(dict.fromkeys(self._named))

    def _unwanted(self, names: Iterable[str]) -> list[tuple[str, float, Message]]:
        wanted = {route.name for sources in self._asking.values() for route in sources}
        unwanted = [name for name in names if name not in wanted]
        return self._store.unwanted(unwanted) if unwanted else []

    def ring(self, entries: Sequence[Any]) -> None:
        """Take entries of the bell stream."""
        for raw, fields in entries:
            id_ = parse_id(raw)
            if self.bell is None or id_ > self.bell:
                self.bell = id_
            self._quiet.discard(fields[1].decode("ascii", "replace"))

    def back(self, messages: Iterable[tuple[str, float, Message]]) -> Command:
        """Return the command that gives *messages* back, the first to be taken last."""
        arguments: list[Any] = []
        names = []
        for name, left, message in messages:
            arguments += [name, milliseconds(left), self._codec.in_list(encode(message))]
            names.append(name)
        return call(BACK, (self.answer_key, *self._touched(names)), self._keys.base, self.tag, *arguments)
