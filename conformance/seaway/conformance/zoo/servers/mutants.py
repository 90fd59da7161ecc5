"""What a broken server is, and the register of all of them. A module of this package registers its own."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen


@frozen
class BrokenServer:
    """A server that is broken in one way.

    Args:
        put_in: puts the fault into the reference server of this process.
        ids: the requirements that it breaks, the one that is meant first.
        idea: what is wrong, in a few words.
    """

    put_in: Callable[[], None]
    ids: tuple[str, ...]
    idea: str


SERVERS: dict[str, BrokenServer] = {}


def breaks(*ids: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a function that puts a fault in which breaks *ids*; its docstring is the idea."""

    def register(put_in: Callable[[], None]) -> Callable[[], None]:
        SERVERS[put_in.__name__] = BrokenServer(put_in, ids, (put_in.__doc__ or "").strip())
        return put_in

    return register
