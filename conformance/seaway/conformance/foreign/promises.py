"""What the old interface promises, and what of that a layer says that it does otherwise.

The texts are quoted from the Channel Layer Specification of Channels 4 and from the packages' own documentation, with
where they stand. A failure in the matrix is a failure of one of these; what has no line here is not promised.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen


@frozen
class Promise:
    """One sentence of a text that stands behind a layer.

    Args:
        level: ``"must"``, or ``"should"`` where the text says "should", "expected" or "recommended".
        text: the sentence.
        where: the text that it stands in.
    """

    level: Literal["must", "should"]
    text: str
    where: str


SPECIFICATION = "Channel Layer Specification"

_QUEUE = Promise(
    "must", "Channels are a first-in, first out queue with at-most-once delivery semantics.", SPECIFICATION
)
_READERS = Promise(
    "must",
    "They can have multiple writers and multiple readers; only a single reader should get each written message. "
    "Implementations must never deliver a message more than once or to more than one reader.",
    SPECIFICATION,
)
_RECEIVE = Promise(
    "must", "receive(channel), that takes a single channel name and returns the next received message", SPECIFICATION
)
_EXPECTED = Promise("should", "a success rate of at least 99.99% is expected under normal circumstances", SPECIFICATION)
_ORDER = Promise(
    "must",
    "Preserve ordering of messages perfectly with only a single reader and writer if the channel is a "
    "single-reader or process-specific channel.",
    SPECIFICATION,
)
_LOCAL_CAPACITY = Promise(
    "must",
    "Process-local channels must apply their capacity on the non-local part (that is, up to and including the ! "
    "character), and so capacity is shared among all of the virtual channels inside it.",
    SPECIFICATION,
)
_EXPIRY = Promise("should", "Messages should expire after a set time sitting unread in a channel", SPECIFICATION)
_NAMES = Promise(
    "must",
    "name must be a valid unicode string with length < 100 containing only ASCII alphanumerics, hyphens, underscores, "
    "or periods",
    "the error of Channels' own check",
)
_GLOBS = Promise(
    "must",
    "channel_capacity: interpreted as a glob",
    "the options of channels_redis, and compile_capacities in Channels' base class",
)
_CAPACITY = Promise("must", "Once a channel is at capacity, it will refuse more messages.", "README of channels_redis")
_PREFIX = Promise(
    "must",
    "If you're running two or more entirely separate channel layers through the same Redis instance, make sure they "
    "have different prefixes.",
    "README of channels_redis",
)
_MEMBERSHIP = Promise(
    "must",
    "it must persist group membership until at least the time when the member channel has a message expire due to "
    "non-consumption",
    SPECIFICATION,
)
_DISCARD = Promise(
    "must", "group_discard(group, channel), that removes the channel from the group if it is in it", SPECIFICATION
)
_MEMBERS = Promise("must", "group_add(group, channel), that takes a channel and adds it to the group", SPECIFICATION)
_GROUP_SEND = Promise("must", "Sending to a group never raises ChannelFull", SPECIFICATION)
_FLUSH = Promise(
    "must",
    "flush(), that resets the channel layer to a blank state, containing no messages and no groups",
    SPECIFICATION,
)
_TYPES = Promise("must", "they are only allowed to contain the following types: ...", SPECIFICATION)
_TUPLES = Promise("should", "Lists (tuples should be encoded as lists)", SPECIFICATION)
_NEVER_BLOCK = Promise("must", "Never block on message send", SPECIFICATION)
_SIZE = Promise("must", "Be able to handle messages of at least 1MB in size when encoded as JSON", SPECIFICATION)
_CANCEL = Promise("must", "Nothing is lost here by cancellations", "a comment in the receive of channels_redis core")

PROMISES: dict[str, Promise] = {
    "LAY-001": _NAMES,
    "LAY-002": _NAMES,
    "LAY-005": _QUEUE,
    "LAY-010": _CAPACITY,
    "LAY-017": _GLOBS,
    "LAY-018": _PREFIX,
    "LAY-028": _QUEUE,
    "LAY-029": _NEVER_BLOCK,
    "LAY-031": _CAPACITY,
    "LAY-034": _SIZE,
    "LAY-037": _READERS,
    "LAY-039": _QUEUE,
    "LAY-041": _RECEIVE,
    "LAY-043": _QUEUE,
    "LAY-051": _MEMBERS,
    "LAY-053": _READERS,
    "LAY-054": _READERS,
    "LAY-060": _QUEUE,
    "LAY-073": _READERS,
    "LAY-075": _EXPECTED,
    "LAY-076": _EXPECTED,
    "LAY-077": _ORDER,
    "LAY-080": _CAPACITY,
    "LAY-081": _CAPACITY,
    "LAY-082": _EXPIRY,
    "LAY-084": _LOCAL_CAPACITY,
    "LAY-085": _LOCAL_CAPACITY,
    "LAY-087": _EXPECTED,
    "LAY-088": _EXPIRY,
    "LAY-089": _EXPECTED,
    "LAY-092": _EXPECTED,
    "LAY-102": _FLUSH,
    "LAY-103": _FLUSH,
    "GAP-003": _EXPECTED,
    "GRP-001": _MEMBERS,
    "GRP-003": _MEMBERS,
    "GRP-005": _DISCARD,
    "GRP-006": _DISCARD,
    "GRP-007": _MEMBERS,
    "GRP-008": _MEMBERS,
    "GRP-009": _GROUP_SEND,
    "GRP-010": _GROUP_SEND,
    "GRP-012": _MEMBERS,
    "GRP-013": _DISCARD,
    "GRP-016": _MEMBERSHIP,
    "GRP-017": _MEMBERSHIP,
    "GRP-018": _EXPECTED,
    "MSG-014": _TYPES,
    "MSG-015": _TUPLES,
    "SEC-011": _PREFIX,
}
"""By the requirement of this interface that says the same."""

OWN_PROMISES: dict[tuple[str, str], Promise] = {("Core", "LAY-075"): _CANCEL, ("Core", "LAY-076"): _CANCEL}
"""What one layer promises beyond that, by layer and requirement."""

DEVIATIONS: dict[tuple[str, str], str] = {
    ("Nats", "LAY-039"): "says so: what is sent before a receiver is there is lost",
    ("Nats", "LAY-043"): "says so: what is sent before a receiver is there is lost",
    ("Nats", "LAY-077"): "says so: order holds within one subscription only",
    ("Nats", "GAP-003"): "says so: what finds a full queue is dropped and logged",
}
"""What a layer's own documentation says that it does otherwise, by layer and requirement."""


def promise(layer: str, requirement: str) -> Promise | None:
    """Return what stands behind *layer* for *requirement*; ``None``: nothing."""
    return OWN_PROMISES.get((layer, requirement)) or PROMISES.get(requirement)
