"""The reference server, consumer helpers and command line."""

from .adapt import adapt_sync
from .lifespan import StartupFailed
from .server import Server, serve
from .settings import Mailbox, Settings

__all__ = ["Mailbox", "Server", "Settings", "StartupFailed", "adapt_sync", "serve"]
