"""The two flavours of a layer: who may call it, and how its ``receive`` waits.

Rules of this module: no backend and no decision about messages or names; those are in `base` and in the layers.
The two ``receive`` are the same lines but for the wait.
"""

from __future__ import annotations

from abc import abstractmethod
from asyncio import _get_running_loop
from threading import Lock
from types import TracebackType
from typing import Any, TypeVar

from seaway.layers._waiters import Home, ThreadWaiter, Waiter, current_home
from seaway.layers.base import Layer, Message, Received, Sources, State, check_timeout

_AsyncT = TypeVar("_AsyncT", bound="AsyncLayer")
_SyncT = TypeVar("_SyncT", bound="SyncLayer")

BREATH = 100
"""So many calls in a row may find all at hand, in about 0.3 ms; then the event loop gets a turn, and a cancellation
arrives. Nothing has been taken or accepted at that moment."""


class AsyncLayer(Layer):
    """A layer whose methods are coroutine functions, for asyncio (uvloop included) and trio.

    An object belongs to the event loop of its first use; in another, every method raises ``RuntimeError``
    (LAY-025).
    """

    is_async = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Only while open, so that one look tells the common case: open, and called in the right loop.
        self._home: Home | None = None
        self._breath = BREATH

    def _enter(self) -> Home:
        """Return the event loop of this object, in which the caller must run; the first call decides which.

        Raises:
            RuntimeError: no event loop runs in this thread, or another; the layer is closed, or was forked.
        """
        home = self._home
        if home is not None and home.loop is _get_running_loop():
            return home
        here = current_home()
        if here is None:
            raise RuntimeError(
                f"{type(self).__name__} is asynchronous, and no event loop runs in this thread; "
                "use the synchronous flavour, or seaway.layers.to_sync"
            )
        self._begin()
        if home is None:
            home = self._home = here
        elif home.loop is not here.loop:
            raise RuntimeError(
                f"this {type(self).__name__} belongs to the event loop of its first use and was called in "
                "another; make one for each event loop (LAY-025)"
            )
        return home

    async def receive(self, channels: list[str] | tuple[str, ...], timeout: float | None = None) -> Received:
        """Return the next ``(channel, message)`` of *channels*.

        Args:
            channels: normal channels, and inboxes that this object owns. An inbox yields the messages of every
                channel under it, with their full names, and admits one ``receive`` at a time.
            timeout: seconds to wait; ``None`` is for ever, 0 takes what is at hand.

        Returns:
            ``(None, None)`` when *timeout* seconds have passed (LAY-040). A message of type ``layer.gap`` was made
            by the layer itself: messages are missing in its place.

        Raises:
            ValueError: *channels* is empty or no list, names a channel under an inbox or an inbox of somebody
                else; *timeout* is negative or no number.
            RuntimeError: another ``receive`` waits for one of the inboxes; the layer or an inbox was closed, also
                while this call waited; wrong event loop; forked.

        A call that is cancelled has taken nothing (LAY-075).
        """
        home = self._home
        if home is None or home.loop is not _get_running_loop():  # as `_enter`, without the call
            home = self._enter()
        sources = self._sources_of(channels)
        if timeout is not None:
            timeout = check_timeout(timeout)
        self._breath -= 1
        if not self._breath:
            self._breath = BREATH
            await home.checkpoint()
        found = self._take(sources)
        if found is not None:
            return found
        if timeout == 0 and not self._asks:
            return None, None
        waiter = home.waiter(timeout)
        try:
            while (found := self._take_or_wait(sources, waiter)) is None:
                if self._asks:
                    await self._ask(sources, waiter, timeout)
                if not await waiter.wait():
                    if self._asks:
                        await self._recall(waiter, is_cancelled=False)
                        found = self._take_or_wait(sources, waiter)
                    return found or (None, None)
            return found
        except BaseException:
            if self._asks and self._state is State.OPEN:
                await self._recall(waiter, is_cancelled=True)
            raise
        finally:
            self._leave(waiter)

    async def close(self) -> None:
        """Close for good: inboxes and memberships end, a waiting ``receive`` raises ``RuntimeError``. Idempotent."""
        if self._state is State.OPEN:
            self._enter()
            await self._aclose()
        self._home = None
        self._state = State.CLOSED

    @abstractmethod
    async def _aclose(self) -> None:
        """Give up what `_open` and the calls since have acquired."""

    def _after_fork(self) -> None:
        super()._after_fork()
        self._home = None

    async def _ask(self, sources: Sources, waiter: Waiter, timeout: float | None) -> None:
        """Ask the broker what there is in *sources*, if a timeout is a reason to (LAY-043); see `Layer._asks`."""

    async def _recall(self, waiter: Waiter, is_cancelled: bool) -> None:
        """Wait, for a moment, for a message that is on its way to a call that ends without one; see `Layer._asks`.

        If the call was cancelled such a message is back where it came from when this returns (LAY-076).
        """

    async def _aopen(self) -> None:
        """Connect, on entry of ``async with``; ``ConnectionError`` without a broker (LAY-061)."""

    async def __aenter__(self: _AsyncT) -> _AsyncT:
        self._enter()
        try:
            await self._aopen()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @abstractmethod
    async def send(self, channel: str, message: Message) -> None:
        """See `SyncLayer.send`; a cancelled call has sent the message once or never (LAY-037)."""

    @abstractmethod
    async def new_channel(self, pattern: str) -> str:
        """See `SyncLayer.new_channel`."""

    @abstractmethod
    async def close_channel(self, channel: str) -> None:
        """See `SyncLayer.close_channel`."""

    @abstractmethod
    async def group_add(self, group: str, channel: str) -> None:
        """See `SyncLayer.group_add`."""

    @abstractmethod
    async def group_discard(self, group: str, channel: str) -> None:
        """See `SyncLayer.group_discard`."""

    @abstractmethod
    async def send_group(self, group: str, message: Message) -> None:
        """See `SyncLayer.send_group`."""


class SyncLayer(Layer):
    """A layer whose methods are ordinary functions; an object may be used from any thread (LAY-027)."""

    is_async = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._opening = Lock()

    def _enter(self) -> None:
        if self._state is not State.OPEN:
            with self._opening:
                self._begin()

    def receive(self, channels: list[str] | tuple[str, ...], timeout: float | None = None) -> Received:
        """Return the next ``(channel, message)`` of *channels*. See `AsyncLayer.receive`."""
        self._enter()
        sources = self._sources_of(channels)
        if timeout is not None:
            timeout = check_timeout(timeout)
        found = self._take(sources)
        if found is not None:
            return found
        if timeout == 0 and not self._asks:
            return None, None
        waiter = ThreadWaiter(timeout)
        try:
            while (found := self._take_or_wait(sources, waiter)) is None:
                if self._asks:
                    self._ask(sources, waiter, timeout)
                if not waiter.wait():
                    if self._asks:
                        self._recall(waiter, is_cancelled=False)
                        found = self._take_or_wait(sources, waiter)
                    return found or (None, None)
            return found
        except BaseException:
            if self._asks and self._state is State.OPEN:
                self._recall(waiter, is_cancelled=True)
            raise
        finally:
            self._leave(waiter)

    @abstractmethod
    def send(self, channel: str, message: Message) -> None:
        """Send *message* to *channel*; never waits for a receiver.

        To an inbox whose owner is gone, or to a channel under one: nothing happens (LAY-032).

        Raises:
            ChannelFull: the channel holds its capacity, or the inbox its bound of messages or bytes (LAY-031).
            MessageTooLarge: see `max_message_size`.
            ValueError: *channel* is no channel name (LAY-001), or *message* no message, or of a reserved type.
            ConnectionError: no broker, or no answer within ``send_deadline``: sent once or never (LAY-036).
            RuntimeError: the layer is closed, or was forked.
        """

    @abstractmethod
    def new_channel(self, pattern: str) -> str:
        """Return a fresh inbox that this object owns: ``"server!"`` gives ``"server.k3x9…!"`` (LAY-057).

        Raises:
            ValueError: *pattern* is not a name and ``!``, or too long (LAY-058).
        """

    @abstractmethod
    def close_channel(self, channel: str) -> None:
        """End the memberships of *channel*; of an inbox also its waiting messages, and it is no more (LAY-071).

        Idempotent.

        Raises:
            ValueError: *channel* is neither an inbox of this object nor a channel under one (LAY-063).
        """

    @abstractmethod
    def group_add(self, group: str, channel: str) -> None:
        """Make *channel* a member of *group*: every ``send_group`` that begins later reaches it. Idempotent.

        Raises:
            ValueError: *channel* is not a channel under an inbox of this object (GRP-002).
        """

    @abstractmethod
    def group_discard(self, group: str, channel: str) -> None:
        """End the membership: no ``send_group`` that begins later reaches *channel*. Idempotent.

        Raises:
            ValueError: *channel* is not a channel under an inbox of this object (GRP-002).
        """

    @abstractmethod
    def send_group(self, group: str, message: Message) -> None:
        """Send *message* to every member of *group*, in every process.

        Where an inbox is full the message is dropped and counted in a ``layer.gap`` for its owner (LAY-086).

        Raises:
            MessageTooLarge, ValueError, ConnectionError, RuntimeError: as for `send`; never ``ChannelFull``.
        """

    def close(self) -> None:
        """Close for good: inboxes and memberships end, a waiting ``receive`` raises ``RuntimeError``. Idempotent."""
        with self._opening:
            was_open, self._state = self._state is State.OPEN, State.CLOSED
        if was_open:
            self._close()

    @abstractmethod
    def _close(self) -> None:
        """Give up what `_open` and the calls since have acquired."""

    def _after_fork(self) -> None:
        super()._after_fork()
        self._opening = Lock()  # the old one may be held by a thread that does not exist here

    def _ask(self, sources: Sources, waiter: Waiter, timeout: float | None) -> None:
        """See `AsyncLayer._ask`."""

    def _recall(self, waiter: Waiter, is_cancelled: bool) -> None:
        """See `AsyncLayer._recall`."""

    def _aopen(self) -> None:
        """See `AsyncLayer._aopen`."""

    def __enter__(self: _SyncT) -> _SyncT:
        self._enter()
        try:
            self._aopen()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
