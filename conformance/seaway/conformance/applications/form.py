"""How values travel between the suite and its applications: as JSON that keeps every type, also what no message has.

Rules of this module: standard library only; the server under test imports it. Unlike the JSON form of the specification
it carries what must be refused (`bytearray`, NaN, keys that are no text), so that a test can send it.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from typing import Any


class Foreign:
    """A value of a type that no message has; *text* shows what it was."""

    def __init__(self, text: str = "an object") -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"Foreign({self.text!r})"


def encoded(value: Any) -> Any:
    """Return *value* as what ``json.dumps`` takes; a subclass of an allowed type as that type."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, str)):
        return int(value) if isinstance(value, int) else str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
    if isinstance(value, (bytes, bytearray, memoryview)):
        kind = next(kind for kind in (bytes, bytearray, memoryview) if isinstance(value, kind))
        return {f"${kind.__name__}": b64encode(value).decode()}
    if isinstance(value, tuple):
        return {"$tuple": [encoded(item) for item in value]}
    if isinstance(value, list):
        return [encoded(item) for item in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: encoded(item) for key, item in value.items()}
        return {"$dict": [[encoded(key), encoded(item)] for key, item in value.items()]}
    return {"$object": value.text if isinstance(value, Foreign) else repr(value)}


_DECODERS: dict[str, Any] = {
    "$float": float,
    "$bytes": b64decode,
    "$bytearray": lambda text: bytearray(b64decode(text)),
    "$memoryview": lambda text: memoryview(b64decode(text)),
    "$tuple": lambda items: tuple(decoded(item) for item in items),
    "$dict": lambda pairs: {decoded(key): decoded(item) for key, item in pairs},
    "$object": Foreign,
}


def decoded(value: Any) -> Any:
    """Return the value that `encoded` was given; what no message has as a `Foreign`."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if isinstance(value, dict):
        for tag, decode in _DECODERS.items():
            if tag in value:
                return decode(value[tag])
        return {key: decoded(item) for key, item in value.items()}
    return value


class Given(dict[str, Any]):
    """A message, or a dict in one, as a consumer was given it: a key that it lacks is a failure of who made it."""

    def __missing__(self, key: str) -> Any:
        raise AssertionError(f"expected the key {key!r} in {dict(self)!r}")


def plain(value: Any) -> Any:
    """Return *value* with lists for tuples: a message may have either (MSG-020), so tests compare this."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return Given((key, plain(item)) for key, item in value.items())
    return value
