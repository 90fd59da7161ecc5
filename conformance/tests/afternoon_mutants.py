"""Layers that are broken across processes, one way each, made from the afternoon layer of the examples.

A name in `BROKEN` is a harness of this module, so that the worker processes make the same layer.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import count
from typing import Any

import afternoon_broker
from afternoon_harness import AfternoonHarness, AfternoonLayer

_FIRST = os.environ.setdefault("SEAWAY_AFTERNOON_FIRST", str(os.getpid()))


def is_worker() -> bool:
    return str(os.getpid()) != _FIRST


class _Harness(AfternoonHarness):
    layer: type[Any] = AfternoonLayer

    def make(self, *, is_async: bool, **options: Any) -> Any:
        """See `LayerHarness.make`."""
        return self.layer(str(self._path), **options)


class KeepsTheDead(_Harness):
    """What a killed process owned stays for ever."""

    def make(self, *, is_async: bool, **options: Any) -> Any:
        """See `LayerHarness.make`."""
        afternoon_broker.is_held = lambda path: True
        return super().make(is_async=is_async, **options)


class WorksAfterAFork(_Harness):
    """A forked child goes on with its parent's object."""

    class layer(AfternoonLayer):  # type: ignore[misc] # noqa: N801 - it is an attribute
        def _check(self) -> None:
            self._pid = os.getpid()
            super()._check()


class GivesToTwoProcesses(_Harness):
    """What a worker process takes is sometimes still there for others."""

    class layer(AfternoonLayer):  # type: ignore[misc] # noqa: N801 - it is an attribute
        _taken = count(1)

        def receive(self, channels: Any, timeout: Any = None) -> Any:
            channel, message = super().receive(channels, timeout)
            if channel is not None and "!" not in channel and is_worker() and next(self._taken) % 5 == 0:
                with suppress(self.ChannelFull):
                    self.send(channel, message)
            return channel, message


class CountsItsOwn(_Harness):
    """Each process counts its own messages against the capacity."""

    class layer(AfternoonLayer):  # type: ignore[misc] # noqa: N801 - it is an attribute
        _sent = 0

        def send(self, channel: Any, message: Any) -> None:
            if isinstance(channel, str) and "!" not in channel and self.capacity == 3:
                own, self._sent = self._sent, self._sent + 1
                if own >= self.capacity:
                    raise self.ChannelFull(channel)
                self._capacities = {"*": 1000}
            super().send(channel, message)


class GroupsOfOneProcess(_Harness):
    """A group has the members of the sending process only."""

    class layer(AfternoonLayer):  # type: ignore[misc] # noqa: N801 - it is an attribute
        def send_group(self, group: Any, message: Any) -> None:
            super().send_group(f"{group}.{os.getpid()}", message)

        def group_add(self, group: Any, channel: Any) -> None:
            super().group_add(f"{group}.{os.getpid()}", channel)

        def group_discard(self, group: Any, channel: Any) -> None:
            super().group_discard(f"{group}.{os.getpid()}", channel)


class LooksTooEarly(_Harness):
    """What another process has sent is seen at the second look only."""

    class layer(AfternoonLayer):  # type: ignore[misc] # noqa: N801 - it is an attribute
        _looks = 0

        def receive(self, channels: Any, timeout: Any = None) -> Any:
            self._check()
            self._looks += 1
            if type(timeout) is int and timeout == 0 and self._looks % 7 == 0:
                return None, None
            return super().receive(channels, timeout)


BROKEN = {
    KeepsTheDead: {"GRP-015", "LAY-032"},
    WorksAfterAFork: {"LAY-026"},
    GivesToTwoProcesses: {"LAY-054", "LAY-073", "LAY-078"},
    CountsItsOwn: {"LAY-081"},
    GroupsOfOneProcess: {"GRP-007", "GRP-012"},
    LooksTooEarly: {"LAY-043"},
}
