"""One script for each kind of failure: ``python -m seaway.conformance.foreign.reproduce`` runs all.

Rules of this package: a script imports the foreign package and the standard library, and nothing of ours. Its first
line names the layer and the requirements; it prints what it expected and what it saw, and exits with 1 if the defect
shows, else with 0. It takes the address of its broker as argument.
"""
