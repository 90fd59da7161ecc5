"""One script for each kind of failure: ``python -m seaway.conformance.foreign.servers.reproduce`` runs all.

Rules of this package: a script has a plain ASGI application and a plain client, `plain`, on sockets: the standard
library and the foreign server, and nothing of ours. Its first line names the servers (columns of the matrix) and the
requirements; its argument is one of these servers. It prints what it expected and what it saw, and exits with 1 if the
defect shows, else with 0.
"""
