"""A server as the target of the suite: ``--server="COMMAND"``, its profile, and the processes of one run.

Rules of this module: no pytest. One process for each application and each set of settings serves all the tests that
want it, and is ended with the run.
"""

from __future__ import annotations

import re
import resource
import secrets
import shutil
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from attrs import frozen

from seaway.conformance.cases import Case
from seaway.conformance.face import Limits
from seaway.conformance.runner import Bench, Result, run_on
from seaway.conformance.serving.broker import LAYER, Broker
from seaway.conformance.serving.command import CommandError, check, command_line, reserved_port
from seaway.conformance.serving.guard import Guard
from seaway.conformance.serving.hub import Hub
from seaway.conformance.serving.process import Served
from seaway.conformance.serving.profile import Profile, ProfileError, find
from seaway.conformance.serving.world import ServerWorld
from seaway.conformance.suites import SERVER
from seaway.conformance.target import TargetError

FLAVOURS = {"async": "asynchronous", "sync": "synchronous"}
"""The flavours, and how the suite's applications are named for them."""


@frozen
class ServerSubject:
    """One way to run the server.

    Args:
        name: as reports show it: of the variant, and of the applications' flavour if it is not the server's own.
        variant: of the profile.
        flavour: of the applications: ``"asynchronous"`` or ``"synchronous"``.
        is_own: whether that is the server's own flavour.
    """

    name: str
    variant: str
    flavour: str
    is_own: bool = True


class ServerTarget:
    """A server to be tested.

    Args:
        command: the template of its command.
        profile: what it offers.
    """

    suite = SERVER

    def __init__(self, command: str, profile: Profile) -> None:
        self.name = command
        self.flavour: str = profile.flavour
        self.profile = profile
        own, other = ("async", "sync") if profile.flavour == "async" else ("sync", "async")
        self.subjects = [ServerSubject(variant, variant, FLAVOURS[own]) for variant in profile.variants]
        if f"{other} applications" in profile.offers:
            self.subjects += [
                ServerSubject(f"{variant}, {other} applications", variant, FLAVOURS[other], is_own=False)
                for variant in profile.variants
            ]

    @classmethod
    def load(cls, command: str, profile: str | None) -> ServerTarget:
        """Return the target.

        Args:
            command: template of the command.
            profile: a TOML file, or the name of a profile that comes with the suite.

        Raises:
            TargetError: one of them is not right.
        """
        try:
            check(command)
            if shutil.which(program := command_line(command, {"application": "", "port": ""})[0]) is None:
                raise CommandError(f"--server={command}: there is no program {program!r}")
            found = find(profile, command)
        except (CommandError, ProfileError) as error:
            raise TargetError(str(error)) from error
        return cls(command, found)

    def again(self, subject: ServerSubject) -> tuple[str, str]:
        """Return the options that test this again, and what chooses *subject* in ``-k``."""
        words = re.findall(r"[\w.+-]+", subject.variant)  # `-k` knows no others
        chosen = [*words, "not applications" if subject.is_own else "applications"]
        return f'--server="{self.name}"', " and ".join(chosen)

    def fits(self, case: Case, subject: ServerSubject) -> bool:
        """Return whether *case* runs on *subject*: on applications of the other flavour only if it is for both."""
        return subject.is_own or case.both_flavours

    def at_once(self, selected: Sequence[Case]) -> list[Case]:
        """Return all of the cases *selected*: they share the processes, and those are started once."""
        return list(selected)

    def beside(self, case: Case, selected: Sequence[Case]) -> list[Case]:
        """Return the cases that run at the same time as *case*."""
        return list(selected) or [case]

    def run(self, cases: Sequence[Case], subject: ServerSubject, limits: Limits) -> list[Result]:
        """Run *cases* side by side."""
        return run_on(cases, _ServerBench(self, subject, limits), subject.name, limits)

    def base(self, subject: ServerSubject) -> frozenset[str]:
        """Return what is offered before anything was tried."""
        return self.offered(subject, Limits())

    def offered(self, subject: ServerSubject, limits: Limits) -> frozenset[str]:
        """Return which of the suite's needs this server offers, by its profile."""
        profile = self.profile
        found = {*profile.offers, *profile.settings, f"{profile.flavour} applications"}
        found |= {"limited descriptors"} if hasattr(resource, "prlimit") else set()
        found |= {"memory peak"} if Path("/proc/self/status").exists() else set()
        found |= {f"no {name} applications" for name in FLAVOURS if f"{name} applications" not in found}
        return frozenset(found) & self.suite.needs.keys()


class _ServerBench(Bench):
    """The processes of one run on one subject."""

    backend = "asyncio"

    def __init__(self, target: ServerTarget, subject: ServerSubject, limits: Limits) -> None:
        self._target = target
        self._subject = subject
        self._limits = limits
        self._shared: dict[tuple[Any, ...], Served] = {}
        self._starting: defaultdict[tuple[Any, ...], anyio.Lock] = defaultdict(anyio.Lock)
        self._started: list[Served] = []
        self._launching = anyio.Lock()
        self._kept: list[socket.socket] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Have the hub while the block runs, and end all processes then."""
        async with Hub.open(self._limits.deadline) as self.hub:
            self._guard = Guard()
            try:
                yield
            finally:
                for served in self._started:
                    served.kill()
                for keeper in self._kept:
                    keeper.close()
                self._guard.close()

    def world(self, case: Case) -> ServerWorld:
        """Return the world for one run of *case*."""
        return ServerWorld(self, self._subject.flavour, self._limits, case.needs)

    async def shared(self, application: str, settings: dict[str, Any], layer: str = "") -> Served:
        """See `Pool.shared`. One that has crashed is replaced."""
        key = (application, layer, *sorted(settings.items()))
        async with self._starting[key]:
            served = self._shared.get(key)
            if served is None or served.has_ended:
                served = self._shared[key] = await self._start(application, settings, layer)
                served.applications.broker = Broker(self._limits.deadline) if layer == LAYER else None
                await served.ready(4 * self._limits.deadline)
        return served

    async def own(self, application: str, settings: dict[str, Any], layer: str) -> Served:
        """See `Pool.own`."""
        return await self._start(application, settings, layer)

    async def _start(self, application: str, settings: dict[str, Any], layer: str) -> Served:
        target, profile = self._target, self._target.profile
        words = profile.variant_options(self._subject.variant)
        for name, value in settings.items():
            words += profile.setting(name, value)
        options = {"settings": words, "layer": profile.layer_options(layer) if layer else []}
        port, keeper = reserved_port()
        self._kept.append(keeper)
        line = command_line(
            target.name,
            {"application": f"seaway.conformance.applications:{application}", "port": str(port)},
            options,
        )
        token = secrets.token_hex(6)
        # To start a process blocks, for tenths of a second on a busy machine; and many tests want one at the same time.
        async with self._launching:
            await anyio.lowlevel.checkpoint()
            served = Served(line, port, token, self.hub.port, self.hub.server(token), self._guard)
            self._started.append(served)
        return served
