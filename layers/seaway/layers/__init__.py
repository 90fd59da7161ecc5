"""Channel layers: they carry messages between processes. See the specification, "Channel layers"."""

from seaway.layers._options import shown_url
from seaway.layers.adapters import to_async, to_sync
from seaway.layers.base import ChannelFull, Layer, MessageTooLarge
from seaway.layers.flavours import AsyncLayer, SyncLayer
from seaway.layers.memory import MemoryLayer, SyncMemoryLayer
from seaway.layers.opening import open_layer

__all__ = [
    "AsyncLayer",
    "ChannelFull",
    "Layer",
    "MemoryLayer",
    "MessageTooLarge",
    "SyncLayer",
    "SyncMemoryLayer",
    "open_layer",
    "shown_url",
    "to_async",
    "to_sync",
]
