"""The one exception of the specification: a message that breaks a requirement."""

from __future__ import annotations

import reprlib

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


class InvalidMessage(ValueError):  # noqa: N818 - the interface names it so
    """A message that breaks a requirement.

    Args:
        field: dotted path of the offending value, such as ``"headers[2][0]"``; ``""`` is the message itself.
        expected: what the requirement asks for, as a noun phrase.
        got: what arrived instead, already shortened for a log line.
        requirement: identifier of the broken requirement, such as ``"MSG-003"``.
    """

    def __init__(self, field: str, expected: str, got: str, requirement: str) -> None:
        # All four go to `args`, so that the error survives pickling and copying.
        super().__init__(field, expected, got, requirement)
        self.field = field
        self.expected = expected
        self.got = got
        self.requirement = requirement

    def inside(self, place: str) -> InvalidMessage:
        """Return the same error for a value that stands at *place*, a key or ``"[3]"``, of a larger one."""
        # A key may be as long as it likes, and have a lone surrogate, which no terminal takes.
        place = place.encode("utf-8", "backslashreplace").decode()
        place = place if len(place) <= 80 else f"{place[:77]}..."
        dot = "." if self.field and not self.field.startswith("[") else ""
        return InvalidMessage(f"{place}{dot}{self.field}", self.expected, self.got, self.requirement)

    @property
    def without_requirement(self) -> str:
        """What is wrong, for a report that names the requirement in a place of its own."""
        return f"{self.field or 'message'}: expected {self.expected}, got {self.got}"

    def __str__(self) -> str:
        return f"{self.without_requirement} ({self.requirement})"


def invalid(field: str, expected: str, value: object, requirement: str) -> InvalidMessage:
    """Return the error for *value* at *field*, with a shortened ``repr`` of it."""
    try:
        got = _SHORT.repr(value)
    except Exception:
        # A value whose own `__repr__` fails must not hide which requirement it broke.
        got = f"a {type(value).__name__}"
    return InvalidMessage(field, expected, got, requirement)
