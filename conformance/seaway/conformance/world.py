"""`World`: what a test of the suite is given. It makes layer objects in a namespace of its own and closes them.

Rules of this module: no pytest. A test sees layers only through `seaway.conformance.face`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
from attrs import frozen

from seaway.conformance.face import Call, Face, Hang, Limits, Outcome, Unexpected, in_thread
from seaway.conformance.harness import BrokerAction, LayerHarness, LinkAction
from seaway.conformance.pace import Pace
from seaway.conformance.remote import Remote


@frozen
class Subject:
    """One way to run the layer: *name* is ``"asyncio"``, ``"trio"`` or ``"sync"``."""

    name: str

    @property
    def is_async(self) -> bool:
        """The flavour of its objects."""
        return self.name != "sync"

    @property
    def backend(self) -> str:
        """The event loop in which the tests run."""
        return self.name if self.is_async else "asyncio"


def subjects(harness: LayerHarness) -> list[Subject]:
    """Return the ways to run what *harness* makes."""
    loops = [Subject(name) for name in harness.event_loops if "async" in harness.flavours]
    return [*loops, *([Subject("sync")] if "sync" in harness.flavours else [])]


class World:
    """Layer objects for one test.

    Attributes:
        subject: flavour and event loop.
        limits: how long to wait.
        namespace: this test's own.
        notes: numbers for the report, by name.
    """

    def __init__(self, harness: LayerHarness, subject: Subject, limits: Limits) -> None:
        self.harness = harness
        self.subject = subject
        self.limits = limits
        self.namespace = f"conformance-{secrets.token_hex(6)}"
        self.notes: dict[str, int] = {}
        self._faces: list[Face] = []
        self._remotes: list[Remote] = []

    def layer(self, *, other_flavour: bool = False, **options: Any) -> Face:
        """Return a new layer object in this test's namespace, unless *options* say otherwise."""
        is_async = self.subject.is_async is not other_flavour
        options = {"namespace": self.namespace, **options}
        try:
            raw = self.harness.make(is_async=is_async, **options)
        except Exception as error:
            given = ", ".join(f"{name}={value!r}" for name, value in options.items())
            raise Unexpected(f"an object could not be made with {given}: {type(error).__name__}: {error}") from error
        face = Face(raw, is_async, self.limits, self.subject.backend)
        self._faces.append(face)
        return face

    def refuses(self, kind: type[Exception], **options: Any) -> None:
        """Construction with *options* must raise *kind*."""
        try:
            self.harness.make(is_async=self.subject.is_async, **{"namespace": self.namespace, **options})
        except kind:
            return
        except Exception as error:
            raise AssertionError(f"{options!r} raised {type(error).__name__}; expected {kind.__name__}") from error
        raise AssertionError(f"{options!r} was accepted; expected {kind.__name__}")

    def extensions(self) -> frozenset[str]:
        """Return what the layer announces."""
        return frozenset(self.layer().raw.extensions)

    async def process(self, **options: Any) -> Remote:
        """Return a layer object in another process, in this test's namespace."""
        remote = await Remote.start(
            self.harness.target,
            {"is_async": self.subject.is_async, "namespace": self.namespace, **options},
            self.subject.backend,
            self.limits.deadline,
        )
        self._remotes.append(remote)
        return remote

    async def pass_time(self, seconds: float) -> None:
        """Return when *seconds* have passed on the clock by which messages expire."""
        if self.harness.offers("backend_clock"):
            self.harness.backend_clock(seconds)
        else:
            await anyio.sleep(seconds)

    async def broker(self, action: BrokerAction) -> None:
        """Do that to the broker; see `LayerHarness.broker`."""
        await in_thread(lambda: self.harness.broker(action), self.subject.backend)

    @asynccontextmanager
    async def without_broker(self, action: BrokerAction = "stop") -> AsyncIterator[None]:
        """Let there be no broker, in the way of *action*, while the block runs."""
        await self.broker(action)
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await self.broker("start")

    async def link(self, layer: Face, action: LinkAction) -> None:
        """Do that to the connections of *layer*; see `LayerHarness.link`."""
        await in_thread(lambda: self.harness.link(layer.raw, action), self.subject.backend)

    async def reachable(self, layer: Face | None = None) -> None:
        """Return when a send of *layer*, if it is not given of a new object, is accepted again."""
        sender = layer or self.layer()
        await self.accepted(lambda: sender.send_group("reachable", {"type": "trial.reachable"}))

    async def accepted(self, call: Callable[[], Call]) -> Any:
        """Return what *call* returns, which is made again while it raises ``ConnectionError``.

        For calls that must succeed with a ``send_deadline`` that a busy machine may need for itself.
        """
        deadline = time.monotonic() + self.limits.deadline
        while isinstance((outcome := await (again := call()).outcome()).error, ConnectionError):
            if time.monotonic() > deadline:
                raise Unexpected(
                    f"the broker is there, and for {self.limits.deadline:g} s {again!r} raised {outcome.error!r}"
                )
            await anyio.sleep(0.05)
        if outcome.error is not None:
            raise Unexpected(f"{again!r} raised {outcome.error!r}") from outcome.error
        return outcome.value

    async def raises_in_time(self, call: Call, send_deadline: float) -> None:
        """*call* must raise ``ConnectionError`` within *send_deadline* seconds and a margin of 1 second, by `Pace`."""
        with Pace() as pace:
            await call.raises(ConnectionError)
        assert pace.seconds <= send_deadline + 1, f"{call!r} raised after {pace.seconds:.1f} s"

    async def recovered(self, layer: Face, inbox: str) -> None:
        """Return when a message comes to *inbox* of *layer* again; what comes before it is not kept."""
        deadline = time.monotonic() + self.limits.deadline
        while time.monotonic() < deadline:
            await layer.send(f"{inbox}recovered", {"type": "trial.recovered"}).outcome()
            while (received := await layer.receive([inbox], 0.1))[0] is not None:
                if received[1]["type"] == "trial.recovered":
                    return
        raise AssertionError(f"the broker is back, and nothing comes to {inbox} within {self.limits.deadline:g} s")

    async def restored(self, layer: Face, inbox: str, group: str, seconds: float) -> None:
        """Return when a message to *group*, in which *layer* has a channel under *inbox*, comes there again."""
        deadline = time.monotonic() + seconds
        sender = self.layer()
        while time.monotonic() < deadline:
            await sender.send_group(group, {"type": "trial.restored"})
            channel, message = await layer.receive([inbox], 0.1)
            if channel is not None and message["type"] == "trial.restored":
                return
        raise AssertionError(f"the membership in {group!r} was not restored within {seconds:g} s")

    async def together(self, calls: Sequence[Call]) -> list[Outcome]:
        """Begin all *calls* at once; return how each ended."""
        ended: list[Outcome] = [Outcome() for _ in calls]

        async def run(index: int, call: Call) -> None:
            ended[index] = await call.outcome()

        async with anyio.create_task_group() as tasks:
            for index, call in enumerate(calls):
                tasks.start_soon(run, index, call)
        return ended

    def note(self, name: str, count: int) -> None:
        """Add *count* to the number *name* in the report."""
        self.notes[name] = self.notes.get(name, 0) + count

    async def waiting(self, call: Call, then: Callable[[], Awaitable[Any]]) -> Outcome:
        """Begin *call*, do *then* once it waits, and return how *call* ended."""
        ended: list[Outcome] = []

        async def run() -> None:
            ended.append(await call.outcome())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await self.let_run()
            await then()
        return ended[0]

    async def let_run(self) -> None:
        """Give calls that have begun time to come to where they wait."""
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        await anyio.sleep(self.limits.silence)

    async def settle(self) -> None:
        """Nothing is wrong whatever the test was about."""

    async def cause(self, error: BaseException) -> BaseException:
        """Return *error*: it says all."""
        return error

    async def end(self) -> list[str]:
        """Close everything; return what a test has forgotten to await."""
        forgotten = [repr(call) for face in self._faces for call in face.unawaited]
        for remote in self._remotes:
            await remote.end()
        for face in self._faces:
            try:
                await face.close().outcome()
            except Hang:
                break  # the others would hang as long
        return forgotten
