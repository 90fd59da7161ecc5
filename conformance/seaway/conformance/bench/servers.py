"""The servers that are compared, each by the command that starts it, as fast as its own options make it.

Common to all: one process, uvloop, no access log. uvicorn's `websockets-sansio` is the fastest of its three.
"""

import shlex
from pathlib import Path
from typing import Final

import attrs

from seaway.conformance.bench.report import Role

BENCH_EXTRA: Final = "pip install 'seaway[bench,speed]'"


@attrs.frozen
class Server:
    """A server: its command template, the interface it speaks, and what has to be importable for it."""

    name: str
    role: Role
    template: str
    modules: tuple[str, ...] = ()
    install: str = BENCH_EXTRA

    @property
    def speaks_asgi(self) -> bool:
        """Whether it takes ASGI applications; ours and guests take Seaway's."""
        return self.role == "peer"


OURS: Final = Server(
    "seaway",
    "ours",
    "{python} -m seaway.reference serve {application} --host {host} --port {port} --no-access-log",
    ("uvloop",),
)
UVICORN: Final = Server(
    "uvicorn",
    "peer",
    "{python} -m uvicorn {application} --host {host} --port {port} --no-access-log --log-level warning"
    " --lifespan off --loop uvloop --http httptools --ws websockets-sansio",
    ("uvicorn", "httptools", "uvloop", "websockets"),
)
GRANIAN: Final = Server(
    "granian",
    "peer",
    "{python} -m granian {application} --host {host} --port {port} --no-access-log --log-level warning"
    " --interface asginl --loop uvloop",
    ("granian", "uvloop"),
)
HYPERCORN: Final = Server(
    "hypercorn",
    "peer",
    "{python} -m hypercorn {application} --bind {host}:{port} --log-level warning --worker-class uvloop",
    ("hypercorn", "uvloop"),
    "pip install hypercorn",
)
DAPHNE: Final = Server(
    "daphne",
    "peer",
    "{python} -m daphne {application} --bind {host} --port {port} --verbosity 0",
    ("daphne",),
    "pip install daphne",
)


def guest(template: str) -> Server:
    """Return a third party's server, named by its program or, after `-m`, its module."""
    words = shlex.split(template)
    name = words[words.index("-m") + 1] if "-m" in words[:-1] else Path(words[0]).name
    return Server(name, "guest", template)
