"""`LayerHarness`: how the suite makes the layer objects that it tests, and what else it may do to them.

Rules of this module: no pytest, nothing of the house. Everything but `LayerHarness.make` is optional: what a harness
does not offer is reported as not tested.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

BrokerAction = Literal["stop", "start", "lose_data", "freeze", "promote"]
LinkAction = Literal["cut", "delay", "blackhole", "drop_reply", "restore"]

HOOKS = ("broker", "link", "forget", "spoil", "backend_clock", "settled", "residue")
"""Methods of `LayerHarness` that a subclass may define. It offers those that it defines."""


class LayerHarness:
    """How to make objects of one layer. Subclass it, and give the suite the class: ``--layer=mypkg.tests:Harness``.

    Attributes:
        flavours: what there is to test: ``"async"``, ``"sync"`` or both.
        event_loops: where asynchronous objects run: ``"asyncio"``, ``"trio"`` or both.
        shared: whether two objects with one namespace, in one process, use one backend; ``None``: found by trial.
        processes: whether objects in two processes do; ``None``: found by trial.
        broker_clock: whether messages expire by a clock that is not the machine's.
        broker_actions: what the hook `broker` can do, if there is one.
        options: the keywords that every object is given, for the tests of defaults.
        target: what another process gives to ``--layer`` to make equal objects; ``""``: what this one was given.

    Hooks are ordinary functions. They return when what they are named for is done.
    """

    flavours: tuple[str, ...] = ("async",)
    event_loops: tuple[str, ...] = ("asyncio", "trio")
    shared: bool | None = None
    processes: bool | None = None
    broker_clock: bool = False
    broker_actions: tuple[BrokerAction, ...] = ("stop", "start", "lose_data")
    options: Mapping[str, Any] = MappingProxyType({})
    target: str = ""

    def make(self, *, is_async: bool, **options: Any) -> Any:
        """Return a new layer object of that flavour. Does no I/O.

        Args:
            is_async: its flavour; only one of `flavours` is asked for.
            options: ``namespace``, always, and of the other keywords of LAY-013 those that a test sets.
        """
        raise NotImplementedError("a LayerHarness has the method make(*, is_async, **options)")

    def broker(self, action: BrokerAction) -> None:
        """Do that to the broker.

        Args:
            action: ``"stop"``: it cannot be reached. ``"start"``: it can again, whatever was done before.
                ``"lose_data"``: it forgets all that it was told, and goes on. ``"freeze"``: it accepts connections
                and answers nothing. ``"promote"``: a copy of it takes its place; what was handed out last may be
                there again.
        """
        raise NotImplementedError

    def link(self, layer: Any, action: LinkAction) -> None:
        """Do that to the connections between *layer*, which `make` returned, and its broker, and to no others.

        Args:
            layer: the object.
            action: ``"cut"``: they are reset; new ones work. ``"delay"``: each way takes 50 ms longer.
                ``"blackhole"``: nothing passes, nothing is refused. ``"drop_reply"``: the broker does what it is asked
                next, the answer is lost, and the connection with it; new ones work. ``"restore"``: all is well again.
        """
        raise NotImplementedError

    def forget(self, namespace: str, group: str) -> None:
        """Let the broker forget who is in *group*, past the layer."""
        raise NotImplementedError

    def spoil(self, namespace: str, channel: str) -> None:
        """Put an entry that nobody can decode into *channel* at the broker, past the layer."""
        raise NotImplementedError

    def backend_clock(self, step: float) -> None:
        """Move the clock by which messages expire *step* seconds ahead."""
        raise NotImplementedError

    def settled(self) -> None:
        """Return when what earlier calls have begun at the broker is done."""
        raise NotImplementedError

    def residue(self, namespace: str) -> list[str]:
        """Return what the backend still holds for *namespace*: a text for each leak."""
        raise NotImplementedError

    def offers(self, hook: str) -> bool:
        """Return whether this harness defines *hook*, one of `HOOKS`."""
        return getattr(type(self), hook) is not getattr(LayerHarness, hook)
