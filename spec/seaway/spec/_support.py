"""What the generated checks call: the parts that are the same for every schema."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from seaway.spec.errors import InvalidMessage, invalid


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING: Final[Any] = _Missing()
"""Stands for the value of a required key that is absent; its ``repr`` is what the error shows."""


def check_text(text: str, field: str, requirement: str) -> None:
    """Raise `InvalidMessage` if *text* has a lone surrogate, and so has no UTF-8."""
    try:
        str.encode(text)
    except UnicodeEncodeError:
        raise invalid(field, "text without lone surrogates", text, requirement) from None


def is_integer(value: object) -> bool:
    """Tell whether *value* is an ``int`` and no ``bool``."""
    return issubclass(type(value), int) and type(value) is not bool


def is_number(value: object) -> bool:
    """Tell whether *value* is an ``int`` or a finite ``float``, and no ``bool``."""
    return isfinite(value) if isinstance(value, float) else is_integer(value)


def exactly_one(requirement: str, **values: object) -> InvalidMessage:
    """Return the error for keys of which exactly one must be given."""
    given = [name for name, value in values.items() if value is not None]
    expected = f"exactly one of {' and '.join(values)}"
    return InvalidMessage(next(iter(values)), expected, " and ".join(given) or "none of them", requirement)
