"""A master, a replica and the sentinels that exchange them."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from seaway.conformance.brokers.server import HOST, Server, until

NAME = "seaway"
"""What the sentinels call the master."""


class Sentinels:
    """Two servers under sentinels. Start it by ``with``.

    Args:
        binary: path of the server program.
        count: how many sentinels; more than half of them must agree.
        down_after: milliseconds without an answer after which the master counts as down.

    Attributes:
        servers: the first is the master at the beginning.
        sentinels: who watches.
    """

    def __init__(self, binary: str = "", count: int = 1, down_after: int = 500) -> None:
        self.servers = [Server(binary=binary) for _ in range(2)]
        self.sentinels: list[Server] = []
        self._binary = binary
        self._count = count
        self._down_after = down_after
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """Where the sentinels are, as layers take it."""
        hosts = ",".join(f"{HOST}:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{NAME}"

    @property
    def master(self) -> Server:
        """The master, as the first sentinel that answers sees it."""
        _, port = self.sentinels[0].command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return next(server for server in self.servers if server.port == int(port))

    @property
    def replica(self) -> Server:
        """The other one."""
        return next(server for server in self.servers if server is not self.master)

    def failover(self) -> None:
        """Let a sentinel exchange master and replica, both alive; return when it has."""
        before = self.master
        until(lambda: self.sentinels[0].command("SENTINEL", "FAILOVER", NAME), "a sentinel that begins a failover")
        self.failed_over(before)

    def failed_over(self, before: Server) -> None:
        """Return when another server than *before* is the master, and says so itself."""

        def has_changed() -> bool:
            master = self.master
            return master is not before and bool(master.info("replication")["role"] == "master")

        until(has_changed, "a failover by sentinels", 30)

    def _configuration(self, master: Server) -> str:
        return (
            f"sentinel monitor {NAME} {HOST} {master.port} {self._count // 2 + 1}\n"
            f"sentinel down-after-milliseconds {NAME} {self._down_after}\n"
            f"sentinel failover-timeout {NAME} 3000\n"
            f"sentinel parallel-syncs {NAME} 1\n"
        )

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            master, replica = self.servers
            for server in self.servers:
                stack.enter_context(server)
            replica.follow(master)
            for _ in range(self._count):
                sentinel = Server("--sentinel", binary=self._binary, first=self._configuration(master))
                self.sentinels.append(stack.enter_context(sentinel))
            until(self._know_each_other, "sentinels that know the replica and each other")
            self._stack = stack.pop_all()
        return self

    def _know_each_other(self) -> bool:
        for sentinel in self.sentinels:
            reply = sentinel.command("SENTINEL", "MASTER", NAME)
            state = dict(zip(reply[::2], reply[1::2], strict=True))
            if int(state["num-slaves"]) < 1 or int(state["num-other-sentinels"]) < self._count - 1:
                return False
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()
