"""Runs cases and gives verdicts, without pytest: the plugin and the zoo both stand on it.

Rules of this module: nothing that a layer does can hang or end the caller. Each run is in a thread of its own, with an
event loop of its own.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import Any, Literal, Protocol

import anyio
from attrs import Factory, frozen

from seaway.conformance.cases import NEEDS, Case
from seaway.conformance.face import Crashed, Hang, Limits
from seaway.conformance.harness import LayerHarness
from seaway.conformance.history import UnexplainedError
from seaway.conformance.remote import RemoteError, WorkerDied
from seaway.conformance.world import Subject
from seaway.conformance.world import World as LayerWorld

Verdict = Literal["pass", "fail", "timeout", "crash", "blocked", "not offered", "suite error"]

SIDE_BY_SIDE = 16
"""So many cases run at the same time; those that mostly wait are not counted."""

FOR_ALL = frozenset({"broker", "freeze", "promote", "broker clock"})
"""Needs of cases that do something to every object there is."""

CASE_DEADLINES = 6
"""A case may take so many times the deadline of a call."""

CANCELLED_DEADLINES = 2
"""So many deadlines later a case that was cancelled counts as one that nothing ends."""

WAITING_CASE_DEADLINES = 10
"""The same for a case that mostly waits: the longest time that the specification names is 40 seconds (WS-046)."""


@frozen
class Result:
    """How one case ended on one subject.

    Args:
        case: its name.
        subject: its subject's name.
        ids: the requirements that it tests; where a failure tells, those of them that it breaks.
        verdict: ``"pass"``, ``"fail"`` (the layer does not what the text says), ``"timeout"`` (a call never
            returned), ``"crash"`` (an error that no layer raises), ``"not offered"``, ``"blocked"`` (by smoke),
            ``"suite error"`` (a mistake of the suite's own).
        message: one line; empty for a pass.
        details: a traceback; empty for a pass.
        notes: numbers for the report.
        seconds: how long it took.
        missing: of ``"not offered"``: what the case needs, and is not there.
    """

    case: str
    subject: str
    ids: tuple[str, ...]
    verdict: Verdict
    message: str = ""
    details: str = ""
    notes: dict[str, int] = Factory(dict)
    seconds: float = 0.0
    missing: tuple[str, ...] = ()


def not_offered(case: Case, subject: str, missing: Iterable[str], names: Mapping[str, str]) -> Result:
    """Return the result of a case that has not run, for it needs what is *missing*, by its *names*."""
    those = tuple(sorted(missing))
    needed = ", ".join(names[need] for need in those)
    return Result(case.name, subject, case.ids, "not offered", f"needs {needed}", missing=those)


class World(Protocol):
    """What a case is given, as far as this module knows it."""

    limits: Limits
    notes: dict[str, int]

    async def settle(self) -> None:
        """Raise what is wrong whatever the case was about."""

    async def cause(self, error: BaseException) -> BaseException:
        """Return *error*, which ended the case, or what explains it: a server that has gone, for example."""

    async def end(self) -> list[str]:
        """Give up what the case has used; return calls that it has forgotten to await."""


class Bench:
    """Where cases run on one subject: makes their worlds.

    Attributes:
        backend: the event loop.
        smoke_first: see `run`.
    """

    backend = "asyncio"
    smoke_first = True

    def open(self) -> AbstractAsyncContextManager[Any]:
        """Have what all worlds share, while they run."""
        return nullcontext()

    def world(self, case: Case) -> World:
        """Return a world for one run of *case*."""
        raise NotImplementedError

    def alone(self, case: Case) -> bool:
        """Return whether *case* runs beside no other."""
        return case.alone


class LayerBench(Bench):
    """A layer, as *harness* makes it, on *subject*."""

    def __init__(self, harness: LayerHarness, subject: Subject, limits: Limits) -> None:
        self.backend = subject.backend
        self._harness = harness
        self._subject = subject
        self._limits = limits

    def world(self, case: Case) -> World:
        """See `Bench`."""
        return LayerWorld(self._harness, self._subject, self._limits)

    def alone(self, case: Case) -> bool:
        """Return whether it injects a fault, or steps the clock: those are for all objects, and others know nothing."""
        return bool(case.needs & FOR_ALL) or self._harness.offers("backend_clock")


def run(
    cases: Sequence[Case], harness: LayerHarness, subject: Subject, limits: Limits, *, smoke_first: bool = False
) -> list[Result]:
    """Run *cases* of the layer suite side by side in one event loop and return their results, in the same order.

    Args:
        cases: what is run.
        harness: makes the layer objects.
        subject: the way in which they are run.
        limits: how long to wait.
        smoke_first: whether the cases of smoke run before all others, which a failure of one of them blocks.
    """
    bench = LayerBench(harness, subject, limits)
    bench.smoke_first = smoke_first
    return run_on(cases, bench, subject.name, limits)


def run_on(cases: Sequence[Case], bench: Bench, subject: str, limits: Limits) -> list[Result]:
    """Run *cases* side by side in one event loop, in worlds of *bench*; return their results, in the same order."""
    found: dict[str, Result] = {}
    pulse = _Pulse(limits.deadline)
    thread = threading.Thread(target=partial(_run_loop, cases, bench, subject, found, pulse), daemon=True)
    thread.start()
    pulse.watch(thread)
    stuck = _stack(thread) if thread.is_alive() else ""
    held = pulse.held() if stuck else []
    return [found.get(case.name) or _unfinished(case, subject, stuck, held) for case in cases]


class _Pulse:
    """Tells an event loop that is blocked, or a case that no cancellation ends, from one that is busy.

    Args:
        deadline: seconds that a call may take; so long and half as long again may pass without a beat.
    """

    def __init__(self, deadline: float) -> None:
        self._pause = deadline / 10
        self._longest = 1.5 * deadline
        self._last = time.monotonic()
        self._running: dict[str, float] = {}

    def expect(self, case: str, seconds: float) -> None:
        """*case* ends within *seconds*, for then it was cancelled long ago."""
        self._running[case] = time.monotonic() + seconds

    def ended(self, case: str) -> None:
        """*case* has ended."""
        del self._running[case]

    def held(self) -> list[str]:
        """Return the cases that nothing ends, if none else is running."""
        now = time.monotonic()
        running = list(self._running.items())  # another thread changes it
        return [case for case, latest in running] if all(latest < now for _, latest in running) else []

    async def beat(self) -> None:
        """Beat, until cancelled."""
        while True:
            self._last = time.monotonic()
            await anyio.sleep(self._pause)

    def watch(self, thread: threading.Thread) -> None:
        """Return when *thread* has ended, its event loop is blocked, or nothing but cases that nothing ends runs."""
        while thread.is_alive() and time.monotonic() - self._last < self._longest and not self.held():
            thread.join(self._pause)


def _run_loop(cases: Sequence[Case], bench: Bench, subject: str, found: dict[str, Result], pulse: _Pulse) -> None:
    async def main() -> None:
        smoke = [case for case in cases if case.is_smoke and bench.smoke_first]
        alone = [case for case in cases if bench.alone(case) and case not in smoke]
        few = anyio.Semaphore(SIDE_BY_SIDE)
        async with anyio.create_task_group() as beating:
            beating.start_soon(pulse.beat)
            async with bench.open():
                if await passed(smoke):
                    async with anyio.create_task_group() as tasks:
                        for case in cases:
                            if case not in alone and case not in smoke:
                                tasks.start_soon(one, case, nullcontext() if case.waits else few)
                    for case in alone:
                        await one(case, nullcontext())
            beating.cancel_scope.cancel()

    async def passed(smoke: list[Case]) -> bool:
        for case in smoke:
            await one(case, nullcontext())
            if (result := found[case.name]).verdict != "pass":
                cause = f"{result.message} [{case.name}, {subject}]"
                for other in cases:
                    found.setdefault(other.name, Result(other.name, subject, other.ids, "blocked", cause))
                return False
        return True

    async def one(case: Case, turn: AbstractAsyncContextManager[Any]) -> None:
        async with turn:
            found[case.name] = await _result(case, bench.world(case), subject, pulse)

    anyio.run(main, backend=bench.backend)


async def _result(case: Case, world: World, subject: str, pulse: _Pulse) -> Result:
    started = time.monotonic()
    verdict: Verdict = "pass"
    error: BaseException | None = None
    limit = world.limits.deadline * (WAITING_CASE_DEADLINES if case.waits else CASE_DEADLINES)
    latest = limit + world.limits.deadline * CANCELLED_DEADLINES
    pulse.expect(case.name, latest)
    try:
        with anyio.move_on_after(limit) as scope:
            await case.function(world)
            await world.settle()
        if scope.cancelled_caught:
            error = await world.cause(Hang(f"the test has not ended within {limit:g} seconds"))
            verdict = _verdict(error)
    except anyio.get_cancelled_exc_class():
        raise
    except BaseException as raised:  # a layer may raise SystemExit, too
        error = await world.cause(_single(raised))
        verdict = _verdict(error)
    pulse.expect(case.name, latest)
    with anyio.CancelScope(shield=True):
        forgotten = await world.end()
    pulse.ended(case.name)
    if forgotten and error is None:
        verdict, error = "suite error", RuntimeError(f"calls that were not awaited: {', '.join(forgotten)}")
    return Result(
        case=case.name,
        subject=subject,
        ids=error.ids if isinstance(error, UnexplainedError) else case.ids,
        verdict=verdict,
        message="" if error is None else _message(error),
        details="" if error is None else "".join(traceback.format_exception(error)),
        notes=world.notes,
        seconds=time.monotonic() - started,
    )


def _verdict(error: BaseException) -> Verdict:
    if isinstance(error, AssertionError):
        return "fail"
    if isinstance(error, Hang):
        return "timeout"
    known = isinstance(error, Exception) and not isinstance(error, (Crashed, RemoteError, WorkerDied))
    return "suite error" if known else "crash"


def _single(error: BaseException) -> BaseException:
    """Return what is in a task group's exception group, the most telling first."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    inside = [_single(one) for one in error.exceptions]
    return next((one for one in inside if isinstance(one, AssertionError)), inside[0])


def _message(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0] if isinstance(error, (AssertionError, Hang)) else f"{type(error).__name__}: {text}"


def _unfinished(case: Case, subject: str, stuck: str, held: Sequence[str]) -> Result:
    if held:
        message = "a call has not ended even though it was cancelled: the layer shields it, or goes on all the same"
        if case.name in held:
            return Result(case.name, subject, case.ids, "timeout", message, stuck)
        return Result(case.name, subject, case.ids, "blocked", f"{message} [{held[0]}, {subject}]")
    message = "the event loop was blocked: a construction, or a call of an asynchronous layer, did not let others run"
    if not stuck:
        message = "the event loop ended before the test did"
    return Result(case.name, subject, case.ids, "timeout" if stuck else "crash", message, stuck)


def _stack(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    return "".join(traceback.format_stack(frame)) if frame is not None else ""


def offered(harness: LayerHarness, subject: Subject, limits: Limits) -> frozenset[str]:
    """Return which of `NEEDS` this layer offers, by what the harness says or by trial."""
    found = {"async" if subject.is_async else "sync"}
    found |= {hook for hook in ("broker", "link", "forget", "spoil", "residue") if harness.offers(hook)}
    if "broker" in found:
        found |= {"freeze", "promote"} & set(harness.broker_actions)
    if harness.target:
        found |= {"import", "fork"} if hasattr(os, "fork") else {"import"}
        found |= {"url"} if harness.target.startswith("memory://") else set()
    found |= {"broker clock"} if harness.broker_clock else set()
    trials: dict[str, Any] = {"extensions": frozenset()}
    thread = threading.Thread(target=partial(_try, harness, subject, limits, trials), daemon=True)
    thread.start()
    thread.join(limits.deadline * CASE_DEADLINES)
    for extension in ("flush", "statistics"):
        found.add(extension if extension in trials["extensions"] else f"no {extension}")
    found |= {need for need in ("peer", "process", "other flavour") if trials.get(need)}
    return frozenset(found & NEEDS.keys())


def _try(harness: LayerHarness, subject: Subject, limits: Limits, trials: dict[str, Any]) -> None:
    async def main() -> None:
        world = LayerWorld(harness, subject, limits)
        try:
            trials["extensions"] = world.extensions()
            if harness.shared is None:
                harness.shared = await _meet(world)
            if harness.processes is None:
                harness.processes = harness.shared and bool(harness.target) and await _meet_process(world)
            trials["peer"] = harness.shared
            trials["process"] = harness.processes
            trials["other flavour"] = harness.shared and len(harness.flavours) == 2
        finally:
            with anyio.CancelScope(shield=True):
                await world.end()

    try:
        anyio.run(main, backend=subject.backend)
    except Exception as error:
        trials["error"] = error


async def _meet(world: LayerWorld) -> bool:
    await world.layer().send("trial", {"type": "trial.peer"})
    channel, _ = await world.layer().receive(["trial"], world.limits.silence)
    return channel is not None


async def _meet_process(world: LayerWorld) -> bool:
    remote = await world.process()
    await remote.call("send", "trial", {"type": "trial.process"})
    channel, _ = await world.layer().receive(["trial"], world.limits.silence)
    return channel is not None
