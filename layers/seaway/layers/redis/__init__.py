"""The Redis layer: messages between processes over Redis 7 or Valkey, in both flavours, with one wire format.

Rules of this package: what is at the broker, and why, is on the page "Redis" of the documentation; each script in the
folder ``lua`` says what it must keep true. Decisions are in modules that do no I/O.
"""

from seaway.layers.redis._layer import RedisLayer, SyncRedisLayer
from seaway.layers.redis._settings import RedisOptions

__all__ = ["RedisLayer", "RedisOptions", "SyncRedisLayer"]
