"""Layers that are broken in one way each: the suite's own test.

Each must fail by an assertion in a test of the requirement that it declares, and pass every test outside what it
declares. `seaway.conformance.zoo.model` is the healthy layer that they are made from; `MUTANTS` has all of them.
"""

from seaway.conformance.zoo import channels, groups, life, links, loss, messages, receiving  # noqa: F401 - they register their mutants
from seaway.conformance.zoo.mutants import MUTANTS, Mutant, ZooHarness

__all__ = ["MUTANTS", "Mutant", "ZooHarness"]
