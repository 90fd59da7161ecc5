"""The layer that a harness has if it is given none: channels, inboxes and groups in memory, on the harness's clock.

Rules of this module: what a layer does is said by `seaway.conformance.model`; here are the checks of arguments, the
waiting, and the attributes that a consumer sees.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import anyio

from seaway.conformance.model import Model, ModelFull
from seaway.spec import check_channel, check_group, inbox_of, normalise, validate
from seaway.spec.json_form import dumps

Message = dict[str, Any]


class HarnessLayer:
    """An asynchronous layer of one process, for tests of consumers. It never fails and loses nothing."""

    is_async = True
    interface = "1.0"
    extensions: frozenset[str] = frozenset()
    capacity = 100
    expiry = 60.0
    max_message_size = 1_048_576

    class ChannelFull(Exception):  # noqa: N818 - the interface names it so
        """A channel has no room for a message."""

    class MessageTooLarge(Exception):  # noqa: N818 - the interface names it so
        """A message is larger than `max_message_size`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._model = Model(capacity=self.capacity, expiry=self.expiry)
        self._owned: set[str] = set()
        self._sent = anyio.Event()

    async def send(self, channel: str, message: Message) -> None:
        """Send *message* to *channel*. `ChannelFull`, `MessageTooLarge` or `ValueError`."""
        check_channel(channel)
        message = self._checked(message)
        try:
            self._timely.send(channel, message)
        except ModelFull:
            raise self.ChannelFull(f"{channel!r} has no room for another message") from None
        self._tell()

    async def send_group(self, group: str, message: Message) -> None:
        """Send *message* to every channel in *group*. `MessageTooLarge` or `ValueError`."""
        check_group(group)
        self._timely.send_group(group, self._checked(message))
        self._tell()

    async def group_add(self, group: str, channel: str) -> None:
        """Let *channel*, under an inbox of this object, be in *group*."""
        self._check_membership(group, channel)
        self._model.group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Let *channel* be in *group* no longer."""
        self._check_membership(group, channel)
        self._model.group_discard(group, channel)

    async def new_channel(self, pattern: str) -> str:
        """Return a fresh inbox; *pattern* is a name and ``!``."""
        check_channel(pattern)
        if not pattern.endswith("!"):
            raise ValueError(f"not a pattern of an inbox: {pattern!r}; expected a name and then '!' (LAY-058)")
        name = f"{pattern[:-1]}.{secrets.token_hex(12)}!"
        self._owned.add(name)
        self._model.open_inbox(name)
        return name

    async def close_channel(self, channel: str) -> None:
        """End an inbox of this object, or a channel under one."""
        self._model.close_channel(channel)

    async def receive(
        self, channels: list[str], timeout: float | None = None
    ) -> tuple[str, Message] | tuple[None, None]:
        """Return a channel and its next message; nothing within *timeout* seconds, of the real clock: two ``None``."""
        for channel in channels:
            check_channel(channel)
            if inbox_of(channel) is not None and channel not in self._owned:
                raise ValueError(f"{channel!r} is no inbox of this layer object (LAY-046, LAY-047)")
        with anyio.move_on_after(timeout):
            while True:
                for channel, message in self._timely.next(channels):
                    self._model.take(channel, message)
                    return channel, normalise(message)
                if timeout == 0:
                    break
                await self._sent.wait()
        return None, None

    @property
    def _timely(self) -> Model:
        """The model, at the clock's time."""
        self._model.advance(self._clock() - self._model.now)
        return self._model

    def _checked(self, message: Message) -> Message:
        validate(message, "layer")
        message = normalise(message)
        if len(dumps(message)) > self.max_message_size:
            raise self.MessageTooLarge(f"a {message['type']} of more than {self.max_message_size} bytes")
        return message

    def _check_membership(self, group: str, channel: str) -> None:
        check_group(group)
        check_channel(channel)
        if channel.endswith("!") or inbox_of(channel) not in self._owned:
            raise ValueError(f"{channel!r} is no channel under an inbox of this layer object (GRP-002)")

    def _tell(self) -> None:
        sent, self._sent = self._sent, anyio.Event()
        sent.set()
