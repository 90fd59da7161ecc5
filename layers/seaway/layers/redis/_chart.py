"""Which node of a Cluster has which slot, as far as one object knows.

Rules of this module: no I/O. What it knows may be old; a node that is asked in vain says where to go.
"""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import attrs

from seaway.layers.redis._streams import Address

SLOTS = 16_384


@lru_cache(4096)
def slot_of(tag: str) -> int:
    """Return the slot of the keys with the hash tag *tag*."""
    return crc_hqx(tag.encode(), 0) % SLOTS


@attrs.frozen
class Redirect:
    """Where a node has sent us: *asks* if only this once, for the slot is on its way there."""

    slot: int
    address: Address
    asks: bool


def read_redirect(text: str, asked: Address) -> Redirect | None:
    """Return what an error *text* of the node at *asked* says about another node; ``None`` if it says nothing."""
    words = text.split(" ")
    if len(words) != 3 or words[0] not in ("MOVED", "ASK"):
        return None
    host, _, port = words[2].rpartition(":")
    if not words[1].isdigit() or not port.isdigit() or int(words[1]) >= SLOTS:
        return None
    return Redirect(int(words[1]), attrs.evolve(asked, host=host or asked.host, port=int(port)), words[0] == "ASK")


class Chart:
    """The slots of a Cluster.

    Args:
        seeds: nodes to ask first.

    Attributes:
        masters: the nodes that have slots.
        redirected: slots of which a node has said that they are elsewhere, since somebody last arrived there.
    """

    def __init__(self, seeds: Sequence[Address]) -> None:
        self.masters: list[Address] = []
        self.redirected: set[int] = set()
        self._slots: list[Address | None] = [None] * SLOTS
        self._nodes: list[Address] = list(seeds)
        self._seeds = tuple(seeds)

    def of(self, tag: str) -> Address | None:
        """Return the node that has the keys of *tag*; of an empty one: any node."""
        if tag == "":
            return self.masters[0] if self.masters else None
        return self._slots[slot_of(tag)]

    def learn(self, redirect: Redirect) -> None:
        """Take what a node has said."""
        self.redirected.add(redirect.slot)
        if redirect.asks:
            return
        self._slots[redirect.slot] = redirect.address
        for known in (self.masters, self._nodes):
            if redirect.address not in known:
                known.append(redirect.address)

    def whom(self) -> list[Address]:
        """Return whom to ask for the slots, the most promising first."""
        return list(dict.fromkeys([*self._nodes, *self._seeds]))

    def silent(self, address: Address) -> None:
        """A node does not answer: it is asked last the next time."""
        if address in self._nodes:
            self._nodes.remove(address)
            self._nodes.append(address)

    def read(self, reply: Any, asked: Address) -> None:
        """Take the reply of the node at *asked* to CLUSTER SLOTS.

        Raises:
            ConnectionError: it is no such reply; the text says what it is.
        """
        if not isinstance(reply, list):
            raise ConnectionError(f"the node at {asked} does not tell who has which slots: {reply}")
        slots: list[Address | None] = [None] * SLOTS
        masters: dict[Address, None] = {}
        nodes: dict[Address, None] = {}
        for first, last, *servers in reply:
            addresses = [_address(server, asked) for server in servers]
            if addresses:
                slots[first : last + 1] = [addresses[0]] * (last + 1 - first)
                masters[addresses[0]] = None
            nodes.update(dict.fromkeys(addresses))
        self._slots = slots
        self.masters = list(masters)
        late = [node for node in self._nodes if node in nodes]  # whoever was silent stays last
        self._nodes = [*(node for node in nodes if node not in late), *late]


def _address(server: Sequence[Any], asked: Address) -> Address:
    host = (server[0] or b"").decode("ascii", "replace")
    return attrs.evolve(asked, host=asked.host if host in ("", "?") else host, port=int(server[1]))
