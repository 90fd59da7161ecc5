"""How all that waits in a namespace is dropped, whoever owns it.

Rules of this module: as in `_engine`. Owners are told, and read what they are told before anything that comes later.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from seaway.layers.redis._engine import Engine
from seaway.layers.redis._jobs import Job, Tag, call
from seaway.layers.redis._scripts import FLUSH_INBOX, FLUSH_LISTS
from seaway.layers.redis.keys import TAG, tag_in


async def flush(engine: Engine) -> None:
    """Drop all that waits in the namespace of *engine*, and return when the owners of inboxes know."""
    deadline = engine.deadline()
    keys = (engine.keys.history(), *engine.lines.common_keys)
    # Twice is harmless; a Cluster may ask for it while the slot of the lists moves.
    command = call(FLUSH_LISTS, keys, engine.keys.base, TAG)
    lists = await engine.call(Job([command], deadline, again=engine.cluster is not None, tag=TAG))
    engine.client.dropped["lost"] += lists.replies[0]
    hashes = [key for node in await engine.nodes() for key in await _scan(engine, node, deadline)]
    told: list[tuple[str, int]] = []
    for key in dict.fromkeys(hashes):
        stream = key.replace(f"{engine.keys.base}m:", f"{engine.keys.base}i:", 1)
        job = Job([call(FLUSH_INBOX, (stream, key), engine.keys.base)], deadline, tag=tag_in(key))
        count = (await engine.call(job)).replies[0]
        if count >= 0:
            told.append((key, count))
    for key, count in told:
        await _taken(engine, key, count, deadline)


async def _scan(engine: Engine, node: Tag, deadline: float) -> list[str]:
    """Return the hashes of all inboxes at *node*."""
    hashes: list[str] = []
    cursor: Any = b"0"
    while True:
        command = ("SCAN", cursor, "MATCH", engine.keys.inboxes(), "COUNT", 1000)
        cursor, found = (await engine.call(Job([command], deadline, again=True, tag=node))).replies[0]
        hashes += [key.decode() for key in found if key.isascii()]  # others are not ours
        if int(cursor) == 0:
            return hashes


async def _taken(engine: Engine, key: str, count: int, deadline: float) -> None:
    """Wait until the owner of an inbox has taken *count* messages, or is gone, or does not answer."""
    while monotonic() < deadline:
        job = Job([("HMGET", key, "rn", "an")], deadline, again=True, tag=tag_in(key))
        taken, appended = (await engine.call(job)).replies[0]
        if taken is None or int(taken) >= count or int(appended) < count:
            return
        await engine.sleep(0.002)
