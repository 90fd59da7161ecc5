"""Layers that are broken where only a look at what several processes did together sees it: one for each verdict.

Made from the afternoon layer of the examples; a name in `BROKEN` is a harness of this module, so that the worker
processes make the same layer. Next to it stands the requirement that the history checker must name.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from afternoon_harness import AfternoonHarness, AfternoonLayer


class _Harness(AfternoonHarness):
    layer: type[Any] = AfternoonLayer

    def make(self, *, is_async: bool, **options: Any) -> Any:
        """See `LayerHarness.make`."""
        return self.layer(str(self._path), **options)


class _Broken(AfternoonLayer):  # type: ignore[misc] # the example is a script
    """Has a number for each call, and a way around the capacity."""

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(path, **options)
        self.path = Path(path)
        self.numbers = count(1)

    def each(self, turns: int) -> bool:
        """Return whether it is the turn of the mistake."""
        return next(self.numbers) % turns == 0

    @contextmanager
    def room_for_all(self) -> Any:
        """Let a send find room in a normal channel."""
        before, self._capacities = self._capacities, {"*": 1_000_000}
        try:
            yield
        finally:
            self._capacities = before


class Invents(_Harness):
    """Now and then a message is another one than was sent."""

    class layer(_Broken):  # noqa: N801 - it is an attribute
        def receive(self, channels: Any, timeout: Any = None) -> Any:
            channel, message = super().receive(channels, timeout)
            if channel == "work" and self.each(9):
                message = {**message, "id": f"{message['id']}.changed"}
            return channel, message


class AcceptsAndRaises(_Harness):
    """A send to a full channel raises, and the message is there."""

    class layer(_Broken):  # noqa: N801
        def send(self, channel: Any, message: Any) -> None:
            try:
                super().send(channel, message)
            except self.ChannelFull:
                with self.room_for_all(), suppress(self.ChannelFull):
                    super().send(channel, message)
                raise


class GivesAnotherName(_Harness):
    """Now and then a message comes with the name of a neighbour."""

    class layer(_Broken):  # noqa: N801
        def receive(self, channels: Any, timeout: Any = None) -> Any:
            channel, message = super().receive(channels, timeout)
            if channel is not None and channel.endswith("!direct") and self.each(5):
                channel = f"{channel}-too"
            return channel, message


class GivesTwice(_Harness):
    """Now and then what was taken is there once more."""

    class layer(_Broken):  # noqa: N801
        def receive(self, channels: Any, timeout: Any = None) -> Any:
            channel, message = super().receive(channels, timeout)
            if channel == "work" and self.each(5):
                with self.room_for_all():
                    self.send(channel, message)
            return channel, message


class _PutsBack(_Broken):
    """Now and then the first message goes to the end of its channel."""

    suffix = ""

    def _take(self, channels: Any) -> Any:
        found = super()._take(channels)
        if found is not None and found[0].endswith(self.suffix) and self.each(4):
            second = super()._take(channels)
            if second is not None:
                with self.room_for_all():
                    self.send(*found)
                return second
        return found


class ReordersWork(_Harness):
    """A normal channel is not first in, first out."""

    class layer(_PutsBack):  # noqa: N801
        suffix = "work"


class ReordersInboxes(_Harness):
    """Messages of one sender change places in an inbox."""

    class layer(_PutsBack):  # noqa: N801
        suffix = "!direct"


class FindsNothing(_Harness):
    """Now and then a receive does not look."""

    class layer(_Broken):  # noqa: N801
        def receive(self, channels: Any, timeout: Any = None) -> Any:
            return (None, None) if "work" in channels and self.each(5) else super().receive(channels, timeout)


class KeepsForEver(_Harness):
    """Nothing expires."""

    class layer(_Broken):  # noqa: N801
        def send(self, channel: Any, message: Any) -> None:
            self._expiries = {"*": 1_000_000.0}
            super().send(channel, message)


class DiscardsLate(_Harness):
    """What has left a group still gets its messages."""

    class layer(_Broken):  # noqa: N801
        def group_discard(self, group: Any, channel: Any) -> None:
            return


class JoinsLate(_Harness):
    """A channel is a member from its second group_add on."""

    class layer(_Broken):  # noqa: N801
        def group_add(self, group: Any, channel: Any) -> None:
            if next(self.numbers) > 1:
                super().group_add(group, channel)


class LosesDirectMessages(_Harness):
    """Now and then an accepted message for an inbox is dropped."""

    class layer(_Broken):  # noqa: N801
        def send(self, channel: Any, message: Any) -> None:
            if not (channel.endswith("!direct") and self.each(6)):
                super().send(channel, message)


class CountsOneMore(_Harness):
    """A gap says one more than is missing."""

    class layer(_Broken):  # noqa: N801
        def receive(self, channels: Any, timeout: Any = None) -> Any:
            channel, message = super().receive(channels, timeout)
            if channel is not None and message["type"] == "layer.gap":
                message = {**message, "dropped": message["dropped"] + 1}
            return channel, message


class DoubtsItself(_Harness):
    """An inbox gives lost, and nothing was."""

    class layer(_Broken):  # noqa: N801
        def receive(self, channels: Any, timeout: Any = None) -> Any:
            if channels[0].endswith("!") and next(self.numbers) == 10:
                return channels[0], {"type": "layer.gap", "reason": "lost", "dropped": None}
            return super().receive(channels, timeout)


class GapsForWorkers(_Harness):
    """A normal channel gives a gap."""

    class layer(_Broken):  # noqa: N801
        def receive(self, channels: Any, timeout: Any = None) -> Any:
            if channels[0] == "work" and next(self.numbers) == 10:
                return "work", {"type": "layer.gap", "reason": "overflow", "dropped": 1}
            return super().receive(channels, timeout)


class HoldsTooMany(_Harness):
    """A normal channel holds more than its capacity."""

    class layer(_Broken):  # noqa: N801
        def send(self, channel: Any, message: Any) -> None:
            with self.room_for_all():
                super().send(channel, message)


class FullTooEarly(_Harness):
    """Now and then a send finds no room in a channel that has some."""

    class layer(_Broken):  # noqa: N801
        def send(self, channel: Any, message: Any) -> None:
            if channel == "work" and next(self.numbers) == 1:
                raise self.ChannelFull(channel)
            super().send(channel, message)


class WorksAfterClose(_Harness):
    """A closed object goes on."""

    class layer(_Broken):  # noqa: N801
        def close(self) -> None:
            return


class _KnowsTheDead(_Broken):
    """Leaves at the broker which message it took last, and sees which processes have died."""

    def receive(self, channels: Any, timeout: Any = None) -> Any:
        for left in self.path.parent.glob(f"{self._prefix[:-1]}.*.last"):
            pid = int(left.suffixes[-2][1:])
            if not _lives(pid):
                with suppress(FileNotFoundError):
                    text = left.read_text()
                    left.unlink()
                    self.on_death(*json.loads(text))
        channel, message = super().receive(channels, timeout)
        if channel == "work":
            own = self.path.parent / f"{self._prefix[:-1]}.{os.getpid()}.last"
            new = own.with_suffix(".new")
            new.write_text(json.dumps([channel, message]))
            new.rename(own)
        return channel, message

    def on_death(self, channel: str, message: Any) -> None:
        """Do what is wrong."""


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


class GivesAgainAfterAKill(_Harness):
    """What a killed process took last is given to another one."""

    class layer(_KnowsTheDead):  # noqa: N801
        def on_death(self, channel: str, message: Any) -> None:
            with self.room_for_all():
                self.send(channel, message)


class LosesMoreWithTheDead(_Harness):
    """With a killed process more is gone than what it had taken."""

    class layer(_KnowsTheDead):  # noqa: N801
        def on_death(self, channel: str, message: Any) -> None:
            for _ in range(4):
                self._take(["work"])


TOGETHER, KILLS, EXPIRY = (
    f"layer.histories.what_{name}"
    for name in (
        "several_processes_did_is_explained",
        "several_processes_did_while_some_were_killed_is_explained",
        "one_process_sent_expires_for_another",
    )
)

BROKEN: dict[type[_Harness], tuple[str, str]] = {
    Invents: (TOGETHER, "MSG-014"),
    AcceptsAndRaises: (TOGETHER, "LAY-031"),
    GivesAnotherName: (TOGETHER, "LAY-050"),
    GivesTwice: (TOGETHER, "LAY-073"),
    ReordersWork: (TOGETHER, "LAY-078"),
    ReordersInboxes: (TOGETHER, "LAY-077"),
    FindsNothing: (TOGETHER, "LAY-043"),
    KeepsForEver: (EXPIRY, "LAY-088"),
    DiscardsLate: (TOGETHER, "GRP-013"),
    JoinsLate: (TOGETHER, "GRP-012"),
    LosesDirectMessages: (TOGETHER, "GAP-002"),
    CountsOneMore: (TOGETHER, "GAP-008"),
    DoubtsItself: (TOGETHER, "GAP-009"),
    GapsForWorkers: (TOGETHER, "GAP-013"),
    HoldsTooMany: (TOGETHER, "LAY-080"),
    FullTooEarly: (TOGETHER, "LAY-081"),
    WorksAfterClose: (TOGETHER, "LAY-022"),
    GivesAgainAfterAKill: (KILLS, "LAY-073"),
    LosesMoreWithTheDead: (KILLS, "LAY-043"),
}
