"""`World`: what a test of the suite is given. It makes layer objects in a namespace of its own and closes them.

Rules of this module: no pytest. A test sees layers only through `seaway.conformance.face`.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
from attrs import frozen

from seaway.conformance.face import Call, Face, Hang, Limits, Outcome, Unexpected
from seaway.conformance.harness import LayerHarness
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
