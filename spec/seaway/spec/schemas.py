"""The JSON Schemas of the message types, and their test vectors, as data.

The files stand beside this module, one for each schema. They describe the JSON form (see
`seaway.spec.json_form`) and follow draft 2020-12; keywords that begin with ``x-`` are explained in
``common.json``.
"""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Direction = Literal["to-consumer", "from-consumer", "layer"]


def types() -> tuple[str, ...]:
    """Return every message type that has a schema, in alphabetical order."""
    return tuple(sorted({entry["type"] for entry in _index()}))


def index() -> list[dict[str, Any]]:
    """Return one entry for each schema: type, file, directions, protocols, first version, requirement."""
    return deepcopy(_index())


def schema(type_: str, direction: Direction | None = None) -> dict[str, Any]:
    """Return the schema of a message type, complete: the definitions that it refers to are in it.

    Args:
        type_: the message type, such as ``"http.response"``.
        direction: which way the message travels. It is needed only for a type that has a schema for each way
            (``server.wake``); without it, that is the one for what a consumer sends.

    Raises:
        KeyError: there is no such type, or it does not travel that way.
    """
    found = [entry for entry in _index() if entry["type"] == type_]
    if direction is not None:
        found = [entry for entry in found if direction in entry["direction"]]
    if not found:
        raise KeyError(f"no schema for {type_!r}" + (f" {direction}" if direction else ""))
    entry = min(found, key=lambda one: "from-consumer" not in one["direction"])
    return _bundle(_read("schemas", entry["schema"]))


def statistics() -> dict[str, Any]:
    """Return the schema of what a layer's ``statistics()`` returns (LAY-107)."""
    return deepcopy(_read("schemas", "statistics.json"))


def vectors(name: str) -> dict[str, Any]:
    """Return the test vectors of the schema called *name*, or those called ``"exchanges"``, ``"names"`` or
    ``"values"``.

    Raises:
        FileNotFoundError: there are none of that name.
    """
    return deepcopy(_read("vectors", f"{name}.json"))


@cache
def _index() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(_text("schemas", "index.json"))
    return entries


@cache
def _read(folder: str, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_text(folder, name))
    return content


def _text(folder: str, name: str) -> str:
    return files("seaway.spec").joinpath(folder, name).read_text(encoding="utf-8")


def _bundle(message: dict[str, Any]) -> dict[str, Any]:
    """Return *message* with references that point into it, and the definitions that they need."""
    definitions = _read("schemas", "common.json")["$defs"]
    needed: dict[str, Any] = {}
    waiting = [message]
    while waiting:
        for name in sorted(_references(waiting.pop()) - needed.keys()):
            needed[name] = definitions[name]
            waiting.append(definitions[name])
    bundle = {**message, "$defs": needed} if needed else message
    text = json.dumps(bundle).replace('"common.json#/$defs/', '"#/$defs/')
    result: dict[str, Any] = json.loads(text)
    return result


def _references(value: Any) -> set[str]:
    if isinstance(value, list):
        return {name for item in value for name in _references(item)}
    if not isinstance(value, dict):
        return set()
    inner = {name for item in value.values() for name in _references(item)}
    reference = value.get("$ref")
    return inner | {reference.rpartition("/")[2]} if isinstance(reference, str) else inner
