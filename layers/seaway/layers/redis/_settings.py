"""The options of a Redis layer: where the broker is, who asks, and under which names."""

from __future__ import annotations

import ssl
from math import ceil
from typing import Any

import attrs

from seaway.layers._options import Options, _name


def _port(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if type(value) is not int or not 0 < value < 65536:
        raise ValueError(f"{field.name}: expected a port number, got {value!r} (LAY-015)")


def _database(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if type(value) is not int or value < 0:
        raise ValueError(f"{field.name}: expected the number of a database, 0 or more, got {value!r} (LAY-015)")


def _text(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if type(value) is not str:
        raise ValueError(f"{field.name}: expected a str, got {type(value).__name__} (LAY-015)")


def _flag(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if type(value) is not bool:
        raise ValueError(f"{field.name}: expected True or False, got {value!r} (LAY-015)")


def _prefix(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if type(value) is not str or not value.isascii() or any(mark in value for mark in "{}*?[]\\") or " " in value:
        raise ValueError(f"{field.name}: expected ASCII text without blanks, braces and glob characters, got {value!r}")


def host_and_port(address: str) -> tuple[str, str]:
    """Return the parts of ``"host:port"``; an IPv6 address stands in brackets there, and without them here."""
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), port


def _addresses(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    for address in value:
        host, port = host_and_port(address) if type(address) is str else ("", "")
        if not port.isdecimal() or not host:
            raise ValueError(f"{field.name}: expected addresses such as 'broker.example:26379', got {address!r}")


def _keys(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, str) or not all(type(key) is str for key in value):
        raise ValueError(f"{field.name}: expected a list of Fernet keys, each a str (LAY-015)")


@attrs.frozen(kw_only=True)
class RedisOptions(Options):
    """The options of `RedisLayer` and `SyncRedisLayer`, beside those of every layer.

    Attributes:
        host: where the broker is, unless *path* names a Unix socket.
        port: its port.
        path: a Unix socket.
        db: number of the database.
        username: whose rights the layer has; empty: those of the default user.
        password: theirs.
        tls: whether to speak TLS, and to check the broker's certificate and name.
        tls_ca: file of certificates to trust instead of the system's.
        tls_cert: file of the client's own certificate, if the broker asks for one.
        tls_key: file of its key, if it is not in the same file.
        client_name: what the broker lists connections under.
        prefix: what all names of keys begin with.
        sentinels: addresses (``"host:port"``) of Sentinels that know where the broker is.
        service: the name under which they know it.
        sentinel_username: whose rights the layer has there.
        sentinel_password: theirs.
        nodes: addresses of some nodes of a Cluster; it tells of the others. Database 0 only.
        embedded: the name of a private broker that is started if need be; other processes of this user may share it.
        encryption_keys: Fernet keys (SEC-013): the first encrypts, any of them decrypts.
    """

    host: str = attrs.field(default="127.0.0.1", validator=_text)
    port: int = attrs.field(default=6379, validator=_port)
    path: str = attrs.field(default="", validator=_text)
    db: int = attrs.field(default=0, validator=_database)
    username: str = attrs.field(default="", validator=_text)
    password: str = attrs.field(default="", validator=_text, repr=False)
    tls: bool = attrs.field(default=False, validator=_flag)
    tls_ca: str = attrs.field(default="", validator=_text)
    tls_cert: str = attrs.field(default="", validator=_text)
    tls_key: str = attrs.field(default="", validator=_text)
    client_name: str = attrs.field(default="seaway", validator=_text)
    prefix: str = attrs.field(default="seaway:", validator=_prefix)
    sentinels: tuple[str, ...] = attrs.field(default=(), validator=_addresses, converter=tuple)
    service: str = attrs.field(default="mymaster", validator=_text)
    sentinel_username: str = attrs.field(default="", validator=_text)
    sentinel_password: str = attrs.field(default="", validator=_text, repr=False)
    nodes: tuple[str, ...] = attrs.field(default=(), validator=_addresses, converter=tuple)
    embedded: str = attrs.field(default="", validator=_name)
    encryption_keys: tuple[str, ...] = attrs.field(default=(), validator=_keys, converter=tuple, repr=False)

    def __attrs_post_init__(self) -> None:
        places = {"path": self.path, "sentinels": self.sentinels, "nodes": self.nodes, "embedded": self.embedded}
        given = [name for name, value in places.items() if value]
        if len(given) > 1:
            raise ValueError(
                f"{' and '.join(given)}: expected one of them, for each says where the broker is (LAY-015)"
            )
        if self.nodes and self.db:
            raise ValueError(f"db: a Cluster has no databases; expected 0 beside nodes, got {self.db} (LAY-015)")
        files = [name for name in ("tls_ca", "tls_cert", "tls_key") if getattr(self, name)]
        if files and not self.tls:
            raise ValueError(f"{files[0]}: without TLS it means nothing; expected rediss:// or tls=true (LAY-015)")

    def lease_at_broker(self) -> int:
        """Return the milliseconds for which the broker keeps what it does not hear of.

        A little longer than `lease`, within the margin of GRP-015: an owner that is late by a breath has lost nothing.
        """
        return ceil((self.lease + 0.5) * 1000)

    def tls_context(self) -> ssl.SSLContext | None:
        """Return how to speak TLS, or ``None``. Reads the files; ``OSError`` if they cannot be."""
        if not self.tls:
            return None
        context = ssl.create_default_context(cafile=self.tls_ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.tls_cert:
            context.load_cert_chain(self.tls_cert, self.tls_key or None)
        return context
