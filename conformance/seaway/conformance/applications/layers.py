"""A channel layer whose broker is the test: it reports each call, and delivers what it is told to.

Rules of this module: as of `puppet`. Servers are given it as ``seaway.conformance.applications.layers:AsyncTestLayer``.
It checks nothing: what a server must not pass on, it delivers all the same.
"""

from __future__ import annotations

import secrets
from typing import Any

from seaway.conformance.applications.form import decoded, encoded
from seaway.conformance.applications.strings import Strings


class ChannelFull(Exception):  # noqa: N818 - the interface's name
    """No room in a channel."""


class MessageTooLarge(Exception):  # noqa: N818
    """A message is larger than `max_message_size`."""


class _TestLayer:
    """What both flavours share. Options are taken and ignored."""

    interface = "1.0"
    extensions = frozenset({"statistics", "flush"})
    capacity = 77
    expiry = 33.0
    max_message_size = 123_456
    ChannelFull = ChannelFull
    MessageTooLarge = MessageTooLarge

    def __init__(self, **options: Any) -> None:
        self._strings: Strings | None = None

    def _tell(self, name: str, *arguments: Any) -> Strings:
        if self._strings is None:  # construction does no I/O
            self._strings = Strings(event="layer")
        self._strings.report(event="layer", name=name, arguments=[encoded(one) for one in arguments])
        return self._strings

    def _made(self, pattern: str) -> str:
        name = f"{pattern.rstrip('!')}.{secrets.token_urlsafe(9).replace('-', 'a').replace('_', 'b')}!"
        self._tell("new_channel", name)
        return name

    def _received(self, command: dict[str, Any] | None) -> Any:
        return (None, None) if command is None else (command["channel"], decoded(command["message"]))


class AsyncTestLayer(_TestLayer):
    """The asynchronous flavour."""

    is_async = True

    async def send(self, channel: str, message: Any) -> None:
        """Send."""
        self._tell("send", channel, message)

    async def send_group(self, group: str, message: Any) -> None:
        """Send to a group."""
        self._tell("send_group", group, message)

    async def receive(self, channels: Any, timeout: float | None = None) -> Any:
        """Return what the test delivers next. Servers give no *timeout*, or do without messages until it has passed."""
        import anyio

        strings = self._tell("receive", list(channels))
        with anyio.move_on_after(timeout):
            command = await strings.command_async()
            while command is None:  # the test is over
                await anyio.sleep(1)
            return self._received(command)
        return None, None

    async def new_channel(self, pattern: str) -> str:
        """Make an inbox."""
        return self._made(pattern)

    async def close_channel(self, channel: str) -> None:
        """Close a channel."""
        self._tell("close_channel", channel)

    async def group_add(self, group: str, channel: str) -> None:
        """Join."""
        self._tell("group_add", group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Leave."""
        self._tell("group_discard", group, channel)

    async def close(self) -> None:
        """Close the object."""
        self._tell("close")


class ShortLived(AsyncTestLayer):
    """Its messages do not wait long."""

    expiry = 0.1


class OtherMajor(AsyncTestLayer):
    """Of another major version of the interface."""

    interface = "2.0"


class LaterMinor(AsyncTestLayer):
    """Of a later minor version of the interface."""

    interface = "1.7"
