"""A Cluster of several masters, with replicas if asked for, whose slots can be moved while it is in use."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from redis.crc import key_slot

from seaway.conformance.brokers.server import HOST, Server, free_port, until

SLOTS = 16_384


class Cluster:
    """Servers that share the slots. Start it by ``with``.

    Args:
        binary: path of the server program.
        masters: how many.
        replicas: how many for each master.
        node_timeout: milliseconds without an answer after which a node counts as down.

    Attributes:
        servers: the masters, then the replicas of the first master, of the second, and so on.
    """

    def __init__(self, binary: str = "", masters: int = 3, replicas: int = 0, node_timeout: int = 1500) -> None:
        self._masters = masters
        self._replicas = replicas
        self._stack = ExitStack()
        self.servers = [
            Server(
                *("--cluster-enabled", "yes", "--cluster-port", str(free_port())),
                *("--cluster-node-timeout", str(node_timeout), "--cluster-replica-validity-factor", "0"),
                binary=binary,
            )
            for _ in range(masters * (1 + replicas))
        ]

    @property
    def url(self) -> str:
        """Where its nodes are, as layers take it."""
        hosts = ",".join(f"{HOST}:{server.port}" for server in self.servers)
        return f"redis+cluster://{hosts}"

    def node_of(self, key: str | bytes) -> Server:
        """Return the server that has the slot of *key*, as the first one that answers sees it."""
        slot = key_slot(key if isinstance(key, bytes) else key.encode())
        for server in self.servers:
            if server.alive:
                for first, last, (_, port, *_), *_ in server.command("CLUSTER", "SLOTS"):
                    if first <= slot <= last:
                        return next(one for one in self.servers if one.port == port)
        raise LookupError(f"nobody has slot {slot}")

    def move(self, slot: int, target: Server, one_key_at_a_time: bool = True) -> int:
        """Move *slot* and its keys to *target*, while in use; return how many keys were moved."""
        source = next(server for server in self.servers if server.alive and _has_slot(server, slot))
        if source is target:
            return 0
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", _id(source))
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", _id(target))
        moved = 0
        while keys := source.command("CLUSTER", "GETKEYSINSLOT", slot, 1 if one_key_at_a_time else 100):
            source.command("MIGRATE", HOST, target.port, "", 0, 5000, "REPLACE", "KEYS", *keys)
            moved += len(keys)
        for server in (target, source, *self.servers):
            if server.alive and server.info("replication")["role"] == "master":
                server.command("CLUSTER", "SETSLOT", slot, "NODE", _id(target))
        return moved

    def replicas_of(self, master: Server) -> list[Server]:
        """Return those that were made replicas of *master*."""
        index = self.servers.index(master)
        first = self._masters + index * self._replicas
        return self.servers[first : first + self._replicas]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for server in self.servers:
                stack.enter_context(server)
            for server in self.servers[1:]:
                server.command("CLUSTER", "MEET", HOST, self.servers[0].port, _bus_port(self.servers[0]))
            masters = self.servers[: self._masters]
            for number, master in enumerate(masters):
                first, after = (SLOTS * edge // self._masters for edge in (number, number + 1))
                master.command("CLUSTER", "ADDSLOTSRANGE", first, after - 1)
            until(lambda: all(self._knows_all(server) for server in self.servers), "nodes that know each other")
            for master in masters:
                for replica in self.replicas_of(master):
                    replica.command("CLUSTER", "REPLICATE", _id(master))
            until(self._is_whole, "a Cluster that is ready")
            self._stack = stack.pop_all()
        return self

    def _knows_all(self, server: Server) -> bool:
        return len(server.command("CLUSTER", "NODES").splitlines()) == len(self.servers)

    def _is_whole(self) -> bool:
        states = (_state(server) for server in self.servers)
        links = (server.info("replication") for server in self.servers[self._masters :])
        return all(state == "ok" for state in states) and all(one.get("master_link_status") == "up" for one in links)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()


def _bus_port(server: Server) -> str:
    return str(server.command("CONFIG", "GET", "cluster-port")[1])


def _state(server: Server) -> str:
    lines = str(server.command("CLUSTER", "INFO")).splitlines()
    return next(line.partition(":")[2] for line in lines if line.startswith("cluster_state:"))


def _id(server: Server) -> str:
    return str(server.command("CLUSTER", "MYID"))


def _has_slot(server: Server, slot: int) -> bool:
    nodes = str(server.command("CLUSTER", "NODES")).splitlines()
    own = next(node for node in nodes if "myself" in node).split()[8:]
    edges = (pair.partition("-") for pair in own if not pair.startswith("["))
    return any(int(first) <= slot <= int(last or first) for first, _, last in edges)
