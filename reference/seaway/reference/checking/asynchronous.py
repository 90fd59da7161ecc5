"""An asynchronous layer that is checked: a thin shell over `layer_rules`."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any

from .layer_rules import Call, CheckedLayer

__all__ = ["CheckedAsyncLayer"]


class CheckedAsyncLayer(CheckedLayer):
    """The methods of an asynchronous layer. Each is the layer's; see `checked_layer`."""

    is_async = True

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Send to a channel."""
        await self._run(self._sending("send", channel, message), self._layer.send, channel, message)

    async def send_group(self, group: str, message: dict[str, Any]) -> None:
        """Send to the members of a group."""
        await self._run(self._sending("send_group", group, message), self._layer.send_group, group, message)

    async def receive(self, channels: list[str] | tuple[str, ...], timeout: float | None = None) -> Any:
        """Return the next message and its channel."""
        return await self._run(self._receive(channels, timeout), self._layer.receive, channels, timeout)

    async def new_channel(self, pattern: str) -> Any:
        """Return a fresh inbox."""
        return await self._run(self._new_channel(pattern), self._layer.new_channel, pattern)

    async def close_channel(self, channel: str) -> None:
        """End an inbox, or the memberships of a channel under one."""
        await self._run(self._close_channel(channel), self._layer.close_channel, channel)

    async def group_add(self, group: str, channel: str) -> None:
        """Join a group."""
        await self._run(self._group("group_add", group, channel), self._layer.group_add, group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Leave a group."""
        await self._run(self._group("group_discard", group, channel), self._layer.group_discard, group, channel)

    async def close(self) -> None:
        """Close for good."""
        await self._run(self._close(), self._layer.close)

    async def __aenter__(self) -> CheckedAsyncLayer:
        with self.judged(Call("async with")):
            entered = await self._layer.__aenter__()
        if entered is not self._layer:
            self._report("layer", "LAY-019", f"`async with` gave {entered!r}; expected the layer object")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._layer.__aexit__(kind, error, traceback)
        self._close_for_good()

    async def _extension(self, name: str, method: Callable[[], Any]) -> Any:
        return await self._run(self._of_extension(name), method)

    async def _run(self, call: Call, method: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        with self.judged(call):
            result = method(*arguments)
            if not inspect.isawaitable(result):
                self._report("layer", "LAY-006", f"is_async is True, and {call.method} returned {result!r}")
                return result
            call.result = await result
        return call.result
