"""`checked_layer`: any layer, of either flavour, with every call of it held to the specification."""

from __future__ import annotations

from typing import Any

from .asynchronous import CheckedAsyncLayer
from .synchronous import CheckedSyncLayer

__all__ = ["checked_layer"]


def checked_layer(layer: Any, *, raises: bool = False) -> Any:
    """Return the layer object *layer*, of either flavour, in a wrapper that checks it and whoever calls it.

    Checked are names, values and reserved types of what goes in; the shape, the values and the channel of what comes
    out; who owns an inbox; the order of its life; the attributes. A call goes through to *layer* as it is.

    - *raises*: raise `RequirementBroken` too, before the call if it is the caller's fault.

    Violations are logged to `seaway.check`. Where *layer* refuses a call as it has to, the caller's fault is told.
    """
    return (CheckedAsyncLayer if getattr(layer, "is_async", False) else CheckedSyncLayer)(layer, raises)
