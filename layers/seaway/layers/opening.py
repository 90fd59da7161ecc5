"""`open_layer`: a layer from a URL or a dotted path.

Rules of this module: it knows no backend. A scheme is an entry point in the group ``seaway.layers``: its name is the
scheme, its object a function ``(url, is_async, **options)`` that returns a layer of that flavour.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, overload

from seaway.layers._options import shown_url
from seaway.layers.adapters import to_async, to_sync
from seaway.layers.flavours import AsyncLayer, SyncLayer

_GROUP = "seaway.layers"


@overload
def open_layer(url: str, is_async: Literal[True] = True, **options: Any) -> AsyncLayer: ...
@overload
def open_layer(url: str, is_async: Literal[False], **options: Any) -> SyncLayer: ...
@overload
def open_layer(url: str, is_async: bool = True, **options: Any) -> AsyncLayer | SyncLayer: ...
def open_layer(url: str, is_async: bool = True, **options: Any) -> AsyncLayer | SyncLayer:
    """Return a new layer object for *url*; it opens at its first use.

    Args:
        url: ``memory://NAME`` or another scheme that is installed, with options in its query
            (``memory://chat?capacity=10&channel_capacity=thumbs*:5``); or the dotted path of a layer class, as
            ``package.module.Layer`` or ``package.module:Layer``.
        is_async: the flavour to return. A class of the other flavour is adapted.
        options: options of the layer; they win over those in the URL.

    Raises:
        ValueError: unknown scheme, nothing to import, or an option in the URL that makes no sense.
        TypeError: an option that the layer does not know.
    """
    scheme, mark, _ = url.partition("://")
    if not mark:
        layer = _load_class(url)(**options)
        return to_async(layer) if is_async else to_sync(layer)
    known = {point.name: point for point in entry_points(group=_GROUP)}
    if scheme not in known:
        raise ValueError(
            f"{shown_url(url)!r}: no layer for {scheme!r}; there are {', '.join(sorted(known))}. Others come with "
            f"packages that have an entry point in the group {_GROUP!r}, or as the dotted path of a class"
        )
    layer = _load(known[scheme], url)(url, is_async, **options)
    opened: AsyncLayer | SyncLayer = layer
    return opened


def _load(point: EntryPoint, url: str) -> Any:
    try:
        return point.load()
    except ImportError as error:
        raise ValueError(f"{shown_url(url)!r}: {point.value} cannot be imported: {error}") from error


def _load_class(path: str) -> Any:
    module, _, name = path.rpartition(":") if ":" in path else path.rpartition(".")
    if not module or not name:
        raise ValueError(f"{path!r}: expected a URL such as 'memory://NAME', or a class such as 'package.module.Layer'")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{path!r}: cannot be imported: {error}") from error
    if not callable(found) or not hasattr(found, "is_async"):
        raise ValueError(f"{path!r} is no layer class: it lacks the attribute 'is_async' (LAY-006)")
    return found
