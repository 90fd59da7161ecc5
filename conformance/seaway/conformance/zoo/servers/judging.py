"""Runs the server suite on a broken server, and says what is wrong with how the suite judges it.

Rules of this module: no pytest. A mistake is one line of text; no line: the suite judges as the server declares.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import groupby

from attrs import evolve

from seaway.conformance.cases import Case, all_cases
from seaway.conformance.face import Limits
from seaway.conformance.runner import Result
from seaway.conformance.serving.profile import find
from seaway.conformance.serving.target import ServerTarget
from seaway.conformance.suites import SERVER
from seaway.conformance.zoo.servers.mutants import SERVERS

LIMITS = Limits(deadline=10.0)
SIDE_BY_SIDE = 3
"""So many servers are judged at the same time."""

PROFILE = evolve(find("seaway", ""), variants={"asyncio": "--backend asyncio"})
COMMAND = "{{python}} -m seaway.conformance.zoo.servers {name} {{application}} --host {{host}} --port {{port}}"

_MODULES, _TESTS = 4, 8
"""Of the modules that are not about what a server breaks `chosen` takes one of so many, and of the tests in it."""


@cache
def target_of(name: str) -> ServerTarget:
    """Return the broken server *name* as a target of the suite."""
    return ServerTarget(COMMAND.format(name=name), PROFILE)


@cache
def possible() -> tuple[Case, ...]:
    """Return the cases that a broken server can be tried with."""
    target = target_of(next(iter(SERVERS)))
    subject = target.subjects[0]
    able = target.offered(subject, LIMITS)
    return tuple(case for case in all_cases(SERVER) if case.needs <= able and target.fits(case, subject))


def chosen(name: str) -> list[Case]:
    """Return what shows in little time that a server is caught, and passes everything else.

    Those are all tests of what it breaks, those that stand beside them, and some of every fourth other module: of which
    ones is different for its neighbours.
    """
    turn = sorted(SERVERS).index(name)
    meant = [case for case in possible() if SERVERS[name].ids[0] in case.ids]
    modules = {_module(case) for case in meant}
    found = list(meant)
    for number, (module, cases) in enumerate(groupby(possible(), _module)):
        others = [case for case in cases if case not in meant]
        if module in modules and module != "framing":
            found += others
        elif module in modules or (number + turn) % _MODULES == 0:
            found += [case for case in others if not case.waits][::_TESTS]
    return found


def _module(case: Case) -> str:
    return case.name.split(".")[1]


def faults(name: str, cases: Sequence[Case]) -> list[str]:
    """Return what is wrong with how *cases*, those of what it breaks among them, judge the server *name*."""
    server = SERVERS[name]
    target = target_of(name)
    broken = [one for one in target.run(cases, target.subjects[0], LIMITS) if one.verdict != "pass"]
    found = [_line(name, one) for one in broken if one.verdict != "fail" or not set(one.ids) & set(server.ids)]
    if not any(one.verdict == "fail" and server.ids[0] in one.ids for one in broken):
        found.append(f"{name} ({server.idea}): no test of {server.ids[0]} has caught it")
    return found


def _line(name: str, result: Result) -> str:
    return f"{name} ({SERVERS[name].idea}): {result.case} of {result.ids}: {result.verdict}: {result.message}"


def judge(names: Iterable[str]) -> int:
    """Run all the suite on the servers *names*, and print what is wrong; return how many are not judged as declared."""

    def found(name: str) -> list[str]:
        return faults(name, possible())

    wrong, names = 0, list(names)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for name, lines in zip(names, pool.map(found, names), strict=True):
            print("\n".join(lines) or f"{name}: caught, and passes everything else", flush=True)
            wrong += bool(lines)
    print(f"{len(names) - wrong} of {len(names)} broken servers are judged as they declare")
    return wrong
