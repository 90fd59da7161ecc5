"""Where the broker is now: at one address, where Sentinels say, or in a process of its own that is started if need be.

Rules of this module: it is asked anew for every connection, since a master changes. It keeps nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ssl import SSLContext
from time import monotonic
from typing import Any

from seaway.layers.redis._connection import Connection
from seaway.layers.redis._embedded import ensure, socket_of
from seaway.layers.redis._greeting import Refused
from seaway.layers.redis._settings import RedisOptions, host_and_port
from seaway.layers.redis._streams import Address
from seaway.layers.redis._wire import Command

Connect = Callable[[Address, float], Awaitable[Connection]]
Sleep = Callable[[float], Awaitable[None]]

_START_SECONDS = 10.0
_SENTINEL_SECONDS = 0.5


def tls_context(options: RedisOptions) -> SSLContext | None:
    """Return how to speak TLS; `Refused` if the files that *options* name are no good."""
    try:
        return options.tls_context()
    except OSError as error:  # those of TLS included
        files = ", ".join(name for name in (options.tls_ca, options.tls_cert, options.tls_key) if name)
        raise Refused(f"no TLS with {files or 'the certificates of this system'}: {error}") from error


class Place:
    """Finds the broker that *options* name."""

    def __init__(self, options: RedisOptions) -> None:
        self._options = options
        self._tls = tls_context(options)
        self._sentinels = list(options.sentinels)

    async def find(self, connect: Connect, sleep: Sleep) -> Address:
        """Return the address of the master; ``ConnectionError`` if nobody knows it."""
        options = self._options
        if options.embedded:
            return await self._embedded(sleep)
        if self._sentinels:
            return await self._master(connect)
        return Address(options.host, options.port, options.path, self._tls)

    async def _embedded(self, sleep: Sleep) -> Address:
        path = socket_of(self._options.embedded)
        deadline = monotonic() + _START_SECONDS
        ensure(self._options.embedded)
        while not path.exists():
            if monotonic() > deadline:
                raise ConnectionError(f"the embedded broker has not started within {_START_SECONDS:.0f} s: no {path}")
            await sleep(0.02)
        return Address(path=str(path))

    async def _master(self, connect: Connect) -> Address:
        errors = []
        for sentinel in list(self._sentinels):
            host, port = host_and_port(sentinel)
            try:
                found = await self._ask(await connect(Address(host, int(port), tls=self._tls), _SENTINEL_SECONDS))
            except ConnectionError as error:
                errors.append(str(error))
                continue
            # Who has answered is asked first the next time.
            self._sentinels.remove(sentinel)
            self._sentinels.insert(0, sentinel)
            return found
        raise ConnectionError(f"no Sentinel knows the master of {self._options.service!r}: {'; '.join(errors)}")

    async def _ask(self, sentinel: Connection) -> Address:
        options = self._options
        commands: list[Command] = []
        if options.sentinel_password:
            name = (options.sentinel_username,) if options.sentinel_username else ()
            commands.append(("AUTH", *name, options.sentinel_password))
        commands.append(("SENTINEL", "GET-MASTER-ADDR-BY-NAME", options.service))
        try:
            reply: Any = (await sentinel.run(commands, _SENTINEL_SECONDS))[-1]
        finally:
            await sentinel.close()
        if not isinstance(reply, list):
            raise ConnectionError(f"the Sentinel at {sentinel.address}: {reply or 'no master of that name'}")
        return Address(reply[0].decode(), int(reply[1]), tls=self._tls)
