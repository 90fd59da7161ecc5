"""What is said first on every connection, and what the answers mean: who we are, and which broker this is.

Rules of this module: no I/O. Two connections whose brokers have the same history see the same data. Any other change
of it means that messages may be missing, unless the data has moved to another node of a Cluster (`is_move`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from seaway.layers.redis._scripts import SCRIPTS
from seaway.layers.redis._settings import RedisOptions
from seaway.layers.redis._wire import Command

_NOBODY = "0" * 40


class Refused(ConnectionError):  # noqa: N818 - a verdict
    """The broker does not want us: to try again does not help."""


@attrs.frozen
class History:
    """Which history a broker's data has.

    Attributes:
        run: the id of the running server.
        replication: the id of its data; a replica has its master's, and a new one when it is promoted.
        before: the id that the data had before, if the server has taken over from another.
        shard: of a Cluster, what a node and its replicas have in common; ``""`` if the node is too old to say;
            ``None``: no Cluster.
    """

    run: str
    replication: str
    before: str
    shard: str | None = None

    def continues(self, known: History) -> bool:
        """Return whether nothing that was at the broker *known* can be missing here.

        A master whose replicas have been gone for an hour takes a new id, and names none before it.
        """
        if self.replication == known.replication:
            return True
        return self.run == known.run and self.before == _NOBODY

    def is_move(self, known: History, is_redirected: bool) -> bool:
        """Return whether data that was at *known* has come here by a move of its slot, and nothing of it is missing.

        A failover stays within a shard, a move never does. Nodes that know nothing of shards: it was a move if a
        redirect has led here, and this node has not taken over from the other.
        """
        if self.shard is None:
            return False
        if self.shard and known.shard:
            return self.shard != known.shard
        return is_redirected and self.before != known.replication

    def replaces(self, other: History) -> bool:
        """Return whether who is connected to *other* is connected to a broker that has been replaced by this one."""
        if self.shard is None:
            return self != other
        return self.before == other.replication

    def __str__(self) -> str:
        return self.replication if self.shard is None else f"{self.shard}:{self.replication}"


def authentication(options: RedisOptions) -> list[Command]:
    """Return the commands that say who we are, and nothing else."""
    if not options.password and not options.username:
        return []
    return [("AUTH", options.username or "default", options.password)]


def greeting(options: RedisOptions) -> list[Command]:
    """Return the first commands of a connection."""
    hello: list[Any] = ["HELLO", 2]
    for _, *who in authentication(options):
        hello += ["AUTH", *who]
    hello += ["SETNAME", options.client_name]
    commands: list[Command] = [tuple(hello)]
    if options.db:
        commands.append(("SELECT", options.db))
    commands += [("SCRIPT", "LOAD", script.text) for script in SCRIPTS]
    # Two sections in two calls: Redis 6 takes one at a time.
    commands += [("INFO", "server"), ("INFO", "replication")]
    return [*commands, ("CLUSTER", "MYSHARDID")] if options.nodes else commands


def read_greeting(replies: Sequence[Any], where: str, in_cluster: bool) -> History:
    """Return the history of the broker at *where*.

    Raises:
        Refused: wrong password, or rights are missing; the text names them.
        ConnectionError: it is not ready, or a replica.
    """
    shard: str | None = None
    if in_cluster:
        *replies, answer = replies
        shard = answer.decode("ascii", "replace") if isinstance(answer, bytes) else ""
    raise_first(replies, where)
    fields: dict[str, str] = {}
    for reply in replies[-2:]:
        for line in reply.decode("utf-8", "replace").splitlines():
            name, _, value = line.partition(":")
            fields[name] = value
    if fields.get("role") != "master":
        raise ConnectionError(f"the broker at {where} is no master but {fields.get('role')!r}")
    before = fields.get("master_replid2", _NOBODY)
    return History(fields.get("run_id", ""), fields.get("master_replid", ""), before, shard)


def raise_first(replies: Sequence[Any], where: str) -> None:
    """Raise the first error among *replies*, as `read_greeting` does."""
    for reply in replies:
        if isinstance(reply, Exception):
            raise refusal_of(str(reply), where)


def refusal_of(text: str, where: str) -> ConnectionError:
    """Return the exception for the error *text* of the broker at *where*: `Refused` if to try again does not help."""
    if text.startswith(("NOPERM", "ERR ACL failure in script")):
        return Refused(
            f"the broker at {where}: {text}; the user needs the keys of the prefix (~seaway:*) and the commands that "
            "the page 'Redis' of the documentation lists, INFO among them (-@dangerous +info)"
        )
    if text.startswith(("WRONGPASS", "NOAUTH", "ERR invalid password", "ERR AUTH", "ERR DB index")):
        return Refused(f"the broker at {where}: {text}")
    return ConnectionError(f"the broker at {where}: {text}")
