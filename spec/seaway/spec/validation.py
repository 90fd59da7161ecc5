"""`validate`: everything that can be said about one message by itself."""

from __future__ import annotations

from typing import Any, Literal

from seaway.spec.checks import FROM_CONSUMER, TO_CONSUMER
from seaway.spec.errors import InvalidMessage, invalid
from seaway.spec.values import RESERVED_PREFIXES, normalise


def validate(message: dict[str, Any], direction: Literal["to-consumer", "from-consumer"] | None = None) -> None:
    """Check the values of *message* and, if the interface has its type, what the schema of the type asks for.

    Args:
        message: the message; bytes are bytes (`seaway.spec.from_json` makes them from the JSON form).
        direction: which way the message travels; without it, either way is good.

    A type of an application's own is checked for its values only. So is a reserved type that is not known,
    without a *direction*: a later version of the interface may have it.

    Raises:
        InvalidMessage: naming the field, what was expected there, and the requirement.
    """
    message = normalise(message)
    type_ = message["type"]
    if direction is None:
        _check_either(message, type_)
        return
    check = (FROM_CONSUMER if direction == "from-consumer" else TO_CONSUMER).get(type_)
    if check is not None:
        check(message)
    elif type_.startswith(RESERVED_PREFIXES):
        whom = "may send" if direction == "from-consumer" else "is given"
        requirement = "MSG-027" if direction == "from-consumer" else "MSG-026"
        raise invalid("type", f"a message type that a consumer {whom}", type_, requirement)


def _check_either(message: dict[str, Any], type_: str) -> None:
    checks = [table[type_] for table in (FROM_CONSUMER, TO_CONSUMER) if type_ in table]
    for check in checks[1:]:
        try:
            check(message)
        except InvalidMessage:
            continue
        return
    if checks:
        checks[0](message)
