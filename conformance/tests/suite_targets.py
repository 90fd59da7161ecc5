"""Targets for the tests of the plugin: healthy and broken layers, quick to run."""

from __future__ import annotations

from seaway.conformance.zoo import MUTANTS, ZooHarness


class Healthy(ZooHarness):
    """Passes."""


class TakesReplyChannels(ZooHarness):
    """Breaks a SHOULD."""

    def __init__(self) -> None:
        super().__init__(MUTANTS["TakesReplyChannels"].layer)


class TakesAStr(ZooHarness):
    """Breaks a MUST, LAY-045."""

    def __init__(self) -> None:
        super().__init__(MUTANTS["TakesAStr"].layer)
