"""Channel layers: they carry messages between processes. See the specification, "Channel layers"."""

from seaway.layers.base import ChannelFull, Layer, MessageTooLarge
from seaway.layers.flavours import AsyncLayer, SyncLayer
from seaway.layers.memory import MemoryLayer, SyncMemoryLayer

__all__ = [
    "AsyncLayer",
    "ChannelFull",
    "Layer",
    "MemoryLayer",
    "MessageTooLarge",
    "SyncLayer",
    "SyncMemoryLayer",
]
