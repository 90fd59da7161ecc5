"""Ends what this process has started, even when it is killed itself.

Rules of this module: one shell for each process, which waits for a pipe to close. It knows process ids and folders.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

_SCRIPT = """
trap '' INT TERM HUP
while read -r what name; do
  case $what in
    pid) pids="$pids $name" ;;
    gone) rest=; for pid in $pids; do [ "$pid" = "$name" ] || rest="$rest $pid"; done; pids=$rest ;;
    folder) folders="$folders $name" ;;
  esac
done
[ -z "$pids" ] || kill -9 $pids 2>/dev/null
[ -z "$folders" ] || rm -rf $folders
"""


class _Keeper:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pipe: int | None = None

    def tell(self, what: str, name: object) -> None:
        with self._lock:
            if self._pipe is None:
                self._pipe = self._start()
            os.write(self._pipe, f"{what} {name}\n".encode())

    @staticmethod
    def _start() -> int:
        end, pipe = os.pipe()
        actions = [(os.POSIX_SPAWN_DUP2, end, 0)]
        os.posix_spawnp("sh", ["sh", "-c", _SCRIPT], os.environ, file_actions=actions, setsid=True)
        os.close(end)
        return pipe


_keeper = _Keeper()


def keep(pid: int) -> None:
    """Kill *pid* when this process is gone."""
    _keeper.tell("pid", pid)


def gone(pid: int) -> None:
    """Forget *pid*: it has ended, and another process may get its number."""
    _keeper.tell("gone", pid)


def keep_folder(folder: Path) -> None:
    """Remove *folder* when this process is gone. Its path has no white space."""
    _keeper.tell("folder", folder)
