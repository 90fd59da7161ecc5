"""A synchronous layer that is checked: a thin shell over `layer_rules`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import TracebackType
from typing import Any

from .layer_rules import Call, CheckedLayer

__all__ = ["CheckedSyncLayer"]


class CheckedSyncLayer(CheckedLayer):
    """The methods of a synchronous layer. Each is the layer's; see `checked_layer`."""

    is_async = False

    def send(self, channel: str, message: dict[str, Any]) -> None:
        """Send to a channel."""
        self._run(self._sending("send", channel, message), self._layer.send, channel, message)

    def send_group(self, group: str, message: dict[str, Any]) -> None:
        """Send to the members of a group."""
        self._run(self._sending("send_group", group, message), self._layer.send_group, group, message)

    def receive(self, channels: list[str] | tuple[str, ...], timeout: float | None = None) -> Any:
        """Return the next message and its channel."""
        return self._run(self._receive(channels, timeout), self._layer.receive, channels, timeout)

    def new_channel(self, pattern: str) -> Any:
        """Return a fresh inbox."""
        return self._run(self._new_channel(pattern), self._layer.new_channel, pattern)

    def close_channel(self, channel: str) -> None:
        """End an inbox, or the memberships of a channel under one."""
        self._run(self._close_channel(channel), self._layer.close_channel, channel)

    def group_add(self, group: str, channel: str) -> None:
        """Join a group."""
        self._run(self._group("group_add", group, channel), self._layer.group_add, group, channel)

    def group_discard(self, group: str, channel: str) -> None:
        """Leave a group."""
        self._run(self._group("group_discard", group, channel), self._layer.group_discard, group, channel)

    def close(self) -> None:
        """Close for good."""
        self._run(self._close(), self._layer.close)

    def __enter__(self) -> CheckedSyncLayer:
        with self.judged(Call("with")):
            entered = self._layer.__enter__()
        if entered is not self._layer:
            self._report("layer", "LAY-019", f"`with` gave {entered!r}; expected the layer object")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._layer.__exit__(kind, error, traceback)
        self._close_for_good()

    def _extension(self, name: str, method: Callable[[], Any]) -> Any:
        return self._run(self._of_extension(name), method)

    def _run(self, call: Call, method: Callable[..., Any], *arguments: Any) -> Any:
        with self.judged(call):
            result = method(*arguments)
            if inspect.isawaitable(result):
                if inspect.iscoroutine(result):
                    result.close()
                self._report("layer", "LAY-006", f"is_async is False, and {call.method} returned something to await")
            else:
                call.result = result
        return result
