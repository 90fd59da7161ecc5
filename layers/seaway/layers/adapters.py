"""`to_sync` and `to_async`: either flavour of any conforming layer, from the other (LAY-096, LAY-097)."""

from __future__ import annotations

from typing import Any

from seaway.layers._asynchronous import Asynchronous, AsynchronousOnBase
from seaway.layers._synchronous import Synchronous
from seaway.layers.flavours import AsyncLayer, SyncLayer


def to_sync(layer: Any) -> SyncLayer:
    """Return *layer* itself if it is synchronous, else a synchronous layer that drives it.

    Its calls run in the event loop that *layer* belongs to; if it belongs to none yet, in the one that runs where
    `to_sync` is called; if there is none, in one of the adapter's own, in a thread that `close` ends. A call in the
    thread of that loop raises ``RuntimeError`` (LAY-098). Closing it closes *layer*.
    """
    if layer.is_async:
        return Synchronous(layer)
    conforming: SyncLayer = layer
    return conforming


def to_async(layer: Any) -> AsyncLayer:
    """Return *layer* itself if it is asynchronous, else an asynchronous layer that drives it in worker threads.

    A cancelled call returns when its thread has ended: for a ``receive`` at once if *layer* is built on
    `seaway.layers.base`, else after at most 50 ms. Closing it closes *layer*.
    """
    if layer.is_async:
        conforming: AsyncLayer = layer
        return conforming
    return AsynchronousOnBase(layer) if isinstance(layer, SyncLayer) else Asynchronous(layer)
