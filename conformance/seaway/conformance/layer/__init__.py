"""The tests of a channel layer. Each names its requirement; all are given a `seaway.conformance.world.World`."""
