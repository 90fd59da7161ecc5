"""The names of the keys at the broker (SEC-011): each kind has a letter, and no name has ``:`` or ``{`` in it.

In braces stands what a Cluster places a key by.

======================  ==============  ========================================================================
key                     type            what
======================  ==============  ========================================================================
``i:{INBOX}``           stream          what was sent to an inbox and its owner has not taken
``m:{INBOX}``           hash            its epoch, bounds and counters
``g:{GROUP}``           sorted set      inboxes with members of a group, by the end of their lease
``n:{TAG}CHANNEL``      list            messages of a normal channel
``r:{TAG}``             hash            which normal channels may have messages, so that their bell has rung
``d:{TAG}``             stream          the bell: channels that have got a first message
``a:{TAG}READER``       string          the last answer to a reader, until its next request
``h:{TAG}``             string          the history of the broker under which the lists are known
``w:{READER}``          stream          wakes the reader
======================  ==============  ========================================================================
"""

from __future__ import annotations

TAG = "0"
"""The hash tag of all normal channels."""


def tag_in(key: str) -> str:
    """Return what a Cluster places *key* by."""
    return key.partition("{")[2].partition("}")[0]


class Keys:
    """The names of the keys of one namespace.

    Args:
        prefix: what every key of the layer begins with.
        namespace: that of the layer object.

    Attributes:
        base: what every key of the namespace begins with.
    """

    def __init__(self, prefix: str, namespace: str) -> None:
        self.base = f"{prefix}{namespace}:"

    @classmethod
    def of(cls, base: str) -> Keys:
        """Return the names of the keys that begin with *base*."""
        return cls(base[:-1], "")

    def inbox(self, name: str) -> tuple[str, str]:
        """Return stream and hash of the inbox *name*, its ``!`` included."""
        return f"{self.base}i:{{{name}}}", f"{self.base}m:{{{name}}}"

    def inboxes(self) -> str:
        """Return a pattern for the hashes of all inboxes."""
        return f"{self.base}m:{{*"

    def group(self, name: str) -> str:
        """Return the set of the group *name*."""
        return f"{self.base}g:{{{name}}}"

    def channel(self, name: str) -> str:
        """Return the list of the normal channel *name*."""
        return f"{self.base}n:{{{TAG}}}{name}"

    def of_channels(self) -> tuple[str, str]:
        """Return what is kept for all normal channels together: hash of the rung, and bell."""
        return self.rung(), self.bell()

    def rung(self) -> str:
        """Return the hash of the normal channels that may have messages."""
        return f"{self.base}r:{{{TAG}}}"

    def bell(self) -> str:
        """Return the stream that tells which normal channels have got a first message."""
        return f"{self.base}d:{{{TAG}}}"

    def answer(self, reader: str) -> str:
        """Return where the last answer to *reader* is kept."""
        return f"{self.base}a:{{{TAG}}}{reader}"

    def history(self) -> str:
        """Return where the broker's history is kept."""
        return f"{self.base}h:{{{TAG}}}"

    def nudge(self, reader: str) -> str:
        """Return the stream that wakes *reader*."""
        return f"{self.base}w:{{{reader}}}"
