"""`validate`: everything that can be said about one message by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seaway.spec.checks import CHECKS, FROM_CONSUMER, LAYER, TO_CONSUMER
from seaway.spec.errors import InvalidMessage, invalid
from seaway.spec.values import RESERVED_PREFIXES, normalise

if TYPE_CHECKING:
    from seaway.spec.schemas import Direction

_WAYS = {
    "from-consumer": (FROM_CONSUMER, "a type that a consumer may send", "MSG-027"),
    "to-consumer": (TO_CONSUMER, "a type that a server gives to a consumer", "MSG-026"),
    "layer": (LAYER, "a type that a layer takes", "MSG-021"),
}


def validate(message: dict[str, Any], direction: Direction | None = None) -> None:
    """Check the values of *message* and, if the interface has its type, what the schema of the type asks for.

    Args:
        message: the message; bytes are bytes (`seaway.spec.from_json` makes them from the JSON form).
        direction: which way the message travels; without it, any way is good.

    A type of an application's own is checked for its values only. So is a reserved type that is not known,
    without a *direction*: a later version of the interface may have it.

    Raises:
        InvalidMessage: naming the field, what was expected there, and the requirement.
    """
    message = normalise(message)
    type_ = message["type"]
    if direction is None:
        _check_any_way(message, type_)
        return
    checks, expected, requirement = _WAYS[direction]
    check = checks.get(type_)
    if check is not None:
        check(message)
    elif type_.startswith(RESERVED_PREFIXES):
        raise invalid("type", expected, type_, requirement)


def _check_any_way(message: dict[str, Any], type_: str) -> None:
    check = CHECKS.get(type_)
    if check is None:
        return
    try:
        check(message)
    except InvalidMessage:
        other = TO_CONSUMER.get(type_)
        if other is None or other is check:
            raise
        other(message)
