"""The states of each protocol type: which messages may travel when. Data, loaded from ``states/*.json``.

A table has one region, or several that move on their own (HTTP: what comes, and what goes out). A region has states,
transitions by message or by the end of a call, and refusals: which requirement is broken by what no transition
allows. In a list of types, ``*`` is every type that is not reserved for the interface.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import evolve, frozen


@frozen
class Transition:
    """A step from each of the states `sources`: to `target`, or nowhere if that is ``None``.

    It is taken by a message of one of `types` in `direction` whose keys have the values in `when` (a key that is
    absent has its default), or by the `event` ``"returned"`` or ``"raised"``: so ended the consumer's call.
    """

    sources: tuple[str, ...]
    target: str | None
    direction: str | None
    types: tuple[str, ...]
    when: dict[str, Any]
    event: str | None


@frozen
class Refusal:
    """The `requirement` that is broken by a message which no transition allows; empty fields fit everything."""

    requirement: str
    direction: str
    sources: tuple[str, ...]
    types: tuple[str, ...]


@frozen
class Region:
    """A part of a table whose states move on their own."""

    name: str
    description: str
    initial: str
    states: dict[str, str]
    transitions: tuple[Transition, ...]
    refusals: tuple[Refusal, ...]


@frozen
class Table:
    """The states of one protocol type, and the type of its terminal message."""

    protocol: str
    title: str
    terminal: str
    regions: tuple[Region, ...]


def protocols() -> tuple[str, ...]:
    """Return the protocol types that have a table of states."""
    return tuple(sorted(_files()))


@cache
def table(protocol: str) -> Table:
    """Return the table of states of a protocol type, such as ``"websocket"``.

    Raises:
        KeyError: there is none; protocols of third parties have theirs elsewhere.
    """
    data = _files()[protocol]
    return Table(
        protocol=protocol,
        title=data["title"],
        terminal=data["terminal"],
        regions=tuple(_region(region, protocol) for region in data["regions"]),
    )


@cache
def _files() -> dict[str, dict[str, Any]]:
    found = {}
    for path in (files("seaway.spec") / "states").iterdir():
        if path.name.endswith(".json"):
            data = json.loads(path.read_text(encoding="utf-8"))
            found.update(dict.fromkeys(data["protocols"], data))
    return found


def _region(data: dict[str, Any], protocol: str) -> Region:
    def own(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [one for one in entries if protocol in one.get("protocols", [protocol])]

    transitions = [
        Transition(
            sources=tuple(one["from"]),
            target=one.get("to"),
            direction=one.get("direction"),
            types=tuple(one.get("types", ())),
            when=one.get("when", {}),
            event=one.get("event"),
        )
        for one in own(data["transitions"])
    ]
    # A state that only another protocol of the same table can come to is none of this one's.
    reachable = _reachable(data["initial"], transitions)
    return Region(
        name=data["name"],
        description=data["description"],
        initial=data["initial"],
        states={name: meaning for name, meaning in data["states"].items() if name in reachable},
        transitions=tuple(
            evolve(one, sources=tuple(name for name in one.sources if name in reachable)) for one in transitions
        ),
        refusals=tuple(
            Refusal(
                requirement=one["requirement"],
                direction=one["direction"],
                sources=tuple(one.get("from", ())),
                types=tuple(one.get("types", ())),
            )
            for one in own(data["refusals"])
        ),
    )


def _reachable(initial: str, transitions: list[Transition]) -> set[str]:
    found = {initial}
    while True:
        more = {one.target for one in transitions if one.target and found.intersection(one.sources)} - found
        if not more:
            return found
        found |= more


def mermaid(protocol: str) -> str:
    """Return the states of a protocol type as a Mermaid diagram, one composite state for each region.

    Steps that lead back to their state are left out; the tables have them.

    Raises:
        KeyError: there is no table for *protocol*.
    """
    lines = ["stateDiagram-v2"]
    regions = table(protocol).regions
    for region in regions:
        indent = "    " if len(regions) == 1 else "        "
        body = [f"{indent}[*] --> {region.initial}", *_arrows(region, indent)]
        lines += body if len(regions) == 1 else [f"    state {region.name} {{", *body, "    }"]
    return "\n".join(lines) + "\n"


def _arrows(region: Region, indent: str) -> list[str]:
    labels: dict[tuple[str, str], list[str]] = {}
    for transition in region.transitions:
        for source in transition.sources:
            if transition.target not in {None, source}:
                labels.setdefault((source, str(transition.target)), []).append(_label(transition))
    return [f"{indent}{source} --> {target}: {' / '.join(found)}" for (source, target), found in labels.items()]


def _label(transition: Transition) -> str:
    if transition.event is not None:
        return f"call {transition.event}"
    arrow = "→" if transition.direction == "to-consumer" else "←"
    conditions = [key if value is True else f"not {key}" for key, value in transition.when.items()]
    suffix = f" ({', '.join(conditions)})" if conditions else ""
    return f"{arrow} {' or '.join(transition.types)}{suffix}"
