"""Which channels of which inboxes are in which group.

Rules of this module: everything here is called with the hub's lock held. A group or an inbox without members leaves
nothing behind. The members are kept as a tuple that is made anew when they change: a group message takes it as it is,
so that later changes do not touch what was sent before.
"""

from __future__ import annotations

from collections.abc import Iterator

from seaway.layers._queues import Inbox


class _Members:
    """The channels of one inbox that are in one group."""

    __slots__ = ("_snapshot", "channels")

    def __init__(self) -> None:
        self.channels: dict[str, None] = {}
        self._snapshot: tuple[str, ...] = ()

    def add(self, channel: str) -> None:
        self.channels[channel] = None
        self._snapshot = ()

    def discard(self, channel: str) -> None:
        self.channels.pop(channel, None)
        self._snapshot = ()

    def snapshot(self) -> tuple[str, ...]:
        if not self._snapshot:
            self._snapshot = tuple(self.channels)
        return self._snapshot


class Groups:
    """All groups of one hub."""

    __slots__ = ("_groups",)

    def __init__(self) -> None:
        self._groups: dict[str, dict[Inbox, _Members]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._groups)

    def inboxes_of(self, group: str) -> Iterator[tuple[Inbox, tuple[str, ...]]]:
        """Yield the inboxes that have members of *group*, each with the channels that are members now."""
        for inbox, members in self._groups.get(group, {}).items():
            yield inbox, members.snapshot()

    def add(self, group: str, inbox: Inbox, channel: str) -> None:
        inbox.memberships.setdefault(channel, set()).add(group)
        self._groups.setdefault(group, {}).setdefault(inbox, _Members()).add(channel)

    def discard(self, group: str, inbox: Inbox, channel: str) -> None:
        groups = inbox.memberships.get(channel)
        if groups is not None and group in groups:
            groups.discard(group)
            if not groups:
                del inbox.memberships[channel]
            self._remove(group, inbox, channel)

    def end_channel(self, inbox: Inbox, channel: str) -> None:
        """End all memberships of *channel*."""
        for group in inbox.memberships.pop(channel, ()):
            self._remove(group, inbox, channel)

    def end_inbox(self, inbox: Inbox) -> None:
        """End all memberships of all channels of *inbox*."""
        for group in {group for groups in inbox.memberships.values() for group in groups}:
            self._forget(group, inbox)

    def _remove(self, group: str, inbox: Inbox, channel: str) -> None:
        members = self._groups[group][inbox]
        members.discard(channel)
        if not members.channels:
            self._forget(group, inbox)

    def _forget(self, group: str, inbox: Inbox) -> None:
        del self._groups[group][inbox]
        if not self._groups[group]:
            del self._groups[group]
