"""A Cluster of several masters, with replicas if asked for, whose slots can be moved while it is in use."""

from __future__ import annotations

import ssl
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from redis.crc import key_slot

from seaway.conformance.brokers.proxy import FaultProxy, Trigger
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
        self._binary = binary
        self._node_timeout = node_timeout
        self._stack = ExitStack()
        self.servers = [self._server() for _ in range(masters * (1 + replicas))]

    def _server(self) -> Server:
        return Server(
            *("--cluster-enabled", "yes", "--cluster-port", str(free_port())),
            *("--cluster-node-timeout", str(self._node_timeout), "--cluster-replica-validity-factor", "0"),
            binary=self._binary,
        )

    @property
    def masters(self) -> list[Server]:
        """Those that were masters at the beginning, or have taken the place of one by `replace`."""
        return self.servers[: self._masters]

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

    def move(self, slot: int, target: Server, one_key_at_a_time: bool = True, pause: float = 0.0) -> int:
        """Move *slot* and its keys to *target*, while in use; return how many keys were moved.

        Args:
            slot: its number.
            target: a master.
            one_key_at_a_time: else as many as there are, up to 100.
            pause: seconds in which what belongs together is half here and half there.
        """
        source = next(server for server in self.servers if server.alive and _has_slot(server, slot))
        if source is target:
            return 0
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", _id(source))
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", _id(target))
        moved = 0
        while keys := source.command("CLUSTER", "GETKEYSINSLOT", slot, 1 if one_key_at_a_time else 100):
            source.command("MIGRATE", HOST, target.port, "", 0, 5000, "REPLACE", "KEYS", *keys)
            moved += len(keys)
            time.sleep(pause)
        for server in (target, source, *self.servers):
            if server.alive and server.info("replication")["role"] == "master":
                server.command("CLUSTER", "SETSLOT", slot, "NODE", _id(target))
        return moved

    def start(self) -> None:
        """Let every node run, whatever was done to it; return when all slots are served."""
        for server in self.servers:
            server.start()
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """Return when every node that runs says that all slots are served."""
        alive = [server for server in self.servers if server.alive]
        until(lambda: all(_state(server) == "ok" for server in alive), "a Cluster that is whole again")

    def replace(self, master: Server) -> Server:
        """Let a new copy of *master*, with all its data, take its place, and kill it; return the copy."""
        copy = self._stack.enter_context(self._server())
        others = [server for server in self.servers if server is not master]
        copy.command("CLUSTER", "MEET", HOST, master.port, _bus_port(master))
        until(lambda: all(_id(copy) in _nodes(server) for server in self.servers), "nodes that know a new one")
        until(lambda: copy.command("CLUSTER", "REPLICATE", _id(master)), "a node that becomes a replica")
        until(lambda: copy.info("replication").get("master_link_status") == "up", "a replica that is in step")
        copy.catch_up(master)
        gone = _id(master)
        master.kill()
        copy.command("CLUSTER", "FAILOVER", "TAKEOVER")
        self.servers[self.servers.index(master)] = copy
        until(lambda: all(_has_slots(server, _id(copy)) for server in others), "nodes that know the new master")
        for server in self.servers:
            server.command("CLUSTER", "FORGET", gone)
        self.wait_until_whole()
        return copy

    def errors(self, name: str) -> int:
        """Return how often the nodes that run have answered with the error *name*, such as ``"MOVED"``."""
        found = (
            server.info("errorstats").get(f"errorstat_{name}", "count=0") for server in self.servers if server.alive
        )
        return sum(int(text.partition("=")[2]) for text in found)

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
        return len(_nodes(server).splitlines()) == len(self.servers)

    def _is_whole(self) -> bool:
        states = (_state(server) for server in self.servers)
        links = (server.info("replication") for server in self.servers[self._masters :])
        return all(state == "ok" for state in states) and all(one.get("master_link_status") == "up" for one in links)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()


def _nodes(server: Server) -> str:
    return str(server.command("CLUSTER", "NODES"))


def _has_slots(server: Server, node: str) -> bool:
    """Whether *server* believes that *node* has slots."""
    return any(line.startswith(node) and len(line.split()) > 8 for line in _nodes(server).splitlines())


def _bus_port(server: Server) -> str:
    return str(server.command("CONFIG", "GET", "cluster-port")[1])


def _state(server: Server) -> str:
    lines = str(server.command("CLUSTER", "INFO")).splitlines()
    return next(line.partition(":")[2] for line in lines if line.startswith("cluster_state:"))


def _id(server: Server) -> str:
    return str(server.command("CLUSTER", "MYID"))


def _has_slot(server: Server, slot: int) -> bool:
    own = next(node for node in _nodes(server).splitlines() if "myself" in node).split()[8:]
    edges = (pair.partition("-") for pair in own if not pair.startswith("["))
    return any(int(first) <= slot <= int(last or first) for first, _, last in edges)


class ClusterProxy:
    """A proxy in front of each node of a Cluster; what nodes say of each other leads to these as well.

    Args:
        cluster: runs already.
        tls: speak TLS to the layer, with this context.

    Attributes:
        proxies: by node, in the order of ``cluster.servers``.
    """

    def __init__(self, cluster: Cluster, tls: ssl.SSLContext | None = None) -> None:
        trigger = Trigger()
        self.proxies = {server: FaultProxy(server, tls, trigger) for server in cluster.servers}
        self._scheme = "redis+cluster" if tls is None else "rediss+cluster"

    @property
    def url(self) -> str:
        """Where the nodes are, as layers take it."""
        return f"{self._scheme}://" + ",".join(f"{HOST}:{proxy.port}" for proxy in self.proxies.values())

    @property
    def faults(self) -> int:
        """See `FaultProxy`."""
        return sum(proxy.faults for proxy in self.proxies.values())

    @property
    def hits(self) -> int:
        """See `FaultProxy`."""
        return sum(proxy.hits for proxy in self.proxies.values())

    @property
    def bytes_up(self) -> int:
        """See `FaultProxy`."""
        return sum(proxy.bytes_up for proxy in self.proxies.values())

    def cut(self) -> None:
        """See `FaultProxy`; at all nodes."""
        self._all("cut")

    def delay(self, seconds: float) -> None:
        """See `FaultProxy`; at all nodes."""
        self._all("delay", seconds)

    def blackhole(self) -> None:
        """See `FaultProxy`; at all nodes."""
        self._all("blackhole")

    def half_close(self) -> None:
        """See `FaultProxy`; at all nodes."""
        self._all("half_close")

    def drop_reply(self) -> None:
        """See `FaultProxy`; whichever node is asked next."""
        self._all("drop_reply")

    def restore(self) -> None:
        """See `FaultProxy`; at all nodes."""
        self._all("restore")

    def replaced(self, old: Server, new: Server) -> None:
        """Lead to *new* where *old* was, which `Cluster.replace` has returned."""
        self.proxies[new] = self.proxies.pop(old)
        self._tell()
        self.proxies[new].aim(new)

    def _all(self, method: str, *arguments: float) -> None:
        for proxy in self.proxies.values():
            getattr(proxy, method)(*arguments)

    def _tell(self) -> None:
        # Ports of servers and of proxies have five digits.
        ports = {b":%d\r\n" % server.port: b":%d\r\n" % proxy.port for server, proxy in self.proxies.items()}
        for proxy in self.proxies.values():
            proxy.replace = ports

    def __enter__(self) -> Self:
        for proxy in self.proxies.values():
            proxy.__enter__()
        self._tell()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Listen no more, and reset what is connected."""
        self._all("close")
