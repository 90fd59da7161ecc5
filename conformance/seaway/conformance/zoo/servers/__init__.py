"""Servers that are broken in one way each: the server suite's own test.

``python -m seaway.conformance.zoo.servers NAME APPLICATION …`` is the reference server with the fault NAME put into
it; the rest of the command is that of ``seaway serve``. Each must fail by an assertion in a test of the requirement
that it declares first; the others that it declares are those whose tests see the fault too, and every other test it
must pass. `SERVERS` has all of them. ``python -m seaway.conformance.zoo.servers judge`` runs the whole suite on each.
"""

from seaway.conformance.zoo.servers import calls, life, mailboxes, wire  # noqa: F401 - they register their servers
from seaway.conformance.zoo.servers.mutants import SERVERS, BrokenServer

__all__ = ["SERVERS", "BrokenServer"]
