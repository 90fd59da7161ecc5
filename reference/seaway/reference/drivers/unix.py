"""The file of a Unix socket: taken only if nobody listens on it, removed only if it is still ours."""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress

__all__ = ["SocketFile"]


class SocketFile:
    """The path of a listening socket. `claim` before the bind, `note` after it, `remove` at the end."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._identity: tuple[int, int] | None = None

    def claim(self) -> None:
        """Remove a file that a server has left behind. `OSError` if one listens there, or if it is no socket."""
        with suppress(FileNotFoundError):
            if not stat.S_ISSOCK(os.stat(self._path).st_mode):
                raise OSError(errno.EADDRINUSE, "there is a file, and it is no socket", self._path)
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(self._path)
                except ConnectionRefusedError:
                    os.unlink(self._path)
                else:
                    raise OSError(errno.EADDRINUSE, "another server listens there", self._path)

    def note(self) -> None:
        """Remember which file the bind has made."""
        found = os.stat(self._path)
        self._identity = (found.st_dev, found.st_ino)

    def remove(self) -> None:
        """Remove the file, unless somebody else has put another in its place."""
        with suppress(FileNotFoundError):
            found = os.stat(self._path)
            if self._identity == (found.st_dev, found.st_ino):
                os.unlink(self._path)
