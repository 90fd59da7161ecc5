"""Checks any application, server and layer while they run, as `wsgiref.validate` does for WSGI.

`checked` stands between a server and an application, `checked_layer` between a layer and whoever calls it. What
breaks the specification is logged to ``seaway.check`` with the identifier of the requirement, or raised::

    Server(checked(application), layer=checked_layer(MemoryLayer()))
"""

from .application import CheckedApplication, checked
from .asynchronous import CheckedAsyncLayer
from .layer import checked_layer
from .report import RequirementBroken
from .synchronous import CheckedSyncLayer

__all__ = [
    "CheckedApplication",
    "CheckedAsyncLayer",
    "CheckedSyncLayer",
    "RequirementBroken",
    "checked",
    "checked_layer",
]
