"""Our own layers pass: the memory layers by their URL, and both adapters, on ours and on layers that are not ours."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.conformance.cases import NEEDS, all_cases
from seaway.conformance.face import Limits
from seaway.conformance.harness import LayerHarness
from seaway.conformance.runner import offered, run
from seaway.conformance.target import load
from seaway.conformance.world import Subject
from seaway.layers import MemoryLayer, SyncMemoryLayer, to_async, to_sync

LIMITS = Limits(deadline=10.0)
MEMBERS = (
    *("send", "receive", "new_channel", "close_channel", "group_add", "group_discard", "send_group", "close"),
    *("flush", "statistics", "extensions", "capacity", "expiry", "max_message_size", "ChannelFull", "MessageTooLarge"),
)


class Stranger:
    """A layer that is not built on our base: nothing but the interface."""

    interface = "1.0"

    def __init__(self, layer: Any) -> None:
        self.is_async = layer.is_async
        for name in MEMBERS:
            setattr(self, name, getattr(layer, name))


class Adapted(LayerHarness):
    """A memory layer of the other flavour behind an adapter."""

    shared = True
    processes = False

    def __init__(self, flavour: str, is_stranger: bool) -> None:
        self.flavours = (flavour,)
        self._is_stranger = is_stranger

    def make(self, *, is_async: bool, **options: Any) -> Any:
        """See `LayerHarness.make`."""
        behind: Any = (SyncMemoryLayer if is_async else MemoryLayer)(name="adapted", **options)
        if self._is_stranger:
            behind = Stranger(behind)
        return to_async(behind) if is_async else to_sync(behind)


def harness_of(name: str) -> LayerHarness:
    if name == "memory":
        return load("memory://our-layers", {})
    flavour, _, kind = name.partition(" ")
    return Adapted(flavour, kind == "stranger")


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        *(("memory", subject) for subject in ("asyncio", "trio", "sync")),
        *(("async ours", subject) for subject in ("asyncio", "trio")),
        *(("async stranger", subject) for subject in ("asyncio", "trio")),
        ("sync ours", "sync"),
        ("sync stranger", "sync"),
    ],
)
def test_every_requirement_that_it_can_be_tested_for_is_met(name: str, subject: str) -> None:
    harness = harness_of(name)
    able = offered(harness, Subject(subject), LIMITS)
    cases = [case for case in all_cases() if case.needs <= able]
    results = run(cases, harness, Subject(subject), LIMITS)
    assert len(cases) > 170
    assert [f"{one.case}: {one.verdict}: {one.message}" for one in results if one.verdict != "pass"] == []


def test_what_the_memory_layers_are_not_tested_for_is_known() -> None:
    able = offered(harness_of("memory"), Subject("asyncio"), LIMITS)
    unable = NEEDS.keys() - able
    of_brokers = {"broker", "freeze", "promote", "link", "forget", "spoil", "residue", "broker clock"}
    assert unable == {"sync", "process", "no flush", "no statistics"} | of_brokers
