"""The reference server, consumer helpers and command line."""

from .adapt import adapt_sync
from .consumers import Consumer, SyncConsumer, handles
from .lifespan import LifespanFailed, StartupFailed
from .routing import Mount, Route, Router
from .server import Server, serve
from .settings import Mailbox, Settings

__all__ = [
    "Consumer",
    "LifespanFailed",
    "Mailbox",
    "Mount",
    "Route",
    "Router",
    "Server",
    "Settings",
    "StartupFailed",
    "SyncConsumer",
    "adapt_sync",
    "handles",
    "serve",
]
