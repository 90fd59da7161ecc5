"""The layer as a consumer sees it: it may send, and join groups with its own channel; it never waits (CON)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from .runner import Message, Phase, Runner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["LayerView", "SyncLayerView"]

_SHARED = frozenset(
    {"interface", "extensions", "capacity", "expiry", "max_message_size", "ChannelFull", "MessageTooLarge"}
)
_WITHHELD = {
    "receive": "a consumer does not wait: the server calls it with each message",
    "new_channel": "a consumer has one channel, `consumer_channel`",
    "close_channel": "the server closes the channel when the consumer ends",
    "statistics": "the layer's counters are not one consumer's",
    "flush": "what waits at the broker is not one consumer's",
    "close": "the layer is the server's",
}


def _refuse(name: str) -> Callable[..., NoReturn]:
    def refused(*_: Any, **__: Any) -> NoReturn:
        raise RuntimeError(
            f"channel_layer.{name} is not for consumers: {_WITHHELD[name]}. What needs it opens a layer of its own"
        )

    return refused


class _View:
    """What both flavours share."""

    __slots__ = ("layer", "runner")

    def __init__(self, layer: Any, runner: Runner) -> None:
        self.layer = layer
        self.runner = runner

    def _own(self, name: str, channel: str) -> None:
        if channel != self.runner.channel:
            raise ValueError(
                f"{name} takes this consumer's own channel {self.runner.channel!r}, not {channel!r}: "
                f"ask that consumer by a message to join"
            )

    def __getattr__(self, name: str) -> Any:
        if name in _SHARED:
            return getattr(self.layer, name)
        if name in _WITHHELD:
            return _refuse(name)
        if not name.startswith("_"):
            getattr(self.layer, name)  # an old name: the layer's own error tells the new way (LAY-100)
        raise AttributeError(f"a consumer's channel_layer has no {name!r}: what it has is in CON-019")


class LayerView(_View):
    """An asynchronous view. Each method is the layer's, with its errors."""

    __slots__ = ()
    is_async = True

    def send(self, channel: str, message: Message) -> Awaitable[None]:
        """Send `message` to `channel`."""
        return self.layer.send(channel, message)  # type: ignore[no-any-return]

    def send_group(self, group: str, message: Message) -> Awaitable[None]:
        """Send `message` to every consumer in `group`."""
        return self.layer.send_group(group, message)  # type: ignore[no-any-return]

    async def group_add(self, group: str, channel: str) -> None:
        """Join `group` with this consumer's own channel; `ValueError` for any other, `RuntimeError` after the end."""
        self._own("group_add", channel)
        self._alive()
        await self.layer.group_add(group, channel)
        try:
            self._alive()
        except RuntimeError:  # it ended meanwhile: what the layer has just noted would outlive its owner
            await self.layer.close_channel(channel)
            raise

    def _alive(self) -> None:
        if self.runner.phase is Phase.ENDED:
            raise RuntimeError(f"the consumer of {self.runner.channel} has ended: it can join no group (CON-023)")

    async def group_discard(self, group: str, channel: str) -> None:
        """Leave `group`; nothing happens if this consumer is not in it."""
        self._own("group_discard", channel)
        await self.layer.group_discard(group, channel)


class SyncLayerView(_View):
    """A synchronous view: each call hops to the server's loop and waits there. For worker threads."""

    __slots__ = ("_view",)
    is_async = False

    def __init__(self, view: LayerView) -> None:
        super().__init__(view.layer, view.runner)
        self._view = view

    def _call(self, function: Callable[..., Awaitable[None]], *args: Any) -> None:
        self.runner.dispatcher.runtime.from_thread(function, *args)

    def send(self, channel: str, message: Message) -> None:
        """Send `message` to `channel`. `RuntimeError` on the event loop's own thread."""
        self._call(self._view.send, channel, message)

    def send_group(self, group: str, message: Message) -> None:
        """Send `message` to every consumer in `group`. `RuntimeError` on the event loop's own thread."""
        self._call(self._view.send_group, group, message)

    def group_add(self, group: str, channel: str) -> None:
        """Join `group` with this consumer's own channel; `ValueError` for any other."""
        self._call(self._view.group_add, group, channel)

    def group_discard(self, group: str, channel: str) -> None:
        """Leave `group`; nothing happens if this consumer is not in it."""
        self._call(self._view.group_discard, group, channel)
