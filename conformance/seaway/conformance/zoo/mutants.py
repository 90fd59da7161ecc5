"""What a mutant is, and the register of all of them. A module of the zoo registers its own when it is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from seaway.conformance.harness import BrokerAction, LayerHarness, LinkAction
from seaway.conformance.zoo.broker import Broker
from seaway.conformance.zoo.model import ModelLayer


@frozen
class Mutant:
    """A layer that is broken in one way.

    Args:
        layer: its class.
        ids: the requirements that it breaks, the one that is meant first.
        idea: what is wrong, in a few words.
    """

    layer: type[ModelLayer]
    ids: tuple[str, ...]
    idea: str


MUTANTS: dict[str, Mutant] = {}


def breaks(*ids: str) -> Callable[[type[ModelLayer]], type[ModelLayer]]:
    """Register a class as a mutant that breaks *ids*; its docstring is the idea."""

    def register(layer: type[ModelLayer]) -> type[ModelLayer]:
        MUTANTS[layer.__name__] = Mutant(layer, ids, (layer.__doc__ or "").strip())
        return layer

    return register


class ZooHarness(LayerHarness):
    """Objects of *layer*, at a broker of their own to which all can be done that a harness may do."""

    flavours = ("async",)
    event_loops = ("asyncio",)
    shared = True
    processes = False
    broker_clock = True
    broker_actions = ("stop", "start", "lose_data", "freeze", "promote")

    def __init__(self, layer: type[ModelLayer] = ModelLayer) -> None:
        self._layer = layer
        self._broker = Broker()

    def make(self, *, is_async: bool, **options: Any) -> ModelLayer:
        """See `LayerHarness.make`."""
        return self._layer(self._broker, **options)

    def broker(self, action: BrokerAction) -> None:
        """See `LayerHarness.broker`."""
        if action == "lose_data":
            self._broker.lose_data()
        elif action == "promote":
            self._broker.promote()
        else:
            self._broker.is_up = action == "start"
            self._broker.is_frozen = action == "freeze"

    def link(self, layer: ModelLayer, action: LinkAction) -> None:
        """See `LayerHarness.link`."""
        layer.on_link(action)

    def forget(self, namespace: str, group: str) -> None:
        """See `LayerHarness.forget`."""
        self._broker.space(namespace).groups.pop(group, None)

    def spoil(self, namespace: str, channel: str) -> None:
        """See `LayerHarness.spoil`."""
        self._broker.spoil(namespace, channel)
